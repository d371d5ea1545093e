"""ONNX nodes read as data against ONNX Runtime, which runs them."""

import itertools

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from explorer import inspect_file, load_weights, trace
from explorer.formats.apart import opened_apart
from explorer.formats.onnx_file import STARTS
from explorer.formats.packing import unpack
from explorer.i18n import Refused
from tests.helpers import largest

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
D, H, T, B = 3, 4, 5, 2


def constants(
    operator: str, rng, directions: int = 1, inputs: int = D, end: str = "", peepholes: bool = False
):
    """Returns W, R, B and P as ONNX has them, as tensors of the graph."""
    G = GATES[operator]
    shapes = {"W": (G * H, inputs), "R": (G * H, H), "B": (2 * G * H,)}
    shapes |= {"P": (3 * H,)} if peepholes else {}
    arrays = {k: 0.6 * rng.normal(size=(directions, *s)).astype(np.float32) for k, s in shapes.items()}
    return [numpy_helper.from_array(a, f"{k}{end}") for k, a in arrays.items()]


def node(operator: str, inputs: str, output: str, **options):
    outputs = [output, f"{output}_h"]
    return helper.make_node(
        operator, inputs.split(","), outputs, hidden_size=H, name=f"net/{output}", **options
    )


def model(nodes, initializers, output: str = "Y") -> bytes:
    given = [helper.make_tensor_value_info("X", TensorProto.FLOAT, (T, B, D))]
    made = [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes, "g", given, made, initializers)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8
    ).SerializeToString()


