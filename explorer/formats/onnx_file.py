"""ONNX: LSTM, GRU and RNN nodes, read as data. The graph is not run; weights are followed through what only
moves them about (Transpose, Concat, Unsqueeze, ...) to the constants that they are made of.

Gates are packed i o f c, GRUs z r h; one node is one layer of one or two directions. A node that reads the
output of another, reshaped, is the layer above it.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from explorer.cells import CELLS
from explorer.cells.activations import USUAL, key_of
from explorer.extras import needed
from explorer.formats.layers import Layers, weights_for
from explorer.formats.source import Source, Table, Tensor, shown
from explorer.i18n import Refused

MAX_CONSTANT = 2**28
"""Numbers of a constant that is followed: a gigabyte of float32."""

_RECURRENT = {"LSTM": ("iofg", "ifgo"), "GRU": ("zrn", "rzn"), "RNN": ("h", "h")}
"""Operator -> the order of its blocks, and PyTorch's."""

_MOVES = {"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Cast", "Dropout", "Slice", "Gather"}
_READ = ("W", "R", "B", "P", "initial_h", "initial_c")
_INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")


def looks_so(source: Source) -> bool:
    """Whether the bytes may be an ONNX model: a protobuf message that begins with its version."""
    return source.start[:1] == b"\x08" and source.start[1:2] != b"\x00"


def read(source: Source) -> tuple[list[Layers], Table]:
    """Returns the recurrent layers, and all other constants by name. Raises Refused."""
    with needed():
        import onnx
    try:
        model = onnx.ModelProto.FromString(bytes(source.data))
    except Exception as error:  # protobuf's DecodeError, which onnx does not name
        if type(error).__name__ != "DecodeError":
            raise
        raise Refused("unknown_format") from error
    if not model.HasField("graph"):
        raise Refused("unknown_format")
    scope = _Scope(model.graph)
    graphs = list(_graphs(model.graph, scope))
    for function in model.functions:
        graphs.append((function, _Scope(function)))
    nodes = [_Node(node, inner) for graph, inner in graphs for node in graph.node if _is_recurrent(node)]
    used: set[str] = set()
    for found in nodes:
        for name in found.weights:
            _made_of(name, found.scope, used)
    others = {
        t.name: _as_tensor(t) for _, inner in graphs for t in inner.constants.values() if t.name not in used
    }
    return [_stacked(stack) for stack in _stacks(nodes)], others


def _made_of(name: str, scope: "_Scope", names: set[str]) -> None:
    """Adds a value and all that it is made of: weights of a layer are no embedding besides."""
    waiting = [(name, scope)]
    while waiting:
        name, scope = waiting.pop()
        if name in names:
            continue
        names.add(name)
        if (found := scope.maker(name)) is not None and found[0].op_type in _FOLDED:
            waiting += [(given, found[1]) for given in found[0].input]


def _as_tensor(constant: Any) -> Tensor:
    from onnx import helper

    try:
        kind = np.dtype(helper.tensor_dtype_to_np_dtype(constant.data_type)).name
    except (KeyError, ValueError, TypeError):  # a kind of number that NumPy does not have
        kind = "unknown"
    return Tensor(tuple(constant.dims), kind, partial(_array, constant))


def _is_recurrent(node: Any) -> bool:
    return node.op_type in _RECURRENT and node.domain in ("", "ai.onnx")


class _Scope:
    """The names of a graph: its constants, who makes which value, and the graph around it."""

    def __init__(self, graph: Any, outer: "_Scope | None" = None) -> None:
        self.outer = outer
        self.constants = {tensor.name: tensor for tensor in getattr(graph, "initializer", ())}
        self.makers = {name: node for node in graph.node for name in node.output if name}

    def maker(self, name: str) -> "tuple[Any, _Scope] | None":
        if name in self.makers:
            return self.makers[name], self
        return self.outer.maker(name) if self.outer and name not in self.constants else None

    def constant(self, name: str) -> Any:
        if name in self.constants:
            return self.constants[name]
        return self.outer.constant(name) if self.outer and name not in self.makers else None


