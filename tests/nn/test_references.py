"""The references that the app checks itself against, checked against the papers in plain loops."""

from dataclasses import replace

import numpy as np
import pytest

from explorer import CELLS, Trace
from explorer.nn.references import (
    largest_difference,
    reference_gradients,
    reference_name,
    reference_states,
)
from tests import papers
from tests.autograd import rows_of
from tests.helpers import EVERY, TORCH_CELLS, VARIANTS, largest, random_layer

CASES = 200


@pytest.mark.parametrize("cell", EVERY)
def test_reference_states_are_those_of_the_paper(cell):
    rng = np.random.default_rng(71)
    for case in range(CASES if cell in VARIANTS else CASES // 4):
        layer = random_layer(cell, rng, reverse=case % 2 == 0)
        order = slice(None, None, -1) if layer.reverse else slice(None)
        expected = papers.run(cell, layer.weights, layer.x[order], layer.initial)
        found = reference_states(layer)
        assert tuple(found) == CELLS[cell].states
        for name, values in found.items():
            assert largest(values[order], expected[name]) <= 1e-10, case


@pytest.mark.parametrize("cell", EVERY)
def test_a_true_trace_differs_from_its_reference_by_rounding(cell):
    rng = np.random.default_rng(72)
    assert max(largest_difference(random_layer(cell, rng)) for _ in range(20)) <= 1e-12


@pytest.mark.parametrize(("cell", "state"), [(key, state) for key in EVERY for state in CELLS[key].states])
def test_a_falsified_state_is_found(cell, state):
    layer = random_layer(cell, np.random.default_rng(73))
    false = layer.states[state].copy()
    false[-1, 0] += 0.125
    found = largest_difference(replace(layer, states={**layer.states, state: false}))
    assert found == pytest.approx(0.125, abs=1e-9)


@pytest.mark.parametrize("cell", EVERY)
def test_a_window_is_checked_from_the_state_carried_in(cell):
    rng = np.random.default_rng(74)
    layer = next(u for u in (random_layer(cell, rng) for _ in range(50)) if u.steps >= 5)
    assert largest_difference(layer.window(3, 3)) <= 1e-12


@pytest.mark.parametrize("cell", EVERY)
def test_the_reference_is_named(cell):
    known = {"rnn": "RNNCell", "rnn_relu": "RNNCell", "lstm": "LSTMCell", "gru": "GRUCell"}
    assert (cell in known) == (cell in TORCH_CELLS)
    if cell in known:
        assert reference_name(cell) == f"torch.nn.{known[cell]}"
    else:
        assert reference_name(cell).startswith("explorer.cells.")


@pytest.mark.parametrize("cell", EVERY)
def test_reference_gradients_are_those_of_one_loss_at_a_time(cell):
    rng = np.random.default_rng(75)
    for _ in range(8):
        layer = random_layer(cell, rng)
        dL_dh = rng.normal(size=layer.output.shape)
        dx, (expected,) = rows_of(Trace((layer,)), dL_dh)
        found = reference_gradients(layer, dL_dh)
        assert tuple(found.states) == CELLS[cell].states
        assert largest(found.x, dx) <= 1e-10
        for name, rows in found.states.items():
            assert largest(rows, expected.states[name]) <= 1e-10
        for name, gradient in expected.weights.items():
            assert largest(found.weights[name], gradient) <= 1e-10
