"""Truncated backpropagation: what is left of the gradient when it reaches back only some steps.

c = truncation(layer, dL_dh)
c.sliding.cosine                  # by window, against the full dL/dW_hh
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from explorer.gradients.bptt import (
    QUIET,
    LayerFlow,
    bptt,
    in_full,
    local_derivatives,
    recurrent_gradient,
)
from explorer.gradients.common import along_time, size_of
from explorer.limits import WINDOW
from explorer.nn.reading import frozen
from explorer.nn.tracing import LayerTrace

FEW_WINDOWS = 64
"""Windows compared unless they are chosen: more points than that do not tell more."""


@dataclass(frozen=True, eq=False)
class Cut:
    """dL/dW_hh of truncated backpropagation against the full one, by window (N,); dL/dW_ih without a W_hh.

    ratio of the norms and cosine, NaN where either gradient is 0 or not finite. mask (T, T), for one
    window: row t-1, column k-1 says whether the loss at t still reaches step k.
    """

    ratio: np.ndarray
    cosine: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True, eq=False)
class Truncation:
    """Two ways to cut backpropagation to a window of w steps, the state carried on in both.

    disjoint: chunks of w steps, the gradient stops at their borders (a staircase); sliding: every loss
    reaches back w steps (a band, t - k < w). windows (N,); the masks are for w = shown. weight: what is
    compared is its gradient, that of `weight_hh`, or of `weight_ih` where there is no W_hh.
    """

    windows: np.ndarray
    shown: int
    disjoint: Cut
    sliding: Cut
    weight: str = "weight_hh"


@np.errstate(**QUIET)
def truncation(
    layer: LayerTrace, dL_dh: np.ndarray, windows: Sequence[int] = (), shown: int | None = None
) -> Truncation:
    """Returns what windows leave of dL/dW_hh; dL_dh (T, H): row t-1 is the direct dL_t/dh_t.

    windows: all from 1 to T, or 64 of them; shown: the window of the masks, by
    default a quarter of T.
    """
    layer = along_time(layer)
    T = layer.steps
    sizes = np.array(windows or _all_windows(T))
    shown = shown or max(1, T // 4)
    if min(*sizes, shown) < 1:
        raise ValueError("a window has at least one step")
    flow = bptt(layer, dL_dh).layers[0]
    rec = flow.rec if layer.weights.seeing else flow.pre
    full = _gradient(rec, flow)
    reaches = (_chunk_end, _band_end)
    ends = [np.stack([reach(w, T) for w in sizes.tolist()]) for reach in reaches]  # (N, T) each
    kept = [np.empty((len(sizes), *rec.shape)) for _ in ends]  # (N, T, R*H) each
    for k, rows in _rows_back(layer, dL_dh):
        reached = np.cumsum(rows, axis=0)  # of all losses from step k to t
        for table, end in zip(kept, ends, strict=True):
            table[:, k] = reached[end[:, k] - k]

    def cut(rec: np.ndarray, end: np.ndarray) -> Cut:
        parts = (_gradient(one, flow) for one in rec)
        ratio, cosine = np.array([_compared(part, full) for part in parts]).T
        t, k = np.ogrid[:T, :T]
        return Cut(frozen(ratio), frozen(cosine), frozen((k <= t) & (t <= end)))

    disjoint, sliding = (cut(rec, reach(shown, T)) for rec, reach in zip(kept, reaches, strict=True))
    weight = "weight_hh" if layer.weights.seeing else "weight_ih"
    return Truncation(frozen(sizes), shown, disjoint, sliding, weight)


def _gradient(rec: np.ndarray, flow: LayerFlow) -> np.ndarray:
    """Returns dL/dW_hh from dL/d(U e + b') (T, R*H); or dL/dW_ih from dL/d(W x + b), for a cell without U."""
    weights = flow.layer.weights
    return recurrent_gradient(rec, flow.source, weights) if weights.seeing else rec.T @ flow.layer.x


def _all_windows(T: int) -> list[int]:
    return sorted(set(np.linspace(1, T, min(T, FEW_WINDOWS)).round().astype(int).tolist()))


def _chunk_end(w: int, T: int) -> np.ndarray:
    """The last loss (row) that reaches each step where chunks of w steps are cut apart."""
    return np.minimum((np.arange(T) // w + 1) * w, T) - 1


def _band_end(w: int, T: int) -> np.ndarray:
    """The last loss (row) that reaches each step where every loss reaches back w steps."""
    return np.minimum(np.arange(T) + w, T) - 1


@np.errstate(**QUIET)
def loss_rows(layer: LayerTrace, dL_dh: np.ndarray) -> np.ndarray:
    """Returns (T, T, R*H): row t-1, column k-1 is dL_t/d(U h_{k-1} + b'), 0 where k > t.

    For a cell without U it is dL_t/d(W x_k + b).
    Raises ValueError for more steps than a window has: the table grows with their square.
    """
    T = layer.steps
    if T > WINDOW:
        raise ValueError(f"{T} steps; at most {WINDOW} can be itemised")
    blocks = layer.weights.seeing or layer.weights.blocks
    table = np.zeros((T, T, len(blocks) * layer.hidden_size))
    for k, rows in _rows_back(along_time(layer), dL_dh):
        table[k:, k] = rows
    return table


def _rows_back(layer: LayerTrace, dL_dh: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (k, rows), from the last step back: what each loss from there on sends to it (T - k, R*H)."""
    T, H = layer.steps, layer.hidden_size
    direct = np.asarray(dL_dh, np.float64)
    if direct.shape != (T, H):
        raise ValueError(f"dL_dh has shape {direct.shape}, expected {(T, H)}")
    weights = layer.weights.map(lambda a: a.astype(np.float64))
    local = local_derivatives(layer, weights)
    D = {s: np.zeros((T, H)) for s in layer.states}
    for k in range(T - 1, -1, -1):
        D["h"][k] += direct[k]
        at = {name: value[k] for name, value in local.items()}
        totals = in_full(layer.spec, at, {s: rows[k:] for s, rows in D.items()})
        back = layer.spec.back(at, weights, totals)
        yield k, weights.pack_state(back.rec) if back.rec else weights.pack(back.pre)
        for s, rows in D.items():
            rows[k:] = back.whole(s)


def _compared(part: np.ndarray, full: np.ndarray) -> tuple[float, float]:
    """Returns the ratio of two gradients' norms and their cosine; NaN where one is 0 or not finite."""
    sizes = size_of(part), size_of(full)
    if not all(0.0 < size < np.inf for size in sizes):
        return np.nan, np.nan
    return sizes[0] / sizes[1], float(((part / sizes[0]) * (full / sizes[1])).sum())
