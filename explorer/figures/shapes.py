"""The grid of layers and time: a box for every layer, direction and step, output and h_n outlined."""

import plotly.graph_objects as go

from explorer.architectures.shapes import Sizes, written
from explorer.figures.drawing import Drawing, drawn
from explorer.figures.frame import frame
from explorer.figures.palette import EMPTY, GRID, HUES
from explorer.i18n import t

MOST, LAST_DRAWN = 6, 2
"""Columns that are drawn: with more steps, the first three, dots, and the last two."""

ROW = 44
"""Pixels of a row of boxes."""

HALF = 0.33
"""Half of a box's side; columns and rows are 1 apart."""

BETWEEN = 0.55
"""Room between two layers."""

OUTPUT, LAST, RETURNED = "keep", "write", "candidate"
"""Hues of output, of h_n, and of what Keras returns."""


def grid_figure(sizes: Sizes, lang: str, theme: str = "light") -> go.Figure:
    """Returns layers x time: `output` and `h_n` outlined, `output[:, -1]` dashed, filled what Keras returns.

    Steps count from 1, indices of Python from 0. The input stands below, the first layer above it.
    """
    columns = drawn(range(1, sizes.steps + 1), MOST, LAST_DRAWN)
    rows = sizes.layers * (sizes.directions + BETWEEN) + 0.7
    figure = frame(t("shapes.grid", lang), theme, height=round(120 + ROW * rows))
    grid = _Grid(figure, sizes, columns, lang, theme)
    grid.inputs()
    for level in range(sizes.layers):
        grid.level(level)
    grid.outlines()
    grid.legend()
    grid.put_on(figure)
    left = -2.5 if sizes.both else -1.8
    figure.update_xaxes(visible=False, range=[left, max(len(columns), 4) + 0.35])
    figure.update_yaxes(visible=False, range=[-0.5, rows])
    figure.update_layout(margin={"l": 0, "r": 0, "t": 96, "b": 0}, hovermode="closest")
    return figure


