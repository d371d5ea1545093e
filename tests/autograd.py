"""The gradients that torch's autograd gives, one backward pass for each loss: slow and beyond doubt."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer import Trace
from explorer.cells import CELLS, LayerWeights, TorchOps
from explorer.nn.interventions import untouched


@dataclass
class Graph:
    """One layer and direction of a recurrent net as autograd sees it: states in the rows of LayerTrace's."""

    states: dict[str, list[Tensor]]
    weights: LayerWeights


@dataclass
class Rows:
    """What autograd gives for a layer: states (T, T+1, H), row t-1 of the loss at t; weights of the sum."""

    states: dict[str, np.ndarray]
    weights: dict[str, np.ndarray]


def graph_of(trace: Trace) -> tuple[Tensor, list[Graph], Tensor]:
    """Runs a trace again, a step at a time in torch; returns x, the layers and the output (T, H)."""
    x = below = torch.tensor(trace.x, dtype=torch.float64, requires_grad=True)
    graphs: list[Graph] = []
    for level in sorted({layer.layer for layer in trace.layers}):
        outputs = []
        for layer in (u for u in trace.layers if u.layer == level):
            spec = CELLS[layer.cell]
            weights = layer.in_notation("pytorch").weights.map(_leaf)
            state = tuple(map(_leaf, layer.initial))
            projected, rows = weights.project(below), [state]
            for t in reversed(range(trace.steps)) if layer.reverse else range(trace.steps):
                a = {s: p[t] for s, p in projected.items()}
                _, _, state = spec.step(TorchOps, a, state, weights, untouched)
                rows.append(state)
            rows = rows[::-1] if layer.reverse else rows
            states = dict(zip(spec.states, map(list, zip(*rows, strict=True)), strict=True))
            graphs.append(Graph(states, weights))
            h = states["h"]
            outputs.append(torch.stack(h[:-1] if layer.reverse else h[1:]))
        below = torch.cat(outputs, -1)
    return x, graphs, below


def _leaf(array: np.ndarray) -> Tensor:
    return torch.tensor(np.array(array, np.float64), requires_grad=True)


def rows_of(trace: Trace, dL_dh: np.ndarray) -> tuple[np.ndarray, list[Rows]]:
    """Returns dL/dx (T, D) of the summed loss and every layer's rows; the loss at t is dL_dh[t-1] . output.

    Every state is a leaf that others of its step depend on: its row is the total derivative.
    """
    x, graphs, output = graph_of(trace)
    np.testing.assert_allclose(output.detach().numpy(), trace.output, atol=1e-12)
    direct = torch.tensor(dL_dh)
    summed = (output * direct).sum()
    dx = torch.autograd.grad(summed, x, retain_graph=True)[0].numpy()
    leaves = [s for graph in graphs for column in graph.states.values() for s in column]
    table = [
        torch.autograd.grad((output[t] * direct[t]).sum(), leaves, retain_graph=True, allow_unused=True)
        for t in range(trace.steps)
    ]
    found, at = [], 0
    for graph in graphs:
        states = {}
        for name, column in graph.states.items():
            states[name], at = _stacked(table, column, at)
        named = graph.weights.arrays()
        of = torch.autograd.grad(summed, list(named.values()), retain_graph=True)
        found.append(Rows(states, {name: g.numpy() for name, g in zip(named, of, strict=True)}))
    return dx, found


def _stacked(table, leaves: list[Tensor], at: int):
    rows = [
        torch.stack([torch.zeros_like(s) if g is None else g for s, g in zip(leaves, row[at:], strict=False)])
        for row in table
    ]
    return torch.stack(rows).numpy(), at + len(leaves)
