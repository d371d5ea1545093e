"""What a page checks of what it shows, and that it notices."""

from dataclasses import replace

import numpy as np
import pytest

from explorer import Experiment
from explorer.cells import CELLS
from explorer.checks.live import flow_error, points_error
from explorer.dynamics.points import fixed_points
from explorer.dynamics.portrait import by_hand
from explorer.gradients.bptt import LayerFlow
from explorer.lab.flow import flow
from tests.helpers import EVERY, learned_once


def flow_of(**choices):
    asked = Experiment(text="a b c a d e", weights="untrained", hidden=5, **choices)
    cells = dict.fromkeys((asked.cell, "rnn"))
    return flow(asked, {cell: learned_once(replace(asked, cell=cell)) for cell in cells})


@pytest.mark.parametrize("key", EVERY)
def test_the_gradients_on_a_page_are_autograds(key):
    assert flow_error(flow_of(cell=key, loss="each_step")) < 1e-12


def test_a_chaotic_run_is_checked_on_its_own_states():
    shown = flow_of(cell="rnn", init="orthogonal", gain=4.0, stretch=150)
    assert flow_error(shown) < 1e-10


def test_a_wrong_gradient_on_the_page_is_noticed(monkeypatch):
    right = LayerFlow.weight_gradient
    shown = flow_of(cell="gru")
    monkeypatch.setattr(LayerFlow, "weight_gradient", lambda f: {s: a + 1e-3 for s, a in right(f).items()})
    assert flow_error(shown) > 1e-5
    monkeypatch.undo()
    spec = CELLS["gru"]

    def back(local, weights, totals):
        found = spec.back(local, weights, totals)
        return replace(found, kept={s: 0.9 * a for s, a in found.kept.items()})

    monkeypatch.setitem(CELLS, "gru", replace(spec, back=back))
    assert flow_error(flow_of(cell="gru")) > 1e-5


def test_a_gradient_that_is_not_finite_is_not_called_right():
    shown = flow_of(cell="rnn")
    one = shown.chosen
    infinite = replace(one.gradient.layers[0], totals={"h": np.full_like(one.gradient.total, np.inf)})
    exploded = replace(one, gradient=replace(one.gradient, layers=(infinite,)))
    assert flow_error(shown) < 1e-12 and flow_error(replace(shown, cells=(exploded,))) is None


@pytest.mark.parametrize("key", ["rnn", "lstm", "gru", "mingru"])
def test_points_on_a_page_are_put_into_the_cell_again(key):
    F = by_hand(key, 1, 2.0)
    found = fixed_points(F, starts=np.linspace(-1.0, 1.0, 9 * F.size).reshape(-1, F.size))
    error = points_error(found)
    assert error.moved < 1e-8 and error.jacobian < 1e-12
    moved = replace(found, states=found.states + 0.01, jacobians=found.jacobians + 0.02)
    assert points_error(moved).moved > 1e-3 and points_error(moved).jacobian > 0.01
    assert points_error(replace(found, exact=np.zeros(len(found), bool))) is None
