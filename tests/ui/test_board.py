"""The routes of a race: its events as a stream, its commands, and who may give them."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from explorer.experiment import Experiment
from explorer.training import folder as files
from explorer.training.jobs import Job, Jobs
from explorer.training.race import race_of
from explorer.training.run import Carried
from explorer.ui import board as served
from tests.training.test_jobs import Never

RACE = race_of(Experiment(length=6, size=4, batch=2, budget=30, racers="rnn;gru"))


@pytest.fixture
def board(tmp_path, monkeypatch):
    """A board with one race that has been carried out, here and at once."""
    board = Jobs(tmp_path / "runs", Never())
    folder = board.root / RACE.key
    files.create(folder, RACE)
    Carried(RACE, files.FolderChannel(folder)).run()
    board.jobs[RACE.key] = Job(RACE.key, folder)
    monkeypatch.setattr(served, "jobs", lambda: board)
    return board


@pytest.fixture
def client(board):
    return TestClient(Starlette(routes=served.race_routes()))


def messages(text: str) -> list[dict[str, str]]:
    """Server-sent events as the standard reads them: fields by name."""
    blocks = [block for block in text.split("\n\n") if block.strip() and not block.startswith(":")]
    return [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]


def test_a_stream_brings_every_event_once_and_ends_with_the_race(board, client):
    found = messages(client.get(f"/train/{RACE.key}/events?from=0").text)
    events = [event for m in found if "event" not in m for event in json.loads(m["data"])]
    assert events == files.events_in(board.folder(RACE.key))
    states = [json.loads(m["data"])["state"] for m in found if m.get("event") == "state"]
    assert states == ["over"]
    assert board.jobs[RACE.key].watchers == 0


def test_a_stream_goes_on_from_the_last_message_seen(client):
    first = messages(client.get(f"/train/{RACE.key}/events").text)
    seen = next(m["id"] for m in first if "id" in m)
    again = client.get(f"/train/{RACE.key}/events?from=0", headers={"Last-Event-ID": seen})
    assert not [m for m in messages(again.text) if "event" not in m]


@pytest.mark.parametrize("seen", ["-1", "x", "٣", "9" * 30])
def test_a_strange_place_is_the_beginning(client, seen):
    assert client.get(f"/train/{RACE.key}/events", params={"from": seen}).status_code == 200


def test_an_unknown_race_is_not_found(client):
    assert client.get("/train/0000/events").status_code == 404
    assert client.post("/train/0000/pause").status_code == 404
    assert client.post(f"/train/{RACE.key}/explode").status_code == 404


def test_a_page_from_elsewhere_commands_nothing(client):
    answer = client.post(f"/train/{RACE.key}/stop", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_a_command_is_refused_with_the_number_of_those_who_watch(board, client):
    with board.watching(RACE.key), board.watching(RACE.key):
        answer = client.post(f"/train/{RACE.key}/pause")
    assert answer.status_code == 409 and answer.json() == {"shared": 2}
    assert client.post(f"/train/{RACE.key}/pause").json() == {"ok": True}


def test_a_closed_stream_gives_its_lease_back(board):
    async def look() -> int:
        stream = served._stream(RACE.key, 0)
        await anext(stream)
        watching = board.jobs[RACE.key].watchers
        await stream.aclose()
        return watching

    with ThreadPoolExecutor() as pool:  # this thread may have a loop already
        assert pool.submit(asyncio.run, look()).result() == 1
    assert board.jobs[RACE.key].watchers == 0


def test_a_model_is_named_by_race_and_racer_and_stands_in_for_its_siblings(board):
    def of(model: str, cell: str) -> object:
        return served.model_of(Experiment(weights="model", model=model, cell=cell))

    assert of(f"{RACE.key}.0", "rnn") == (RACE.key, 0)
    assert of(f"{RACE.key}.0", "gru") == (RACE.key, 1)
    assert of(f"{RACE.key}.0", "lstm") is None
    for name in ("", "x", f"{RACE.key}", f"{RACE.key}.", f"{RACE.key}.٣", "../..", "a.b.c"):
        assert of(name, "rnn") is None
