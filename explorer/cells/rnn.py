"""The plain recurrent layer: Elman 1990, with tanh or ReLU."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from explorer.cells.build import cell
from explorer.cells.spec import CellSpec, Diagram, KerasLayer, LayerWeights, Node, Signal, Wire


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
        return {"h": pre}, {}, (h,)

    return fast


def _draw(equations: Mapping[str, Any]) -> Diagram:
    activation, _ = equations["h"]
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


def _rnn(key: str, activation: str, **rest: Any) -> CellSpec:
    return cell(
        key,
        f"h = {activation}(W_h x + U_h h_prev)",
        family="rnn",
        states="h",
        packing="h",
        signals=(Signal("h", "state", activation, "h"),),
        draw=_draw,
        source="Elman 1990",
        fast=_fast(activation),
        torch_module=torch.nn.RNN,
        torch_options=(("nonlinearity", activation),),
        **rest,
    )


RNN = _rnn("rnn", "tanh", lead=True, hue="rnn", keras=KerasLayer("SimpleRNN"))
RNN_RELU = _rnn("rnn_relu", "relu", keras=KerasLayer("SimpleRNN", ('activation="relu"',)))
