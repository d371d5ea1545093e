"""Races on other machines: the workers of a Dask cluster, found through its scheduler (tcp://host:8786).

A worker has no access to the server's folder. It gets a race and its last checkpoints with its task,
reports over a topic, and reads wishes from a variable that the server keeps up to date. The server's end
is one thread that copies both ways; it alone writes into the folders of races.

Dask starts a task again where its worker is gone. Such a second attempt is not let in and does nothing:
its race counts as killed.
"""

import json
import queue
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from distributed import Client, Variable, fire_and_forget, get_worker
from distributed.client import ClosedClientError
from distributed.comm import parse_address
from distributed.comm.registry import get_backend

from explorer.training import folder as files
from explorer.training.awake import Awake
from explorer.training.events import Event
from explorer.training.race import race_from_json
from explorer.training.run import Carried, Tensors, Wish
from explorer.training.store import read_tensors, state_bytes, write_bytes

CONNECT_SECONDS = 5.0
"""How long a scheduler may take to answer."""

COPY_SECONDS = 0.1
"""How often the server looks for new wishes."""

BEAT_SECONDS = 1.0
"""How often it passes on that a lease was renewed."""

WISH_SECONDS = 0.3
"""How often a worker reads its wish: each time costs it some milliseconds."""

FORGET_BYTES = 8_000_000
"""After how many bytes of weights a scheduler is told to forget the reports it has passed on."""


GONE = (OSError, ClosedClientError, RuntimeError, AttributeError)
"""What Dask raises where the scheduler does not answer (OSError, its timeouts too), where the client has
closed, where the loop under it has, and where it is about to (its scheduler is None by then). Whoever only
passes something on then goes without: the next race that begins connects anew, or says that nobody answers.
"""


class NoScheduler(Exception):  # noqa: N818
    """No Dask scheduler answers at an address."""


class KilledWorker(Exception):  # noqa: N818
    """The worker that carried out a race is gone."""


# The worker's end


def work(board: str, name: str, race: str, states: Mapping[str, bytes]) -> None:
    """Carries out a race on a Dask worker, from where it was left."""
    torch.set_num_threads(1)
    channel = BoardChannel(board, name, states)
    if channel.let_in():
        Carried(race_from_json(race), channel).run()


def ready() -> None:
    """Does nothing: a worker that has run it has loaded all that a race needs."""


class BoardChannel:
    """A Channel over a Dask scheduler: a server's board is a topic for reports and a variable for wishes."""

    def __init__(self, board: str, name: str, states: Mapping[str, bytes]) -> None:
        self.board, self.name, self.states = board, name, states
        self.worker = get_worker()
        self.attempt = uuid.uuid4().hex
        self.variable = Variable(board)
        self.beat = -1
        self.awake = Awake()
        self.beaten = self.looked = 0.0
        self.last = Wish()

    def let_in(self) -> bool:
        """Says that it is here. Returns whether the server wants it; not a second attempt at a race."""
        self._report(begun=self.worker.address)
        until = time.monotonic() + files.LEASE_SECONDS
        while time.monotonic() < until:
            entry = self._entry()
            if entry is None:
                return False
            if entry["attempt"]:
                return bool(entry["attempt"] == self.attempt)
            time.sleep(0.02)
        return False

    def send(self, event: Event) -> None:
        self._report(event=event)

    def keep(self, name: str, tensors: Tensors) -> None:
        self._report(kept=name, data=state_bytes(tensors))

    def kept(self, name: str) -> dict[str, torch.Tensor] | None:
        return read_tensors(self.states[name]) if name in self.states else None

    def wish(self) -> Wish:
        now = time.monotonic()
        if now - self.looked > WISH_SECONDS:
            self.looked = now
            self.last = self._look()
        return self.last

    def _look(self) -> Wish:
        entry, now = self._entry(), self.awake.now()
        if entry is None or entry["attempt"] != self.attempt:
            return Wish("stop")
        if entry["beat"] != self.beat:
            self.beat, self.beaten = entry["beat"], now
        if now - self.beaten > files.LEASE_SECONDS:  # the server is gone
            return Wish("stop")
        return Wish(entry["command"], entry["singles"])

    def _entry(self) -> dict[str, Any] | None:
        """Returns what the board says of the race, or None: nothing, or there is no board any more."""
        try:
            found = self.variable.get(timeout=files.LEASE_SECONDS).get(self.name)
        except (OSError, TimeoutError):
            return None
        return None if found is None else dict(found)

    def _report(self, **report: Any) -> None:
        self.worker.log_event(self.board, {"name": self.name, "attempt": self.attempt, **report})


