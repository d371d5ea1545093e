"""A drawing out of boxes, words and arrows on a figure whose axes nobody sees."""

from collections.abc import Sequence
from typing import TypeVar

import plotly.graph_objects as go

Column = TypeVar("Column")

LAST_DRAWN = 4
"""Columns at the end that are drawn where not all are."""


def drawn(columns: Sequence[Column], most: int, last: int = LAST_DRAWN) -> list[Column | None]:
    """Returns the columns that are drawn, at most so many; None stands for those left out."""
    if len(columns) <= most:
        return list(columns)
    return [*columns[: most - 1 - last], None, *columns[-last:]]


class Drawing:
    """Shapes and annotations that are gathered and put on a figure at once: one by one takes a second."""

    def __init__(self) -> None:
        self.shapes: list[dict] = []
        self.annotations: list[dict] = []

    def put_on(self, figure: go.Figure) -> None:
        figure.update_layout(shapes=self.shapes, annotations=self.annotations)

    def text(self, x: float, y: float, text: str, colour: str, size: int, xanchor: str = "center") -> None:
        font = {"size": size, "color": colour}
        place = {"x": x, "y": y, "xanchor": xanchor}
        self.annotations.append({**place, "text": text, "showarrow": False, "font": font})

    def arrow(
        self, x0: float, y0: float, x1: float, y1: float, colour: str, width: float, head: float = 0.9,
        opacity: float = 1.0,
    ) -> None:  # fmt: skip
        """An arrow from one place to another; head: its size, in those of Plotly."""
        ends = {"x": x1, "y": y1, "ax": x0, "ay": y0, "axref": "x", "ayref": "y", "text": ""}
        look = {"arrowhead": 2, "arrowsize": head, "arrowwidth": width, "arrowcolor": colour}
        self.annotations.append({"showarrow": True, **ends, **look, "opacity": opacity})

    def box(
        self, x: tuple[float, float], y: tuple[float, float], colour: str, width: float,
        fill: str | None = None, dash: str = "solid", layer: str = "below",
    ) -> None:  # fmt: skip
        """A rectangle between two places of either axis."""
        corners = {"x0": x[0], "x1": x[1], "y0": y[0], "y1": y[1]}
        line = {"color": colour, "width": width, "dash": dash}
        self.shapes.append({"type": "rect", **corners, "line": line, "fillcolor": fill, "layer": layer})
