"""The figure of single units and the payload of their stage: the numbers are the record's."""

import re
import string
from dataclasses import replace

import numpy as np
import pytest

from explorer import CELLS
from explorer.data.grammar import Sentence
from explorer.experiment import FEATURES, Display, Experiment
from explorer.figures.palette import HUES, THEMES
from explorer.figures.units import saturation_figure
from explorer.i18n import LANGUAGES, section, t
from explorer.labels import UNKNOWN
from explorer.language.units import Units, units, with_pattern
from explorer.stage import MODULES
from explorer.stage.payload import header_of, numbers_of
from explorer.stage.units import SHOWN, build_units
from tests.helpers import largest, word_model

WORDS = (UNKNOWN, *'abc"()<> ')
TEXT = Sentence(tuple('(ab) "ca" (b)'), (), ())
EXPERIMENT = Experiment(view="units")
PLAIN, LECTURE = Display("en"), Display("ko", "lecture")


def made(cell: str = "lstm", own: str = "", text: Sentence = TEXT) -> Units:
    return with_pattern(
        units(word_model(cell, WORDS, H=5).double(), [text], tuple(own), token_level="char"), "ab"
    )


def arrays_of(payload: bytes) -> dict[str, np.ndarray]:
    run = header_of(payload)["runs"][0]
    numbers = numbers_of(payload)
    return {
        name: numbers[place["at"] : place["at"] + int(np.prod(place["shape"]))].reshape(place["shape"])
        for name, place in run["arrays"].items()
    }


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_gate_has_a_point_for_each_unit(cell, lang):
    found = made(cell)
    figure = saturation_figure(found, Display(lang))
    assert [trace.name for trace in figure.data] == list(CELLS[cell].gates)
    for trace in figure.data:
        assert largest(trace.x, found.shut[trace.name]) == largest(trace.y, found.open[trace.name]) == 0.0
    assert all(0 <= v <= 1 for trace in figure.data for v in (*trace.x, *trace.y))


@pytest.mark.parametrize(("lang", "across", "up"), [("en", "under .1", "over .9"), ("ko", ".1", ".9")])
def test_across_is_how_often_a_gate_is_shut_and_up_how_often_it_is_open(lang, across, up):
    figure = saturation_figure(made(), Display(lang))
    assert across in figure.layout.xaxis.title.text and up in figure.layout.yaxis.title.text
    assert figure.layout.xaxis.title.text == t("units.shut", lang)
    assert figure.layout.yaxis.title.text == t("units.open", lang)


@pytest.mark.parametrize("theme", THEMES)
def test_gates_keep_their_hue(theme):
    figure = saturation_figure(made(), Display("en", theme=theme))
    hues = {signal.symbol: signal.hue for signal in CELLS["lstm"].signals}
    assert all(trace.marker.color == HUES[theme][hues[trace.name]] for trace in figure.data)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_payload_carries_the_record(cell):
    found = made(cell, own="ca?")
    header = header_of(payload := build_units(found, EXPERIMENT, PLAIN))
    arrays = arrays_of(payload)
    run = header["runs"][0]
    assert (run["steps"], run["units"], header["own"], header["measured"]) == (16, 5, 3, 13)
    assert header["starts"] == [0, 3] and header["unit"] == "char"
    assert largest(arrays["h"], found.h) == 0.0 and ("c" in arrays) == (cell == "lstm")
    assert np.array_equal(arrays["lost"], found.zeroed - found.nats[:, None], equal_nan=True)
    assert arrays["perplexity"][0] == found.perplexity and largest(arrays["without"], found.without) == 0.0
    assert ("half_life" in arrays) == (cell != "rnn") == bool(run["lines"])
    assert [one["kind"] for one in header["features"]] == list(FEATURES)
    there = [one["kind"] for one in header["features"] if one["there"]]
    assert there == [track.kind for track in found.tracks]
    for track in found.tracks:
        assert largest(arrays[f"value.{track.kind}"], track.values) == 0.0
        assert largest(arrays[f"r.h.{track.kind}"], track.r["h"]) == 0.0
        assert arrays[f"chance.h.{track.kind}"][0] == track.chance["h"]
        assert np.array_equal(arrays[f"mean.{track.kind}"], found.lost(track), equal_nan=True)
        averaged = found.lost(track, "mean")
        assert np.array_equal(arrays[f"averaged.{track.kind}"], averaged, equal_nan=True)


