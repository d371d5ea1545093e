"""Figures of one run over time: a heatmap per signal, norms, how far gates are saturated."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.cells import CELLS, Signal
from explorer.cells.activations import USUAL
from explorer.figures.palette import GRID, HUES, scale
from explorer.figures.scales import Limits, axis_over, shared_limits
from explorer.figures.sketch import Drawn, Sketch
from explorer.i18n import t
from explorer.labels import plot_label
from explorer.nn.tracing import LayerTrace

OPEN, SHUT = 0.9, 0.1
"""A gate over OPEN counts as open, under SHUT as shut."""

MAX_TICKS = 12
"""With more steps than this the axis shows step numbers, not tokens."""


@Drawn
def signal_heatmap(
    layer: LayerTrace,
    symbol: str,
    tokens: Sequence[str],
    first_step: int,
    lang: str,
    theme: str = "light",
    limits: Limits | None = None,
    units: Sequence[int] | None = None,
) -> Sketch:
    """Returns a heatmap units x steps of one signal; gates on 0..1, others symmetric about 0, or on limits.

    units: those that are drawn, from 0 and from the top; all where it is None. Values that are not finite get
    a cross, so that an explosion is not taken for missing data.
    """
    signal = layer.spec.roles[symbol]
    values = layer.signal(symbol).T  # (H, T)
    values = values if units is None else values[list(units)]
    finite = np.isfinite(values)
    low, high = limits or shared_limits([layer])[symbol]
    steps = list(range(first_step, first_step + layer.steps))
    figure = Sketch(plain(theme))
    figure.add(
        "heatmap",
        z=values,
        x=steps,
        y=list(range(1, len(values) + 1)),
        zmin=low,
        zmax=high,
        colorscale=scale(signal.role, signal.hue, theme),
        showscale=False,
        xgap=1 if layer.steps <= 32 else 0,
        ygap=1 if len(values) <= 20 else 0,
        meta={"signal": symbol, "role": signal.role, "hue": signal.hue},
    )
    figure.update_xaxes(**step_axis(steps, tokens))
    figure.update_yaxes(autorange="reversed", showticklabels=False, showgrid=False, automargin=False)
    meta = {"range": [low, high], "title": f"{symbol} · {signal_name(signal, lang)}"}
    if units is not None:
        meta["units"] = list(units)
        figure.update_yaxes(tickvals=list(range(1, len(values) + 1)), ticktext=[str(k + 1) for k in units])
    figure.update_layout(meta=meta)
    if not finite.all():
        rows, columns = np.nonzero(~finite)
        figure.add(
            "scatter",
            x=[steps[k] for k in columns],
            y=(rows + 1).tolist(),
            mode="markers",
            marker={"symbol": "x-thin", "size": 7, "line": {"width": 2, "color": HUES[theme]["ink"]}},
            showlegend=False,
        )
    return figure


def signal_name(signal: Signal, lang: str) -> str:
    """Returns a signal's name in a language, e.g. forget gate."""
    return t(f"signal.{signal.named}", lang)


def cell_name(cell: str, lang: str) -> str:
    """Returns a cell's name in a language, with its functions where they are others than usual."""
    base, *functions = cell.split(":")
    name = t(f"cell.{base}", lang)
    if not functions:
        return name
    usual = USUAL[CELLS[base].family]
    if len(usual) == 1:
        return t("function.of_rnn", lang, name=t(f"function.{functions[0]}", lang))
    said = [
        t(f"function.of_{part}", lang, name=t(f"function.{own}", lang))
        for part, own, plain in zip(("gates", "candidate", "shown"), functions, usual, strict=False)
        if own != plain
    ]
    return f"{name[:-1]}; {', '.join(said)})" if name.endswith(")") else f"{name} ({', '.join(said)})"


def state_hue(symbol: str) -> str:
    """Returns the hue of a state, which is the same in every cell that has it."""
    specs = (spec for spec in CELLS.values() if symbol in spec.states)
    return next(specs).roles[symbol].hue


