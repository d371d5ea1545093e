"""References to check against: PyTorch's own cells, the variants from their papers, and torch's autograd.

Nothing here uses the registry's steps: each variant is written again, a gate at a time, in torch.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from explorer.nn.tracing import LayerTrace

_TORCH_CELLS = {
    "rnn": (nn.RNNCell, {"nonlinearity": "tanh"}),
    "rnn_relu": (nn.RNNCell, {"nonlinearity": "relu"}),
    "lstm": (nn.LSTMCell, {}),
    "gru": (nn.GRUCell, {}),
}


def reference_name(cell: str) -> str:
    """Returns what a cell is checked against, for people to read."""
    found = _TORCH_CELLS.get(cell)
    return f"torch.nn.{found[0].__name__}" if found else "explorer.nn.references"


def reference_states(layer: LayerTrace) -> dict[str, np.ndarray]:
    """Returns h and, where there is one, c after each step (T, H) by the reference implementation.

    The layer must be in PyTorch's notation, unbatched and run without interventions.
    """
    with torch.no_grad():
        run = _run(layer)
    after = slice(0, -1) if layer.reverse else slice(1, None)
    return {name: torch.cat(rows[after]).numpy() for name, rows in run.states.items()}


@dataclass(frozen=True, eq=False)
class ReferenceGradients:
    """What autograd gives for one layer, for the losses at steps t = 1..T.

    states: `h`, and `c` where there is one: (T, T+1, H), row t-1, column k is dL_t/d(state k), that of
    c_k with its effect on h_k. weights by their state_dict stem and x (T, D): of the summed loss.
    """

    states: dict[str, np.ndarray]
    weights: dict[str, np.ndarray]
    x: np.ndarray


def reference_gradients(layer: LayerTrace, dL_dh: np.ndarray) -> ReferenceGradients:
    """Returns the gradients of losses by torch's autograd; dL_dh (T, H): row t-1 is the direct dL_t/dh_t.

    The layer must be as for `reference_states`, and along time.
    """
    run = _run(layer)
    leaves = [run.x, *run.weights.values(), *(s for rows in run.states.values() for s in rows)]
    losses = torch.diag_embed(torch.tensor(dL_dh).T).permute(1, 2, 0)  # (T, T, H): in row t dL_t/dh_t alone
    found = torch.autograd.grad(torch.cat(run.states["h"][1:]), leaves, losses, is_grads_batched=True)
    tables = (table.numpy() for table in found)
    x = next(tables).sum(0)[:, 0]
    weights = {name: next(tables).sum(0) for name in run.weights}
    states = {name: np.concatenate([next(tables) for _ in rows], 1) for name, rows in run.states.items()}
    return ReferenceGradients(states, weights, x)


@dataclass(frozen=True, eq=False)
class _Run:
    """A reference run, weights and x (T, 1, D) as leaves.

    states by name, each (1, H), in the rows of LayerTrace.h. In a batch of one PyTorch's LSTMCell gives
    the c that its h depends on; without a batch it gives another view of it.
    """

    weights: dict[str, Tensor]
    x: Tensor
    states: dict[str, list[Tensor]]


def _run(layer: LayerTrace) -> _Run:
    w: dict[str, Tensor] = {name: _leaf(value) for name, value in layer.weights.arrays().items()}
    rows, x, first = range(layer.steps), _leaf(layer.x[:, None]), -1 if layer.reverse else 0
    step = _torch_step(layer.cell, w) if layer.cell in _TORCH_CELLS else _paper_step(layer.cell, w)
    h, c = (None if s is None else _leaf(s[first][None]) for s in (layer.h, layer.c))
    reached = [(h, c)]
    for t in reversed(rows) if layer.reverse else rows:
        reached.append(step(x[t], *reached[-1]))
    columns = zip(*(reached[::-1] if layer.reverse else reached), strict=True)
    named = zip("hc", map(list, columns), strict=True)
    return _Run(w, x, {name: states for name, states in named if states[0] is not None})


def _leaf(array: np.ndarray) -> nn.Parameter:
    return nn.Parameter(torch.tensor(array))


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
    module.load_state_dict(w, assign=True)

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
        return x @ w["weight_ih"][rows].T + b[rows] + h @ w["weight_hh"][rows].T + b_state[rows]

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

    def no_input(x: Tensor, h: Tensor, c: Tensor):
        c_new = torch.sigmoid(net(0, x, h)) * c + torch.tanh(net(1, x, h))
        return torch.sigmoid(net(2, x, h)) * torch.tanh(c_new), c_new

    def no_output(x: Tensor, h: Tensor, c: Tensor):
        i, f = torch.sigmoid(net(0, x, h)), torch.sigmoid(net(1, x, h))
        c_new = f * c + i * torch.tanh(net(2, x, h))
        return torch.tanh(c_new), c_new

    def no_squash(x: Tensor, h: Tensor, c: Tensor):
        i, f = torch.sigmoid(net(0, x, h)), torch.sigmoid(net(1, x, h))
        c_new = f * c + i * torch.tanh(net(2, x, h))
        return torch.sigmoid(net(3, x, h)) * c_new, c_new

    def reset_before(x: Tensor, h: Tensor, c: None):
        r, z = torch.sigmoid(net(0, x, h)), torch.sigmoid(net(1, x, h))
        n = torch.tanh(net(2, x, r * h))
        return (1 - z) * n + z * h, None

    return {
        "lstm_peephole": peephole,
        "lstm_coupled": coupled,
        "lstm_no_forget": no_forget,
        "lstm_no_input": no_input,
        "lstm_no_output": no_output,
        "lstm_no_squash": no_squash,
        "gru_reset_before": reset_before,
    }[cell]
