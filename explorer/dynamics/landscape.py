"""A landscape: the states that a network went through, and where it goes by itself, in one space."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from explorer.dynamics.points import FixedPoints
from explorer.dynamics.recurrence import Recurrence
from explorer.lab.learned import Token
from explorer.nn.model import RecurrentModel
from explorer.nn.reading import frozen

AXES = 3
"""Directions that are drawn."""

PATIENCE = 1_000
"""Steps after which a state that has not come to rest is said to wander."""

ARRIVED = 0.05
"""A state this near a memory has fallen into it."""

PUSH = 0.02
"""How far a saddle's state is pushed to see what the saddle decides, as a share of the states' spread."""


@dataclass(frozen=True, eq=False)
class Space:
    """The principal directions of some states: mean (S,), axes (AXES, S) orthonormal, share (AXES,) of the
    variance along each. Directions that the states do not have are 0, and so is their share."""

    mean: np.ndarray
    axes: np.ndarray
    share: np.ndarray

    def place(self, states: np.ndarray) -> np.ndarray:
        """Returns the coordinates (..., AXES) of states (..., S)."""
        return (states - self.mean) @ self.axes.T


def space_of(states: np.ndarray) -> Space:
    """Returns the principal directions of states (n, S); each points to where its largest weight is > 0."""
    mean = states.mean(0)
    _, sizes, rows = np.linalg.svd(states - mean, full_matrices=False)
    variance = sizes**2
    there = min(AXES, int((variance > 1e-20 * max(variance[0], 1e-300)).sum()))
    axes, share = np.zeros((AXES, states.shape[1])), np.zeros(AXES)
    signs = np.sign(rows[np.arange(there), np.abs(rows[:there]).argmax(1)])
    axes[:there] = rows[:there] * signs[:, None]
    share[:there] = variance[:there] / (variance.sum() or 1.0)
    return Space(frozen(mean), frozen(axes), frozen(share))


@dataclass(frozen=True, eq=False)
class Landscape:
    """One network's run and its fixed points.

    tokens (T); states (T+1, S) of the run, row 0 the initial one; inputs (T, D). points as found from those
    states and others that the network visits; space is theirs. outputs (T, K) of the run, wanted (T, K) what
    they should have been, or None. names: of the K answers, where they are no tokens. said (n, K): what the
    network would answer at each point.
    """

    model: RecurrentModel
    tokens: tuple[Token, ...]
    inputs: np.ndarray
    states: np.ndarray
    outputs: np.ndarray
    points: FixedPoints
    space: Space
    wanted: np.ndarray | None = None
    names: tuple[str, ...] = ()

    @property
    def recurrence(self) -> Recurrence:
        return self.points.recurrence

    @property
    def steps(self) -> int:
        return len(self.tokens)

    @property
    def moved(self) -> np.ndarray:
        """How far the state moved at every step (T,)."""
        return np.sqrt((np.diff(self.states, axis=0) ** 2).sum(-1))

    @cached_property
    def said(self) -> np.ndarray:
        return frozen(self.answers(self.points.states))

    def answers(self, states: np.ndarray) -> np.ndarray:
        """Returns the readout (n, K) at states (n, S): of the last layer's h."""
        H, last = self.model.hidden_size, len(self.recurrence.spec.states) * self.model.hidden_size
        at = states.shape[-1] - last
        return self.model.read_out(states[..., at : at + H])

    @cached_property
    def decides(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """Of each point and each of its unstable directions: the memories on its two sides, see `falls`."""
        scale = PUSH * float(np.sqrt(((self.states - self.states.mean(0)) ** 2).sum(-1)).mean())
        starts = [
            point + sign * scale * row
            for point, rows in zip(self.points.states, self.points.directions, strict=True)
            for row in rows
            for sign in (1.0, -1.0)
        ]
        ends = iter(falls(self.points, np.array(starts).reshape(-1, self.recurrence.size)).tolist())
        return tuple(tuple((next(ends), next(ends)) for _ in rows) for rows in self.points.directions)


def falls(points: FixedPoints, states: np.ndarray, patience: int = PATIENCE) -> np.ndarray:
    """Returns into which stable exact point each state (n, S) falls, as its row among all points (n,).

    -1 where it has come near none within so many steps.
    """
    memories = np.flatnonzero(points.exact & (points.unstable == 0))
    ends = np.full(len(states), -1)
    if not len(memories) or not len(states):
        return ends
    s, live = np.array(states), np.arange(len(states))
    for _ in range(patience):
        s[live] = points.recurrence.step(s[live])
        apart = np.sqrt(((s[live, None] - points.states[memories]) ** 2).sum(-1))
        ends[live] = np.where(apart.min(1) < ARRIVED, memories[apart.argmin(1)], -1)
        live = live[ends[live] < 0]
        if not len(live):
            break
    return ends


def signs(answers: Sequence[float] | np.ndarray, sure: float = 0.5) -> str:
    """Returns answers around 0 as signs, `·` where the network is undecided."""
    return " ".join("+" if a > sure else "\N{MINUS SIGN}" if a < -sure else "·" for a in answers)
