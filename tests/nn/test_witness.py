"""The witness: it agrees with every cell under every change, from any step on, and notices what is not so."""

from dataclasses import replace

import numpy as np
import pytest

from explorer import CELLS, Experiment
from explorer.lab.learned import learn
from explorer.nn.interventions import Clamp, Transplant, ZeroUnit
from explorer.nn.tracing import trace
from explorer.nn.witness import departure

TEXT = ("a", "b", "c", "a", "b", "b", "c")
UNTRAINED = Experiment(weights="untrained", hidden=6, text=" ".join(TEXT))


def changes_of(cell: str) -> list:
    """A held unit of each gate in turn, all units of the last, a silent unit, another state."""
    symbols = list(CELLS[cell].activations)
    held = [Clamp(symbol, 0.1 + 0.1 * k, k, 2) for k, symbol in enumerate(symbols)]
    every = [Clamp(symbol, 0.4, None, 6) for symbol in symbols[-1:]]
    donor = tuple(0.1 * k for k in range(6))
    some = [Clamp(symbol, 0.6, 5, 3, 4) for symbol in symbols[:2]]
    return [
        *held,
        *some,
        *every,
        ZeroUnit(1, 3),
        ZeroUnit(4, 2, 5),
        Transplant(4, dict.fromkeys(CELLS[cell].states, donor)),
    ]


def run_of(cell: str, changes=()):
    model = learn(replace(UNTRAINED, cell=cell)).model
    return trace(model, TEXT, changes=changes)


@pytest.mark.parametrize("cell", CELLS)
def test_it_agrees_with_every_cell_under_every_change(cell):
    changes = changes_of(cell)
    run = run_of(cell, changes)
    assert departure(run.layers[0], changes) <= 1e-15
    part = run.window(4, 3)
    assert departure(part.layers[0], changes, 4) <= 1e-15
    assert departure(part.in_lecture_notation().layers[0], changes, 4) <= 1e-15
    assert departure(run_of(cell).layers[0]) <= 1e-15


@pytest.mark.parametrize("cell", CELLS)
def test_it_notices_each_change_that_was_not_made(cell):
    changes = changes_of(cell)
    run = run_of(cell, changes).layers[0]
    for left in changes:
        assert departure(run, [change for change in changes if change is not left]) > 1e-4, left


@pytest.mark.parametrize("cell", CELLS)
def test_it_notices_one_wrong_number_in_any_gate_or_state(cell):
    run = run_of(cell).layers[0]
    for name in run.spec.states:
        wrong = np.array(run.states[name])
        wrong[3, 2] += 1e-6
        assert departure(replace(run, states=run.states | {name: wrong})) > 5e-7
    for symbol, values in run.gate.items():
        wrong = np.array(values)
        wrong[3, 2] = np.nan
        assert departure(replace(run, gate=run.gate | {symbol: wrong})) == np.inf
