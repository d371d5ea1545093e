"""What a page checks of what it shows, while it shows it: quick, and on the very numbers of the screen."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.cells import CELLS
from explorer.checks.common import leaf, leaves_of
from explorer.dynamics.points import FixedPoints
from explorer.lab.flow import CellFlow, Flow
from explorer.nn.references import reference_step

MOST_POINTS = 64
"""Points that are put into the cell again: all 27 of the cube, and of a line of slow ones the first."""


def flow_error(flow: Flow) -> float | None:
    """Returns how far a page's gradients are from PyTorch's autograd, as a share of the largest number.

    Of every cell drawn: dL/dh_k of the chosen losses, each k, and dL/dW. None where one is not finite.
    """
    found = [_cell_error(cell) for cell in flow.cells]
    return None if any(error is None for error in found) else max(e for e in found if e is not None)


def _cell_error(cell: CellFlow) -> float | None:
    """One step after another, each from the states on the page: a chaotic run is not run again."""
    layer, ours = cell.trace.layers[0], cell.gradient.layers[0]
    weights, T = leaves_of(layer.weights), layer.steps
    step = reference_step(layer.spec, weights)
    x, direct = torch.tensor(np.array(layer.x)), torch.tensor(cell.entering)
    rows = [torch.tensor(np.array(a, np.float64)) for a in layer.states.values()]
    back = [torch.zeros(1, layer.hidden_size, dtype=torch.float64) for _ in rows]
    totals = [back[0]] * (T + 1)
    added = [torch.zeros_like(w) for w in weights.values()]
    for t in range(T, 0, -1):
        back[0] = back[0] + direct[t - 1]
        totals[t] = back[0]
        before = [row[t - 1 : t].clone().requires_grad_() for row in rows]
        found = torch.autograd.grad(
            step(x[t - 1 : t], *before), [*before, *weights.values()], back,
            allow_unused=True, materialize_grads=True,
        )  # fmt: skip
        back = list(found[: len(before)])
        added = [a + g for a, g in zip(added, found[len(before) :], strict=True)]
    totals[0] = back[0]
    by_name = ours.weight_gradient()
    pairs = [(ours.total, torch.cat(totals))]
    return _shared(pairs + [(by_name[name], g) for name, g in zip(weights, added, strict=True)])


def _shared(pairs: list[tuple[np.ndarray, Tensor]]) -> float | None:
    worst = 0.0
    for ours, theirs in pairs:
        if not np.isfinite(ours).all():
            return None
        size = float(np.abs(ours).max(initial=0.0)) or 1.0
        worst = max(worst, float(np.abs(ours / size - theirs.numpy() / size).max(initial=0.0)))
    return worst


@dataclass(frozen=True)
class PointsError:
    """How far the cell moves the exact points of a search, and how far its Jacobians are from autograd's."""

    moved: float
    jacobian: float


def points_error(points: FixedPoints) -> PointsError | None:
    """Returns how exact the points of a one-layer network are by PyTorch's cell or the paper's step.

    None for more layers, and where there is no exact point.
    """
    F, at = points.recurrence, np.flatnonzero(points.exact)[:MOST_POINTS]
    if len(F.layers) > 1 or not len(at):
        return None
    spec, n = CELLS[F.spec.key], len(at)
    before = [leaf(part) for part in np.split(points.states[at], len(spec.states), -1)]
    x = torch.tensor(np.array(F.x))[None].expand(n, -1)
    after = torch.cat(reference_step(spec, leaves_of(F.layers[0]))(x, *before), -1)
    rows = [torch.autograd.grad(after[:, j].sum(), before, retain_graph=True, allow_unused=True,
                                materialize_grads=True) for j in range(F.size)]  # fmt: skip
    J = torch.stack([torch.cat(row, -1) for row in rows], 1).numpy()
    moved = float(np.abs(after.detach().numpy() - points.states[at]).max())
    return PointsError(moved, float(np.abs(points.jacobians[at] - J).max()))
