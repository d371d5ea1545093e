"""The GRU, with the reset after the matmul (cuDNN, PyTorch) or before it (Cho et al. 2014, the lecture).

r is the reset gate: 1 lets the past in; z the update gate: 1 keeps (PyTorch); n the candidate.

The lecture writes h = (1 - z) * h_prev + z * n: its z is one minus PyTorch's. That is a choice of
notation, not another cell: `spec.lecture` is the same cell with z read the other way.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.cells.build import cell, rewritten, variant
from explorer.cells.spec import Diagram, KerasLayer, LayerWeights, Net, Node, Signal, Wire

EQUATIONS = """
    z = sigmoid(W_z x + U_z h_prev)
    r = sigmoid(W_r x + U_r h_prev)
    n = tanh(W_n x + r * (U_n h_prev))
    h = (1 - z) * n + z * h_prev
"""
LECTURE = {"h": "(1 - z) * h_prev + z * n"}

SIGNALS = (
    Signal("r", "gate", "sigmoid", "reset"),
    Signal("z", "gate", "sigmoid", "keep"),
    Signal("n", "candidate", "tanh", "candidate"),
    Signal("h", "state", "identity", "h"),
)


def gru_fast(w: LayerWeights, x: np.ndarray, state: tuple):
    """The reset-after loop with one matmul a step, in place: NumPy's call overhead is what is left."""
    H = w.hidden_size
    pre = x @ w.w_ih.T  # (T, ..., 3H)
    b_n: Any = 0.0
    if w.b_ih is not None:
        pre += w.b_ih
        pre[..., : 2 * H] += w.b_hh[: 2 * H]
        b_n = w.b_hh[2 * H :]
    act = np.empty_like(pre)
    h = np.empty((*pre.shape[:-1], H), pre.dtype)
    rec = np.empty_like(pre[0])
    rec_rz, rec_n = rec[..., : 2 * H], rec[..., 2 * H :]
    U_T, h_prev = np.ascontiguousarray(w.w_hh.T), state[0]
    steps = zip(pre[..., : 2 * H], pre[..., 2 * H :], act[..., : 2 * H], act[..., 2 * H :], h, strict=True)
    for pre_rz, pre_n, act_rz, act_n, h_t in steps:
        np.matmul(h_prev, U_T, out=rec)
        pre_rz += rec_rz
        np.multiply(pre_rz, 0.5, out=act_rz)  # sigma(a) = (1 + tanh(a / 2)) / 2
        np.tanh(act_rz, out=act_rz)
        act_rz += 1.0
        act_rz *= 0.5
        rec_n += b_n
        rec_n *= act_rz[..., :H]
        pre_n += rec_n
        np.tanh(pre_n, out=act_n)
        np.subtract(h_prev, act_n, out=h_t)  # h = n + z * (h_prev - n)
        h_t *= act_rz[..., H:]
        h_t += act_n
        h_prev = h_t
    return w.split(pre), w.split(act), (h,)


_TOP, _ROW, _MIX, _BUS, _LOW = 12.0, 38.0, 25.0, 52.0, 46.0
_R, _Z, _N = 24.0, 45.0, 80.0


def draw_gru(equations: Mapping[str, Any]) -> Diagram:
    """The drawing of any GRU: without a reset gate nothing of the state comes to the gates."""
    _, *summands = equations["h"]
    written, kept = sorted(summands, key=lambda summand: summand[2] == "h_prev")
    reset = [product for product in _products(equations["pre_n"]) if product[1] == "r"]
    parts = [
        Node("h_prev", "end", 5, _TOP, "h_prev", "h_prev", "h"),
        Node("x", "end", 12, 59, "x", None, "x"),
        Node("z", "gate", _Z, _ROW, "z", "z", "keep"),
        Node("n", "gate", _N, _ROW, "n", "n", "candidate"),
        Node("kept", "op", _Z, _TOP, "×", kept, "keep"),
        Node("written", "op", _N, _MIX, "×", written, "candidate", "right"),
        Node("plus", "op", _N, _TOP, "+", equations["h"], "h"),
        Node("h", "end", 96, _TOP, "h", "h", "h"),
        Wire(((9, _TOP), (_Z - 3, _TOP)), "h_prev", "h"),
        Wire(((12, 55), (12, _BUS)), None, "x", arrow=False),
        Wire(((12, _BUS), (_N + 3, _BUS)), None, "x", arrow=False),
        Wire(((_Z, _BUS), (_Z, _ROW + 4)), None, "x"),
        Wire(((_N + 3, _BUS), (_N + 3, _ROW + 4)), None, "x"),
        Wire(((_Z + 3, _TOP), (_N - 3, _TOP)), kept, "keep"),
        Wire(((_N, _ROW - 4), (_N, _MIX + 3)), "n", "candidate"),
        Wire(((_N, _MIX - 3), (_N, _TOP + 3)), written, "candidate"),
        Wire(((_N + 3, _TOP), (92, _TOP)), "h", "h"),
        *_updating(kept[1], written[1]),
        *(_resetting(reset[0]) if reset else ()),
    ]
    nodes = tuple(part for part in parts if isinstance(part, Node))
    return Diagram(nodes, tuple(part for part in parts if isinstance(part, Wire)))


