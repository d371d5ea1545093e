"""No text breaks what comes after it: cleaned, split, labelled and walked, whatever it holds."""

import html
import re
import time
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import Experiment
from explorer.lab.learned import learn
from explorer.lab.walk import walk
from explorer.labels import label, plot_label
from explorer.limits import MAX_LABEL, WINDOW
from explorer.text import TOKEN_LEVELS, clean, join, tokenise
from tests.hostile.strings import HOSTILE

MARKUP = re.compile(r"[<>]|&(?!amp;|lt;|gt;)")
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


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(), max_size=200))
def test_any_text_comes_through_whole_and_harmless(text):
    through_every_door(text)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(sorted(HOSTILE.values())).map(lambda s: s[:40]), max_size=6).map("".join))
def test_hostile_texts_stuck_together_come_through_too(text):
    through_every_door(text)


@pytest.mark.parametrize("name", [name for name, text in HOSTILE.items() if len(text) >= 9_000])
def test_a_long_text_is_read_in_well_under_a_second(name):
    started = time.perf_counter()
    cleaned = clean(HOSTILE[name])
    for unit in TOKEN_LEVELS:
        for token in tokenise(cleaned, unit):
            plot_label(token)
    assert time.perf_counter() - started < 2.0  # a hundredth of that on an idle core


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
