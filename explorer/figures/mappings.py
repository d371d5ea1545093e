"""A mapping unrolled in time: a box for every input, state and output there is, and what the network says."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite
from textwrap import wrap

import plotly.graph_objects as go

from explorer.architectures.mappings import HIDDEN_SIZES, Column, Reading, Said
from explorer.figures.drawing import Drawing, drawn
from explorer.figures.frame import frame
from explorer.figures.palette import EMPTY, GRID, HUES
from explorer.figures.signals import cell_name, plain, step_axis
from explorer.figures.sketch import Drawn, Sketch
from explorer.i18n import t
from explorer.labels import plot_label, width

MOST = 16
"""Columns that are drawn: of more, the first, dots, and the last; of two networks each gets half."""

INPUT, STATE, OUTPUT = 0.0, 1.25, 2.5
HALF, LOW = 0.44, 0.34
"""Half of a box's width and height; columns are 1 apart."""

TITLE, ROW, NOTE, BOTTOM = 46, 84, 0.3, -0.4
"""Pixels of the title and of a row; height of a line of notes, and where the drawing ends below, in rows."""

LEFT, NAME = 108, 11
"""Pixels for the names of the rows; letters of a line of them."""

ROOM_BESIDE = 12
"""Letters of a token beside the heatmap of attention; Hangul is two letters wide."""

BETWEEN = 0.7
"""Room between encoder and decoder."""


def unrolled_figure(reading: Reading, lang: str, theme: str = "light") -> go.Figure:
    """Returns the drawing of a reading: inputs below, the recurrent layer, outputs with their probability.

    An input or output that the mapping does not have gets no box; what is only looked at stands in pale
    letters. Arrows go through time where there is a second step.
    """
    title = t(f"option.mapping.{reading.network.mapping}", lang)
    top = OUTPUT + LOW + 0.1 + NOTE * _notes(reading)
    height = round(TITLE + ROW * (top - BOTTOM))
    figure = frame(t("mappings.unrolled", lang, mapping=title), theme, height=height)
    drawing = _Drawing(figure, reading, lang, theme)
    drawing.rows()
    for column, x in drawing.places:
        drawing.column(column, x)
    drawing.time()
    drawing.hovers()
    drawing.put_on(figure)
    figure.update_xaxes(visible=False, range=[-0.75, max(drawing.end, 5) + 0.5])
    figure.update_yaxes(visible=False, range=[BOTTOM, top])
    margin = {"l": LEFT, "r": 0, "t": TITLE, "b": 0}
    figure.update_layout(title_xref="container", margin=margin, showlegend=False, hovermode="closest")
    return figure


@Drawn
def attention_figure(
    said: Sequence[str], read: Sequence[str], first_step: int, lang: str, theme: str = "light"
) -> Sketch:
    """Returns the heatmap of attention, the encoder's tokens down and the words that are said across, 0..1.

    Its numbers are left to the run.
    """
    steps = list(range(first_step, first_step + len(said)))
    figure = Sketch(plain(theme))
    rows = list(range(1, len(read) + 1))
    figure.add(
        "heatmap", x=steps, y=rows, z=[], zmin=0, zmax=1, showscale=False, xgap=2, ygap=2,
        meta={"signal": "attention", "role": "gate", "hue": "c"},
    )  # fmt: skip
    figure.update_xaxes(**step_axis(steps, said))
    ticks = [fitted(token, ROOM_BESIDE) for token in read]
    figure.update_yaxes(autorange="reversed", tickvals=rows, ticktext=ticks, showgrid=False)
    figure.update_layout(meta={"range": [0, 1], "title": t("mappings.attention", lang)})
    return figure


def _notes(reading: Reading) -> int:
    """Lines above the outputs: the halves' names; the right answer and what only the next token tells."""
    if reading.handed:
        return 2 if any(column.wrong for column in reading.columns) else 1
    return max(column.undecided + column.wrong for column in reading.columns)


def fitted(token: str, room: int) -> str:
    """Returns a token safe for Plotly, at most room letters wide; Hangul is two letters wide."""
    kept = token
    while width(kept) > room:
        kept = kept[:-1]
    return plot_label(kept) + ("…" if kept != token else "")


