"""A diagonal linear recurrence: each unit multiplies its state by its own eigenvalue and adds what comes in.

Such layers are the heart of linear state space models (Gu et al. 2022; Orvieto et al. 2023, whose eigenvalues
are complex). Here each is a learned number a between 0 and 1, the same at every step: sigma of a weight. A
gradient is multiplied by it once a step, neither more nor less.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from explorer.cells.build import cell
from explorer.cells.spec import Diagram, Net, Node, Signal, Wire

EQUATIONS = """
    a = sigmoid(p_a)
    u = W_u x
    h = a * h_prev + u
"""


def _draw(equations: Mapping[str, Any]) -> Diagram:
    _, kept, written = equations["h"]
    nodes = (
        Node("h_prev", "end", 5, 20, "h_prev", "h_prev", "h"),
        Node("x", "end", 64, 58, "x", None, "x"),
        Node("a", "gate", 34, 42, "a", "a", "keep"),
        Node("u", "gate", 64, 42, "u", "u", "candidate"),
        Node("kept", "op", 34, 20, "×", kept, "keep"),
        Node("plus", "op", 64, 20, "+", equations["h"], "h"),
        Node("h", "end", 96, 20, "h", "h", "h"),
    )
    wires = (
        Wire(((9, 20), (31, 20)), "h_prev", "h"),
        Wire(((34, 38), (34, 23)), "a", "keep"),
        Wire(((37, 20), (61, 20)), kept, "keep"),
        Wire(((64, 54), (64, 46)), None, "x"),
        Wire(((64, 38), (64, 23)), written, "candidate"),
        Wire(((67, 20), (92, 20)), "h", "h"),
    )
    return Diagram(nodes, wires)


def _paper(net: Net, x: Tensor, h: Tensor) -> tuple[Tensor]:
    """h_t = diag(lambda) h_{t-1} + B x_t, in torch."""
    return (h @ torch.diag(torch.sigmoid(net.unit("a"))) + net.of_x("u", x),)


LINEAR = cell(
    "linear",
    EQUATIONS,
    family="rnn",
    states="h",
    packing="u",
    own="a",
    signals=(
        Signal("a", "gate", "sigmoid", "keep", "eigenvalue"),
        Signal("u", "candidate", "identity", "candidate", "g"),
        Signal("h", "state", "identity", "h"),
    ),
    draw=_draw,
    source="Orvieto et al. 2023, with real eigenvalues",
    paper=_paper,
    keep="a",
)
