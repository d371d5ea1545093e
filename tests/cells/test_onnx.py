"""The cells against ONNX Runtime, whose LSTM and GRU know peepholes, coupling and both resets."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from explorer import CELLS
from explorer.nn.tracing import run_layer
from tests.helpers import largest, normal, random_weights

CASES = 25
LSTMS = [key for key, spec in CELLS.items() if spec.states == ("h", "c")]
RANK = {"Y": 4, "Y_h": 3, "Y_c": 3}
FORCED_OPEN = 100.0  # a bias at which float32's sigmoid is 1
LINEAR = {
    "activations": ["Sigmoid", "Tanh", "Affine"],
    "activation_alpha": [1.0],
    "activation_beta": [0.0],
}
"""The cell state goes into h as it is."""


def run_onnx(operator: str, given: dict[str, np.ndarray], outputs: list[str], H: int, **attributes):
    """Runs one recurrent node on constants by ONNX input name ('' where left out)."""
    names = ["X", "W", "R", "B", "", "initial_h", *(["initial_c", "P"] if operator == "LSTM" else [])]
    inputs = [name if name in given else "" for name in names]
    while not inputs[-1]:
        inputs.pop()
    node = helper.make_node(operator, inputs, outputs, hidden_size=H, **attributes)
    constants = [numpy_helper.from_array(np.asarray(v, np.float32), k) for k, v in given.items() if k != "X"]
    x = np.asarray(given["X"], np.float32)
    graph = helper.make_graph(
        [node],
        "cell",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [None] * RANK[n]) for n in outputs if n],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return session.run(None, {"X": x})


def packed(weights, order: str, blocks: dict[str, tuple]) -> dict[str, np.ndarray]:
    """Returns ONNX's W, R and B: the blocks (w_ih, w_hh, b_ih, b_hh) in its order."""
    w_ih, w_hh, b_ih, b_hh = (
        np.concatenate(parts) for parts in zip(*(blocks[s] for s in order), strict=True)
    )
    return {"W": w_ih[None], "R": w_hh[None], "B": np.concatenate([b_ih, b_hh])[None]}


def blocks_of(weights) -> dict[str, tuple]:
    arrays = (weights.w_ih, weights.w_hh, weights.b_ih, weights.b_hh)
    return {s: tuple(a[weights.rows(s)] for a in arrays) for s in weights.blocks}


def lstm_inputs(cell: str, weights) -> dict[str, np.ndarray]:
    """Returns ONNX's weights, gates in the order i o f c, peepholes i o f."""
    blocks = blocks_of(weights)
    nothing = tuple(np.zeros_like(a) for a in blocks["g"])
    if cell == "lstm_coupled":  # ONNX couples the other way round, f = 1 - i: feed -f as i
        blocks |= {"i": tuple(-a for a in blocks["f"]), "f": nothing}
    for symbol in {"i", "f", "o"} - set(blocks):
        blocks[symbol] = (*nothing[:3], nothing[3] + FORCED_OPEN)
    given = packed(weights, "iofg", blocks)
    if cell == "lstm_peephole":
        given["P"] = np.concatenate([weights.peephole(s) for s in "iof"])[None]
    return given


def random_case(cell: str, rng: np.random.Generator):
    T, B, D, H = (int(n) for n in rng.integers((1, 1, 1, 1), (9, 4, 6, 7)))
    weights = random_weights(cell, D, H, rng).map(lambda a: (0.5 * a).astype(np.float32))
    state = tuple(normal(rng, B, H).astype(np.float32) for _ in CELLS[cell].states)
    x = normal(rng, T, B, D).astype(np.float32)
    return weights, x, state


@pytest.mark.parametrize("cell", LSTMS)
def test_lstm_variants_agree_with_onnx_runtime(cell):
    rng = np.random.default_rng(31)
    for case in range(CASES):
        weights, x, (h, c) = random_case(cell, rng)
        given = lstm_inputs(cell, weights) | {"X": x, "initial_h": h[None], "initial_c": c[None]}
        own = {"lstm_coupled": {"input_forget": 1}, "lstm_no_squash": LINEAR}.get(cell, {})
        y, c_last = run_onnx("LSTM", given, ["Y", "", "Y_c"], weights.hidden_size, **own)
        layer = run_layer(cell, weights, x, (h, c))
        assert largest(layer.output, y[:, 0]) <= 1e-6, case
        assert largest(layer.c[-1], c_last[0]) <= 1e-6 * max(1.0, np.abs(c_last).max()), case


@pytest.mark.parametrize(("cell", "after"), [("gru", 1), ("gru_reset_before", 0)])
def test_both_grus_agree_with_onnx_runtime(cell, after):
    rng = np.random.default_rng(32)
    for case in range(CASES):
        weights, x, (h,) = random_case(cell, rng)
        given = packed(weights, "zrn", blocks_of(weights)) | {"X": x, "initial_h": h[None]}
        y, h_last = run_onnx("GRU", given, ["Y", "Y_h"], weights.hidden_size, linear_before_reset=after)
        layer = run_layer(cell, weights, x, (h,))
        assert largest(layer.output, y[:, 0]) <= 1e-6, case
        assert largest(layer.final, h_last[0]) <= 1e-6, case
