"""Stacks of layers and both directions: against torch's fused modules, autograd, and what may not change."""

from functools import cache

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from explorer.architectures.deep import (
    OTHERS,
    Tagger,
    Tagging,
    _parted,
    fit,
    guess,
    offered,
    other_words,
    prices,
    read,
    sentence_of,
)
from explorer.data.exercises import pieces, tag_words, tagged_split, tags, tags_of, undecided
from explorer.i18n import LANGUAGES
from explorer.labels import UNKNOWN
from explorer.limits import MAX_TEXT, WINDOW
from explorer.nn.initialise import initialise
from explorer.nn.model import RecurrentModel
from tests.helpers import tagged_once

SENTENCE = ("now", "water", "is", "clean")
STACKS = [(1, False), (1, True), (2, False), (3, True)]


@cache
def untrained(cell: str, depth: int, both: bool) -> Tagger:
    model = RecurrentModel(
        cell,
        5,
        4,
        len(tags("en")),
        vocabulary=(UNKNOWN, *tag_words("en")),
        num_layers=depth,
        bidirectional=both,
    )
    initialise(model, torch.Generator().manual_seed(depth), gain=1.5)
    return Tagger(model.double(), "en", depth, both, 0, 0, 0.0, guess("en"))


@cache
def reading(cell: str, depth: int, both: bool) -> Tagging:
    return read(untrained(cell, depth, both), SENTENCE)


@cache
def taggers(lang: str, both: bool) -> tuple[Tagger, ...]:
    return tuple(tagged_once("rnn", lang, 2, both, seed) for seed in range(3))


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("depth, both", STACKS)
def test_the_states_are_those_of_torchs_fused_module(cell, depth, both):
    model = untrained(cell, depth, both).model
    x = model.embedding(torch.tensor(model.encode(SENTENCE)))[:, None]
    with torch.no_grad():
        output, state = model.rnn(x)
    rows = reading(cell, depth, both).rows
    found = np.concatenate([row.output for row in rows if row.layer == depth - 1], -1)
    np.testing.assert_allclose(found, output[:, 0].numpy(), atol=1e-12)
    h_n = state[0] if cell == "lstm" else state
    np.testing.assert_allclose([row.final for row in rows], h_n[:, 0].numpy(), atol=1e-12)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("depth, both", STACKS)
def test_what_changes_is_the_difference_of_two_runs_of_the_fused_module(cell, depth, both):
    model, found = untrained(cell, depth, both).model, reading(cell, depth, both)

    def run(words):
        with torch.no_grad():
            x = model.embedding(torch.tensor(model.encode(words)))[:, None]
            return model.rnn(x)[0][:, 0].numpy(), model(torch.tensor([model.encode(words)]).T)[:, 0]

    before, _ = run(SENTENCE)
    last = [r for r, row in enumerate(found.rows) if row.layer == depth - 1]
    for at in range(len(SENTENCE) - 1):
        for k, other in enumerate(found.others[at]):
            words = [*SENTENCE[: at + 1], other, *SENTENCE[at + 2 :]]
            after, logits = run(words)
            moved = np.linalg.norm((after - before).reshape(len(SENTENCE), len(last), -1), axis=-1)
            np.testing.assert_allclose(found.change[at, k, last], moved.T, atol=1e-12)
            np.testing.assert_allclose(found.p_other[at, k], logits[at].softmax(-1), atol=1e-12)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "lstm_peephole", "gru_reset_before"])
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_forward_network_has_not_read_the_next_word_to_the_last_bit(cell, depth):
    change = reading(cell, depth, False).change
    for at in range(len(SENTENCE) - 1):
        assert (change[at, :, :, : at + 1] == 0.0).all()
        assert (change[at, :, :, at + 1 :] > 0.0).all()


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "lstm_peephole", "gru_reset_before"])
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_backward_layer_has_read_it_and_from_layer_2_on_so_has_forward(cell, depth):
    found = reading(cell, depth, True)
    for at in range(len(SENTENCE) - 1):
        for r, row in enumerate(found.rows):
            moved = found.change[at, :, r]
            if row.layer > 0:
                assert (moved > 0.0).all()
            elif row.reverse:
                assert (moved[:, : at + 2] > 0.0).all() and (moved[:, at + 2 :] == 0.0).all()
            else:
                assert (moved[:, : at + 1] == 0.0).all() and (moved[:, at + 1 :] > 0.0).all()


