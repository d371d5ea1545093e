"""The references that the app checks itself against, checked against the papers in plain loops."""

from dataclasses import replace

import numpy as np
import pytest

from explorer import Trace
from explorer.nn.references import (
    largest_difference,
    reference_gradients,
    reference_name,
    reference_states,
)
from tests import papers
from tests.autograd import rows_of
from tests.helpers import EVERY, VARIANTS, largest, random_layer

CASES = 200


@pytest.mark.parametrize("cell", EVERY)
def test_reference_states_are_those_of_the_paper(cell):
    rng = np.random.default_rng(71)
    for case in range(CASES if cell in VARIANTS else CASES // 4):
        layer = random_layer(cell, rng, reverse=case % 2 == 0)
        order = slice(None, None, -1) if layer.reverse else slice(None)
        first = -1 if layer.reverse else 0
        c = None if layer.c is None else layer.c[first]
        expected = papers.run(cell, layer.weights, layer.x[order], layer.h[first], c)
        found = reference_states(layer)
        assert set(found) == {"h"} | ({"c"} if layer.c is not None else set())
        for name, values in found.items():
            assert largest(values[order], expected[name]) <= 1e-10, case


@pytest.mark.parametrize("cell", EVERY)
def test_a_true_trace_differs_from_its_reference_by_rounding(cell):
    rng = np.random.default_rng(72)
    assert max(largest_difference(random_layer(cell, rng)) for _ in range(20)) <= 1e-12


@pytest.mark.parametrize("cell", EVERY)
@pytest.mark.parametrize("state", ["h", "c"])
def test_a_falsified_state_is_found(cell, state):
    layer = random_layer(cell, np.random.default_rng(73))
    if getattr(layer, state) is None:
        state = "h"
    false = getattr(layer, state).copy()
    false[-1, 0] += 0.125
    found = largest_difference(replace(layer, **{state: false}))
    assert found == pytest.approx(0.125, abs=1e-9)


@pytest.mark.parametrize("cell", EVERY)
def test_a_window_is_checked_from_the_state_carried_in(cell):
    rng = np.random.default_rng(74)
    layer = next(u for u in (random_layer(cell, rng) for _ in range(50)) if u.steps >= 5)
    assert largest_difference(layer.window(3, 3)) <= 1e-12


@pytest.mark.parametrize("cell", EVERY)
def test_the_reference_is_named(cell):
    known = {"rnn": "RNNCell", "rnn_relu": "RNNCell", "lstm": "LSTMCell", "gru": "GRUCell"}
    expected = f"torch.nn.{known[cell]}" if cell in known else "explorer.nn.references"
    assert reference_name(cell) == expected


@pytest.mark.parametrize("cell", EVERY)
def test_reference_gradients_are_those_of_one_loss_at_a_time(cell):
    rng = np.random.default_rng(75)
    for _ in range(8):
        layer = random_layer(cell, rng)
        dL_dh = rng.normal(size=layer.output.shape)
        dx, (expected,) = rows_of(Trace((layer,)), dL_dh)
        found = reference_gradients(layer, dL_dh)
        assert set(found.states) == {"h"} | ({"c"} if layer.c is not None else set())
        assert largest(found.x, dx) <= 1e-10
        for name, rows in found.states.items():
            assert largest(rows, getattr(expected, name)) <= 1e-10
        for name, gradient in expected.weights.items():
            assert largest(found.weights[name], gradient) <= 1e-10
