"""Timing in one process, alternating: on a busy machine the ratios hold where seconds do not."""

import gc
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

WARM_UPS = 5
"""Calls before the first that counts: the profiling executor of torch.jit compiles in the first few."""


def medians(
    candidates: Mapping[str, Callable[[], object]],
    repeats: int,
    warm_ups: int = WARM_UPS,
    settled: bool = False,
) -> dict[str, float]:
    """Returns the median seconds of each candidate over repeats rounds, each round in another order.

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
                started = time.perf_counter()
                call()
                taken[name].append(time.perf_counter() - started)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


@contextmanager
def _collected_beforehand() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
