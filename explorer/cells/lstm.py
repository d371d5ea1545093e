"""The LSTM and its variants.

    f_t = sigma(W_f x_t + b_f + U_f h_{t-1} + b'_f)      forget gate: 1 keeps
    i_t = sigma(W_i x_t + b_i + U_i h_{t-1} + b'_i)      input gate: 1 writes
    g_t = tanh (W_g x_t + b_g + U_g h_{t-1} + b'_g)      candidate
    c_t = f_t * c_{t-1} + i_t * g_t                      cell state
    o_t = sigma(W_o x_t + b_o + U_o h_{t-1} + b'_o)      output gate: 1 shows
    h_t = o_t * tanh(c_t)                                hidden state

`lstm_peephole`   f and i also see c_{t-1}, o sees c_t, one weight per unit (Gers & Schmidhuber 2000).
`lstm_coupled`    i = 1 - f (Olah 2015; Greff et al. 2015 couple the other way round).
`lstm_no_forget`  f = 1: the cell of Hochreiter & Schmidhuber 1997.
`lstm_no_input`   i = 1, `lstm_no_output` o = 1, `lstm_no_squash` h_t = o_t * c_t: one part switched off
                  (Greff et al. 2015).
"""

from typing import Any

import numpy as np
import torch

from explorer.cells.equations import Expression
from explorer.cells.spec import (
    Back,
    CellSpec,
    Diagram,
    LayerWeights,
    Node,
    NumpyOps,
    Signal,
    Touch,
    Wire,
)

F = Signal("f", "gate", "sigmoid", "keep")
I = Signal("i", "gate", "sigmoid", "write")
G = Signal("g", "candidate", "tanh", "candidate")
O = Signal("o", "gate", "sigmoid", "show")
C = Signal("c", "state", "identity", "c")
H = Signal("h", "state", "identity", "h")
HUES = {signal.symbol: signal.hue for signal in (F, I, G, C, O, H)}


def lstm_step(ops: Any, a: dict, state: tuple, w: LayerWeights, touch: Touch):
    h_prev, c_prev = state  # (..., H) each
    rec = w.recurrent(h_prev)
    pre = {s: a[s] + rec[s] for s in "ifgo"}  # (..., H) each
    f = touch("f", ops.sigmoid(pre["f"]))
    i = touch("i", ops.sigmoid(pre["i"]))
    g = touch("g", ops.tanh(pre["g"]))
    c = touch("c", f * c_prev + i * g)
    o = touch("o", ops.sigmoid(pre["o"]))
    h = touch("h", o * ops.tanh(c))
    return pre, {"i": i, "f": f, "g": g, "o": o}, (h, c)


def peephole_step(ops: Any, a: dict, state: tuple, w: LayerWeights, touch: Touch):
    h_prev, c_prev = state
    rec = w.recurrent(h_prev)
    pre = {s: a[s] + rec[s] for s in "ifgo"}
    pre["f"] = pre["f"] + w.peephole("f") * c_prev
    pre["i"] = pre["i"] + w.peephole("i") * c_prev
    f = touch("f", ops.sigmoid(pre["f"]))
    i = touch("i", ops.sigmoid(pre["i"]))
    g = touch("g", ops.tanh(pre["g"]))
    c = touch("c", f * c_prev + i * g)
    pre["o"] = pre["o"] + w.peephole("o") * c
    o = touch("o", ops.sigmoid(pre["o"]))
    h = touch("h", o * ops.tanh(c))
    return pre, {"i": i, "f": f, "g": g, "o": o}, (h, c)


def coupled_step(ops: Any, a: dict, state: tuple, w: LayerWeights, touch: Touch):
    h_prev, c_prev = state
    rec = w.recurrent(h_prev)
    pre = {s: a[s] + rec[s] for s in "fgo"}
    f = touch("f", ops.sigmoid(pre["f"]))
    i = touch("i", 1.0 - f)
    g = touch("g", ops.tanh(pre["g"]))
    c = touch("c", f * c_prev + i * g)
    o = touch("o", ops.sigmoid(pre["o"]))
    h = touch("h", o * ops.tanh(c))
    return pre, {"i": i, "f": f, "g": g, "o": o}, (h, c)


