"""The five mappings: what they learn, what they cannot, and that what is shown is what PyTorch computes."""

from itertools import cycle

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from explorer.architectures.mappings import HIDDEN_SIZES, MOST_SAID, Network, fit, read, walk_of
from explorer.architectures.mappings.common import TRAINING_STEPS
from explorer.architectures.mappings.translation import MOST_SOURCE
from explorer.cells import CELLS
from explorer.data.exercises import examples, letters, messages, names, tagged_split, translation_split
from explorer.experiment import MAPPINGS, Experiment
from explorer.limits import MAX_TEXT, WINDOW
from explorer.nn.tracing import trace
from tests.helpers import largest
from tests.helpers import mapped_once as network
from tests.hostile.strings import HOSTILE

both = pytest.mark.parametrize("lang", ["ko", "en"])
gated = pytest.mark.parametrize("cell", ["lstm", "gru"])
SEEDS = (0, 1, 2)
TRANSLATORS = (("lstm", "en", 0), ("lstm", "ko", 0), ("gru", "ko", 1))


def score(of: Network, what: str):
    return next(score for score in of.scores if score.what == what)


@pytest.mark.parametrize(
    ("cell", "lang", "seed"),
    [
        ("rnn", "ko", 0),
        ("lstm", "ko", 1),
        ("gru", "ko", 2),
        ("rnn", "en", 1),
        ("lstm", "en", 0),
        ("gru", "en", 2),
    ],
)
def test_letters_and_names_are_all_learned(cell, lang, seed):
    one, name = (network(mapping, cell, lang, seed).scores[0] for mapping in ("one_one", "one_many"))
    assert (one.right, name.right) == (len(letters(lang)), 10)
    assert one.guess == (21 / 26 if lang == "en" else 21 / 40)
    assert name.guess == 0.1


@both
@gated
def test_spam_is_told_on_held_out_messages(cell, lang):
    shares = [score(network("many_one", cell, lang, seed), "messages").share for seed in SEEDS]
    assert min(shares) >= 0.85 and np.mean(shares) >= 0.92
    assert score(network("many_one", cell, lang, 0), "messages").guess == 0.5


@pytest.mark.parametrize(
    ("cell", "lang", "seed"),
    [
        ("lstm", "en", 0),
        ("lstm", "ko", 1),
        ("lstm", "en", 2),
        ("gru", "ko", 0),
        ("gru", "en", 1),
        ("gru", "ko", 2),
    ],
)
def test_tags_are_right_but_where_only_the_next_token_tells(cell, lang, seed):
    of = network("many_many", cell, lang, seed)
    everything, decided, unsure = (score(of, what) for what in ("tags", "decided", "undecided"))
    assert unsure.share == unsure.guess == 0.5  # both tags follow the same beginning
    assert decided.share >= 0.9 > 0.6 > decided.guess
    wrong = everything.total - everything.right
    assert unsure.total / 2 <= wrong <= unsure.total / 2 + 6
    assert everything.total == sum(len(s.tokens) for s in tagged_split(lang)[1])


def test_sentences_are_translated_that_were_never_learned():
    found = [network("encoder_decoder", *of) for of in TRANSLATORS]
    shares = [score(of, "sentences").share for of in found]
    assert min(shares) >= 0.85 and np.mean(shares) >= 0.93
    for words in (score(of, "words") for of in found):
        assert words.share >= 0.97 and 0.2 < words.guess < 0.5


def test_a_plain_rnn_does_not_come_so_far_and_the_score_says_so():
    of = network("encoder_decoder", "rnn", "en", 0)
    assert score(of, "sentences").share < 0.3
    assert score(of, "words").guess + 0.1 < score(of, "words").share < 0.9


@pytest.mark.parametrize(("cell", "mapping"), zip(CELLS, cycle(MAPPINGS[:4])))
def test_every_cell_learns(cell, mapping):
    assert all(s.share >= s.guess for s in network(mapping, cell, "en", 0).scores)


@pytest.mark.parametrize("mapping", MAPPINGS[:4])
@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_is_read(mapping, cell, monkeypatch):
    monkeypatch.setitem(TRAINING_STEPS, mapping, 1)
    reading = read(fit(mapping, cell, "en", 0), "")
    assert reading.text == examples(mapping, "en")[0]
    walk = walk_of(reading.parts[0], Experiment(cell=cell))
    assert walk.error < 1e-12