@Drawn
def norms(
    layer: LayerTrace,
    first_step: int,
    lang: str,
    theme: str = "light",
    beside: Sequence[LayerTrace] = (),
) -> Sketch:
    """Returns ||h_t||, ||c_t|| over time (T,); on a log axis where they span more than four decades.

    The axis is one for the layer and those beside it.
    """
    steps = list(range(first_step, first_step + layer.steps))
    figure = Sketch(plain(theme))
    for symbol, length in _lengths(layer).items():
        figure.add(
            "scatter",
            x=steps,
            y=length,
            name=f"‖<i>{symbol}</i>‖",
            **line(layer.spec.roles[symbol].hue, theme),
        )
    figure.update_xaxes(**step_axis(steps, ()))
    every = [length for one in (layer, *beside) for length in _lengths(one).values()]
    figure.update_yaxes(nticks=4, **axis_over(np.concatenate(every)))
    figure.update_layout(meta={"title": t("stage.norms", lang)})
    return figure


@np.errstate(over="ignore", invalid="ignore")
def _lengths(layer: LayerTrace) -> dict[str, np.ndarray]:
    return {symbol: np.linalg.norm(layer.signal(symbol), axis=-1) for symbol in layer.spec.states}


@Drawn
def saturation(layer: LayerTrace, first_step: int, lang: str, theme: str = "light") -> Sketch:
    """Returns the share (0..1) of units whose gate is over .9 (solid) and under .1 (dotted), by step."""
    steps = list(range(first_step, first_step + layer.steps))
    figure = Sketch(plain(theme))
    for symbol in layer.spec.gates:
        gate = layer.gate[symbol]
        hue = layer.spec.roles[symbol].hue
        open_share = (gate > OPEN).mean(-1)
        shut_share = (gate < SHUT).mean(-1)
        figure.add("scatter", x=steps, y=open_share, name=f"{symbol} > .9", **line(hue, theme))
        figure.add("scatter", x=steps, y=shut_share, name=f"{symbol} < .1", **line(hue, theme, "dot"))
    figure.update_xaxes(**step_axis(steps, ()))
    figure.update_yaxes(range=[-0.04, 1.04], tickvals=[0, 0.5, 1])
    figure.update_layout(meta={"title": t("stage.saturation", lang)})
    return figure


def line(hue: str, theme: str, dash: str = "solid") -> dict:
    """Returns the style of a line of a hue."""
    return {
        "mode": "lines+markers",
        "line": {"color": HUES[theme][hue], "width": 2.5, "dash": dash},
        "marker": {"size": 5, "symbol": "circle" if dash == "solid" else "circle-open"},
        "meta": {"hue": hue},
    }


def step_axis(steps: Sequence[int], tokens: Sequence[str]) -> dict:
    """Integer positions with tokens as tick text: tokens as x values would merge repeated ones."""
    axis: dict = {"range": [steps[0] - 0.5, steps[-1] + 0.5], "showgrid": False, "zeroline": False}
    if tokens and len(steps) <= MAX_TICKS:
        return axis | {"tickvals": list(steps), "ticktext": [plot_label(token) for token in tokens]}
    every = max(1, -(-len(steps) // 8))
    return axis | {"tickvals": list(steps)[::every]}


def plain(theme: str) -> dict:
    """Returns the layout of a small chart on the stage: no frame, no zoom, quiet axes.

    Without a template: it would be most of the payload, and the stage sets what it would.
    """
    axis = {"fixedrange": True, "ticks": ""}
    return {
        "autosize": True,
        "margin": {"l": 4, "r": 4, "t": 2, "b": 20},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": HUES[theme]["ink"], "size": 13},
        "showlegend": False,
        "dragmode": False,
        "hovermode": False,
        "xaxis": {**axis, "tickangle": 0, "linecolor": GRID[theme]},
        "yaxis": {**axis, "gridcolor": GRID[theme], "zeroline": False, "automargin": True},
    }


def layout(theme: str) -> go.Layout:
    """Returns the same as Plotly's own."""
    return go.Layout(plain(theme), template="none")
