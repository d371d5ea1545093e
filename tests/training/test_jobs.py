"""Jobs: one run for equal races, a queue, a lease held by watching, killed workers, going on after it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from explorer.experiment import Experiment
from explorer.limits import (
    LEFT_SECONDS,
    MAX_QUEUE,
    MAX_QUEUE_ADDRESS,
    MAX_RACES_EACH,
    TURN_SECONDS,
    UNWATCHED_SECONDS,
)
from explorer.training import folder as files
from explorer.training import jobs as module
from explorer.training.awake import GAP_SECONDS, Awake
from explorer.training.engines import Local
from explorer.training.jobs import Jobs, QueueFullError, ShareFullError, StrangerError, Use
from explorer.training.race import race_of
from explorer.training.results import over, results
from explorer.training.run import Carried, InMemory, Wish
from explorer.training.store import load_bundle, save_model
from tests.helpers import word_model

SHORT = Experiment(length=8, size=4, batch=4, budget=50, racers="rnn;gru")
LONG = replace(SHORT, length=100, budget=20_000)


@pytest.fixture(scope="module")
def engine():
    local = Local(slots=1)
    local.warm()
    yield local
    local.close()


@pytest.fixture
def board(engine, tmp_path):
    board = Jobs(tmp_path / "runs", engine)
    yield board
    for key, job in board.jobs.items():
        if job.active:
            job.wants.of.clear()
            job.wants.ask("", 0.0)
            board.command(key, "stop")
    wait(board, lambda: not any(job.active for job in board.jobs.values()))


def wait(board: Jobs, condition, seconds: float = 600.0) -> None:
    """Waits until a condition holds, on a busy machine too."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "it took too long"
        time.sleep(0.02)


def settled(read, still: int = 40):
    """Returns what is read once it has stayed the same for a while."""
    same, value = 0, read()
    while same < still:
        time.sleep(0.02)
        same, value = (same + 1, value) if read() == value else (0, read())
    return value


def ended(board: Jobs, key: str) -> str:
    return over(files.events_in(board.folder(key)))


def test_a_worker_gives_the_bits_of_this_process(board):
    key = board.submit(race_of(SHORT))
    with board.watching(key):
        wait(board, lambda: board.state(key).state == "over")
    memory = InMemory()
    Carried(race_of(SHORT), memory).run()
    there, here = results(files.events_in(board.folder(key))), results(memory.events)
    for a, b in zip(there, here, strict=True):
        np.testing.assert_array_equal(a.loss, b.loss)
        np.testing.assert_array_equal(a.metric, b.metric)
    assert ended(board, key) == "done"
    assert files.kept_in(board.folder(key), 0)[-1] == there[0].step


def test_equal_races_are_one_job_and_a_stored_result_is_not_run_again(board):
    key = board.submit(race_of(SHORT))
    assert board.submit(race_of(SHORT)) == key
    with board.watching(key):
        wait(board, lambda: board.state(key).state == "over")
    before = files.events_in(board.folder(key))
    assert board.submit(race_of(SHORT)) == key and board.state(key).state == "over"
    assert files.events_in(board.folder(key)) == before


def test_run_again_begins_anew(board):
    key = board.submit(race_of(SHORT))
    with board.watching(key):
        wait(board, lambda: board.state(key).state == "over")
        board.submit(race_of(SHORT), again=True)
        assert board.state(key).state == "over"  # somebody is looking at it
    board.submit(race_of(SHORT), again=True)
    assert board.state(key).state == "running"
    with board.watching(key):
        wait(board, lambda: board.state(key).state == "over")


@pytest.fixture
def clock(monkeypatch):
    """Moves all clocks of seconds awake on without waiting."""
    moved, now = [0.0], Awake.now
    monkeypatch.setattr(Awake, "now", lambda self: now(self) + moved[0])
    yield lambda seconds: moved.__setitem__(0, moved[0] + seconds)


def here(experiment: Experiment):
    """The same race in this process, as if nobody had ever paused it."""
    memory = InMemory()
    Carried(race_of(experiment), memory).run()
    return results(memory.events)


