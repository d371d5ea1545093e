"""LSTM or GRU by the number of sentences to learn from: medians and bands over seeds."""

from math import log10

import numpy as np
import plotly.graph_objects as go

from explorer.architectures.amount import RIVALS, Amount
from explorer.cells import CELLS
from explorer.experiment import MATCHES
from explorer.figures.frame import frame
from explorer.figures.palette import HUES
from explorer.i18n import t

_LOOKS = {"lstm": ("solid", "circle"), "gru": ("dash", "square")}


def amount_figure(found: Amount, quantity: str, lang: str, theme: str = "light") -> go.Figure:
    """Returns a quantity of `Trial` by the number of sentences, at equal units and at equal weights.

    Lines are medians over seeds, bands run from the lowest seed to the highest.
    """
    panels = [t(f"amount.{match}", lang) for match in MATCHES]
    figure = frame(t(f"amount.{quantity}", lang), theme, panels)
    at = [log10(count) for count in found.counts]
    for column, match in enumerate(MATCHES, 1):
        for name in RIVALS:
            rows = np.array([found.values(name, match, count, quantity) for count in found.counts])
            _band(figure, at, rows, name.split()[0], lang, theme, column)
        if quantity == "accuracy":
            figure.add_hline(0.5, line={"color": HUES[theme]["x"], "width": 1, "dash": "dot"}, col=column)
    figure.update_xaxes(
        tickvals=at,
        ticktext=[f"{count:,}" for count in found.counts],
        title_text=t("amount.count", lang),
    )
    if quantity == "accuracy":
        figure.update_yaxes(range=[0.42, 1.03], tickformat=".0%")
    figure.update_yaxes(matches="y")
    return figure


def _band(
    figure: go.Figure, at: list[float], rows: np.ndarray, cell: str, lang: str, theme: str, column: int
) -> None:
    """A cell's line and band; rows (counts, seeds)."""
    colour = HUES[theme][CELLS[cell].hue]
    dash, symbol = _LOOKS[cell]
    around = [*rows.max(1), *rows.min(1)[::-1]]
    place = {"row": 1, "col": column}
    figure.add_scatter(
        x=at + at[::-1], y=around, fill="toself", fillcolor=colour, opacity=0.18, line={"width": 0},
        mode="lines", hoverinfo="skip", showlegend=False, **place,
    )  # fmt: skip
    figure.add_scatter(
        x=at,
        y=np.median(rows, 1),
        name=t(f"cell.{cell}", lang),
        mode="lines+markers",
        line={"color": colour, "width": 2.5, "dash": dash},
        marker={"size": 9, "symbol": symbol},
        customdata=np.stack([rows.min(1), rows.max(1)], 1),
        hovertemplate="%{y:.3g} (%{customdata[0]:.3g} … %{customdata[1]:.3g})",
        showlegend=column == 1,
        **place,
    )
