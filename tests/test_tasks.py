"""The adding task: what it makes, and the baseline by sampling."""

import pytest
import torch

from explorer.tasks import ADDING_BASELINE, adding


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
