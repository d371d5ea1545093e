"""Feed-forward against recurrent: the sequences, what a window can know, what is learned, what it takes."""

from itertools import permutations

import numpy as np
import pytest
import torch

from explorer.architectures import feedforward
from explorer.architectures.feedforward import (
    LENGTH,
    LENGTHS,
    WINDOWS,
    best_of_window,
    compare,
    sequences,
    timed,
)
from explorer.cells import CELLS
from tests.helpers import compared_once


def test_each_of_the_two_letters_stands_once_and_the_answer_is_which_came_first():
    x, first = sequences(9, 400, torch.Generator().manual_seed(1))
    letters = x.argmax(-1)
    assert ((letters == 0).sum(0) == 1).all() and ((letters == 1).sum(0) == 1).all()
    a, b = (letters == 0).int().argmax(0), (letters == 1).int().argmax(0)
    assert torch.equal(first, (b < a).long())
    assert 0.4 < first.float().mean() < 0.6
    assert set(a.tolist()) == set(range(9))


def test_one_place_is_refused():
    with pytest.raises(ValueError):
        sequences(1, 3, torch.Generator())


@pytest.mark.parametrize("window", range(1, 7))
def test_the_best_of_a_window_is_that_of_all_pairs_of_places(window):
    T = 6
    right = [1.0 if max(a, b) >= T - window else 0.5 for a, b in permutations(range(T), 2)]
    assert best_of_window(window, T) == pytest.approx(np.mean(right))


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_window_comes_near_its_best_and_a_recurrent_network_needs_none(cell):
    found = compared_once(cell, 0)
    assert np.all(found.window <= found.best + 0.05)
    assert np.all(found.window >= found.best - 0.06)
    assert abs(found.unordered - 0.5) < 0.05
    assert found.recurrent > 0.97
    assert found.by_length[LENGTHS.index(LENGTH)] == pytest.approx(found.recurrent)
    inputs = len(feedforward.LETTERS)
    assert found.parameters == tuple(32 * (w * inputs + 1) + 2 * 33 for w in WINDOWS)
    assert found.recurrent_parameters == CELLS[cell].parameters(inputs, 32) + 2 * 33


def test_the_same_seed_gives_the_same_numbers_and_another_does_not(monkeypatch):
    monkeypatch.setattr(feedforward, "STEPS", 20)
    one = compare("rnn", 4)
    feedforward._without_a_state.cache_clear()
    two, other = compare("rnn", 4), compare("rnn", 5)
    assert np.array_equal(one.window, two.window) and np.array_equal(one.by_length, two.by_length)
    assert not np.array_equal(one.window, other.window)


def test_the_windows_do_not_depend_on_the_cell(monkeypatch):
    monkeypatch.setattr(feedforward, "STEPS", 20)
    one, two = compare("rnn", 4), compare("gru", 4)
    assert np.array_equal(one.window, two.window) and one.unordered == two.unordered
    assert not np.array_equal(one.by_length, two.by_length)


@pytest.mark.parametrize("cell", CELLS)
def test_time_is_measured_for_every_cell_and_length(cell):
    taken = timed(cell, (2, 64))
    assert taken.lengths == (2, 64)
    assert all(one.median > 0 for one in (*taken.apart, *taken.recurrent))
    assert len(taken.apart) == len(taken.recurrent) == 2