class _Grid(Drawing):
    def __init__(
        self, figure: go.Figure, sizes: Sizes, columns: list[int | None], lang: str, theme: str
    ) -> None:
        super().__init__()
        self.figure, self.sizes, self.columns = figure, sizes, columns
        self.lang, self.theme, self.hues = lang, theme, HUES[theme]
        self.end = len(columns) - 1
        self.label_at = -1.4 if sizes.both else -0.6

    def inputs(self) -> None:
        """The input at every step, and its name."""
        self._name("x", 0.0)
        hover = t("shapes.input", self.lang, shape=self._shape("B", "D"))
        self._row(0.0, "x", self.hues["x"], hover)

    def level(self, level: int) -> None:
        """A layer: its boxes, the arrows along time, and those from below."""
        for way in range(self.sizes.directions):
            self._direction(level, way)
        below = HALF if level == 0 else self._top(level - 1)
        for column, step in enumerate(self.columns):
            if step is not None:
                self.arrow(column, below, column, self._bottom(level), self.hues["x"], 1.4)
                if self.sizes.both:
                    pad = HALF + 0.06
                    x, y = (column - pad, column + pad), (self._bottom(level), self._top(level))
                    self.box(x, y, GRID[self.theme], 1.5, layer="above")
        if level == self.sizes.layers - 1:
            self._indices(level)

    def outlines(self) -> None:
        """h_n around the last box of every layer and direction; output around the top layer."""
        top, ink = self.sizes.layers - 1, self.hues[LAST]
        for level in range(self.sizes.layers):
            for way in range(self.sizes.directions):
                at = self.end if way == 0 else 0
                y = self._y(level, way)
                self.box((at - HALF, at + HALF), (y - HALF, y + HALF), ink, 3, layer="above")
                name = f"h_n[{level * self.sizes.directions + way}]"
                side = {"xanchor": "right" if way else "left"}
                self.text(at + (-0.57 if way else 0.57), y, name, colour=ink, size=14, **side)
        blue = self.hues[OUTPUT]
        low, high = self._bottom(top), self._top(top)
        last = (self.end - HALF - 0.1, self.end + HALF + 0.1)
        self.box(last, (low - 0.05, high + 0.05), blue, 2.5, dash="dot", layer="above")
        all_steps = (-HALF - 0.17, self.end + HALF + 0.17)
        self.box(all_steps, (low - 0.12, high + 0.12), blue, 2.5, layer="above")

    def legend(self) -> None:
        """What the lines and the fill say, with the shapes."""
        by_name = {tensor.name: written(tensor.shape) for tensor in self.sizes.tensors}
        _, output, last, *_ = by_name
        ends = ", ".join(f"{state}_n" for state in self.sizes.states)
        for name, hue, dash in ((output, OUTPUT, "solid"), (last, OUTPUT, "dot"), ("h_n", LAST, "solid")):
            self.figure.add_scatter(
                x=[None],
                y=[None],
                mode="lines",
                name=f"{ends if name == 'h_n' else name} {by_name[name]}",
                line={"color": self.hues[hue], "width": 3, "dash": dash},
            )
        marker = {"symbol": "square", "size": 14, "color": self._returned_fill()}
        name = t("shapes.returned", self.lang)
        self.figure.add_scatter(x=[None], y=[None], mode="markers", name=name, marker=marker)

    def _direction(self, level: int, way: int) -> None:
        y = self._y(level, way)
        self._name(t("shapes.layer", self.lang, layer=level + 1) + (" ←" if way else " →"), y)
        direction = t("shapes.backward" if way else "shapes.forward", self.lang)
        about = {"layer": level + 1, "direction": direction, "shape": self._shape("B", "H")}
        self._row(y, "h", self.hues["ink"], t("shapes.box", self.lang, **about), (level, way))
        for column in range(self.end):
            ends = (column + HALF, column + 1 - HALF)
            tail, head = ends[::-1] if way else ends
            self.arrow(tail, y, head, y, self.hues["x"], 1.4)

    def _row(self, y: float, letter: str, ink: str, hover: str, of: tuple[int, int] | None = None) -> None:
        """A row of boxes with a letter and the step, what a pointer reads on them, and the dots."""
        for column, step in enumerate(self.columns):
            if step is None:
                self.text(column, y, "…", colour=ink, size=18)
                continue
            returned = of is not None and self._is_returned(*of, step)
            fill = self._returned_fill() if returned else EMPTY[self.theme]
            self.box((column - HALF, column + HALF), (y - HALF, y + HALF), GRID[self.theme], 1, fill)
            size = 14 if step < 100 else 12
            self.text(column, y, f"{letter}<sub>{step}</sub>", colour=ink, size=size)
        there = [(column, step) for column, step in enumerate(self.columns) if step is not None]
        self.figure.add_scatter(
            x=[column for column, _ in there],
            y=[y] * len(there),
            customdata=[step for _, step in there],
            mode="markers",
            marker={"size": 26, "symbol": "square", "color": ink, "opacity": 0},
            hovertemplate=hover.replace("[t]", "%{customdata}") + "<extra></extra>",
            showlegend=False,
        )

    def _is_returned(self, level: int, way: int, step: int) -> bool:
        """Whether Keras returns this state of the top layer: in y or, the same numbers, in h."""
        if level < self.sizes.layers - 1:
            return False
        return self.sizes.sequence or step == (1 if way else self.sizes.steps)

    def _indices(self, level: int) -> None:
        """Python's index of a step above the top layer."""
        y = self._top(level) + 0.42
        for column, step in enumerate(self.columns):
            if step is not None:
                index = f"[:, {step - 1}]" if self.sizes.batch_first else f"[{step - 1}]"
                self.text(column, y, index, colour=self.hues[OUTPUT], size=13)
        self._name("output", y, self.hues[OUTPUT])

    def _returned_fill(self) -> str:
        red, green, blue = (int(self.hues[RETURNED][k : k + 2], 16) for k in (1, 3, 5))
        return f"rgba({red}, {green}, {blue}, 0.35)"

    def _shape(self, *axes: str) -> str:
        sizes = {"B": self.sizes.batch, "D": self.sizes.inputs, "H": self.sizes.hidden_size}
        return f"({', '.join(axes)}) = {written(tuple(sizes[axis] for axis in axes))}"

    def _y(self, level: int, way: int) -> float:
        return 1.0 + BETWEEN * (level + 1) - 0.4 + level * self.sizes.directions + way

    def _bottom(self, level: int) -> float:
        return self._y(level, 0) - HALF - 0.07

    def _top(self, level: int) -> float:
        return self._y(level, self.sizes.directions - 1) + HALF + 0.07

    def _name(self, text: str, y: float, colour: str | None = None) -> None:
        self.text(self.label_at, y, text, colour=colour or self.hues["ink"], size=14, xanchor="right")
