"""A figure in the making, as the plain dictionaries that Plotly.js reads.

Plotly's own objects check every property as it is set, which costs a stage some fifty milliseconds a
payload. A sketch takes what is given; whoever calls a drawn function gets the checked `go.Figure` of it.
"""

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Generic, ParamSpec

import numpy as np
import plotly.graph_objects as go

P = ParamSpec("P")


class Sketch:
    """Traces and a layout. Properties are written in full: {"line": {"width": 0}}, not line_width=0."""

    def __init__(self, layout: dict[str, Any]) -> None:
        self.data: list[dict[str, Any]] = []
        self.layout = layout

    def add(self, kind: str, **properties: Any) -> None:
        """Adds a trace of a kind: scatter, heatmap, ..."""
        self.data.append({"type": kind, **properties})

    def update_layout(self, **properties: Any) -> None:
        """Sets properties of the layout; where both are dictionaries, one goes into the other."""
        for name, value in properties.items():
            there = self.layout.get(name)
            self.layout[name] = {**there, **value} if isinstance(there, dict) else value

    def update_xaxes(self, **properties: Any) -> None:
        """Sets properties of the x axis."""
        self.update_layout(xaxis=properties)

    def update_yaxes(self, **properties: Any) -> None:
        """Sets properties of the y axis; a figure with several names them in the layout."""
        self.update_layout(yaxis=properties)

    def figure(self) -> go.Figure:
        """Returns it as Plotly's figure, every property checked."""
        return go.Figure({"data": self.data, "layout": {"template": "none", **self.layout}})


class Drawn(Generic[P]):
    """A function that draws: called, it returns Plotly's figure; `sketch` is what a stage takes."""

    def __init__(self, sketch: Callable[P, Sketch]) -> None:
        self.sketch = sketch
        update_wrapper(self, sketch)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> go.Figure:
        return self.sketch(*args, **kwargs).figure()


def spec_of(figure: Sketch | go.Figure) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Returns a figure's traces and layout as dictionaries, y as an array where it was given as one.

    Plotly's JSON has arrays in base64, which the stage does not read.
    """
    if isinstance(figure, Sketch):
        return [dict(trace) for trace in figure.data], figure.layout
    spec = figure.to_plotly_json()
    traces = [
        trace | ({"y": own.y} if isinstance(own.y, np.ndarray) else {})
        for trace, own in zip(spec["data"], figure.data, strict=True)
    ]
    return traces, spec["layout"]