@pytest.mark.parametrize("mapping", MAPPINGS[:4])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_what_comes_out_is_what_pytorch_computes(mapping, cell):
    of = network(mapping, cell, "en", 0)
    (model,) = of.models
    for text in examples(mapping, "en"):
        reading = read(of, text)
        (part,) = reading.parts
        ids = torch.tensor(model.encode(part.given.x))[:, None]
        with torch.no_grad():
            expected = F.softmax(model(ids)[:, 0], -1).numpy()
        run = walk_of(part, Experiment()).runs[0]
        for k, column in enumerate(reading.columns):
            shown = dict(zip(column.said.labels, column.said.probabilities, strict=True))
            full = dict(zip(of.answers, expected[k], strict=True))
            assert shown == pytest.approx({name: full[name] for name in shown}, abs=1e-12)
            assert column.said.best == max(full, key=full.get)
            assert run.top_probabilities[k] == pytest.approx(column.said.probabilities, abs=1e-12)
            assert [run.names[i] for i in run.top_ids[k]] == list(column.said.labels)


def by_hand(of: Network, tokens) -> list[tuple[str, float]]:
    """Encoder and decoder step by step with PyTorch's modules: words and probabilities."""
    encoder, decoder = of.models
    state = None
    with torch.no_grad():
        for token in tokens:
            _, state = encoder.rnn(encoder.embedding(torch.tensor([[encoder.ids[token]]])), state)
        word, said = decoder.ids["<bos>"], []
        while len(said) < MOST_SAID and (not said or said[-1][0] != "<eos>"):
            output, state = decoder.rnn(decoder.embedding(torch.tensor([[word]])), state)
            shares = F.softmax(decoder.readout(output)[0, 0], -1)
            word = int(shares.argmax())
            said.append((decoder.vocabulary[word], float(shares[word])))
    return said


@both
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_encoder_and_decoder_are_those_of_a_loop_by_hand(cell, lang, monkeypatch):
    # whatever it says, it must be what the loop says
    monkeypatch.setitem(TRAINING_STEPS, "encoder_decoder", 60)
    of = fit("encoder_decoder", cell, lang, 0)
    for pair in translation_split()[1][:8]:
        reading = read(of, " ".join(pair.source(lang)))
        first, second = reading.parts
        expected = by_hand(of, pair.source(lang))
        said = [c.said for c in reading.columns if c.said]
        assert [s.best for s in said] == [word for word, _ in expected]
        assert [s.probabilities[0] for s in said] == pytest.approx([p for _, p in expected], abs=1e-12)
        assert np.array_equal(second.run.h[0], first.run.h[-1])
        read_in = [token.label for token in second.given.tokens]
        assert read_in == ["<bos>", *(s.best for s in said[:-1])]
        steps = [column.step for column in reading.columns]
        assert steps == list(range(1, len(steps) + 1))
        assert reading.handed == len(pair.source(lang)) == first.last == second.first - 1
        asked = [c.asked for c in reading.columns if c.said and c.asked]
        assert asked == [*pair.target(lang), "<eos>"][: len(said)]


def test_the_same_words_in_another_order_are_another_sentence():
    of = network("encoder_decoder", "lstm", "en", 0)
    one, two = (read(of, text) for text in examples("encoder_decoder", "en")[:2])
    said = [[c.said.best for c in reading.columns if c.said] for reading in (one, two)]
    assert said[0] != said[1] and sorted(said[0]) != said[0]
    assert not any(column.wrong for reading in (one, two) for column in reading.columns)


def test_scores_count_what_is_read():
    """The share of sentences is that of reading every held-out sentence."""
    of = network("encoder_decoder", "gru", "ko", 1)
    right = 0
    for pair in translation_split()[1][:60]:
        reading = read(of, " ".join(pair.source("ko")))
        right += [c.said.best for c in reading.columns if c.said] == [*pair.target("ko"), "<eos>"]
    assert right / 60 == pytest.approx(score(of, "sentences").share, abs=0.1)
    spam = network("many_one", "gru", "ko", 1)
    answers = {True: spam.answers[0], False: spam.answers[1]}
    held = messages("ko", "held_out")
    hits = sum(read(spam, m.text).columns[-1].said.best == answers[m.spam] for m in held)
    assert hits == score(spam, "messages").right


@gated
def test_of_one_step_the_recurrent_weights_do_not_matter(cell):
    of = network("one_one", cell, "en", 0)
    (model,) = of.models
    ids = torch.arange(27)[None]
    before = model(ids)
    kept = model.rnn.weight_hh_l0.detach().clone()
    with torch.no_grad():
        model.rnn.weight_hh_l0.normal_()
        after = model(ids)
        model.rnn.weight_hh_l0.copy_(kept)
    assert torch.equal(before, after)