def no_forget_step(ops: Any, a: dict, state: tuple, w: LayerWeights, touch: Touch):
    h_prev, c_prev = state
    rec = w.recurrent(h_prev)
    pre = {s: a[s] + rec[s] for s in "igo"}
    i = touch("i", ops.sigmoid(pre["i"]))
    g = touch("g", ops.tanh(pre["g"]))
    c = touch("c", c_prev + i * g)
    o = touch("o", ops.sigmoid(pre["o"]))
    h = touch("h", o * ops.tanh(c))
    return pre, {"i": i, "g": g, "o": o}, (h, c)


def no_input_step(ops: Any, a: dict, state: tuple, w: LayerWeights, touch: Touch):
    h_prev, c_prev = state
    rec = w.recurrent(h_prev)
    pre = {s: a[s] + rec[s] for s in "fgo"}
    f = touch("f", ops.sigmoid(pre["f"]))
    g = touch("g", ops.tanh(pre["g"]))
    c = touch("c", f * c_prev + g)
    o = touch("o", ops.sigmoid(pre["o"]))
    h = touch("h", o * ops.tanh(c))
    return pre, {"f": f, "g": g, "o": o}, (h, c)


def no_output_step(ops: Any, a: dict, state: tuple, w: LayerWeights, touch: Touch):
    h_prev, c_prev = state
    rec = w.recurrent(h_prev)
    pre = {s: a[s] + rec[s] for s in "ifg"}
    f = touch("f", ops.sigmoid(pre["f"]))
    i = touch("i", ops.sigmoid(pre["i"]))
    g = touch("g", ops.tanh(pre["g"]))
    c = touch("c", f * c_prev + i * g)
    h = touch("h", ops.tanh(c))
    return pre, {"i": i, "f": f, "g": g}, (h, c)


def no_squash_step(ops: Any, a: dict, state: tuple, w: LayerWeights, touch: Touch):
    h_prev, c_prev = state
    rec = w.recurrent(h_prev)
    pre = {s: a[s] + rec[s] for s in "ifgo"}
    f = touch("f", ops.sigmoid(pre["f"]))
    i = touch("i", ops.sigmoid(pre["i"]))
    g = touch("g", ops.tanh(pre["g"]))
    c = touch("c", f * c_prev + i * g)
    o = touch("o", ops.sigmoid(pre["o"]))
    h = touch("h", o * c)
    return pre, {"i": i, "f": f, "g": g, "o": o}, (h, c)


# Backwards. With s = sigma(1 - sigma) and tanh' = 1 - tanh^2, the derivatives within one step are
#   dc/df_pre = c_{t-1} f(1-f)   dc/di_pre = g i(1-i)   dc/dg_pre = i (1-g^2)   dc/dc_{t-1} = f   (keep)
#   dh/do_pre = tanh(c) o(1-o)   dh/dc = o (1-tanh(c)^2)                                          (show)


def lstm_local(v: dict, w: LayerWeights) -> dict:
    i, f, g, o, shown = v["i"], v["f"], v["g"], v["o"], np.tanh(v["c"])
    return {
        "f": v["c_prev"] * f * (1.0 - f),
        "i": g * i * (1.0 - i),
        "g": i * (1.0 - g**2),
        "o": shown * o * (1.0 - o),
        "show": o * (1.0 - shown**2),
        "keep": f,
    }


def peephole_local(v: dict, w: LayerWeights) -> dict:
    d = lstm_local(v, w)
    d["keep"] = d["keep"] + d["f"] * w.peephole("f") + d["i"] * w.peephole("i")
    d["show"] = d["show"] + d["o"] * w.peephole("o")
    return d