def ran(data: bytes, x: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    return onnxruntime.InferenceSession(data, options, ["CPUExecutionProvider"]).run(None, {"X": x})[0]


def joined(y: np.ndarray) -> np.ndarray:
    """(T, directions, B, H) as one row of features."""
    return np.concatenate(list(y.swapaxes(0, 1)), -1)


HARD = {"activation_alpha": [0.2], "activation_beta": [0.5]}
LSTMS = [
    {},
    {"activations": ["HardSigmoid", "Tanh", "Tanh"]},
    {"activations": ["HardSigmoid", "Relu", "Tanh"], **HARD},
    {"activations": ["HardSigmoid", "Tanh", "Tanh"], "activation_alpha": [1 / 6], "activation_beta": [0.5]},
    {"activations": ["Sigmoid", "Relu", "Relu"]},
    {"activations": ["Sigmoid", "Softsign", "Softplus"]},
    {"input_forget": 1},
]
CASES = [
    *(("LSTM", options) for options in LSTMS),
    ("GRU", {"linear_before_reset": 1}),
    ("GRU", {"linear_before_reset": 0}),
    ("GRU", {"linear_before_reset": 0, "activations": ["HardSigmoid", "Relu"], **HARD}),
    ("RNN", {}),
    ("RNN", {"activations": ["Relu"]}),
    ("RNN", {"activations": ["Elu"], "activation_alpha": [1.0]}),
    ("RNN", {"activations": ["Affine"], "activation_alpha": [1.0], "activation_beta": [0.0]}),
]


def doubled(options: dict) -> dict:
    return {k: v * 2 if isinstance(v, list) else v for k, v in options.items()}


@pytest.mark.parametrize("peepholes", [False, True])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize(("operator", "options"), CASES)
def test_a_node_gives_what_onnx_runtime_gives(operator, options, directions, peepholes):
    if peepholes and (operator != "LSTM" or "input_forget" in options):
        return
    rng = np.random.default_rng(81)
    given = doubled(options) | {"direction": "bidirectional"} if directions == 2 else options
    inputs = "X,W,R,B,,,,P" if peepholes else "X,W,R,B"
    data = model(
        [node(operator, inputs, "Y", **given)], constants(operator, rng, directions, peepholes=peepholes)
    )
    layers, x = load_weights(data), rng.normal(size=(T, B, D)).astype(np.float32)
    assert largest(trace(layers, x).output, joined(ran(data, x))) <= 2e-6
    assert layers.name == "net/Y" and layers.directions == directions


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("operator", GATES)
def test_a_constant_start_is_where_the_layers_start(operator, directions):
    rng = np.random.default_rng(83)
    own = [rng.normal(size=(directions, 1, H)).astype(np.float32).repeat(B, 1) for _ in range(2)]
    begun = [numpy_helper.from_array(a, name) for a, name in zip(own, ("h0", "c0"), strict=True)]
    begun = begun if operator == "LSTM" else begun[:1]
    inputs = ",".join(["X,W,R,B,", *(b.name for b in begun)])
    ways = {"direction": "bidirectional"} if directions == 2 else {}
    data = model([node(operator, inputs, "Y", **ways)], [*constants(operator, rng, directions), *begun])
    x = rng.normal(size=(T, B, D)).astype(np.float32)
    _, _, (kept,) = unpack(opened_apart(data))
    for layers in (load_weights(data), kept.layers):
        found = trace(layers, x)
        assert largest(found.output, joined(ran(data, x))) <= 2e-6
        np.testing.assert_array_equal(found.layers[0].h[0], own[0][0])
        assert STARTS in layers.conventions and not inspect_file(data).other
        if operator != "GRU":  # reset before: no module of PyTorch
            y = layers.module()(torch.tensor(x), layers.states(B))[0].detach().numpy()
            assert largest(y, found.output) <= 2e-6
    plain = model([node(operator, "X,W,R,B", "Y", **ways)], constants(operator, np.random.default_rng(83)))
    assert directions > 1 or load_weights(plain).start is None
    own[0][:, 0] += 1  # every sequence of a batch from another state
    data = model(
        [node("RNN", "X,W,R,B,,h0", "Y")], [*constants("RNN", rng), numpy_helper.from_array(own[0][:1], "h0")]
    )
    assert load_weights(data).start is None and "differs within a batch" in load_weights(data).conventions[-1]


def test_a_node_against_time_says_to_turn_the_input():
    rng = np.random.default_rng(82)
    data = model([node("GRU", "X,W,R,B", "Y", direction="reverse")], constants("GRU", rng))
    layers, x = load_weights(data), rng.normal(size=(T, B, D)).astype(np.float32)
    assert any("x[::-1]" in said for said in layers.conventions)
    assert largest(trace(layers, x[::-1].copy()).output[::-1], joined(ran(data, x))) <= 1e-6


def test_nodes_one_above_the_other_are_one_network_of_layers():
    rng = np.random.default_rng(83)
    shape = numpy_helper.from_array(np.array([0, 0, -1]), "shape")
    nodes = [
        node("LSTM", "X,W,R,B", "low", direction="bidirectional"),
        helper.make_node("Transpose", ["low"], ["turned"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", ["turned", "shape"], ["flat"]),
        node("LSTM", "flat,W2,R2,B2", "Y", direction="bidirectional"),
    ]
    weights = [*constants("LSTM", rng, 2), *constants("LSTM", rng, 2, 2 * H, "2"), shape]
    data = model(nodes, weights)
    layers, x = load_weights(data), rng.normal(size=(T, B, D)).astype(np.float32)
    assert (layers.num_layers, layers.directions, layers.input_size) == (2, 2, D)
    assert largest(trace(layers, x).output, joined(ran(data, x))) <= 2e-6


def test_weights_are_followed_through_what_moves_them_and_into_branches():
    rng = np.random.default_rng(84)
    W, R, bias = constants("GRU", rng)
    flat = numpy_helper.from_array(numpy_helper.to_array(W)[0].T.copy(), "flat")
    halves = [numpy_helper.from_array(part.copy(), f"half{k}")
              for k, part in enumerate(np.split(numpy_helper.to_array(bias), 2, 1))]  # fmt: skip
    nodes = [
        helper.make_node("Transpose", ["flat"], ["upright"], perm=[1, 0]),
        helper.make_node("Constant", [], ["axis"], value=numpy_helper.from_array(np.array([0]))),
        helper.make_node("Unsqueeze", ["upright", "axis"], ["W"]),
        helper.make_node("Concat", ["half0", "half1"], ["B"], axis=1),
    ]
    inner = helper.make_graph(
        [*nodes, node("GRU", "X,W,R,B", "then")], "branch", [],
        [helper.make_tensor_value_info("then", TensorProto.FLOAT, None)], [flat, *halves],
    )  # fmt: skip
    nothing = numpy_helper.from_array(np.zeros((1, 1, 1, 1), np.float32))
    other = helper.make_graph(
        [helper.make_node("Constant", [], ["else"], value=nothing)],
        "other", [], [helper.make_tensor_value_info("else", TensorProto.FLOAT, None)],
    )  # fmt: skip
    yes = numpy_helper.from_array(np.array(True), "yes")
    data = model([helper.make_node("If", ["yes"], ["Y"], then_branch=inner, else_branch=other)], [yes, R])
    layers, x = load_weights(data), rng.normal(size=(T, B, D)).astype(np.float32)
    assert largest(trace(layers, x).output, joined(ran(data, x))) <= 1e-6
    assert set(inspect_file(data).other) == {"yes"}  # what the weights are made of is no embedding


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activations": ["ScaledTanh", "Tanh", "Tanh"]}, "not known here: ScaledTanh"),
        ({"clip": 3.0}, "not known here: clip"),
        ({"activations": ["HardSigmoid", "Tanh", "Tanh"], "activation_alpha": [0.3]}, "HardSigmoid"),
    ],
)
def test_what_is_not_known_is_refused_by_its_name(options, message):
    data = model([node("LSTM", "X,W,R,B", "Y", **options)], constants("LSTM", np.random.default_rng(1)))
    with pytest.raises(Refused, match=message):
        load_weights(data)


def test_weights_that_are_no_constants_or_not_finite_or_of_another_shape_are_refused():
    rng = np.random.default_rng(85)
    W, R, bias = constants("LSTM", rng)
    nan = numpy_helper.from_array(np.full((1, 4 * H, D), np.nan, np.float32), "W")
    odd = numpy_helper.from_array(np.zeros((1, 7), np.float32), "B")
    for tensors, key in (
        ([R, bias], "cell_unknown"),
        ([nan, R, bias], "tensor_nonfinite"),
        ([W, R, odd], "file_damaged"),
    ):
        with pytest.raises(Refused) as refused:
            load_weights(model([node("LSTM", "X,W,R,B", "Y")], tensors))
        assert refused.value.sentence == key


def test_hostile_bytes_are_refused():
    good = model([node("GRU", "X,W,R,B", "Y")], constants("GRU", np.random.default_rng(86)))
    huge = numpy_helper.from_array(np.zeros(1, np.float32), "W")
    huge.dims[:] = [2**20, 2**20, 2**20]
    apart = numpy_helper.from_array(np.zeros(1, np.float32), "W")
    apart.data_location = TensorProto.EXTERNAL
    apart.external_data.add(key="location", value="../../etc/passwd")
    R, bias = constants("GRU", np.random.default_rng(1))[1:]
    bad = [model([node("GRU", "X,W,R,B", "Y")], [tensor, R, bias]) for tensor in (huge, apart)]
    for data in (*bad, good[: len(good) // 2], b"\x08\x08" + b"\xff" * 200, b"\x08\x07"):
        with pytest.raises(Refused):
            load_weights(data)
    with pytest.raises(Refused, match="lie in another file"):
        load_weights(bad[1])
    assert list(itertools.chain(inspect_file(good).other)) == []
    assert onnx.ModelProto.FromString(good).graph.node[0].op_type == "GRU"
