"""Figures and payload of stacks of layers: what is drawn is what was computed, on one scale."""

from functools import cache

import numpy as np
import pytest

from explorer.architectures.deep import Accuracies, Price, TaggedText, Tagging, read, sentence_of
from explorer.architectures.timing import Times
from explorer.exact import interval
from explorer.figures.deep import NETWORKS, accuracy_figure, layer_figure, price_figure
from explorer.figures.palette import THEMES
from explorer.i18n import LANGUAGES
from explorer.stage.deep import build_deep
from explorer.stage.payload import header_of, numbers_of
from tests.architectures.test_deep import SENTENCE, taggers, untrained

ROUNDS = np.array([0.9, 1.0, 1.3])
PRICES = tuple(
    Price(d, b, 1000 * d * (1 + b), Times(d * (1.5 + b) * ROUNDS)) for d in range(1, 5) for b in (False, True)
)


@cache
def found(depth: int, both: bool) -> Tagging:
    return read(untrained("lstm", depth, both), SENTENCE)


def sentence(text: str = " ".join(SENTENCE)) -> TaggedText:
    read_as = sentence_of(text, "en", untrained("lstm", 1, False).model)
    assert read_as is not None
    return read_as


def payload(depth: int, shown: str, text: str = " ".join(SENTENCE)) -> tuple[dict, np.ndarray]:
    """Returns the header and the block of numbers behind it."""
    of = sentence(text)
    readings = {n: read(untrained("lstm", depth, n == "both"), of.words) for n in NETWORKS}
    packed = build_deep(of, readings, shown, "en")
    return header_of(packed), numbers_of(packed)


@pytest.mark.parametrize("theme", THEMES)
def test_every_layer_shows_its_states_on_the_same_scale(theme):
    reading = found(3, True)
    figures = [layer_figure(reading, r, SENTENCE, "en", theme) for r in range(6)]
    for figure, row in zip(figures, reading.rows, strict=True):
        np.testing.assert_array_equal(figure.data[0].z, row.output.T)
    top = max(np.abs(row.output).max() for row in reading.rows)
    assert {(f.data[0].zmin, f.data[0].zmax) for f in figures} == {(-top, top)}
    assert [f.layout.meta["ticks"] for f in figures] == [False] * 4 + [True] * 2


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("theme", THEMES)
def test_accuracy_shows_means_seeds_and_the_guess(lang, theme):
    learned = {"one": taggers("en", False), "both": taggers("en", True)}
    figure = accuracy_figure(learned, Accuracies(0.9, 0.5), (100, 20), lang, theme)
    bars = [trace for trace in figure.data if trace.type == "bar"]
    for name, bar in zip(NETWORKS, bars, strict=True):
        scores = [tagger.score for tagger in learned[name]]
        expected = [np.mean([s.every for s in scores]), np.mean([s.undecided for s in scores])]
        np.testing.assert_allclose(bar.y, expected)
        bounds = [interval(round(mean * n), n) for mean, n in zip(expected, (100, 20), strict=True)]
        np.testing.assert_allclose(bar.y - np.array(bar.error_y.arrayminus), [low for low, _ in bounds])
        np.testing.assert_allclose(bar.y + np.array(bar.error_y.array), [high for _, high in bounds])
    scattered = [trace for trace in figure.data if trace.type == "scatter"]
    dots = [trace for trace in scattered if trace.mode == "markers"]
    assert [len(trace.x) for trace in dots] == [6, 6]
    guessed = [trace.y[0] for trace in scattered if trace.mode == "lines"]
    assert guessed == [0.9, 0.5]
    assert bars[0].marker.color != bars[1].marker.color


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("theme", THEMES)
def test_prices_are_drawn_by_depth_and_stay_inside(lang, theme):
    figure = price_figure(PRICES, lang, theme)
    assert len(figure.data) == 4
    for trace, (both, quantity) in zip(
        figure.data, [(b, q) for b in (False, True) for q in ("parameters", "milliseconds")], strict=True
    ):
        assert list(trace.x) == [1, 2, 3, 4]
        assert list(trace.y) == [getattr(p, quantity) for p in PRICES if p.both == both]
        axis = figure.layout["yaxis" if quantity == "parameters" else "yaxis2"]
        assert axis.range[0] < min(trace.y) and max(trace.y) < axis.range[1]


@pytest.mark.parametrize("shown, rows", [("one", 2), ("both", 4)])
def test_the_payload_holds_the_shown_network_row_by_row(shown, rows):
    header, block = payload(2, shown)
    (run,) = header["runs"]
    assert (header["kind"], header["shown"], len(run["rows"]), len(run["heatmaps"])) == (
        "deep",
        shown,
        rows,
        rows,
    )
    reading = found(2, shown == "both")

    def array(name: str) -> np.ndarray:
        place = run["arrays"][name]
        return block[place["at"] : place["at"] + int(np.prod(place["shape"]))].reshape(place["shape"])

    for r, row in enumerate(reading.rows):
        np.testing.assert_array_equal(array(f"h.{r}"), row.output)
    T = len(SENTENCE)
    for r in range(rows):
        for t in range(T):
            place = slice(r * T, (r + 1) * T)
            np.testing.assert_array_equal(array("gradient")[t, place], reading.gradient[r, t])
            if t < T - 1:
                np.testing.assert_array_equal(array("change.1")[t, place], reading.change[t, 1, r])
    np.testing.assert_array_equal(array(f"p.{shown}"), reading.p)
    np.testing.assert_array_equal(array(f"other.{shown}.2"), reading.p_other[:, 2])


def test_the_payload_marks_the_undecided_word_and_unknown_tags():
    (run,) = payload(1, "both", text="now water is blorps")[0]["runs"]
    assert run["undecided"] == [1]
    assert run["asked"][3] == -1 and run["tags"][run["asked"][1]] == "noun"
    assert [token["known"] for token in run["tokens"]] == [True, True, True, False]


def test_the_colours_span_what_is_finite():
    header, _ = payload(2, "one")
    gradient = found(2, False).gradient
    seen = np.log10(gradient[gradient > 0])
    assert header["powers"][1] == pytest.approx(seen.max())
    assert header["most"] == pytest.approx(found(2, False).change.max())


def test_one_word_makes_a_payload():
    header, _ = payload(1, "both", text="water")
    assert header["runs"][0]["others"] == [] and header["runs"][0]["asked"] == [-1]
    assert header["powers"] == [-1.0, 0.0]
