"""The minGRU (Feng et al. 2024), as its first form has it: a GRU whose gate and candidate see x alone.

z is the update gate, n the candidate, a mere W x + b without a tanh. Neither sees h_{t-1}, so that a whole
sequence can be computed at once; nothing but z carries the state.

As with the GRU, z = 1 keeps here; `spec.lecture` is the paper's own h = (1 - z) * h_prev + z * n.
"""

from dataclasses import replace

import torch
from torch import Tensor

from explorer.cells.build import cell, rewritten
from explorer.cells.gru import LECTURE, draw_gru
from explorer.cells.spec import Net, Signal

EQUATIONS = """
    z = sigmoid(W_z x)
    n = W_n x
    h = (1 - z) * n + z * h_prev
"""


def _paper(net: Net, x: Tensor, h: Tensor) -> tuple[Tensor]:
    """The paper's step in torch; its z is one minus ours: sigma(-a) = 1 - sigma(a)."""
    z = torch.sigmoid(-net.of_x("z", x))
    return (torch.lerp(h, net.of_x("n", x), z),)


MINGRU = cell(
    "mingru",
    EQUATIONS,
    family="gru",
    states="h",
    packing="z n",
    signals=(
        Signal("z", "gate", "sigmoid", "keep"),
        Signal("n", "candidate", "identity", "candidate"),
        Signal("h", "state", "identity", "h"),
    ),
    draw=draw_gru,
    source="Feng et al. 2024",
    paper=_paper,
    keep="z",
    flips=("z",),
)
MINGRU = replace(MINGRU, lecture=rewritten(MINGRU, LECTURE))
