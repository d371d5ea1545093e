"""What a state still knows: the probe against least squares, a register that copies, a flow's gradient."""

import json
import re
from functools import cache

import numpy as np
import pytest
import torch

from explorer.cells import CELLS
from explorer.data.sources import source
from explorer.experiment import Experiment
from explorer.gradients.bptt import bptt
from explorer.i18n import LANGUAGES, section
from explorer.lab.flow import flow
from explorer.lab.learned import learn, text_of
from explorer.labels import UNKNOWN
from explorer.language.probing import (
    ENOUGH_TEST,
    GRADIENTS,
    MOST_WORDS,
    PENALTIES,
    Probed,
    Sequences,
    baseline,
    finding,
    memories,
    memory,
    own_text,
    probe,
    random_words,
    ridge,
    rows,
    states,
)
from explorer.nn.initialise import initialise
from explorer.nn.model import RecurrentModel
from explorer.nn.tracing import trace
from explorer.stage import MODULES
from explorer.stage.memory import build_memory
from explorer.stage.payload import header_of
from explorer.text import tokenise
from tests.helpers import word_model

LETTERS = (UNKNOWN, *"abcdefgh")


def untrained(cell: str, H: int = 24, **options) -> RecurrentModel:
    return word_model(cell, LETTERS, H=H, **options).double()


@cache
def remembered(cell: str):
    model = untrained(cell)
    return memory(model, random_words(LETTERS, 6))


def register(length: int, small: float = 1e-3) -> RecurrentModel:
    """A plain RNN whose state holds the last tokens one-hot, side by side, and moves them on by one place."""
    V = len(LETTERS)
    model = RecurrentModel("rnn", V, length * V, V, vocabulary=LETTERS).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.embedding.weight.copy_(torch.eye(V))
        model.rnn.weight_ih_l0[:V] = small * torch.eye(V)
        model.rnn.weight_hh_l0[V:, :-V] = torch.eye((length - 1) * V)
        model.readout.weight.copy_(torch.eye(V, length * V))
    return model


# The probe.


@pytest.mark.parametrize("penalty", [1e-8, 1e-3, 1.0])
def test_a_ridge_is_the_least_squares_solution_of_the_augmented_system(penalty):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(80, 7)), rng.normal(size=(80, 3, 4))
    x, y = x - x.mean(0), y - y.mean(0)
    above = torch.from_numpy(np.concatenate([x, np.sqrt(80 * penalty) * np.eye(7)]))
    right = torch.from_numpy(np.concatenate([y.reshape(80, 12), np.zeros((7, 12))]))
    expected = torch.linalg.lstsq(above, right).solution.numpy().reshape(7, 3, 4)
    np.testing.assert_allclose(ridge(x, y, np.array([penalty])), expected, atol=1e-10)


def test_the_penalty_is_the_one_that_cross_validation_by_the_hat_matrix_chooses():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 6)) * 10.0 ** -np.arange(6)
    y = (x @ rng.normal(size=(6, 5)) + 0.02 * rng.normal(size=(40, 5)))[:, :, None]
    x, y = x - x.mean(0), y - y.mean(0)
    centre = np.full((40, 40), 1 / 40)
    for k in range(5):
        errors = []
        for penalty in PENALTIES:
            hat = x @ np.linalg.solve(x.T @ x + 40 * penalty * np.eye(6), x.T)
            left = y[:, k, 0] - hat @ y[:, k, 0]
            errors.append((left**2).mean() / (1 - np.trace(hat + centre) / 40) ** 2)
        best = PENALTIES[[int(np.argmin(errors))]]
        np.testing.assert_allclose(ridge(x, y)[:, k], ridge(x, y, best)[:, k], rtol=1e-9)


def test_a_probe_reads_tokens_that_stand_in_the_state_and_none_that_do_not():
    rng = np.random.default_rng(2)
    ids = rng.integers(0, 5, (900, 2))
    state = np.eye(5)[ids[:, 0]] @ rng.normal(size=(5, 9))
    read = probe(state[:600], ids[:600], state[600:])
    assert (read[:, 0] == ids[600:, 0]).all()
    assert (read[:, 1] == ids[600:, 1]).mean() == pytest.approx(0.2, abs=0.08)


