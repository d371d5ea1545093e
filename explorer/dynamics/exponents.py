"""How fast two neighbouring runs part: Lyapunov exponents, of the map and of a run.

found = lyapunov(trace(module, x))
found.largest                     # > 0: neighbours part, and a gradient grows on its way back
"""

from dataclasses import dataclass

import numpy as np

from explorer.gradients.bptt import jacobians
from explorer.gradients.common import along_time
from explorer.nn.reading import frozen
from explorer.nn.tracing import LayerTrace, Trace


@dataclass(frozen=True, eq=False, repr=False)
class Lyapunov:
    """The exponents of a run, in nats a step. growth (T, k): log of how far each direction has grown after
    each step, the fastest first: its last row over T are the exponents (k,). A step whose Jacobian is not
    finite, and all after it, have NaN."""

    growth: np.ndarray

    def __repr__(self) -> str:
        return (
            f"Lyapunov({len(self.growth)} steps, {len(self.exponents)} exponents, largest {self.largest:.3g})"
        )

    @property
    def exponents(self) -> np.ndarray:
        return self.growth[-1] / len(self.growth)

    @property
    def largest(self) -> float:
        """The mean log growth a step of the fastest direction: of the gradient on its way back, too."""
        return float(self.exponents[0])


def lyapunov(trace: Trace | LayerTrace, count: int = 1) -> Lyapunov:
    """Returns the `count` largest Lyapunov exponents of a run of one layer, from its exact Jacobians.

    The directions are carried through J_t ... J_1 and made orthogonal after every step (Benettin et al.
    1980), which is also what rounding cannot spoil.
    """
    layer = along_time(trace.layers[0] if isinstance(trace, Trace) else trace)
    S = layer.hidden_size * len(layer.spec.states)
    count = min(count, S)
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(S, count)))[0]
    growth, total = np.empty((layer.steps, count)), np.zeros(count)
    for t, J in enumerate(jacobians(layer)):
        if not np.isfinite(J).all():
            growth[t:] = np.nan
            break
        Q, R = np.linalg.qr(J @ Q)
        with np.errstate(divide="ignore"):
            total = total + np.log(np.abs(np.diagonal(R)))
        growth[t] = total
    return Lyapunov(frozen(growth))
