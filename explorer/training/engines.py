"""The two places where races run: worker processes of this machine, or a Dask cluster."""

import os
import threading
from concurrent.futures import Future
from pathlib import Path

import loky

from explorer.training.worker import leave_with, prepare, work


class Local:
    """Worker processes, niced, one torch thread each, at most one a core. The first is kept warm.

    Each slot is a pool of its own: a worker that is killed takes nobody with it.
    """

    def __init__(self, slots: int | None = None) -> None:
        self.slots = slots or os.cpu_count() or 1
        self.pools: list[loky.ProcessPoolExecutor | None] = [None] * self.slots
        self.busy: set[int] = set()
        self.lock = threading.Lock()

    def start(self, folder: Path) -> "Future[None]":
        with self.lock:
            slot = next(k for k in range(self.slots) if k not in self.busy)
            self.busy.add(slot)
            future = self._pool(slot).submit(work, str(folder))
        future.add_done_callback(lambda done: self._free(slot, done))
        return future

    def warm(self) -> None:
        with self.lock:
            if self.pools[0] is None:
                self._pool(0).submit(prepare)

    def processes(self) -> list[int]:
        """Returns the process numbers of all workers."""
        return [pid for pool in self.pools if pool is not None for pid in pool._processes]

    def close(self) -> None:
        for pool in self.pools:
            if pool is not None:
                pool.shutdown(wait=True, kill_workers=True)

    def _pool(self, slot: int) -> loky.ProcessPoolExecutor:
        pool = self.pools[slot]
        if pool is None:
            pool = self.pools[slot] = loky.ProcessPoolExecutor(
                max_workers=1, initializer=leave_with, initargs=(os.getpid(),)
            )
        return pool

    def _free(self, slot: int, done: "Future[None]") -> None:
        with self.lock:
            self.busy.discard(slot)
            if done.cancelled() or done.exception() is not None:
                self.pools[slot] = None  # a broken pool takes no more work
