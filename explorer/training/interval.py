"""How much k of n says: the exact interval of a share."""

from collections.abc import Callable
from math import comb


def interval(passed: int, of: int, level: float = 0.95) -> tuple[float, float]:
    """Returns the shares (low, high) that do not make `passed of n` improbable, at a level of confidence.

    Clopper & Pearson 1934: low is the share at which so many or more come with probability (1 - level) / 2,
    high that at which so many or fewer do. (0, 1) for none of none.
    """
    if not 0 <= passed <= of:
        raise ValueError(f"{passed} of {of}")
    tail = (1 - level) / 2
    low = 0.0 if passed == 0 else _share(lambda p: _most(of - passed, of, 1 - p) > tail)
    high = 1.0 if passed == of else _share(lambda p: _most(passed, of, p) < tail)
    return low, high


def _most(k: int, n: int, p: float) -> float:
    """Returns the probability of at most k of n, each with probability p."""
    return sum(comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(k + 1))


def _share(beyond: Callable[[float], bool]) -> float:
    """Returns the share from which on a condition holds, by halving."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if beyond(middle) else (middle, high)
    return high
