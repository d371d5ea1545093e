"""Figures of what a state still knows: two triangles over the same axes, and two lines by distance."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures.decades import Decades, powers
from explorer.figures.palette import HUES, gate_scale, magnitude_scale
from explorer.figures.scales import power_limits
from explorer.figures.signals import layout, line, state_hue, step_axis
from explorer.i18n import t
from explorer.language.probing import Memory

FLOOR = -30.0
"""The smallest power of ten that the colours of a gradient tell apart."""


def forgetting_figure(memory: Memory, symbol: str, lang: str, theme: str = "light") -> go.Figure:
    """Returns how often the token at k (across) is read from the state after t (down), colour 0..1.

    A state that left float32 holds nothing to read: its row gets crosses.
    """
    accuracy = memory.readings[symbol].accuracy
    title = t("memory.forgetting", lang, s=symbol)
    figure = _triangle(memory, accuracy, (0.0, 1.0), ("accuracy", "gate", state_hue(symbol)), title, theme)
    figure.data[0].colorscale = gate_scale(state_hue(symbol), theme)
    _crosses(figure, np.isnan(accuracy), theme)
    return figure


def vanishing_figure(
    memory: Memory, symbol: str, lang: str, theme: str = "light", beside: Sequence[Memory] = ()
) -> go.Figure:
    """Returns ||dL_t/ds_k|| as log10: the state s_k across, the loss L_t down.

    The colours are one scale for all states of the memory and of those beside it. A norm of exactly 0 is
    left blank; one that is not finite gets a cross.
    """
    norm = memory.readings[symbol].norm
    every = [_power(reading.norm) for one in (memory, *beside) for reading in one.readings.values()]
    title = t("memory.vanishing", lang, s=symbol)
    about = ("norm", "magnitude", "c")
    figure = _triangle(memory, _power(norm), power_limits(every, FLOOR), about, title, theme)
    figure.data[0].colorscale = magnitude_scale(theme)
    _crosses(figure, ~np.isfinite(norm), theme)
    return figure


def _power(norm: np.ndarray) -> np.ndarray:
    return np.where(norm > 0, powers(np.where(norm > 0, norm, 1.0)), np.nan)


def accuracy_figure(memory: Memory, symbol: str, lang: str, theme: str = "light") -> go.Figure:
    """Returns the mean accuracy by the distance t - k with its interval, and that of a guess dotted."""
    figure = go.Figure(layout=layout(theme))
    accuracy = memory.readings[symbol].accuracy_by_distance
    distance = list(range(memory.steps))
    read = {"name": t("memory.read", lang)} | line(state_hue(symbol), theme)
    guessed = {"name": t("memory.guessed", lang)} | line("x", theme, "dot") | {"mode": "lines"}
    low, high = memory.between_by_distance(symbol)
    above, below = (high - accuracy).tolist(), (accuracy - low).tolist()
    between = {"type": "data", "symmetric": False, "array": above, "arrayminus": below, "thickness": 1.5}
    figure.add_scatter(x=distance, y=accuracy, error_y=between, **read)
    figure.add_scatter(x=distance, y=memory.baseline_by_distance, **guessed)
    figure.update_yaxes(range=[-0.06, 1.12], tickvals=[0, 0.5, 1], tickformat=".0%")
    return _by_distance(figure, memory, "accuracy", lang)


def gradient_figure(memory: Memory, symbol: str, lang: str, theme: str = "light") -> go.Figure:
    """Returns the geometric mean of ||dL_t/ds_k|| by the distance t - k, in powers of ten."""
    figure = go.Figure(layout=layout(theme))
    power = powers(memory.readings[symbol].norm_by_distance)
    scale, distance = Decades.over([power]), list(range(memory.steps))
    scale.draw(figure, distance, power, f"‖d<i>L</i><sub>t</sub>/d<i>{symbol}</i><sub>k</sub>‖", "c", theme)
    scale.mark(figure, distance, power, lang, theme)
    figure.update_yaxes(**scale.axis())
    return _by_distance(figure, memory, "gradient", lang)


def _triangle(
    memory: Memory,
    values: np.ndarray,
    limits: tuple[float, float],
    about: tuple[str, str, str],
    title: str,
    theme: str,
) -> go.Figure:
    """A heatmap (T, T); about names its signal, role and hue."""
    steps = list(range(1, memory.steps + 1))
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=steps,
            y=steps,
            zmin=limits[0],
            zmax=limits[1],
            showscale=False,
            xgap=1,
            ygap=1,
            meta=dict(zip(("signal", "role", "hue"), about, strict=True)),
        ),
        layout(theme),
    )
    ticks = steps[:: max(1, -(-len(steps) // 10))]
    figure.update_xaxes(**step_axis(steps, ()) | {"tickvals": ticks})
    figure.update_yaxes(range=[steps[-1] + 0.5, 0.5], tickvals=ticks, showgrid=False)
    figure.update_layout(meta={"range": list(limits), "title": title}, margin={"t": 8})
    return figure


def _crosses(figure: go.Figure, bad: np.ndarray, theme: str) -> None:
    """Crosses in the cells that are bad, as far as k reaches up to t."""
    rows, columns = np.nonzero(np.tril(bad))
    if rows.size:
        figure.add_scatter(
            x=(columns + 1).tolist(),
            y=(rows + 1).tolist(),
            mode="markers",
            marker={"symbol": "x-thin", "size": 7, "line": {"width": 2, "color": HUES[theme]["ink"]}},
        )


def _by_distance(figure: go.Figure, memory: Memory, name: str, lang: str) -> go.Figure:
    figure.update_xaxes(**step_axis(range(memory.steps), ()) | {"tickvals": list(range(0, memory.steps, 2))})
    figure.update_layout(meta={"title": t(f"memory.{name}_line", lang), "line": name}, margin={"t": 8})
    return figure
