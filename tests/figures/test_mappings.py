"""The unrolled drawing: boxes for what is there and nothing else, arrows of time, what the network says."""

import html
import re
from dataclasses import replace
from functools import cache

import pytest

from explorer.architectures.mappings import Said, fit, read
from explorer.architectures.mappings.common import TRAINING_STEPS
from explorer.data.exercises import examples
from explorer.experiment import MAPPINGS
from explorer.figures.drawing import drawn
from explorer.figures.mappings import HALF, INPUT, MOST, OUTPUT, STATE, fitted, unrolled_figure
from explorer.figures.palette import THEMES
from explorer.i18n import LANGUAGES, t
from tests.helpers import mapped_once


@cache
def network(mapping: str, cell: str, lang: str):
    """A few steps of training do: it is the drawing that is looked at."""
    with pytest.MonkeyPatch.context() as patch:
        if mapping != "one_many":  # its names have their length once they are learned
            patch.setitem(TRAINING_STEPS, mapping, 20)
        return fit(mapping, cell, lang, 0)


def reading(mapping: str, text: str = "", lang: str = "en", cell: str = "lstm"):
    return read(network(mapping, cell, lang), text)


def boxes(figure, row: float) -> list:
    return [shape for shape in figure.layout.shapes if (shape.y0 + shape.y1) / 2 == pytest.approx(row)]


def arrows(figure) -> list:
    return [a for a in figure.layout.annotations if a.showarrow]


def in_time(figure) -> list:
    """Arrows from one state to a later one; that of the initial state starts left of the first."""
    level = [a for a in arrows(figure) if a.y == a.ay == STATE]
    return [a for a in level if a.ax > 0]


def words(figure) -> str:
    return "\n".join(a.text for a in figure.layout.annotations)


@pytest.mark.parametrize(
    ("mapping", "text", "counts"),
    [
        ("one_one", "k", (1, 1, 1)),
        ("one_many", "7", (1, 6, 6)),
        ("many_one", "free gift for you", (4, 4, 1)),
        ("many_many", "now water the garden", (4, 4, 4)),
    ],
)
def test_there_is_a_box_for_what_there_is(mapping, text, counts):
    figure = unrolled_figure(reading(mapping, text), "en")
    assert tuple(len(boxes(figure, row)) for row in (INPUT, STATE, OUTPUT)) == counts
    assert len(in_time(figure)) == counts[1] - 1
    rising = [a for a in arrows(figure) if a.x == a.ax]
    assert len(rising) == counts[0] + (counts[1] if mapping != "one_one" else 1)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_decoder_gets_the_state_and_reads_its_own_words(cell):
    found = reading("encoder_decoder", cell=cell)
    first, second = (part.run.steps for part in found.parts)
    figure = unrolled_figure(found, "en")
    assert len(boxes(figure, OUTPUT)) == len(drawn(range(second), MOST // 2)) - (second > MOST // 2)
    handed = max(in_time(figure), key=lambda a: a.arrowwidth)
    assert handed.x - handed.ax > 2 * (1 - 2 * HALF)
    state = "h<sub>7</sub>, c<sub>7</sub>" if cell == "lstm" else "h<sub>7</sub>"
    assert state in [a.text for a in figure.layout.annotations]
    assert first == 7 and t("mappings.decoder", "en") in words(figure)
    back = [a for a in arrows(figure) if a.ay > STATE > a.y]
    assert len(back) == second - 1 if second <= MOST // 2 else back


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("mapping", MAPPINGS)
def test_what_the_network_says_stands_there_with_its_probability(mapping, theme, lang):
    for text in examples(mapping, lang):
        found = reading(mapping, text, lang)
        shown = words(unrolled_figure(found, lang, theme))
        for column in found.columns[:4]:
            if column.said and len(column.said.best) <= 8:
                share = f"{100 * column.said.probabilities[0]:.0f} %"
                assert f"{html.escape(column.said.best)}<br>{share}" in shown
        first = found.columns[0].token
        assert fitted(first.label, 8) in shown or fitted(first.label, 11) in shown


def test_a_wrong_answer_is_dashed_and_the_right_one_stands_above():
    learned = mapped_once("many_many", "lstm", "en", 0)
    found, other = (read(learned, text) for text in ("now water is clean", "now water the garden"))
    wrong = [c for r in (found, other) for c in r.columns if c.wrong]
    assert [(c.step, c.undecided) for c in wrong] == [(2, True)]
    which, right = (found, "noun") if found.columns[1].wrong else (other, "verb")
    figure = unrolled_figure(which, "en")
    assert [shape.line.dash for shape in boxes(figure, OUTPUT)] == ["solid", "dash", "solid", "solid"]
    assert t("mappings.right", "en", right=right) in words(figure)
    assert t("mappings.next_tells", "en") in words(figure)


@pytest.mark.parametrize("length", [1, MOST, MOST + 1, 200, 5_000])
def test_a_long_text_is_drawn_by_its_ends(length):
    figure = unrolled_figure(reading("many_one", " ".join(["free"] * length)), "en")
    states = [a.text for a in figure.layout.annotations if re.fullmatch(r"h<sub>\d+</sub>", a.text)]
    assert len(states) == min(length, MOST - (length > MOST))
    assert states[0] == "h<sub>1</sub>" and states[-1] == f"h<sub>{length}</sub>"
    assert ("…" in words(figure)) == (length > MOST)


@pytest.mark.parametrize(
    "text", ["<b>x</b> now", "<a href='http://x.y'>z</a> call", "&lt; a", "{} %{x} free"]
)
def test_what_is_typed_is_never_markup(text):
    figure = unrolled_figure(reading("many_one", text), "en")
    for said in [words(figure), *figure.data[0].customdata]:
        assert not re.search(r"<(?!/?sub>|br>)", said)


def test_a_token_is_cut_to_its_room():
    assert fitted("determiner", 8) == "determin…"
    assert fitted("칭찬한다", 8) == "칭찬한다" and fitted("칭찬합니다", 8) == "칭찬합니…"
    assert fitted("<eos>", 8) == "&lt;eos&gt;"
    assert fitted("<b", 1) == "&lt;…"


def test_a_probability_that_is_no_number_is_drawn():
    found = reading("many_one", "free gift")
    *rest, last = found.columns
    nan = Said(last.said.labels, (float("nan"),) * 2)
    figure = unrolled_figure(replace(found, columns=(*rest, replace(last, said=nan))), "en")
    assert "nan %" in words(figure)
    assert "nan" not in boxes(figure, OUTPUT)[0].fillcolor
