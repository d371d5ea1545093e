"""Cells with other functions in them: their step against torch's own, their gradients against autograd."""

from itertools import product

import numpy as np
import pytest

from explorer import CELLS, bptt
from explorer.cells.activations import FUNCTIONS, key_of
from explorer.cells.equations import evaluate, latex, unfolded
from explorer.experiment import Experiment
from explorer.figures.signals import cell_name
from explorer.nn.records import Trace
from explorer.nn.references import largest_difference
from tests.autograd import rows_of
from tests.cells.test_equations import symbols_of
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
    "lstm:softsign:elu:softplus",
    "gru:relu6:hard_tanh",
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


@pytest.mark.parametrize("base", ["lstm", "lstm_peephole", "lstm_coupled", "gru", "gru_reset_before"])
def test_every_function_of_a_gate_and_of_a_candidate_is_torchs_own(base):
    rng = np.random.default_rng(94)
    bounded = [name for name, function in FUNCTIONS.items() if not function.endless]
    for gate, candidate in (*product(bounded, bounded), *product(("hard_sigmoid",), FUNCTIONS)):
        key = ":".join((base, gate, candidate, *([candidate] if "lstm" in base else [])))
        layer = random_layer(key, rng)
        size = max(1.0, *(np.abs(a).max() for a in layer.states.values()))
        assert largest_difference(layer) <= 1e-12 * size, key
        for notation in ("pytorch", "lecture"):
            shown = layer.in_notation(notation)
            for symbol, equation in shown.spec.equations:
                assert (
                    largest(evaluate(equation, symbols_of(shown), shown.weights), symbols_of(shown)[symbol])
                    <= 1e-12
                )


def test_a_gate_that_is_no_valve_is_not_shown_as_one():
    assert CELLS["lstm:hard_sigmoid:tanh:tanh"].gates == ("f", "i", "o")
    linear = CELLS["gru:linear:tanh"]
    assert linear.gates == () and linear.flips == () and linear.lecture is None
    assert CELLS["gru:hard_sigmoid:tanh"].flips == ("z",)


def test_the_drawn_equation_and_the_drawing_say_the_function():
    spec = CELLS["lstm:hard_sigmoid:tanh:relu"]
    table = dict(spec.equations)
    assert latex(unfolded("f", table)).startswith(r"\mathrm{clip}_0^1\left(0.2 \cdot \left(W_f x_t + b_f")
    assert next(node.text for node in spec.diagram.nodes if node.key == "tanh") == "relu"
    assert next(node.text for node in CELLS["rnn:softsign"].diagram.nodes if node.key == "phi") == "softsign"


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("lstm:hard_sigmoid:tanh:tanh", "LSTM (gates: hard sigmoid 0.2)"),
        ("gru:hard_sigmoid_6:relu", "GRU (reset after product; gates: hard sigmoid 1/6, candidate: ReLU)"),
        ("rnn:linear", "RNN (linear)"),
        ("lstm", "LSTM"),
    ],
)
def test_a_cell_is_called_by_what_is_other_in_it(key, name):
    assert cell_name(key, "en") == name
    assert cell_name(key, "ko")


def test_only_a_network_of_a_file_has_a_cell_with_other_functions():
    asked = {"cell": "lstm:hard_sigmoid:tanh:tanh"}
    own, refused = Experiment().with_changes(asked | {"weights": "model", "model": "own-1"})
    assert own.cell == asked["cell"] and not refused
    assert Experiment().with_changes(own.to_query()) == (own, ())
    assert Experiment().with_changes(asked)[0].cell == "lstm"
    assert own.with_changes({"weights": "lecture"})[0].cell == "lstm"
    for wrong in ("lstm:sigmoid:tanh:tanh", "lstm:sin:tanh:tanh", "mingru:relu:relu", "x:relu", "lstm:relu"):
        assert [one.name for one in own.with_changes({"cell": wrong})[1]] == ["cell"], wrong
