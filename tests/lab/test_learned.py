"""What a network that is learned while its reader waits has read, and what it costs at most."""

from itertools import pairwise

import pytest

from explorer.cells import CELLS
from explorer.data.corpora import TAUGHT, glosses, sentences_of
from explorer.experiment import Experiment
from explorer.lab.learned import learn, needed, new_tokens, read_in_training
from explorer.limits import LEARN_WORK, WINDOW
from explorer.training.trainer import LM_STEPS, most_steps

DOG = "My dog runs faster than your cat"


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("weights", TAUGHT)
def test_all_that_the_three_sentences_tell_is_learned(cell: str, weights: str):
    fit = learn(Experiment(cell=cell, weights=weights)).fit
    assert fit.passed and fit.right == fit.possible == fit.total


@pytest.mark.parametrize("weights", TAUGHT)
def test_one_word_goes_on_in_several_ways_and_what_came_before_decides(weights: str):
    follows: dict[str, set[str]] = {}
    for words in map(str.split, sentences_of(weights)):
        for word, following in pairwise(words):
            follows.setdefault(word, set()).add(following)
    assert any(len(ways) > 1 for ways in follows.values())


@pytest.mark.parametrize(("lang", "weights"), [("en", "lecture"), ("ko", "english")])
def test_every_word_of_the_other_languages_sentences_has_a_gloss(lang: str, weights: str):
    assert {word for sentence in sentences_of(weights) for word in sentence.split()} <= set(glosses(lang))


def test_a_sentence_with_new_words_is_learned_beside_the_three():
    learned = learn(Experiment(weights="english", text=DOG))
    assert set(DOG.split()) <= set(learned.model.ids) and learned.fit.right == learned.fit.total == 19


def test_unk_is_a_choice():
    unknown = learn(Experiment(weights="english", text=DOG, unknown="unk"))
    assert not set(DOG.split()) & set(unknown.model.ids)


@pytest.mark.parametrize("change", [{"text": "time flies"}, {"text": DOG, "unknown": "unk"}, {}])
def test_a_sentence_that_teaches_nothing_makes_no_other_network(change: dict):
    plain = Experiment(weights="english")
    assert needed(Experiment(weights="english", **change).model_part()) == plain.model_part()


def test_a_new_sentence_and_a_start_by_its_length_belong_to_the_network():
    for change in ({"text": DOG}, {"text": "time flies", "bias": "chrono"}):
        part = Experiment(weights="english", **change).model_part()
        assert needed(part) == part and part.text


def test_of_a_long_sentence_the_first_tokens_are_learned():
    text = " ".join(f"w{k}" for k in range(5000))
    experiment = Experiment(text=text)
    assert len(read_in_training(experiment)[-1]) == len(new_tokens(experiment)) == WINDOW


@pytest.mark.parametrize("cell", CELLS)
def test_learning_is_bounded_in_steps(cell: str):
    text = " ".join(f"w{k}" for k in range(WINDOW))
    model = learn(Experiment(cell=cell, weights="untrained", text=text, hidden=2)).model
    cost = 1 if CELLS[cell].torch_module else 2
    assert most_steps(model, 5) == LM_STEPS
    assert most_steps(model, WINDOW) * WINDOW * cost <= LEARN_WORK


def test_what_was_reached_within_the_bound_is_known(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("explorer.training.trainer.LEARN_WORK", 40)
    fit = learn(Experiment(cell="gru_reset_before", text=DOG)).fit
    assert fit.steps == 40 // (2 * 6) and not fit.passed and fit.right < fit.total