def _updating(keep: Any, write: Any) -> list[Node | Wire]:
    """z, and 1 - z where the state is kept (the lecture) or where the candidate is written."""
    if write == "z":
        return [
            Node("not_z", "op", _Z, _MIX, "1−z", keep, "keep", "right"),
            Wire(((_Z, _ROW - 4), (_Z, _MIX + 3)), "z", "keep"),
            Wire(((_Z, _MIX - 3), (_Z, _TOP + 3)), keep, "keep"),
            Wire(((_Z + 4, _ROW), (60, _ROW), (60, _MIX), (_N - 3, _MIX)), write, "keep"),
        ]
    return [
        Node("not_z", "op", 60, _MIX, "1−z", write, "keep"),
        Wire(((_Z, _ROW - 4), (_Z, _TOP + 3)), "z", "keep"),
        Wire(((_Z, _MIX), (56, _MIX)), "z", "keep"),
        Wire(((64, _MIX), (_N - 3, _MIX)), write, "keep"),
    ]


def _resetting(reset: Any) -> list[Node | Wire]:
    """r, what it lets through to the candidate, and h on its way to the gates."""
    way = ((_R + 3, _MIX), (33, _MIX), (33, _LOW), (_N - 3, _LOW), (_N - 3, _ROW + 4))
    return [
        Node("r", "gate", _R, _ROW, "r", "r", "reset"),
        Node("reset", "op", _R, _MIX, "×", reset, "reset", "left"),
        Wire(((_R, _TOP), (_R, _MIX - 3)), "h_prev", "h"),
        Wire(((12, _TOP), (12, _BUS)), "h_prev", "h", arrow=False),
        Wire(((_R, _BUS), (_R, _ROW + 4)), None, "x"),
        Wire(((_R, _ROW - 4), (_R, _MIX + 3)), "r", "reset"),
        Wire(way, reset, "reset"),
    ]


def _products(expression: Any) -> Iterator[tuple[Any, ...]]:
    if isinstance(expression, tuple):
        if expression[0] == "mul":
            yield expression
        for part in expression[1:]:
            yield from _products(part)


def _reset_before(net: Net, x: Tensor, h: Tensor) -> tuple[Tensor]:
    """The step as Cho et al. have it, in torch."""
    r, z = torch.sigmoid(net("r", x, h)), torch.sigmoid(net("z", x, h))
    return ((1 - z) * torch.tanh(net("n", x, r * h)) + z * h,)


_GRU = cell(
    "gru",
    EQUATIONS,
    family="gru",
    states="h",
    packing="r z n",
    signals=SIGNALS,
    draw=draw_gru,
    source="Cho et al. 2014, reset as in cuDNN and PyTorch",
    fast=gru_fast,
    torch_module=torch.nn.GRU,
    keep="z",
    flips=("z",),
    lead=True,
    hue="gru",
    keras=KerasLayer("GRU", biases=2),
)
_BEFORE = variant(
    _GRU,
    "gru_reset_before",
    "Cho et al. 2014",
    paper=_reset_before,
    n="tanh(W_n x + U_n (r * h_prev))",
)
_BEFORE = replace(_BEFORE, keras=KerasLayer("GRU", ("reset_after=False",)))

GRU, GRU_RESET_BEFORE = (
    replace(spec, lecture=rewritten(spec, LECTURE, fast=None)) for spec in (_GRU, _BEFORE)
)
