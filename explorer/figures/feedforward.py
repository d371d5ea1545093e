"""Feed-forward against recurrent: right answers by window and by length, time by length."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.architectures.feedforward import LENGTH, LENGTHS, TEST_ROWS, WINDOWS, Compared, Timed
from explorer.cells import CELLS
from explorer.exact import bounds
from explorer.figures.frame import frame
from explorer.figures.palette import HUES
from explorer.figures.signals import cell_name
from explorer.i18n import t


def window_figure(found: Compared, lang: str, theme: str = "light") -> go.Figure:
    """Returns right answers by how many letters are seen: measured, at best, and of the recurrent network.

    What is measured has its exact interval of 95 %.
    """
    figure = frame(t("feedforward.by_window", lang, length=LENGTH), theme)
    _line(figure, WINDOWS, found.window, t("feedforward.window", lang), "candidate", "solid", "circle", theme)
    figure.data[-1].error_y = _between(found.window)
    _line(figure, WINDOWS, found.best, t("feedforward.best", lang), "x", "dot", "line-ew", theme)
    recurrent = np.full(len(WINDOWS), found.recurrent)
    name = cell_name(found.cell, lang)
    _line(
        figure,
        WINDOWS,
        recurrent,
        t("feedforward.recurrent", lang, cell=name),
        CELLS[found.cell].hue,
        "dash",
        "",
        theme,
    )
    unordered = np.full(len(WINDOWS), found.unordered)
    _line(figure, WINDOWS, unordered, t("feedforward.unordered", lang), "write", "dashdot", "", theme)
    figure.update_xaxes(tickvals=WINDOWS, title_text=t("feedforward.seen", lang))
    return _shares(figure)


def length_figure(found: Compared, lang: str, theme: str = "light") -> go.Figure:
    """Returns right answers of the same recurrent weights on other lengths, with intervals."""
    figure = frame(t("feedforward.by_length", lang), theme)
    name = cell_name(found.cell, lang)
    label = t("feedforward.recurrent", lang, cell=name)
    _line(figure, LENGTHS, found.by_length, label, CELLS[found.cell].hue, "dash", "square", theme)
    figure.data[-1].error_y = _between(found.by_length)
    figure.add_scatter(
        x=[LENGTH],
        y=[found.window[-1]],
        name=t("feedforward.fixed", lang),
        mode="markers",
        marker={"size": 14, "symbol": "circle-open", "line": {"width": 3}, "color": HUES[theme]["candidate"]},
        hovertemplate="T = %{x}: %{y:.0%}",
    )
    figure.update_xaxes(tickvals=LENGTHS, title_text=t("feedforward.length", lang))
    return _shares(figure)


def time_figure(found: Timed, cell: str, lang: str, theme: str = "light") -> go.Figure:
    """Returns milliseconds by length, both axes in powers: all steps at once, one step after another."""
    figure = frame(t("feedforward.by_time", lang), theme)
    name = cell_name(cell, lang)
    rows = (
        (found.recurrent, t("feedforward.one_by_one", lang, cell=name), CELLS[cell].hue, "dash", "square"),
        (found.apart, t("feedforward.at_once", lang), "candidate", "solid", "circle"),
    )
    for times, label, hue, dash, symbol in rows:
        values = np.array([one.median for one in times])
        _line(figure, found.lengths, values, label, hue, dash, symbol, theme, "%{y:.3g} ms")
        low, high = np.array([one.spread for one in times]).T
        above, below = (high - values).tolist(), (values - low).tolist()
        figure.data[-1].error_y = {"type": "data", "symmetric": False, "array": above, "arrayminus": below}
    figure.update_xaxes(type="log", tickvals=found.lengths, title_text=t("feedforward.steps", lang))
    figure.update_yaxes(type="log", title_text="ms", dtick=1, exponentformat="power")
    return figure


def _line(
    figure: go.Figure,
    x: tuple[int, ...],
    y: np.ndarray,
    name: str,
    hue: str,
    dash: str,
    symbol: str,
    theme: str,
    hover: str = "%{y:.0%}",
) -> None:
    figure.add_scatter(
        x=x,
        y=y,
        name=name,
        mode="lines+markers" if symbol else "lines",
        line={"color": HUES[theme][hue], "width": 2.5, "dash": dash},
        marker={"size": 9, "symbol": symbol or "circle"},
        hovertemplate=hover,
    )


def _between(shares: np.ndarray) -> dict[str, Any]:
    """The exact intervals of 95 % of shares of TEST_ROWS sequences, as lines up and down."""
    low, high = bounds(shares, TEST_ROWS)
    above, below = (high - shares).tolist(), (shares - low).tolist()
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below, "thickness": 1.5}


def _shares(figure: go.Figure) -> go.Figure:
    figure.update_yaxes(range=[-0.03, 1.05], tickvals=[0, 0.5, 1], tickformat=".0%")
    return figure
