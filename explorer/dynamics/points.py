"""The fixed points of a network under a constant input: where a state stays what it is.

    found = fixed_points(torch.nn.GRU(3, 24), starts=states)    # states (n, 24), such as those of a run
    found.states, found.unstable, found.eigenvalues

A search follows ||F(s) - s|| down from many starts by damped Newton with the exact Jacobian. Where it ends at
zero the point is exact; where it ends above zero, at a least speed, the point is slow, and said to be.
Sussillo & Barak 2013.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from explorer.cells.activations import FUNCTIONS
from explorer.dynamics.blas import one_blas_thread
from explorer.dynamics.recurrence import Recurrence, held, states_of
from explorer.limits import MAX_POINTS
from explorer.nn.reading import frozen
from explorer.nn.tracing import Trace

EXACT = 1e-18
"""|F(s) - s|^2 under which a point counts as fixed: nine digits of the state."""

NOTHING = 1e-26
"""|F(s) - s|^2 under which rounding leaves nothing to gain."""

FLAT = 1e-6
"""The search stands still where the slope of the speed is this much smaller than the speed."""

SAME, NEAR = 0.005, 0.05
"""Exact points closer than the one, slow points closer than the other, are one."""

ROUNDS = 2
"""How often the midpoints of all pairs found are tried as further starts."""

PAIRED = 40
"""Points whose midpoints are tried: 780 pairs. Of a row of slow points that is a line, none are."""

MEMORIES = 16
"""Memories whose parallelograms are completed."""

ITERATIONS = 100
"""Newton steps; what has not come to rest by then is lost: mostly states that run off along a valley."""

LED, LONG, BEYOND = 8, 1_000, 1e4
"""Some starts are led by the map itself for so many steps; past BEYOND a state has left all bounds."""

RESTING = 1e-4
"""A led state that moves no further in a step has come to rest."""

LEAPS = 20
"""Newton's own steps from where the map has led, whatever their length, while they calm: an LSTM's c may fill
for ten thousand steps, and its equations are all but straight there."""

CALMING = 100
"""Small steps of a start that was lost before it tries again."""

LEAP = 2.0
"""The longest Newton step: one that is longer leads out of the region that it was worked out for."""

STARTS = 128
"""Starts of the first round: more find nothing new in networks of this size."""

FASTEST, CRAWL = 1e-2, 1e-6
"""A least speed, |F(s) - s|^2, over the one is not called slow; under the other any state is."""


@dataclass(frozen=True, eq=False, repr=False)
class FixedPoints:
    """What a search found, the calmest kind first: by the number of unstable directions, exact before slow.

    states (n, S); speed (n,): |F(s) - s|^2 there; exact (n,): whether that is zero to nine digits, else the
    point is slow: the state moves, but nothing near it is slower, or by less than a thousandth a step.
    jacobians (n, S, S); eigenvalues (n, S) complex, largest first. starts: how many states the search began
    at; lost: from how many of them it came to no rest within its steps, or at a state that still moves fast.
    pace (k,): how far some states still move in a step after the map itself has led them LONG steps.
    """

    recurrence: Recurrence
    states: np.ndarray
    speed: np.ndarray
    exact: np.ndarray
    jacobians: np.ndarray
    eigenvalues: np.ndarray
    starts: int
    lost: int
    pace: np.ndarray

    def __repr__(self) -> str:
        exact = int(self.exact.sum())
        return f"FixedPoints({exact} exact, {len(self) - exact} slow, of {self.starts} starts)"

    def __len__(self) -> int:
        return len(self.states)

    @property
    def unstable(self) -> np.ndarray:
        """How many directions leave each point (n,): its eigenvalues outside the unit circle."""
        return (np.abs(self.eigenvalues) > 1.0).sum(-1)

    @property
    def restless(self) -> np.ndarray:
        """The pace of those led states that have not come to rest; infinite of one that left all bounds."""
        return self.pace[~(self.pace <= RESTING)]

    @property
    def stable(self) -> np.ndarray:
        """The states (k, S) that attract all around them: memories."""
        return self.states[self.exact & (self.unstable == 0)]

    @property
    def counts(self) -> dict[int, int]:
        """How many exact points there are by their number of unstable directions."""
        kinds, number = np.unique(self.unstable[self.exact], return_counts=True)
        return dict(zip(kinds.tolist(), number.tolist(), strict=True))

    @property
    def index(self) -> int:
        """The sum over all exact points of +1 or -1, the sign of det(1 - J): 1 where none is missing.

        So it is for every map that leads a ball into itself (Brouwer's degree): see `bounded`.
        """
        grows = (np.abs(self.eigenvalues.imag) < 1e-12) & (self.eigenvalues.real > 1.0)
        return int(np.sum((-1) ** grows[self.exact].sum(-1)))

    @property
    def bounded(self) -> bool:
        """Whether no state can grow without end, so that the index of all fixed points is 1."""
        spec = self.recurrence.spec
        endless = any(s.activation in FUNCTIONS and FUNCTIONS[s.activation].endless for s in spec.signals)
        return not endless and (len(spec.states) == 1 or spec.keep is not None)

    @property
    def half_lives(self) -> np.ndarray:
        """Steps (n, S) in which a push along each eigenvector halves, or doubles where it grows.

        Infinite on the unit circle, 0 where an eigenvalue is 0.
        """
        with np.errstate(divide="ignore"):
            return np.log(2.0) / np.abs(np.log(np.abs(self.eigenvalues)))

    @cached_property
    def directions(self) -> tuple[np.ndarray, ...]:
        """Of each point its unstable directions (k, S), of length 1, the most unstable first.

        A complex pair gives the plane in which the state turns: real and imaginary part, made orthogonal.
        """
        return tuple(self._leaving(J, int(k)) for J, k in zip(self.jacobians, self.unstable, strict=True))

    def _leaving(self, jacobian: np.ndarray, count: int) -> np.ndarray:
        values, vectors = np.linalg.eig(jacobian)
        rows = []
        for at in np.argsort(-np.abs(values), kind="stable")[:count]:
            if values[at].imag >= 0.0:
                rows.append(vectors[:, at].real)
                if values[at].imag > 0.0:
                    rows.append(vectors[:, at].imag)
        if not rows:
            return np.empty((0, len(jacobian)))
        if not np.iscomplexobj(values):
            return np.array([row / np.linalg.norm(row) for row in rows])
        return np.linalg.qr(np.array(rows).T)[0].T[:count]


@one_blas_thread()
def fixed_points(
    model: Any,
    x: Any = None,
    *,
    starts: np.ndarray | Trace | None = None,
    generator: np.random.Generator | None = None,
    rounds: int = ROUNDS,
) -> FixedPoints:
    """Returns the fixed and slow points of a network under a constant input x (D,), zero by default.

    model: nn.RNN, nn.LSTM, nn.GRU, RecurrentModel, or a Recurrence. starts: states (n, S) to search from, or
    a trace whose states they are; without them, of a run over random inputs. Of more than STARTS so many
    are drawn. After that the midpoints of all pairs found are tried, `rounds` times: between two memories
    lies what parts them. Where the index says that a point is missing, the fourth corners of memories come
    after. A search finds what it finds: it does not prove that there is nothing else.
    """
    F = model if isinstance(model, Recurrence) else held(model, x)
    generator = generator or np.random.default_rng(0)
    begin = _starts(F, starts, generator)
    led = _led(F, begin)
    begin = np.concatenate([begin, _leapt(F, led)])
    box = _box(begin)
    pace, tried = _pace(F, led), set[bytes]()
    found = _between(F, _search(F, begin, box), box, rounds, tried)
    points = _described(F, found, pace)
    missing = points.bounded and points.index != 1
    if not (rounds and missing and len(corners := _fourth_corners(points))):
        return points
    found = _joined(found, _search(F, corners, box))
    return _described(F, _between(F, found, box, rounds, tried), pace)


@dataclass(frozen=True, eq=False)
class _Found:
    """Points (n, S) and their speed (n,), each once; how many starts there were, and how many were lost."""

    states: np.ndarray
    speed: np.ndarray
    starts: int
    lost: int


def _starts(F: Recurrence, starts: np.ndarray | Trace | None, generator: np.random.Generator) -> np.ndarray:
    if isinstance(starts, Trace):
        starts = states_of(starts.layers)
    if starts is None:
        starts = _wandered(F, generator)
    rows = np.asarray(starts, np.float64).reshape(-1, F.size)
    rows = np.unique(rows[np.isfinite(rows).all(-1)], axis=0)
    if len(rows) > STARTS:
        rows = rows[generator.choice(len(rows), STARTS, replace=False)]
    return rows


def _led(F: Recurrence, starts: np.ndarray) -> np.ndarray:
    """Returns where the map leads some of the starts in the long run (n, S).

    Under a constant input an LSTM may fill its c far beyond what any text has put there.
    """
    s = starts[:: max(1, len(starts) // LED)]
    for _ in range(LONG):
        s = F.step(s)
    return s


def _leapt(F: Recurrence, led: np.ndarray) -> np.ndarray:
    """Returns led states (n, S), further on by Newton's own steps where those help, and not out of bounds."""
    s = led[(np.abs(led) < BEYOND).all(-1)]
    for _ in range(LEAPS):
        r, M = _residual(F, s)
        tried = s + _newton_steps(M, r, np.inf)
        calmer = _squared(F.step(tried) - tried) < _squared(r)
        if not calmer.any():
            break
        s = np.where(calmer[:, None], tried, s)
    return s[(np.abs(s) < BEYOND).all(-1)]


def _pace(F: Recurrence, led: np.ndarray) -> np.ndarray:
    """Returns how far each led state moves in its next step (n,); infinite where it has left all bounds."""
    within = (np.abs(led) < BEYOND).all(-1)
    pace = np.full(len(led), np.inf)
    pace[within] = np.sqrt(_squared(F.step(led[within]) - led[within]))
    return pace


def _wandered(F: Recurrence, generator: np.random.Generator) -> np.ndarray:
    """States (STARTS, S) that random inputs around the constant one lead to."""
    s, seen = np.zeros((8, F.size)), []
    for _ in range(STARTS // 8):
        s = replace(F, x=F.x + generator.normal(size=(len(s), len(F.x)))).step(s)
        seen.append(s)
    return np.concatenate(seen)


def _between(F: Recurrence, found: _Found, box: "Box", rounds: int, tried: set[bytes]) -> _Found:
    """Returns what is found and, round after round, what is found from the midpoints of its pairs."""
    for _ in range(rounds):
        middle = _midpoints(found, tried)
        if not len(middle):
            break
        found = _joined(found, _search(F, middle, box))
    return found


def _fourth_corners(points: FixedPoints) -> np.ndarray:
    """Returns where a memory would complete a parallelogram with three others, (n, S), STARTS at most.

    Memories of independent bits stand so, and a run may not have come to each of them.
    """
    held = points.stable[:MEMORIES]
    corners = [
        held[a] + held[b] - held[c] for c in range(len(held)) for a, b in combinations(range(len(held)), 2)
    ]
    fresh = [s for s in corners if (np.abs(held - s).max(-1) > NEAR).all()]
    every = -(-len(fresh) // STARTS)
    return np.array(fresh[:: max(1, every)])


def _midpoints(found: _Found, tried: set[bytes]) -> np.ndarray:
    """Returns the midpoints of all pairs that were not tried before, (n, S)."""
    fresh, states = [], found.states[(found.speed < EXACT) | (found.speed > CRAWL)]
    for a, b in combinations(range(min(len(states), PAIRED)), 2):
        middle = (states[a] + states[b]) / 2.0
        name = np.round(middle, 6).tobytes()
        if name not in tried:
            tried.add(name)
            fresh.append(middle)
    return np.array(fresh)


Box = tuple[np.ndarray, np.ndarray]
"""The least and the greatest value of every unit (S,) that a search goes to."""


def _box(starts: np.ndarray) -> Box:
    """Returns a box around the starts and 0, with room.

    Far outside what a network ever does its gates are shut to the last digit, and everything looks fixed.
    """
    low, high = starts.min(0, initial=0.0), starts.max(0, initial=0.0)
    room = np.maximum(1.0, 0.5 * (high - low))
    return low - room, high + room


def _search(F: Recurrence, starts: np.ndarray, box: Box) -> _Found:
    """Follows |F(s) - s|^2 down from every start, (n, S), all at once; what is lost tries again, calmed."""
    states, speed, there = _newton(F, starts, box)
    if not there.all():
        again = _newton(F, _calmed(F, starts[~there]), box)
        states[~there], speed[~there], there[~there] = again
    kept = _distinct(states[there], speed[there])
    return _Found(*kept, len(starts), int((~there).sum()))


def _calmed(F: Recurrence, s: np.ndarray) -> np.ndarray:
    """Moves states (n, S) a tenth of every step for a while: where F runs in circles, that does not."""
    for _ in range(CALMING):
        s = s + 0.1 * (F.step(s) - s)
    return s


def _joined(a: _Found, b: _Found) -> _Found:
    states, speed = np.concatenate([a.states, b.states]), np.concatenate([a.speed, b.speed])
    return _Found(*_distinct(states, speed), a.starts + b.starts, a.lost + b.lost)


def _newton(F: Recurrence, starts: np.ndarray, box: Box) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Damped Newton on r = F(s) - s within a box. Returns states (n, S), |r|^2 (n,), whether at rest (n,).

    A row takes Newton's own step where that helps: near a point nothing is faster, and no scale of the units
    matters to it. Where it does not, the row takes Levenberg-Marquardt's, with a damping of its own: less
    after a step that helps, more after one that does not, which is taken back. A row rests when |r|^2 is
    nothing, or where its slope M^T r is FLAT.
    """
    s = np.clip(starts, *box)
    damping, rested = np.full(len(s), 1e-2), np.zeros(len(s), bool)
    r, M = _residual(F, s)
    speed = _squared(r)
    live = np.isfinite(speed)

    def take(rows: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Takes the steps (n, S) of some rows that help; returns which did (n,)."""
        if not len(rows):
            return np.zeros(0, bool)
        tried = np.clip(s[rows] + steps, *box)
        r_new, M_new = _residual(F, tried)
        fresh = _squared(r_new)
        better = fresh < speed[rows]
        good = rows[better]
        s[good], r[good], M[good], speed[good] = tried[better], r_new[better], M_new[better], fresh[better]
        return better

    for _ in range(ITERATIONS):
        rows = np.flatnonzero(live)
        slope = np.einsum("nij,ni->nj", M[rows], r[rows])
        done = (speed[rows] < NOTHING) | (_squared(slope) <= FLAT**2 * speed[rows])
        rested[rows[done]], live[rows[done]] = True, False
        rows, slope = rows[~done], slope[~done]
        if not len(rows):
            break
        left = ~take(rows, _newton_steps(M[rows], r[rows]))
        rows, slope = rows[left], slope[left]
        normal = M[rows].swapaxes(-1, -2) @ M[rows]
        np.einsum("nii->ni", normal)[...] += damping[rows, None]
        helped = take(rows, -np.linalg.solve(normal, slope[..., None])[..., 0])
        damping[rows] = np.clip(damping[rows] * np.where(helped, 0.1, 10.0), 1e-12, None)
        live[rows[damping[rows] > 1e8]] = False  # rounding, not the damping, ends it
    return s, speed, (rested & (speed < FASTEST)) | (speed < CRAWL)


def _newton_steps(M: np.ndarray, r: np.ndarray, longest: float = LEAP) -> np.ndarray:
    """Returns -M^-1 r (n, S), no longer than that; none where a matrix has no inverse."""
    try:
        steps = -np.linalg.solve(M, r[..., None])[..., 0]
    except np.linalg.LinAlgError:
        return np.zeros_like(r)
    size = np.sqrt(_squared(steps))[:, None]
    return steps * np.minimum(1.0, longest / np.maximum(size, 1e-300))


def _squared(rows: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return (rows**2).sum(-1)


def _residual(F: Recurrence, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns F(s) - s (n, S) and its derivative J - 1 (n, S, S)."""
    after, J = F.step_and_jacobian(s)
    np.einsum("nii->ni", J)[...] -= 1.0
    return after - s, J


def _distinct(states: np.ndarray, speed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns each point once, the slowest of those that are the same, MAX_POINTS of them; slowest first."""
    kept: list[int] = []
    for k in np.argsort(speed, kind="stable"):
        if len(kept) == MAX_POINTS:
            break
        reach = SAME if speed[k] < EXACT else NEAR
        if not kept or np.sqrt(((states[kept] - states[k]) ** 2).sum(-1)).min() >= reach:
            kept.append(int(k))
    return states[kept], speed[kept]


def _described(F: Recurrence, found: _Found, pace: np.ndarray) -> FixedPoints:
    jacobians = F.jacobian(found.states) if len(found.states) else np.empty((0, F.size, F.size))
    values = np.linalg.eigvals(jacobians).astype(np.complex128)
    values = np.take_along_axis(values, np.argsort(-np.abs(values), -1, kind="stable"), -1)
    exact = found.speed < EXACT
    unstable = (np.abs(values) > 1.0).sum(-1)
    order = np.lexsort((*found.states.T[::-1], unstable, ~exact))
    states, speed, exact, J, values = (
        frozen(a[order]) for a in (found.states, found.speed, exact, jacobians, values)
    )
    return FixedPoints(F, states, speed, exact, J, values, found.starts, found.lost, frozen(pace))
