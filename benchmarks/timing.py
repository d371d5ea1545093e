"""Timing in one process, alternating: on a busy machine the ratios hold where seconds do not."""

import gc
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

WARM_UPS = 5
"""Calls before the first that counts: the profiling executor of torch.jit compiles in the first few."""


def medians(
    candidates: Mapping[str, Callable[[], object]],
    repeats: int,
    warm_ups: int = WARM_UPS,
    settled: bool = False,
) -> dict[str, float]:
    """Returns the median seconds of each candidate over the rounds of `rounds`."""
    taken = rounds(candidates, repeats, warm_ups, settled)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def rounds(
    candidates: Mapping[str, Callable[[], object]],
    repeats: int,
    warm_ups: int = WARM_UPS,
    settled: bool = False,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Returns the seconds of each candidate in each of repeats rounds, each round in another order.

    In a fixed order the same one always follows the slowest and finds the caches cold. settled: each
    call that counts follows one of its own that does not, where the candidates differ a hundredfold.
    """
    for call in candidates.values():
        for _ in range(warm_ups):
            call()
    order, shuffle = list(candidates), random.Random(0)
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    with _collected_beforehand():
        for _ in range(repeats):
            shuffle.shuffle(order)
            for name in order:
                call = candidates[name]
                if settled:
                    call()
                started = clock()
                call()
                taken[name].append(clock() - started)
    return taken


def ratios(seconds: Sequence[float], others: Sequence[float]) -> tuple[float, float, float]:
    """Returns the lower quartile, the median and the upper quartile of seconds / others, round by round."""
    low, middle, high = statistics.quantiles([a / b for a, b in zip(seconds, others, strict=True)], n=4)
    return low, middle, high


@contextmanager
def _collected_beforehand() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
