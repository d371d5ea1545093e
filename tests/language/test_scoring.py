"""Scoring and running free: against PyTorch's cross-entropy and states, over whole texts."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from explorer import Experiment, RecurrentModel
from explorer.data.corpora import lecture_sentences
from explorer.data.grammar import END
from explorer.labels import UNKNOWN
from explorer.language.scoring import _best, foresee, free_running, score, text_with_end
from tests.helpers import EVERY, largest, learned_once, word_model
from tests.language.test_sampling import lively, torch_logits

WORDS = (UNKNOWN, *"abcdefghijklm")
TOLERANCE = 1e-10


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("key", EVERY)
def test_a_score_is_torchs_cross_entropy(key, layers):
    model = lively(key, num_layers=layers)
    text = tuple(np.random.default_rng(2).choice(WORDS, size=30))
    found, logits = score(model, text), torch_logits(model, text)[:-1]
    ids = torch.tensor(model.encode(text))
    nats = F.cross_entropy(logits, ids[1:], reduction="none")
    assert largest(found.nats, nats) <= TOLERANCE
    assert found.perplexity == pytest.approx(math.exp(F.cross_entropy(logits, ids[1:])), rel=1e-12)
    running = [math.exp(F.cross_entropy(logits[:t], ids[1 : t + 1])) for t in range(1, 30)]
    assert largest(found.running / running, 1.0) <= TOLERANCE
    expected = torch.softmax(logits, -1).topk(10)
    assert found.top.shape == found.top_p.shape == (29, 10)
    assert found.top.tolist() == expected.indices.tolist()
    assert largest(found.top_p, expected.values) <= TOLERANCE
    assert found.ids.tolist() == ids.tolist()


def test_a_long_score_is_the_same_in_pieces():
    model = lively("lstm")
    text = tuple(np.random.default_rng(3).choice([*WORDS, "zebra"], size=700))
    nats = F.cross_entropy(
        torch_logits(model, text)[:-1], torch.tensor(model.encode(text))[1:], reduction="none"
    )
    found = score(model, text)
    assert largest(found.nats, nats) <= TOLERANCE
    assert found.known == tuple(word != "zebra" for word in text)


def test_a_score_of_a_small_vocabulary_ranks_all_of_it_and_one_token_is_refused():
    model = word_model("rnn", ("a", "b"), H=2)
    assert score(model, ("a", "b", "a")).top.shape == (2, 2)
    with pytest.raises(ValueError, match="two tokens"):
        score(model, ("a",))


# Running free


@pytest.mark.parametrize("key", EVERY)
def test_free_running_reads_its_own_words_after_the_start(key):
    model = lively(key, num_layers=2)
    text = ("a", "b", "c", "zebra", "e", "f", "g", "h")
    found = free_running(model, text, 3)
    expected = list(text[:3])
    while len(expected) < len(text):
        expected.append(WORDS[int(torch_logits(model, expected)[-1].argmax())])
    assert found.free == tuple(expected)
    assert found.tokens == ("a", "b", "c", UNKNOWN, "e", "f", "g", "h")
    assert found.forced == tuple(WORDS[int(k)] for k in torch_logits(model, text)[:-1].argmax(-1))
    apart = [t for t in range(1, 9) if found.free[t - 1] != found.tokens[t - 1]]
    assert found.parts == (apart[0] if apart else None)
    whole = free_running(model, text, 8)
    assert whole.free == whole.tokens and whole.parts is None


@pytest.mark.parametrize("start", [0, 3])
def test_a_start_outside_the_text_is_refused(start):
    with pytest.raises(ValueError, match="from 1 to 2"):
        free_running(lively("rnn"), ("a", "b"), start)


def torch_states(model: RecurrentModel, tokens) -> torch.Tensor:
    """Returns PyTorch's last layer of states (T, H)."""
    with torch.no_grad():
        embedded = model.embedding(torch.tensor(model.encode(tokens))[:, None])
        return model.rnn(embedded)[0][:, 0]


@pytest.mark.parametrize("key", EVERY)
def test_the_distance_is_that_of_torchs_states_and_0_until_the_runs_part(key):
    model = lively(key, num_layers=2)
    text = ("a", "b", "c", "d", "zebra", "f", "g", "h", "i")
    for start in range(1, len(text) + 1):
        found = free_running(model, text, start)
        gap = torch_states(model, found.free) - torch_states(model, text)
        assert largest(found.distance, gap.norm(dim=-1)) <= TOLERANCE
        together = len(text) if found.parts is None else found.parts - 1
        assert not found.distance[:together].any() and found.distance[together:].all()


def exploding() -> RecurrentModel:
    model = lively("rnn_relu")
    with torch.no_grad():
        model.rnn.weight_hh_l0.fill_(1e60)
        model.rnn.bias_ih_l0.fill_(1.0)
    return model


