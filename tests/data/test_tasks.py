"""The memory tests: what they make, and their baselines by sampling."""

import math
from fractions import Fraction

import pytest
import torch

from explorer.data.tasks import (
    ADDING_BASELINE,
    PULSE,
    SYMBOL_TASKS,
    adding,
    copy,
    copy_identity,
    first_symbol,
    flip_flop,
    temporal_order,
)
from explorer.limits import MAX_LENGTH


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("length", [2, 3, 20, 21])
def test_each_sequence_has_one_mark_in_each_half(length):
    x, _ = adding(length, 300, seeded())
    marks = x[..., 1]
    assert x.shape == (length, 300, 2)
    assert set(marks.unique().tolist()) <= {0.0, 1.0}
    assert (marks[: length // 2].sum(0) == 1).all()
    assert (marks[length // 2 :].sum(0) == 1).all()
    assert (marks.sum(1) > 0).all()  # over many sequences every position is marked


def test_the_target_is_the_sum_of_the_two_marked_values():
    x, target = adding(12, 50, seeded())
    for b in range(50):
        marked = [value for value, mark in x[:, b].tolist() if mark == 1.0]
        assert len(marked) == 2
        assert target[b].item() == pytest.approx(sum(marked), abs=1e-6)


def test_values_are_uniform_between_0_and_1():
    values = adding(100, 500, seeded())[0][..., 0]
    assert values.min() >= 0.0
    assert values.max() <= 1.0
    assert values.mean().item() == pytest.approx(0.5, abs=0.01)
    assert values.var().item() == pytest.approx(1 / 12, abs=0.002)


def test_always_answering_1_has_the_error_one_sixth():
    _, target = adding(4, 100_000, seeded(1))
    error = ((target - 1.0) ** 2).mean().item()
    assert error == pytest.approx(1 / 6, abs=0.004)  # six standard errors
    assert abs(ADDING_BASELINE - 1 / 6) < 1e-12
    assert abs(error - 0.1767) > 0.005  # as some repositories print it


def test_the_generator_alone_decides_the_batch():
    first, again, other = (adding(8, 4, seeded(s))[0] for s in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("length", [0, 1])
def test_one_step_cannot_hold_two_marks(length):
    with pytest.raises(ValueError, match="at least two steps"):
        adding(length, 4, seeded())


SYMBOLS = sorted(SYMBOL_TASKS)


def ids_of(x: torch.Tensor) -> torch.Tensor:
    """Returns which channel is on (T, B), after making sure that there is exactly one."""
    assert x.dtype == torch.float32
    assert ((x == 0.0) | (x == 1.0)).all()
    assert (x.sum(-1) == 1.0).all()
    return x.argmax(-1)


@pytest.mark.parametrize("length", [5, 6, 9, 10, 19, 50, 99, 400])
def test_each_ordered_symbol_stands_once_in_its_place(length):
    x, target = temporal_order(length, 400, seeded())
    ids = ids_of(x)
    assert x.shape == (length, 400, 6)
    assert target.dtype == torch.int64
    places = [range(length // 10, length // 5 + 1), range(length // 2, 3 * length // 5 + 1)]
    places = [
        {t for t in place if Fraction(t, length) >= low}
        for place, low in zip(places, (Fraction(1, 10), Fraction(1, 2)), strict=True)
    ]
    found = [set(), set()]
    for b in range(400):
        at = [t + 1 for t, symbol in enumerate(ids[:, b].tolist()) if symbol < 2]
        assert len(at) == 2
        for k in range(2):
            found[k].add(at[k])
        first, second = (int(ids[t - 1, b]) for t in at)
        assert target[-1, b] == 2 * first + second
    assert found == places  # all of them, and no other
    assert (target[:-1] == -1).all()


def test_every_length_has_places_for_both_symbols():
    for length in range(5, MAX_LENGTH + 1):
        x, _ = temporal_order(length, 1, seeded())
        assert x[..., :2].sum() == 2


def test_copy_has_the_symbols_the_blanks_the_cue_and_the_answer_in_their_places():
    x, target = copy(7, 300, seeded())
    ids = ids_of(x)
    assert x.shape == (3 + 7 + 3, 300, 6)
    assert (ids[:3] < 4).all()
    assert (ids == 5).nonzero()[:, 0].unique().tolist() == [3 + 7 - 1]
    assert (ids[3 + 7 - 1] == 5).all()
    assert (ids[[3, 4, 5, 6, 7, 8, 10, 11, 12]] == 4).all()
    assert torch.equal(target[-3:], ids[:3])
    assert (target[:-3] == -1).all()
    assert len({tuple(column) for column in ids[:3].T.tolist()}) == 64


def test_the_first_symbol_is_asked_for_at_the_end():
    x, target = first_symbol(9, 300, seeded())
    ids = ids_of(x)
    assert x.shape == (9, 300, 8)
    assert (ids[0] < 4).all()
    assert ids[1:].unique().tolist() == [4, 5, 6, 7]
    assert torch.equal(target[-1], ids[0])
    assert (target[:-1] == -1).all()


@pytest.mark.parametrize("name", SYMBOLS)
def test_a_task_says_what_it_makes(name):
    task = SYMBOL_TASKS[name]
    x, target = task.make(12, 50, seeded())
    asked = (target >= 0).all(1)
    assert x.shape[2] == len(task.symbols) == len(set(task.symbols))
    assert all(len(symbol) == 1 for symbol in task.symbols)
    assert asked.nonzero()[:, 0].tolist() == list(range(len(x) - task.asked, len(x)))
    assert int(target.max()) == len(task.answers) - 1


@pytest.mark.parametrize("name", SYMBOLS)
def test_no_guess_without_memory_beats_the_baseline(name):
    """A guesser that knows the step, and the symbol it sees there, fitted on the very sequences."""
    task, rows = SYMBOL_TASKS[name], 40_000
    x, target = task.make(20, rows, seeded(1))
    answers = len(task.answers)
    last = x[-1].argmax(-1) if name != "copy" else torch.zeros(rows, dtype=torch.long)
    for row in target[-task.asked :]:
        counts = torch.zeros(x.shape[2], answers).index_put_((last, row), torch.ones(()), accumulate=True)
        counts = counts[counts.sum(1) > 0]
        shares = counts / counts.sum(1, keepdim=True)
        loss = -(counts * shares.log()).sum().item() / rows
        right = counts.max(1).values.sum().item() / rows
        assert loss == pytest.approx(task.baseline, abs=0.001)
        assert right == pytest.approx(task.chance, abs=0.015)
    assert task.baseline == pytest.approx(math.log(answers), abs=1e-6)
    assert task.chance == 1 / answers


@pytest.mark.parametrize("name", SYMBOLS)
def test_answers_are_equally_frequent(name):
    task, rows = SYMBOL_TASKS[name], 20_000
    _, target = task.make(20, rows, seeded(2))
    share = 1 / len(task.answers)
    for row in target[target[:, 0] >= 0]:
        counts = row.bincount(minlength=len(task.answers))
        assert ((counts - rows * share).abs() < 5 * math.sqrt(rows * share * (1 - share))).all()


def test_distractors_are_equally_frequent():
    x, _ = temporal_order(40, 1000, seeded(3))
    counts = x.sum((0, 1))[2:]
    assert ((counts / counts.sum() - 0.25).abs() < 0.01).all()


@pytest.mark.parametrize("name", SYMBOLS)
@pytest.mark.parametrize("length", [5, 23])
def test_remember_is_the_longest_wait_for_an_answer(name, length):
    task = SYMBOL_TASKS[name]
    x, target = task.make(length, 500, seeded())
    ids = ids_of(x)
    waits = []
    for b in range(500):
        kept = [t for t, symbol in enumerate(ids[:, b].tolist()) if symbol < task.kept]
        asked = [t for t, answer in enumerate(target[:, b].tolist()) if answer >= 0]
        if name == "copy":
            waits += [end - start for start, end in zip(kept, asked, strict=True)]
        else:
            waits.append(asked[0] - kept[0])
    assert task.remember(length) == max(waits)


@pytest.mark.parametrize(("length", "loss"), [(20, 0.5199), (40, 0.3466), (100, 0.1733)])
def test_the_classic_copy_task_without_memory(length, loss):
    assert copy_identity(length) == pytest.approx(loss, abs=5e-5)
    certain = torch.zeros(length + 10, 9)
    certain[:, 8] = 1e6  # the blank
    even = torch.zeros(10, 9)
    even[:, 8] = -1e6
    target = torch.tensor([8] * (length + 10) + [0, 1, 2, 3, 4, 5, 6, 7, 0, 1])
    guessed = torch.nn.functional.cross_entropy(torch.cat([certain, even]), target)
    assert guessed.item() == pytest.approx(copy_identity(length), abs=1e-6)


def test_our_copy_task_without_memory_over_every_output():
    assert copy_identity(40, symbols=4, copied=3) == pytest.approx(3 * math.log(4) / 46)


@pytest.mark.parametrize("name", SYMBOLS)
def test_the_generator_alone_decides_the_symbols(name):
    first, again, other = (SYMBOL_TASKS[name].make(8, 9, seeded(s)) for s in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


@pytest.mark.parametrize("name", SYMBOLS)
def test_a_length_too_short_is_refused_in_a_sentence(name):
    task = SYMBOL_TASKS[name]
    x, target = task.make(task.least, 3, seeded())
    assert len(x) == len(target)
    with pytest.raises(ValueError, match=r"at least .* step"):
        task.make(task.least - 1, 3, seeded())


def test_each_bit_is_its_last_pulse():
    x, target = flip_flop(40, 30, seeded())
    assert x.shape == target.shape == (40, 30, 3)
    assert set(x.unique().tolist()) == {-1.0, 0.0, 1.0} and (x[0] != 0).all()
    for b in range(30):
        held = x[0, b]
        for t in range(40):
            held = torch.where(x[t, b] != 0, x[t, b], held)
            assert torch.equal(held, target[t, b])
    assert abs((flip_flop(200, 200, seeded())[0][1:] != 0).float().mean() - PULSE) < 0.01
