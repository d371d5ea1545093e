"""Which arrows of a cell's run are data and which are derivatives, each with what passes along it, as a norm.

found = arrows(flow.chosen)
found.state[3], found.back[3]       # ||h_3||; what comes back to h_3 from the steps after it
"""

from dataclasses import dataclass

import numpy as np

from explorer.gradients.bptt import lengths
from explorer.lab.flow import CellFlow
from explorer.nn.records import LayerTrace
from explorer.nn.tracing import run_layer

ROUNDING = 1e-12
"""States that differ by no more are the same: one step alone may round otherwise than many at once."""


@dataclass(frozen=True, eq=False)
class Arrows:
    """What goes forward and what comes back, of the chosen losses.

    state (T+1,): ||h_t||. loss (T,): L_t of the chosen losses, else NaN. own (T,): ||dL_t/dh_t||, what a
    loss hands to its own step. back (T+1,): the norm of what reaches h_k from the steps after it; what goes
    back from c to c is not in it. to_input (T,): ||dL/dx_t||. weights: ||dL/dW_hh||, or None.
    carried: whether any step would be another without the state before it; else it is a feed-forward network.
    """

    state: np.ndarray
    loss: np.ndarray
    own: np.ndarray
    back: np.ndarray
    to_input: np.ndarray
    weights: float | None
    carried: bool

    @property
    def steps(self) -> int:
        return len(self.own)


def arrows(cell: CellFlow) -> Arrows:
    """Returns what passes along every arrow of a cell's run and of its gradient."""
    gradient = cell.gradient.layers[0]
    assert cell.gradient.loss is not None
    own = np.concatenate([np.zeros_like(cell.entering[:1]), cell.entering])  # (T+1, H)
    of_weights = gradient.weight_gradient().get("weight_hh")
    with np.errstate(over="ignore", invalid="ignore"):
        return Arrows(
            state=lengths(cell.trace.layers[0].h),
            loss=cell.gradient.loss,
            own=lengths(cell.entering),
            back=lengths(gradient.totals["h"] - own),
            to_input=lengths(gradient.x),
            weights=None if of_weights is None else float(np.linalg.norm(of_weights)),
            carried=_carried(cell.trace.layers[0]),
        )


def _carried(layer: LayerTrace) -> bool:
    """Whether a step, run again from states of zeros, is another one."""
    zeros = tuple(np.zeros_like(state[0]) for state in layer.states.values())
    alone = (
        run_layer(layer.cell, layer.weights, layer.x[t : t + 1], zeros).h[1] for t in range(1, layer.steps)
    )
    return any(not np.allclose(h, layer.h[t], rtol=0, atol=ROUNDING) for t, h in enumerate(alone, 2))
