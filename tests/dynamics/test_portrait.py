"""Portraits: points that are known by hand, basins by running, chaos where theory has it."""

import numpy as np
import pytest

from explorer.cells import CELLS
from explorer.dynamics.portrait import branches, by_hand, many, portrait, units_of


@pytest.mark.parametrize(
    "pull, turn, counts", [(0.8, 0, {0: 1}), (1.5, 0, {0: 4, 1: 4, 2: 1}), (1.5, 30, {2: 1})]
)
def test_two_units_hold_four_memories_or_turn(pull, turn, counts):
    found = portrait(by_hand("rnn", 2, pull, turn))
    assert found.points.counts == counts and found.points.index == 1
    if turn:  # a limit cycle: neither dying out nor at rest
        late = found.layer.h[-20:]
        assert np.ptp(late[:, 0]) > 0.5 and abs(found.exponent) < 0.05
    if pull < 1:
        assert found.exponent == pytest.approx(np.log(0.8), abs=0.01)


def test_a_basin_is_where_running_leads():
    found = portrait(by_hand("rnn", 2, 1.5))
    ends = found.points.states[found.fate[5, 40]]
    s = np.array([[found.line[5], found.line[40]]])
    for _ in range(100):
        s = found.recurrence.step(s)
    assert np.abs(s[0] - ends).max() < 1e-6
    assert found.fate[30, 30] == -1  # the centre falls into none


def test_only_a_cell_of_more_than_two_states_has_no_portrait():
    assert [cell for cell in CELLS if not units_of(cell, "two")] == ["slstm"]


@pytest.mark.parametrize("cell", [cell for cell in CELLS if units_of(cell, "two")])
def test_every_cell_has_a_portrait(cell):
    for small in ("one", "two"):
        units = units_of(cell, small)
        found = portrait(by_hand(cell, units, 1.5))
        assert found.size == units * len(CELLS[cell].states)
        assert found.after.shape == (*[len(found.line)] * found.size, found.size)
        assert len(found.points.states) or not found.points.bounded


def test_a_memory_is_born_at_pull_one():
    found = branches("rnn", 0.0)
    for pull in (0.5, 0.95, 1.05, 2.0):
        here = found.unstable[np.isclose(found.pull, pull)]
        assert sorted(here.tolist()) == ([0] if pull < 1 else [0, 0, 1])


@pytest.mark.parametrize("pull, sign", [(0.8, -1), (2.0, 1)])
def test_neighbours_part_as_the_gradient_grows(pull, sign):
    found = many(pull)
    assert np.sign(found.found.largest) == sign
    assert found.backward == pytest.approx(found.found.largest, abs=0.02)
