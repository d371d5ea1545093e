"""What networks are trained on: the same batch for everybody, held-out sequences apart, honest baselines."""

import math
import pickle
import time
import unicodedata
from collections import Counter, defaultdict
from dataclasses import replace
from functools import cache
from itertools import pairwise, product

import pytest
import torch
from torch.nn import functional as F

from explorer.data.corpora import lecture_sentences
from explorer.data.grammar import END, FARTHEST, KINDS, NEAREST
from explorer.data.sources import Batch, Source, foreseeable, source, stream
from explorer.data.tales import letters, tales
from explorer.data.tasks import SYMBOL_TASKS
from explorer.data.unusable import Unusable
from explorer.experiment import DATA, Experiment
from explorer.labels import UNKNOWN
from explorer.limits import MAX_BUDGET, MAX_TEXT
from explorer.text import TOKEN_LEVELS, join, tokenise

TEXT = "나는 밥을 먹고 학교에 간다. 가는 말이 고와야 오는 말이 곱다! 그의 말이 법이다."
LONG = " ".join(f"{word}{k}" for k in range(150) for word in ("가", "나", "다"))
SYMBOLS = tuple(SYMBOL_TASKS)
SPOKEN = (*KINDS, "tales")
EVERY = [(data, lang) for data in DATA for lang in (("en", "ko") if data in SPOKEN else ("en",))]
GRAMMARS = [(data, lang) for data, lang in EVERY if data in KINDS]
EXPERIMENT = Experiment(length=9, batch=7, text=TEXT)

every = pytest.mark.parametrize(("data", "lang"), EVERY)
grammars = pytest.mark.parametrize(("data", "lang"), GRAMMARS)


@cache
def made(data: str, lang: str = "en", units: str = "word", seed: int = 0) -> Source:
    return source(replace(EXPERIMENT, data=data, units=units, seed=seed), lang)


def same(one: Batch, other: Batch) -> bool:
    judged = (one.judged is None) == (other.judged is None)
    judged = judged and (one.judged is None or torch.equal(one.judged, other.judged))
    return judged and torch.equal(one.x, other.x) and torch.equal(one.target, other.target)


def tokens_of(found: Source, batch: Batch) -> list[tuple[str, ...]]:
    """Returns every sequence of a text batch, its last token included."""
    rows = []
    for inputs, targets in zip(batch.x.T.tolist(), batch.target.T.tolist(), strict=True):
        kept = [k for k in targets if k >= 0]
        rows.append(tuple(found.vocabulary[k] for k in [inputs[0], *kept]))
        assert inputs[1 : len(kept)] == kept[:-1]
    return rows


# Batches.


@every
def test_a_batch_has_the_shapes_that_the_trainer_reads(data, lang):
    found = made(data, lang)
    rows = {"lecture": 3, "yours": 7}.get(data, 7)
    batches = [(found.batch(0), rows), (found.held_out(), None), (found.probe(), 1)]
    for batch, size in batches:
        T, B = batch.x.shape[:2]
        assert size is None or size == B
        assert 0 <= batch.first < T
        if found.vocabulary is None:
            assert batch.x.dtype == torch.float32
            assert batch.x.shape == (T, B, found.inputs)
        else:
            assert batch.x.dtype == torch.int64
            assert found.inputs == 0
            assert 0 <= batch.x.min() <= batch.x.max() < len(found.vocabulary) == found.outputs
        if found.metric == "error":
            assert batch.target.dtype == torch.float32
            each = {"flip_flop": (T, B, 3), "series": (T, B, 1)}
            assert batch.target.shape == each.get(data, (B,))
            assert found.outputs == (3 if data == "flip_flop" else 1)
        else:
            assert batch.target.dtype == torch.int64
            assert batch.target.shape == (T, B)
            assert -1 <= batch.target.min() <= batch.target.max() < found.outputs
            assert (batch.target[: batch.first] == -1).all()
            assert (batch.target[batch.first] >= 0).any()
        if batch.judged is not None:
            assert batch.judged.dtype == torch.bool
            assert batch.judged.shape == (T, B)
            assert batch.judged.any(0).all()
            assert (batch.target[batch.judged] >= 0).all()


