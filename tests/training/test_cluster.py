"""Races on a Dask cluster: a real scheduler and two workers on this machine, and the same bits as here."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from explorer import Experiment
from explorer.training import awake, cluster, jobs
from explorer.training import folder as files
from explorer.training.cluster import Awaited, BoardChannel, Cluster, KilledWorker, NoScheduler
from explorer.training.jobs import Job, Jobs
from explorer.training.race import Race, race_of
from explorer.training.results import results
from explorer.training.run import Carried, InMemory, Wish

ROOT = Path(__file__).resolve().parents[2]
SHORT = race_of(Experiment(length=10, size=4, budget=60, racers="rnn;lstm bias=fixed keep_bias=1"))
LONG = race_of(Experiment(length=50, size=4, budget=20_000, racers="gru"))


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """The address of a scheduler with two workers of one thread."""
    folder = tmp_path_factory.mktemp("dask")
    contact = folder / "scheduler.json"
    log = (folder / "log").open("w")

    def started(tool: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{tool}", "--no-dashboard", *options]
        return subprocess.Popen(
            [*command, "--scheduler-file", str(contact)], cwd=ROOT, stderr=log, stdout=log
        )

    worker = ("worker", "--no-nanny", "--nthreads", "1", "--local-directory", str(folder))
    processes = [
        started("scheduler", "--host", "127.0.0.1", "--port", "0"),
        started(*worker),
        started(*worker),
    ]
    try:
        wait(lambda: contact.exists() and contact.read_text().endswith("}"))
        yield json.loads(contact.read_text())["address"]
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
        log.close()


@pytest.fixture
def engine(address) -> Iterator[Cluster]:
    engine = Cluster(address)
    wait(engine.client.nthreads)
    engine.warm()
    yield engine
    engine.close()
    assert not engine.thread.is_alive()


@pytest.fixture
def board(engine, tmp_path) -> Jobs:
    return Jobs(tmp_path / "jobs", engine)


def wait(until: Callable[[], object], seconds: float = 600.0) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.02)


def settled(read: Callable[[], int], still: int = 60) -> int:
    """Returns what is read once it has stayed the same for a while."""
    same, value = 0, read()
    while same < still:
        time.sleep(0.02)
        same, value = (same + 1, value) if read() == value else (0, read())
    return value


@contextmanager
def raced(board: Jobs, race: Race) -> Iterator[Job]:
    """A race that somebody watches."""
    key = board.submit(race)
    with board.watching(key) as job:
        yield job


def steps(job: Job, racer: int = 0) -> int:
    found = results(files.events_in(job.folder))
    return found[racer].step if found else 0


def over(board: Jobs, job: Job) -> bool:
    return board.state(job.key).state == "over"


def last(job: Job) -> dict[str, object]:
    return files.events_in(job.folder)[-1]


def busy(engine: Cluster) -> int:
    """Returns how many tasks the workers are carrying out."""
    return sum(engine.client.run(lambda dask_worker: len(dask_worker.active_threads)).values())


def test_a_race_on_the_cluster_has_the_bits_of_one_here(engine, board):
    here = InMemory()
    Carried(SHORT, here).run()
    with raced(board, SHORT) as job:
        wait(lambda: over(board, job))
    there = files.events_in(job.folder)
    assert there[-1] == {"kind": "done"}
    for ours, theirs in zip(results(here.events), results(there), strict=True):
        assert (ours.name, ours.parameters, ours.status) == (theirs.name, theirs.parameters, theirs.status)
        for name in ("loss", "norm", "checks", "metric"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), strict=True)
    for kind in ("look", "kept", "end"):
        assert [e for e in there if e["kind"] == kind] == [e for e in here.events if e["kind"] == kind]
    for name, tensors in here.store.items():
        stored = files.tensors_in(job.folder, name)
        assert stored is not None and stored.keys() == tensors.keys()
        same = (torch.equal(value, tensors[key]) for key, value in stored.items() if key != "progress")
        assert all(same)  # progress holds CPU seconds
    assert engine.slots == 2


def test_a_race_pauses_stops_and_goes_on_where_it_was(engine, board):
    with raced(board, LONG) as job:
        wait(lambda: steps(job) > 30)
        board.command(job.key, "pause")
        wait(lambda: job.paused)
        assert not engine.tasks and board.state(job.key).state == "paused"
        paused = steps(job)
        board.command(job.key, "step")
        board.command(job.key, "step")
        wait(lambda: steps(job) == paused + 2)
        wait(lambda: job.paused and not engine.tasks)
        assert steps(job) == paused + 2
        board.command(job.key, "go")
        wait(lambda: steps(job) > paused + 50)
        board.command(job.key, "stop")
        wait(lambda: over(board, job))
        assert last(job) == {"kind": "stopped"}
        stopped = steps(job)
        assert board.submit(LONG) == job.key
        wait(lambda: steps(job) > stopped + 50)
        begun = [event["step"] for event in files.events_in(job.folder) if event["kind"] == "racer"]
        assert (begun[0], begun[1], begun[-1]) == (0, paused, stopped)
        board.command(job.key, "stop")
        wait(lambda: over(board, job))
    wait(lambda: not busy(engine))
    assert not engine.tasks


def test_a_race_that_no_worker_is_free_for_can_be_stopped(engine, tmp_path):
    folders = [tmp_path / str(k) for k in range(3)]
    for folder in folders:
        files.create(folder, LONG)
    futures = {folder: engine.start(folder) for folder in folders}

    def begun() -> list[Path]:
        return [folder for folder in folders if len(files.events_in(folder)) > 2]

    wait(lambda: len(begun()) == 2)
    (waiting,) = set(folders) - set(begun())
    files.put_wish(waiting, Wish("stop"))
    assert futures[waiting].result(timeout=600) is None
    assert files.events_in(waiting) == [{"kind": "stopped"}]
    first, second = begun()
    files.put_wish(first, Wish("stop"))
    assert futures[first].result(timeout=600) is None
    engine.close()
    with pytest.raises(CancelledError):
        futures[second].result(timeout=600)


def test_a_race_whose_folder_is_gone_ends_and_no_other_does(engine, board, tmp_path):
    folder = tmp_path / "gone"
    files.create(folder, LONG)
    future = engine.start(folder)
    wait(lambda: len(files.events_in(folder)) > 2)
    with raced(board, LONG) as job:
        wait(lambda: steps(job) > 30)
        folder.rename(tmp_path / "elsewhere")
        with pytest.raises(FileNotFoundError):
            future.result(timeout=600)
        seen = steps(job)
        wait(lambda: steps(job) > seen + 30)
        board.command(job.key, "stop")
        wait(lambda: over(board, job))
    wait(lambda: not busy(engine))


def test_a_worker_that_is_killed_ends_its_race_once(engine, board):
    with raced(board, LONG) as job:
        wait(lambda: steps(job) > 30)
        (task,) = engine.tasks.values()
        numbers = engine.client.run(os.getpid)
        assert len(numbers) == 2 and engine.slots == 2
        os.kill(numbers[task.worker], signal.SIGKILL)
        wait(lambda: over(board, job))
        assert last(job) == {"kind": "killed"}
        assert isinstance(task.future.exception(), KilledWorker)
        wait(lambda: not busy(engine))  # Dask's second attempt found that nobody wants it
        assert engine.slots == 1 and last(job) == {"kind": "killed"}
        seen = steps(job)
        board.submit(LONG)
        wait(lambda: steps(job) > seen + 30)
        board.command(job.key, "stop")
        wait(lambda: over(board, job))
        assert last(job) == {"kind": "stopped"}


def test_an_error_on_a_worker_is_a_race_that_failed(engine, board, tmp_path):
    folder = tmp_path / "broken"
    files.create(folder, SHORT)
    (folder / "race.json").write_text('{"names": ["x"], "runs": [{"cell": "transformer"}]}')
    future = engine.start(folder)
    assert isinstance(future.exception(timeout=600), ValueError)
    assert jobs._mishap(future.exception()) == {"kind": "failed", "error": "ValueError"}


def test_a_scheduler_that_dies_takes_its_races_and_not_the_engine(tmp_path):
    contact = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard", "--port", "0"]
    command += ["--host", "127.0.0.1", "--scheduler-file", str(contact)]
    scheduler = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        wait(lambda: contact.exists() and contact.read_text().endswith("}"))
        engine = Cluster(json.loads(contact.read_text())["address"])
    finally:
        scheduler.kill()
        scheduler.wait()
    wait(lambda: engine.client.status != "running")
    folder = tmp_path / "run"
    files.create(folder, SHORT)
    for passed_on in (engine._warm, engine._forget, engine._publish, lambda: engine._hear_of_worker(JOINED)):
        engine.changed = True
        passed_on()
    assert engine.changed  # nobody heard of it
    with pytest.raises(NoScheduler):
        engine.start(folder).result(60)
    assert engine.thread.is_alive()
    engine.close()
    assert not engine.thread.is_alive()


JOINED = {"action": "add-worker", "worker": "tcp://127.0.0.1:1"}


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "fax://127.0.0.1:8786"])
def test_an_address_without_a_scheduler_is_refused(address, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.3)
    with pytest.raises(NoScheduler, match=f"no Dask scheduler answers at '{address}'"):
        Cluster(address)


class Board:
    """A variable as a worker sees it."""

    def __init__(self) -> None:
        self.value: dict[str, object] | None = {}

    def get(self, timeout: float) -> dict[str, object]:
        if self.value is None:
            raise TimeoutError
        return self.value


@pytest.fixture
def channel(monkeypatch) -> BoardChannel:
    worker = SimpleNamespace(address="tcp://here", log_event=lambda topic, message: None)
    board = Board()
    monkeypatch.setattr(cluster, "get_worker", lambda: worker)
    monkeypatch.setattr(cluster, "Variable", lambda name: board)
    monkeypatch.setattr(cluster, "WISH_SECONDS", 0.0)
    monkeypatch.setattr(files, "LEASE_SECONDS", 0.2)
    return BoardChannel("board", "race", {})


def entry(attempt: str, beat: int = 0, command: str = "go") -> dict[str, object]:
    return {"race": {"attempt": attempt, "beat": beat, "command": command, "singles": 3}}


def test_only_a_race_that_the_server_wants_is_let_in(channel):
    channel.variable.value = entry(channel.attempt)
    assert channel.let_in()
    for value in (entry("another"), {}, None, entry("")):
        channel.variable.value = value
        assert not channel.let_in()


def test_a_race_on_a_worker_stops_when_its_server_is_gone(channel, monkeypatch):
    now = time.monotonic()
    for module in (cluster, awake):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(awake, "GAP_SECONDS", files.LEASE_SECONDS)
    channel.variable.value = entry(channel.attempt, command="pause")
    assert channel.wish() == Wish("pause", 3)
    now += 0.7 * files.LEASE_SECONDS
    channel.variable.value = entry(channel.attempt, beat=1)
    assert channel.wish() == Wish("go", 3)
    now += 0.7 * files.LEASE_SECONDS
    assert channel.wish() == Wish("go", 3)
    now += 0.4 * files.LEASE_SECONDS
    assert channel.wish() == Wish("stop")
    channel.variable.value = entry(channel.attempt, beat=2)
    now += 0.1
    assert channel.wish() == Wish("go", 3)
    for value in (entry("another", beat=2), {}, None):
        channel.variable.value = value
        channel.last = Wish()
        now += 0.01
        assert channel.wish() == Wish("stop")


def test_a_race_says_that_no_scheduler_answers_and_trains_once_one_does(monkeypatch, tmp_path):
    class Answering:
        slots = 3

        def __init__(self, address: str) -> None:
            if not answers:
                raise NoScheduler(address)

        def start(self, folder: Path) -> "Future[None]":
            future: Future[None] = Future()
            files.add_event(folder, {"kind": "done"})
            future.set_result(None)
            return future

        def close(self) -> None: ...

    answers: list[bool] = []
    monkeypatch.setattr(cluster, "Cluster", Answering)
    engine = Awaited("tcp://127.0.0.1:1")
    board = Jobs(tmp_path / "jobs", engine)
    key = board.submit(SHORT)
    wait(lambda: board.state(key).state == "over")
    assert files.events_in(board.folder(key))[-1] == {"kind": "failed", "error": "scheduler"}
    answers.append(True)
    board.submit(SHORT)
    wait(lambda: board.state(key).state == "over")
    assert files.events_in(board.folder(key))[-1] == {"kind": "done"} and engine.slots == 3
    engine.close()
