"""Where races run: in worker processes of this machine, or on a cluster; a queue in front of them.

A job that nobody watches goes on for a minute, then pauses, and goes on when somebody comes back. A paused
job holds no worker: its state is kept, and taken up by the next free one. Equal races are one job with one
stored result.
"""

import hashlib
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from explorer.limits import LEFT_SECONDS, MAX_QUEUE, MAX_RUNS, UNWATCHED_SECONDS
from explorer.training import folder as files
from explorer.training.events import EndEvent, OverEvent
from explorer.training.race import Race
from explorer.training.results import results
from explorer.training.run import Wish
from explorer.training.store import Bundle, write_bytes

SWEEP_SECONDS = 1.0
"""How often leases are renewed, and jobs that nobody watches looked for."""


class Engine(Protocol):
    """Where a race's work is done."""

    slots: int

    def start(self, folder: Path) -> "Future[None]":
        """Begins a race. The future ends with it; a killed worker is an exception."""

    def warm(self) -> None:
        """Gets a worker ready."""

    def close(self) -> None:
        """Ends all workers."""


class QueueFullError(Exception):
    """More races are waiting than the queue takes."""


@dataclass
class Job:
    """A race that was asked for. future is None while no worker has it.

    paused: it waits for a wish, its state kept; deserted: it was paused because nobody watched.
    """

    key: str
    folder: Path
    future: "Future[None] | None" = None
    waiting: bool = False
    paused: bool = False
    deserted: bool = False
    wish: Wish = field(default_factory=Wish)
    watchers: int = 0
    left: float = 0.0
    """Since when nobody watches; monotonic seconds."""

    @property
    def active(self) -> bool:
        return self.waiting or self.paused or self.future is not None


@dataclass(frozen=True)
class Standing:
    """Where a job stands: queued (place counts those before it), running, paused, or over."""

    state: str
    place: int = 0
    watchers: int = 0


