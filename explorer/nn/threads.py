"""One thread: matrices as small as these are multiplied before two threads have found each other."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch computes in one thread inside; stands over a block, or over a function as `@one_thread()`.

    More than one gains nothing here, waits for each other at full load, and adds up in another order: other
    weights than those on the page.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
