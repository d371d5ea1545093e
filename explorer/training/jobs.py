"""Where races run: in worker processes of this machine, or on a cluster; a queue in front of them.

A job that nobody watches goes on for a minute, then pauses, and goes on when somebody comes back. A paused
job holds no worker: its state is kept, and taken up by the next free one. Equal races are one job with one
stored result, which goes on while anybody wants it. Visitors have fair shares: everybody's first race goes
before anybody's second, and where some wait, one that has trained for a while lets the next one in.
"""

import errno
import hashlib
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Protocol
from weakref import WeakSet

from explorer.limits import (
    LEFT_SECONDS,
    MAX_QUEUE,
    MAX_QUEUE_ADDRESS,
    MAX_RACES_EACH,
    MAX_RUNS,
    TURN_SECONDS,
    UNWATCHED_SECONDS,
)
from explorer.training import folder as files
from explorer.training.awake import Awake
from explorer.training.events import EndEvent, OverEvent
from explorer.training.race import Race
from explorer.training.results import over, results
from explorer.training.run import Wish
from explorer.training.shares import giving_way
from explorer.training.store import Bundle, write_bytes
from explorer.training.wants import Wants

SWEEP_SECONDS = 1.0
"""How often leases are renewed, and jobs that nobody watches looked for."""

DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""What a disk says that is full, read-only or broken."""


class Engine(Protocol):
    """Where a race's work is done."""

    @property
    def slots(self) -> int:
        """How many races run at once."""

    def start(self, folder: Path) -> "Future[None]":
        """Begins a race. The future ends with it; a killed worker is an exception."""

    def warm(self) -> None:
        """Gets a worker ready."""

    def close(self) -> None:
        """Ends all workers."""


class QueueFullError(Exception):
    """More races are waiting than the queue takes."""


class ShareFullError(QueueFullError):
    """A visitor has as many races under way as one may have: how many."""


class StrangerError(Exception):
    """Somebody commands a race that they have neither asked for nor watched."""


class Use:
    """Whoever keeps this uses a stored race: it is not the first to go."""


