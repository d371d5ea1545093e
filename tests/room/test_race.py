"""The class's race: seeds in turn on the board, the bits of the command line, what is told and kept."""

import json
import shlex
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.room import say_race
from explorer.__main__ import main
from explorer.commands import train as command
from explorer.experiment import Experiment
from explorer.limits import CLASS_SECONDS
from explorer.room import race as module
from explorer.room.race import ClassRace, Offer, offers
from explorer.training import folder as files
from explorer.training.bands import SHIPPED
from explorer.training.jobs import Jobs
from explorer.training.run import Carried, train
from tests.training.test_jobs import disk_full

TINY = Offer("first_30", "lstm bias=fixed keep_bias=3", 0.1)


class Here:
    """An engine that trains at once, here; `kills` first attempts end as if their process had been killed."""

    slots = 2

    def __init__(self, kills: int = 0) -> None:
        self.kills, self.started = kills, 0

    def start(self, folder: Path) -> "Future[None]":
        self.started += 1
        future: Future[None] = Future()
        if self.started <= self.kills:
            future.cancel()
            future.set_running_or_notify_cancel()
        else:
            Carried(files.race_in(folder), files.FolderChannel(folder)).run()
            future.set_result(None)
        return future

    def warm(self) -> None: ...

    def close(self) -> None: ...


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """The offer's own race, smaller."""
    whole = Offer.experiment.fget
    monkeypatch.setattr(
        Offer, "experiment", property(lambda self: replace(whole(self), length=6, size=8, batch=8, budget=50))
    )


@pytest.fixture
def board(tmp_path):
    return Jobs(tmp_path / "runs", Here())


def carried_out(race: ClassRace) -> ClassRace:
    for _ in range(100):
        race.turn()
        if race.settled:
            return race
    raise AssertionError("it does not end")


def test_every_seed_has_the_bits_of_a_run_of_its_own(board):
    race = ClassRace(TINY, board, 1)
    race.grow(3)
    carried_out(race)
    for seed in race.seeds:
        (run,) = TINY.race(seed.seed).runs
        alone = train(run)
        assert seed.state == {True: "passed", False: "spent"}[alone.passed]
        assert [step for step, _ in seed.checks] == alone.checks.tolist()
        np.testing.assert_allclose([m for _, m in seed.checks], alone.metric, rtol=1e-5)


def test_no_more_seeds_are_on_the_board_than_the_width_and_none_stays_there(board, monkeypatch):
    most = []
    submit = board.submit
    monkeypatch.setattr(
        board, "submit", lambda race, **who: (most.append(len(race_keys(race_)) + 1), submit(race, **who))[1]
    )
    race_ = ClassRace(TINY, board, 1)
    race_.grow(4)
    carried_out(race_)
    assert max(most) == 1
    assert not board.jobs


def race_keys(race: ClassRace) -> list[str]:
    return [seed.key for seed in race.seeds if seed.state == "running"]


def test_a_race_that_somebody_else_asked_for_stays_on_the_board(board):
    key = board.submit(TINY.race(0))
    race = ClassRace(TINY, board, 1)
    race.grow(2)
    carried_out(race)
    assert list(board.jobs) == [key]


def test_a_killed_worker_costs_no_seed(tmp_path):
    race = ClassRace(TINY, Jobs(tmp_path / "runs", Here(kills=2)), 1)
    race.grow(1)
    assert carried_out(race).seeds[0].state in ("passed", "spent")
    lost = ClassRace(TINY, Jobs(tmp_path / "lost", Here(kills=99)), 1)
    lost.grow(1)
    assert carried_out(lost).seeds[0].state == "killed"
    assert lost.record()["finished"] == 0


class Held(Here):
    """An engine whose races are not begun until `let`."""

    def start(self, folder: Path) -> "Future[None]":
        self.folder, self.future = folder, Future()
        return self.future

    def let(self) -> None:
        Carried(files.race_in(self.folder), files.FolderChannel(self.folder)).run()
        self.future.set_result(None)


