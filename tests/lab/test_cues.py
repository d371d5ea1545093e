"""Cue words: measured by replacing each; in the built-in LSTM the first words of the ambiguous sentences."""

import numpy as np
import pytest

from explorer.data.corpora import sentences_of
from explorer.experiment import Experiment
from explorer.lab.cues import moved
from explorer.lab.learned import learn
from explorer.lab.walk import walk
from explorer.labels import UNKNOWN
from explorer.limits import CUE_SHARE
from explorer.nn.softmax import softmax
from explorer.nn.tracing import trace


def cues(**changes) -> list[str]:
    """The cue words of an experiment's last run."""
    experiment = Experiment(**changes)
    return [token.label for token in walk(experiment, learn(experiment)).runs[-1].tokens if token.cue]


@pytest.mark.parametrize("cell", ["lstm", "gru_reset_before"])
def test_what_a_word_moves_is_the_mean_of_runs_with_each_other_word(cell: str):
    model = learn(Experiment(cell=cell, hidden=4)).model
    words = tuple(sentences_of("lecture")[1].split())
    assert model.vocabulary is not None
    base = softmax(trace(model, words).logits)
    for at, word in enumerate(words):
        others = [other for other in model.vocabulary if other not in (UNKNOWN, word)]
        runs = [trace(model, (*words[:at], other, *words[at + 1 :])) for other in others]
        apart = [np.abs(softmax(run.logits) - base).sum(1) / 2 for run in runs]
        np.testing.assert_allclose(moved(model, words)[at], np.mean(apart, 0), atol=1e-12)


@pytest.mark.parametrize("weights", ["lecture", "english"])
def test_the_words_that_decide_an_ambiguous_sentence_are_cues(weights: str):
    first, second, _ = sentences_of(weights)
    assert cues(weights=weights, text=first) == first.split()[:1]
    assert cues(weights=weights, text=second)[0] == second.split()[0]


def test_a_cue_moves_a_later_prediction_that_its_sentence_goes_on_from():
    experiment = Experiment()
    learned = learn(experiment)
    tokens = walk(experiment, learned).runs[0].tokens
    found = moved(learned.model, [token.original for token in tokens])
    assert tokens[0].cue == pytest.approx(found[0, 1:-1].max()) and tokens[0].cue >= CUE_SHARE
    assert all(token.cue == 0 for token in tokens[1:])


def test_a_network_that_forgets_everything_has_no_cues():
    assert cues(clamp="f", clamp_value=0.0) == []
    assert cues(clamp="f", clamp_value=1.0) != []


@pytest.mark.parametrize("changes", [{"weights": "untrained"}, {"weights": "marked"}, {"units": "char"}])
def test_chance_numbers_and_letters_have_no_cue_words(changes: dict):
    assert cues(hidden=4, **changes) == []


def test_a_text_too_long_to_look_through_has_no_cues():
    assert cues(text=" ".join([sentences_of("lecture")[0]] * 8)) == []