@dataclass(eq=False)
class Job:
    """A race that was asked for. future is None while no worker has it.

    paused: it waits for a wish, its state kept; deserted: it was paused because nobody wanted it;
    yielding: its worker is asked to let another in. owner, address: whose share it counts to. untold: how
    it ended, as long as that could not be written down.
    """

    key: str
    folder: Path
    owner: str = ""
    address: str = ""
    future: "Future[None] | None" = None
    waiting: bool = False
    paused: bool = False
    deserted: bool = False
    yielding: bool = False
    wish: Wish = field(default_factory=Wish)
    wants: Wants = field(default_factory=Wants)
    uses: "WeakSet[Use]" = field(default_factory=WeakSet)
    untold: OverEvent | None = None
    left: float = 0.0
    """When it was last watched or used, and when its turn at a worker began: the board's seconds."""
    began: float = 0.0

    @property
    def active(self) -> bool:
        return self.waiting or self.paused or self.future is not None

    @property
    def watchers(self) -> int:
        return self.wants.watchers


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
        self.clock = Awake()
        self.alive: IO[bytes] | None = None  # what shows other servers that this one is there

    def submit(self, race: Race, again: bool = False, visitor: str = "", address: str = "") -> str:
        """Starts a race, or takes it up where it was left, or joins it; returns its key.

        visitor, address: who asks, and from where; "" is this process itself. again throws a stored result
        away, unless somebody watches it. Raises QueueFullError, ShareFullError; OSError where nothing can be
        stored: then all is as it was.
        """
        with self.lock:
            job, now = self._known(race.key), self.clock.now()
            if job is not None and again and not job.active and not job.watchers:
                job = None
            if job is None or (not job.active and self._last(job) != "done"):
                self._check_shares(visitor, address)
                job = job or self._stored(race)
                job.owner, job.address, job.left = visitor, address, now
                job.wants = job.wants.watching()
                job.wants.ask(visitor, now)
                self._enqueue(job, Wish())
                self._keep_sweeping()
            elif job.active:
                job.wants.ask(visitor, now)
            self._tidy()
            return race.key

    def adopt(self, bundle: Bundle, data: bytes, visitor: str = "") -> str:
        """Takes in a network that was trained elsewhere, as a race of one that is over; returns its key.

        Raises OSError where it cannot be stored.
        """
        key = hashlib.sha256(data).hexdigest()[:16]
        with self.lock:
            if self._known(key) is None:
                folder = self.root / key
                shutil.rmtree(folder, ignore_errors=True)
                files.create(folder, Race((bundle.experiment.cell,), (bundle.experiment,)))
                try:
                    write_bytes(folder / files.BUNDLE, data)
                except OSError:
                    shutil.rmtree(folder, ignore_errors=True)
                    raise
                self.jobs[key] = Job(key, folder, visitor, left=self.clock.now())
            self.used(key)
            self._tidy()
            return key

    def used(self, key: str, use: Use | None = None) -> None:
        """Counts a known race as used now, and for as long as somebody keeps `use`."""
        with self.lock:
            if job := self.jobs.get(key):
                job.left = self.clock.now()
                if use is not None:
                    job.uses.add(use)

    def _stored(self, race: Race) -> Job:
        """Makes room for a race, in place of what there was of it."""
        self._forget(race.key)
        folder = self.root / race.key
        shutil.rmtree(folder, ignore_errors=True)  # what a full disk may have left
        files.create(folder, race)
        job = self.jobs[race.key] = Job(race.key, folder)
        return job

    def _check_shares(self, visitor: str, address: str) -> None:
        """Raises QueueFullError, ShareFullError."""
        under_way = [job for job in self.jobs.values() if job.waiting or job.future is not None]
        own = sum(job.owner == visitor for job in under_way)
        if own >= MAX_RACES_EACH:
            raise ShareFullError(own)
        near = sum(job.address == address for job in self.queue)
        if len(self.queue) >= MAX_QUEUE or (address and near >= MAX_QUEUE_ADDRESS):
            raise QueueFullError

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
        """Returns the folder of a race, or None where this server does not have it, or not any more."""
        job = self._known(key)
        return None if job is None else job.folder

    def state(self, key: str) -> Standing:
        """Returns where a known job stands."""
        with self.lock:
            job = self.jobs[key]
            if job.waiting:
                return Standing("queued", self._order().index(job), job.watchers)
            if job.paused or (job.future is not None and job.wish.command == "pause"):
                return Standing("paused", 0, job.watchers)
            if job.future is not None:
                return Standing("running", 0, job.watchers)
            return Standing("over", 0, job.watchers)

    def end(self, key: str) -> str:
        """Returns how a known job ended last, written down or not yet; "" where it has not."""
        job = self.jobs[key]
        return job.untold["kind"] if job.untold else over(files.events_in(job.folder))

    def command(self, key: str, command: str, visitor: str = "") -> int:
        """Asks a job to `go`, `pause`, make a single `step`, or `stop`, for a visitor.

        Returns 0, or how many want it where others do: nobody else's race is paused or stopped, and what was
        asked counts once they are gone. Raises StrangerError, OSError.
        """
        with self.lock:
            job = self.jobs[key]
            want = job.wants.of.get(visitor)
            if want is None:
                raise StrangerError
            want.go = command == "go"
            others = [v for v in self._who(job) if v != visitor]
            if others and command != "go":
                return 1 + len(others)
            job.deserted = False
            singles = job.wish.singles + (command == "step")
            self._put(job, Wish("pause" if command == "step" else command, singles))
            return 0

    @contextmanager
    def watching(self, key: str, visitor: str = "") -> Iterator[Job]:
        """Counts as one who watches a job, and wants it, while the block lives. A deserted one goes on."""
        job = self.jobs[key]
        with self.lock:
            job.wants.come(visitor)
            if job.deserted:
                job.deserted = False
                with suppress(OSError):
                    self._put(job, Wish("go", job.wish.singles))
        try:
            yield job
        finally:
            with self.lock:
                job.left = self.clock.now()
                job.wants.leave(visitor, job.left, keep=job.active)

    def sweep(self) -> None:
        """Renews the leases of all jobs that run; pauses those that nobody has wanted for a while.

        One that was paused and is left alone for much longer ends as if it had been stopped.
        """
        with self.lock:
            now = self.clock.now()
            for job in list(self.jobs.values()):
                with suppress(OSError):  # the store is full or gone: what runs there ends by itself
                    self._look_after(job, now)
            self._take_turns(now)

    def _look_after(self, job: Job, now: float) -> None:
        if job.future is not None:
            files.renew(job.folder)
        if job.untold is not None:
            self._tell(job, job.untold)
        if not job.active:
            return
        if job.watchers:
            job.left = now
        if job.paused and now - job.left > LEFT_SECONDS:
            self._put(job, Wish("stop"))
        elif job.wish.command == "go" and not self._who(job):
            job.deserted = True
            self._put(job, Wish("pause", job.wish.singles))

    def _who(self, job: Job) -> list[str]:
        """Returns the visitors who want a job to go on."""
        return job.wants.who(self.clock.now(), UNWATCHED_SECONDS)

    def _order(self) -> list[Job]:
        """Returns the jobs that wait, who is next in front: everybody's first, then everybody's second.

        Among these every address's first goes first: who invents visitors holds up only their own address.
        """
        running = [job for job in self.jobs.values() if job.future is not None]
        having, near = Counter(v for job in running for v in self._shares(job)), Counter[str]()
        near.update(job.address for job in running)
        ranks = {}
        for job in self.queue:
            shares = self._shares(job)
            ranks[job.key] = min(having[v] for v in shares), near[job.address]
            having.update(shares)
            near[job.address] += 1
        return sorted(self.queue, key=lambda job: ranks[job.key])

    def _shares(self, job: Job) -> list[str]:
        """Returns whose shares a job counts to."""
        return self._who(job) or [job.owner]

    def _take_turns(self, now: float) -> None:
        """Lets a job that waits in, where one that has had its turn can go on later."""
        running = [job for job in self.jobs.values() if job.future is not None]
        if not self.queue or len(running) < self.engine.slots or any(job.yielding for job in running):
            return
        had = [j for j in running if j.wish.command == "go" and now - j.began > TURN_SECONDS]
        if had:
            count = Counter(v for job in running for v in self._shares(job))
            first = min(had, key=lambda j: (-min(count[v] for v in self._shares(j)), j.began))
            with suppress(OSError):
                files.put_wish(first.folder, Wish("pause"))
                first.yielding = True

    def _keep_sweeping(self) -> None:
        """Sweeps from now on until no job is active."""
        if self.sweeper is None:
            self.sweeper = threading.Thread(target=self._sweeping, daemon=True)
            self.sweeper.start()

    def _sweeping(self) -> None:
        while True:
            time.sleep(SWEEP_SECONDS)
            with self.lock:
                if not any(job.active or job.untold for job in self.jobs.values()):
                    self.sweeper = None
                    return
            self.sweep()

    def close(self) -> None:
        """Ends all work and removes what was stored."""
        self.engine.close()
        shutil.rmtree(self.root, ignore_errors=True)

    def _put(self, job: Job, wish: Wish) -> None:
        """Passes a wish on: to the worker that has the job or to the queue, or out of it. Raises OSError."""
        if job.future is not None:
            if job.wish != wish:
                files.put_wish(job.folder, wish)
                job.wish, job.yielding = wish, False
        elif job.active and wish.command == "stop":
            self._leave_queue(job)
            self._stopped(job)
        elif job.active and wish.command == "pause" and not wish.singles:
            self._leave_queue(job)
            self._rest(job)
        elif job.active:
            self._enqueue(job, wish)

    def _enqueue(self, job: Job, wish: Wish) -> None:
        """Lets a job wait for a worker, in its place if it waits already. Raises OSError."""
        files.put_wish(job.folder, wish)
        job.wish, job.paused = wish, False
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
        self._tell(job, {"kind": "stopped"})

    def _next(self) -> None:
        busy = sum(job.future is not None for job in self.jobs.values())
        while self.queue and busy < self.engine.slots:
            job = self._order()[0]
            self._leave_queue(job)
            with suppress(OSError):  # its worker says what is wrong
                files.renew(job.folder)
            job.untold, job.yielding, job.began = None, False, self.clock.now()
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
            try:
                self._settle(job, error)
            except OSError as fault:  # nothing can be read or written: it is over, and said so
                job.paused, job.untold = False, job.untold or _mishap(fault)
            job.yielding, job.deserted = False, job.deserted and job.active
            if not job.folder.is_dir():
                self._leave_queue(job)
                self.jobs.pop(job.key, None)
            self._next()

    def _settle(self, job: Job, error: BaseException | None) -> None:
        """Does what the end of a job's work asks for. Raises OSError."""
        if error is not None:
            self._tell(job, _mishap(error))
            return
        last = files.events_in(job.folder)[-1:]
        if last and last[0]["kind"] == "paused":
            self._paused(job, last[0]["singles"])

    def _tell(self, job: Job, event: OverEvent) -> None:
        """Writes down how a race ended; until it can be, that is kept here. Raises OSError."""
        job.untold = event
        files.add_event(job.folder, event)
        job.untold = None

    def _paused(self, job: Job, made: int) -> None:
        """A worker has left a job, some single steps made. What was wished meanwhile is not forgotten."""
        job.paused = True
        left = max(0, job.wish.singles - made) if job.wish.command == "pause" else 0
        self._put(job, Wish(job.wish.command, left))

    def _known(self, key: str) -> Job | None:
        """Returns a job, or None; one whose folder has vanished is forgotten."""
        job = self.jobs.get(key)
        if job is not None and not job.folder.is_dir():
            with self.lock:
                if job.future is None:
                    self._leave_queue(job)
                    self.jobs.pop(key, None)
            return None
        return job

    def _last(self, job: Job) -> str:
        lines = files.events_in(job.folder)
        return lines[-1]["kind"] if lines else ""

    def _forget(self, key: str) -> None:
        job = self.jobs.pop(key, None)
        if job is not None:
            shutil.rmtree(job.folder, ignore_errors=True)

    def _tidy(self) -> None:
        """Lets go of results that nobody watches: first those that nobody uses, of whoever has most."""
        for used in (False, True):
            idle = [j for j in self.jobs.values() if not j.active and not j.watchers and bool(j.uses) <= used]
            idle.sort(key=lambda job: job.left)
            held: dict[str, list[Job]] = {}
            for job in idle:
                held.setdefault(job.owner, []).append(job)
            for job in giving_way(held, max(0, MAX_RUNS - (len(self.jobs) - len(idle)))):
                self._forget(job.key)


def _mishap(error: BaseException) -> OverEvent:
    """An event for work that did not come to its end: its process was killed, or it failed."""
    from loky.process_executor import BrokenProcessPool

    if isinstance(error, BrokenProcessPool | CancelledError) or "KilledWorker" in type(error).__name__:
        return {"kind": "killed"}
    if isinstance(error, OSError) and error.errno in DISK:
        return {"kind": "failed", "error": "disk"}
    if "NoScheduler" in type(error).__name__:
        return {"kind": "failed", "error": "scheduler"}
    return {"kind": "failed", "error": type(error).__name__}