def coupled_local(v: dict, w: LayerWeights) -> dict:
    d = lstm_local(v, w)
    d["f"] = (v["c_prev"] - v["g"]) * v["f"] * (1.0 - v["f"])
    return d


def no_forget_local(v: dict, w: LayerWeights) -> dict:
    one = np.ones_like(v["i"])
    return lstm_local({**v, "f": one}, w)


def no_input_local(v: dict, w: LayerWeights) -> dict:
    return lstm_local({**v, "i": np.ones_like(v["f"])}, w)


def no_output_local(v: dict, w: LayerWeights) -> dict:
    return lstm_local({**v, "o": np.ones_like(v["f"])}, w)


def no_squash_local(v: dict, w: LayerWeights) -> dict:
    o = v["o"]
    return lstm_local(v, w) | {"o": v["c"] * o * (1.0 - o), "show": o}


def lstm_back(d: dict, w: LayerWeights, dh: Any, dc: Any) -> Back:
    """Each block but o acts through c; c itself goes back by `keep`."""
    pre = {s: (dh if s == "o" else dc) * d[s] for s in w.blocks}
    return Back(w.to_state(pre), dc * d["keep"], pre, pre, {})


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
    return pre, gate, h, c


def _fused_h(w: LayerWeights, x: np.ndarray, h0: np.ndarray, c0: np.ndarray) -> np.ndarray:
    batched = x.ndim == 3
    given = (v.copy() for v in (x, h0, c0))  # a reverse run has negative strides
    x3, h3, c3 = (torch.tensor(v if batched else v[..., None, :]) for v in given)
    weights = [torch.tensor(v) for v in (w.w_ih, w.w_hh, w.b_ih, w.b_hh) if v is not None]
    with torch.no_grad():
        output, _, _ = torch.lstm(
            x3, (h3[None], c3[None]), weights,
            w.b_ih is not None, 1, 0.0, False, False, False,
        )  # fmt: skip
    return output.numpy() if batched else output[:, 0].numpy()


# The drawing: the conveyor belt c along the top, the gates in a row, h and x on a bus below.

_BUS, _ROW, _BELT, _MIX = 51.0, 39.0, 12.0, 26.0
_AT = {"f": 24.0, "i": 41.0, "g": 57.0, "o": 71.0}
_OUT = 86.0


def _bus_to(x: float) -> Wire:
    return Wire(((x, _BUS), (x, _ROW + 4)), None, "h")


