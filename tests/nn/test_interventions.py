"""What if: a change does what it says, from its step on, and nothing before it."""

import numpy as np
import pytest
import torch

from explorer import CELLS, trace
from explorer.nn.interventions import Clamp, Transplant, ZeroUnit, touch_at
from tests.helpers import EVERY, arrays_of, largest, normal, number_model, random_state

T, K, H = 12, 5, 5
WITH_KEEP = tuple(key for key in EVERY if CELLS[key].keep)


@pytest.fixture
def x() -> np.ndarray:
    return normal(np.random.default_rng(61), T, 2)


def changed(cell: str, x: np.ndarray, *changes):
    return trace(number_model(cell), x, changes=changes).only


@pytest.mark.parametrize("cell", ["lstm", "lstm_peephole"])
def test_forget_open_and_input_shut_hold_the_cell_from_then_on(cell, x):
    layer = changed(cell, x, Clamp("f", 1.0, start=K), Clamp("i", 0.0, start=K))
    assert (layer.c[K - 1 :] == layer.c[K - 1]).all()
    assert np.ptp(layer.h[K:], axis=0).min() > 0.0  # o still moves


def test_what_is_held_from_a_step_to_a_step_is_let_go_after_it(x):
    """By PyTorch's cell before and after; between, c of two units stays and h is o tanh(c)."""
    layer = changed(
        "lstm", x, *[Clamp(s, v, u, K, K + 1) for s, v in (("f", 1.0), ("i", 0.0)) for u in (1, 3)]
    )
    cell = torch.nn.LSTMCell(2, H, dtype=torch.float64)
    cell.load_state_dict({name: torch.tensor(a) for name, a in layer.weights.arrays().items()})
    h, c = torch.tensor(layer.h[0]), torch.tensor(layer.c[0])
    for step, row in enumerate(torch.tensor(x), 1):
        before = c
        h, c = cell(row, (h, c))
        if step in (K, K + 1):
            o, held = h / torch.tanh(c), torch.tensor([False, True, False, True, False])
            c = torch.where(held, before, c)
            h = o * torch.tanh(c)
        assert largest(layer.c[step], c.detach().numpy()) <= 1e-12
        assert largest(layer.h[step], h.detach().numpy()) <= 1e-12
    silent = changed("lstm", x, ZeroUnit(2, K, K))
    assert silent.h[K, 2] == 0.0 != silent.h[K + 1, 2]


def test_coupled_gates_hold_the_cell_with_one_clamp(x):
    layer = changed("lstm_coupled", x, Clamp("f", 1.0, start=K))
    assert (layer.gate["i"][K - 1 :] == 0.0).all()
    assert (layer.c[K - 1 :] == layer.c[K - 1]).all()


def test_without_a_forget_gate_a_shut_input_is_enough(x):
    layer = changed("lstm_no_forget", x, Clamp("i", 0.0, start=K))
    assert (layer.c[K - 1 :] == layer.c[K - 1]).all()


@pytest.mark.parametrize("cell", ["gru", "gru_reset_before"])
def test_an_update_gate_held_at_1_holds_the_state_and_at_0_replaces_it(cell, x):
    kept = changed(cell, x, Clamp("z", 1.0, start=K))
    assert (kept.h[K - 1 :] == kept.h[K - 1]).all()
    replaced = changed(cell, x, Clamp("z", 0.0, start=K))
    assert (replaced.h[K:] == replaced.gate["n"][K - 1 :]).all()


@pytest.mark.parametrize("cell", EVERY)
@pytest.mark.parametrize("change", [Clamp("", 0.25, start=K), ZeroUnit(2, start=K)])
def test_a_change_leaves_every_earlier_step_bit_for_bit(cell, change, x):
    if isinstance(change, Clamp):
        symbol = (*CELLS[cell].activations, "h")[0]
        change = Clamp(symbol, change.value, start=K)
    # the same way of computing, with a change that never comes
    before, after = (arrays_of(changed(cell, x, c)) for c in (ZeroUnit(0, start=T + 1), change))
    for name, array in after.items():
        rows = K if name in CELLS[cell].states else K - 1  # row K - 1 of a state is the one before step K
        assert (array[:rows] == before[name][:rows]).all(), name
    assert largest(after["h"][K], before["h"][K]) > 0.0


@pytest.mark.parametrize("cell", EVERY)
def test_a_change_that_never_comes_changes_nothing(cell, x):
    plain, late = (arrays_of(changed(cell, x, *c)) for c in ((), (Clamp("h", 0.0, start=T + 1),)))
    assert all(largest(plain[name], late[name]) <= 1e-12 for name in plain)