def _graphs(graph: Any, scope: _Scope) -> Iterator[tuple[Any, _Scope]]:
    """Yields a graph and those within its nodes: branches and bodies of loops."""
    yield graph, scope
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                if inner.node:
                    yield from _graphs(inner, _Scope(inner, scope))


@dataclass(frozen=True, eq=False)
class _Node:
    node: Any
    scope: _Scope

    def input(self, name: str) -> str:
        at = _INPUTS.index(name)
        return self.node.input[at] if at < len(self.node.input) else ""

    @property
    def name(self) -> str:
        return str(self.node.name or self.node.output[0] if self.node.output else self.node.op_type)

    @property
    def options(self) -> dict[str, Any]:
        return {a.name: _attribute(a) for a in self.node.attribute}

    @property
    def weights(self) -> list[str]:
        """What is read of it, and what it starts from."""
        return [name for name in (self.input(k) for k in _READ) if name]

    def array(self, name: str) -> np.ndarray | None:
        """Returns an input's values. Raises Refused where they are not constant."""
        given = self.input(name)
        if not given:
            return None
        value = _value(given, self.scope, 0)
        if value is None:
            raise Refused("cell_unknown", name=shown(self.name), what=f"{name} is no constant")
        if not np.isfinite(value).all():
            raise Refused("tensor_nonfinite", name=shown(given))
        return value.astype(np.float64 if value.dtype == np.float64 else np.float32)


def _attribute(attribute: Any) -> Any:
    from onnx import AttributeProto

    kinds = {AttributeProto.INT: "i", AttributeProto.FLOAT: "f", AttributeProto.STRING: "s"}
    many = {AttributeProto.INTS: "ints", AttributeProto.FLOATS: "floats", AttributeProto.STRINGS: "strings"}
    if attribute.type in kinds:
        value = getattr(attribute, kinds[attribute.type])
        return value.decode(errors="replace") if isinstance(value, bytes) else value
    if attribute.type in many:
        values = list(getattr(attribute, many[attribute.type]))
        return [v.decode(errors="replace") if isinstance(v, bytes) else v for v in values]
    return attribute.t if attribute.type == AttributeProto.TENSOR else None


# Constants


def _value(name: str, scope: _Scope, depth: int) -> np.ndarray | None:
    """Returns the values of a name that is a constant, or made of constants by what moves them; else None."""
    if depth > 40:
        return None
    if (tensor := scope.constant(name)) is not None:
        return _array(tensor)
    found = scope.maker(name)
    if found is None:
        return None
    node, inner = found
    options = {a.name: _attribute(a) for a in node.attribute}
    if node.op_type == "Constant":
        return _constant(options)
    do = _FOLDED.get(node.op_type)
    if do is None:
        return None
    inputs = [_value(given, inner, depth + 1) if given else None for given in node.input]
    if any(value is None for value, given in zip(inputs, node.input, strict=True) if given):
        return None
    try:
        made = do(inputs, options, list(node.output).index(name))
    except (ValueError, IndexError, TypeError, AttributeError, KeyError) as error:
        raise Refused("file_damaged") from error
    if made is not None and made.size > MAX_CONSTANT:
        raise Refused("file_unpacked")
    return made


def _array(tensor: Any) -> np.ndarray:
    from onnx import TensorProto, numpy_helper

    size = math.prod(max(int(n), 0) for n in tensor.dims)
    if tensor.data_location == TensorProto.EXTERNAL:
        raise Refused("tensor_elsewhere")
    if size > MAX_CONSTANT:
        raise Refused("tensor_bounds")
    try:
        return np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError) as error:  # KeyError: a kind of number that there is not
        raise Refused("file_damaged") from error


def _constant(options: dict[str, Any]) -> np.ndarray | None:
    if "value" in options:
        return _array(options["value"])
    plain = next((options[k] for k in options if k.startswith("value_")), None)
    if plain is None or isinstance(plain, str):
        return None
    return np.asarray(
        plain, np.float32 if "value_float" in options or "value_floats" in options else np.int64
    )