class Jobs:
    """All jobs of this server. Methods may be called from any thread and return at once."""

    def __init__(self, root: Path, engine: Engine) -> None:
        self.root, self.engine = root, engine
        self.jobs: dict[str, Job] = {}
        self.queue: list[Job] = []
        self.lock = threading.RLock()
        self.sweeper: threading.Thread | None = None

    def submit(self, race: Race, again: bool = False) -> str:
        """Starts a race, or takes it up where it was left, or joins it; returns its key.

        again throws a stored result away, unless somebody else is watching it. Raises QueueFullError.
        """
        with self.lock:
            job = self.jobs.get(race.key)
            if job is None or (again and not job.active and not job.watchers):
                self._forget(race.key)
                folder = self.root / race.key
                files.create(folder, race)
                job = self.jobs[race.key] = Job(race.key, folder)
            if not job.active and self._last(job) != "done":
                if len(self.queue) >= MAX_QUEUE:
                    raise QueueFullError
                job.left = time.monotonic()
                self._enqueue(job, Wish())
                self._keep_sweeping()
            self._tidy()
            return race.key

    def adopt(self, bundle: Bundle, data: bytes) -> str:
        """Takes in a network that was trained elsewhere, as a race of one that is over; returns its key."""
        key = hashlib.sha256(data).hexdigest()[:16]
        with self.lock:
            if key not in self.jobs:
                folder = self.root / key
                files.create(folder, Race((bundle.experiment.cell,), (bundle.experiment,)))
                write_bytes(folder / files.BUNDLE, data)
                self.jobs[key] = Job(key, folder)
                self._tidy()
            return key

    def let_go(self, key: str) -> bool:
        """Forgets a race that is over, unless somebody watches it; False where a worker still has it."""
        with self.lock:
            job = self.jobs.get(key)
            if job is not None and job.active:
                return False
            if job is not None and not job.watchers:
                self._forget(key)
            return True

    def folder(self, key: str) -> Path | None:
        """Returns the folder of a race, or None where this server does not have it."""
        job = self.jobs.get(key)
        return None if job is None else job.folder

    def state(self, key: str) -> Standing:
        """Returns where a known job stands."""
        with self.lock:
            job = self.jobs[key]
            if job.waiting:
                return Standing("queued", self.queue.index(job), job.watchers)
            if job.paused or (job.future is not None and job.wish.command == "pause"):
                return Standing("paused", 0, job.watchers)
            if job.future is not None:
                return Standing("running", 0, job.watchers)
            return Standing("over", 0, job.watchers)

    def command(self, key: str, command: str) -> bool:
        """Asks a job to `go`, `pause`, make a single `step`, or `stop`.

        Returns False where others watch it too: nobody else's race is paused or stopped.
        """
        with self.lock:
            job = self.jobs[key]
            if job.watchers > 1 and command != "go":
                return False
            job.deserted = False
            singles = job.wish.singles + (command == "step")
            self._put(job, Wish("pause" if command == "step" else command, singles))
            return True

    @contextmanager
    def watching(self, key: str) -> Iterator[Job]:
        """Counts as one who watches a job while the block lives. A deserted one goes on."""
        job = self.jobs[key]
        with self.lock:
            job.watchers += 1
            if job.deserted:
                job.deserted = False
                self._put(job, Wish("go", job.wish.singles))
        try:
            yield job
        finally:
            with self.lock:
                job.watchers -= 1
                job.left = time.monotonic()

    def sweep(self) -> None:
        """Renews the leases of all jobs that run; pauses those that nobody has watched for a while.

        One that was paused and is left alone for much longer ends as if it had been stopped.
        """
        now = time.monotonic()
        with self.lock:
            for job in list(self.jobs.values()):
                if job.future is not None:
                    files.renew(job.folder)
                if not job.active or job.watchers:
                    continue
                if job.paused and now - job.left > LEFT_SECONDS:
                    self._put(job, Wish("stop"))
                elif job.wish.command == "go" and now - job.left > UNWATCHED_SECONDS:
                    job.deserted = True
                    self._put(job, Wish("pause", job.wish.singles))

    def _keep_sweeping(self) -> None:
        """Sweeps from now on until no job is active."""
        if self.sweeper is None:
            self.sweeper = threading.Thread(target=self._sweeping, daemon=True)
            self.sweeper.start()

    def _sweeping(self) -> None:
        while True:
            time.sleep(SWEEP_SECONDS)
            with self.lock:
                if not any(job.active for job in self.jobs.values()):
                    self.sweeper = None
                    return
            self.sweep()

    def close(self) -> None:
        """Ends all work and removes what was stored."""
        self.engine.close()
        shutil.rmtree(self.root, ignore_errors=True)

    def _put(self, job: Job, wish: Wish) -> None:
        """Passes a wish on: to the worker that has the job, else to the queue or out of it."""
        if job.future is not None:
            if job.wish != wish:
                job.wish = wish
                files.put_wish(job.folder, wish)
        elif job.active and wish.command == "stop":
            self._leave_queue(job)
            self._stopped(job)
        elif job.active and wish.command == "pause" and not wish.singles:
            self._leave_queue(job)
            self._rest(job)
        elif job.active:
            self._enqueue(job, wish)

    def _enqueue(self, job: Job, wish: Wish) -> None:
        """Lets a job wait for a worker, in its place if it waits already."""
        job.wish, job.paused = wish, False
        files.put_wish(job.folder, wish)
        if not job.waiting:
            job.waiting = True
            self.queue.append(job)
        self._next()

    def _leave_queue(self, job: Job) -> None:
        if job.waiting:
            job.waiting = False
            self.queue.remove(job)

    def _rest(self, job: Job) -> None:
        job.wish, job.paused = Wish("pause"), True

    def _stopped(self, job: Job) -> None:
        """Ends a job that no worker has."""
        job.paused = job.deserted = False
        for k, racer in enumerate(results(files.events_in(job.folder))):
            if racer.status == "running":
                end: EndEvent = {"kind": "end", "racer": k, "status": "stopped", "step": racer.step}
                files.add_event(job.folder, end)
        files.add_event(job.folder, {"kind": "stopped"})

    def _next(self) -> None:
        busy = sum(job.future is not None for job in self.jobs.values())
        while self.queue and busy < self.engine.slots:
            job = self.queue.pop(0)
            job.waiting = False
            files.renew(job.folder)
            job.future = self.engine.start(job.folder)
            job.future.add_done_callback(partial(self._ended, job))
            busy += 1

    def _ended(self, job: Job, future: "Future[None]") -> None:
        """Called from the engine's thread once a race's work has ended, well or not."""
        with self.lock:
            try:
                error = future.exception()
            except CancelledError as cancelled:
                error = cancelled
            job.future = None
            if job.folder.exists():
                if error is not None:
                    files.add_event(job.folder, _mishap(error))
                last = files.events_in(job.folder)[-1:]
                if last and last[0]["kind"] == "paused":
                    self._paused(job, last[0]["singles"])
            job.deserted &= job.active
            self._next()

    def _paused(self, job: Job, made: int) -> None:
        """A worker has left a job, some single steps made. What was wished meanwhile is not forgotten."""
        job.paused = True
        left = max(0, job.wish.singles - made) if job.wish.command == "pause" else 0
        self._put(job, Wish(job.wish.command, left))

    def _last(self, job: Job) -> str:
        lines = files.events_in(job.folder)
        return lines[-1]["kind"] if lines else ""

    def _forget(self, key: str) -> None:
        job = self.jobs.pop(key, None)
        if job is not None:
            shutil.rmtree(job.folder, ignore_errors=True)

    def _tidy(self) -> None:
        """Lets go of the oldest results that nobody watches."""
        idle = [job for job in self.jobs.values() if not job.active and not job.watchers]
        for job in sorted(idle, key=lambda job: job.left)[: max(0, len(self.jobs) - MAX_RUNS)]:
            self._forget(job.key)


def _mishap(error: BaseException) -> OverEvent:
    """An event for work that did not come to its end: its process was killed, or it failed."""
    from loky.process_executor import BrokenProcessPool

    killed = isinstance(error, BrokenProcessPool | CancelledError) or "KilledWorker" in type(error).__name__
    return {"kind": "killed"} if killed else {"kind": "failed", "error": type(error).__name__}
