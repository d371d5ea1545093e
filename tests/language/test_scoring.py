"""Language: generating, scoring and running free, against PyTorch over whole prefixes and brute force."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from explorer import Experiment, RecurrentModel, trace
from explorer.data.corpora import lecture_sentences
from explorer.data.grammar import END
from explorer.labels import UNKNOWN
from explorer.language.scoring import (
    _drawn,
    _most_probable,
    foresee,
    free_running,
    generate,
    probabilities,
    score,
    text_with_end,
)
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


# Scoring


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
def test_the_most_probable_are_those_of_a_full_sort(V):
    rng = np.random.default_rng(V)
    logits = rng.integers(-4, 0, (200, V)).astype(float)  # many equals
    logits[:100] += rng.normal(size=(100, V))
    top, p = _most_probable(logits)
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
