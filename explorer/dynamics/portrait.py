"""Networks so small that all of their dynamics can be drawn: a unit, two units; and a random one of many.

The weights are set by hand: `pull` how strongly the state pulls on itself, `turn` by how many degrees it
turns on the way (two units), `lean` a constant push to one side. Gates stand where their biases put them.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from explorer.cells import CELLS, LayerWeights
from explorer.dynamics.exponents import Lyapunov, lyapunov
from explorer.dynamics.landscape import falls
from explorer.dynamics.points import FixedPoints, fixed_points
from explorer.dynamics.recurrence import Recurrence, states_of
from explorer.gradients.bptt import bptt, lengths
from explorer.limits import PORTRAIT_HIDDEN
from explorer.nn.reading import frozen
from explorer.nn.tracing import LayerTrace, run_layer

OPEN = 2.0
"""The bias of every gate that does not keep: 0.88."""

EDGE = 1.25
"""How far from 0 the portrait reaches: no state of a unit is further than 1."""

GRID, ARROWS = 61, 15
"""Places along one side whose fate is worked out, and those where an arrow stands."""

RUN = 60
PULLS = np.linspace(0.0, 3.0, 61)
"""The pulls of the row of all portraits."""

MANY_STEPS = 300


def units_of(cell: str, small: str) -> int:
    """Returns how many units a portrait has: a cell with a c of its own has a plane in one unit.

    0 for a cell of more than two states: nothing flat shows it whole.
    """
    states = len(CELLS[cell].states)
    return 0 if states > 2 else 2 if small == "two" and states == 1 else 1


def by_hand(cell: str, units: int, pull: float, turn: float = 0.0, lean: float = 0.0) -> Recurrence:
    """Returns a cell of one or two units with weights set by hand, without input."""
    spec, H = CELLS[cell], units
    zero = {name: np.zeros(shape) for name, shape in spec.shapes(1, H).items()}
    weights, angle = spec.weights(zero), np.radians(turn)
    spin = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    for block in spec.blocks:
        b = zero["bias_ih"][weights.rows(block)]
        if spec.roles[block].role == "gate":
            b[:] = 0.0 if block == spec.keep else OPEN
        else:
            b[:] = lean
            if block in spec.recurrent_blocks:
                zero["weight_hh"][weights.state_rows(block)] = pull * spin[:H, :H]
    return Recurrence(spec, (weights,), np.zeros(1))


@dataclass(frozen=True, eq=False)
class Portrait:
    """A network of S = 1 or 2 numbers, drawn whole.

    line (GRID,): values along each side; after (GRID, S) or (GRID, GRID, S): F there, first number down.
    fate the same shape without S: the row among points that a state falls into, -1 into none. run (RUN+1, S):
    a run from near the middle. layer: that run as a trace, for its exponent.
    """

    recurrence: Recurrence
    line: np.ndarray
    after: np.ndarray
    fate: np.ndarray
    points: FixedPoints
    run: np.ndarray
    layer: LayerTrace

    @property
    def size(self) -> int:
        return self.recurrence.size

    @cached_property
    def exponent(self) -> float:
        """The largest Lyapunov exponent of the run's second half: the first leads to where it stays."""
        half = self.layer.window(RUN // 2 + 1, RUN)
        return lyapunov(half).largest


def portrait(F: Recurrence, start: float = 0.1) -> Portrait:
    """Returns the portrait of a network of one or two numbers; its run starts at `start` in each."""
    reach = EDGE if len(F.spec.states) == 1 else 2 * EDGE
    line = np.linspace(-reach, reach, GRID)
    places = line[:, None] if F.size == 1 else np.stack(np.meshgrid(line, line, indexing="ij"), -1)
    rows = places.reshape(-1, F.size)
    points = fixed_points(F, starts=rows[:: max(1, len(rows) // 120)])
    (weights,), H = F.layers, F.layers[0].hidden_size
    before = tuple(np.full(H, start) * (1.0 - 0.5 * np.arange(H)) for _ in F.spec.states)
    layer = run_layer(F.spec.key, weights, np.zeros((2 * RUN, 1)), before)
    shape = places.shape[:-1]
    return Portrait(
        F,
        frozen(line),
        frozen(F.step(rows).reshape(places.shape)),
        frozen(falls(points, rows, patience=200).reshape(shape)),
        points,
        frozen(states_of([layer])[: RUN + 1]),
        layer,
    )


@dataclass(frozen=True, eq=False)
class Branches:
    """Every fixed point of one unit by the pull: pull (n,), h (n,) its first number, unstable (n,)."""

    pull: np.ndarray
    h: np.ndarray
    unstable: np.ndarray


def branches(cell: str, lean: float) -> Branches:
    """Returns the fixed points of one unit for every one of PULLS: where a memory is born."""
    pulls, states, unstable = [], [], []
    for pull in PULLS:
        F = by_hand(cell, 1, float(pull), 0.0, lean)
        line = np.linspace(-EDGE, EDGE, 41)
        found = fixed_points(F, starts=np.repeat(line[:, None], F.size, 1), rounds=1)
        for h, count, exact in zip(found.states[:, 0], found.unstable, found.exact, strict=True):
            if exact:
                pulls.append(pull)
                states.append(h)
                unstable.append(count)
    return Branches(np.array(pulls), np.array(states), np.array(unstable))


@dataclass(frozen=True, eq=False)
class Chaos:
    """Two sides of one number in a random tanh network of many units.

    apart (T,): log of how far neighbouring runs have parted after each step, from the Jacobians. back (T+1,):
    log of ||dL/dh_k|| of a loss at the last step, over that of the last state. states (T+1, H).
    """

    pull: float
    found: Lyapunov
    back: np.ndarray
    states: np.ndarray

    @property
    def apart(self) -> np.ndarray:
        return self.found.growth[:, 0]

    @property
    def backward(self) -> float:
        """The gradient's log growth a step on its way back."""
        return float(self.back[0] / (len(self.back) - 1))


def many(pull: float, seed: int = 0) -> Chaos:
    """Returns a random network's run: h_t = tanh(pull / sqrt(H) N h_{t-1}), N of normal numbers.

    Sompolinsky, Crisanti & Sommers 1988: it dies out under a pull of 1, and never comes to rest over it.
    """
    generator, H = np.random.default_rng(seed), PORTRAIT_HIDDEN
    weights = LayerWeights(("h",), np.zeros((H, 1)), pull / np.sqrt(H) * generator.normal(size=(H, H)))
    layer = run_layer("rnn", weights, np.zeros((MANY_STEPS, 1)), (generator.normal(size=H),))
    entering = np.zeros((MANY_STEPS, H))
    entering[-1] = generator.normal(size=H)
    size = lengths(bptt(layer, entering).total)
    with np.errstate(divide="ignore"):
        back = np.log(size) - np.log(size[-1])
    return Chaos(pull, lyapunov(layer), frozen(back), layer.h)
