"""A run unrolled, with its data going forward and its derivatives coming back."""

from math import isnan

import plotly.graph_objects as go

from explorer.figures.drawing import Drawing, drawn
from explorer.figures.frame import frame
from explorer.figures.palette import EMPTY, GRID, HUES
from explorer.i18n import raised, t
from explorer.lab.arrows import Arrows
from explorer.labels import plot_label

INPUT, STATE, LOSS = 0.0, 1.5, 3.0
HALF, LOW = 0.26, 0.3
LANE = 0.13
"""How far from the middle data (one side) and derivatives (the other) go."""

MOST = 6
"""Columns that are drawn."""

DATA, BACK = "ink", "show"


def arrows_figure(
    found: Arrows, tokens: tuple[str, ...], first_step: int, lang: str, theme: str = "light"
) -> go.Figure:
    """Returns inputs, states and losses by step; every arrow of data, and every derivative that is not 0.

    On a box its norm; on a derivative the norm of what it brings.
    """
    figure = frame(t("arrows.title", lang), theme, height=350)
    drawing = _Drawing(found, tokens, first_step, lang, theme)
    for name, hue in (("data", DATA), ("derivatives", BACK)):
        style = {"color": HUES[theme][hue], "width": 3}
        figure.add_scatter(x=[None], y=[None], mode="lines", name=t(f"arrows.{name}", lang), line=style)
    for column, step in enumerate(drawing.columns):
        if step is None:
            drawing.text(column, STATE, "…", drawing.hues["ink"], 18)
        else:
            drawing.step(column, step)
    drawing.put_on(figure)
    figure.update_layout(margin={"l": 0, "r": 0, "t": 74, "b": 0}, hovermode=False)
    figure.update_xaxes(visible=False, range=[-0.75, max(len(drawing.columns), 4) - 0.55])
    figure.update_yaxes(visible=False, range=[INPUT - LOW - 0.1, LOSS + LOW + 0.1])
    return figure


class _Drawing(Drawing):
    def __init__(self, found: Arrows, tokens: tuple[str, ...], first: int, lang: str, theme: str) -> None:
        super().__init__()
        self.found, self.tokens, self.first, self.lang, self.theme = found, tokens, first, lang, theme
        self.hues = HUES[theme]
        self.columns = drawn(range(1, found.steps + 1), MOST)
        for y, name in ((INPUT, "x<sub>t</sub>"), (STATE, "h<sub>t</sub>"), (LOSS, "L<sub>t</sub>")):
            self.text(-0.62, y, name, self.hues["x"], 14)

    def step(self, column: int, step: int) -> None:
        """One column: its boxes, what goes up, what comes down, and the arrows to the column before."""
        found, shown = self.found, step + self.first - 1
        loss = found.loss[step - 1]
        self.named(column, INPUT, plot_label(self.tokens[step - 1]), "")
        self.named(column, STATE, f"h<sub>{shown}</sub>", f"‖·‖ {short(found.state[step])}")
        self.named(column, LOSS, f"L<sub>{shown}</sub>", "" if isnan(loss) else short(loss), isnan(loss))
        self.up(column, INPUT, STATE)
        self.up(column, STATE, LOSS, isnan(loss))
        self.down(column, LOSS, STATE, found.own[step - 1])
        self.down(column, STATE, INPUT, found.to_input[step - 1])
        if column == 0:
            return
        if found.carried:
            self.arrow(column - 1 + HALF, STATE + LANE, column - HALF, STATE + LANE, self.hues[DATA], 2)
        if found.back[step - 1] > 0:
            self.arrow(column - HALF, STATE - LANE, column - 1 + HALF, STATE - LANE, self.hues[BACK], 2)
            self.text(column - 0.5, STATE - LANE - 0.2, short(found.back[step - 1]), self.hues[BACK], 13)

    def up(self, column: int, low: float, high: float, pale: bool = False) -> None:
        """Data from one row to the next; pale where the loss is not in the sum."""
        x, opacity = column - LANE, 0.3 if pale else 1.0
        self.arrow(x, low + LOW, x, high - LOW, self.hues[DATA], 2, opacity=opacity)

    def down(self, column: int, high: float, low: float, norm: float) -> None:
        """A derivative from one row to the one below, with its norm; none where it is exactly 0."""
        if norm > 0:
            self.arrow(column + LANE, high - LOW, column + LANE, low + LOW, self.hues[BACK], 2)
            self.text(column + LANE + 0.04, (high + low) / 2, short(norm), self.hues[BACK], 13, "left")

    def named(self, x: float, y: float, name: str, below: str, pale: bool = False) -> None:
        """A box with a name, and what stands below it."""
        dash = "dot" if pale else "solid"
        grid, fill = GRID[self.theme], EMPTY[self.theme]
        self.box((x - HALF, x + HALF), (y - LOW, y + LOW), grid, 1.5, fill, dash)
        self.text(x, y, f"{name}<br>{below}" if below else name, self.hues["x" if pale else "ink"], 14)


def short(value: float) -> str:
    """Returns a norm in two digits."""
    if 0.001 <= value < 100:
        return f"{value:#.2g}"
    return f"{value:.0f}" if 100 <= value < 1000 else raised(f"{value:.0e}")
