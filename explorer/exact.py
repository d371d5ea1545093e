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
    tail = (1 - level) / 2
    low, high = _lowest(hits, trials, tail), 1 - _lowest(trials - hits, trials, tail)
    return low, high


def percents(hits: int, trials: int) -> tuple[str, str]:
    """Returns these bounds in percent, rounded outwards; with a decimal where they are under 5 apart."""
    low, high = (100 * bound for bound in interval(hits, trials))
    tenth = 10 if high - low < 5 else 1
    return f"{math.floor(low * tenth) / tenth:g}", f"{math.ceil(high * tenth) / tenth:g}"


def bracketed(hits: int, trials: int) -> str:
    """Returns them where there is little room: `[9, 20]`."""
    return "[{}, {}]".format(*percents(hits, trials))


def bounds(shares: np.ndarray, trials: int) -> np.ndarray:
    """Returns the bounds (2, …) of measured shares of so many trials each; NaN where a share is."""
    found = np.full((2, *shares.shape), np.nan)
    for at in np.argwhere(np.isfinite(shares)) if trials else ():
        found[:, *at] = interval(round(float(shares[*at]) * trials), trials)
    return found


def _lowest(hits: int, trials: int, tail: float) -> float:
    """Returns the share with which so many hits or more are as probable as tail, which is under a half."""
    if not hits:
        return 0.0
    most = min(trials, hits + 20 + 10 * math.isqrt(trials))  # what is beyond adds less than e^-200
    k = np.arange(hits, most + 1)
    factorials = _log_factorials(trials)
    ways = factorials[trials] - factorials[k] - factorials[trials - k]

    def above(share: float) -> float:
        return float(np.exp(ways + k * math.log(share) + (trials - k) * math.log1p(-share)).sum())

    return _solve(lambda share: above(share) - tail, hits / trials)


@lru_cache(maxsize=16)
def _log_factorials(most: int) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, most + 1)))])


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


def _solve(rising: Callable[[float], float], most: float) -> float:
    """The share between 0 and most at which a rising function crosses 0, to 2^-50."""
    low, high = 0.0, most
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
