"""Which units a heatmap draws, and in which order, where a layer has more than can be told apart."""

import numpy as np

from explorer.limits import DRAWN_UNITS
from explorer.nn.tracing import LayerTrace


def rows_of(layer: LayerTrace, order: str) -> tuple[int, ...] | None:
    """Returns the units that are drawn, from 0 and from the top; None where all are, by number.

    Of more than DRAWN_UNITS those whose h varies most over time. order: `variance`, the most varied first;
    `cluster`, each followed by the one whose h goes most like its own; `number`.
    """
    if layer.hidden_size <= DRAWN_UNITS:
        return None
    h = np.nan_to_num(layer.output, nan=0.0, posinf=0.0, neginf=0.0)
    spread = h.std(0)
    drawn = np.argsort(-spread, kind="stable")[:DRAWN_UNITS]
    if order == "number":
        drawn = np.sort(drawn)
    elif order == "cluster":
        drawn = drawn[_side_by_side((h[:, drawn] - h[:, drawn].mean(0)) / np.maximum(spread[drawn], 1e-300))]
    return tuple(drawn.tolist())


def _side_by_side(h: np.ndarray) -> list[int]:
    """Returns the columns of h (T, n), of mean 0 and deviation 1, each beside the one most like it."""
    like = h.T @ h / len(h)  # correlations
    found, left = [0], set(range(1, h.shape[1]))
    while left:
        nearest = max(left, key=lambda k: (like[found[-1], k], -k))
        found.append(nearest)
        left.remove(nearest)
    return found
