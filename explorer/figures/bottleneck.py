"""Longer and longer sentences, with attention and without: right words and solved seeds by length."""

import numpy as np
import plotly.graph_objects as go

from explorer.architectures.bottleneck import CLAUSES, CONTESTANTS, LEARNED, Result
from explorer.exact import columns, interval
from explorer.figures.frame import frame
from explorer.figures.palette import HUES
from explorer.i18n import t

LOOKS = {
    "none": ("lstm", "solid", "circle"),
    "larger": ("x", "dot", "square"),
    "dot": ("c", "dash", "diamond"),
    "additive": ("candidate", "solid", "triangle-up"),
}
"""Hue, dash and symbol of each contestant."""

APART = 0.09
"""How far contestants stand apart at one length."""


def length_figure(found: Result, lang: str, theme: str = "light") -> go.Figure:
    """Returns the share (0..1) of right words (median, band) and of seeds that solve it, by length."""
    panels = [t("bottleneck.words", lang), t("bottleneck.solved", lang)]
    figure = frame(t("bottleneck.title", lang), theme, panels, height=430)
    for at, one in enumerate(CONTESTANTS):
        hue, dash, symbol = LOOKS[one.key]
        x = np.array(CLAUSES) + (at - (len(CONTESTANTS) - 1) / 2) * APART
        counts = [found.solved(one.key, clauses) for clauses in CLAUSES]
        shares = np.array([hits / seeds for hits, seeds in counts])
        rows = (
            (columns(found.shares(one.key, "words")), 1),
            ((shares, *np.array([interval(*count) for count in counts]).T), 2),
        )
        weights = found.of(one.key)[0].weights
        for (middle, low, high), column in rows:
            around = {"array": high - middle, "arrayminus": middle - low, "symmetric": False}
            figure.add_scatter(
                x=x, y=middle, mode="lines+markers", row=1, col=column,
                name=t(f"bottleneck.{one.key}", lang, weights=f"{weights:,}"), legendgroup=one.key,
                showlegend=column == 1,
                line={"color": HUES[theme][hue], "width": 2.5, "dash": dash},
                marker={"size": 10, "symbol": symbol, "color": HUES[theme][hue]},
                error_y={"type": "data", "thickness": 1.5, **around},
                hovertemplate="%{y:.0%}",
            )  # fmt: skip
    border = {"color": HUES[theme]["ink"], "width": 1, "dash": "dot"}
    for column in (1, 2):
        figure.add_vline(LEARNED[-1] + 0.5, line=border, row=1, col=column)
    figure.add_annotation(
        text=t("bottleneck.unlearned", lang), x=CLAUSES[-1] + 0.7, xanchor="right", y=1.07, showarrow=False,
        font={"size": 12}, row=1, col=2,
    )  # fmt: skip
    figure.update_xaxes(
        tickvals=list(CLAUSES), ticktext=[f"{n}<br>({8 * n - 1})" for n in CLAUSES],
        title_text=t("bottleneck.clauses", lang), range=[0.6, CLAUSES[-1] + 0.75],
    )  # fmt: skip
    figure.update_yaxes(range=[-0.04, 1.1], tickvals=[0, 0.5, 1], tickformat=".0%")
    return figure