def test_a_run_ends_where_the_network_explodes():
    found = free_running(exploding(), ("a",) * 12, 2)
    assert 2 < len(found.free) < 12
    assert np.isnan(found.distance[len(found.free) :]).all()
    assert foresee(exploding(), ("a",) * 12).bad_step == 2


# A text foreseen


@pytest.mark.parametrize("start, most", [(1, 64), (1, 7), (5, 7), (17, 7), (99, 7)])
def test_a_text_foreseen_is_torchs_softmax_at_the_steps_shown(start, most):
    model = lively("gru")
    text = tuple(np.random.default_rng(4).choice([*WORDS, "zebra"], size=20))
    found = foresee(model, text, start=start, most=most)
    assert found.first == max(1, min(start, 20 - most + 1)) and found.steps == min(most, 20)
    p = torch.softmax(torch_logits(model, text), -1)[found.first - 1 : found.first - 1 + found.steps]
    best = p.topk(10)
    assert found.top.tolist() == best.indices.tolist()
    assert largest(found.top_p, best.values) <= TOLERANCE
    following = torch.tensor(model.encode(text))[found.first : found.first + found.steps]
    true = p[: len(following)].gather(1, following[:, None])
    assert largest(found.p[: len(following)], true[:, 0]) <= TOLERANCE
    assert found.rank[: len(following)].tolist() == (1 + (p[: len(following)] > true).sum(-1)).tolist()
    assert np.isnan(found.p[len(following) :]).all() and not found.rank[len(following) :].any()
    whole = score(model, text)
    assert np.array_equal(found.score.nats, whole.nats) and found.score.perplexity == whole.perplexity


def test_equals_rank_in_the_order_of_the_vocabulary():
    model = lively("rnn")
    with torch.no_grad():
        model.readout.weight.zero_()
        model.readout.bias.zero_()
    found = foresee(model, tuple("abcm"))
    assert found.rank.tolist() == [3, 4, 14, 0]
    assert found.top.tolist() == [list(range(10))] * 4


@pytest.mark.parametrize("V", [1, 5, 10, 11, 60])
def test_the_best_are_those_of_a_full_sort(V):
    rng = np.random.default_rng(V)
    logits = rng.integers(-4, 0, (200, V)).astype(float)  # many equals
    logits[:100] += rng.normal(size=(100, V))
    top, p = _best(logits)
    expected = np.argsort(-logits, axis=-1, kind="stable")[:, :10]
    assert np.array_equal(top, expected)
    assert np.array_equal(p, np.exp(np.take_along_axis(logits, expected, -1)))


@pytest.mark.parametrize("free, start, begins", [(1, 1, 1), (4, 1, 4), (1, 6, 6), (9, 6, 9), (99, 6, 13)])
def test_a_text_foreseen_runs_free_within_the_steps_shown(free, start, begins):
    model = lively("lstm", seed=1)
    text = tuple(np.random.default_rng(5).choice(WORDS[1:], size=20))
    found = foresee(model, text, free=free, start=start, most=8)
    last = found.first + 7
    run, expected = found.run, free_running(model, text[:last], min(begins, last))
    assert run.start == min(begins, last)
    assert (run.tokens, run.forced, run.free, run.parts) == (
        expected.tokens,
        expected.forced,
        expected.free,
        expected.parts,
    )
    assert largest(run.distance, expected.distance) <= TOLERANCE


def test_an_end_that_was_learned_is_foreseen_too():
    on = Experiment(ending="on")
    model = learned_once(on.model_part()).model
    for sentence in lecture_sentences():
        tokens = text_with_end(Experiment(ending="on", text=sentence), model)
        assert tokens == (*sentence.split(), END)
        assert foresee(model, tokens).p[-2] > 0.5
    assert text_with_end(Experiment(text="a b"), model) == ("a", "b")
    assert text_with_end(on, lively("rnn"))[-1] != END


def test_the_lectures_words_are_foreseen_as_often_as_they_follow():
    """Counted by hand of all that came before: what follows 말이 differs, and the network knows which."""
    model = learned_once(Experiment()).model
    sentences = [tuple(sentence.split()) for sentence in lecture_sentences()]
    for sentence in sentences:
        found = foresee(model, sentence)
        for at in range(1, len(sentence)):
            begun = [other for other in sentences if other[:at] == sentence[:at] and len(other) > at]
            often = sum(other[at] == sentence[at] for other in begun) / len(begun)
            assert found.p[at - 1] == pytest.approx(often, abs=0.15)
    found = foresee(model, sentences[2])
    best = [model.vocabulary[k] for k in found.top[:, 0]]
    assert best[:2] == ["말이", "고와야"] and best[4] == "곱다"
