"""Attention against PyTorch's own and equations written anew; in translation; over seeds, by length."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from explorer.architectures import bottleneck
from explorer.architectures.bottleneck import CLAUSES, CONTESTANTS, END, START, Trial, apart, sentences
from explorer.architectures.mappings import MOST_SAID, Network, fit, read, walk_of
from explorer.architectures.mappings.attention import KINDS, Attention
from explorer.architectures.mappings.common import TRAINING_STEPS
from explorer.data.exercises import translation_split
from explorer.experiment import ATTENDED, Display, Experiment
from explorer.figures.bottleneck import length_figure
from explorer.figures.mappings import unrolled_figure
from explorer.i18n import LANGUAGES, t
from explorer.labels import plot_label
from explorer.stage.mappings import build_mapped
from explorer.stage.payload import header_of, numbers_of

T, S, B, H, V = 4, 6, 3, 5, 7


def drawn(kind: str) -> tuple[Attention, list[torch.Tensor]]:
    """Returns attention in float64 and random states h (T, B, H), e (S, B, H) that a gradient can reach."""
    generator = torch.Generator().manual_seed(3)
    attention = Attention(kind, H, V)
    attention.start(generator)
    of = {"dtype": torch.float64, "generator": generator, "requires_grad": True}
    return attention.double(), [torch.randn(n, B, H, **of) for n in (T, S)]


def anew(kind: str, weights: dict[str, torch.Tensor], h: torch.Tensor, e: torch.Tensor) -> list[torch.Tensor]:
    """Weights, context and logits written anew: PyTorch's attention, or a loop over steps and words."""
    if kind == "dot":
        q, k = h.permute(1, 0, 2), e.permute(1, 0, 2)
        context = F.scaled_dot_product_attention(q, k, k, scale=1.0).permute(1, 0, 2)
        a = F.softmax(torch.einsum("tbh,sbh->bts", h, e), -1)
    else:
        rows = []
        for h_t in h:
            score = [
                torch.tanh(
                    h_t @ weights["asked.weight"].T
                    + e_s @ weights["answered.weight"].T
                    + weights["answered.bias"]
                )
                @ weights["score.weight"][0]
                for e_s in e
            ]
            rows.append(F.softmax(torch.stack(score), 0))  # (S, B)
        a = torch.stack(rows).permute(2, 0, 1)
        context = torch.stack([sum(w[:, None] * e_s for w, e_s in zip(row, e, strict=True)) for row in rows])
    return [a, context, context @ weights["readout.weight"].T]


