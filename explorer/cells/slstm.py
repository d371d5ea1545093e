"""The sLSTM (Beck et al. 2024, xLSTM): an LSTM whose input gate is an exponential.

An exponential gate can write far more than was there before, so that a new memory outweighs all old ones. The
normaliser n counts what was written and h shows c as a share of it; the stabiliser m is the logarithm by
which both gates are scaled down, lest exp leave the range of numbers: c / n is the same with any m. So
f and i, scaled by it, are between 0 and 1, one of them 1.

f is sigma of its pre-activation, as in the authors' code; the paper also has exp. i is the input gate, g the
candidate (z in the paper), o the output gate.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from explorer.cells.build import cell
from explorer.cells.spec import Diagram, Net, Node, Signal, Wire

EQUATIONS = """
    pre_f = W_f x + U_f h_prev
    pre_i = W_i x + U_i h_prev
    m = max(log_sigmoid(pre_f) + m_prev, pre_i)
    f = exp(log_sigmoid(pre_f) + m_prev - m)
    i = exp(pre_i - m)
    g = tanh(W_g x + U_g h_prev)
    c = f * c_prev + i * g
    n = f * n_prev + i
    o = sigmoid(W_o x + U_o h_prev)
    h = o * c / n
"""

SIGNALS = (
    Signal("f", "gate", "exp", "keep"),
    Signal("i", "gate", "exp", "write"),
    Signal("g", "candidate", "tanh", "candidate"),
    Signal("c", "state", "identity", "c"),
    Signal("n", "state", "identity", "normaliser", "normaliser"),
    Signal("m", "state", "identity", "stabiliser", "stabiliser"),
    Signal("o", "gate", "sigmoid", "show"),
    Signal("h", "state", "identity", "h"),
)
HUES = {signal.symbol: signal.hue for signal in SIGNALS}

# The drawing: three belts m, c, n along the top, the gates in a row, h and x on a bus below.

_M, _C, _N, _MIX, _ROW, _BUS = 5.0, 14.0, 23.0, 31.0, 41.0, 52.0
_AT = {"f": 22.0, "i": 40.0, "g": 56.0, "o": 71.0}
_OUT = 86.0


def _draw(equations: Mapping[str, Any]) -> Diagram:
    (_, kept, written), (_, kept_n, _) = equations["c"], equations["n"]
    f, i, g, o = (_AT[s] for s in "figo")
    belts = (("m", _M), ("c", _C), ("n", _N), ("h", _BUS))
    nodes = (
        *(Node(f"{s}_prev", "end", 5, y, f"{s}_prev", f"{s}_prev", HUES[s]) for s, y in belts),
        *(Node(s, "end", 96, y, s, s, HUES[s]) for s, y in belts),
        Node("x", "end", 14, 59, "x", None, "x"),
        *(Node(s, "gate", x, _ROW, s, s, HUES[s]) for s, x in _AT.items()),
        Node("max", "op", 31, _M, "max", "m", "stabiliser"),
        Node("kept", "op", f, _C, "×", kept, "keep"),
        Node("kept_n", "op", f, _N, "×", kept_n, "keep", "left"),
        Node("written", "op", g, _MIX, "×", written, "write", "right"),
        Node("plus", "op", g, _C, "+", equations["c"], "c"),
        Node("plus_n", "op", i, _N, "+", equations["n"], "normaliser"),
        Node("share", "op", _OUT, _MIX, "÷", ("div", "c", "n"), "c", "right"),
        Node("shown", "op", _OUT, _ROW, "×", "h", "h", "right"),
    )
    wires = (
        Wire(((9, _M), (28, _M)), "m_prev", "stabiliser"),
        Wire(((34, _M), (92, _M)), "m", "stabiliser"),
        Wire(((31, _BUS), (31, _M + 3)), None, "h"),
        Wire(((35, _M), (35, _ROW - 7), (25, _ROW - 7), (25, _ROW - 4)), "m", "stabiliser"),
        Wire(((35, _ROW - 7), (37, _ROW - 7), (37, _ROW - 4)), "m", "stabiliser"),
        Wire(((9, _C), (f - 3, _C)), "c_prev", "c"),
        Wire(((f + 3, _C), (g - 3, _C)), kept, "c"),
        Wire(((g + 3, _C), (92, _C)), "c", "c"),
        Wire(((9, _N), (f - 3, _N)), "n_prev", "normaliser"),
        Wire(((f + 3, _N), (i - 3, _N)), kept_n, "normaliser"),
        Wire(((i + 3, _N), (92, _N)), "n", "normaliser"),
        Wire(((f, _ROW - 4), (f, _N + 3)), "f", "keep"),
        Wire(((f, _N - 3), (f, _C + 3)), "f", "keep"),
        Wire(((i, _ROW - 4), (i, _N + 3)), "i", "write"),
        Wire(((i, _MIX), (g - 3, _MIX)), "i", "write"),
        Wire(((g, _ROW - 4), (g, _MIX + 3)), "g", "candidate"),
        Wire(((g, _MIX - 3), (g, _C + 3)), written, "write"),
        Wire(((_OUT, _C), (_OUT, _MIX - 3)), "c", "c"),
        Wire(((79, _N), (79, _MIX), (_OUT - 3, _MIX)), "n", "normaliser"),
        Wire(((_OUT, _MIX + 3), (_OUT, _ROW - 3)), ("div", "c", "n"), "c"),
        Wire(((o + 4, _ROW), (_OUT - 3, _ROW)), "o", "show"),
        Wire(((_OUT, _ROW + 3), (_OUT, _BUS), (92, _BUS)), "h", "h"),
        Wire(((9, _BUS), (o, _BUS)), "h_prev", "h", arrow=False),
        Wire(((14, 55), (14, _BUS)), None, "x", arrow=False),
        *(Wire(((x, _BUS), (x, _ROW + 4)), None, "h") for x in _AT.values()),
    )
    return Diagram(nodes, wires)


def _paper(net: Net, x: Tensor, h: Tensor, c: Tensor, n: Tensor, m: Tensor) -> tuple[Tensor, ...]:
    """The paper's equations, in torch."""
    log_f, log_i = logsigmoid(net("f", x, h)), net("i", x, h)
    m_new = torch.maximum(log_f + m, log_i)
    i, f = torch.exp(log_i - m_new), torch.exp(log_f + m - m_new)
    c_new = f * c + i * torch.tanh(net("g", x, h))
    n_new = f * n + i
    return torch.sigmoid(net("o", x, h)) * (c_new / n_new), c_new, n_new, m_new


SLSTM = cell(
    "slstm",
    EQUATIONS,
    family="lstm",
    states="h c n m",
    packing="i f g o",
    signals=SIGNALS,
    draw=_draw,
    source="Beck et al. 2024",
    paper=_paper,
    keep="f",
    write="i",
    positive=("n",),
    idle=("m",),
)
