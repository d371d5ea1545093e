"""No text breaks what comes after it: cleaned, split, labelled and walked, whatever it holds."""

import html
import re
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import Experiment
from explorer.data.sources import source
from explorer.data.unusable import Unusable
from explorer.experiment import Display
from explorer.i18n import t
from explorer.lab.flow import compared, flow
from explorer.lab.learned import learn
from explorer.lab.walk import walk
from explorer.labels import label, plot_label
from explorer.limits import MAX_LABEL, WINDOW
from explorer.stage.payload import build, build_flow, header_of
from explorer.text import TOKEN_LEVELS, clean, join, tokenise
from tests.helpers import learned_once
from tests.hostile.strings import HOSTILE

MARKUP = re.compile(r"[<>]|&(?!amp;|lt;|gt;)")
FOREIGN = re.compile(r"<(?!/?(?:b|br|i|sub|sup|extra)>)")
DANGEROUS = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200c\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff]")


def through_every_door(text: str) -> None:
    """Checks a text from its cleaning to the label of each of its tokens, for every unit."""
    cleaned = clean(text)
    cleaned.encode("utf-8")  # raises on a lone surrogate
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not DANGEROUS.search(cleaned)
    for unit in TOKEN_LEVELS:
        tokens = tokenise(cleaned, unit)
        assert bool(tokens) == bool(cleaned)
        assert all(tokens)
        kept = " ".join(cleaned.split()) if unit == "word" else cleaned
        assert join(tokens, unit) == kept
        for token in set(tokens):
            through_the_label(token)


def through_the_label(token: str) -> None:
    shown, plotted = label(token), plot_label(token)
    assert 0 < len(shown) <= MAX_LABEL
    assert not MARKUP.search(plotted)
    assert html.unescape(plotted) == html.unescape(html.escape(shown, quote=False))


def test_there_are_sixty_texts_and_no_two_alike():
    assert len(HOSTILE) >= 60
    assert len(set(HOSTILE.values())) == len(HOSTILE)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_comes_through_whole_and_harmless(name):
    through_every_door(HOSTILE[name])


@settings(max_examples=300)
@given(st.text(st.characters(), max_size=200))
def test_any_text_comes_through_whole_and_harmless(text):
    through_every_door(text)


@settings(max_examples=100)
@given(st.lists(st.sampled_from(sorted(HOSTILE.values())).map(lambda s: s[:40]), max_size=6).map("".join))
def test_hostile_texts_stuck_together_come_through_too(text):
    through_every_door(text)


@pytest.mark.parametrize("name", [name for name, text in HOSTILE.items() if len(text) >= 9_000])
def test_a_long_text_is_read_in_well_under_a_second(name):
    started = time.thread_time()  # CPU seconds: a busy machine is no matter
    cleaned = clean(HOSTILE[name])
    for unit in TOKEN_LEVELS:
        for token in tokenise(cleaned, unit):
            plot_label(token)
    assert time.thread_time() - started < 2.0  # a hundredth of that on an idle core


@pytest.fixture(scope="module")
def learned():
    """Weights of the lecture's sentences, by unit."""
    return {unit: learn(Experiment(units=unit)) for unit in TOKEN_LEVELS}


@pytest.mark.parametrize("unit", TOKEN_LEVELS)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_can_be_walked(name, unit, learned):
    experiment, refused = Experiment(units=unit).with_changes({"text": HOSTILE[name]})
    found = walk(experiment, learned[unit])
    run = found.runs[0]
    assert refused == ()
    assert run.trace.steps == len(run.tokens) == min(found.total, WINDOW)
    assert np.isfinite(run.trace.h).all()
    assert all(token.label and len(token.original) <= MAX_LABEL for token in run.tokens)
    assert found.error <= 1e-12


def drawn(part) -> Iterator[str]:
    """Every string in a part of a payload."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict | list):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from drawn(inner)


def without_markup(payload: bytes) -> bool:
    """Says whether no figure of a payload holds markup that is not our own."""
    runs = header_of(payload)["runs"]
    figures = [run[name] for run in runs for name in ("heatmaps", "lines")]
    return not any(FOREIGN.search(text) for text in drawn(figures))


@pytest.mark.parametrize("name", list(HOSTILE)[::2])
def test_a_hostile_text_is_drawn_as_text(name):
    """The start of it: the stage shows a window."""
    experiment, _ = Experiment(cell="rnn").with_changes({"text": HOSTILE[name][:60]})
    found = walk(experiment, learned_once(experiment.model_part()))
    payload = build(found, Display("ko", "lecture"))
    (run,) = header_of(payload)["runs"]
    assert [token["label"] for token in run["tokens"]] == [token.label for token in found.runs[0].tokens]
    assert without_markup(payload)


@pytest.mark.parametrize("name", list(HOSTILE)[::4])
def test_the_gradient_of_a_hostile_text_is_drawn_as_text(name):
    experiment = Experiment(weights="untrained", hidden=2).with_changes({"text": HOSTILE[name][:30]})[0]
    learned = {
        cell: learned_once(replace(experiment, cell=cell).model_part()) for cell in compared(experiment.cell)
    }
    found = flow(experiment, learned)
    assert np.isfinite(found.chosen.total).all()
    assert without_markup(build_flow(found, Display("en")))


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_race_reads_of_a_hostile_text_is_its_tokens_or_a_reason(name):
    given, _ = Experiment(data="yours", length=10).with_changes({"text": HOSTILE[name]})
    for unit in TOKEN_LEVELS:
        run = replace(given, units=unit)
        try:
            batch = source(run, "en").held_out()
        except Unusable as reason:
            assert t(f"train.{reason.sentence}", "ko", **reason.values)
        else:
            assert batch.x.shape[0] >= 1


SHORT = [name for name, text in HOSTILE.items() if len(text) < 500]


@pytest.mark.parametrize(
    ("name", "weights"),
    [*((name, "untrained") for name in SHORT), *((name, "yours") for name in SHORT[::8])],
)
def test_a_hostile_text_can_be_a_vocabulary_and_a_donor_and_a_swap(name, weights):
    texts = dict.fromkeys(("text", "donor", "swap_with"), HOSTILE[name])
    experiment, refused = Experiment().with_changes(
        texts | {"weights": weights, "cell": "rnn", "carry": "h", "swap": "1"}
    )
    found = walk(experiment, learn(experiment))
    assert refused == ()
    assert found.total >= 1
    for run in found.runs:
        assert np.isfinite(run.trace.h).all()
        assert all(0 < len(shown) <= MAX_LABEL for shown in run.names)