def test_a_probe_of_shuffled_tokens_is_at_the_baseline():
    model, words = untrained("rnn"), random_words(LETTERS, 3)
    x = states(model, words.fit)["h"][:, 2]
    shuffled = np.random.default_rng(3).permutation(words.fit[:, :1])
    read = probe(x, shuffled, states(model, words.test)["h"][:, 2])
    usual = baseline(shuffled, words.test[:, :1])
    assert (read == words.test[:, :1]).mean() == pytest.approx(usual[0], abs=0.06)


def test_states_that_never_change_are_read_as_the_most_frequent_token():
    ids = np.array([[1], [1], [2]] * 20)
    assert (probe(np.ones((60, 4)), ids, np.ones((9, 4))) == 1).all()


def test_the_baseline_is_the_share_of_the_most_frequent_token_of_the_others():
    fit = np.array([[1, 2], [1, 3], [2, 3]])
    np.testing.assert_array_equal(baseline(fit, np.array([[1, 3], [2, 3], [1, 2], [2, 2]])), [0.5, 0.5])


# The states.


@pytest.mark.parametrize("cell", CELLS)
def test_states_are_those_of_the_module(cell):
    model, ids = untrained(cell, H=5), random_words(LETTERS, 7).test
    with torch.no_grad():
        output, last = model.rnn(model.embedding(torch.from_numpy(ids.T)))
    found = states(model, ids)
    np.testing.assert_allclose(found["h"], output.numpy().swapaxes(0, 1), atol=1e-12)
    assert tuple(found) == model.states
    if isinstance(last, tuple):
        np.testing.assert_allclose(found["c"][:, -1], last[1][0].numpy(), atol=1e-12)


def test_of_a_stack_the_last_layer_is_asked():
    model, ids = untrained("gru", H=5, num_layers=2), random_words(LETTERS, 4).test[:3]
    with torch.no_grad():
        output = model.rnn(model.embedding(torch.from_numpy(ids.T)))[0]
    np.testing.assert_allclose(states(model, ids)["h"], output.numpy().swapaxes(0, 1), atol=1e-12)


def test_a_network_that_reads_both_ways_is_refused():
    with pytest.raises(ValueError, match="both ways"):
        states(untrained("gru", bidirectional=True), np.ones((2, 3), int))


# What is remembered.


def test_a_register_is_read_exactly_up_to_its_length_and_not_beyond():
    found = memory(register(3), random_words(LETTERS, 7))
    accuracy = found.readings["h"].accuracy
    for t in range(7):
        for k in range(t + 1):
            if t - k < 3:
                assert accuracy[t, k] == 1.0
            else:
                assert accuracy[t, k] == pytest.approx(1 / 8, abs=0.06)
    assert np.isnan(accuracy[np.triu_indices(7, 1)]).all()


def test_what_a_register_forgets_is_where_no_gradient_comes_from_either():
    reading = memory(register(3), random_words(LETTERS, 7)).readings["h"]
    by_distance = reading.norm_by_distance
    assert (by_distance[1:] == 0.0).all()  # its readout sees the last token alone: known, and no gradient
    assert finding(memory(register(5), random_words(LETTERS, 7)), "h").verdict == "known_vanished"


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "gru_reset_before", "lstm_coupled"])
def test_an_untrained_network_still_knows_the_last_token(cell):
    found = remembered(cell)
    assert set(found.readings) == ({"h", "c"} if cell.startswith("lstm") else {"h"})
    for reading in found.readings.values():
        assert reading.accuracy_by_distance[0] > 0.97
        assert reading.accuracy_by_distance[0] > reading.accuracy_by_distance[5]
    assert found.baseline.tolist() == found.baseline_by_distance.tolist() == [1 / 8] * 6  # one guess rate


def test_the_same_network_gives_the_same_memory():
    again = memory(untrained("lstm"), random_words(LETTERS, 6))
    for symbol, reading in remembered("lstm").readings.items():
        for name in ("accuracy", "guess", "norm"):
            np.testing.assert_array_equal(getattr(reading, name), getattr(again.readings[symbol], name))


