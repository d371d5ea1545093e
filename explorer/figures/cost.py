"""Bars of what a layer of each cell costs."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from explorer.architectures.cost import Cost
from explorer.architectures.timing import Times, written
from explorer.cells import CELLS
from explorer.figures.frame import frame
from explorer.figures.palette import HUES
from explorer.figures.signals import cell_name
from explorer.i18n import t

QUANTITIES = ("parameters", "multiplications", "forward", "training")


def cost_figure(found: Sequence[Cost], lang: str, theme: str = "light") -> go.Figure:
    """Returns a panel of bars for each quantity, a bar for each cell, its number above it.

    Of a time the bar is the median, and a line on it the spread.
    """
    panels = [t(f"cost.{name}", lang) for name in QUANTITIES]
    figure = frame(t("cost.title", lang), theme, panels, height=420)
    names = [cell_name(cost.cell, lang) for cost in found]
    hues = [HUES[theme][CELLS[cost.cell].hue] for cost in found]
    for column, quantity in enumerate(QUANTITIES, 1):
        values = [getattr(cost, quantity) for cost in found]
        heights = [value.median if isinstance(value, Times) else value for value in values]
        tops = [value.spread[1] if isinstance(value, Times) else value for value in values]
        figure.add_bar(
            x=list(range(len(found))),
            y=heights,
            marker_color=hues,
            error_y=_spread(values, theme),
            hoverinfo="skip",
            showlegend=False,
            row=1,
            col=column,
        )
        figure.add_scatter(  # bars shrink their own words to fit
            x=list(range(len(found))),
            y=tops,
            mode="text",
            text=[_said(value) for value in values],
            textposition="top center",
            textfont={"size": 15},
            cliponaxis=False,
            hoverinfo="skip",
            showlegend=False,
            row=1,
            col=column,
        )
        figure.update_yaxes(range=[0, 1.3 * max(tops)], showticklabels=False, row=1, col=column)
    figure.update_xaxes(tickvals=list(range(len(found))), ticktext=[name.split(" (")[0] for name in names])
    return figure


def _spread(values: Sequence[int | Times], theme: str) -> dict[str, Any]:
    times = [value for value in values if isinstance(value, Times)]
    return {
        "type": "data",
        "symmetric": False,
        "visible": bool(times),
        "array": [value.spread[1] - value.median for value in times],
        "arrayminus": [value.median - value.spread[0] for value in times],
        "color": HUES[theme]["ink"],
        "thickness": 2,
        "width": 6,
    }


def _said(value: int | Times) -> str:
    if not isinstance(value, Times):
        return f"{value:,}"
    low, high = map(written, value.spread)
    return f"{written(value.median)}<br><span style='font-size:13px'>{low}–{high}</span>"
