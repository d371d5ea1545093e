"""One scale for what is compared: the limits that several runs, drawn beside each other, share."""

from collections.abc import Sequence

import numpy as np

from explorer.nn.tracing import LayerTrace

Limits = tuple[float, float]


def shared_limits(layers: Sequence[LayerTrace]) -> dict[str, Limits]:
    """Returns for each signal of some runs the ends of its colour scale.

    Gates: 0 to 1. Others are symmetric about 0, up to the largest finite value of that symbol in any run.
    Candidates go by one scale, and so do the memories of different cells, c of one and h of another.
    """
    groups = _groups(layers)
    sizes: dict[str, float] = {}
    for layer in layers:
        for symbol in layer.signals:
            sizes[groups[symbol]] = max(sizes.get(groups[symbol], 0.0), _largest(layer.signal(symbol)))
    gates = {symbol for layer in layers for symbol in layer.spec.gates}
    symmetric = {symbol: sizes[group] or 1.0 for symbol, group in groups.items()}
    return {s: (0.0, 1.0) if s in gates else (-size, size) for s, size in symmetric.items()}


def _groups(layers: Sequence[LayerTrace]) -> dict[str, str]:
    """The symbol whose scale each symbol goes by."""
    groups = {symbol: symbol for layer in layers for symbol in layer.signals}
    memories = {layer.spec.memory for layer in layers}
    candidates = {s.symbol for layer in layers for s in layer.spec.signals if s.role == "candidate"}
    for together in (memories, candidates):
        first = min(together, default="")
        groups |= dict.fromkeys(together, first)
    return groups


def _largest(values: np.ndarray) -> float:
    return float(np.abs(values[np.isfinite(values)]).max(initial=0.0))


def power_limits(every: Sequence[np.ndarray], floor: float) -> Limits:
    """Returns the ends of one colour scale for powers of ten in several pictures, no lower than a floor."""
    seen = np.concatenate([powers[np.isfinite(powers)] for powers in every])
    if not seen.size:
        return -1.0, 0.0
    low = max(float(seen.min()), floor)
    return low, max(float(seen.max()), low + 1e-9)


def spans_decades(values: np.ndarray) -> bool:
    """Returns whether positive values span more than four decades."""
    positive = values[np.isfinite(values) & (values > 0)]
    return positive.size > 0 and positive.max() / positive.min() > 1e4


def whole_ticks(count: int, most: int = 8) -> dict:
    """Returns the ticks of an axis over so many steps or windows: at most so many, none between two steps."""
    return {"dtick": 1} if count <= most else {"nticks": most}


def axis_over(values: np.ndarray) -> dict:
    """Returns the y axis that lengths (>= 0) in several figures share: from 0, or log over decades."""
    finite = values[np.isfinite(values) & (values > 0)]
    if not finite.size:
        return {"type": "linear", "rangemode": "tozero"}
    if not spans_decades(values):
        return {"type": "linear", "range": [0.0, 1.06 * float(finite.max())]}
    low, high = np.log10(finite.min()), np.log10(finite.max())
    room = 0.05 * (high - low)
    return {"type": "log", "range": [float(low - room), float(high + room)]}
