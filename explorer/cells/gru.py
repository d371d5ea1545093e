"""The GRU, with the reset after the matmul (PyTorch) or before it (Cho et al. 2014, the lecture).

    r_t = sigma(W_r x_t + b_r + U_r h_{t-1} + b'_r)      reset gate: 1 lets the past in
    z_t = sigma(W_z x_t + b_z + U_z h_{t-1} + b'_z)      update gate: 1 keeps (PyTorch)
    n_t = tanh (W_n x_t + b_n + r_t * (U_n h_{t-1} + b'_n))      `gru`: reset after
    n_t = tanh (W_n x_t + b_n + U_n (r_t * h_{t-1}) + b'_n)      `gru_reset_before`
    h_t = (1 - z_t) * n_t + z_t * h_{t-1}

The lecture writes h_t = (1 - z_t) * h_{t-1} + z_t * n_t: its z is one minus PyTorch's. That is a
choice of notation, not another cell: `spec.lecture` is the same cell with z read the other way.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from explorer.cells.equations import Expression
from explorer.cells.spec import Back, CellSpec, Diagram, LayerWeights, Node, Signal, Touch, Wire

R = Signal("r", "gate", "sigmoid", "reset")
Z = Signal("z", "gate", "sigmoid", "keep")
N = Signal("n", "candidate", "tanh", "candidate")
H = Signal("h", "state", "identity", "h")


def _after(a: dict, r: Any, h_prev: Any, w: LayerWeights) -> Any:
    return a["n"] + r * w.recurrent_block("n", h_prev)  # (..., H)


def _before(a: dict, r: Any, h_prev: Any, w: LayerWeights) -> Any:
    return a["n"] + w.recurrent_block("n", r * h_prev)  # (..., H)


def _step(candidate_pre: Any, lecture: bool):
    def step(ops: Any, a: dict, state: tuple, w: LayerWeights, touch: Touch):
        (h_prev,) = state  # (..., H)
        r_pre = a["r"] + w.recurrent_block("r", h_prev)
        z_pre = a["z"] + w.recurrent_block("z", h_prev)
        r = touch("r", ops.sigmoid(r_pre))
        z = touch("z", ops.sigmoid(z_pre))
        n_pre = candidate_pre(a, r, h_prev, w)
        n = touch("n", ops.tanh(n_pre))
        kept, new = (h_prev, n) if not lecture else (n, h_prev)
        h = touch("h", (1.0 - z) * new + z * kept)
        return {"r": r_pre, "z": z_pre, "n": n_pre}, {"r": r, "z": z, "n": n}, (h,)

    return step


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
    return w.split(pre), w.split(act), h, None


# Backwards, in PyTorch's notation, with e = (1-z)(1-n^2) = dh/dn_pre:
#   dh/dz_pre = (h_{t-1} - n) z(1-z)    dh/dh_{t-1} = z (keep)
#   after:  n_pre = a_n + r * q, q = U_n h_{t-1} + b'_n:  dh/dr_pre = e q r(1-r),  dh/dq = e r
#   before: n_pre = a_n + U_n m + b'_n, m = r * h_{t-1}:  dm/dr_pre = h_{t-1} r(1-r),  dm/dh_{t-1} = r


def _local(before: bool):
    def local(v: dict, w: LayerWeights) -> dict:
        r, z, n, h_prev = v["r"], v["z"], v["n"], v["h_prev"]
        e = (1.0 - z) * (1.0 - n**2)
        d = {"z": (h_prev - n) * z * (1.0 - z), "keep": z, "n": e, "gate_r": r}
        d["r"] = r * (1.0 - r) * (h_prev if before else e * w.recurrent_block("n", h_prev))
        return d

    return local


def _back_after(d: dict, w: LayerWeights, dh: Any, dc: None) -> Back:
    pre = {s: dh * d[s] for s in "rzn"}
    rec = {**pre, "n": pre["n"] * d["gate_r"]}
    return Back(w.to_state(rec), None, pre, rec, {}, dh * d["keep"])


def _back_before(d: dict, w: LayerWeights, dh: Any, dc: None) -> Back:
    dn = dh * d["n"]
    dm = w.to_state({"n": dn})
    pre = {"r": dm * d["r"], "z": dh * d["z"], "n": dn}
    h = w.to_state({"r": pre["r"], "z": pre["z"]}) + dm * d["gate_r"]
    return Back(h, None, pre, pre, {"n": d["gate_r"]}, dh * d["keep"])


_TOP, _ROW, _MIX, _BUS, _LOW = 12.0, 38.0, 25.0, 52.0, 46.0
_R, _Z, _N = 24.0, 45.0, 80.0


def _diagram(reset: Expression, lecture: bool) -> Diagram:
    keep: Expression = ("sub", 1.0, "z") if lecture else "z"
    write: Expression = "z" if lecture else ("sub", 1.0, "z")
    kept, written = ("mul", keep, "h_prev"), ("mul", write, "n")
    nodes = [
        Node("h_prev", "end", 5, _TOP, "h_prev", "h_prev", "h"),
        Node("x", "end", 12, 59, "x", None, "x"),
        Node("r", "gate", _R, _ROW, "r", "r", "reset"),
        Node("z", "gate", _Z, _ROW, "z", "z", "keep"),
        Node("n", "gate", _N, _ROW, "n", "n", "candidate"),
        Node("reset", "op", _R, _MIX, "×", reset, "reset", "left"),
        Node("kept", "op", _Z, _TOP, "×", kept, "keep"),
        Node("written", "op", _N, _MIX, "×", written, "candidate", "right"),
        Node("plus", "op", _N, _TOP, "+", ("add", kept, written), "h"),
        Node("h", "end", 96, _TOP, "h", "h", "h"),
    ]
    wires = [
        Wire(((9, _TOP), (_Z - 3, _TOP)), "h_prev", "h"),
        Wire(((_R, _TOP), (_R, _MIX - 3)), "h_prev", "h"),
        Wire(((12, _TOP), (12, _BUS)), "h_prev", "h", arrow=False),
        Wire(((12, 55), (12, _BUS)), None, "x", arrow=False),
        Wire(((12, _BUS), (_N + 3, _BUS)), None, "x", arrow=False),
        Wire(((_R, _BUS), (_R, _ROW + 4)), None, "x"),
        Wire(((_Z, _BUS), (_Z, _ROW + 4)), None, "x"),
        Wire(((_N + 3, _BUS), (_N + 3, _ROW + 4)), None, "x"),
        Wire(((_R, _ROW - 4), (_R, _MIX + 3)), "r", "reset"),
        Wire(
            ((_R + 3, _MIX), (33, _MIX), (33, _LOW), (_N - 3, _LOW), (_N - 3, _ROW + 4)),
            reset,
            "reset",
        ),
        Wire(((_Z + 3, _TOP), (_N - 3, _TOP)), kept, "keep"),
        Wire(((_N, _ROW - 4), (_N, _MIX + 3)), "n", "candidate"),
        Wire(((_N, _MIX - 3), (_N, _TOP + 3)), written, "candidate"),
        Wire(((_N + 3, _TOP), (92, _TOP)), "h", "h"),
    ]
    if lecture:  # the 1 - stands where the state is kept
        nodes.append(Node("not_z", "op", _Z, _MIX, "1−z", keep, "keep", "right"))
        wires += [
            Wire(((_Z, _ROW - 4), (_Z, _MIX + 3)), "z", "keep"),
            Wire(((_Z, _MIX - 3), (_Z, _TOP + 3)), keep, "keep"),
            Wire(((_Z + 4, _ROW), (60, _ROW), (60, _MIX), (_N - 3, _MIX)), write, "keep"),
        ]
    else:  # ... or where the candidate is written
        nodes.append(Node("not_z", "op", 60, _MIX, "1−z", write, "keep"))
        wires += [
            Wire(((_Z, _ROW - 4), (_Z, _TOP + 3)), "z", "keep"),
            Wire(((_Z, _MIX), (56, _MIX)), "z", "keep"),
            Wire(((64, _MIX), (_N - 3, _MIX)), write, "keep"),
        ]
    return Diagram(tuple(nodes), tuple(wires))


def _gru(key: str, before: bool, lecture: bool) -> CellSpec:
    n_pre: Expression = ("add", ("in", "n"), ("mul", "r", ("rec", "n")))
    reset: Expression = ("mul", "r", ("rec", "n"))
    if before:
        reset = ("mul", "r", "h_prev")
        n_pre = ("add", ("in", "n"), ("rec", "n", reset))
    kept, new = ("n", "h_prev") if lecture else ("h_prev", "n")
    update = ("add", ("mul", ("sub", 1.0, "z"), new), ("mul", "z", kept))
    return CellSpec(
        key=key,
        family="gru",
        blocks=("r", "z", "n"),
        signals=(R, Z, N, H),
        states=("h",),
        equations=(
            ("pre_z", ("add", ("in", "z"), ("rec", "z"))),
            ("z", ("sigmoid", "pre_z")),
            ("pre_r", ("add", ("in", "r"), ("rec", "r"))),
            ("r", ("sigmoid", "pre_r")),
            ("pre_n", n_pre),
            ("n", ("tanh", "pre_n")),
            ("h", update),
        ),
        step=_step(_before if before else _after, lecture),
        fast=None if before or lecture else gru_fast,
        local=_local(before),
        back=_back_before if before else _back_after,
        diagram=_diagram(reset, lecture),
        source="Cho et al. 2014" if before else "Cho et al. 2014, reset as in cuDNN and PyTorch",
        torch_module=None if before else torch.nn.GRU,
        keep="z",
        flips=("z",),
    )


GRU = replace(_gru("gru", before=False, lecture=False), lecture=_gru("gru", False, True))
GRU_RESET_BEFORE = replace(
    _gru("gru_reset_before", before=True, lecture=False),
    lecture=_gru("gru_reset_before", True, True),
)