@every
def test_a_batch_is_a_function_of_seed_and_step(data, lang):
    found = made(data, lang)
    again = source(replace(EXPERIMENT, data=data, cell="gru", hidden=3, rate=0.5), lang)
    for step in (17, 3, 17, 0):  # in any order: a run can be resumed
        assert same(found.batch(step), again.batch(step))
    assert same(found.held_out(), again.held_out())
    assert same(found.probe(), again.probe())


@every
def test_steps_and_seeds_have_batches_of_their_own(data, lang):
    found, other = made(data, lang), made(data, lang, seed=1)
    alike = data == "lecture"  # always all three sentences
    assert same(found.batch(1), found.batch(2)) == alike
    assert same(found.batch(1), other.batch(1)) == alike
    assert same(found.probe(), other.probe()) == (data in ("lecture", "yours"))
    assert same(found.held_out(), other.held_out()) == (data in ("lecture", "yours"))


@every
def test_held_out_sequences_are_made_once(data, lang):
    found = made(data, lang)
    assert found.held_out() is found.held_out()
    rows = (
        500
        if data in ("adding", "flip_flop", *SYMBOLS)
        else {"lecture": 3, "yours": 2, "brackets": 198, "series": 171}.get(data, 200)
    )
    if data == "tales":
        rows = -(-(sum(len(row) - 1 for row in tokens_of(found, found.held_out()))) // EXPERIMENT.length)
    assert found.held_out().x.shape[1] == rows
    assert found.held_out_is_training == (data in ("lecture", "yours", "copy"))


@every
def test_a_source_says_how_many_answers_its_accuracy_is_an_estimate_of(data, lang):
    found = made(data, lang)
    trials = {"temporal_order": 500, "first_symbol": 500, "copy": 1500, "agreement": 200, "honorific": 200}
    if data == "brackets":
        trials[data] = int(found.held_out().judged.sum())
    if data == "tales":
        trials[data] = sum(len(row) - 1 for row in tokens_of(found, found.held_out()))
    assert found.trials == trials.get(data, 0)  # none of an error, none of all there is to ask
    assert found.alone == (data in ("temporal_order", "first_symbol"))


def test_of_the_sentences_that_are_learned_some_are_an_estimate_and_all_are_not():
    some = Experiment(data="agreement", length=12, tested="learned")
    assert [source(replace(some, sentences=n)).trials for n in (200, 201)] == [0, 200]


@every
def test_a_source_can_be_sent_to_a_worker(data, lang):
    found = made(data, lang)
    sent = pickle.loads(pickle.dumps(found))
    assert same(sent.batch(5), found.batch(5))
    assert same(sent.held_out(), found.held_out())


@pytest.mark.parametrize("step", [-1, MAX_BUDGET + 1])
def test_a_step_that_no_training_has_is_refused(step):
    with pytest.raises(ValueError, match=f"step {step}; it must be 0 to 20000"):
        made("copy").batch(step)


def test_no_two_streams_coincide():
    """PyTorch reads 32 bits of a seed: each (seed, number) must have its own there."""
    wraps = torch.Generator().manual_seed(5), torch.Generator().manual_seed(5 + 2**32)
    assert torch.equal(*(torch.rand(4, generator=g) for g in wraps))
    last = stream(9999, 2**15 - 1).initial_seed()
    assert last < 2**32
    assert stream(0, 0).initial_seed() > 1_000_000  # seeds of weights are below
    for seed in (0, 1, 4567, 9998):
        assert stream(seed, 2**15 - 1).initial_seed() + 1 == stream(seed + 1, 0).initial_seed()
        numbers = [stream(seed, n).initial_seed() for n in range(0, 2**15, 997)]
        assert numbers == sorted(set(numbers))


# Baselines.


@every
def test_an_even_guess_has_the_baseline(data, lang):
    found = made(data, lang)
    batch = found.held_out()
    if data == "flip_flop":  # right at a pulse, else 0
        loss, allowed = F.mse_loss(batch.x, batch.target), 0.02
    elif data == "series":  # persistence: the last value again
        loss, allowed = F.mse_loss(batch.x, batch.target), 1e-7
    elif found.metric == "error":
        loss, allowed = F.mse_loss(torch.ones_like(batch.target), batch.target), 0.04  # 500 sequences
    else:
        loss = F.cross_entropy(
            torch.zeros(*batch.target.shape, found.outputs)[batch.target >= 0],
            batch.target[batch.target >= 0],
        )
        allowed = 1e-5
    assert loss.item() == pytest.approx(found.baseline, abs=allowed)


@pytest.mark.parametrize(
    ("data", "baseline", "chance", "goal", "remember"),
    [
        ("adding", 1 / 6, 1 / 6, 0.01, 8),
        ("temporal_order", math.log(4), 0.25, 0.99, 8),
        ("copy", math.log(4), 0.25, 0.99, 12),
        ("first_symbol", math.log(4), 0.25, 0.99, 8),
        ("flip_flop", 0.8 * 8 / 9, 0.8 * 8 / 9, 0.005, 8),
    ],
)
def test_what_is_known_of_a_memory_test_beforehand(data, baseline, chance, goal, remember):
    found = made(data)
    assert (found.chance, found.goal, found.remember) == (chance, goal, remember)
    assert found.baseline == pytest.approx(baseline)
    assert found.vocabulary is None
    assert (found.symbols is None) == (data in ("adding", "flip_flop"))


@grammars
def test_the_best_constant_guess_has_the_chance(data, lang):
    """Fitted on the held-out sentences themselves, by the token before: no memory of the cue."""
    found = made(data, lang)
    batch = found.held_out()
    counts = defaultdict(Counter)
    for before, target in zip(
        batch.x[batch.judged].tolist(), batch.target[batch.judged].tolist(), strict=True
    ):
        counts[before][target] += 1
    right = sum(max(seen.values()) for seen in counts.values())
    assert right / int(batch.judged.sum()) == pytest.approx(found.chance, abs=1e-9)
    assert found.chance == (1 / 3 if data == "brackets" else 1 / 2)


# What is shown of the probe.


@every
def test_every_step_of_the_probe_has_a_label(data, lang):
    found = made(data, lang)
    T = len(found.probe().x)
    assert len(found.labels) == len(found.marked) == T
    assert all(isinstance(mark, bool) for mark in found.marked)
    assert any(found.marked) == (data not in ("lecture", "series", "tales", "yours"))
    assert all(unicodedata.is_normalized("NFC", text) for text in found.labels)


def test_labels_of_numbers_show_two_places_and_the_marks():
    found = made("adding")
    x = found.probe().x[:, 0]
    assert [float(text) for text in found.labels] == pytest.approx(x[:, 0].tolist(), abs=0.0051)
    assert list(found.marked) == (x[:, 1] == 1.0).tolist()
    assert sum(found.marked) == 2


def test_labels_of_pulses_show_their_signs():
    found = made("flip_flop")
    signs = {"+": 1.0, "\N{MINUS SIGN}": -1.0, "·": 0.0}
    assert [[signs[s] for s in text] for text in found.labels] == found.probe().x[:, 0].tolist()
    assert list(found.marked) == found.probe().x[:, 0].any(-1).tolist()


@pytest.mark.parametrize(("data", "marks"), [("temporal_order", 2), ("copy", 3), ("first_symbol", 1)])
def test_labels_of_symbols_show_what_is_remembered(data, marks):
    found = made(data)
    assert sum(found.marked) == marks
    kept = [text for text, mark in zip(found.labels, found.marked, strict=True) if mark]
    target = found.probe().target
    answer = "".join(found.answers[k] for k in target[target >= 0].tolist())
    assert "".join(kept) == answer
    assert set(found.labels) <= set(found.symbols)


@grammars
@pytest.mark.parametrize("units", TOKEN_LEVELS)
def test_labels_of_a_sentence_show_the_tokens_that_memory_decides(data, lang, units):
    found = made(data, lang, units)
    batch = found.probe()
    asked = [at + 1 for at in batch.judged[:, 0].nonzero()[:, 0].tolist()]  # row t asks for token t + 1
    assert [t for t, mark in enumerate(found.marked) if mark] == asked


# Sentences with something to remember.


@grammars
@pytest.mark.parametrize("units", ["word", "jamo"])
def test_no_held_out_sentence_is_trained_on(data, lang, units):
    found = source(replace(EXPERIMENT, data=data, units=units, length=NEAREST, batch=100), lang)
    held_out = tokens_of(found, found.held_out())
    trained = {row for step in range(20) for row in tokens_of(found, found.batch(step))}
    assert len(set(held_out)) == len(held_out)
    assert not trained & set(held_out)
    assert len(trained) > 300


@grammars
@pytest.mark.parametrize("units", TOKEN_LEVELS)
def test_a_sentence_is_asked_for_whole_and_judged_where_memory_decides(data, lang, units):
    found = made(data, lang, units)
    batch = found.batch(4)
    assert found.vocabulary[0] == UNKNOWN
    for b, row in enumerate(tokens_of(found, batch)):
        assert row[-1] == END
        assert UNKNOWN not in row
        text = join(row[:-1], units)
        assert tokenise(text, units) == row[:-1]
        if data == "brackets":
            judged = [found.vocabulary[k] for k in batch.target[:, b][batch.judged[:, b]].tolist()]
            assert judged == [token for token in row if token in (")", "]", "”", "」")]
        else:
            assert batch.judged[:, b].sum() == 1


@grammars
@pytest.mark.parametrize(("length", "distance"), [(2, NEAREST), (9, 9), (400, FARTHEST)])
def test_the_distance_is_the_length_within_reach(data, lang, length, distance):
    found = source(replace(EXPERIMENT, data=data, length=length), lang)
    assert found.remember == distance
    assert len(found.probe().x) > distance


@grammars
def test_smaller_units_are_farther_apart(data, lang):
    word, char = made(data, lang), made(data, lang, "char")
    assert char.remember > 2 * word.remember
    assert char.chance == word.chance
    assert char.baseline == pytest.approx(math.log(len(char.vocabulary)))


@grammars
def test_every_seed_has_the_same_vocabulary(data, lang):
    assert made(data, lang).vocabulary == made(data, lang, seed=9).vocabulary


@grammars
@pytest.mark.parametrize("batch", [1, 2, 256])
def test_any_number_of_sentences_can_be_asked_for(data, lang, batch):
    found = source(replace(EXPERIMENT, data=data, batch=batch), lang)
    assert found.batch(0).x.shape[1] == batch


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_a_batch_of_one_has_both_versions_over_time(lang):
    found = source(replace(EXPERIMENT, data="agreement", batch=1), lang)
    cues = Counter()
    for step in range(200):
        row = tokens_of(found, found.batch(step))[0]
        cues["are" in row or "아무도" in row] += 1
    assert 60 < cues[True] < 140


# Texts.


@pytest.mark.parametrize("units", TOKEN_LEVELS)
def test_the_lecture_is_its_three_sentences(units):
    found = made("lecture", units=units)
    assert tokens_of(found, found.batch(0)) == [tokenise(s, units) for s in lecture_sentences()]
    assert same(found.batch(0), found.held_out())
    assert found.remember == max(len(tokenise(s, units)) for s in lecture_sentences()) - 1
    assert found.chance == 1 / len(found.vocabulary)


@pytest.mark.parametrize("units", TOKEN_LEVELS)
def test_a_perfect_memory_of_the_lecture_just_reaches_the_goal(units):
    found = made("lecture", units=units)
    rows = tokens_of(found, found.batch(0))
    futures = defaultdict(Counter)
    for row in rows:
        for at in range(1, len(row)):
            futures[row[:at]][row[at]] += 1
    hits = [futures[row[:at]].most_common(1)[0][0] == row[at] for row in rows for at in range(1, len(row))]
    right = torch.tensor(hits).float()
    assert right.mean().item() >= found.goal  # also as a mean in float32
    right[right.argmax()] = 0.0
    assert right.mean().item() < found.goal


def test_foreseeable_counts_what_can_be_known():
    right, loss = foreseeable([[1, 2, 3], [1, 2, 4], [1, 2, 3], [5, 6]])
    assert right == 3 + 2 + 1
    assert loss == pytest.approx((2 * math.log(3 / 2) + math.log(3)) / 7)


@pytest.mark.parametrize("units", TOKEN_LEVELS)
def test_a_short_text_is_learned_line_by_line(units):
    found = source(Experiment(data="yours", text=TEXT, units=units, length=400))
    lines = [
        tokenise(s, units)
        for s in ("나는 밥을 먹고 학교에 간다.", "가는 말이 고와야 오는 말이 곱다!", "그의 말이 법이다.")
    ]
    assert tokens_of(found, found.batch(0)) == lines
    assert same(found.batch(0), found.held_out())
    assert found.held_out_is_training
    assert math.isnan(found.goal)
    assert found.vocabulary == (UNKNOWN, *sorted({token for line in lines for token in line}))
    assert found.baseline == pytest.approx(math.log(len(found.vocabulary)))


def test_lines_end_where_the_text_has_them_too():
    found = source(Experiment(data="yours", text="a b\nc d e\n\nf\n g h?  “i j!” k l", length=400))
    lines = [("a", "b"), ("c", "d", "e"), ("g", "h?"), ("“i", "j!”"), ("k", "l")]
    assert tokens_of(found, found.batch(0)) == lines


def test_single_words_make_one_line_together():
    found = source(Experiment(data="yours", text="a. b. c."))
    assert tokens_of(found, found.batch(0)) == [("a.", "b.", "c.")]


def test_a_text_longer_than_the_length_gives_windows_of_it():
    found = source(Experiment(data="yours", text=LONG[:400], length=6, batch=50))
    words = LONG[:400].split()
    assert len(words) <= 200
    assert found.held_out_is_training
    spans = {tuple(words[at : at + 7]) for at in range(len(words) - 6)}
    seen = {row for step in range(60) for row in tokens_of(found, found.batch(step))}
    assert seen == spans  # from anywhere, the first and the last included
    held_out = tokens_of(found, found.held_out())
    assert [held_out[0][0], *(token for row in held_out for token in row[1:])] == words  # each asked for once
    assert found.remember == 6


@pytest.mark.parametrize("length", [2, 30, 400])
def test_the_last_tenth_of_a_long_text_is_held_out(length):
    found = source(Experiment(data="yours", text=LONG, length=length, batch=64))
    words = LONG.split()
    assert not found.held_out_is_training
    held_out = tokens_of(found, found.held_out())
    assert [held_out[0][0], *(token for row in held_out for token in row[1:])] == words[405:]
    seen = {token for step in range(80) for row in tokens_of(found, found.batch(step)) for token in row}
    assert seen <= set(words[:405])  # every word occurs once
    assert tokens_of(found, found.probe()) == held_out[:1]
    assert len(found.batch(0).x) == min(length, 404)


def test_a_text_of_some_hundred_tokens_is_tested_on_its_end_even_if_it_fits_one_window():
    found = source(Experiment(data="yours", text=" ".join(LONG.split()[:300]), length=400))
    assert not found.held_out_is_training
    assert tokens_of(found, found.held_out()) == [tuple(LONG.split()[270:300])]
    assert set(tokens_of(found, found.batch(0))) == {tuple(LONG.split()[:270])}


@pytest.mark.parametrize("units", TOKEN_LEVELS)
def test_the_longest_text_is_taken_in_any_units(units):
    text = (TEXT + " ") * 500
    found = source(Experiment(data="yours", text=text[:MAX_TEXT], units=units))
    assert found.batch(3).x.shape == (100, 32)
    pieces = [join(row, units) for row in tokens_of(found, found.batch(3))]
    if units != "jamo":  # a window may begin within a syllable
        assert all(piece in text for piece in pieces)


def test_a_text_may_hold_the_unknown_token():
    found = source(Experiment(data="yours", text=f"a {UNKNOWN} b", length=9))
    assert found.vocabulary == (UNKNOWN, "a", "b")
    assert tokens_of(found, found.batch(0)) == [("a", UNKNOWN, "b")]


def test_decomposed_text_is_composed():
    found = source(Experiment(data="yours", text=unicodedata.normalize("NFD", TEXT), units="char"))
    assert all(unicodedata.is_normalized("NFC", token) for token in found.vocabulary)


# Tales.


def read_as_one(found: Source, batch: Batch, units: str) -> str:
    """Returns the text of stretches of which each begins where the one before ends."""
    first, *others = tokens_of(found, batch)
    assert all(a[-1] == b[0] for a, b in pairwise([first, *others]))
    return join([*first, *(token for row in others for token in row[1:])], units)


@pytest.mark.parametrize(("lang", "units"), list(product(("en", "ko"), TOKEN_LEVELS)))
def test_no_held_out_tale_is_trained_on(lang, units):
    found = source(Experiment(data="tales", units=units, length=50), lang)
    stock = join([found.vocabulary[k] for k in found.training.args[0].tolist()], units)
    assert len(stock) >= 200_000
    left = read_as_one(found, found.held_out(), units)
    assert len(left) > 8_000
    held_out = [one for one in tales(lang, 10_000, stream(0, 2**15 - 1)) if one not in stock]
    assert " ".join(held_out) == left
    assert len(set(held_out)) > 50


def test_every_other_window_of_tales_begins_with_one_and_the_rest_anywhere():
    found = source(Experiment(data="tales", units="char", length=30, batch=51), "en")
    text = "".join(found.vocabulary[k] for k in found.training.args[0].tolist())
    beginnings = {tale[:31] for tale in tales("en", 200_000, stream(0, 2**15 - 4))}
    rows = ["".join(row) for row in tokens_of(found, found.batch(3))]
    assert [len(row) for row in rows] == [31] * 51
    assert set(rows[::2]) <= beginnings
    assert not set(rows[1::2]) <= beginnings
    for some in (rows[::2], rows[1::2]):
        places = [text.index(row) for row in some]
        assert min(places) < len(text) / 4 and max(places) > len(text) / 2


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_vocabulary_of_tales_is_that_of_all_there_can_be(lang):
    one, other = (source(Experiment(data="tales", units="jamo", seed=seed), lang) for seed in (0, 7))
    assert one.vocabulary == other.vocabulary == (UNKNOWN, *letters(lang, "jamo"))
    assert math.isnan(one.goal) and one.baseline == pytest.approx(math.log(len(one.vocabulary)))


def test_tales_are_made_in_less_than_a_second():
    started = time.thread_time()
    source(Experiment(data="tales", units="jamo"), "ko")
    assert time.thread_time() - started < 1


# Choices that nothing can be trained on.


@pytest.mark.parametrize(("text", "tokens"), [("", 0), (" \n\u200b ", 0), ("말", 1)])
def test_a_text_without_a_next_token_is_refused(text, tokens):
    with pytest.raises(Unusable) as refused:
        source(Experiment(data="yours", text=text))
    assert refused.value.sentence == "unusable.text"
    assert refused.value.values == {"tokens": tokens}


@pytest.mark.parametrize("length", [2, 3, 4])
def test_a_length_too_short_for_the_test_is_refused(length):
    with pytest.raises(Unusable) as refused:
        source(Experiment(data="temporal_order", length=length))
    assert refused.value.sentence == "unusable.length"
    assert refused.value.values == {"least": 5, "length": length}


@every
def test_the_shortest_length_that_a_page_offers_works_elsewhere(data, lang):
    if data != "temporal_order":
        assert len(source(replace(EXPERIMENT, data=data, length=2), lang).batch(0).x) >= 2


@pytest.mark.parametrize("data", ["agreement", "brackets"])
def test_of_a_limited_number_of_sentences_a_third_set_is_neither_learned_nor_held_out(data):
    found = source(Experiment(data=data, length=8, sentences=20_000, seed=3), "en")
    assert found.third is not None
    third, held_out = (_sentences_of(batch) for batch in (found.third, found.held_out()))
    learned = set().union(*(_sentences_of(found.batch(step)) for step in range(200)))
    assert len(third) > 150 and len(learned) > 3_000
    assert not third & held_out and not third & learned and not held_out & learned
    assert source(Experiment(data=data, length=8, seed=3), "en").third is None


def _sentences_of(batch: Batch) -> set[tuple[int, ...]]:
    whole = torch.cat([batch.x, batch.target[-1:]]).T
    return {tuple(row[row >= 0].tolist()) for row in whole}


def test_a_test_with_few_sequences_says_that_it_measures_what_it_learns():
    found = source(Experiment(data="copy", length=40))
    rows = {tuple(row.flatten().tolist()) for row in found.held_out().x.transpose(0, 1)}
    assert len(rows) == SYMBOL_TASKS["copy"].all == 64 and found.held_out_is_training
    for data in ("temporal_order", "first_symbol"):
        other = source(Experiment(data=data, length=40))
        assert not SYMBOL_TASKS[data].all and not other.held_out_is_training
        assert len({tuple(row.flatten().tolist()) for row in other.held_out().x.transpose(0, 1)}) == 500