@pytest.mark.parametrize("command", ["pause", "stop"])
def test_a_seed_that_somebody_else_pauses_or_stops_goes_on(tmp_path, command):
    engine = Held()
    board = Jobs(tmp_path / "runs", engine)
    race = ClassRace(TINY, board, 1)
    race.grow(1)
    race.turn()
    board.command(race.seeds[0].key, command, race.visitor)  # nobody else can
    engine.let()
    for _ in range(4):
        race.turn()
    assert not race.over
    engine.let()
    assert carried_out(race).seeds[0].state in ("passed", "spent")


def test_a_seed_whose_end_cannot_be_written_down_has_failed_and_the_next_is_tried(tmp_path, monkeypatch):
    engine = Held()
    race = ClassRace(TINY, Jobs(tmp_path / "runs", engine), 1)
    race.grow(2)
    race.turn()
    with monkeypatch.context() as patch:
        patch.setattr(files, "add_event", disk_full)
        engine.future.set_exception(OSError(28, "No space left on device"))
        race.turn()
    told = race.record()
    assert told["states"] == ["failed", "running"] and told["unkept"], "once there is space"
    engine.let()
    assert carried_out(race).record()["finished"] == 1


def test_a_stopped_race_begins_nothing_more_and_counts_what_came_to_its_end(board):
    race = ClassRace(TINY, board, 1)
    race.grow(5)
    race.turn()
    race.turn()
    race.stop()
    carried_out(race)
    told = race.record()
    assert told["over"] and "stopped" in told["states"]
    assert told["finished"] == sum(state in ("passed", "spent") for state in told["states"]) < 5


def test_a_full_board_is_tried_again(board, monkeypatch):
    race = ClassRace(TINY, board, 1)
    race.grow(1)
    with monkeypatch.context() as patch:
        patch.setattr("explorer.training.jobs.MAX_QUEUE", 0)
        assert not race.turn() and race.seeds[0].state == "waiting"
    assert carried_out(race).finished == 1


def test_the_result_says_how_it_is_made_again(board):
    race = ClassRace(TINY, board, 2)
    race.grow(2)
    found = carried_out(race).result()
    assert found["command"].endswith(
        '--preset first_30 --racers "lstm bias=fixed keep_bias=3" --seeds 0:2 --out class.json'
    )
    assert [seed["seed"] for seed in found["seeds"]] == [0, 1]
    assert found["passed"][1] == 2 and 0 <= found["interval_95"][0] < found["interval_95"][1] <= 1


def test_the_benchmark_of_a_room_reads_what_a_race_tells(board, capsys):
    race = ClassRace(TINY, board, 1)
    race.grow(2)
    say_race(carried_out(race).record())
    assert capsys.readouterr().out.startswith(f"The class's race: {race.passed} of 2 passed, between ")
    say_race(None)


def test_every_offer_is_cheap_and_a_race_of_one(monkeypatch):
    assert {"temporal_order", "first_symbol"} <= {offer.experiment.data for offer in offers().values()}
    for key, offer in offers().items():
        assert offer.key == key and offer.seconds <= CLASS_SECONDS
        stored = json.loads((SHIPPED / f"{offer.preset}.json").read_text(encoding="utf-8"))["racers"]
        took = [seconds for *_, seconds in stored[offer.racer]["ended"]]
        assert np.mean(np.array(took) <= offer.seconds) >= 0.9
        assert len(offer.race(3).runs) == 1 and offer.race(3).runs[0].seed == 3
    assert isinstance(offers()["temporal_50:gru"].experiment, Experiment)
    assert module.TRIES > 1


class AskedFor(Exception):  # noqa: N818
    """The race that the command line would carry out."""


@pytest.mark.parametrize("key", offers())
def test_the_command_of_a_result_asks_for_the_same_races(key, monkeypatch):
    monkeypatch.undo()  # the offers' own races, not the small ones

    def caught(seed, race, *_):
        raise AskedFor(race.key, seed)

    monkeypatch.setattr(command, "_carry_out", caught)
    python, _, package, *asked = shlex.split(offers()[key].command(7))
    assert (python, package) == ("python", "explorer")
    with pytest.raises(AskedFor) as found:
        main(asked)
    assert found.value.args == (offers()[key].race(0).key, 0)
