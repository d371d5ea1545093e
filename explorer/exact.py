"""What few seeds say, exactly: how sure a share is, whether two differ, what a band of values covers.

No approximation by a normal distribution: of ten seeds it would be far off.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

LEVEL = 0.95
"""How often an interval of this kind covers the true share, at least."""

SURE = 0.05
"""Below this chance, adjusted for the number of comparisons, two shares are called different."""


@lru_cache(maxsize=4096)
def interval(hits: int, trials: int, level: float = LEVEL) -> tuple[float, float]:
    """Returns the bounds of the share behind hits out of trials, exact. Clopper & Pearson 1934.

    The share is the same for every trial, and no trial depends on another. Raises ValueError for other than
    0 <= hits <= trials, trials >= 1.
    """
    if not 0 <= hits <= trials or trials < 1:
        raise ValueError(f"{hits} of {trials} is no count")
    tail, shares = (1 - level) / 2, _Binomial(trials)
    low = _solve(lambda share: shares.above(hits, share) - tail) if hits else 0.0
    high = _solve(lambda share: tail - shares.below(hits, share)) if hits < trials else 1.0
    return low, high


def bounds(shares: np.ndarray, trials: int) -> np.ndarray:
    """Returns the bounds (2, …) of measured shares of so many trials each; NaN where a share is."""
    found = np.full((2, *shares.shape), np.nan)
    for at in np.argwhere(np.isfinite(shares)):
        found[:, *at] = interval(round(float(shares[*at]) * trials), trials)
    return found


class _Binomial:
    """How probable each count of hits is, by the share."""

    def __init__(self, trials: int) -> None:
        factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, trials + 1)))])
        self.trials, self.hits = trials, np.arange(trials + 1)
        self.ways = factorials[trials] - factorials - factorials[::-1]

    def above(self, hits: int, share: float) -> float:
        """Returns the probability of so many hits or more, 0 < share < 1."""
        return float(self._probable(share)[hits:].sum())

    def below(self, hits: int, share: float) -> float:
        """Returns the probability of so many hits or fewer."""
        return float(self._probable(share)[: hits + 1].sum())

    def _probable(self, share: float) -> np.ndarray:
        return np.exp(
            self.ways + self.hits * math.log(share) + (self.trials - self.hits) * math.log1p(-share)
        )


Table = tuple[int, int, int, int]
"""Hits and trials of one, hits and trials of the other."""


def fisher(hits: int, trials: int, other_hits: int, other_trials: int) -> float:
    """Returns how probable counts that differ at least as much are where both shares are the same.

    Two-sided: the sum over all tables with these sums that are no more probable. Fisher 1934.
    """
    return together([(hits, trials, other_hits, other_trials)])


def together(tables: Sequence[Table]) -> float:
    """Returns the same for several tables at once: in each both shares are the same, from table to table not.

    Given every table's sums, the first one's hits over all of them have an exact distribution. Cox 1966.
    """
    ways, least = [1], 0
    for hits, trials, other_hits, other_trials in tables:
        both = hits + other_hits
        rows = range(max(0, both - other_trials), min(trials, both) + 1)
        ways = _convolved(ways, [math.comb(trials, k) * math.comb(other_trials, both - k) for k in rows])
        least += hits - rows.start
    total = sum(ways)
    return min(1.0, math.fsum(n / total for n in ways if n <= ways[least]))


def _convolved(ways: Sequence[int], others: Sequence[int]) -> list[int]:
    """In how many ways two counts add up to 0, 1, 2 …; whole numbers, so that nothing is rounded."""
    found = [0] * (len(ways) + len(others) - 1)
    for k, n in enumerate(ways):
        for j, m in enumerate(others):
            found[k + j] += n * m
    return found


def holm(chances: Sequence[float]) -> list[float]:
    """Returns each probability adjusted for the number of comparisons made together. Holm 1979.

    Called different below .05, any of them is so by mistake in one case of twenty at most.
    """
    adjusted, highest = [0.0] * len(chances), 0.0
    for rank, at in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        highest = max(highest, min(1.0, (len(chances) - rank) * chances[at]))
        adjusted[at] = highest
    return adjusted


def _solve(rising: Callable[[float], float]) -> float:
    """The share between 0 and 1 at which a rising function crosses 0, to 2^-50."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2


# Bands of seeds.

OUTSIDE = 0.1
"""How often a further seed should lie outside a band."""


class Spread(NamedTuple):
    """The middle of some values, and the bounds of their band."""

    median: float
    low: float
    high: float


def rank(count: int) -> int:
    """Returns which value from either end bounds the band of so many: the second of 30 to 49."""
    return max(1, round(OUTSIDE / 2 * (count + 1)))


def coverage(count: int) -> float:
    """Returns how probably one more value lies within the band of so many, whatever they are drawn from.

    Every place among count + 1 values is equally probable for the last one; ties only widen it. Wilks 1941.
    """
    return max(0.0, 1 - 2 * rank(count) / (count + 1))


def spread(values: Sequence[float] | np.ndarray) -> Spread:
    """Returns middle and band of values."""
    return Spread(*(float(column[0]) for column in columns(np.asarray(values, float)[:, None])))


def columns(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns median, low and high (M,) of rows (seeds, M); NaN where one of them is."""
    ordered, k = np.sort(rows, axis=0), rank(len(rows))
    broken = np.isnan(rows).any(0)
    low, high = np.where(broken, np.nan, ordered[k - 1]), np.where(broken, np.nan, ordered[-k])
    return np.median(rows, 0), low, high
