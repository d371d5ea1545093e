"""The way back of one layer: shares, paths, weights by step, Jacobians, laws, windows, clipping, pushes."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import torch

from explorer.cells import CELLS
from explorer.checks.common import (
    Opened,
    case_of,
    gap,
    jacobian_by_autograd,
    largest,
    leaf,
    leaves_of,
    run_again,
    torch_states,
)
from explorer.gradients.bptt import LayerFlow, bptt, direct_path, jacobians
from explorer.gradients.common import half_life
from explorer.gradients.jacobian import spectra
from explorer.gradients.laws import Bound, along, at_rest
from explorer.gradients.pushing import nudge
from explorer.gradients.sizes import SATURATED, clipping, decay, saturation
from explorer.gradients.windows import truncation
from explorer.nn.tracing import LayerTrace

T, D, H = 6, 3, 4


def _layers(generator: np.random.Generator) -> Iterator[tuple[LayerTrace, np.ndarray]]:
    """Yields a run of every cell and the direct gradients (T, H) of losses at all its steps."""
    for spec in CELLS.values():
        case = case_of(spec, T, D, H, generator)
        yield case.run(spec.key), case.direct


def shares(generator: np.random.Generator) -> float:
    """What came back through each gate and past all of them, by zeros put into the equations."""
    found = []
    for layer, dL_dh in _layers(generator):
        flow, theirs = bptt(layer, dL_dh).layers[0], Opened(layer).gradients(dL_dh)
        kept = np.zeros((T, H)) if flow.kept is None else flow.kept
        if set(flow.through) != set(layer.weights.seeing):
            found.append(np.inf)
        found += [gap(share, theirs[s]) for s, share in flow.through.items()]
        found.append(gap(kept, theirs["kept"]))
        arrived = flow.total[:-1] - np.concatenate([np.zeros((1, H)), dL_dh[:-1]])
        found.append(gap(sum(flow.through.values()) + kept, arrived))
    return largest(found)


def paths(generator: np.random.Generator) -> float:
    """The direct path by autograd with every gate held, and by products of the keeping gate."""
    found = []
    for layer, dL_dh in _layers(generator):
        ours = direct_path(bptt(layer, dL_dh).layers[0])
        if layer.spec.plain:
            found.append(0.0 if ours is None else np.inf)
            continue
        found.append(
            np.inf if ours is None else gap(ours, Opened(layer, held=True).gradients(dL_dh)["memory"])
        )
    return largest(found)


def weights_by_step(generator: np.random.Generator) -> float:
    """How much each step adds to dL/dW, by a run in which every step has weights of its own."""
    found = []
    for layer, dL_dh in _layers(generator):
        flow = bptt(layer, dL_dh).layers[0]
        each = [leaves_of(layer.weights) for _ in range(T)]
        rows = torch_states(layer.spec, each, layer.x, [leaf(s) for s in layer.initial])
        _loss(rows, dL_dh).backward()
        for name, norms in flow.weight_norms().items():
            theirs = [_gradient(own[name]).norm() for own in each]
            found.append(gap(norms, np.array(theirs)))
        for name, whole in flow.weight_gradient().items():
            if name in each[0]:
                found.append(gap(whole, sum(_gradient(own[name]) for own in each)))
    return largest(found)


def _loss(rows: Sequence[tuple[torch.Tensor, ...]], dL_dh: np.ndarray) -> torch.Tensor:
    """The summed loss whose direct gradient at h is dL_dh (T, H)."""
    return (torch.cat([row[0] for row in rows[1:]]) * torch.tensor(dL_dh)).sum()


def _gradient(weight: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(weight) if weight.grad is None else weight.grad


def spectra_of_steps(generator: np.random.Generator) -> float:
    """Jacobians by autograd; their singular values and eigenvalues, and those of their product, by torch."""
    found = []
    for layer, _ in _layers(generator):
        ours, S = spectra(layer), H * len(layer.spec.states)
        _, rows = run_again(layer)
        for t, J in enumerate(jacobians(layer)):
            own = step_by_autograd(layer, rows, t)
            matrix = torch.tensor(own)
            found.append(gap(J, own))
            found.append(gap(ours.singular[t], torch.linalg.svdvals(matrix)))
            found += [_not_an_eigenvalue(matrix, value) for value in ours.eigenvalues[t].tolist()]
            found.append(abs(ours.eigenvalues[t].sum() - np.trace(own)))
            found.append(abs(np.prod(ours.eigenvalues[t]) - np.linalg.det(own)))
            whole = torch.linalg.svdvals(torch.tensor(jacobian_by_autograd(rows[t + 1], rows[0]))).numpy()
            clear = whole > 1e-4 * whole[0]  # a plain product loses the digits of smaller ones
            found.append(gap(10.0 ** ours.product[t][clear], whole[clear]))
        if ours.recurrent is not None:
            w = torch.tensor(np.array(layer.weights.w_hh))
            found += [_not_an_eigenvalue(w, value) for value in ours.recurrent.tolist()]
        if len(ours.singular) != T or ours.singular.shape[1] != S:
            found.append(np.inf)
    return largest(found)


def step_by_autograd(layer: LayerTrace, rows: Sequence[tuple[torch.Tensor, ...]], t: int) -> np.ndarray:
    """Returns J (S, S) of the step after row t of a run, each state before it on its own."""
    before = [leaf(s.detach()) for s in rows[t]]
    one = torch_states(layer.spec, [leaves_of(layer.weights)], layer.x[t : t + 1], before)
    return jacobian_by_autograd(one[1], before)


def _not_an_eigenvalue(matrix: torch.Tensor, value: complex) -> float:
    """The least change of a matrix that makes a value one of its eigenvalues."""
    return float(torch.linalg.svdvals(matrix - value * torch.eye(len(matrix), dtype=torch.complex128))[-1])


def laws(generator: np.random.Generator) -> float:
    """The bound of a plain RNN by torch's norms; of any other cell sigma(b), and the gates' own mean."""
    found = []
    for layer, _ in _layers(generator):
        spec, weights = layer.spec, layer.weights
        resting, running = at_rest(spec, weights), along(layer)
        if isinstance(resting, Bound) and isinstance(running, Bound):
            w = torch.tensor(np.array(weights.w_hh))
            found.append(abs(resting.factor - float(torch.linalg.matrix_norm(w, 2))))
            found.append(abs(resting.radius - float(torch.linalg.eigvals(w).abs().max())))
            _, rows = run_again(layer)
            for t in range(T):
                J = torch.tensor(step_by_autograd(layer, rows, t))
                slopes = J.norm(dim=1) / w.norm(dim=1)  # J = diag(phi') W
                found.append(abs(running.steepest[t] - float(slopes.max())))
                found.append(abs(running.slope[t] - float(slopes.mean())))
                found.append(max(0.0, float(torch.linalg.matrix_norm(J, 2)) - running.factor))
            continue
        assert not isinstance(resting, Bound) and not isinstance(running, Bound)
        keep = layer.spec.keep
        gate = np.ones((T, H)) if keep is None else layer.gate[keep]
        found.append(gap(running.by_unit, gate.prod(0) ** (1.0 / T)))
        found.append(abs(running.factor - float(np.prod(running.by_unit) ** (1.0 / H))))
        found.append(gap(resting.by_unit, _at_rest_by_hand(layer)))
        if running.half_life is not None:
            found.append(abs(running.factor**running.half_life - 0.5))
    return largest(found)


def _at_rest_by_hand(layer: LayerTrace) -> np.ndarray:
    """sigma of the keeping gate's biases, its rows counted as the cell packs them."""
    spec, weights, keep = layer.spec, layer.weights.arrays(), layer.spec.keep
    if keep is None:
        return np.ones(H)
    if keep not in spec.blocks:
        return 1.0 / (1.0 + np.exp(-weights["peephole"]))
    biases = [("bias_ih", spec.blocks), ("bias_hh", spec.recurrent_blocks)]
    b = sum(weights[name].reshape(-1, H)[table.index(keep)] for name, table in biases if keep in table)
    if spec.roles[keep].activation == "sigmoid":
        return 1.0 / (1.0 + np.exp(-b))
    other = (
        weights["bias_ih"].reshape(-1, H)[spec.blocks.index("i")]
        + weights["bias_hh"].reshape(-1, H)[spec.recurrent_blocks.index("i")]
    )  # an exponential gate is scaled by the larger of the two
    log_f = -np.log1p(np.exp(-b))
    return np.exp(log_f - np.maximum(log_f, other))