def same(board: Jobs, key: str, experiment: Experiment) -> None:
    """The race of the board has the bits of one that was never paused."""
    for a, b in zip(results(files.events_in(board.folder(key))), here(experiment), strict=True):
        assert (a.name, a.status, a.step) == (b.name, b.status, b.step)
        for name in ("loss", "norm", "checks", "metric"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def reached(board: Jobs, key: str) -> list[int]:
    return [course.step for course in results(files.events_in(board.folder(key)))]


def rest(board: Jobs, key: str) -> None:
    """Waits until a paused race has left its worker."""
    wait(board, lambda: board.jobs[key].paused and board.jobs[key].future is None)


@pytest.mark.parametrize("watched", [False, True])
def test_a_job_that_nobody_watches_pauses_after_a_minute_and_goes_on_when_somebody_comes_back(
    board, clock, watched
):
    experiment = replace(SHORT, budget=600)
    key = board.submit(race_of(experiment))
    if watched:
        clock(10 * UNWATCHED_SECONDS)  # while it is watched, no time counts
        with board.watching(key):
            clock(10 * UNWATCHED_SECONDS)
            board.sweep()
    clock(55.0)
    board.sweep()
    assert board.jobs[key].wish == Wish()
    wait(board, lambda: reached(board, key) != [])
    clock(10.0)
    board.sweep()
    rest(board, key)
    assert board.state(key).state == "paused" and ended(board, key) == ""
    with board.watching(key):
        assert board.state(key).state == "running"
        wait(board, lambda: board.state(key).state == "over")
    assert ended(board, key) == "done"
    same(board, key, experiment)


def test_a_job_that_waits_unwatched_leaves_the_queue_and_comes_back_to_it(board, clock):
    first, second, third = (board.submit(race_of(replace(LONG, race_seed=seed))) for seed in range(3))
    with board.watching(first), board.watching(third):
        clock(2 * UNWATCHED_SECONDS)
        board.sweep()
        assert board.state(second).state == "paused" and board.state(third).place == 0
        with board.watching(second):
            assert (board.state(second).state, board.state(second).place) == ("queued", 1)


def test_a_paused_job_that_is_left_for_hours_is_stopped_and_its_state_stays(board, clock):
    experiment = replace(SHORT, budget=600)
    key = board.submit(race_of(experiment))
    with board.watching(key):
        wait(board, lambda: reached(board, key) != [])
        board.command(key, "pause")
        rest(board, key)
        clock(10 * LEFT_SECONDS)
        board.sweep()
        assert board.state(key).state == "paused"  # somebody is looking at it
    clock(LEFT_SECONDS - 5.0)
    board.sweep()
    assert board.state(key).state == "paused"
    clock(10.0)
    board.sweep()
    assert board.state(key).state == "over" and ended(board, key) == "stopped"
    assert {course.status for course in results(files.events_in(board.folder(key)))} == {"stopped"}
    with board.watching(key):
        board.submit(race_of(experiment))
        wait(board, lambda: board.state(key).state == "over")
    same(board, key, experiment)


def test_paused_races_hold_no_core(board):
    paused = [replace(SHORT, budget=600, race_seed=seed) for seed in range(2)]
    keys = [board.submit(race_of(experiment)) for experiment in paused]
    with board.watching(keys[0]), board.watching(keys[1]):
        for key in keys:
            wait(board, lambda key=key: reached(board, key) != [])
            board.command(key, "pause")
            rest(board, key)
        other = board.submit(race_of(SHORT))
        with board.watching(other):
            wait(board, lambda: board.state(other).state == "over")
        assert [board.state(key).state for key in keys] == ["paused", "paused"]
        for key in keys:
            board.command(key, "go")
        wait(board, lambda: all(board.state(key).state == "over" for key in keys))
    for key, experiment in zip(keys, paused, strict=True):
        same(board, key, experiment)


def test_a_racer_that_diverged_before_a_pause_makes_no_step_after_it(board):
    wild = "rnn_relu init=identity_u gain=10 rate=10 max_norm=0 optimiser=sgd;rnn"
    experiment = replace(SHORT, length=100, budget=400, racers=wild)
    key = board.submit(race_of(experiment))
    with board.watching(key):
        wait(board, lambda: len(reached(board, key)) == 2 and reached(board, key)[1] > 30)
        board.command(key, "pause")
        rest(board, key)
        assert results(files.events_in(board.folder(key)))[0].status == "diverged"
        before = reached(board, key)[0]
        board.command(key, "go")
        wait(board, lambda: board.state(key).state == "over")
    again = [event for event in files.events_in(board.folder(key)) if event["kind"] == "racer"]
    assert [event["step"] for event in again if event["racer"] == 0] == [0, before]
    same(board, key, experiment)


def test_the_board_renews_the_leases_of_all_that_run_whoever_watches(board):
    key = board.submit(race_of(LONG))
    wish = board.folder(key) / "wish.json"
    os.utime(wish, (0, 0))
    board.sweep()
    assert wish.stat().st_mtime > 0
    board.command(key, "stop")
    wait(board, lambda: board.state(key).state == "over")


def test_a_clock_that_is_set_ends_no_race(tmp_path):
    folder = tmp_path / "race"
    files.create(folder, race_of(LONG))
    for set_to in (0, 1_000_000_000, 4_000_000_000):  # 1970, 2001, 2096
        os.utime(folder / "wish.json", (set_to, set_to))
        assert files.FolderChannel(folder).wish() == Wish()


def test_a_stopped_race_goes_on_where_it_was(board):
    key = board.submit(race_of(replace(SHORT, budget=400)))
    with board.watching(key):
        wait(board, lambda: len(files.events_in(board.folder(key))) > 5)
        board.command(key, "stop")
        wait(board, lambda: board.state(key).state == "over")
        reached = results(files.events_in(board.folder(key)))[0].step
        assert 0 < reached < 400
        board.submit(race_of(replace(SHORT, budget=400)))
        wait(board, lambda: board.state(key).state == "over")
    memory = InMemory()
    Carried(race_of(replace(SHORT, budget=400)), memory).run()
    for a, b in zip(results(files.events_in(board.folder(key))), results(memory.events), strict=True):
        np.testing.assert_array_equal(a.loss, b.loss)


def test_single_steps_are_single_and_what_was_asked_meanwhile_is_not_forgotten(board):
    experiment = replace(SHORT, budget=600)
    key = board.submit(race_of(experiment))
    with board.watching(key):
        wait(board, lambda: reached(board, key) != [])
        board.command(key, "pause")
        assert board.state(key).state == "paused"
        rest(board, key)
        held = reached(board, key)
        board.command(key, "step")
        rest(board, key)
        assert reached(board, key) == [n + 1 for n in held]
        for _ in range(3):
            board.command(key, "step")
        wait(board, lambda: reached(board, key) == [n + 4 for n in held])
        rest(board, key)
        board.command(key, "step")
        board.command(key, "go")
        wait(board, lambda: board.state(key).state == "over")
    same(board, key, experiment)


def test_with_others_watching_nobody_pauses_or_stops_the_race(board):
    key = board.submit(race_of(LONG))
    with board.watching(key), board.watching(key, "other"):
        assert board.command(key, "pause") == board.command(key, "stop") == 2
        assert board.state(key).watchers == 2 and board.state(key).state == "running"


def test_a_queue_stands_before_the_cores_and_says_the_place(board):
    races = [race_of(replace(LONG, race_seed=seed)) for seed in range(3)]
    keys = [board.submit(race) for race in races]
    assert [board.state(key).state for key in keys] == ["running", "queued", "queued"]
    assert [board.state(key).place for key in keys] == [0, 0, 1]
    with board.watching(keys[1]), board.watching(keys[2]):
        board.command(keys[2], "stop")
        assert board.state(keys[2]).state == "over"
        with board.watching(keys[0]):
            board.command(keys[0], "stop")
            wait(board, lambda: board.state(keys[1]).state == "running")
        board.command(keys[1], "stop")
        wait(board, lambda: board.state(keys[1]).state == "over")


def test_a_killed_worker_is_said_and_the_race_can_go_on(board, engine):
    experiment = replace(SHORT, budget=600)
    key = board.submit(race_of(experiment))
    with board.watching(key):
        wait(board, lambda: len(files.kept_in(board.folder(key), 0)) > 5)
        for pid in engine.processes():
            os.kill(pid, signal.SIGKILL)
        wait(board, lambda: board.state(key).state == "over")
        assert ended(board, key) == "killed"
        board.submit(race_of(experiment))
        wait(board, lambda: board.state(key).state == "over")
    assert ended(board, key) == "done"
    memory = InMemory()
    Carried(race_of(experiment), memory).run()
    for a, b in zip(results(files.events_in(board.folder(key))), results(memory.events), strict=True):
        np.testing.assert_array_equal(a.loss, b.loss)


class Never:
    """An engine whose races never end."""

    slots = 1

    def start(self, folder: Path) -> "Future[None]":
        return Future()

    def warm(self) -> None: ...

    def close(self) -> None: ...


def test_a_full_queue_refuses(tmp_path):
    board = Jobs(tmp_path / "runs", Never())
    for seed in range(MAX_QUEUE + 1):
        board.submit(race_of(replace(SHORT, race_seed=seed)), visitor=str(seed))
    with pytest.raises(QueueFullError):
        board.submit(race_of(replace(SHORT, race_seed=9999)), visitor="late")
    assert board.folder(race_of(replace(SHORT, race_seed=9999)).key) is None


def test_only_so_many_results_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_RUNS", 2)
    board = Jobs(tmp_path / "runs", Never())
    for seed in range(4):
        key = board.submit(race_of(replace(SHORT, race_seed=seed)))
        job = board.jobs[key]
        job.future, job.waiting = None, False
        board.queue.clear()
    board.submit(race_of(replace(SHORT, race_seed=9)))
    assert len(board.jobs) <= 3 and len(list(board.root.iterdir())) == len(board.jobs)


def test_a_worker_whose_server_is_gone_stops(tmp_path, monkeypatch, clock):
    monkeypatch.setattr(files, "LOOK_SECONDS", 0.0)
    folder = tmp_path / "race"
    files.create(folder, race_of(LONG))
    channel = files.FolderChannel(folder)
    assert channel.wish() == Wish()
    clock(0.9 * files.LEASE_SECONDS)
    assert channel.wish() == Wish()
    clock(0.2 * files.LEASE_SECONDS)
    assert channel.wish() == Wish("stop")
    files.renew(folder)
    assert channel.wish() == Wish()


SERVER = """
from time import sleep
from explorer.training.engines import Local
engine = Local(slots=1)
engine.warm()
print(engine.processes()[0], flush=True)
sleep(600)
"""


def test_no_worker_outlives_a_server_that_was_killed(board):
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    assert server.stdout
    worker = int(server.stdout.readline())
    server.kill()
    server.wait()
    wait(board, lambda: not works(worker))


def works(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_half_a_line_is_not_read_yet(tmp_path):
    folder = tmp_path / "race"
    files.create(folder, race_of(SHORT))
    files.add_event(folder, {"kind": "done"})
    with (folder / "events.jsonl").open("a") as file:
        file.write('{"kind":')
    lines, offset = files.events_after(folder, 0)
    assert lines == ['{"kind":"done"}'] and files.events_after(folder, offset) == ([], offset)


def numbered(seed: int):
    return race_of(replace(SHORT, race_seed=seed))


@pytest.fixture
def full(tmp_path) -> Jobs:
    """A board whose one core is taken by somebody's race."""
    board = Jobs(tmp_path / "runs", Never())
    board.submit(numbered(99), visitor="first")
    return board


def test_one_visitor_cannot_take_the_board_and_everybodys_first_race_goes_before_a_second(full):
    mine = [full.submit(numbered(seed), visitor="greedy") for seed in range(MAX_RACES_EACH)]
    with pytest.raises(ShareFullError):
        full.submit(numbered(MAX_RACES_EACH), visitor="greedy")
    other = full.submit(numbered(50), visitor="late")
    second = full.submit(numbered(51), visitor="first")
    assert [full.state(key).place for key in (mine[0], other, mine[1], second)] == [0, 1, 2, 3]


def test_one_address_leaves_places_for_others(full):
    for seed in range(MAX_QUEUE_ADDRESS):
        full.submit(numbered(seed), visitor=f"new {seed}", address="10.0.0.66")
    with pytest.raises(QueueFullError):
        full.submit(numbered(200), visitor="another", address="10.0.0.66")
    full.submit(numbered(200), visitor="somebody", address="10.0.0.7")


def test_who_invents_visitors_holds_up_only_their_own_address(full):
    many = [full.submit(numbered(k), visitor=f"invented {k}", address="10.0.0.66") for k in range(20)]
    others = [full.submit(numbered(30 + k), visitor=f"student {k}", address=f"10.0.0.{k}") for k in range(3)]
    again = full.submit(numbered(40), visitor="student 0", address="10.0.0.0")
    assert [full.state(key).place for key in (many[0], *others, many[1])] == [0, 1, 2, 3, 4]
    assert full.state(again).place > full.state(many[-1]).place, "one's second waits for everybody's first"


def test_where_some_wait_a_race_that_had_its_turn_lets_them_in_and_goes_on_with_the_same_bits(board, clock):
    experiment = replace(SHORT, budget=600)
    first, second = race_of(experiment), numbered(1)
    keys = [board.submit(race, visitor=name) for race, name in ((first, "a"), (second, "b"))]
    wait(board, lambda: reached(board, keys[0]) != [])
    board.sweep()
    assert board.jobs[keys[0]].future is not None and not board.jobs[keys[0]].yielding
    with board.watching(keys[0], "a"), board.watching(keys[1], "b"):
        clock(TURN_SECONDS + 1)
        board.sweep()
        wait(board, lambda: board.state(keys[1]).state == "over")
        wait(board, lambda: board.state(keys[0]).state == "over")
    kinds = [event["kind"] for event in files.events_in(board.folder(keys[0]))]
    assert kinds.count("paused") == 1 and ended(board, keys[0]) == ended(board, keys[1]) == "done"
    same(board, keys[0], experiment)


def test_a_shared_race_goes_on_while_anybody_wants_it(full, clock):
    key = full.submit(numbered(99), visitor="second")
    for stranger in ("", "stranger"):
        with pytest.raises(StrangerError):
            full.command(key, "stop", stranger)
    with full.watching(key, "first"):
        assert full.command(key, "stop", "first") == 2, "the other is away for a moment, and wants it"
        assert full.command(key, "pause", "second") == 0, "the first has said that they do not"
        assert full.command(key, "go", "first") == 0 and full.state(key).state == "running"
        assert full.command(key, "stop", "second") == 2
        with full.watching(key, "first"):
            assert full.state(key).watchers == 1, "somebody with two windows is one"


def test_what_nobody_wants_any_more_pauses_though_a_window_shows_it(full, clock):
    (key,) = full.jobs
    with full.watching(key, "first"), full.watching(key, "second"):
        assert full.command(key, "stop", "first") == 2
        full.sweep()
        assert full.state(key).state == "running"
    with full.watching(key, "first"):
        full.command(key, "go", "first")
        assert full.command(key, "stop", "first") == 2, "the other left just now"
        clock(UNWATCHED_SECONDS + 1)
        full.sweep()
        assert full.state(key).state == "paused"


def test_sleep_is_no_waiting(monkeypatch, tmp_path):
    wall = [0.0]
    monkeypatch.setattr("explorer.training.awake.time.monotonic", lambda: wall[0])
    board = Jobs(tmp_path / "runs", Never())
    key = board.submit(numbered(0))
    channel = files.FolderChannel(board.folder(key))
    monkeypatch.setattr(files, "LOOK_SECONDS", -1.0)
    assert channel.wish() == Wish()
    wall[0] += 8 * 3600  # the lid was closed
    assert channel.wish() == Wish()
    board.sweep()
    assert board.state(key).state == "running"
    for _ in range(int(UNWATCHED_SECONDS / GAP_SECONDS)):
        wall[0] += GAP_SECONDS
        assert board.state(key).state == "running"
        board.sweep()
    assert board.state(key).state == "paused" and channel.wish() == Wish("pause")


def disk_full(*_, **__):
    raise OSError(28, "No space left on device")


def test_a_full_disk_is_said_leaves_nothing_and_all_is_well_once_there_is_space(board, monkeypatch):
    race = race_of(SHORT)
    for broken in ("put_wish", "create"):
        with monkeypatch.context() as patch:
            patch.setattr(files, broken, disk_full)
            with pytest.raises(OSError, match="No space"):
                board.submit(race)
        assert board.folder(race.key) is None and not list(board.root.glob("*"))
    (board.root / race.key).mkdir(parents=True)  # what an older server left
    key = board.submit(race)
    with board.watching(key):
        wait(board, lambda: board.state(key).state == "over")
    assert ended(board, key) == "done"


def test_a_job_that_ends_on_a_full_disk_frees_its_core_and_is_told_later(tmp_path, monkeypatch):
    engine = Asked()
    board = Jobs(tmp_path / "runs", engine)
    first, second = board.submit(numbered(0)), board.submit(numbered(1))
    with monkeypatch.context() as patch:
        patch.setattr(files, "add_event", disk_full)
        engine.futures[0].set_exception(OSError(28, "No space left on device"))
        assert board.state(first).state == "over" and board.state(second).state == "running"
        assert board.jobs[first].untold == {"kind": "failed", "error": "disk"}
        board.sweep()
        assert board.jobs[first].untold and board.end(first) == "failed"
    board.sweep()
    assert not board.jobs[first].untold and ended(board, first) == board.end(first) == "failed"
    assert board.submit(numbered(0)) == first and board.state(first).state == "queued"


class Asked:
    """An engine whose races end when they are told to."""

    slots = 1

    def __init__(self) -> None:
        self.futures: list[Future[None]] = []

    def start(self, folder: Path) -> "Future[None]":
        self.futures.append(Future())
        return self.futures[-1]

    def warm(self) -> None: ...

    def close(self) -> None: ...


def test_a_store_that_vanished_is_made_anew(tmp_path):
    engine = Asked()
    board = Jobs(tmp_path / "runs", engine)
    running, waiting = board.submit(numbered(0)), board.submit(numbered(1))
    shutil.rmtree(board.root)
    board.sweep()
    assert board.folder(running) is None and board.folder(waiting) is None
    engine.futures[0].set_exception(FileNotFoundError(2, "gone"))
    assert not board.jobs and not board.queue
    assert board.state(board.submit(numbered(0))).state == "running"


def test_half_a_line_that_a_killed_worker_left_goes_before_the_next(tmp_path):
    folder = tmp_path / "race"
    files.create(folder, race_of(SHORT))
    files.add_event(folder, {"kind": "kept", "racer": 0, "step": 0})
    with (folder / "events.jsonl").open("a") as file:
        file.write('{"kind":"steps","los')
    files.add_event(folder, {"kind": "killed"})
    assert [event["kind"] for event in files.events_in(folder)] == ["kept", "killed"]


def test_results_give_way_by_fair_shares_and_what_is_used_goes_last(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_RUNS", 3)
    board = Jobs(tmp_path / "runs", Asked())

    def kept(seed: int, visitor: str) -> str:
        key = board.submit(numbered(seed), visitor=visitor)
        board.engine.futures[-1].set_result(None)
        return key

    mine, use = kept(0, "me"), Use()
    board.used(mine, use)
    theirs = [kept(seed, "greedy") for seed in range(1, 6)]
    board.submit(numbered(9), visitor="greedy")
    assert set(board.jobs) == {mine, *theirs[-1:], numbered(9).key}
    own = kept(10, "me")
    assert mine in board.jobs and own in board.jobs, "what a page shows counts as used"


def test_a_network_that_comes_to_a_full_board_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_RUNS", 2)
    board = Jobs(tmp_path / "runs", Asked())
    data = save_model(None, word_model("gru", ("a", "b"), H=2), Experiment(cell="gru", hidden=2))
    for seed in range(3):
        board.submit(numbered(seed), visitor="me")
        board.engine.futures[-1].set_result(None)
    key = board.adopt(load_bundle(data), data, "me")
    assert key in board.jobs and len(board.jobs) == 2
    board.submit(numbered(3), visitor="me")
    board.engine.futures[-1].set_result(None)
    board.adopt(load_bundle(data), data, "me")  # brought again: it counts as used
    board.submit(numbered(4), visitor="me")
    assert key in board.jobs and board.folder(key).is_dir()
