"""`verify` passes the cells as they are and fails each one that is broken, wherever it is broken."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from explorer.cells import CELLS
from explorer.checks.cells import (
    CellCheck,
    check_cell,
    check_cells,
    equations_difference,
    fused_states,
    gradients_difference,
)
from explorer.checks.common import TOLERANCE
from explorer.gradients.bptt import local_derivatives
from explorer.nn.tracing import run_layer
from tests.helpers import EVERY, TORCH_CELLS, random_layer, random_weights


def by_cell(cases: int = 5) -> dict[str, CellCheck]:
    return {check.cell: check for check in check_cells(cases)}


def checked(key: str) -> CellCheck:
    return check_cell(key, 2, np.random.default_rng(0))


@cache
def as_they_are() -> dict[str, CellCheck]:
    return by_cell()


def broken_step(key: str, change):
    """Returns a cell whose step is followed by a change of (pre, activations, states)."""
    spec = CELLS[key]
    return replace(spec, step=lambda *args: change(*spec.step(*args)))


def shifted_state(pre, act, states):
    return pre, act, (states[0] + 1e-8, *states[1:])


def nan_state(pre, act, states):
    return pre, act, (states[0] * np.nan, *states[1:])


def unrecorded_gate(pre, act, states):
    return pre, {symbol: 0.0 * value for symbol, value in act.items()}, states


def test_every_cell_of_the_registry_passes():
    checks = by_cell(20)
    assert tuple(checks) == tuple(CELLS)
    assert all(check.ok and max(check.differences) < 1e-12 for check in checks.values())


def test_a_check_names_what_it_measured():
    checks = as_they_are()
    assert {key for key, check in checks.items() if check.fused is not None} == set(TORCH_CELLS)
    for key, check in checks.items():
        spec = CELLS[key]
        assert (check.at_once is not None) == (spec.fast is not None)
        assert set(check.equations) == ({"pytorch", "lecture"} if spec.lecture else {"pytorch"})
        assert check.cases == 5


def test_the_same_seed_gives_the_same_numbers():
    assert check_cells(3, seed=4) == check_cells(3, seed=4)
    assert check_cells(3, seed=4) != check_cells(3, seed=5)


@pytest.mark.parametrize("cases", [0, -1])
def test_no_cases_are_refused(cases):
    with pytest.raises(ValueError, match="at least one case"):
        check_cells(cases)


@pytest.mark.parametrize("key", EVERY)
def test_a_broken_step_fails_its_cell(key, monkeypatch):
    monkeypatch.setitem(CELLS, key, broken_step(key, shifted_state))
    check = checked(key)
    assert check.stepwise > TOLERANCE and not check.ok


def test_a_broken_cell_fails_alone(monkeypatch):
    monkeypatch.setitem(CELLS, "lstm_peephole", broken_step("lstm_peephole", shifted_state))
    checks = by_cell(1)
    assert {name for name, check in checks.items() if not check.ok} == {"lstm_peephole"}


@pytest.mark.parametrize("key", EVERY)
def test_a_nan_fails_and_is_not_lost(key, monkeypatch):
    monkeypatch.setitem(CELLS, key, broken_step(key, nan_state))
    check = checked(key)
    assert np.isnan(check.stepwise) and not check.ok


@pytest.mark.parametrize("key", [key for key in EVERY if CELLS[key].gates])
def test_a_gate_recorded_wrongly_fails_the_equations(key, monkeypatch):
    monkeypatch.setitem(CELLS, key, broken_step(key, unrecorded_gate))
    check = checked(key)
    assert check.stepwise < TOLERANCE and check.equations["pytorch"] > TOLERANCE
    assert not check.ok


@pytest.mark.parametrize("key", TORCH_CELLS)
def test_a_broken_fast_path_fails(key, monkeypatch):
    spec = CELLS[key]

    def fast(*args):
        pre, gate, (h, *others) = spec.fast(*args)
        return pre, gate, (h + 1e-8, *others)

    monkeypatch.setitem(CELLS, key, replace(spec, fast=fast))
    check = checked(key)
    assert check.stepwise < TOLERANCE < check.at_once
    assert check.fused > TOLERANCE and not check.ok


def parts_of_back(key: str) -> list[str]:
    """Returns the parts of a cell's way back that are there."""
    spec, layer = CELLS[key], random_layer(key, np.random.default_rng(1))
    local = local_derivatives(layer, layer.weights)
    found = spec.back(local, layer.weights, {s: layer.signal(s) for s in spec.states})
    return [name for name in ("mixed", "kept", "pre", "rec", "own") if getattr(found, name)]