@pytest.mark.parametrize("depth, both", STACKS)
def test_a_probability_that_does_not_know_the_next_word_stays(depth, both):
    """To a few units in the last place: one sentence alone and several at once are rounded differently."""
    found = reading("gru", depth, both)
    as_it_stands = found.p[:-1, None]
    ulp = np.abs(found.p_other - as_it_stands) / np.spacing(as_it_stands)
    assert ulp.max() > 1e6 if both else ulp.max() <= 8
    np.testing.assert_allclose(found.p.sum(-1), 1.0)
    np.testing.assert_allclose(found.p_other.sum(-1), 1.0)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("depth, both", STACKS)
def test_the_gradient_of_every_steps_loss_is_autograds(cell, depth, both):
    """Each state of a row is nudged in the loss by autograd: through cells run one step at a time."""
    model, found = untrained(cell, depth, both).model, reading(cell, depth, both)
    asked = [tags("en").index(tag) for tag in tags_of(SENTENCE, "en")]
    states, logits = unrolled(model, model.encode(SENTENCE))
    for t, answer in enumerate(asked):
        loss = F.cross_entropy(logits[t], torch.tensor(answer))
        flat = [state for row in states for state in row]
        given = torch.autograd.grad(loss, flat, retain_graph=True, allow_unused=True)
        norms = [np.nan if g is None else g.norm().item() for g in given]
        expected = np.array(norms).reshape(len(states), len(SENTENCE))
        np.testing.assert_allclose(found.gradient[:, t], expected, atol=1e-13, rtol=1e-9)