@pytest.mark.parametrize("kind", KINDS)
def test_forward_and_gradients_are_those_of_pytorch(kind):
    attention, (h, e) = drawn(kind)
    weights = {name: p.detach().clone().requires_grad_() for name, p in attention.named_parameters()}
    others = [x.detach().clone().requires_grad_() for x in (h, e)]
    found, theirs = attention(h, e), anew(kind, weights, *others)
    for ours, expected in zip(found, theirs, strict=True):
        torch.testing.assert_close(ours, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(found[0].sum(-1), torch.ones(B, T, dtype=torch.float64))
    shapes = [x.shape for x in found]
    assert shapes == [(B, T, S), (T, B, H), (T, B, V)]
    direction = torch.randn(T, B, V, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for logits in (found[2], theirs[2]):
        (logits * direction).sum().backward()
    for ours, expected in zip((h, e), others, strict=True):
        assert ours.grad.abs().max() > 0.01
        torch.testing.assert_close(ours.grad, expected.grad, rtol=0, atol=1e-12)
    for name, parameter in attention.named_parameters():
        torch.testing.assert_close(parameter.grad, weights[name].grad, rtol=0, atol=1e-12)


def test_a_kind_that_there_is_not_is_refused():
    assert ("", *KINDS) == ATTENDED
    with pytest.raises(ValueError):
        Attention("none", H, V)


# In the encoder-decoder


@pytest.fixture(scope="module")
def short():
    """Networks of a few steps of training: what they say is whatever it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TRAINING_STEPS, "encoder_decoder", 60)
        return {kind: fit("encoder_decoder", "lstm", "ko", 0, kind) for kind in ATTENDED}


def by_hand(of: Network, tokens) -> tuple[list[tuple[str, float]], list[np.ndarray]]:
    """Encoder and decoder a step at a time, attention written anew: words, probabilities, weights."""
    encoder, decoder = of.models
    weights = dict(of.attention.named_parameters())
    with torch.no_grad():
        e, state = encoder.rnn(encoder.embedding(torch.tensor([[encoder.ids[token]] for token in tokens])))
        word, said, looked = decoder.ids["<bos>"], [], []
        while len(said) < MOST_SAID and (not said or said[-1][0] != "<eos>"):
            h, state = decoder.rnn(decoder.embedding(torch.tensor([[word]])), state)
            a, _, more = anew(of.attention.kind, weights, h, e)
            shares = F.softmax((decoder.readout(h) + more)[0, 0], -1)
            word = int(shares.argmax())
            said.append((decoder.vocabulary[word], float(shares[word])))
            looked.append(a[0, 0].numpy())
    return said, looked


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_said_and_where_it_looked_are_those_of_a_loop_by_hand(kind, short):
    of = short[kind]
    for pair in translation_split()[1][:4]:
        reading = read(of, " ".join(pair.ko))
        said = [c.said for c in reading.columns if c.said]
        expected, looked = by_hand(of, pair.ko)
        assert [(s.best, s.probabilities[0]) for s in said] == [
            (w, pytest.approx(p, abs=1e-12)) for w, p in expected
        ]
        np.testing.assert_allclose(reading.parts[1].attention, looked, rtol=0, atol=1e-12)
        run = walk_of(reading.parts[1], Experiment()).runs[0]
        assert run.readout is None, "a word is no longer said from the decoder's state alone"
        assert run.top_probabilities[0] == pytest.approx(said[0].probabilities, abs=1e-12)


def test_without_attention_nothing_is_another(short):
    none, dot = short[""], short["dot"]
    assert none.attention is None and read(none, "").parts[1].attention is None
    assert dot.parameters - none.parameters == 32 * len(none.answers)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TRAINING_STEPS, "encoder_decoder", 1)
        assert fit("many_one", "gru", "en", 0, "dot").attention is None


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_stage_has_the_weights_beside_what_is_said(lang, short):
    reading = read(short["additive"], "작은 개가 고양이를 본다")
    encoder, decoder = (header_of(build_mapped(reading, of, 1, Display(lang))[1]) for of in (False, True))
    assert "attention" not in encoder["runs"][0]
    _, payload = build_mapped(reading, True, 1, Display(lang))
    shown = decoder["runs"][0]["attention"]
    place, weights = shown["weights"], reading.parts[1].attention
    found = numbers_of(payload)[place["at"] : place["at"] + weights.size].reshape(place["shape"])
    np.testing.assert_array_equal(found, weights)
    assert shown["said"] == [c.said.best for c in reading.columns if c.said]
    assert [token["label"] for token in shown["tokens"]] == ["작은", "개", "가", "고양이", "를", "본다"]
    figure = shown["figure"]
    assert figure["layout"]["xaxis"]["ticktext"] == list(map(plot_label, shown["said"]))
    assert figure["layout"]["meta"]["title"] == t("mappings.attention", lang)


def test_the_drawing_leads_from_every_state_to_every_step(short):
    reading = read(short["dot"], "개가 고양이를 본다")
    more = [unrolled_figure(read(short[kind], reading.text), "en").layout for kind in ("dot", "")]
    lines = [len([shape for shape in layout.shapes if shape.type == "line"]) for layout in more]
    assert lines == [1 + len(reading.parts[0].given.tokens), 0]
    said = ["\n".join(a.text for a in layout.annotations) for layout in more]
    assert [t("mappings.attends", "en") in text for text in said] == [True, False]


# Longer and longer sentences


def test_sentences_are_what_they_say_and_no_tested_triple_is_learned():
    learned, tested = bottleneck._split()
    assert len(learned) + len(tested) == 600 and not set(map(tuple, learned.tolist())) & set(
        map(tuple, tested.tolist())
    )
    source, target = sentences(50, 3, held_out=True, generator=torch.Generator().manual_seed(0))
    assert source.shape == (23, 50) and target.shape == (25, 50)
    assert (target[0] == START).all() and (target[-1] == END).all() and (target[1:-1] != END).all()
    nouns = 2 + bottleneck.ADJECTIVES
    for clause in range(3):
        the, kind, who, does, again, other, whom = source[8 * clause : 8 * clause + 7]
        triple = torch.stack([who - nouns, does - nouns - bottleneck.NOUNS, whom - nouns], 1)
        assert set(map(tuple, triple.tolist())) <= set(map(tuple, tested.tolist()))
        a, n, subject, b, m, particle, v = target[8 * clause + 1 : 8 * clause + 8]
        for ours, theirs in ((kind, a), (who, n), (other, b), (whom, m), (does, v)):
            assert torch.equal(theirs - ours, torch.full_like(ours, 5))
        assert torch.equal(subject, 3 + triple[:, 0] % 2) and torch.equal(particle, 5 + triple[:, 2] % 2)
        assert (the == 0).all() and (again == 0).all()


def test_every_contestant_learns_the_same_sentences(monkeypatch):
    drawn_for: dict[str, list] = {}
    plain = bottleneck.sentences

    def noted(count, clauses, held_out, generator):
        found = plain(count, clauses, held_out, generator)
        drawn_for.setdefault(key, []).append(found)
        return found

    monkeypatch.setattr(bottleneck, "sentences", noted)
    monkeypatch.setattr(bottleneck, "TESTED", 2)
    for key in (one.key for one in CONTESTANTS):
        found = bottleneck.trial(key, seed=4, steps=2)
        assert len(found.words) == len(found.sentences) == len(CLAUSES)
    first, *others = drawn_for.values()
    assert len(first) == 2 * len(CLAUSES) + 2 * len(bottleneck.RATES)
    for other in others:
        for ours, theirs in zip(first, other, strict=True):
            assert all(map(torch.equal, ours, theirs))


def test_a_difference_is_called_clear_by_an_exact_test_alone():
    def made(key: str, solved: int) -> list[Trial]:
        shares = [1.0 if seed < solved else 0.0 for seed in range(10)]
        return [
            Trial(key, n, 1, 0.01, (s,) * len(CLAUSES), (s,) * len(CLAUSES)) for n, s in enumerate(shares)
        ]

    trials = [*made("none", 0), *made("larger", 2), *made("dot", 5), *made("additive", 10)]
    found = bottleneck.Result("", "", 1, tuple(trials))
    clear = apart(found)
    assert set(clear) == {(key, n) for key in ("dot", "additive") for n in CLAUSES}
    assert all(is_so == (key == "additive") for (key, _), is_so in clear.items())


def test_the_stored_result_is_whole_and_the_figure_shows_it():
    found = bottleneck.shipped()
    assert found.seeds >= 10 and found.steps == bottleneck.STEPS
    for one in CONTESTANTS:
        assert [trial.seed for trial in found.of(one.key)] == list(range(found.seeds))
    weights = {one.key: {trial.weights for trial in found.of(one.key)} for one in CONTESTANTS}
    assert all(len(own) == 1 for own in weights.values())
    assert min(weights["larger"]) > max(*weights["dot"], *weights["additive"])
    figure = length_figure(found, "en")
    words, solved = figure.data[:2]
    np.testing.assert_allclose(words.y, np.median(found.shares("none", "words"), 0))
    assert list(solved.y) == [hits / seeds for hits, seeds in (found.solved("none", n) for n in CLAUSES)]
    assert len(figure.data) == 2 * len(CONTESTANTS)
