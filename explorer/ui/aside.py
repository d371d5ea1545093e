"""Long work aside: in a process beside the server, so that nobody waits for what another page learns.

    found = aside(deep.fit, "lstm", "en", 2, True, 0)

What is learned for a page takes seconds; in the server's one interpreter it would take its turns from every
other page. The page's thread waits. Where nobody opened the process (tests, a notebook), the work is done
here: the same function gives the same numbers.
"""

import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import loky
from loky.process_executor import BrokenProcessPool

from explorer.training.worker import leave_with

Found = TypeVar("Found")

NICENESS = 5
"""After the server's pages, before races: somebody waits for it."""

TRIES = 2
"""How often work is given out: its process may be killed under it."""


class Aside:
    """One process for all pages, one piece of work after another."""

    def __init__(self) -> None:
        self.pool: loky.ProcessPoolExecutor | None = None
        self.lock = threading.Lock()

    def open(self) -> None:
        """Starts the process, which gets ready meanwhile."""
        with self.lock:
            if self.pool is None:
                self.pool = _pool()
                self.pool.submit(_ready)

    def close(self) -> None:
        """Ends the process, and what it is at."""
        with self.lock:
            pool, self.pool = self.pool, None
        if pool is not None:
            pool.shutdown(wait=True, kill_workers=True)

    def __call__(self, function: Callable[..., Found], *args: Any) -> Found:
        """Returns what a module's function gives, raises what it raises. Arguments and result are pickled."""
        for _ in range(TRIES):
            pool = self.pool
            if pool is None:
                break
            try:
                return pool.submit(function, *args).result()
            except BrokenProcessPool:
                self._renew(pool)
        return function(*args)

    def _renew(self, broken: loky.ProcessPoolExecutor) -> None:
        with self.lock:
            if self.pool is broken:
                self.pool = _pool()


def _pool() -> loky.ProcessPoolExecutor:
    return loky.ProcessPoolExecutor(max_workers=1, initializer=_prepare, initargs=(os.getpid(),))


def _prepare(server: int) -> None:
    leave_with(server)
    os.nice(NICENESS)
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1, "blas")


def _ready() -> None:
    """Learns something small: the first training also loads the optimiser, for which nobody then waits."""
    from explorer.experiment import Experiment
    from explorer.lab.learned import learn

    learn(Experiment())


aside = Aside()
