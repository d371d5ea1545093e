"""One unit over time: its gates, 0 to 1, and the state they serve, a row each on one time axis."""

from collections.abc import Sequence

import numpy as np

from explorer.cells import Signal
from explorer.figures.palette import HUES
from explorer.figures.signals import plain, signal_name, step_axis
from explorer.figures.sketch import Drawn, Sketch
from explorer.i18n import t
from explorer.nn.tracing import LayerTrace

STATE_ROW = 1.5
"""How high the row of the state is, in rows of a gate."""

GAP = 0.12
"""What stands between two rows, in rows of a gate."""


@Drawn
def unit_figure(
    layer: LayerTrace,
    unit: int,
    tokens: Sequence[str],
    shaded: Sequence[bool],
    first_step: int,
    lang: str,
    theme: str = "light",
) -> Sketch:
    """Returns a unit's (from 0) gates and the state that they serve over time, filled from 0.

    A value lasts for its step. Steps that matter, marks and cue words, are shaded.
    """
    steps = list(range(first_step, first_step + layer.steps))
    edges = [steps[0] - 0.5, *steps, steps[-1] + 0.5]
    spec = layer.spec
    rows = [spec.roles[symbol] for symbol in (*spec.gates, spec.memory)]
    figure = Sketch(plain(theme))
    for k, signal in enumerate(rows):
        values = layer.signal(signal.symbol)[:, unit]
        figure.add(
            "scatter",
            x=edges,
            y=np.concatenate([values[:1], values, values[-1:]]),
            yaxis="y" if k == 0 else f"y{k + 1}",
            name=signal.symbol,
            mode="lines",
            line={"color": HUES[theme][signal.hue], "width": 2, "shape": "hvh"},
            fill="tozeroy",
            meta={"signal": signal.symbol, "role": signal.role, "hue": signal.hue},
        )
    figure.update_layout(**_rows(rows))
    figure.update_xaxes(**step_axis(steps, tokens), anchor="free", position=0)
    _shade([step for step, mark in zip(steps, shaded, strict=True) if mark], len(rows), figure, theme)
    names = [signal_name(signal, lang) for signal in rows]
    figure.update_layout(meta={"title": t("stage.unit_over_time", lang, unit=unit + 1), "names": names})
    return figure


def _shade(steps: Sequence[int], rows: int, figure: Sketch, theme: str) -> None:
    shapes = [
        {
            "type": "rect",
            "x0": step - 0.5,
            "x1": step + 0.5,
            "y0": 0,
            "y1": 1,
            "yref": f"y{'' if k == 0 else k + 1} domain",
            "layer": "below",
            "line": {"width": 0},
            "fillcolor": HUES[theme]["write"],
            "opacity": 0.16,
            "name": "write",
        }
        for step in steps
        for k in range(rows)
    ]
    figure.update_layout(shapes=shapes)


def _rows(rows: Sequence[Signal]) -> dict:
    """Returns the rows' axes from the top down: gates from 0 to 1, a state as far as it goes."""
    heights = [1.0 if signal.role == "gate" else STATE_ROW for signal in rows]
    whole = sum(heights) + GAP * (len(rows) - 1)
    axes, top = {}, whole
    for k, (signal, height) in enumerate(zip(rows, heights, strict=True)):
        gate = signal.role == "gate"
        axes[f"yaxis{'' if k == 0 else k + 1}"] = {
            "domain": [max(0.0, (top - height) / whole), top / whole],
            **({"range": [0, 1.05]} if gate else {}),
            "tickvals": [0, 1] if gate else [0],
            "showticklabels": False,
            "zeroline": False,
            "fixedrange": True,
        }
        top -= height + GAP
    return axes
