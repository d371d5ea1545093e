"""Where a network goes by itself: fixed points, eigenvalues, exponents, portraits and what falls where."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import torch

from explorer.cells import CELLS, LayerWeights
from explorer.checks.common import case_of, gap, largest, leaves_of, run_again, torch_states
from explorer.checks.way_back import step_by_autograd
from explorer.dynamics.exponents import lyapunov
from explorer.dynamics.landscape import falls, space_of
from explorer.dynamics.points import FixedPoints, fixed_points
from explorer.dynamics.portrait import by_hand, many
from explorer.dynamics.recurrence import Recurrence
from explorer.nn.tracing import run_layer

H, D = 3, 2


def points(generator: np.random.Generator) -> float:
    """Every point put into PyTorch's cell; its eigenvalues by autograd's Jacobian; all roots of one unit."""
    found: list[float] = []
    for spec in CELLS.values():
        case = case_of(spec, 1, D, H, generator)
        F = Recurrence(spec, (case.weights,), case.x[0])
        starts = np.concatenate(spec.state(lambda: generator.standard_normal((8, H))), -1)
        ours = fixed_points(F, starts=starts, rounds=0)
        for k in np.flatnonzero(ours.exact):
            found += _is_fixed(ours, int(k), case.weights, case.x)
        parts = np.split(starts[:1], len(spec.states), -1)
        one = torch_states(spec, [leaves_of(case.weights)], case.x, [torch.tensor(p) for p in parts])[1]
        found.append(gap(F.step(starts[:1]), torch.cat(one, -1)))
    return largest([*found, *_roots(generator), *_turning(generator), *_memories(generator)])


def _is_fixed(ours: FixedPoints, k: int, weights: LayerWeights, x: np.ndarray) -> Iterator[float]:
    spec = ours.recurrence.spec
    parts = np.split(ours.states[k], len(spec.states))
    layer = run_layer(spec.key, weights, x, tuple(parts))
    _, rows = run_again(layer)
    after = torch.cat([s[0] for s in rows[1]]).detach().numpy()
    yield 1e-2 * float(np.abs(after - ours.states[k]).max())  # exact is to nine digits
    J = step_by_autograd(layer, rows, 0)
    yield gap(ours.jacobians[k], J)
    values = np.linalg.eigvals(J)
    yield abs(values.sum() - ours.eigenvalues[k].sum())
    yield 0.0 if int((np.abs(values) > 1.0).sum()) == int(ours.unstable[k]) else np.inf
    for value, half in zip(ours.eigenvalues[k], ours.half_lives[k], strict=True):
        if 0.0 < half < 1e3:
            yield abs(abs(abs(value) ** half - (0.5 if abs(value) < 1.0 else 2.0)))


def _roots(generator: np.random.Generator) -> Iterator[float]:
    """tanh(w h) = h of one unit: one root up to w = 1, three after it, found by halving an interval."""
    for pull in (float(generator.uniform(0.2, 0.9)), float(generator.uniform(1.2, 3.0))):
        F = by_hand("rnn", 1, pull)
        ours = np.sort(fixed_points(F, starts=np.linspace(-1.2, 1.2, 41)[:, None]).states[:, 0])
        root = _halved(partial(_rise, pull), 1e-3, 1.0)
        theirs = np.array([-root, 0.0, root]) if pull > 1.0 else np.zeros(1)
        yield gap(ours, theirs) * 1e-2
        J = F.jacobian(ours[:, None])[:, 0, 0]
        yield gap(J, pull * (1.0 - np.tanh(pull * ours) ** 2))


def _turning(generator: np.random.Generator) -> Iterator[float]:
    """Two units that turn by a right angle: at 0 the eigenvalues are +-i pull, both outside the circle."""
    pull = float(generator.uniform(1.2, 2.5))
    ours = fixed_points(by_hand("rnn", 2, pull, 90.0), starts=np.array([[0.01, -0.02]]), rounds=0)
    yield gap(ours.states, np.zeros((1, 2))) * 1e-2
    yield 0.0 if ours.unstable.tolist() == [2] else np.inf
    yield gap(np.sort(ours.eigenvalues[0].imag), np.array([-pull, pull]))


def _rise(pull: float, h: float) -> float:
    return float(np.tanh(pull * h)) - h


def _halved(f: Callable[[float], float], low: float, high: float) -> float:
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if f(middle) > 0.0 else (low, middle)
    return low


def _memories(generator: np.random.Generator) -> Iterator[float]:
    """Into which memory states fall, by stepping PyTorch's cell until it rests."""
    F = by_hand("gru", 2, 2.5, 10.0)
    ours = fixed_points(F, starts=generator.uniform(-1.0, 1.0, (40, 2)))
    states = generator.uniform(-1.0, 1.0, (6, 2))
    where = falls(ours, states)
    table = leaves_of(F.layers[0])
    for state, at in zip(states, where.tolist(), strict=True):
        rest = torch_states(F.spec, [table] * 400, np.zeros((400, 1)), [torch.tensor(state)])[-1][0][
            0
        ].detach()
        yield 0.0 if at >= 0 and float((rest - torch.tensor(ours.states[at])).norm()) < 1e-3 else np.inf


def exponents(generator: np.random.Generator) -> float:
    """All exponents together are the mean log|det J|; those of a diagonal layer are its logarithms."""
    found = []
    for spec in CELLS.values():
        case = case_of(spec, 8, D, H, generator)
        layer = case.run(spec.key)
        S = H * len(spec.states)
        ours = lyapunov(layer, S).exponents
        _, rows = run_again(layer)
        J = [torch.tensor(step_by_autograd(layer, rows, t)) for t in range(8)]
        if all(float(torch.linalg.svdvals(one)[-1]) > 1e-6 for one in J):
            found.append(abs(ours.sum() - float(sum(torch.linalg.slogdet(one)[1] for one in J)) / 8))
        found += _fastest(ours, J)
    spec = CELLS["linear"]
    layer = case_of(spec, 40, D, 1, generator).run("linear")
    a = 1.0 / (1.0 + np.exp(-layer.weights.arrays()["peephole"]))
    found.append(gap(lyapunov(layer, 1).exponents, np.log(a)))
    return largest([*found, *_chaos(), *_space(generator)])


def _fastest(exponents: np.ndarray, jacobians: Sequence[torch.Tensor]) -> Iterator[float]:
    """No direction grows faster than the product's largest singular value."""
    product = torch.eye(len(jacobians[0]), dtype=torch.float64)
    for one in jacobians:
        product = one @ product
    most = float(torch.linalg.svdvals(product)[0].log()) / len(jacobians)
    yield max(0.0, float(exponents[0]) - most)


def _chaos() -> Iterator[float]:
    """The random network: neighbours part as fast as its gradient grows, within what 300 steps tell."""
    ours = many(1.5)
    yield 0.0 if abs(ours.found.largest - ours.backward) < 0.05 else np.inf


def _space(generator: np.random.Generator) -> Iterator[float]:
    """Principal directions by torch's covariance: shares of variance, and coordinates of that variance."""
    states = generator.standard_normal((50, 5)) * np.array([3.0, 2.0, 1.0, 0.5, 0.1])
    ours = space_of(states)
    variance = torch.linalg.eigvalsh(torch.cov(torch.tensor(states).T)).flip(0)
    yield gap(ours.share, (variance / variance.sum())[:3])
    yield gap(ours.place(states).var(0, ddof=1), variance[:3])
    yield gap(ours.place(states).mean(0), np.zeros(3))