@pytest.mark.parametrize(("key", "name"), [(key, name) for key in EVERY for name in parts_of_back(key)])
def test_a_broken_way_back_fails_the_gradients_alone(key, name, monkeypatch):
    spec = CELLS[key]

    def back(*args):
        right = spec.back(*args)
        return replace(right, **{name: {s: a + 1e-8 for s, a in getattr(right, name).items()}})

    monkeypatch.setitem(CELLS, key, replace(spec, back=back))
    check = checked(key)
    assert check.gradients > TOLERANCE and not check.ok
    others = (check.stepwise, check.at_once or 0.0, check.fused or 0.0, *check.equations.values())
    assert max(others) < 1e-12


@pytest.mark.parametrize("key", EVERY)
def test_a_wrong_derivative_fails_the_gradients_whichever_it_is(key, monkeypatch):
    spec, rng = CELLS[key], np.random.default_rng(8)
    layer = next(u for u in (random_layer(key, rng) for _ in range(50)) if u.steps >= 3)
    dL_dh = rng.normal(size=layer.output.shape)
    assert gradients_difference(layer, dL_dh) < 1e-12
    names = [name for name in local_derivatives(layer, layer.weights) if "/" in name]
    assert {name.split("/")[1] for name in names} >= set(spec.blocks)
    for name in names:
        if name.split("/")[0] in spec.idle:  # multiplied by a gradient of 0
            continue

        def local(values, weights, name=name):
            right = spec.local(values, weights)
            return {**right, name: right[name] * (1.0 + 1e-6) + 1e-7}

        monkeypatch.setitem(CELLS, key, replace(spec, local=local))
        assert gradients_difference(layer, dL_dh) > TOLERANCE, name


@pytest.mark.parametrize("key", EVERY)
def test_a_nan_gradient_is_not_lost(key, monkeypatch):
    layer = random_layer(key, np.random.default_rng(9))
    found = gradients_difference(layer, np.full(layer.output.shape, np.nan))
    assert np.isnan(found)


@pytest.mark.parametrize("key", EVERY)
def test_a_missing_equation_is_infinitely_far(key, monkeypatch):
    spec, layer = CELLS[key], random_layer(key, np.random.default_rng(0))
    assert equations_difference(layer) < 1e-12
    for left_out in spec.equations:
        kept = tuple(equation for equation in spec.equations if equation is not left_out)
        monkeypatch.setitem(CELLS, key, replace(spec, equations=kept))
        assert equations_difference(layer) == np.inf


def test_lecture_equations_with_pytorch_z_fail(monkeypatch):
    wrong = replace(CELLS["gru"], lecture=replace(CELLS["gru"].lecture, equations=CELLS["gru"].equations))
    monkeypatch.setitem(CELLS, "gru", wrong)
    check = checked("gru")
    assert check.equations["pytorch"] < TOLERANCE < check.equations["lecture"]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("key", TORCH_CELLS)
def test_fused_states_are_those_of_every_step(key, bias):
    rng = np.random.default_rng(3)
    weights, x = random_weights(key, 3, 4, rng, bias), rng.normal(size=(6, 3))
    state = tuple(rng.normal(size=4) for _ in CELLS[key].states)
    layer = run_layer(key, weights, x, state, stepwise=True)
    found = fused_states(CELLS[key], weights, x, state)
    assert set(found) == set(CELLS[key].states)
    for name, values in found.items():
        assert values.shape == (6, 4) and values.dtype == np.float64
        np.testing.assert_allclose(values, layer.signal(name), atol=1e-12)


def test_fused_states_of_a_variant_are_refused():
    layer = random_layer("lstm_coupled", np.random.default_rng(0))
    with pytest.raises(ValueError, match="lstm_coupled"):
        fused_states(CELLS["lstm_coupled"], layer.weights, layer.x, (layer.h[0], layer.c[0]))


def test_checking_draws_nothing_from_the_global_generator():
    before = torch.random.get_rng_state()
    check_cells(2)
    assert torch.equal(before, torch.random.get_rng_state())
