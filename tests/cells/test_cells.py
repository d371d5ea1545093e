"""The cells' arithmetic against their papers, their sizes, and what must hold exactly."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from explorer import CELLS
from explorer.cells import LayerWeights
from explorer.cells.spec import EachUnit
from explorer.nn.tracing import run_layer
from tests import papers
from tests.helpers import EVERY, VARIANTS, arrays_of, largest, normal, random_layer, random_weights, rerun

CASES = 200


def columns(layer):
    """Yields each sequence of a batch as (signal(symbol), x, states before), time as the layer reads it."""
    order = slice(None, None, -1) if layer.reverse else slice(None)
    for b in range(layer.x.shape[1]) if layer.x.ndim == 3 else [...]:
        at = (slice(None), b) if layer.x.ndim == 3 else slice(None)
        yield lambda s, at=at: layer.signal(s)[at][order], layer.x[at][order], [a[b] for a in layer.initial]


ROLES = {"f": "keep", "i": "write", "g": "candidate", "o": "show", "c": "c", "h": "h"}


def test_one_hue_for_a_role_on_every_page():
    """What keeps, writes, shows, resets and what is written have a hue each, whatever the letter."""
    assert {signal.symbol: signal.hue for signal in CELLS["lstm"].signals} == ROLES
    of_gru = {"r": "reset", "z": "keep", "n": "candidate", "h": "h"}
    assert {signal.symbol: signal.hue for signal in CELLS["gru"].signals} == of_gru
    own = {"normaliser": "normaliser", "stabiliser": "stabiliser", "eigenvalue": "keep"}
    for key in VARIANTS:
        same = {signal.symbol: (ROLES | of_gru | own)[signal.named] for signal in CELLS[key].signals}
        assert {signal.symbol: signal.hue for signal in CELLS[key].signals} == same, key


@pytest.mark.parametrize("cell", EVERY)
def test_every_signal_is_what_the_paper_says(cell):
    rng = np.random.default_rng(17)
    for case in range(CASES if cell in VARIANTS else CASES // 4):
        layer = random_layer(cell, rng, batched=case % 3 == 0, reverse=case % 2 == 0)
        for signal, x, states in columns(layer):
            expected = papers.run(cell, layer.weights, x, states)
            assert set(expected) == set(layer.signals), case
            for symbol, values in expected.items():
                assert largest(signal(symbol), values) <= 1e-10, (case, symbol)


@pytest.mark.parametrize("cell", EVERY)
def test_all_at_once_and_step_by_step_agree_on_every_array(cell):
    rng = np.random.default_rng(18)
    for case in range(CASES):
        layer = random_layer(cell, rng, batched=case % 2 == 0, reverse=case % 3 == 0)
        stepped = arrays_of(rerun(layer, stepwise=True))
        for name, array in arrays_of(layer).items():
            assert largest(array, stepped[name]) <= 1e-12, (case, name)


def test_the_registry_holds_each_cell_under_its_own_key_with_a_paper_of_its_own():
    assert tuple(CELLS) == tuple(spec.key for spec in CELLS.values())
    assert set(CELLS) == set(papers.UNIT)
    assert [key for key, spec in CELLS.items() if spec.lead] == ["rnn", "lstm", "gru"]


@pytest.mark.parametrize(
    ("cell", "two_biases", "one_bias"), [("rnn", 640, 620), ("gru", 1920, 1860), ("lstm", 2560, 2480)]
)
def test_a_layer_of_10_inputs_and_20_units_has_the_textbook_number_of_weights(cell, two_biases, one_bias):
    spec = CELLS[cell]
    assert (
        spec.parameters(10, 20)
        == two_biases
        == sum(p.numel() for p in spec.torch_module(10, 20).parameters())
    )
    assert spec.parameters(10, 20, biases=1) == one_bias


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("lstm_peephole", 2560 + 60),
        ("lstm_coupled", 1920),
        ("lstm_no_forget", 1920),
        ("lstm_no_input", 1920),
        ("lstm_no_output", 1920),
        ("lstm_no_squash", 2560),
        ("gru_reset_before", 1920),
    ],
)
def test_a_variant_has_a_block_for_each_gate_and_a_weight_for_each_peephole(cell, expected):
    assert CELLS[cell].parameters(10, 20) == expected


def test_an_lstm_layer_in_keras_counts_one_bias():
    assert CELLS["rnn"].parameters(10, 3, biases=1) == 42
    assert CELLS["rnn"].parameters(10, 3) == 45


@pytest.mark.parametrize("cell", EVERY)
def test_gates_lie_between_0_and_1_and_candidates_between_minus_1_and_1(cell):
    rng = np.random.default_rng(19)
    spec = CELLS[cell]
    for _ in range(20):
        gate = random_layer(cell, rng).gate
        assert set(gate) == set(spec.activations)
        for symbol, values in gate.items():
            if spec.roles[symbol].activation != "identity":
                assert values.min() >= (0.0 if symbol in spec.gates else -1.0)
                assert values.max() <= 1.0


def zeros(cell: str, D: int = 1, H: int = 4) -> LayerWeights:
    weights = random_weights(cell, D, H, np.random.default_rng(0))
    return weights.map(np.zeros_like)


@pytest.mark.parametrize(("bias", "f"), [(0.0, 0.5), (1.0, 0.731), (2.0, 0.881), (3.0, 0.953)])
def test_forget_bias_alone_sets_how_fast_a_cell_forgets(bias, f):
    weights = zeros("lstm")
    weights.b_ih[weights.rows("f")] = bias
    layer = run_layer("lstm", weights, np.zeros((30, 1)), (np.zeros(4), np.ones(4)))
    kept = layer.gate["f"][0, 0]
    assert kept == pytest.approx(f, abs=5e-4)
    assert largest(layer.c[:, 0], kept ** np.arange(31)) <= 1e-12


def test_pytorch_has_two_biases_so_setting_both_to_1_means_2():
    module = nn.LSTM(1, 4).double()
    with torch.no_grad():
        module.bias_ih_l0[4:8] = module.bias_hh_l0[4:8] = 1.0
    weights = LayerWeights(CELLS["lstm"].blocks, *(p.detach().numpy() for p in module.parameters()))
    layer = run_layer("lstm", weights, np.zeros((1, 1)), (np.zeros(4), np.zeros(4)))
    assert layer.gate["f"][0] == pytest.approx(1 / (1 + math.exp(-2)))


def jacobian(cell: str, weights: LayerWeights, h: np.ndarray) -> np.ndarray:
    """Returns dh_1/dh_0 (H, H) at x = 0 by central differences."""
    step, H, D = 1e-5, weights.hidden_size, weights.input_size

    def after(moved: np.ndarray) -> np.ndarray:
        return run_layer(cell, weights, np.zeros((1, D)), (moved,)).h[1]

    return np.stack([(after(h + e) - after(h - e)) / (2 * step) for e in step * np.eye(H)], axis=1)


@pytest.mark.parametrize("cell", ["gru", "gru_reset_before"])
def test_a_gru_at_rest_has_the_jacobian_half_identity_plus_a_quarter_of_w_hn(cell):
    weights = random_weights(cell, 2, 5, np.random.default_rng(3), bias=False)
    expected = np.eye(5) / 2 + weights.w_hh[weights.rows("n")] / 4
    assert largest(jacobian(cell, weights, np.zeros(5)), expected) <= 1e-8


@pytest.mark.parametrize("cell", ["gru", "gru_reset_before"])
@pytest.mark.parametrize(("a", "radius"), [(1.9, 0.975), (2.0, 1.0), (2.1, 1.025)])
def test_a_gru_at_rest_vanishes_or_explodes_with_w_hn(cell, a, radius):
    weights = zeros(cell)
    weights.w_hh[weights.rows("n")] = a * np.eye(4)
    found = np.abs(np.linalg.eigvals(jacobian(cell, weights, np.zeros(4)))).max()
    assert found == pytest.approx(radius, abs=1e-8)


def test_a_tanh_rnn_at_rest_has_the_jacobian_w_hh():
    weights = random_weights("rnn", 2, 5, np.random.default_rng(4), bias=False)
    assert largest(jacobian("rnn", weights, np.zeros(5)), weights.w_hh) <= 1e-8


def test_a_relu_rnn_with_identity_weights_keeps_its_state_forever():
    weights = zeros("rnn_relu")
    weights.w_hh[:] = np.eye(4)
    start = np.abs(normal(np.random.default_rng(5), 4))
    layer = run_layer("rnn_relu", weights, np.zeros((50, 1)), (start,))
    assert (layer.h == start).all()


def test_weights_know_their_blocks_by_name():
    weights = random_weights("lstm_peephole", 3, 4, np.random.default_rng(6))
    assert (weights.split(weights.b_ih)["g"] == weights.b_ih[8:12]).all()
    assert (weights.peephole("o") == weights.peepholes[8:12]).all()
    assert set(weights.arrays()) == {"weight_ih", "weight_hh", "bias_ih", "bias_hh", "peephole"}
    assert set(random_weights("rnn", 3, 4, np.random.default_rng(6), bias=False).arrays()) == {
        "weight_ih",
        "weight_hh",
    }


def test_packing_is_the_way_back_of_splitting():
    weights = random_weights("lstm_coupled", 3, 4, np.random.default_rng(7))
    packed = normal(np.random.default_rng(8), 5, 12)
    assert (weights.pack(weights.split(packed)) == packed).all()


@pytest.mark.parametrize("cell", EVERY)
def test_a_peephole_sees_the_state_that_its_equation_names(cell):
    seen = {"f": "c_prev", "i": "c_prev", "o": "c"} if cell == "lstm_peephole" else {}
    assert CELLS[cell].peeps == seen
    assert set(CELLS[cell].peephole_blocks) == set(seen or ({"a"} if cell == "linear" else ()))


@pytest.mark.parametrize("H", [1, 4])
def test_every_units_own_gradient_goes_through_weights_as_a_row_of_a_diagonal_does(H):
    """A gradient (n, 1, H) of each unit stands for a diagonal (n, H, H); a table goes on as one."""
    rng = np.random.default_rng(9)
    weights = random_weights("lstm", 3, H, rng)
    units = EachUnit(**vars(weights))
    own = {s: normal(rng, 5, 2, 1, H) for s in "ifgo"}
    table = {s: normal(rng, 5, 2, H, H) for s in "ifgo"}
    whole = {s: a * np.eye(H) for s, a in own.items()}
    for some in ("ifgo", "g", "oi"):
        for as_tables in ("", "g", some):
            given = {s: table[s] if s in as_tables else own[s] for s in some}
            rows = {s: table[s] if s in as_tables else whole[s] for s in some}
            assert largest(units.to_state(given), weights.to_state(rows)) <= 1e-12
            assert largest(units.to_input(given), weights.to_input(rows)) <= 1e-12
            assert units.to_input(given).shape == (5, 2, H, 3)
