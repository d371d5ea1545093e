"""References to check against: PyTorch's own cells, the variants from their papers, and torch's autograd.

Nothing here reads a cell's equations: what PyTorch does not have its file writes again, straight in torch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from explorer.cells import CELLS, CellSpec
from explorer.nn.tracing import LayerTrace


def reference_name(cell: str) -> str:
    """Returns what a cell is checked against, for people to read."""
    spec = CELLS[cell]
    if spec.torch_module is not None:
        return f"torch.nn.{_module(spec).__name__}"
    assert spec.paper is not None, f"{cell} has no reference: give it a paper"
    return spec.paper.__module__


def _module(spec: CellSpec) -> type[nn.RNNCellBase]:
    """PyTorch's own cell, one step at a time, of the same name as its layer."""
    assert spec.torch_module is not None
    return getattr(nn, f"{spec.torch_module.__name__}Cell")


def reference_states(layer: LayerTrace) -> dict[str, np.ndarray]:
    """Returns the states after each step (T, H) by the reference implementation.

    The layer must be in PyTorch's notation, unbatched and run without interventions.
    """
    with torch.no_grad():
        run = _run(layer)
    after = slice(0, -1) if layer.reverse else slice(1, None)
    return {name: torch.cat(rows[after]).numpy() for name, rows in run.states.items()}


@dataclass(frozen=True, eq=False)
class ReferenceGradients:
    """What autograd gives for one layer, for the losses at steps t = 1..T.

    states by symbol: (T, T+1, H), row t-1, column k is dL_t/d(state k), its effect on the other states of
    step k included. weights by their state_dict stem and x (T, D): of the summed loss.
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
    rows, x = range(layer.steps), _leaf(layer.x[:, None])
    spec = CELLS[layer.cell]
    step = reference_step(spec, w)
    reached: list[tuple[Tensor, ...]] = [tuple(_leaf(s[None]) for s in layer.initial)]
    for t in reversed(rows) if layer.reverse else rows:
        reached.append(step(x[t], *reached[-1]))
    columns = zip(*(reached[::-1] if layer.reverse else reached), strict=True)
    return _Run(w, x, dict(zip(spec.states, map(list, columns), strict=True)))


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


Step = Callable[..., tuple[Tensor, ...]]


def reference_step(spec: CellSpec, w: Mapping[str, Tensor]) -> Step:
    """Returns one step by PyTorch's own cell or the paper: step(x (B, D), *states (B, H)) -> states.

    w: weights by their state_dict stem; gradients flow to those that are parameters.
    """
    return _torch_step(spec, w) if spec.torch_module is not None else _paper_step(spec, w)


def _torch_step(spec: CellSpec, w: Mapping[str, Tensor]) -> Step:
    H, D = w["weight_hh"].shape[1], w["weight_ih"].shape[1]
    options = dict(spec.torch_options)
    module = _module(spec)(D, H, bias="bias_ih" in w, dtype=w["weight_ih"].dtype, device="meta", **options)
    module.load_state_dict(w, assign=True)

    def step(x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        after = module(x, states if len(states) > 1 else states[0])
        return after if isinstance(after, tuple) else (after,)

    return step


def _paper_step(spec: CellSpec, w: Mapping[str, Tensor]) -> Step:
    assert spec.paper is not None, f"{spec.key} has no reference: give it a paper"
    return partial(spec.paper, _Net(spec, w))


class _Net:
    """A layer's weights as a paper's step meets them: see cells.spec.Net."""

    def __init__(self, spec: CellSpec, w: Mapping[str, Tensor]) -> None:
        self.spec, self.w = spec, w
        self.H = w["weight_ih"].shape[0] // len(spec.blocks)

    def _rows(self, name: str, blocks: tuple[str, ...], block: str) -> Tensor | float:
        at = blocks.index(block) * self.H
        return self.w[name][at : at + self.H] if name in self.w else 0.0

    def of_x(self, block: str, x: Tensor) -> Tensor:
        W, b = (self._rows(name, self.spec.blocks, block) for name in ("weight_ih", "bias_ih"))
        return x @ W.T + b  # type: ignore[union-attr]

    def __call__(self, block: str, x: Tensor, h: Tensor) -> Tensor:
        U, b = (self._rows(name, self.spec.recurrent_blocks, block) for name in ("weight_hh", "bias_hh"))
        return self.of_x(block, x) + h @ U.T + b  # type: ignore[union-attr]

    def unit(self, block: str) -> Tensor:
        return self._rows("peephole", self.spec.peephole_blocks, block)  # type: ignore[return-value]