def test_lecture_notation_turns_the_update_gate_round_alone():
    rare, often = np.linspace(0, 0.2, 5), np.linspace(0.5, 0.9, 5)
    found = replace(made("gru"), shut={"r": rare, "z": rare}, open={"r": often, "z": often})
    plain, lecture = (
        {one.name: (one.x, one.y) for one in saturation_figure(found, shown).data}
        for shown in (PLAIN, LECTURE)
    )
    assert lecture["z"] == plain["z"][::-1] and lecture["r"] == plain["r"] == plain["z"]


def test_what_is_kept_is_named_in_the_notation_that_is_read():
    kept = [header_of(build_units(made("gru"), EXPERIMENT, shown))["keep"] for shown in (PLAIN, LECTURE)]
    assert kept == ["z", "(1 − z)"]
    assert header_of(build_units(made("lstm"), EXPERIMENT, LECTURE))["keep"] == "f"


def test_unknown_tokens_are_marked_and_markup_is_text():
    run = header_of(build_units(made(own="<?>"), EXPERIMENT, PLAIN))["runs"][0]
    assert [token["known"] for token in run["tokens"][:3]] == [True, False, True]
    assert run["tokens"][1] | {"apart": False} == {
        "label": UNKNOWN, "original": "?", "known": False, "marked": False, "apart": False,
    }  # fmt: skip


def test_syllables_stand_apart_and_words_do():
    model = word_model("rnn", (UNKNOWN, *"\u1100\u1161\u11a8"), H=2).double()
    jamo = units(model, [], tuple("\u1100\u1161\u11a8\u1100\u1161"), token_level="jamo")
    tokens = header_of(build_units(jamo, EXPERIMENT, LECTURE))["runs"][0]["tokens"]
    assert [token["apart"] for token in tokens] == [True, False, False, True, False]
    words = units(word_model("rnn", WORDS).double(), [], ("a", "b"), token_level="word")
    assert all(t["apart"] for t in header_of(build_units(words, EXPERIMENT, LECTURE))["runs"][0]["tokens"])


def test_a_long_text_is_measured_whole_and_shown_in_part():
    found = made(text=Sentence(tuple("ab c" * 300), (), ()))
    header = header_of(build_units(found, EXPERIMENT, PLAIN))
    assert header["runs"][0]["steps"] == SHOWN and header["measured"] == 1200


def test_a_choice_leaves_the_content_the_same_and_another_text_does_not():
    found = made()
    first = header_of(build_units(found, EXPERIMENT, PLAIN))
    other = header_of(build_units(found, replace(EXPERIMENT, feature="word", shade="c"), PLAIN))
    assert first["same"] == other["same"] and first["id"] != other["id"]
    assert (other["feature"], other["shade"]) == ("word", "c")
    assert header_of(build_units(made(own="a"), EXPERIMENT, PLAIN))["same"] != first["same"]
    gru = header_of(build_units(made("gru"), replace(EXPERIMENT, shade="c"), PLAIN))
    assert gru["shade"] == "h"  # there is no c


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_string_that_the_stage_asks_for_is_there(lang):
    strings = section("stage", lang) | section("units", lang)
    code = "".join(path.read_text("utf-8") for path in (MODULES / "language/units").glob("*.js"))
    asked = set(re.findall(r"strings\.(\w+)", code))
    kinds = {f"{stem}_{kind}" for stem in ("missing", "cause") for kind in FEATURES}
    assert asked | kinds <= set(strings)
    own = section("units", lang).values()
    parts = {name for text in own for _, name, _, _ in string.Formatter().parse(text) if name}
    assert parts <= {
        "a", "b", "n", "unit", "with", "without", "decided", "others", "value", "shade", "feature", "gate",
        "nats", "change", "least", "most",
    }  # fmt: skip
