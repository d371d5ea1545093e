"""The plain recurrent layer: Elman 1990, with tanh or ReLU.

h_t = phi(W x_t + b + U h_{t-1} + b')
"""

from typing import Any

import numpy as np
import torch

from explorer.cells.spec import Back, CellSpec, Diagram, LayerWeights, Node, Signal, Touch, Wire


def _step(activation: str):
    def step(ops: Any, a: dict, state: tuple, w: LayerWeights, touch: Touch):
        (h_prev,) = state  # (..., H)
        h_pre = a["h"] + w.recurrent(h_prev)["h"]  # (..., H)
        h = touch("h", getattr(ops, activation)(h_pre))  # (..., H)
        return {"h": h_pre}, {}, (h,)

    return step


def _fast(activation: str):
    """The same loop with one buffer a step; NumPy's call overhead is all that is left."""

    def fast(w: LayerWeights, x: np.ndarray, state: tuple):
        pre = x @ w.w_ih.T  # (T, ..., H)
        if w.b_ih is not None:
            pre += w.b_ih + w.b_hh
        h = np.empty_like(pre)  # (T, ..., H)
        h_prev, U_T = state[0], np.ascontiguousarray(w.w_hh.T)
        rec = np.empty_like(h_prev)
        for pre_t, h_t in zip(pre, h, strict=True):
            np.matmul(h_prev, U_T, out=rec)
            pre_t += rec
            if activation == "tanh":
                np.tanh(pre_t, out=h_t)
            else:
                np.maximum(pre_t, 0.0, out=h_t)
            h_prev = h_t
        return {"h": pre}, {}, h, None

    return fast


def _local(activation: str):
    """phi'(pre): 1 - h^2 for tanh; 1 or 0 for ReLU, NaN past an explosion."""

    def local(v: dict, w: LayerWeights) -> dict:
        pre = v["pre_h"]
        slope = 1.0 - v["h"] ** 2 if activation == "tanh" else np.where(np.isnan(pre), pre, pre > 0)
        return {"h": slope}  # (..., H)

    return local


def back(d: dict, w: LayerWeights, dh: Any, dc: None) -> Back:
    """dL/dh_{t-1} = U^T (phi' * dL/dh_t)."""
    pre = {"h": dh * d["h"]}
    return Back(w.to_state(pre), None, pre, pre, {})


def _diagram(activation: str) -> Diagram:
    nodes = (
        Node("h_prev", "end", 4, 30, "h_prev", "h_prev", "h"),
        Node("x", "end", 26, 56, "x", None, "x"),
        Node("phi", "gate", 50, 30, activation, "h", "h"),
        Node("h", "end", 96, 30, "h", "h", "h"),
        Node("y", "end", 76, 5, "h", None, "h"),
    )
    wires = (
        Wire(((8, 30), (43, 30)), "h_prev", "h"),
        Wire(((26, 51), (26, 34), (43, 34)), None, "x"),
        Wire(((57, 30), (92, 30)), "h", "h"),
        Wire(((76, 30), (76, 9)), "h", "h"),
    )
    return Diagram(nodes, wires)


def _rnn(key: str, activation: str) -> CellSpec:
    return CellSpec(
        key=key,
        family="rnn",
        blocks=("h",),
        signals=(Signal("h", "state", activation, "h"),),
        states=("h",),
        equations=(("pre_h", ("add", ("in", "h"), ("rec", "h"))), ("h", (activation, "pre_h"))),
        step=_step(activation),
        fast=_fast(activation),
        local=_local(activation),
        back=back,
        diagram=_diagram(activation),
        source="Elman 1990",
        torch_module=torch.nn.RNN,
        torch_options=(("nonlinearity", activation),),
    )


RNN = _rnn("rnn", "tanh")
RNN_RELU = _rnn("rnn_relu", "relu")
