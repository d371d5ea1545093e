"""Times measured on this machine, now: several of each, their spread, and an order only where it is clear."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

MARGIN = 1.05
"""Nearer to 1 than this a ratio of times tells nobody anything."""

LOW, HIGH = 10.0, 90.0
"""Percentiles between which a time, or a ratio of times, lies here."""


@dataclass(frozen=True, eq=False)
class Times:
    """Milliseconds (R,) of one piece of work, in turn with those that it is compared with."""

    taken: np.ndarray

    @property
    def median(self) -> float:
        return float(np.median(self.taken))

    @property
    def spread(self) -> tuple[float, float]:
        """From the 10th to the 90th percentile."""
        return _spread(self.taken)


@dataclass(frozen=True)
class Ratio:
    """How many times as long one work takes as another: the middle of all rounds, and their spread."""

    median: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether nearly all rounds say that the same one is quicker."""
        return self.low > MARGIN or self.high < 1.0 / MARGIN


def ratio(one: Times, other: Times) -> Ratio:
    """Returns one's time over the other's, round by round: a busy moment meets both."""
    rounds = one.taken / other.taken
    return Ratio(float(np.median(rounds)), *_spread(rounds))


def measured(works: Sequence[Callable[[], object]], rounds: int, seconds: float = 0.0) -> tuple[Times, ...]:
    """Does every piece of work in turn, for so many rounds and so long; a first round does not count."""
    for work in works:
        work()
    taken: list[list[float]] = []
    began = time.perf_counter()
    while len(taken) < rounds or time.perf_counter() - began < seconds:
        taken.append([_milliseconds(work) for work in works])
    return tuple(Times(column) for column in np.array(taken).T)


def written(milliseconds: float) -> str:
    """Returns a time with two digits, never with an exponent."""
    digits = max(0, 1 - int(np.floor(np.log10(milliseconds)))) if milliseconds > 0 else 0
    return f"{float(f'{milliseconds:.2g}'):,.{digits}f}"


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


def _spread(values: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(values, [LOW, HIGH])
    return float(low), float(high)