_Group = list[tuple[Column | None, float]]
"""The columns of one network, None for those left out, and where they stand."""


class _Drawing(Drawing):
    def __init__(self, figure: go.Figure, reading: Reading, lang: str, theme: str) -> None:
        super().__init__()
        self.figure, self.reading, self.lang, self.theme = figure, reading, lang, theme
        self.hues = HUES[theme]
        halves = [[c for c in reading.columns if part.first <= c.step <= part.last] for part in reading.parts]
        self.groups: list[_Group] = []
        x = 0.0
        for half in halves:
            shown = drawn(half, MOST // len(halves))
            self.groups.append([(column, x + k) for k, column in enumerate(shown)])
            x += len(shown) + BETWEEN
        self.places = [place for group in self.groups for place in group]
        self.end = self.places[-1][1]
        self.top = OUTPUT + LOW + NOTE * (_notes(reading) - 0.3)
        few = len(self.places) <= 9
        self.size, self.room = (15, 11) if few else (13, 8)

    def rows(self) -> None:
        """What stands in each row, with the network's cell and its number of units."""
        network = self.reading.network
        cell = wrap(cell_name(network.cell, self.lang), NAME)
        state = "<br>".join([*cell, f"H = {HIDDEN_SIZES[network.mapping]}", "h<sub>0</sub> = 0"])
        for y, name in ((INPUT, "x<sub>t</sub>"), (STATE, state), (OUTPUT, "y<sub>t</sub>")):
            self.text(0, y, name, self.hues["x"], 14)
            self.annotations[-1] |= {"xref": "paper", "xanchor": "right", "xshift": -6, "align": "right"}
        if self.reading.handed:
            for group, name in zip(self.groups, ("encoder", "decoder"), strict=True):
                middle = (group[0][1] + group[-1][1]) / 2
                self.text(middle, self.top, t(f"mappings.{name}", self.lang), self._border(name), 15)

    def column(self, column: Column | None, x: float) -> None:
        if column is None:
            for y in (INPUT, STATE, OUTPUT):
                self.text(x, y, "…", self.hues["ink"], 18)
            return
        border = self._border("encoder" if self.reading.parts[0].last >= column.step else "decoder")
        self._box(x, STATE, border, EMPTY[self.theme], 2)
        self.text(x, STATE, f"h<sub>{column.step}</sub>", self.hues["ink"], self.size)
        if column.token is not None:
            self._box(x, INPUT, self.hues["x"], None, 1.2)
            self._label(x, INPUT, column.token.label, "")
            self._arrow(x, INPUT + LOW, x, STATE - LOW)
        if column.said is not None:
            self._output(column, column.said, x)

    def _output(self, column: Column, said: Said, x: float) -> None:
        share = said.probabilities[0]
        percent = f"{100 * share:.0f} %"
        if not column.counts:
            text = f"{fitted(said.best, self.room)}<br>{percent}"
            self.text(x, OUTPUT, text, self.hues["x"], self.size - 2)
            self._arrow(x, STATE + LOW, x, OUTPUT - LOW, pale=True)
            return
        hue = "write" if column.wrong else "candidate"
        fill = self._tint(hue, 0.08 + 0.3 * share if isfinite(share) else 0.0)
        self._box(x, OUTPUT, self.hues[hue], fill, 2, "dash" if column.wrong else "solid")
        self._label(x, OUTPUT, said.best, f"<br>{percent}")
        self._arrow(x, STATE + LOW, x, OUTPUT - LOW)
        notes = []
        if column.wrong and column.asked:
            notes.append((t("mappings.right", self.lang, right=fitted(column.asked, 12)), "write"))
        if column.undecided:
            notes.append((t("mappings.next_tells", self.lang), "reset"))
        for k, (note, colour) in enumerate(notes):
            self.text(x, OUTPUT + LOW + 0.2 + 0.3 * k, note, self.hues[colour], 13)

    def time(self) -> None:
        """The arrows of time; the state handed over; the decoder's own words, read at the next step."""
        for group in self.groups:
            for (_, x), (_, there) in pairwise(group):
                self._arrow(x + HALF, STATE, there - HALF, STATE, width=2.4)
        if self.end:
            self._arrow(-0.75, STATE, -HALF, STATE, pale=True)
        if not self.reading.handed:
            return
        first, second = self.groups
        self._arrow(first[-1][1] + HALF, STATE, second[0][1] - HALF, STATE, width=4, hue="c")
        states, step = self.reading.parts[1].model.states, self.reading.handed
        name = ", ".join(f"{state}<sub>{step}</sub>" for state in states)
        above = STATE + (0.5 if self.reading.network.attention is None else -0.55)
        self.text((first[-1][1] + second[0][1]) / 2, above, name, self.hues["c"], 14)
        if self.reading.network.attention is not None:
            self._attended(first, second)
        for (column, x), (after, there) in pairwise(second):
            if column is not None and after is not None:
                self._arrow(x + 0.3, OUTPUT - LOW, there - 0.3, INPUT + LOW, width=1.2, hue="show")

    def _attended(self, read: _Group, said: _Group) -> None:
        """One rail from all states of the encoder to every step of the decoder."""
        rail, hue, side = STATE + LOW + 0.22, self.hues["c"], 0.24
        ends = {"x0": read[0][1] + side, "x1": said[-1][1] - side, "y0": rail, "y1": rail}
        line = {"color": hue, "width": 2}
        self.shapes.append({"type": "line", **ends, "line": line, "layer": "below"})
        for _, x in read:
            up = {"x0": x + side, "x1": x + side, "y0": STATE + LOW, "y1": rail}
            self.shapes.append({"type": "line", **up, "line": line, "layer": "below"})
        for _, x in said:
            self._arrow(x - side, rail, x - side, STATE + LOW, hue="c")
        self.text((read[0][1] + read[-1][1]) / 2, rail + 0.22, t("mappings.attends", self.lang), hue, 14)

    def hovers(self) -> None:
        """What a pointer reads: the token as it was typed, and the best answers."""
        points = [(x, INPUT, self._token(c)) for c, x in self.places if c is not None and c.token is not None]
        points += [(x, OUTPUT, self._answers(c)) for c, x in self.places if c is not None and c.said]
        self.figure.add_scatter(
            x=[x for x, _, _ in points],
            y=[y for _, y, _ in points],
            customdata=[text for _, _, text in points],
            mode="markers",
            marker={"size": 34, "symbol": "square", "opacity": 0},
            hovertemplate="%{customdata}<extra></extra>",
            showlegend=False,
        )

    def _token(self, column: Column) -> str:
        token = column.token
        assert token is not None
        shown = plot_label(token.label)
        return f"t = {column.step}: {shown if token.known else f'{shown} ({plot_label(token.original)})'}"

    def _answers(self, column: Column) -> str:
        assert column.said is not None
        best = zip(column.said.labels, column.said.probabilities, strict=True)
        return "<br>".join(
            [f"t = {column.step}", *(f"{plot_label(name)} {100 * p:.1f} %" for name, p in best)]
        )

    def _border(self, part: str) -> str:
        return self.hues["keep" if part == "encoder" else "show"]

    def _tint(self, hue: str, opacity: float) -> str:
        red, green, blue = (int(self.hues[hue][k : k + 2], 16) for k in (1, 3, 5))
        return f"rgba({red}, {green}, {blue}, {opacity:.3f})"

    def _box(
        self, x: float, y: float, colour: str, fill: str | None, width: float, dash: str = "solid"
    ) -> None:
        self.box((x - HALF, x + HALF), (y - LOW, y + LOW), colour, width, fill, dash)

    def _label(self, x: float, y: float, token: str, below: str) -> None:
        """A token in its box, in smaller letters where it would touch the border."""
        shown = fitted(token, self.room)
        size = self.size if width(token) < self.room - 1 else self.size - 2
        self.text(x, y, shown + below, self.hues["ink"], size)

    def _arrow(
        self, x0: float, y0: float, x1: float, y1: float,
        width: float = 1.5, hue: str = "x", pale: bool = False,
    ) -> None:  # fmt: skip
        colour = GRID[self.theme] if pale else self.hues[hue]
        self.arrow(x0, y0, x1, y1, colour, width, head=0.8)
