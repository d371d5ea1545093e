"""Sizes of a gradient: what clipping does to them, how they decay, how far a tanh is saturated."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.gradients.bptt import QUIET, GradientFlow, LayerFlow
from explorer.gradients.common import half_life, size_of
from explorer.nn.reading import frozen
from explorer.nn.tracing import LayerTrace

SATURATED = 0.9
"""A tanh past this lets less than a fifth of the gradient through: 1 - .9^2 = .19."""

STEADY = 1e-3
"""A factor per step this close to 1 takes some 700 steps to halve: it is called steady."""


@dataclass(frozen=True, eq=False)
class Clipping:
    """What clipping by the norm does: one factor on everything.

    norm: of the gradient of all that the network learns; before and after (T,): what each step adds to
    dL/dW_hh, or dL/dW_ih of a cell without a W_hh, as norms; far_before and far_after: the share of the
    first half of the steps in their
    sum, None where that is 0 or not finite.
    """

    threshold: float
    norm: float
    factor: float
    before: np.ndarray
    after: np.ndarray
    weight: str = "weight_hh"
    """Whose steps they are: `weight_ih` where there is no W_hh."""

    @property
    def far_before(self) -> float | None:
        return _far_share(self.before)

    @property
    def far_after(self) -> float | None:
        return _far_share(self.after)


@np.errstate(**QUIET)
def clipping(flow: LayerFlow | GradientFlow, threshold: float, rest: Sequence[np.ndarray] = ()) -> Clipping:
    """Clips the gradient of a flow's weights to a norm, as PyTorch's clip_grad_norm_ does.

    The norm is over all layers of the flow, peepholes included, and over rest, the gradients of what else the
    network learns: embedding and readout. The steps are those of the first layer.
    """
    layers = (flow,) if isinstance(flow, LayerFlow) else flow.layers
    others = [np.ravel(gradient) for gradient in rest]
    norm = size_of(np.concatenate([*(_weight_vector(layer) for layer in layers), *others]))
    factor = min(1.0, threshold / (norm + 1e-6)) if not np.isnan(norm) else np.nan
    by_step = layers[0].weight_norms()
    weight = "weight_hh" if "weight_hh" in by_step else "weight_ih"
    before = by_step[weight]
    return Clipping(threshold, norm, factor, frozen(before), frozen(before * factor), weight)


def _weight_vector(flow: LayerFlow) -> np.ndarray:
    there = flow.layer.weights.arrays()
    return np.concatenate([g.ravel() for name, g in flow.weight_gradient().items() if name in there])


def _far_share(by_step: np.ndarray) -> float | None:
    size = by_step.max()
    if not (np.isfinite(size) and size > 0.0):
        return None
    scaled = by_step / size
    return float(scaled[: len(scaled) // 2].sum() / scaled.sum())


@dataclass(frozen=True, eq=False)
class Decay:
    """A straight line through the logarithm of norms over their distance to the loss.

    factor: per step back; half_life: steps to one half, None where it does not shrink. sentence is a
    key of the locale's table `analysis`, values what it is filled with: `decay_halves`,
    `decay_doubles`, `decay_steady`; and without numbers `decay_zero`, `decay_nonfinite`, `decay_short`.
    """

    factor: float | None
    half_life: float | None
    sentence: str

    @property
    def values(self) -> dict[str, float]:
        """What the sentence is filled with: the factor, and the steps to one half or to the double."""
        if self.factor is None:
            return {}
        doubling = half_life(1.0 / self.factor) if self.factor > 1.0 else None
        steps = self.half_life if doubling is None else doubling
        return {"factor": self.factor, "steps": np.inf if steps is None else steps}


def decay(norms: np.ndarray) -> Decay:
    """Returns the decay of norms (K,) by source step: a row of the triangle, or the norms of its sum.

    The loss stands at the last entry that is neither NaN nor 0. No line is fitted where one before it
    is 0 or not finite.
    """
    values = np.asarray(norms, np.float64)
    there = np.flatnonzero(~np.isnan(values) & (values != 0.0))
    values = values[: there[-1] + 1] if there.size else values[:0]
    if len(values) < 2:
        return Decay(None, None, "decay_short")
    if not np.isfinite(values).all():
        return Decay(None, None, "decay_nonfinite")
    if (values == 0.0).any():
        return Decay(None, None, "decay_zero")
    distance = np.arange(len(values) - 1.0, -1.0, -1.0)
    factor = float(np.exp(np.polyfit(distance, np.log(values), 1)[0]))
    if abs(factor - 1.0) < STEADY:
        return Decay(factor, half_life(factor), "decay_steady")
    return Decay(factor, half_life(factor), "decay_halves" if factor < 1.0 else "decay_doubles")


@dataclass(frozen=True, eq=False)
class Saturation:
    """share: symbol -> (T,), the share of units of each tanh whose value is past +-.9. Empty for ReLU."""

    share: dict[str, np.ndarray]

    @property
    def steps(self) -> int:
        return max((len(share) for share in self.share.values()), default=0)


def saturation(layer: LayerTrace) -> Saturation:
    """Returns how much of each tanh is saturated by step: h of a plain RNN, the candidate elsewhere."""
    tanhs = [signal.symbol for signal in layer.spec.signals if signal.activation == "tanh"]
    return Saturation({s: frozen((np.abs(layer.signal(s)) > SATURATED).mean(-1)) for s in tanhs})