def _diagram(without: str = "", coupled: bool = False, peephole: bool = False) -> Diagram:
    """The drawing of the LSTM; without: a gate that is missing, or tanh on the way from c to h."""
    forget = without != "f"
    kept: Expression = ("mul", "f", "c_prev") if forget else "c_prev"
    written: Expression = "g" if without == "i" else ("mul", "i", "g")
    squashed: Expression = "c" if without == "tanh" else ("tanh", "c")
    gates = [s for s in "figo" if s != without and not (coupled and s == "i")]
    nodes = [
        Node("c_prev", "end", 5, _BELT, "c_prev", "c_prev", "c"),
        Node("h_prev", "end", 5, _BUS, "h_prev", "h_prev", "h"),
        Node("x", "end", 17, 59, "x", None, "x"),
        *(Node(s, "gate", _AT[s], _ROW, s, s, HUES[s]) for s in gates),
        Node("plus", "op", _AT["g"], _BELT, "+", ("add", kept, written), "c"),
        Node("c", "end", 96, _BELT, "c", "c", "c"),
        Node("h", "end", 96, _BUS, "h", "h", "h"),
    ]
    wires = [
        Wire(((9, _BUS), (_AT[gates[-1]], _BUS)), "h_prev", "h", arrow=False),
        Wire(((17, 55), (17, _BUS)), None, "x", arrow=False),
        *(_bus_to(_AT[s]) for s in gates),
        Wire(((_AT["g"] + 3, _BELT), (92, _BELT)), "c", "c"),
    ]
    if without == "i":
        wires.append(Wire(((_AT["g"], _ROW - 4), (_AT["g"], _BELT + 3)), "g", "candidate"))
    else:
        nodes.append(Node("written", "op", _AT["g"], _MIX, "×", written, "write", "right"))
        wires += [
            Wire(((_AT["i"], _ROW - 4), (_AT["i"], _MIX), (_AT["g"] - 3, _MIX)), "i", "write"),
            Wire(((_AT["g"], _ROW - 4), (_AT["g"], _MIX + 3)), "g", "candidate"),
            Wire(((_AT["g"], _MIX - 3), (_AT["g"], _BELT + 3)), written, "write"),
        ]
    down = _BELT
    if without != "tanh":
        nodes.append(Node("tanh", "op", _OUT, _MIX, "tanh", squashed, "c", "left"))
        wires.append(Wire(((_OUT, _BELT), (_OUT, _MIX - 3)), "c", "c"))
        down = _MIX + 3
    if without == "o":
        wires.append(Wire(((_OUT, down), (_OUT, _BUS), (92, _BUS)), "h", "h"))
    else:
        nodes.append(Node("shown", "op", _OUT, _ROW, "×", ("mul", "o", squashed), "h", "right"))
        wires += [
            Wire(((_OUT, down), (_OUT, _ROW - 3)), squashed, "c"),
            Wire(((_AT["o"] + 4, _ROW), (_OUT - 3, _ROW)), "o", "show"),
            Wire(((_OUT, _ROW + 3), (_OUT, _BUS), (92, _BUS)), "h", "h"),
        ]
    if forget:
        nodes.append(Node("kept", "op", _AT["f"], _BELT, "×", kept, "keep"))
        wires += [
            Wire(((9, _BELT), (_AT["f"] - 3, _BELT)), "c_prev", "c"),
            Wire(((_AT["f"], _ROW - 4), (_AT["f"], _BELT + 3)), "f", "keep"),
            Wire(((_AT["f"] + 3, _BELT), (_AT["g"] - 3, _BELT)), kept, "c"),
        ]
    else:
        wires.append(Wire(((9, _BELT), (_AT["g"] - 3, _BELT)), "c_prev", "c"))
    if coupled:
        nodes.append(Node("i", "op", _AT["i"], _ROW, "1−f", "i", "write"))
        wires.append(Wire(((_AT["f"] + 4, _ROW), (_AT["i"] - 4, _ROW)), "f", "keep"))
    if peephole:
        wires += [
            Wire(((15, _BELT), (15, 31), (21, 31), (21, _ROW - 4)), "c_prev", "c"),
            Wire(((33, 31), (38, 31), (38, _ROW - 4)), "c_prev", "c"),
            Wire(((21, 31), (33, 31)), "c_prev", "c", arrow=False),
            Wire(((_AT["o"], _BELT), (_AT["o"], _ROW - 4)), "c", "c"),
        ]
    return Diagram(tuple(nodes), tuple(wires))


def _linear(symbol: str) -> Expression:
    return ("add", ("in", symbol), ("rec", symbol))


def _gate(symbol: str, activation: str = "sigmoid") -> tuple[tuple[str, Expression], ...]:
    return ((f"pre_{symbol}", _linear(symbol)), (symbol, (activation, f"pre_{symbol}")))


def _peeping(symbol: str, at: str) -> tuple[tuple[str, Expression], ...]:
    pre = (*_linear(symbol), ("peep", symbol, at))
    return ((f"pre_{symbol}", pre), (symbol, ("sigmoid", f"pre_{symbol}")))


_UPDATE = (("c", ("add", ("mul", "f", "c_prev"), ("mul", "i", "g"))),)
_OUTPUT = (("h", ("mul", "o", ("tanh", "c"))),)

LSTM = CellSpec(
    key="lstm",
    family="lstm",
    blocks=("i", "f", "g", "o"),
    signals=(F, I, G, C, O, H),
    states=("h", "c"),
    equations=(*_gate("f"), *_gate("i"), *_gate("g", "tanh"), *_UPDATE, *_gate("o"), *_OUTPUT),
    step=lstm_step,
    local=lstm_local,
    back=lstm_back,
    fast=lstm_fast,
    diagram=_diagram(),
    source="Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000",
    torch_module=torch.nn.LSTM,
    keep="f",
    write="i",
)

