"""The LSTM, and its variants as differences.

f is the forget gate: 1 keeps; i the input gate: 1 writes; g the candidate; o the output gate: 1 shows.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.cells.build import cell, variant
from explorer.cells.equations import peepholes
from explorer.cells.ops import NumpyOps
from explorer.cells.spec import Diagram, KerasLayer, LayerWeights, Net, Node, Signal, Wire

EQUATIONS = """
    f = sigmoid(W_f x + U_f h_prev)
    i = sigmoid(W_i x + U_i h_prev)
    g = tanh(W_g x + U_g h_prev)
    c = f * c_prev + i * g
    o = sigmoid(W_o x + U_o h_prev)
    h = o * tanh(c)
"""

SIGNALS = (
    Signal("f", "gate", "sigmoid", "keep"),
    Signal("i", "gate", "sigmoid", "write"),
    Signal("g", "candidate", "tanh", "candidate"),
    Signal("c", "state", "identity", "c"),
    Signal("o", "gate", "sigmoid", "show"),
    Signal("h", "state", "identity", "h"),
)
HUES = {signal.symbol: signal.hue for signal in SIGNALS}


def lstm_fast(w: LayerWeights, x: np.ndarray, state: tuple):
    """All steps at once: h from PyTorch's fused LSTM, then every gate for all t in one matmul.

    The gates are those of the equations above, evaluated at the known h_{t-1}; c is their scan.
    """
    h0, c0 = state
    h = _fused_h(w, x, h0, c0)  # (T, ..., H)
    h_prev = np.concatenate([h0[None], h[:-1]])  # (T, ..., H)
    packed = h_prev @ w.w_hh.T + x @ w.w_ih.T  # (T, ..., 4H)
    if w.b_ih is not None:
        packed += w.b_ih + w.b_hh
    pre = w.split(packed)
    gate = w.split(NumpyOps.sigmoid(packed))
    np.tanh(pre["g"], out=gate["g"])
    c = gate["i"] * gate["g"]  # (T, ..., H), what is written; what is kept is added below
    c_prev = c0
    for f_t, c_t in zip(gate["f"], c, strict=True):
        c_t += f_t * c_prev
        c_prev = c_t
    return pre, gate, (h, c)


def _fused_h(w: LayerWeights, x: np.ndarray, h0: np.ndarray, c0: np.ndarray) -> np.ndarray:
    batched = x.ndim == 3
    given = (v.copy() for v in (x, h0, c0))  # a reverse run has negative strides
    x3, h3, c3 = (torch.tensor(v if batched else v[..., None, :]) for v in given)
    weights = [torch.tensor(v) for v in (w.w_ih, w.w_hh, w.b_ih, w.b_hh) if v is not None]
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        output, _, _ = torch.lstm(
            x3, (h3[None], c3[None]), weights,
            w.b_ih is not None, 1, 0.0, False, False, False,
        )  # fmt: skip
    return output.numpy() if batched else output[:, 0].numpy()


# The drawing: the conveyor belt c along the top, the gates in a row, h and x on a bus below.

_BUS, _ROW, _BELT, _MIX, _OUT = 51.0, 39.0, 12.0, 26.0, 86.0
_AT = {"f": 24.0, "i": 41.0, "g": 57.0, "o": 71.0}


def _draw(equations: Mapping[str, Any]) -> Diagram:
    """The drawing of any LSTM: what its equations leave out is not there."""
    _, kept, written = equations["c"]
    shown = equations["h"]
    squashed = shown[2] if shown[0] == "mul" else shown
    down = _BELT if squashed == "c" else _MIX + 3
    gates = [s for s in "figo" if f"pre_{s}" in equations]
    parts = [
        Node("c_prev", "end", 5, _BELT, "c_prev", "c_prev", "c"),
        Node("h_prev", "end", 5, _BUS, "h_prev", "h_prev", "h"),
        Node("x", "end", 17, 59, "x", None, "x"),
        *(Node(s, "gate", _AT[s], _ROW, s, s, HUES[s]) for s in gates),
        Node("plus", "op", _AT["g"], _BELT, "+", equations["c"], "c"),
        Node("c", "end", 96, _BELT, "c", "c", "c"),
        Node("h", "end", 96, _BUS, "h", "h", "h"),
        Wire(((9, _BUS), (_AT[gates[-1]], _BUS)), "h_prev", "h", arrow=False),
        Wire(((17, 55), (17, _BUS)), None, "x", arrow=False),
        *(Wire(((_AT[s], _BUS), (_AT[s], _ROW + 4)), None, "h") for s in gates),
        Wire(((_AT["g"] + 3, _BELT), (92, _BELT)), "c", "c"),
        *_writing(written),
        *_showing(shown, squashed, down),
        *_keeping(kept),
    ]
    if "i" in equations and "i" not in gates:  # made of f
        parts.append(Node("i", "op", _AT["i"], _ROW, "1−f", "i", "write"))
        parts.append(Wire(((_AT["f"] + 4, _ROW), (_AT["i"] - 4, _ROW)), "f", "keep"))
    if list(peepholes(tuple(equations.values()))):
        parts += [
            Wire(((15, _BELT), (15, 31), (21, 31), (21, _ROW - 4)), "c_prev", "c"),
            Wire(((33, 31), (38, 31), (38, _ROW - 4)), "c_prev", "c"),
            Wire(((21, 31), (33, 31)), "c_prev", "c", arrow=False),
            Wire(((_AT["o"], _BELT), (_AT["o"], _ROW - 4)), "c", "c"),
        ]
    nodes = tuple(part for part in parts if isinstance(part, Node))
    return Diagram(nodes, tuple(part for part in parts if isinstance(part, Wire)))


def _keeping(kept: Any) -> list[Node | Wire]:
    if kept == "c_prev":
        return [Wire(((9, _BELT), (_AT["g"] - 3, _BELT)), "c_prev", "c")]
    return [
        Node("kept", "op", _AT["f"], _BELT, "×", kept, "keep"),
        Wire(((9, _BELT), (_AT["f"] - 3, _BELT)), "c_prev", "c"),
        Wire(((_AT["f"], _ROW - 4), (_AT["f"], _BELT + 3)), "f", "keep"),
        Wire(((_AT["f"] + 3, _BELT), (_AT["g"] - 3, _BELT)), kept, "c"),
    ]


def _writing(written: Any) -> list[Node | Wire]:
    if written == "g":
        return [Wire(((_AT["g"], _ROW - 4), (_AT["g"], _BELT + 3)), "g", "candidate")]
    return [
        Node("written", "op", _AT["g"], _MIX, "×", written, "write", "right"),
        Wire(((_AT["i"], _ROW - 4), (_AT["i"], _MIX), (_AT["g"] - 3, _MIX)), "i", "write"),
        Wire(((_AT["g"], _ROW - 4), (_AT["g"], _MIX + 3)), "g", "candidate"),
        Wire(((_AT["g"], _MIX - 3), (_AT["g"], _BELT + 3)), written, "write"),
    ]


def _showing(shown: Any, squashed: Any, down: float) -> list[Node | Wire]:
    parts: list[Node | Wire] = []
    if squashed != "c":
        parts.append(Node("tanh", "op", _OUT, _MIX, "tanh", squashed, "c", "left"))
        parts.append(Wire(((_OUT, _BELT), (_OUT, _MIX - 3)), "c", "c"))
    if shown == squashed:
        return [*parts, Wire(((_OUT, down), (_OUT, _BUS), (92, _BUS)), "h", "h")]
    return [
        *parts,
        Node("shown", "op", _OUT, _ROW, "×", shown, "h", "right"),
        Wire(((_OUT, down), (_OUT, _ROW - 3)), squashed, "c"),
        Wire(((_AT["o"] + 4, _ROW), (_OUT - 3, _ROW)), "o", "show"),
        Wire(((_OUT, _ROW + 3), (_OUT, _BUS), (92, _BUS)), "h", "h"),
    ]


LSTM = cell(
    "lstm",
    EQUATIONS,
    family="lstm",
    states="h c",
    packing="i f g o",
    signals=SIGNALS,
    draw=_draw,
    source="Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000",
    fast=lstm_fast,
    torch_module=torch.nn.LSTM,
    keep="f",
    write="i",
    lead=True,
    hue="lstm",
    keras=KerasLayer("LSTM"),
)


# The variants. Beside each the step as its paper has it, written in torch: what it is checked against.


def _peephole(net: Net, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    i = torch.sigmoid(net("i", x, h) + net.unit("i") * c)
    f = torch.sigmoid(net("f", x, h) + net.unit("f") * c)
    c_new = f * c + i * torch.tanh(net("g", x, h))
    return torch.sigmoid(net("o", x, h) + net.unit("o") * c_new) * torch.tanh(c_new), c_new


def _coupled(net: Net, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    f = torch.sigmoid(net("f", x, h))
    c_new = f * c + (1 - f) * torch.tanh(net("g", x, h))
    return torch.sigmoid(net("o", x, h)) * torch.tanh(c_new), c_new


def _no_forget(net: Net, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    c_new = c + torch.sigmoid(net("i", x, h)) * torch.tanh(net("g", x, h))
    return torch.sigmoid(net("o", x, h)) * torch.tanh(c_new), c_new


def _no_input(net: Net, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    c_new = torch.sigmoid(net("f", x, h)) * c + torch.tanh(net("g", x, h))
    return torch.sigmoid(net("o", x, h)) * torch.tanh(c_new), c_new


def _no_output(net: Net, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    c_new = torch.sigmoid(net("f", x, h)) * c + torch.sigmoid(net("i", x, h)) * torch.tanh(net("g", x, h))
    return torch.tanh(c_new), c_new


def _no_squash(net: Net, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    c_new = torch.sigmoid(net("f", x, h)) * c + torch.sigmoid(net("i", x, h)) * torch.tanh(net("g", x, h))
    return torch.sigmoid(net("o", x, h)) * c_new, c_new


LSTM_PEEPHOLE = variant(
    LSTM,
    "lstm_peephole",
    "Gers & Schmidhuber 2000",
    paper=_peephole,
    own="i f o",
    f="sigmoid(W_f x + U_f h_prev + p_f * c_prev)",
    i="sigmoid(W_i x + U_i h_prev + p_i * c_prev)",
    o="sigmoid(W_o x + U_o h_prev + p_o * c)",
)
LSTM_COUPLED = variant(LSTM, "lstm_coupled", "Olah 2015", paper=_coupled, i="1 - f")
LSTM_NO_FORGET = variant(LSTM, "lstm_no_forget", "Hochreiter & Schmidhuber 1997", paper=_no_forget, f="1")
LSTM_NO_INPUT = variant(LSTM, "lstm_no_input", "Greff et al. 2015", paper=_no_input, i="1")
LSTM_NO_OUTPUT = variant(LSTM, "lstm_no_output", "Greff et al. 2015", paper=_no_output, o="1")
LSTM_NO_SQUASH = variant(LSTM, "lstm_no_squash", "Greff et al. 2015", paper=_no_squash, h="o * c")
