"""Gates drawn by hand: a row of bars for each, and what they hold, on one axis of steps."""

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from explorer.cells import CELLS
from explorer.figures.palette import FONTS, GRID, HUES
from explorer.figures.signals import signal_name
from explorer.i18n import t
from explorer.lab.hand import CELL, GATES, START, Hand


def hand_figure(hand: Hand, lang: str, theme: str = "light") -> go.Figure:
    """Returns bars of f, i and o at every step, c under them; dotted and hidden at first what was learned.

    Traces in order: f, i, o and c of the hand, then those that were learned, then the sum that is wanted.
    """
    T, hues = len(hand.numbers), HUES[theme]
    roles = CELLS[CELL].roles
    titles = [f"<i>{s}</i> · {signal_name(roles[s], lang)}" for s in (*GATES, "c")]
    figure = make_subplots(4, 1, shared_xaxes=True, vertical_spacing=0.07, subplot_titles=titles)
    steps = list(range(1, T + 1))
    flat = np.full(T, START)
    for row, symbol in enumerate(GATES, 1):
        figure.add_bar(x=steps, y=flat, name=symbol, marker_color=hues[roles[symbol].hue], row=row, col=1)
    figure.add_scatter(
        x=steps,
        y=hand.half[1:],
        name="c",
        mode="lines+markers",
        line={"color": hues["c"], "width": 3},
        row=4,
        col=1,
    )
    for row, symbol in enumerate((*GATES, "c"), 1):
        values, shape = (hand.c[1:], "linear") if symbol == "c" else (hand.learned[symbol], "hvh")
        figure.add_scatter(
            x=steps, y=values, name=t("hand.learned_one", lang, s=symbol), mode="lines", visible=False,
            line={"color": hues["ink"], "width": 2, "dash": "dot", "shape": shape},
            row=row, col=1,
        )  # fmt: skip
    figure.add_scatter(
        x=[1, T], y=[hand.target] * 2, name=t("hand.wanted", lang), mode="lines",
        line={"color": hues["write"], "width": 2, "dash": "dash"}, row=4, col=1,
    )  # fmt: skip
    for step in np.flatnonzero(hand.marked) + 1:
        figure.add_vrect(
            step - 0.5, step + 0.5, fillcolor=hues["write"], opacity=0.14, line_width=0, layer="below"
        )
    labels = [f"{'▲' if mark else ''}{x:.2f}" for x, mark in zip(hand.numbers, hand.marked, strict=True)]
    figure.update_xaxes(
        fixedrange=True, showgrid=False, range=[0.5, T + 0.5], tickvals=steps, ticktext=labels
    )
    figure.update_yaxes(fixedrange=True, range=[0, 1], tickvals=[0, 1], gridcolor=GRID[theme])
    figure.update_yaxes(range=[0, 1.3 * hand.target], tickvals=[0, round(hand.target, 2)], row=4, col=1)
    figure.update_annotations(x=0, xanchor="left", font={"size": 14})
    figure.update_layout(
        template="plotly_white" if theme == "light" else "plotly_dark",
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        font={"size": 14, "color": hues["ink"], "family": FONTS}, height=460, showlegend=False,
        dragmode=False, hovermode=False, bargap=0.15, margin={"l": 44, "r": 12, "t": 28, "b": 34},
    )  # fmt: skip
    return figure