LSTM_PEEPHOLE = CellSpec(
    key="lstm_peephole",
    family="lstm",
    blocks=("i", "f", "g", "o"),
    signals=(F, I, G, C, O, H),
    states=("h", "c"),
    equations=(
        *_peeping("f", "c_prev"),
        *_peeping("i", "c_prev"),
        *_gate("g", "tanh"),
        *_UPDATE,
        *_peeping("o", "c"),
        *_OUTPUT,
    ),
    step=peephole_step,
    local=peephole_local,
    back=lstm_back,
    diagram=_diagram(peephole=True),
    source="Gers & Schmidhuber 2000",
    peephole_blocks=("i", "f", "o"),
    keep="f",
    write="i",
)

LSTM_COUPLED = CellSpec(
    key="lstm_coupled",
    family="lstm",
    blocks=("f", "g", "o"),
    signals=(F, I, G, C, O, H),
    states=("h", "c"),
    equations=(
        *_gate("f"),
        ("i", ("sub", 1.0, "f")),
        *_gate("g", "tanh"),
        *_UPDATE,
        *_gate("o"),
        *_OUTPUT,
    ),
    step=coupled_step,
    local=coupled_local,
    back=lstm_back,
    diagram=_diagram(coupled=True),
    source="Olah 2015",
    keep="f",
)

LSTM_NO_FORGET = CellSpec(
    key="lstm_no_forget",
    family="lstm",
    blocks=("i", "g", "o"),
    signals=(I, G, C, O, H),
    states=("h", "c"),
    equations=(
        *_gate("i"),
        *_gate("g", "tanh"),
        ("c", ("add", "c_prev", ("mul", "i", "g"))),
        *_gate("o"),
        *_OUTPUT,
    ),
    step=no_forget_step,
    local=no_forget_local,
    back=lstm_back,
    diagram=_diagram(without="f"),
    source="Hochreiter & Schmidhuber 1997",
    write="i",
)

LSTM_NO_INPUT = CellSpec(
    key="lstm_no_input",
    family="lstm",
    blocks=("f", "g", "o"),
    signals=(F, G, C, O, H),
    states=("h", "c"),
    equations=(
        *_gate("f"),
        *_gate("g", "tanh"),
        ("c", ("add", ("mul", "f", "c_prev"), "g")),
        *_gate("o"),
        *_OUTPUT,
    ),
    step=no_input_step,
    local=no_input_local,
    back=lstm_back,
    diagram=_diagram(without="i"),
    source="Greff et al. 2015",
    keep="f",
)

LSTM_NO_OUTPUT = CellSpec(
    key="lstm_no_output",
    family="lstm",
    blocks=("i", "f", "g"),
    signals=(F, I, G, C, H),
    states=("h", "c"),
    equations=(*_gate("f"), *_gate("i"), *_gate("g", "tanh"), *_UPDATE, ("h", ("tanh", "c"))),
    step=no_output_step,
    local=no_output_local,
    back=lstm_back,
    diagram=_diagram(without="o"),
    source="Greff et al. 2015",
    keep="f",
    write="i",
)

LSTM_NO_SQUASH = CellSpec(
    key="lstm_no_squash",
    family="lstm",
    blocks=("i", "f", "g", "o"),
    signals=(F, I, G, C, O, H),
    states=("h", "c"),
    equations=(
        *_gate("f"),
        *_gate("i"),
        *_gate("g", "tanh"),
        *_UPDATE,
        *_gate("o"),
        ("h", ("mul", "o", "c")),
    ),
    step=no_squash_step,
    local=no_squash_local,
    back=lstm_back,
    diagram=_diagram(without="tanh"),
    source="Greff et al. 2015",
    keep="f",
    write="i",
)