@both
def test_after_the_digit_nothing_comes_in_and_the_name_ends_at_the_stop(lang):
    of = network("one_many", "lstm", lang, 0)
    for digit, name in names(lang).items():
        reading = read(of, digit)
        assert len(reading.columns) == len(name)
        assert not reading.parts[0].run.x[1:].any() and reading.parts[0].run.x[0].any()
        assert [column.token is not None for column in reading.columns] == [True] + [False] * (len(name) - 1)
        assert not any(column.wrong for column in reading.columns)


def test_only_the_last_output_of_a_message_counts():
    of = network("many_one", "lstm", "en", 0)
    reading = read(of, "You have won cash, reply now")
    assert [column.counts for column in reading.columns] == [False] * 5 + [True]
    assert reading.columns[-1].asked == "spam" and reading.columns[0].asked is None
    best = [column.said.best for column in reading.columns]
    assert len(set(best[reading.settled - 1 :])) == 1
    assert reading.settled == 1 or best[reading.settled - 2] != best[-1]


def test_a_text_of_another_mapping_gives_way():
    spam = network("many_one", "lstm", "en", 0)
    for other in (examples("many_many", "ko")[0], examples("encoder_decoder", "en")[1]):
        reading = read(spam, other)
        assert reading.text == examples("many_one", "en")[0] and not reading.problems


@pytest.mark.parametrize(
    ("mapping", "text", "read_in", "problem"),
    [
        ("one_one", "Zebra", "z", "first_letter"),
        ("one_one", "!?", "e", "no_letter"),
        ("one_many", "in 42 days", "4", "first_digit"),
        ("one_many", "seven", "7", "no_digit"),
        ("many_one", "!?", "Your free tickets are waiting, call now", "no_word"),
        ("many_one", "qqq free", "qqq free", "unknown"),
        ("many_many", "the quark is old", "the quark is old", "unknown"),
        ("encoder_decoder", "the dog eats", "the dog eats", "untranslated"),
    ],
)
def test_what_cannot_be_read_as_typed_is_said(mapping, text, read_in, problem):
    reading = read(network(mapping, "lstm", "en", 0), text)
    assert reading.text == read_in
    assert [name for name, _ in reading.problems] == [problem]


def test_an_unknown_word_is_unk():
    reading = read(network("many_one", "lstm", "en", 0), "qqq free")
    first, second = (column.token for column in reading.columns)
    assert (first.label, first.original, first.known) == ("<unk>", "qqq", False)
    assert second.known
    assert reading.problems[0][1] == {"count": 1, "total": 2}


def test_two_hundred_words():
    text = " ".join(["free"] * 200)
    reading = read(network("many_one", "lstm", "en", 0), text)
    assert len(reading.columns) == 200
    walk = walk_of(reading.parts[0], Experiment(start=150))
    assert walk.runs[0].trace.first_step == 200 - WINDOW + 1
    assert walk.total == 200
    assert walk.problems[0][0] == "window"
    reading = read(network("encoder_decoder", "lstm", "en", 0), text)
    assert len(reading.parts[0].given.tokens) == MOST_SOURCE
    assert reading.problems[0] == ("source_cut", {"limit": MOST_SOURCE})
    assert reading.parts[1].run.steps <= MOST_SAID


@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("text", list(HOSTILE.values())[::4], ids=list(HOSTILE)[::4])
def test_hostile_text_is_read_or_refused_with_a_sentence(mapping, text):
    seed = int(mapping == "encoder_decoder")  # one that is there
    reading = read(network(mapping, "gru", "ko", seed), text[:MAX_TEXT])
    assert reading.columns
    for part in reading.parts:
        run = walk_of(part, Experiment(cell="gru")).runs[0]
        assert 1 <= run.trace.steps <= WINDOW


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    one, two, other = (fit("many_one", "gru", "en", seed) for seed in (5, 5, 6))
    assert torch.equal(one.models[0].readout.weight, two.models[0].readout.weight)
    assert not torch.equal(one.models[0].readout.weight, other.models[0].readout.weight)


def test_the_encoder_has_no_readout_on_the_stage_and_the_numbers_are_counted():
    of = network("encoder_decoder", "lstm", "en", 0)
    first, second = read(of, "").parts
    assert walk_of(first, Experiment()).runs[0].top_ids is None
    assert walk_of(second, Experiment()).runs[0].top_ids is not None
    H, D = HIDDEN_SIZES["encoder_decoder"], 16
    encoder, decoder = of.models
    V, W = len(encoder.vocabulary), len(decoder.vocabulary)
    layers = 2 * CELLS["lstm"].parameters(D, H)
    assert of.parameters == layers + D * (V + W) + W * (H + 1)
    whole = trace(decoder, decoder.encode(second.given.x), (first.run.h[-1:], first.run.c[-1:]))
    assert largest(whole.logits, second.run.logits) == 0
