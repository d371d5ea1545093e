"""The law of a step back: how much of a gradient a cell lets through, by its weights and by its gates.

A plain RNN multiplies a gradient by diag(phi') W_hh at each step: by no more than sigma_max(W_hh)
max|phi'| (Pascanu et al. 2013). Past all gates of any other cell it is multiplied by the gate that keeps.
`along` takes slopes and gates from a run; `at_rest` knows the weights alone: phi' = 1, x = h = 0.
"""

from dataclasses import dataclass

import numpy as np

from explorer.cells import CellSpec, LayerWeights
from explorer.gradients.bptt import local_derivatives
from explorer.gradients.common import half_life
from explorer.nn.reading import frozen
from explorer.nn.tracing import LayerTrace, run_layer


@dataclass(frozen=True, eq=False)
class Bound:
    """The law of a plain RNN: ||J_t|| <= sigma_max(W_hh) max|phi'|. Under 1 it suffices to vanish.

    slope and steepest (T,): mean and largest |phi'| over the units; radius: the spectral radius of
    W_hh, which alone decides nothing. NaN for weights that are not finite.
    """

    radius: float
    sigma_max: float
    slope: np.ndarray
    steepest: np.ndarray

    @property
    def factor(self) -> float:
        """No step multiplies a gradient by more than this."""
        return self.sigma_max * float(self.steepest.max(initial=0.0, where=np.isfinite(self.steepest)))


@dataclass(frozen=True, eq=False)
class Keep:
    """The law of the keeping gate: past all gates a gradient is multiplied by exp(mean log gate) a step.

    by_unit (H,): each unit's factor, all 1 for a cell without such a gate. It speaks of the direct path
    only: what comes through the gates is added to it.
    """

    by_unit: np.ndarray

    @property
    def factor(self) -> float:
        """The geometric mean of all units."""
        return float(np.exp(np.log(self.by_unit).mean()))

    @property
    def half_life(self) -> float | None:
        """Steps to one half; None where nothing shrinks."""
        return half_life(self.factor)


@np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore")
def along(layer: LayerTrace) -> Bound | Keep:
    """Returns the law over a run, in PyTorch's notation and the order of time: T steps."""
    if layer.spec.plain:
        slope = np.abs(local_derivatives(layer, layer.weights)["h/h"].astype(np.float64))
        slope[~np.isfinite(layer.output)] = np.nan
        return _bound(layer.weights, slope)
    symbol = layer.spec.keep
    gate = layer.gate[symbol] if symbol else np.ones((layer.steps, layer.hidden_size))
    return Keep(frozen(np.exp(np.log(gate.astype(np.float64)).mean(0))))


def at_rest(spec: CellSpec, weights: LayerWeights) -> Bound | Keep:
    """Returns the law that the weights alone give: of one step at which every slope is 1, or x = h = 0."""
    if spec.plain:
        return _bound(weights, np.ones((1, weights.hidden_size)))
    if spec.keep is None:
        return Keep(frozen(np.ones(weights.hidden_size)))
    kind = weights.w_ih.dtype
    states = (np.zeros(weights.hidden_size, kind),) * len(spec.states)
    layer = run_layer(spec.key, weights, np.zeros((1, weights.input_size), kind), states)
    return Keep(frozen(layer.gate[spec.keep][0].astype(np.float64)))


def _bound(weights: LayerWeights, slope: np.ndarray) -> Bound:
    """The law of a plain RNN at slopes (T, H): W_hh is square and the only way back."""
    w_hh = np.asarray(weights.w_hh, np.float64)
    radius = sigma_max = np.nan
    if np.isfinite(w_hh).all():
        radius, sigma_max = np.abs(np.linalg.eigvals(w_hh)).max(), np.linalg.svdvals(w_hh)[0]
    return Bound(float(radius), float(sigma_max), frozen(slope.mean(1)), frozen(slope.max(1)))