@pytest.mark.parametrize(
    ("cell", "symbol"), [(key, symbol) for key in EVERY for symbol in CELLS[key].activations]
)
def test_a_clamp_on_one_unit_holds_that_unit_only(cell, symbol, x):
    plain = changed(cell, x)
    layer = changed(cell, x, Clamp(symbol, 0.25, unit=2, start=K))
    assert (layer.gate[symbol][K - 1 :, 2] == 0.25).all()
    others = [0, 1, 3, 4]
    assert largest(layer.gate[symbol][K - 1, others], plain.gate[symbol][K - 1, others]) <= 1e-12
    assert largest(layer.h[K, others], plain.h[K, others]) <= 1e-12 or symbol == "r"
    assert (
        layer.pre[symbol][K - 1, 2] == pytest.approx(plain.pre[symbol][K - 1, 2])
        if symbol in plain.pre
        else 1
    )


@pytest.mark.parametrize("cell", EVERY)
def test_a_zeroed_unit_is_silent_from_its_step_on_and_the_others_go_on(cell, x):
    layer = changed(cell, x, ZeroUnit(2, start=K))
    assert all((s[K:, 2] == 0.0).all() for s in layer.states.values())
    assert all((s[1:K, 2] != 0.0).any() for s in layer.states.values())
    assert np.abs(np.delete(layer.h[K:], 2, axis=1)).max() > 0.0


@pytest.mark.parametrize("cell", EVERY)
@pytest.mark.parametrize("after", [0, 4])
def test_with_all_states_transplanted_the_rest_is_the_donor_s_run(cell, after, x):
    other = normal(np.random.default_rng(62), T, 2)
    other[after:] = x[after:]  # the same inputs from there on
    start = random_state(cell, np.random.default_rng(63), 1, H)
    model = number_model(cell)
    donor = trace(model, other, start if len(start) > 1 else start[0]).only
    layer = changed(cell, x, Transplant(after, {s: tuple(a[after]) for s, a in donor.states.items()}))
    for state, rows in donor.states.items():
        assert largest(layer.states[state][after:], rows[after:]) <= 1e-12, state
    assert after == 0 or largest(layer.h[after - 1], donor.h[after - 1]) > 1e-3


@pytest.mark.parametrize("part", ["h", "c"])
def test_half_a_transplant_carries_that_half_only(part, x):
    plain, given = changed("lstm", x), tuple(np.linspace(-1, 1, H))
    layer = changed("lstm", x, Transplant(4, {part: given}))
    states = {"h": (layer.h, plain.h), "c": (layer.c, plain.c)}
    carried, _ = states.pop(part)
    (own, untouched_run), *_ = states.values()
    assert (carried[4] == given).all()
    assert largest(own[4], untouched_run[4]) <= 1e-12
    assert largest(layer.h[5], plain.h[5]) > 1e-3


def test_several_changes_work_together(x):
    layer = changed("lstm", x, Clamp("o", 1.0), ZeroUnit(0), Clamp("f", 0.0, unit=1, start=3))
    assert (layer.gate["o"] == 1.0).all()
    assert (layer.h[1:, 0] == 0.0).all()
    assert largest(layer.c[3:, 1], (layer.gate["i"] * layer.gate["g"])[2:, 1]) <= 1e-12
    assert largest(layer.h[1:, 1:], np.tanh(layer.c[1:, 1:])) <= 1e-12


def test_the_last_of_two_clamps_on_a_gate_wins():
    touch = touch_at(2, [Clamp("f", 0.1), Clamp("f", 0.9, start=2), Clamp("i", 0.5)])
    assert (touch("f", np.full(3, 0.4)) == 0.9).all()
    assert (touch("o", np.full(3, 0.4)) == 0.4).all()


def test_a_hook_does_not_write_into_what_it_is_given():
    given = np.full(3, 0.4)
    touch_at(1, [Clamp("f", 1.0)])("f", given)
    assert (given == 0.4).all()


@pytest.mark.parametrize("cell", WITH_KEEP)
def test_a_clamp_holds_for_a_whole_batch(cell):
    x = normal(np.random.default_rng(64), T, 3, 2)
    keep = CELLS[cell].keep
    layer = changed(cell, x, Clamp(keep, 0.5, unit=1, start=K))
    assert (layer.gate[keep][K - 1 :, :, 1] == 0.5).all()
    assert (layer.gate[keep][: K - 1, :, 1] != 0.5).all()
