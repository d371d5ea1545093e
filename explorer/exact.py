"""Counts compared exactly: how sure a share of few trials is, and whether two shares differ.

No approximation by a normal distribution: of ten seeds it would be far off.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

LEVEL = 0.95
"""How often an interval of this kind covers the true share, at least."""


@lru_cache(maxsize=4096)
def interval(hits: int, trials: int, level: float = LEVEL) -> tuple[float, float]:
    """Returns the bounds of the share behind hits out of trials, exact. Clopper & Pearson 1934.

    The share is the same for every trial, and no trial depends on another. Raises ValueError for other than
    0 <= hits <= trials, trials >= 1.
    """
    if not 0 <= hits <= trials or trials < 1:
        raise ValueError(f"{hits} of {trials} is no count")
    tail = (1 - level) / 2
    low = _solve(lambda share: _at_least(hits, trials, share) - tail) if hits else 0.0
    high = _solve(lambda share: tail - _at_most(hits, trials, share)) if hits < trials else 1.0
    return low, high


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


def _at_least(hits: int, trials: int, share: float) -> float:
    return math.fsum(_probability(k, trials, share) for k in range(hits, trials + 1))


def _at_most(hits: int, trials: int, share: float) -> float:
    return math.fsum(_probability(k, trials, share) for k in range(hits + 1))


def _probability(hits: int, trials: int, share: float) -> float:
    """The binomial probability of hits, 0 < share < 1."""
    ways = math.lgamma(trials + 1) - math.lgamma(hits + 1) - math.lgamma(trials - hits + 1)
    return math.exp(ways + hits * math.log(share) + (trials - hits) * math.log1p(-share))


def _solve(rising: Callable[[float], float]) -> float:
    """The share between 0 and 1 at which a rising function crosses 0, to 2^-50."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2