def _axes(inputs: Sequence[Any], options: dict[str, Any]) -> list[int] | None:
    given = options.get("axes")
    if given is None and len(inputs) > 1 and inputs[1] is not None:
        given = inputs[1].reshape(-1).tolist()
    return None if given is None else [int(axis) for axis in given]


def _unsqueezed(inputs: Sequence[Any], options: dict[str, Any], _: int) -> np.ndarray:
    return np.expand_dims(inputs[0], tuple(_axes(inputs, options) or ()))


def _squeezed(inputs: Sequence[Any], options: dict[str, Any], _: int) -> np.ndarray:
    axes = _axes(inputs, options)
    return np.squeeze(inputs[0], None if axes is None else tuple(axes))


def _sliced(inputs: Sequence[Any], options: dict[str, Any], _: int) -> np.ndarray:
    x, *rest = inputs
    given = [*(None if v is None else v.reshape(-1).tolist() for v in rest), None, None, None, None]
    starts, ends = options.get("starts", given[0]), options.get("ends", given[1])
    if starts is None or ends is None:
        raise ValueError("slice")
    axes = options.get("axes", given[2]) or list(range(len(starts)))
    steps = given[3] or [1] * len(starts)
    place: list[Any] = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if step < 1:
            raise ValueError("step")
        place[int(axis)] = slice(int(start), int(end), int(step))
    return x[tuple(place)]


def _split(inputs: Sequence[Any], options: dict[str, Any], which: int) -> np.ndarray:
    x, axis = inputs[0], options.get("axis", 0)
    sizes = options.get("split") or (
        inputs[1].tolist() if len(inputs) > 1 and inputs[1] is not None else None
    )
    if sizes is None:
        raise ValueError("split")
    return np.split(x, np.cumsum(sizes)[:-1], axis)[which]


def _reshaped(inputs: Sequence[Any], options: dict[str, Any], _: int) -> np.ndarray:
    shape = [
        x if n == 0 else int(n)
        for n, x in zip(inputs[1].tolist(), (*inputs[0].shape, *[1] * 9), strict=False)
    ]
    return inputs[0].reshape(shape)


def _cast(inputs: Sequence[Any], options: dict[str, Any], _: int) -> np.ndarray:
    from onnx import helper

    return inputs[0].astype(helper.tensor_dtype_to_np_dtype(options["to"]))


_FOLDED: dict[str, Callable[[Sequence[Any], dict[str, Any], int], Any]] = {
    "Identity": lambda inputs, options, _: inputs[0],
    "Transpose": lambda inputs, options, _: np.transpose(inputs[0], options.get("perm")),
    "Concat": lambda inputs, options, _: np.concatenate(inputs, options["axis"]),
    "Unsqueeze": _unsqueezed,
    "Squeeze": _squeezed,
    "Slice": _sliced,
    "Split": _split,
    "Reshape": _reshaped,
    "Cast": _cast,
    "Gather": lambda inputs, options, _: np.take(inputs[0], inputs[1], options.get("axis", 0)),
    "Add": lambda inputs, options, _: inputs[0] + inputs[1],
    "Neg": lambda inputs, options, _: -inputs[0],
    "DequantizeLinear": lambda inputs, options, _: _dequantised(inputs, options),
}


def _dequantised(inputs: Sequence[Any], options: dict[str, Any]) -> np.ndarray:
    x, scale, *zero = inputs
    shape = [1] * x.ndim
    if scale.size > 1:
        shape[options.get("axis", 1)] = scale.size
    offset = zero[0].reshape(shape).astype(np.float32) if zero and zero[0] is not None else 0.0
    return (x.astype(np.float32) - offset) * scale.reshape(shape)


# Nodes to layers


