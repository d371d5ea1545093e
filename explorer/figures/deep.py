"""Figures of stacked layers: a heatmap of each layer and direction, held-out accuracy, what depth costs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.architectures.deep import HIDDEN_SIZE, Accuracies, Price, Tagger, Tagging
from explorer.architectures.timing import written
from explorer.exact import interval
from explorer.figures.frame import frame
from explorer.figures.palette import HUES
from explorer.figures.scales import shared_limits
from explorer.figures.signals import signal_heatmap
from explorer.i18n import t
from explorer.limits import MAX_LAYERS

NETWORKS = ("one", "both")
HUE = {"one": "keep", "both": "candidate"}
"""Hues of the network that reads forward only and of that which reads both ways."""

_SHARES = ("every", "undecided")


def layer_figure(
    reading: Tagging,
    row: int,
    labels: Sequence[str],
    lang: str,
    theme: str = "light",
    beside: Sequence[Tagging] = (),
) -> go.Figure:
    """Returns the states units x steps of one layer and direction, on the scale of all, and of those beside.

    The tokens stand under the last layer only.
    """
    layers = reading.rows
    figure = signal_heatmap(layers[row], "h", labels, 1, lang, theme)
    limits = shared_limits([layer for one in (reading, *beside) for layer in one.rows])["h"]
    figure.update_traces(zmin=limits[0], zmax=limits[1], ygap=0, selector={"type": "heatmap"})
    last = layers[row].layer == layers[-1].layer
    figure.update_xaxes(showticklabels=last)
    figure.update_layout(meta={**figure.layout.meta, "range": list(limits), "ticks": last})
    return figure


def accuracy_figure(
    taggers: Mapping[str, Sequence[Tagger]],
    guess: Accuracies,
    held: tuple[int, int],
    lang: str,
    theme: str = "light",
) -> go.Figure:
    """Returns the share (0..1) of right held-out tags, a bar for the mean over seeds and a dot for each seed.

    taggers: by network, `one` and `both`. held: how many words the two shares are of; the line on a bar is
    the exact interval of 95 % for so many. Dotted: a guess.
    """
    seeds = len(taggers["one"])
    figure = frame(t("deep.accuracy", lang, seeds=seeds), theme, height=340)
    for k, name in enumerate(NETWORKS):
        scores = np.array([[getattr(tagger.score, kind) for kind in _SHARES] for tagger in taggers[name]])
        at = [place + (k - 0.5) * 0.36 for place in range(len(_SHARES))]
        means = scores.mean(0)
        low, high = np.transpose([interval(round(m * n), n) for m, n in zip(means, held, strict=True)])
        figure.add_bar(
            x=at, y=means, width=0.32, name=t(f"option.directions.{name}", lang), hoverinfo="skip",
            marker_color=HUES[theme][HUE[name]], text=[f"{mean:.1%}" for mean in means],
            textposition="outside", cliponaxis=False, textfont={"size": 16},
            error_y={"type": "data", "symmetric": False, "array": high - means, "arrayminus": means - low},
        )  # fmt: skip
        figure.add_scatter(
            x=np.repeat(at, seeds) + np.tile(np.linspace(-0.08, 0.08, seeds), len(at)), y=scores.T.ravel(),
            mode="markers", showlegend=False, hovertemplate="%{y:.1%}<extra></extra>",
            marker={"size": 10, "color": HUES[theme]["ink"], "symbol": "circle-open", "line": {"width": 2}},
        )  # fmt: skip
    for place, kind in enumerate(_SHARES):
        share = getattr(guess, kind)
        figure.add_scatter(
            x=[place - 0.42, place + 0.42], y=[share, share], mode="lines", name=t("deep.guess", lang),
            legendgroup="guess", showlegend=place == 0, hovertemplate="%{y:.1%}<extra></extra>",
            line={"color": HUES[theme]["x"], "width": 3, "dash": "dot"},
        )  # fmt: skip
    names = [t(f"deep.{kind}", lang) for kind in _SHARES]
    figure.update_xaxes(tickvals=list(range(len(_SHARES))), ticktext=names, range=[-0.6, 1.6], showgrid=False)
    figure.update_yaxes(range=[0, 1.14], tickvals=[0, 0.5, 1], tickformat=".0%")
    return figure


def price_figure(found: Sequence[Price], lang: str, theme: str = "light") -> go.Figure:
    """Returns weights and milliseconds of a training step by depth, forward only and both ways."""
    panels = [t("deep.parameters", lang), t("deep.milliseconds", lang)]
    figure = frame(t("deep.prices", lang, hidden=HIDDEN_SIZE), theme, panels, height=340)
    for k, name in enumerate(NETWORKS):
        rows = [price for price in found if price.both == (name == "both")]
        for column, quantity in enumerate(("parameters", "milliseconds"), 1):
            values = [getattr(price, quantity) for price in rows]
            figure.add_scatter(
                x=[price.depth for price in rows], y=values, mode="lines+markers+text",
                name=t(f"option.directions.{name}", lang), legendgroup=name, showlegend=column == 1,
                text=[_written(value) for value in values], cliponaxis=False, hoverinfo="skip",
                textposition="top center" if name == "both" else "bottom center", textfont={"size": 14},
                line={"color": HUES[theme][HUE[name]], "width": 2.5, "dash": "solid" if k else "dash"},
                marker={"size": 9, "symbol": "square" if k else "circle"}, row=1, col=column,
                error_y=_spread(rows) if quantity == "milliseconds" else None,
            )  # fmt: skip
            top = max(price.parameters if column == 1 else price.time.spread[1] for price in found)
            figure.update_yaxes(range=[-0.2 * top, 1.2 * top], showticklabels=False, row=1, col=column)
    depths = list(range(1, MAX_LAYERS + 1))
    figure.update_xaxes(tickvals=depths, range=[0.6, MAX_LAYERS + 0.4], title_text=t("deep.layers", lang))
    return figure


def _spread(rows: Sequence[Price]) -> dict[str, Any]:
    """Returns the spread of measured times as lines up and down from their medians."""
    above = [price.time.spread[1] - price.milliseconds for price in rows]
    below = [price.milliseconds - price.time.spread[0] for price in rows]
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below, "thickness": 1.5}


def _written(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else written(value)
