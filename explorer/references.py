"""References to check a trace against: PyTorch's own cells, and the variants from their papers.

Nothing here uses the registry's steps: each variant is written again, a gate at a time, in torch.
"""

import numpy as np
import torch
from torch import Tensor, nn

from explorer.tracing import LayerTrace

_TORCH_CELLS = {
    "rnn": (nn.RNNCell, {"nonlinearity": "tanh"}),
    "rnn_relu": (nn.RNNCell, {"nonlinearity": "relu"}),
    "lstm": (nn.LSTMCell, {}),
    "gru": (nn.GRUCell, {}),
}


def reference_name(cell: str) -> str:
    """Returns what a cell is checked against, for people to read."""
    found = _TORCH_CELLS.get(cell)
    return f"torch.nn.{found[0].__name__}" if found else "explorer.references"


def reference_states(layer: LayerTrace) -> dict[str, np.ndarray]:
    """Returns h and, where there is one, c after each step (T, H) by the reference implementation.

    The layer must be in PyTorch's notation, unbatched and run without interventions.
    """
    w = {name: torch.tensor(value) for name, value in layer.weights.arrays().items()}
    rows = range(layer.steps)
    h, c = (None if s is None else torch.tensor(s[-1 if layer.reverse else 0]) for s in (layer.h, layer.c))
    x = torch.tensor(layer.x)
    step = _torch_step(layer.cell, w) if layer.cell in _TORCH_CELLS else _paper_step(layer.cell, w)
    states: dict[str, list[Tensor]] = {"h": [], "c": []}
    with torch.no_grad():
        for t in reversed(rows) if layer.reverse else rows:
            h, c = step(x[t], h, c)
            states["h"].append(h)
            states["c"].append(c)
    order = slice(None, None, -1) if layer.reverse else slice(None)
    return {
        name: torch.stack(values[order]).numpy() for name, values in states.items() if values[0] is not None
    }


@np.errstate(over="ignore", invalid="ignore")  # an explosion is a result
def largest_difference(layer: LayerTrace) -> float:
    """Returns the largest |trace - reference| over all steps, units and states.

    After an explosion both must be inf or NaN at the same places; where only one is, it is inf.
    """
    return max(_difference(layer.signal(name), values) for name, values in reference_states(layer).items())


def _difference(ours: np.ndarray, reference: np.ndarray) -> float:
    both = np.isfinite(ours) & np.isfinite(reference)
    if not np.array_equal(ours[~both], reference[~both], equal_nan=True):
        return float("inf")
    return float(np.abs(ours[both] - reference[both]).max(initial=0.0))


def _torch_step(cell: str, w: dict[str, Tensor]):
    kind, options = _TORCH_CELLS[cell]
    H, D = w["weight_hh"].shape[1], w["weight_ih"].shape[1]
    module = kind(D, H, bias="bias_ih" in w, dtype=w["weight_ih"].dtype, device="meta", **options)
    module = module.to_empty(device="cpu")
    module.load_state_dict(w)

    def step(x: Tensor, h: Tensor, c: Tensor | None):
        if c is None:
            return module(x, h), None
        return module(x, (h, c))

    return step


def _paper_step(cell: str, w: dict[str, Tensor]):
    H = w["weight_hh"].shape[1]
    zero = torch.zeros(w["weight_hh"].shape[0], dtype=w["weight_hh"].dtype)
    b, b_state = w.get("bias_ih", zero), w.get("bias_hh", zero)

    def net(block: int, x: Tensor, h: Tensor) -> Tensor:
        rows = slice(block * H, (block + 1) * H)
        return w["weight_ih"][rows].mv(x) + b[rows] + w["weight_hh"][rows].mv(h) + b_state[rows]

    def peephole(x: Tensor, h: Tensor, c: Tensor):
        p_i, p_f, p_o = w["peephole"].split(H)
        i = torch.sigmoid(net(0, x, h) + p_i * c)
        f = torch.sigmoid(net(1, x, h) + p_f * c)
        c_new = f * c + i * torch.tanh(net(2, x, h))
        return torch.sigmoid(net(3, x, h) + p_o * c_new) * torch.tanh(c_new), c_new

    def coupled(x: Tensor, h: Tensor, c: Tensor):
        f = torch.sigmoid(net(0, x, h))
        c_new = f * c + (1 - f) * torch.tanh(net(1, x, h))
        return torch.sigmoid(net(2, x, h)) * torch.tanh(c_new), c_new

    def no_forget(x: Tensor, h: Tensor, c: Tensor):
        c_new = c + torch.sigmoid(net(0, x, h)) * torch.tanh(net(1, x, h))
        return torch.sigmoid(net(2, x, h)) * torch.tanh(c_new), c_new

    def reset_before(x: Tensor, h: Tensor, c: None):
        r, z = torch.sigmoid(net(0, x, h)), torch.sigmoid(net(1, x, h))
        n = torch.tanh(net(2, x, r * h))
        return (1 - z) * n + z * h, None

    return {
        "lstm_peephole": peephole,
        "lstm_coupled": coupled,
        "lstm_no_forget": no_forget,
        "gru_reset_before": reset_before,
    }[cell]
