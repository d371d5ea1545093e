"""Sampling: the distribution against brute force, every step against PyTorch over the whole prefix."""

import math

import numpy as np
import pytest
import torch

from explorer import Experiment, RecurrentModel, trace
from explorer.data.corpora import lecture_sentences
from explorer.labels import UNKNOWN
from explorer.language.sampling import _drawn, generate, probabilities
from explorer.language.scoring import free_running, score
from tests.helpers import EVERY, largest, learned_once, number_model, word_model

WORDS = (UNKNOWN, *"abcdefghijklm")
TOLERANCE = 1e-10


def lively(key: str, seed: int = 0, **shape) -> RecurrentModel:
    """Returns a float64 model whose distributions are far from even."""
    model = word_model(key, WORDS, seed, H=6, **shape).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 2.0
    return model


def torch_logits(model: RecurrentModel, tokens) -> torch.Tensor:
    """Returns PyTorch's logits (T, V), the whole text read at once."""
    with torch.no_grad():
        return model(torch.tensor(model.encode(tokens))[:, None])[:, 0]


def independent(model: RecurrentModel) -> RecurrentModel:
    """Returns a model that says the same of the next token whatever it has read."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name != "readout.bias":
                parameter.zero_()
    return model


# The distribution


def brute_force(logits: np.ndarray, temperature: float, top_k: int, top_p: float) -> list[float]:
    """The filters by their definitions, one token at a time in exact order, sums by fsum."""
    top = max(logits)
    mass = [math.exp((logit - top) / temperature) for logit in logits]
    order = sorted(range(len(mass)), key=lambda k: (-logits[k], k))
    kept = order[:top_k] if top_k else order
    whole = math.fsum(mass[k] for k in kept)
    nucleus: list[int] = []
    for k in kept:
        nucleus.append(k)
        if math.fsum(mass[j] for j in nucleus) / whole >= top_p:
            break
    total = math.fsum(mass[k] for k in nucleus)
    return [mass[k] / total if k in nucleus else 0.0 for k in range(len(mass))]


@pytest.mark.parametrize("temperature", [0.1, 0.8, 1.0, 3.0])
def test_probabilities_are_torchs_softmax_at_a_temperature(temperature):
    logits = 5 * np.random.default_rng(0).normal(size=50)
    expected = torch.softmax(torch.from_numpy(logits) / temperature, 0)
    assert largest(probabilities(logits, temperature=temperature), expected) <= 1e-14


def test_top_k_and_top_p_are_those_of_brute_force():
    rng = np.random.default_rng(1)
    for _ in range(300):
        V = int(rng.integers(1, 12))
        logits = np.round(2 * rng.normal(size=V), int(rng.integers(0, 3)))  # with ties
        temperature, top_k = float(rng.uniform(0.2, 3)), int(rng.integers(0, V + 3))
        top_p = float(rng.choice([1.0, rng.uniform(0.01, 1)]))
        found = probabilities(logits, temperature=temperature, top_k=top_k, top_p=top_p)
        assert largest(found, brute_force(logits, temperature, top_k, top_p)) <= 1e-14
        assert found.dtype == np.float64 and abs(found.sum() - 1) <= 1e-14


def test_of_equals_the_first_is_kept_and_greedy_takes_it():
    logits = np.array([0.0, 2.0, 1.0, 2.0, 2.0])
    assert np.flatnonzero(probabilities(logits, top_k=2)).tolist() == [1, 3]
    assert np.flatnonzero(probabilities(logits, top_p=0.2)).tolist() == [1]
    assert probabilities(logits, temperature=0).tolist() == [0, 1, 0, 0, 0]
    assert probabilities(np.log([0.5, 0.25, 0.25]), top_p=0.75).tolist() == pytest.approx([2 / 3, 1 / 3, 0])


def test_extremes_stay_a_distribution():
    assert probabilities(np.array([1e300, -1e300, 0])).tolist() == [1, 0, 0]
    assert probabilities(np.array([1.0, 2.0]), temperature=1e-320).tolist() == [0, 1]
    assert probabilities(np.array([-np.inf, 0.0, 0.0])).tolist() == [0, 0.5, 0.5]


@pytest.mark.parametrize(
    ("logits", "settings", "says"),
    [
        ([0.0], {"temperature": -1}, "temperature"),
        ([0.0], {"temperature": math.nan}, "temperature"),
        ([0.0], {"temperature": math.inf}, "temperature"),
        ([0.0], {"top_k": -1}, "top_k"),
        ([0.0], {"top_k": 1.5}, "top_k"),
        ([0.0], {"top_p": 0.0}, "top_p"),
        ([0.0], {"top_p": 1.1}, "top_p"),
        ([0.0], {"top_p": math.nan}, "top_p"),
        ([math.nan, 0.0], {}, "not finite"),
        ([math.inf, 0.0], {}, "not finite"),
        ([-math.inf], {}, "not finite"),
        ([], {}, "shape"),
        ([[0.0]], {}, "shape"),
    ],
)
def test_bad_values_are_refused(logits, settings, says):
    with pytest.raises(ValueError, match=says):
        probabilities(np.array(logits), **settings)


# Generating


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("key", EVERY)
def test_every_step_is_that_of_the_torch_model_over_the_whole_prefix(key, layers):
    model = lively(key, num_layers=layers)
    prompt = ("a", "b", "a")
    said = generate(model, prompt, 12, temperature=0.7, top_k=6, top_p=0.9, seed=5)
    text = [*prompt]
    for step, token in zip(said.steps, said.tokens, strict=True):
        logits = torch_logits(model, text)[-1]
        own = torch.softmax(logits, 0)
        logits[0] = -torch.inf  # <unk>
        expected = np.array(brute_force(logits.numpy(), 0.7, 6, 0.9))
        assert largest(step.p, expected) <= TOLERANCE
        assert step.probability == step.p[step.token] > 0
        assert abs(step.model_probability - own[step.token]) <= TOLERANCE
        assert abs(step.model_entropy - torch.distributions.Categorical(own).entropy()) <= TOLERANCE
        some = expected[expected > 0]
        assert abs(step.entropy + (some * np.log(some)).sum()) <= TOLERANCE
        assert model.vocabulary[step.token] == token
        text.append(token)
    assert largest(said.probability, [step.probability for step in said.steps]) == 0
    assert largest(said.entropy, [step.entropy for step in said.steps]) == 0


@pytest.mark.parametrize("key", EVERY)
def test_states_are_those_of_trace_and_trace_takes_them(key):
    model = lively(key, num_layers=2)
    said = generate(model, ("a", "b"), 5, seed=2)
    whole = trace(model, ("a", "b", *said.tokens))
    for at, step in enumerate(said.steps):
        for level, layer in enumerate(whole.layers):
            assert largest(step.state[0][level], layer.h[2 + at]) <= TOLERANCE
            if layer.c is not None:
                assert largest(step.state[1][level], layer.c[2 + at]) <= TOLERANCE
    third = said.steps[2]
    state = third.state if len(third.state) > 1 else third.state[0]
    again = trace(model, said.tokens[2:3], state)
    assert largest(again.logits[0], whole.logits[4]) <= TOLERANCE


def test_tokens_come_as_often_as_the_probabilities_say():
    model = independent(word_model("rnn", ("a", "b", "c", "d", "e", "f"), H=2))
    with torch.no_grad():
        model.readout.bias.copy_(torch.tensor([2.0, 1.0, 0.5, 0.0, -1.0, -9.0]))
    for settings, freedom, critical in (
        ({"temperature": 1.5}, 5, 20.52),  # of chi-square, one run in a thousand
        ({"top_k": 4}, 3, 16.27),
        ({"top_p": 0.7}, 1, 10.83),
    ):
        said = generate(model, ("a",), 4000, seed=11, **settings)
        p = said.steps[0].p
        counts = np.bincount([step.token for step in said.steps], minlength=6)
        drawn = p > 0
        assert drawn.sum() == freedom + 1 and counts[~drawn].sum() == 0
        expected = 4000 * p[drawn]
        assert ((counts[drawn] - expected) ** 2 / expected).sum() < critical


def test_a_draw_at_either_end_takes_a_token_that_may_come():
    p = np.array([0.0, 0.3, 0.7, 0.0])
    assert _drawn(p, 0.0) == 1 and _drawn(p, math.nextafter(1, 0)) == 2
    assert _drawn(np.array([0.1] * 10 + [0.0]), 1.0) == 9


def test_same_seed_same_text_and_a_larger_count_goes_on():
    model = lively("gru")
    one, two = (generate(model, ("a",), n, seed=3, temperature=2.0) for n in (20, 40))
    assert one.tokens == two.tokens[:20] == generate(model, ("a",), 20, seed=3, temperature=2.0).tokens
    assert len({generate(model, ("a",), 20, seed=s, temperature=2.0).tokens for s in range(5)}) == 5
    before = torch.get_rng_state()
    generate(model, ("a",), 5)
    assert torch.equal(before, torch.get_rng_state())


def test_a_fork_changes_nothing_before_it_and_keeps_later_draws():
    model = lively("lstm")
    plain = generate(model, ("a",), 15, seed=4, temperature=2.0)
    other = next(word for word in WORDS[1:] if word != plain.tokens[6])
    fork = generate(model, ("a",), 15, seed=4, temperature=2.0, forced={7: other})
    assert fork.tokens[:6] == plain.tokens[:6] and fork.tokens[6] == other
    assert largest(fork.steps[6].p, plain.steps[6].p) == 0
    assert fork.steps[6].probability == fork.steps[6].p[fork.steps[6].token]
    assert largest(fork.steps[7].p, plain.steps[7].p) > 0
    same = generate(model, ("a",), 15, seed=4, temperature=2.0, forced={7: plain.tokens[6]})
    assert same.tokens == plain.tokens
    even = independent(lively("rnn"))  # here only the draws decide
    plain = generate(even, ("a",), 15, seed=4)
    fork = generate(even, ("a",), 15, seed=4, forced={2: UNKNOWN, 7: "c"})
    assert fork.tokens == (plain.tokens[0], UNKNOWN, *plain.tokens[2:6], "c", *plain.tokens[7:])
    assert fork.steps[1].probability == 0


def test_stop_ends_it_and_avoided_tokens_never_come():
    model = independent(lively("rnn"))
    said = generate(model, ("a",), 200, seed=1, stop="c")
    assert said.stopped_by_end and said.tokens[-1] == "c" and "c" not in said.tokens[:-1]
    free = generate(model, ("a",), 400, seed=1, avoid=())
    assert not free.stopped_by_end and set(free.tokens) == set(WORDS)
    assert set(generate(model, ("a",), 400, seed=1).tokens) == set(WORDS[1:])
    assert set(generate(model, ("a",), 50, avoid=(*WORDS[:12], "not there")).tokens) == set(WORDS[12:])
    assert generate(model, ("a",), 0).steps == ()


def test_a_prompt_is_recorded_as_the_model_read_it():
    said = generate(lively("gru"), ("a", "zebra", UNKNOWN), 1)
    assert said.prompt == ("a", UNKNOWN, UNKNOWN)
    assert said.known == (True, False, True)


def test_float32_weights_are_run_in_float64():
    narrow = word_model("lstm", WORDS, H=6)
    wide = word_model("lstm", WORDS, H=6).double()
    one, two = (generate(model, ("a", "b"), 10, seed=1) for model in (narrow, wide))
    assert one.tokens == two.tokens
    assert max(largest(a.p, b.p) for a, b in zip(one.steps, two.steps, strict=True)) == 0
    assert narrow.readout.weight.dtype == torch.float32


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"prompt": ()}, "empty"),
        ({"count": -1}, "count"),
        ({"stop": "zebra"}, "zebra"),
        ({"forced": {1: "zebra"}}, "zebra"),
        ({"forced": {0: "a"}}, "step 0"),
        ({"forced": {4: "a"}}, "step 4"),
        ({"avoid": WORDS}, "no token is left"),
        ({"temperature": -1.0}, "temperature"),
        ({"count": 0, "top_p": 2.0}, "top_p"),
    ],
)
def test_what_cannot_be_generated_is_refused(changes, says):
    given = {"prompt": ("a",), "count": 3} | changes
    with pytest.raises(ValueError, match=says):
        generate(lively("rnn"), given.pop("prompt"), given.pop("count"), **given)


def test_models_that_cannot_generate_are_refused():
    with pytest.raises(ValueError, match="no vocabulary"):
        generate(number_model("lstm"), ("a",), 1)
    with pytest.raises(ValueError, match="both directions"):
        score(lively("gru", bidirectional=True), ("a", "b"))
    exploding = lively("rnn_relu")
    with torch.no_grad():
        exploding.rnn.weight_hh_l0.fill_(1e200)
        exploding.rnn.bias_ih_l0.fill_(1.0)
    with pytest.raises(ValueError, match="exploded"):
        generate(exploding, ("a",) * 5, 1)
    assert np.isnan(score(exploding, ("a",) * 6).nats[-1])


# The lecture's sentences


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_lectures_sentences_come_from_their_first_words(cell):
    """As in seed 003: the prompt's first word decides which 말 is meant, and so the whole sentence."""
    model = learned_once(Experiment(cell=cell)).model
    expected = (
        "경마장에 있는 말이 뛰고 있다",
        "그의 말이 법이다",
        "가는 말이 고와야 오는 말이 곱다",
    )
    assert lecture_sentences() == expected
    for sentence in expected:
        words = tuple(sentence.split())
        said = generate(model, words[:1], len(words) - 1, temperature=0)
        assert said.prompt + said.tokens == words
        assert free_running(model, words, 1).parts is None
        assert score(model, words).perplexity < 1.2
