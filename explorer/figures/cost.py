"""Bars of what a layer of each cell costs."""

from collections.abc import Sequence

import plotly.graph_objects as go

from explorer.cells import CELLS
from explorer.cost import Cost
from explorer.figures.frame import frame
from explorer.figures.palette import HUES
from explorer.i18n import t

QUANTITIES = ("parameters", "multiplications", "forward", "training")


def cost_figure(found: Sequence[Cost], lang: str, theme: str = "light") -> go.Figure:
    """Returns a panel of bars for each quantity, a bar for each cell, its number above it."""
    panels = [t(f"cost.{name}", lang) for name in QUANTITIES]
    figure = frame(t("cost.title", lang), theme, panels, height=420)
    names = [t(f"cell.{cost.cell}", lang) for cost in found]
    hues = [HUES[theme][CELLS[cost.cell].hue] for cost in found]
    for column, quantity in enumerate(QUANTITIES, 1):
        values = [getattr(cost, quantity) for cost in found]
        figure.add_bar(
            x=list(range(len(found))),
            y=values,
            marker_color=hues,
            text=[_written(value) for value in values],
            textposition="outside",
            textfont={"size": 15},
            cliponaxis=False,
            hoverinfo="skip",
            showlegend=False,
            row=1,
            col=column,
        )
        figure.update_yaxes(range=[0, 1.2 * max(values)], showticklabels=False, row=1, col=column)
    figure.update_xaxes(tickvals=list(range(len(found))), ticktext=[name.split(" (")[0] for name in names])
    return figure


def _written(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.2g} ms"