def _stacks(nodes: Sequence[_Node]) -> list[list[_Node]]:
    """Returns the nodes, each with those above it that read its output and nothing else."""
    stacks: list[list[_Node]] = []
    for node in nodes:
        below = _read_by(node.input("X"), node.scope, nodes, 0)
        on = next((s for s in stacks if below is not None and s[-1] is below and _fit(below, node)), None)
        stacks.append([node]) if on is None else on.append(node)
    return stacks


def _fit(below: _Node, node: _Node) -> bool:
    """Whether a node can be the layer above: the same operator and options, of the same units."""
    same = ("hidden_size", "direction", "activations", "linear_before_reset", "input_forget")
    return below.node.op_type == node.node.op_type and all(
        below.options.get(name) == node.options.get(name) for name in same
    )


def _read_by(name: str, scope: _Scope, nodes: Sequence[_Node], depth: int) -> _Node | None:
    """Returns the recurrent node whose output a value is, but for its shape."""
    found = scope.maker(name)
    if found is None or depth > 20:
        return None
    maker, inner = found
    own = next((node for node in nodes if node.node is maker), None)
    if own is not None:
        return own if name == maker.output[0] else None
    if maker.op_type not in _MOVES or not maker.input:
        return None
    return _read_by(maker.input[0], inner, nodes, depth + 1)


def _stacked(stack: Sequence[_Node]) -> Layers:
    cell = _cell(stack[0])
    levels = [_weights(node, cell) for node in stack]
    start = _start(stack, cell)
    said = tuple(_said(stack[0], cell))
    said += (STARTS,) if start else ()
    return Layers(shown(stack[0].name), cell, levels, said, start=start)


STARTS = "starts from constant states of its own"
"""What is told of layers whose file starts them from other states than zeros."""


def _start(stack: Sequence[_Node], cell: str) -> dict[str, list[np.ndarray]] | None:
    """Returns the constant states that a file starts its layers from; None where all are zeros or unknown."""
    found: dict[str, list[np.ndarray]] = {s: [] for s in CELLS[cell].states}
    for node in stack:
        R = node.array("R")
        assert R is not None
        for state, rows in found.items():
            value = _begins(node, f"initial_{state}")
            rows += list(np.zeros((len(R), R.shape[2]), np.float32) if value is None else value)
    return found if any(row.any() for rows in found.values() for row in rows) else None


def _begins(node: _Node, name: str) -> np.ndarray | None:
    """Returns a constant initial state (ways, H), where all sequences of a batch have the same."""
    W, R = node.array("W"), node.array("R")
    if W is None or R is None or not node.input(name) or _value(node.input(name), node.scope, 0) is None:
        return None
    value = node.array(name)
    assert value is not None
    if value.ndim == 3 and node.options.get("layout"):
        value = value.swapaxes(0, 1)
    if value.ndim != 3 or not value.size or value.shape[::2] != (len(W), R.shape[2]):
        raise Refused("file_damaged")
    return value[:, 0] if (value == value[:, :1]).all() else None


def _cell(node: _Node) -> str:
    operator, options = node.node.op_type, node.options
    if options.get("clip"):
        raise Refused("cell_unknown", name=shown(node.name), what="clip")
    base = {"LSTM": "lstm", "RNN": "rnn"}.get(operator, "gru")
    if operator == "GRU" and not options.get("linear_before_reset"):
        base = "gru_reset_before"
    if operator == "LSTM" and options.get("input_forget"):
        base = "lstm_coupled"
    if operator == "LSTM" and node.input("P"):
        values = node.array("P")
        if values is not None and values.any():
            if base == "lstm_coupled":
                raise Refused("cell_unknown", name=shown(node.name), what="input_forget with peepholes")
            base = "lstm_peephole"
    return key_of(base, *_functions(node))


def _functions(node: _Node) -> list[str]:
    """Returns our names of the activations. Raises Refused for others, or where directions differ."""
    options, usual = node.options, USUAL[node.node.op_type.lower()]
    given = options.get("activations") or list(usual)
    alphas, betas = list(options.get("activation_alpha") or ()), list(options.get("activation_beta") or ())
    named = [_function(node, name, alphas, betas) for name in given]
    first, *others = (named[k : k + len(usual)] for k in range(0, len(named), len(usual)))
    if any(other != first for other in others):
        raise Refused("cell_unknown", name=shown(node.name), what="activations of its directions differ")
    return first