def test_the_shown_sequence_is_the_first_one_tested():
    words = random_words(LETTERS, 6)
    found = remembered("rnn")
    assert [token.label for token in found.tokens] == [LETTERS[k] for k in words.test[0, :6]]
    right = found.readings["h"].guess == found.ids
    assert right.diagonal().mean() > 0.8


# The gradient.


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_gradient_is_that_of_the_flow_over_the_same_sentence(cell):
    experiment = Experiment(cell=cell, weights="untrained", hidden=6)
    learned = learn(experiment.model_part())
    ids = np.array(learned.model.encode(tokenise(text_of(experiment), "word")))
    T = len(ids) - 1
    words = random_words(learned.model.vocabulary, T)
    found = memory(learned.model, Sequences("words", words.fit, np.tile(ids, (GRADIENTS, 1)), words.choices))
    expected = flow(experiment, {cell: learned}).chosen.each
    np.testing.assert_allclose(found.readings["h"].norm, expected.norm[:T, 1 : T + 1], rtol=1e-12)
    if cell == "lstm":
        np.testing.assert_allclose(found.readings["c"].norm, expected.norm_c[:T, 1 : T + 1], rtol=1e-12)


def test_of_several_sequences_the_middle_norm_is_shown():
    model, words = untrained("gru"), random_words(LETTERS, 4)
    each = [
        bptt(trace(model, ids.tolist()), loss="each_step").norm[:4, 1:5] for ids in words.test[:GRADIENTS]
    ]
    np.testing.assert_allclose(memory(model, words).readings["h"].norm, np.median(each, 0), rtol=1e-12)


def test_a_ratio_over_a_distance_compares_the_same_losses():
    norm = np.full((4, 4), np.nan)
    for t, size in enumerate((1.0, 100.0, 3.0, 7.0)):
        norm[t, : t + 1] = size * 0.5 ** np.arange(t, -1, -1)
    reading = Probed(norm, norm, norm)
    assert reading.shrunk(2) == pytest.approx(0.25)
    assert reading.norm_by_distance[3] == pytest.approx(7 / 8)


# The sequences.


def test_random_words_leave_out_unknown_and_end_and_are_about_as_likely():
    words = random_words((UNKNOWN, "a", "<eos>", "b", "c"), 5)
    assert words.fit.shape == (1500, 6) and words.test.shape == (500, 6)
    counts = np.bincount(words.fit.ravel(), minlength=5)
    assert counts[0] == counts[2] == 0
    assert counts[[1, 3, 4]] == pytest.approx([3000] * 3, rel=0.1)


def test_of_a_large_vocabulary_some_words_are_drawn():
    words = random_words((UNKNOWN, *(f"w{k}" for k in range(900))), 3)
    assert len(np.unique(words.fit)) == words.choices == MOST_WORDS


def test_one_token_is_nothing_to_tell_apart():
    with pytest.raises(ValueError, match="takes 2"):
        random_words((UNKNOWN, "a"), 4)


def test_own_text_is_tested_on_sentences_that_are_held_out():
    data = source(Experiment(data="brackets", units="char", length=8), "en")
    found = own_text(data, 12)
    assert found is not None and found.steps == 12
    held = {bytes(row[:13]) for row in rows(data.held_out())}
    assert {bytes(row) for row in found.test} <= held
    assert not {bytes(row) for row in found.test} & {bytes(row) for row in found.fit}
    assert len(found.test) >= ENOUGH_TEST


