"""Both branches of a fork side by side: how far their states are apart, their gates, their gradients."""

import plotly.graph_objects as go

from explorer.figures.decades import Decades, powers
from explorer.figures.frame import frame
from explorer.figures.palette import HUES
from explorer.figures.signals import line
from explorer.i18n import t
from explorer.labels import plot_label
from explorer.language.branches import Branches

WAYS = (("chosen", "solid"), ("other", "dash"))
"""The two branches and their lines."""


def branches_figure(found: Branches, hues: dict[str, str], lang: str, theme: str = "light") -> go.Figure:
    """Returns the states' Euclidean distance, mean gates, ||dL/dh_k|| of the last token's loss, by step.

    hues: of the gates, by symbol. Below each step the token of either branch, the chosen one above.
    """
    shown = [*(["apart", "gates"] if hues else ["apart"]), "gradient"]
    letters = " ".join(f'<span style="color:{HUES[theme][hue]}"><b>{s}</b></span>' for s, hue in hues.items())
    panels = [t(f"branches.{name}", lang, letters=letters) for name in shown]
    figure = frame(t("branches.title", lang), theme, panels, height=400)
    steps, end = list(found.steps), len(shown)
    figure.add_scatter(
        x=steps, y=found.apart, showlegend=False, hovertemplate="%{y:.0%}<extra></extra>",
        row=1, col=1, **line("c", theme),
    )  # fmt: skip
    scale = Decades.over([powers(getattr(found, name).gradient) for name, _ in WAYS])
    for name, dash in WAYS:
        branch = getattr(found, name)
        style = {"color": HUES[theme]["ink"], "width": 2.5, "dash": dash}
        figure.add_scatter(x=[None], y=[None], mode="lines", name=t(f"branches.{name}", lang), line=style)
        for symbol, hue in hues.items():
            figure.add_scatter(
                x=steps, y=branch.gates[symbol], name=symbol, showlegend=False, row=1, col=2,
                hovertemplate=f"{symbol} %{{y:.2f}}<extra></extra>", **line(hue, theme, dash),
            )  # fmt: skip
        power, place = powers(branch.gradient), {"row": 1, "col": end}
        scale.draw(figure, steps[:-1], power, name, "ink", theme, dash, place, legend=False)
        scale.mark(figure, steps[:-1], power, lang, theme, **place)
    figure.update_yaxes(rangemode="tozero", tickformat=".0%", col=1)
    if hues:
        figure.update_yaxes(range=[-0.04, 1.04], tickvals=[0, 0.5, 1], col=2)
    figure.update_yaxes(**scale.axis(), col=end)
    for column in range(1, end + 1):
        border = {"color": HUES[theme]["x"], "width": 1.5, "dash": "dot"}
        figure.add_vline(found.fork - 0.5, line=border, row=1, col=column)
    names = [
        "<br>".join(plot_label(token) for token in dict.fromkeys(pair))
        for pair in zip(found.chosen.tokens, found.other.tokens, strict=True)
    ]
    every = max(1, -(-len(steps) // 6))
    figure.update_xaxes(tickvals=steps[::every], ticktext=names[::every], showgrid=False, tickangle=0)
    return figure
