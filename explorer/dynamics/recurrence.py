"""Layers under a constant input as one map: s_t = F(s_{t-1}), with its Jacobian.

    F = held(torch.nn.LSTM(8, 16), x)     # x (8,), the input of every step
    F.step(s), F.jacobian(s)              # s (n, 32): h, then c

The one place where this room calls a cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.cells import CELLS, CellSpec, LayerWeights, NumpyOps
from explorer.gradients.bptt import QUIET, step_jacobians
from explorer.nn.interventions import untouched
from explorer.nn.tracing import LayerTrace, weights_of


@dataclass(frozen=True, eq=False)
class Recurrence:
    """Layers in one direction, each fed by the one below, under the input x (D,). float64.

    A state is a row s (S,): of every layer, first layer first, its states of H units in the cell's order.
    """

    spec: CellSpec
    layers: tuple[LayerWeights, ...]
    x: np.ndarray

    @property
    def size(self) -> int:
        """S, the numbers of a state."""
        return sum(len(self.spec.states) * weights.hidden_size for weights in self.layers)

    def step(self, s: np.ndarray) -> np.ndarray:
        """Returns F(s) (n, S) for states s (n, S)."""
        with np.errstate(**QUIET):
            return np.concatenate([part for part, _ in self._walk(s)], -1)

    def jacobian(self, s: np.ndarray) -> np.ndarray:
        """Returns dF/ds (n, S, S) at states s (n, S)."""
        return self.step_and_jacobian(s)[1]

    def step_and_jacobian(self, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns F(s) (n, S) and dF/ds (n, S, S)."""
        n, S = s.shape
        J, at = np.zeros((n, S, S)), 0
        after, below = [], None
        with np.errstate(**QUIET):
            for weights, (part, values) in zip(self.layers, self._walk(s), strict=True):
                own, by_input = step_jacobians(self.spec, weights, values, at > 0)
                rows = slice(at, at + part.shape[-1])
                J[:, rows, rows] = own
                if below is not None and by_input is not None:
                    J[:, rows, :at] = by_input @ J[:, below, :at]
                below, at = slice(at, at + weights.hidden_size), rows.stop
                after.append(part)
        return np.concatenate(after, -1), J

    def _walk(self, s: np.ndarray):
        """Yields of each layer its states after the step (n, ...), and every value of its equations."""
        x, at = np.broadcast_to(self.x, (len(s), self.x.shape[-1])), 0
        for weights in self.layers:
            H = weights.hidden_size
            before = tuple(s[:, at + k * H : at + (k + 1) * H] for k in range(len(self.spec.states)))
            pre, act, after = self.spec.step(NumpyOps, weights.project(x), before, weights, untouched)
            values = {**act, **{f"pre_{name}": a for name, a in pre.items()}, "x": x}
            for name, old, new in zip(self.spec.states, before, after, strict=True):
                values |= {f"{name}_prev": old, name: new}
            yield np.concatenate(after, -1), values
            x, at = after[0], at + len(before) * H


def held(model: Any, x: Any = None) -> Recurrence:
    """Returns a module's layers under a constant input x (D,), zero where there is none.

    model: nn.RNN, nn.LSTM, nn.GRU or RecurrentModel; of one with a vocabulary x may be a token.
    Raises ValueError for layers in two directions and for an x of another size.
    """
    cell, stack = weights_of(model)
    if any(len(directions) > 1 for directions in stack):
        raise ValueError("a network that reads in both directions has no map from state to state")
    layers = tuple(w.map(lambda a: np.asarray(a, np.float64)) for (w,) in stack)
    D = layers[0].input_size
    row = np.zeros(D) if x is None else np.asarray(model.embed([x])[0] if isinstance(x, str) else x, float)
    if row.shape != (D,):
        raise ValueError(f"the constant input has shape {row.shape}, expected ({D},)")
    return Recurrence(CELLS[cell], layers, row)


def states_of(layers: Sequence[LayerTrace]) -> np.ndarray:
    """Returns the states of a run as rows (T+1, ..., S), as a Recurrence orders them."""
    parts = [a for layer in layers for a in layer.states.values()]
    return np.concatenate(parts, -1).astype(np.float64, copy=False)