def test_a_long_text_of_ones_own_is_cut_where_its_windows_are_too_few():
    rng = np.random.default_rng(0)
    text = "".join(rng.choice(list("abcdefghij"), 17_000))
    data = source(Experiment(data="yours", text=text, units="char", length=60))
    found = own_text(data, 12)
    assert found is not None
    tail = text[-len(text) // 10 - 1 :]
    assert all("".join(data.vocabulary[k] for k in row) in tail for row in found.test)


@pytest.mark.parametrize(
    "fields", [{"data": "lecture"}, {"data": "yours", "text": "a b c d"}, {"data": "copy"}]
)
def test_where_nothing_is_held_out_there_is_no_own_text(fields):
    assert own_text(source(Experiment(**fields)), 12) is None


def test_both_kinds_have_the_same_steps_and_text_comes_first():
    experiment = Experiment(data="brackets", units="char", length=4, cell="rnn", hidden=8)
    data = source(experiment, "en")
    model = RecurrentModel("rnn", 8, 8, len(data.vocabulary), vocabulary=data.vocabulary)
    initialise(model, torch.Generator().manual_seed(0))
    found = memories(model.double(), data, "char")
    assert [one.kind for one in found] == ["text", "words"]
    assert found[0].steps == found[1].steps
    other = memories(untrained("rnn"), data, "char")  # of another vocabulary
    assert [one.kind for one in other] == ["words"]


# What is said.


def test_an_explosion_is_a_sentence_and_no_crash():
    model = untrained("rnn_relu")
    with torch.no_grad():
        model.rnn.weight_hh_l0.copy_(1e12 * torch.eye(24))
    found = memory(model, random_words(LETTERS, 8))
    assert found.bad is not None and 2 < found.bad < 8
    reading = found.readings["h"]
    assert np.isfinite(reading.accuracy[0, 0]) and np.isnan(reading.accuracy[found.bad - 1 :]).all()
    assert finding(found, "h").verdict == "nonfinite"
    for lang in LANGUAGES:
        (run,) = header_of(build_memory([found], LETTERS, lang, "h"))["runs"]
        assert str(found.bad) in run["notice"]
        assert len(run["said"]["h"]) == 1


@pytest.mark.parametrize(
    "accuracy, guess, shrunk, verdict",
    [
        (0.8, 0.1, 1e-4, "known_vanished"),
        (0.8, 0.1, 3.0, "known_arrives"),
        (0.2, 0.1, 0.5, "partly_arrives"),
        (0.2, 0.1, 1e-9, "partly_vanished"),
        (0.11, 0.1, 0.5, "lost_arrives"),
        (0.11, 0.1, 0.0, "lost_vanished"),
        (0.14, 0.09, 0.5, "hardly_arrives"),  # of 500, a guess has .09 +- .013
        (0.14, 0.09, 0.0, "hardly_vanished"),
        (1.0, 0.99, 0.5, "certain"),
        (0.5, 0.1, np.inf, "nonfinite"),
    ],
)
def test_a_verdict_follows_from_the_numbers(accuracy, guess, shrunk, verdict):
    from dataclasses import replace

    base = remembered("rnn")
    lower = np.tri(6)
    norm = np.where(lower > 0, 1.0, np.nan)
    norm[np.tri(6, k=-3) > 0] = shrunk
    reading = Probed(np.where(lower > 0, accuracy, np.nan), np.full((6, 6), 1), norm)
    found = finding(replace(base, baseline=np.full(6, guess), readings={"h": reading}, tested=500), "h")
    assert found.verdict == verdict
    assert found.distance == 3
    for lang in LANGUAGES:
        assert verdict in section("memory", lang)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_payload_holds_every_name_and_string_that_the_stage_asks_for(lang):
    found = remembered("lstm")
    header = header_of(build_memory([found], LETTERS, lang, "c"))
    assert header["state"] == "c" and header["states"] == ["h", "c"]
    assert header_of(build_memory([remembered("rnn")], LETTERS, lang, "c"))["state"] == "h"
    (run,) = header["runs"]
    read = {int(k) for reading in found.readings.values() for k in np.unique(reading.guess) if k >= 0}
    assert {str(k) for k in read | set(found.ids.tolist())} <= set(run["names"])
    asked = set(re.findall(r"strings\.(\w+)", (MODULES / "language/memory.js").read_text("utf-8")))
    asked |= {f"kind_{kind}" for kind in ("text", "words")} | {"state_h", "state_c"}
    assert asked <= set(header["strings"])
    assert json.dumps(header, allow_nan=False)


def test_sizes_are_said_as_people_say_them():
    from explorer.stage.memory import _size

    said = [_size(ratio, "en") for ratio in (0.0, 2e-5, 0.0042, 0.3, 1.0, 3770.0, 3.8e6)]
    assert said == [
        "0\u00a0% of",
        "2.0 × 10⁻⁵ of",
        "0.42\u00a0% of",
        "30\u00a0% of",
        "100\u00a0% of",
        "3,770 times",
        "3.8 × 10⁶ times",
    ]
