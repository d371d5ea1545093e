"""A whole walk: what is learned and run is what the experiment says."""

import math

import numpy as np
import pytest
import torch

from explorer import Experiment, trace
from explorer.data.corpora import lecture_sentences
from explorer.lab.learned import learn
from explorer.lab.walk import walk
from explorer.limits import TOP, WINDOW
from explorer.text import tokenise
from tests.helpers import EVERY, largest, walked

FIRST, SECOND, _ = lecture_sentences()


@pytest.mark.parametrize("cell", EVERY)
def test_the_same_experiment_learns_the_same_bits_and_leaves_the_global_generator_alone(cell):
    experiment = Experiment(cell=cell, seed=3)
    torch.manual_seed(1)
    first = learn(experiment)
    torch.manual_seed(2)
    before, again = torch.get_rng_state(), learn(experiment)
    assert torch.equal(torch.get_rng_state(), before)
    pairs = zip(first.model.state_dict().values(), again.model.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert (first.fit.steps, first.fit.loss) == (again.fit.steps, again.fit.loss)


@pytest.mark.parametrize("weights", ["lecture", "yours", "untrained"])
@pytest.mark.parametrize("bias", ["default", "chrono"])
def test_model_part_learns_the_same_weights(weights, bias):
    experiment = Experiment(
        weights=weights, bias=bias, text="a b a c a b a c a", step=2, clamp="f", donor="x", second="gru"
    )
    whole, part = learn(experiment), learn(experiment.model_part())
    assert whole.model.vocabulary == part.model.vocabulary
    ours, theirs = whole.model.state_dict(), part.model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_walk_without_changes_is_one_run_that_agrees_with_its_reference():
    for cell in EVERY:
        found = walked(Experiment(cell=cell, weights="untrained"))
        assert (found.mode, len(found.runs), found.problems) == ("one", 1, ())
        assert found.error <= 1e-12
        assert found.fits == (None,)
        assert found.total == found.runs[0].trace.steps == 5


@pytest.mark.parametrize(("notation", "z"), [("pytorch", 0.881), ("lecture", 0.119)])
def test_a_high_keep_bias_keeps_in_every_notation(notation, z):
    experiment = Experiment(cell="gru", weights="untrained", bias="fixed", keep_bias=2.0, init="orthogonal")
    model = learn(experiment).model
    with torch.no_grad():
        model.embedding.weight.zero_()
    found = trace(model, ["<unk>"])
    shown = found.in_lecture_notation() if notation == "lecture" else found
    assert shown.gate["z"] == pytest.approx(np.full((1, 16), z), abs=5e-4)


def test_the_notation_follows_the_language_unless_it_is_chosen():
    assert Experiment().display("ko").notation == "lecture"
    assert Experiment().display("en").notation == "pytorch"
    assert Experiment(notation="pytorch").display("ko").notation == "pytorch"


@pytest.mark.parametrize("notation", ["pytorch", "lecture"])
def test_two_cells_walk_the_same_text_and_the_same_change(notation):
    found = walked(Experiment(second="gru", zero=1), notation)
    assert found.mode == "two"
    assert [run.cell for run in found.runs] == ["lstm", "gru"]
    assert len(found.fits) == 2
    assert all((run.trace.h[1:, 0] == 0.0).all() for run in found.runs)
    assert [[token.original for token in run.tokens] for run in found.runs] == [FIRST.split()] * 2


@pytest.mark.parametrize("cell", EVERY)
def test_a_window_of_a_long_text_carries_the_state_of_all_before_it(cell):
    text = " ".join("abcd"[k % 4] for k in range(200))
    experiment = Experiment(cell=cell, weights="untrained", text=text, start=101)
    learned = learn(experiment)
    found = walk(experiment, learned)
    whole = trace(learned.model, tokenise(text, "word"))
    run = found.runs[0]
    assert (found.total, run.trace.first_step, run.trace.steps) == (200, 101, WINDOW)
    assert (run.trace.h == whole.h[100 : 101 + WINDOW]).all()
    assert [t.label for t in run.tokens] == text.split()[100 : 100 + WINDOW]
    assert found.error <= 1e-12
    assert found.problems == (("window", {"first": 101, "last": 164, "total": 200}),)


def test_a_window_past_the_end_is_moved_back_to_the_last_one():
    text = " ".join("ab" * 50)
    found = walked(Experiment(weights="untrained", text=text, start=20_000))
    assert found.runs[0].trace.first_step == 100 - WINDOW + 1
    assert found.problems[0] == ("window", {"first": 37, "last": 100, "total": 100})


def test_unknown_words_are_shown_as_unk_with_what_was_typed():
    first, second = walked(Experiment(text="zebra 말이", unknown="unk")).runs[0].tokens
    assert (first.label, first.original, first.known) == ("<unk>", "zebra", False)
    assert (second.label, second.known) == ("말이", True)


def test_the_readout_is_a_distribution_over_next_words():
    run = walked(Experiment()).runs[0]
    assert run.top_ids.shape == run.top_probabilities.shape == (5, TOP)
    assert (np.diff(run.top_probabilities, axis=1) <= 0).all()
    words = FIRST.split()
    best = [run.names[k] for k in run.top_ids[:, 0]]
    assert best[:4] == words[1:]
    assert run.following[:4] == pytest.approx(run.top_probabilities[:4, 0])
    assert math.isnan(run.following[4])
    logits = run.trace.logits
    expected = torch.softmax(torch.tensor(logits), -1).sort(descending=True).values[:, :TOP]
    assert largest(run.top_probabilities, expected) <= 1e-12


@pytest.mark.parametrize("units", ["word", "char", "jamo"])
def test_every_unit_can_be_walked(units):
    found = walked(Experiment(weights="untrained", units=units, text="한 a"))
    assert found.total == {"word": 2, "char": 3, "jamo": 5}[units]
    assert found.problems == ()


def test_a_single_word_is_a_walk():
    found = walked(Experiment(weights="yours", text="말이"))
    assert found.total == 1
    assert math.isnan(found.runs[0].following[0])


def test_an_exploding_run_is_walked_to_its_end():
    experiment = Experiment(
        cell="rnn_relu", weights="untrained", init="identity", gain=10.0, text="a b " * 300, start=300
    )
    layer = walked(experiment).runs[0].trace.only
    assert layer.first_bad_step == 1
    assert not np.isfinite(layer.h).all()
