"""A push on the state, the rest run again: the gradient as the straight line that it is.

n = nudge(layer, token_loss(t, step=9), flow, step=2, direction=("h", None))
n.true, n.line                    # the change of the loss, and epsilon * slope
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from explorer.cells import NumpyOps
from explorer.gradients.bptt import QUIET, GradientFlow, LayerFlow
from explorer.gradients.common import along_time
from explorer.nn.reading import frozen
from explorer.nn.softmax import cross_entropy
from explorer.nn.tracing import LayerTrace, Trace, run_layer

Loss = Callable[[np.ndarray], np.ndarray]
"""A loss (B,) of the states (B, H) that it reads."""

Direction = tuple[str, int | None]
"""Which state is pushed, by its symbol, and which unit from 0; None: all, along the gradient."""

AGREES = 0.1
"""The straight line is said to hold while it is within this share of itself of the true change."""


@dataclass(frozen=True, eq=False)
class Nudge:
    """What a push of the state after a step does to a loss, and what the gradient says it does.

    epsilon (E,): rising, symmetric, with 0 in the middle; true (E,): the change of the loss, run again;
    line (E,): epsilon * slope, slope = <gradient, direction>. loss: unpushed, at loss_step. Changes
    under `resolution` are rounding. agrees: the largest epsilon up to which the line holds on both
    sides, None where it nowhere does or nothing stands out of the rounding.
    """

    step: int
    loss_step: int
    state: str
    unit: int | None
    epsilon: np.ndarray
    true: np.ndarray
    line: np.ndarray
    slope: float
    loss: float
    resolution: float

    @property
    def agrees(self) -> float | None:
        line = np.abs(self.line)
        near = (np.abs(self.true - self.line) <= AGREES * line) | (line < self.resolution)
        right = len(near) // 2 + 1
        both = near[right:] & near[: right - 1][::-1]
        holds = self.epsilon[right:][np.logical_and.accumulate(both)]
        if holds.size and abs(self.slope) * holds[-1] >= self.resolution:
            return float(holds[-1])
        return None

    @property
    def lost(self) -> bool:
        """Whether no push changes the loss by more than rounding."""
        return bool(np.isfinite(self.true).all() and (np.abs(self.true) <= self.resolution).all())


def push_sizes(largest: float = 1.0, smallest: float = 1e-3, each_side: int = 32) -> np.ndarray:
    """Returns symmetric log-spaced pushes with 0 in the middle (2 * each_side + 1,)."""
    right = np.geomspace(smallest, largest, each_side)
    return np.concatenate([-right[::-1], [0.0], right])


@np.errstate(**QUIET)
def nudge(
    layer: LayerTrace,
    loss_of_last_state: Loss,
    flow: LayerFlow | GradientFlow,
    step: int,
    direction: Direction = ("h", None),
    epsilon: np.ndarray | None = None,
) -> Nudge:
    """Pushes the state after a step (0: the initial state) and runs the rest again.

    loss_of_last_state takes the layer's states (B, H) at the step where flow's one loss stands: see
    token_loss, number_loss. A push of c shows in h of the same step, as in dL/dc_k. Raises ValueError
    for a flow of several losses, a step after the loss, a run with interventions.
    """
    layer = along_time(layer)
    of = _only(flow)
    last = _loss_step(of)
    if not 0 <= step <= last:
        raise ValueError(f"step {step} is not in 0..{last}: the loss stands at step {last}")
    state, unit = direction
    if state not in of.totals:
        raise ValueError(f"{layer.cell} has no state {state!r}; it has {layer.spec.states}")
    gradient = of.totals[state][step]
    towards = _unit_vector(gradient, unit)
    sizes = push_sizes() if epsilon is None else np.asarray(epsilon, np.float64)
    if len(sizes) % 2 == 0 or sizes[len(sizes) // 2] != 0.0:
        raise ValueError("epsilon must have 0 in its middle")
    ends = _rerun(layer, step, last, state, sizes[:, None] * towards)
    losses = np.asarray(loss_of_last_state(ends), np.float64)
    loss = float(losses[len(sizes) // 2])
    slope = float(gradient @ towards)
    resolution = 8.0 * float(np.spacing(max(1.0, abs(loss)))) if np.isfinite(loss) else np.inf
    return Nudge(
        step, last, state, unit, frozen(sizes.copy()), frozen(losses - loss), frozen(sizes * slope),
        slope, loss, resolution,
    )  # fmt: skip


def _only(flow: LayerFlow | GradientFlow) -> LayerFlow:
    if isinstance(flow, LayerFlow):
        return flow
    if len(flow.layers) != 1:
        raise ValueError(f"this flow has {len(flow.layers)} layers and directions; use flow.layers[k]")
    return flow.layers[0]


def _loss_step(flow: LayerFlow) -> int:
    """The step of the one loss; the last step where all gradients are 0."""
    T = flow.layer.steps
    direct = flow.norm[np.arange(T), np.arange(1, T + 1)]
    steps = np.flatnonzero(direct != 0.0) + 1
    if len(steps) > 1:
        raise ValueError(f"a push needs the flow of one loss; this one sums those at steps {steps.tolist()}")
    return int(steps[0]) if len(steps) else T


def _unit_vector(gradient: np.ndarray, unit: int | None) -> np.ndarray:
    """The gradient's direction, or one unit's; all units alike where there is no gradient to follow."""
    if unit is not None:
        return np.eye(len(gradient))[unit]
    size = np.abs(gradient).max()
    there = np.isfinite(size) and size > 0.0
    scaled = gradient / size if there else np.ones_like(gradient)  # squares of 1e-170 underflow
    return scaled / np.linalg.norm(scaled)


def _rerun(layer: LayerTrace, step: int, last: int, state: str, push: np.ndarray) -> np.ndarray:
    """Returns h (E, H) after step `last`, run again from states pushed (E, H) after `step`."""
    weights = layer.weights.map(lambda a: a.astype(np.float64))
    x, E = layer.x.astype(np.float64), len(push)
    before = [np.tile(a[max(step - 1, 0)].astype(np.float64), (E, 1)) for a in layer.states.values()]

    def touch(symbol: str, value: np.ndarray) -> np.ndarray:
        return value + push if symbol == state else value

    if step == 0:
        pushed = tuple(touch(s, a) for s, a in zip(layer.spec.states, before, strict=True))
    else:
        pushed = layer.spec.step(NumpyOps, weights.project(x[step - 1]), tuple(before), weights, touch)[2]
    rest = np.tile(x[step:last, None], (1, E, 1))
    return run_layer(layer.cell, weights, rest, pushed).h[-1] if last > step else pushed[0]


def token_loss(trace: Trace, step: int) -> Loss:
    """Returns the cross-entropy of the token after a step as a function of the states h (B, H) there."""
    read_out = _readout_at(trace, step)
    target = -1 if trace.targets is None else int(trace.targets[step - 1])
    if target < 0:
        raise ValueError(f"no token follows step {step}")

    def loss(h: np.ndarray) -> np.ndarray:
        return cross_entropy(read_out(h), np.full(len(h), target))

    return loss


def number_loss(trace: Trace, step: int, target: float) -> Loss:
    """Returns the squared error of a one-number readout as a function of the states h (B, H) at a step."""
    read_out = _readout_at(trace, step)
    return lambda h: (read_out(h)[:, 0] - target) ** 2


def _readout_at(trace: Trace, step: int) -> Loss:
    """The readout, its bias taken from the logits at that step."""
    if trace.logits is None or trace.readout is None:
        raise ValueError("this trace has no readout")
    h, logits = trace.output[step - 1].astype(np.float64), trace.logits[step - 1].astype(np.float64)
    weight = trace.readout.astype(np.float64)
    return lambda states: logits + (states - h) @ weight.T