def _function(node: _Node, name: str, alphas: list[float], betas: list[float]) -> str:
    plain = name.lower()
    if plain in ("sigmoid", "tanh", "relu", "softsign", "softplus"):
        return plain
    if plain == "elu" and (alphas.pop(0) if alphas else 1.0) == 1.0:
        return plain
    if plain == "hardsigmoid":
        alpha, beta = (alphas.pop(0) if alphas else 0.2), (betas.pop(0) if betas else 0.5)
        for function, slope in (("hard_sigmoid", 0.2), ("hard_sigmoid_6", 1 / 6)):
            if abs(alpha - slope) < 1e-6 and abs(beta - 0.5) < 1e-6:
                return function
    if plain == "affine":
        alpha, beta = (alphas.pop(0) if alphas else 1.0), (betas.pop(0) if betas else 0.0)
        if (alpha, beta) == (1.0, 0.0):
            return "linear"
    raise Refused("cell_unknown", name=shown(node.name), what=shown(name))


def _weights(node: _Node, cell: str) -> list[Any]:
    operator = node.node.op_type
    W, R, B, P = (node.array(name) for name in ("W", "R", "B", "P"))
    theirs, ours = _RECURRENT[operator]
    if W is None or R is None or W.ndim != 3 or R.ndim != 3 or len(W) != len(R):
        raise Refused("file_damaged")
    H = R.shape[2]
    if W.shape[1] != len(theirs) * H or R.shape[1] != len(theirs) * H:
        raise Refused("file_damaged")
    if B is not None and B.shape != (len(W), 2 * len(theirs) * H):
        raise Refused("file_damaged")
    if P is not None and P.shape != (len(W), 3 * H):
        raise Refused("file_damaged")
    return [
        _direction(
            cell, W[k], R[k], None if B is None else B[k], None if P is None else P[k], theirs, ours, H
        )
        for k in range(len(W))
    ]


def _direction(cell: str, W: Any, R: Any, B: Any, P: Any, theirs: str, ours: str, H: int) -> Any:
    if cell.startswith("lstm_coupled"):  # there f = 1 - i, here i = 1 - f: sigma(-a) = 1 - sigma(a)
        order = [("i", -1.0), ("g", 1.0), ("o", 1.0)]
    else:
        order = [(block, 1.0) for block in ours]

    def packed(array: np.ndarray) -> np.ndarray:
        rows = {block: array[k * H : (k + 1) * H] for k, block in enumerate(theirs)}
        return np.concatenate([sign * rows[block] for block, sign in order])

    b_ih, b_hh = (None, None) if B is None else map(packed, np.split(B, 2))
    peepholes = None
    if cell.startswith("lstm_peephole"):
        i, o, f = np.split(P, 3)
        peepholes = np.concatenate([i, f, o])
    return weights_for(cell, packed(W), packed(R), b_ih, b_hh, peepholes)


def _said(node: _Node, cell: str) -> Iterator[str]:
    operator, options = node.node.op_type, node.options
    after = "after" if options.get("linear_before_reset") else "before"
    yield {
        "LSTM": "gates packed i o f c, read as i f g o",
        "GRU": f"gates packed z r h, reset {after} the matmul",
        "RNN": "one block",
    }[operator]
    if ":" in cell:
        yield f"functions: {', '.join(cell.split(':')[1:])}"
    if options.get("direction") == "reverse":
        yield "runs against time: give x from its end, `x[::-1]`"
    for name in ("initial_h", "initial_c"):
        value = _value(node.input(name), node.scope, 0) if node.input(name) else None
        if value is not None and value.any() and _begins(node, name) is None:
            yield f"has a constant {name} that differs within a batch: give it as state"
    if cell.startswith("lstm_coupled"):
        yield "input_forget: f = 1 - i, read as i = 1 - f with the gate's signs turned"