def unrolled(model: RecurrentModel, ids: list[int]):
    """Runs torch's own cells step by step; returns the states by row and step, and the logits by step."""
    module, kind = model.rnn, {"rnn": torch.nn.RNNCell, "lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell}
    inputs = list(model.embedding(torch.tensor(ids)))
    states, depth = [], module.num_layers
    for level in range(depth):
        outputs = []
        for end in ("", "_reverse")[: 1 + module.bidirectional]:
            cell = kind[model.cell](inputs[0].shape[0], module.hidden_size).double()
            names = {name: f"{name}_l{level}{end}" for name, _ in cell.named_parameters()}
            cell.load_state_dict({name: module.get_parameter(own) for name, own in names.items()})
            rows, state = [None] * len(inputs), None
            order = reversed(range(len(inputs))) if end else range(len(inputs))
            for t in order:
                state = cell(inputs[t][None], state)
                h = state[0] if model.cell == "lstm" else state
                rows[t] = h
            states.append(rows)
            outputs.append([h[0] for h in rows])
        inputs = [torch.cat(parts) for parts in zip(*outputs, strict=True)]
    return states, [model.readout(h) for h in inputs]


def test_a_step_without_a_true_tag_has_no_gradient():
    words = ("now", "water", "???", "clean")
    found = read(untrained("rnn", 2, True), words)
    assert tags_of(words, "en")[1:3] == (None, None)
    assert np.isnan(found.gradient[:, 1:3]).all()
    assert np.isfinite(found.gradient[0, [0, 3]]).all()


@pytest.mark.parametrize("depth, both", [(1, False), (2, True)])
def test_one_word_and_the_longest_text_are_read(depth, both):
    one = read(untrained("lstm", depth, both), SENTENCE[:1])
    assert one.others == () and one.change.shape[0] == 0 and one.p_other.shape == (0, OTHERS, len(tags("en")))
    long = read(untrained("lstm", depth, both), (SENTENCE * WINDOW)[:WINDOW])
    assert long.change.shape == (WINDOW - 1, OTHERS, len(long.rows), WINDOW)
    assert long.gradient.shape == (len(long.rows), WINDOW, WINDOW)


# Learned.


@pytest.mark.parametrize("lang", LANGUAGES)
def test_only_who_reads_both_ways_knows_the_words_that_the_next_one_tells(lang):
    one, both = ([tagger.score for tagger in taggers(lang, ways)] for ways in (False, True))
    assert 0.4 <= guess(lang).undecided <= 0.6
    assert all(0.4 <= score.undecided <= 0.7 for score in one)
    assert all(score.undecided > 0.95 for score in both)
    assert all(score.every > 0.85 for score in one) and all(score.every > 0.97 for score in both)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_score_is_the_share_of_right_tags_counted_by_hand(lang):
    tagger, (_, held) = taggers(lang, True)[0], tagged_split(lang)
    hits, open_hits = [], []
    for sentence in held:
        logits = tagger.model(torch.tensor([tagger.model.encode(sentence.tokens)]).T)[:, 0]
        right = [tags(lang)[k] == tag for k, tag in zip(logits.argmax(-1), sentence.tags, strict=True)]
        hits += right
        open_hits += [right[k] for k in sentence.undecided]
    assert tagger.score.every == pytest.approx(np.mean(hits))
    assert tagger.score.undecided == pytest.approx(np.mean(open_hits))


@pytest.mark.parametrize("cell, depth", [("lstm", 1), ("gru", 3)])
def test_other_cells_and_depths_learn_it(cell, depth):
    assert fit(cell, "en", depth, True).score.undecided > 0.95


def test_the_same_seed_gives_the_same_weights():
    first, again = (fit("rnn", "en", 1, True, 3).model.state_dict() for _ in range(2))
    assert all((first[name] == again[name]).all() for name in first)
    other = fit("rnn", "en", 1, True, 4).model.state_dict()
    assert any((first[name] != other[name]).any() for name in first)


def test_another_next_word_turns_the_tag_of_who_reads_both_ways():
    tagger = taggers("en", True)[0]
    found = read(tagger, SENTENCE)
    noun, verb = (tags("en").index(tag) for tag in ("noun", "verb"))
    assert found.p[1].argmax() == noun
    assert found.p_other[1, 0].argmax() == verb


# Words.


@pytest.mark.parametrize("lang", LANGUAGES)
def test_other_words_first_turn_the_tag_and_are_never_the_word_itself(lang):
    for text in offered(lang):
        words = pieces(text, tag_words(lang))
        for step in range(1, len(words)):
            others = other_words(words, step, lang)
            assert len(set(others)) == OTHERS and words[step] not in others
            assert set(others) <= set(tag_words(lang))
        for at in undecided(words, lang):
            other = other_words(words, at + 1, lang)[0]
            turned = tags_of([*words[: at + 1], other, *words[at + 2 :]], lang)[at]
            assert turned not in (None, tags_of(words, lang)[at])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_sentence_on_offer_first_has_a_word_that_only_the_next_tells(lang):
    assert undecided(pieces(offered(lang)[0], tag_words(lang)), lang)


def test_a_text_is_read_as_far_as_the_window_and_unknown_words_are_marked():
    model = untrained("rnn", 1, False).model
    found = sentence_of("now water blorps " * 40, "en", model)
    assert (len(found.words), found.total) == (WINDOW, 120)
    assert [token.known for token in found.shown[:3]] == [True, True, False]
    assert found.shown[2].label == UNKNOWN and found.shown[2].original == "blorps"
    assert sentence_of("blorps <b>", "en", model) is None
    assert sentence_of("", "en", model) is None


@pytest.mark.parametrize("text", ["x" * MAX_TEXT, "물" * MAX_TEXT, "물 " * (MAX_TEXT // 2)])
def test_the_longest_texts_are_parted_without_losing_a_letter(text):
    assert _parted(text).replace(" ", "") == text.replace(" ", "")
    found = sentence_of(text, "ko", fit_korean())
    assert found is None if text[0] == "x" else len(found.words) == WINDOW


@cache
def fit_korean() -> RecurrentModel:
    return taggers("ko", False)[0].model


# Cost.


def test_prices_are_of_every_depth_and_their_weights_are_those_of_torchs_module():
    found = prices("lstm", "en")
    assert [(price.depth, price.both) for price in found] == [
        (d, b) for d in range(1, 5) for b in (False, True)
    ]
    for price in found:
        module = torch.nn.LSTM(16, 16, num_layers=price.depth, bidirectional=price.both)
        rest = 16 * (1 + len(tag_words("en"))) + len(tags("en")) * (16 * (1 + price.both) + 1)
        assert price.parameters == sum(p.numel() for p in module.parameters()) + rest
        assert price.milliseconds > 0.0
