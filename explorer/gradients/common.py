"""What all of these need: one layer along time, norms and half-lives."""

import numpy as np

from explorer.gradients.bptt import lengths
from explorer.nn.tracing import LayerTrace


def along_time(layer: LayerTrace) -> LayerTrace:
    """Returns a layer in PyTorch's notation.

    Raises ValueError for a batch, a run against time or one with interventions.
    """
    if layer.x.ndim != 2:
        raise ValueError("this takes the trace of one sequence (T, D), not of a batch")
    if layer.reverse:
        raise ValueError("this takes a layer along time; this one runs against it")
    if layer.changed:
        raise ValueError("this takes a run as its equations made it, not one with interventions")
    return layer.in_notation("pytorch")


def half_life(factor: float | None) -> float | None:
    """Returns the steps to one half at a factor per step; None where nothing shrinks."""
    if factor is None or not 0.0 <= factor < 1.0:
        return None
    return 0.0 if factor == 0.0 else float(np.log(0.5) / np.log(factor))


def size_of(array: np.ndarray) -> float:
    """Returns the Frobenius norm, also where squares would leave float64's range."""
    return float(lengths(array.reshape(1, -1))[0])
