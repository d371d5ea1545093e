"""The spectra of the Jacobians of a run, one step and all steps so far, and the law behind them.

s = spectra(t.layers[0])
s.product[t - 1, 0]               # log10 of the largest singular value of J_t ... J_1
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from explorer.gradients.bptt import jacobians
from explorer.gradients.common import along_time
from explorer.gradients.laws import Bound, Keep, along
from explorer.nn.reading import frozen
from explorer.nn.tracing import LayerTrace

EPSILON = float(np.finfo(np.float64).eps)

SMALLEST = 1e-140
"""A singular value this much smaller than the largest is called 0: its square would underflow."""


@dataclass(frozen=True, eq=False)
class Spectra:
    """Singular values and eigenvalues of J_t = d state_t / d state_{t-1}; S = H for each state, h first.

    singular (T, S): of J_t, largest first; product (T, S): log10 of those of J_t ... J_1, -inf where
    one is 0 to float64 or under 1e-140 of the largest. eigenvalues (T, S), complex, largest first;
    recurrent (H,): those of W_hh, or None. A step whose state is not finite has NaN, and so has the
    product from there on. law: a bound of a plain RNN, of any other cell what
    its keeping gate keeps.
    """

    singular: np.ndarray
    product: np.ndarray
    eigenvalues: np.ndarray
    recurrent: np.ndarray | None
    law: Bound | Keep

    @property
    def steps(self) -> int:
        return len(self.singular)

    @property
    def sentence(self) -> str:
        """The law as a key of the locale's table `analysis`; values is what it is filled with."""
        if isinstance(self.law, Bound):
            return "law_vanish" if self.law.factor < 1.0 else "law_open"
        return "law_kept" if self.law.half_life is None else "law_keep"

    @property
    def values(self) -> dict[str, float]:
        if isinstance(self.law, Bound):
            return {"factor": self.law.factor, "radius": self.law.radius}
        return {"factor": self.law.factor, "steps": self.law.half_life or 0.0}


@np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore")
def spectra(layer: LayerTrace) -> Spectra:
    """Returns the spectra of a layer's Jacobians and the law that its weights or gates give."""
    layer = along_time(layer)
    matrices = list(_finite_jacobians(layer))
    singular = np.array([_or_nan(np.linalg.svdvals, J) for J in matrices])
    eigenvalues = np.array([_or_nan(_eigenvalues, J) for J in matrices], np.complex128)
    product = np.array(list(_product(matrices, singular)))
    recurrent = _eigenvalues(layer.weights.w_hh.astype(np.float64)) if layer.spec.plain else None
    return Spectra(
        singular=frozen(singular),
        product=frozen(product),
        eigenvalues=frozen(eigenvalues),
        recurrent=recurrent,
        law=along(layer),
    )


def _finite_jacobians(layer: LayerTrace) -> Iterator[np.ndarray]:
    states = np.concatenate(list(layer.states.values()), -1)
    finite = np.isfinite(states).all(-1)
    for t, J in enumerate(jacobians(layer), 1):
        there = finite[t - 1] and finite[t] and np.isfinite(J).all()
        yield J if there else np.full_like(J, np.nan)


def _or_nan(values: Callable[[np.ndarray], np.ndarray], matrix: np.ndarray) -> np.ndarray:
    return values(matrix) if np.isfinite(matrix).all() else np.full(len(matrix), np.nan)


def _eigenvalues(matrix: np.ndarray) -> np.ndarray:
    values = np.linalg.eigvals(matrix).astype(np.complex128)
    return values[np.argsort(-np.abs(values), kind="stable")]


def _product(matrices: Iterable[np.ndarray], singular: np.ndarray) -> Iterator[np.ndarray]:
    """Yields log10 of the singular values of J_t ... J_1, largest first.

    The product is held as 10^e Q D R: Q orthogonal, D a falling diagonal, the rows of R at most 1. So it
    leaves no range, and small values keep digits that a plain product loses beside the large ones. As
    many values are 0 as in the poorest J_t.
    """
    S, nothing, exponent, finite = singular.shape[1], 0, 0.0, True
    Q, D, R = np.eye(S), np.ones(S), np.eye(S)
    for J, own in zip(matrices, singular, strict=True):
        finite = finite and bool(np.isfinite(own).all())
        if not finite:
            yield np.full(S, np.nan)
            continue
        Q, upper = np.linalg.qr((J @ Q) * D)
        upper, lengths = _scaled(upper)
        R, more = _scaled(upper @ R)
        order = np.argsort(-lengths * more, kind="stable")
        D = (lengths * more)[order]
        exponent += float(np.log10(D[0]))
        Q, D, R = Q[:, order], D / (D[0] or 1.0), R[order]
        values = np.linalg.svdvals(np.linalg.qr(R.T * D, mode="r"))
        nothing = max(nothing, int((own <= S * EPSILON * own[0]).sum()))
        values[values < SMALLEST * values[0]] = 0.0
        values[S - nothing :] = 0.0
        yield np.log10(values) + exponent


def _scaled(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the rows with 1 as their largest entry, and what they were divided by."""
    sizes = np.abs(rows).max(1)
    return rows / np.where(sizes > 0.0, sizes, 1.0)[:, None], sizes