def truncated(generator: np.random.Generator) -> float:
    """What a window leaves of dL/dW, by runs whose states are detached where the window ends."""
    found = []
    w = int(generator.integers(1, T))
    t, k = np.arange(1, T + 1)[:, None], np.arange(1, T + 1)
    masks = {"disjoint": (k <= t) & ((t - 1) // w == (k - 1) // w), "sliding": (k <= t) & (t - k < w)}
    for layer, dL_dh in _layers(generator):
        ours = truncation(layer, dL_dh, [w], shown=w)
        full = _cut_gradient(layer, dL_dh, ())
        parts = {
            "disjoint": _cut_gradient(layer, dL_dh, range(w, T, w)),
            "sliding": torch.stack(
                [_cut_gradient(layer, _only(dL_dh, at), [at - w]) for at in range(1, T + 1)]
            ).sum(0),
        }
        for name, part in parts.items():
            cut = getattr(ours, name)
            cosine = float((part * full).sum() / (part.norm() * full.norm()))
            found += [abs(cut.ratio[0] - float(part.norm() / full.norm())), abs(cut.cosine[0] - cosine)]
            found.append(0.0 if np.array_equal(cut.mask, masks[name]) else np.inf)
    return largest(found)


def _only(dL_dh: np.ndarray, step: int) -> np.ndarray:
    return np.where(np.arange(1, len(dL_dh) + 1)[:, None] == step, dL_dh, 0.0)


def _cut_gradient(layer: LayerTrace, dL_dh: np.ndarray, cut: Sequence[int]) -> torch.Tensor:
    """dL/dW_hh, or dL/dW_ih of a cell without U, of a run whose states are detached after some steps."""
    weights, rows = run_again(layer, cut)
    name = "weight_hh" if layer.weights.seeing else "weight_ih"
    return torch.autograd.grad(_loss(rows, dL_dh), weights[name], allow_unused=True, materialize_grads=True)[
        0
    ]


def clipped(generator: np.random.Generator) -> float:
    """One factor on all weights, by torch's clip_grad_norm_; the far half's share of the steps."""
    found = []
    for layer, dL_dh in _layers(generator):
        flow, rest = bptt(layer, dL_dh).layers[0], generator.standard_normal((2, 3))
        weights, rows = run_again(layer)
        _loss(rows, dL_dh).backward()
        other = leaf(np.zeros((2, 3)))
        other.grad = torch.tensor(rest)
        for name in weights:
            weights[name].grad = _gradient(weights[name])
        before = {name: w.grad.clone() for name, w in weights.items() if w.grad is not None}
        threshold = float(generator.uniform(0.1, 20.0))
        norm = torch.nn.utils.clip_grad_norm_([*weights.values(), other], threshold)
        ours = clipping(flow, threshold, [rest])
        found.append(abs(ours.norm - float(norm)))
        found += [gap(before[name] * ours.factor, _gradient(w)) for name, w in weights.items()]
        found += _far_shares(flow, ours.before, ours.after, ours.far_before, ours.factor)
    return largest(found)


def _far_shares(
    flow: LayerFlow, before: np.ndarray, after: np.ndarray, far: float | None, factor: float
) -> Iterator[float]:
    yield gap(before, flow.weight_norms()["weight_hh" if flow.layer.weights.seeing else "weight_ih"])
    yield gap(after, before * factor)
    yield abs((far or 0.0) - before[: len(before) // 2].sum() / before.sum())


def pushes(generator: np.random.Generator) -> float:
    """A loss of the equations read with a push in them, and its slope by autograd."""
    found = []
    for layer, direct in _layers(generator):
        at, dL_dh = int(generator.integers(0, T)), _only(direct, T)
        end = dL_dh[-1]
        ours = nudge(layer, partial(_along, end), bptt(layer, dL_dh), at, (layer.spec.memory, 1))
        slope = Opened(layer).gradients(dL_dh)["memory"][at, 1]
        found.append(abs(ours.slope - slope))
        found.append(gap(ours.line, ours.epsilon * slope))
        for place in (0, len(ours.epsilon) - 1):
            push = np.zeros((T + 1, H))
            push[at, 1] = ours.epsilon[place]
            losses = [
                float(Opened(layer, pushed=p).h[-1].detach() @ torch.tensor(end)) for p in (push, 0 * push)
            ]
            found.append(abs(ours.true[place] - (losses[0] - losses[1])))
    return largest(found)


def _along(end: np.ndarray, h: np.ndarray) -> np.ndarray:
    return h @ end


def sizes(generator: np.random.Generator) -> float:
    """Decay and half-life of a series that is known; how much of a tanh is saturated, counted."""
    factor, count = float(generator.uniform(0.3, 1.6)), int(generator.integers(4, 20))
    line = 7.0 * factor ** np.arange(count)[::-1]
    ours = decay(line)
    found = [abs((ours.factor or 0.0) - factor)]
    steps = abs(np.log(2.0) / np.log(factor))
    if abs(factor - 1.0) > 0.01:
        found.append(abs(ours.values["steps"] - steps) / steps)
        found.append(0.0 if ours.sentence == ("decay_halves" if factor < 1 else "decay_doubles") else np.inf)
    found.append(abs(0.9 ** (half_life(0.9) or 0.0) - 0.5))
    for layer, _ in _layers(generator):
        for symbol, share in saturation(layer).share.items():
            values = layer.signal(symbol)
            counted = [sum(abs(v) > SATURATED for v in row) / H for row in values.tolist()]
            found.append(gap(share, np.array(counted)))
            found.append(0.0 if 1.0 - SATURATED**2 < 0.2 else np.inf)
    return largest(found)
