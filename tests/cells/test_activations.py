"""Cells with other functions in them: their step against NumPy, their gradients against autograd."""

import numpy as np
import pytest

from explorer import CELLS, bptt
from explorer.cells.activations import key_of
from explorer.nn.records import Trace
from tests.autograd import rows_of
from tests.helpers import largest, random_layer

KEYS = [
    "lstm:hard_sigmoid:tanh:tanh",
    "lstm:hard_sigmoid_6:relu:linear",
    "lstm_peephole:hard_sigmoid:tanh:tanh",
    "lstm_coupled:sigmoid:relu:relu",
    "gru:hard_sigmoid:tanh",
    "gru_reset_before:hard_sigmoid_6:relu",
    "rnn:linear",
    "rnn:hard_sigmoid",
]


@pytest.mark.parametrize("key", KEYS)
def test_gradients_are_those_of_autograd(key):
    rng = np.random.default_rng(91)
    for _ in range(5):
        t = Trace((random_layer(key, rng),))
        direct = rng.normal(size=t.output.shape)
        _, (rows,) = rows_of(t, direct)
        flow = bptt(t, direct).layers[0]
        for name, gradient in flow.weight_gradient().items():
            if name in rows.weights:
                assert largest(gradient, rows.weights[name]) <= 1e-9, name
        assert key not in CELLS and CELLS[key].key == key


def test_hard_sigmoids_are_lines_between_0_and_1():
    layer = random_layer("gru:hard_sigmoid:tanh", np.random.default_rng(92))
    for symbol in "rz":
        assert largest(layer.gate[symbol], np.clip(0.2 * layer.pre[symbol] + 0.5, 0.0, 1.0)) <= 1e-12
    layer = random_layer("lstm:hard_sigmoid_6:tanh:tanh", np.random.default_rng(93))
    assert largest(layer.gate["f"], np.clip(layer.pre["f"] / 6 + 0.5, 0.0, 1.0)) <= 1e-12


def test_usual_functions_are_the_cell_itself():
    assert key_of("lstm", "sigmoid", "tanh", "tanh") == "lstm" and key_of("rnn", "relu") == "rnn_relu"
    assert key_of("gru_reset_before", "sigmoid", "tanh") == "gru_reset_before"
    for wrong in ("lstm:tanh", "gru:sin:tanh", "nothing:sigmoid:tanh"):
        with pytest.raises(KeyError):
            CELLS[wrong]