# The server's end


@dataclass(eq=False)
class Task:
    """A race on the cluster. attempt and worker are empty until a worker has begun."""

    folder: Path
    future: "Future[None]" = field(default_factory=Future)
    name: str = field(default_factory=lambda: f"race-{uuid.uuid4().hex}")
    task: Any = None
    attempt: str = ""
    worker: str = ""
    wish: Wish = field(default_factory=Wish)
    lease: float = 0.0
    passed_on: float = 0.0
    beat: int = 0

    @property
    def entry(self) -> dict[str, Any]:
        """What the board says of it."""
        command, singles = self.wish.command, self.wish.singles
        return {"attempt": self.attempt, "beat": self.beat, "command": command, "singles": singles}


class Cluster:
    """An Engine whose workers are those of a Dask cluster. Raises NoScheduler.

    slots counts the threads of all workers, at least 1; it is counted again when a race starts and when a
    worker comes or goes.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.board = f"explorer-{uuid.uuid4().hex}"
        self.slots = 1
        self.tasks: dict[str, Task] = {}
        self.orders: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self.changed, self.heard = False, 0
        self.client = self._connected()
        self._count()
        self.thread = threading.Thread(target=self._live, name="explorer-cluster", daemon=True)
        self.thread.start()

    def start(self, folder: Path) -> "Future[None]":
        task = Task(folder)
        task.future.set_running_or_notify_cancel()
        self.orders.put(lambda: self._guarded(task, partial(self._begin, task)))
        return task.future

    def warm(self) -> None:
        self.orders.put(self._warm)

    def close(self) -> None:
        """Ends all races of this server. The workers stay: they are not the server's own."""
        self.orders.put(None)
        self.thread.join(2 * CONNECT_SECONDS)
        if self.client.status == "running":
            for topic in (self.board, "all"):
                self.client.unsubscribe_topic(topic)
        self.client.close(timeout=CONNECT_SECONDS)

    def _connected(self) -> Client:
        client = None
        with suppress(OSError, ValueError):  # ValueError: no address at all
            get_backend(parse_address(self.address)[0])  # an unknown scheme, before a client starts its loop
            client = Client(self.address, timeout=CONNECT_SECONDS, set_as_default=False, name="rnn-explorer")
        if client is None:  # outside the error's reach, which keeps a half-made client alive
            raise NoScheduler(f"no Dask scheduler answers at {self.address!r}")
        self._listen(client)
        return client

    def _listen(self, client: Client) -> None:
        client.subscribe_topic(self.board, lambda event: self.orders.put(lambda: self._hear(event[1])))
        client.subscribe_topic("all", lambda event: self.orders.put(lambda: self._hear_of_worker(event[1])))

    def _count(self) -> None:
        self.slots = max(1, sum(self.client.nthreads().values()))

    # What follows runs in the engine's own thread.

    def _live(self) -> None:
        looked = 0.0
        while True:
            with suppress(queue.Empty):
                order = self.orders.get(timeout=COPY_SECONDS)
                if order is None:
                    break
                order()
            if time.monotonic() - looked > COPY_SECONDS:
                looked = time.monotonic()
                for task in list(self.tasks.values()):
                    self._guarded(task, partial(self._copy_wish, task))
            self._publish()
        for task in list(self.tasks.values()):
            self._end(task, CancelledError())
        self._publish()
        self._forget()

    def _guarded(self, task: Task, do: Callable[[], None]) -> None:
        """Does something for a race. Where that fails the race has failed, and no other."""
        try:
            do()
        except Exception as error:
            self._end(task, error)

    def _begin(self, task: Task) -> None:
        if self.client.status == "closed":
            self.client = self._connected()
        if self.client.status != "running":
            raise NoScheduler(f"no Dask scheduler answers at {self.address!r}")
        self._listen(self.client)  # a scheduler that was started again does not know of it
        self._count()
        self._copy_wish(task)
        self.tasks[task.name], self.changed = task, True
        self._publish()
        race = (task.folder / "race.json").read_text(encoding="utf-8")
        states = {f"{path.parent.name}/state": path.read_bytes() for path in task.folder.glob("*/state.*")}
        task.task = self.client.submit(
            work, self.board, task.name, race, states, key=task.name, pure=False, retries=0
        )
        task.task.add_done_callback(lambda done: self.orders.put(lambda: self._done(task)))

    def _done(self, task: Task) -> None:
        if task.name in self.tasks:
            cancelled = task.task.cancelled()
            self._end(task, CancelledError() if cancelled else task.task.exception())

    def _end(self, task: Task, error: BaseException | None = None) -> None:
        """Lets go of a race: whatever still works on it finds that nobody wants it."""
        self.tasks.pop(task.name, None)
        self.changed = True
        if task.task is not None and not task.task.done():
            with suppress(*GONE):  # then there is nothing left to cancel
                task.task.cancel()
        if not task.future.done():
            if error is None:
                task.future.set_result(None)
            else:
                task.future.set_exception(error)

    def _hear(self, report: Mapping[str, Any]) -> None:
        """A worker has reported."""
        task = self.tasks.get(report["name"])
        if task is None:
            return
        if "begun" in report:
            if task.attempt:
                self._end(task, KilledWorker(task.worker))
            else:
                task.attempt, task.worker, self.changed = report["attempt"], report["begun"], True
        elif report["attempt"] == task.attempt:
            self._guarded(task, partial(self._file, task, report))

    def _file(self, task: Task, report: Mapping[str, Any]) -> None:
        if "event" in report:
            files.add_event(task.folder, report["event"])
            return
        path = task.folder / f"{report['kept']}.safetensors"
        path.parent.mkdir(exist_ok=True)
        write_bytes(path, report["data"])
        self.heard += len(report["data"])
        if self.heard > FORGET_BYTES:
            self._forget()

    def _forget(self) -> None:
        """Tells the scheduler to drop what it has passed on: it would keep 100,000 reports."""
        board, self.heard = self.board, 0
        with suppress(*GONE):  # a scheduler that is gone keeps nothing
            self.client.run_on_scheduler(lambda dask_scheduler: dask_scheduler._broker.truncate(board))

    def _hear_of_worker(self, event: Mapping[str, Any]) -> None:
        """Something happened on the cluster."""
        if event.get("action") not in ("add-worker", "remove-worker"):
            return
        with suppress(*GONE):  # counted again when a race begins
            self._count()
        if event["action"] == "remove-worker":
            for task in list(self.tasks.values()):
                if task.worker == event["worker"] and not task.task.done():
                    self._end(task, KilledWorker(task.worker))

    def _copy_wish(self, task: Task) -> None:
        """Takes over a race's wish and lease from its folder."""
        path = task.folder / "wish.json"
        try:
            wish, lease = Wish(**json.loads(path.read_text(encoding="utf-8"))), path.stat().st_mtime
        except FileNotFoundError:  # the server removed the folder
            wish, lease = Wish("stop"), task.lease
        now = time.monotonic()
        if wish != task.wish or (lease != task.lease and now - task.passed_on > BEAT_SECONDS):
            task.wish, task.lease, task.passed_on, task.beat = wish, lease, now, task.beat + 1
            self.changed = True
        if wish.command == "stop" and task.task is not None and not task.attempt:  # no worker was free yet
            files.add_event(task.folder, {"kind": "stopped"})
            self._end(task)

    def _publish(self) -> None:
        """Brings the board up to date."""
        if not self.changed:
            return
        entries = {name: task.entry for name, task in self.tasks.items()}
        with suppress(*GONE):  # still changed: tried again at the next turn
            Variable(self.board, client=self.client).set(entries, timeout=CONNECT_SECONDS)
            self.changed = False

    def _warm(self) -> None:
        with suppress(*GONE):  # a worker that is not warm takes its first race a little later
            for worker in self.client.nthreads():
                fire_and_forget(self.client.submit(ready, workers=[worker], pure=False))


class Awaited:
    """An engine for a scheduler that does not answer yet: each race that begins asks again, and says so."""

    def __init__(self, address: str) -> None:
        self.address, self.lock = address, threading.Lock()
        self.cluster: Cluster | None = None

    @property
    def slots(self) -> int:
        return self.cluster.slots if self.cluster else 1

    def start(self, folder: Path) -> "Future[None]":
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()
        threading.Thread(target=self._begin, args=(folder, future), daemon=True).start()
        return future

    def warm(self) -> None:
        """Nothing answers that could be got ready."""

    def close(self) -> None:
        if self.cluster:
            self.cluster.close()

    def _begin(self, folder: Path, future: "Future[None]") -> None:
        try:
            with self.lock:
                self.cluster = self.cluster or Cluster(self.address)
        except NoScheduler as error:
            future.set_exception(error)
            return
        self.cluster.start(folder).add_done_callback(partial(_pass_on, future))


def _pass_on(future: "Future[None]", done: "Future[None]") -> None:
    error = done.exception()
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
