"""The routes of a race: its events as a stream, its commands, and who may give them."""

import asyncio
import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from explorer.experiment import Experiment
from explorer.training import folder as files
from explorer.training.ground import ground
from explorer.training.jobs import Job, Jobs
from explorer.training.race import race_of
from explorer.training.run import Carried
from explorer.ui import board as served
from explorer.ui.visitors import COOKIE, Visitors, known
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


HOST = "http://class.example:8501"
ME, OTHER = "m" * 22, "o" * 22


@pytest.fixture
def site(board) -> Starlette:
    return Starlette(routes=served.race_routes())


@pytest.fixture
def client(site) -> TestClient:
    return TestClient(site, base_url=HOST, headers={"Origin": HOST}, cookies={COOKIE: ME})


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


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://elsewhere.example"}, {"Origin": "null"}, {"Origin": "http://class.example"}],
)
def test_a_page_from_elsewhere_commands_nothing_and_does_not_watch(board, client, headers):
    with board.watching(RACE.key, ME):
        assert client.post(f"/train/{RACE.key}/stop", headers=headers).status_code == 403
    assert client.get(f"/train/{RACE.key}/events", headers=headers).status_code == 403


def test_whoever_is_no_visitor_of_a_race_commands_nothing(board, site, client):
    def stops(**cookies: str) -> int:
        with TestClient(site, base_url=HOST, headers={"Origin": HOST}, cookies=cookies) as other:
            return other.post(f"/train/{RACE.key}/stop").status_code

    with board.watching(RACE.key, ME):
        assert stops() == stops(**{COOKIE: OTHER}) == stops(**{COOKIE: "; made up"}) == 403
        assert client.post(f"/train/{RACE.key}/stop").json() == {"ok": True}


def test_a_command_is_refused_with_the_number_of_those_who_watch(board, client):
    with board.watching(RACE.key, ME), board.watching(RACE.key, ME):
        with board.watching(RACE.key, OTHER):
            answer = client.post(f"/train/{RACE.key}/pause")
            assert answer.status_code == 409 and answer.json() == {"shared": 2}
        assert client.post(f"/train/{RACE.key}/pause").json() == {"ok": True}


def test_a_command_that_cannot_be_written_down_is_said(board, client, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(board, "command", full)
    assert client.post(f"/train/{RACE.key}/stop").status_code == 507


def test_an_end_that_could_not_be_written_down_is_told_all_the_same(board, client):
    board.jobs[RACE.key].untold = {"kind": "failed", "error": "disk"}
    found = messages(client.get(f"/train/{RACE.key}/events").text)
    events = [event for m in found if "event" not in m for event in json.loads(m["data"])]
    assert events[-1] == {"kind": "failed", "error": "disk"}


def test_a_race_whose_folder_has_vanished_is_not_there(board, client):
    shutil.rmtree(board.root)
    assert client.get(f"/train/{RACE.key}/events").status_code == 404
    assert served.model_of(Experiment(weights="model", model=f"{RACE.key}.0", cell="rnn")) is None


def test_twenty_visitors_at_once_build_one_board(monkeypatch, tmp_path):
    made = []

    class Slow(Never):
        def __init__(self) -> None:
            time.sleep(0.02)
            made.append(self)

    monkeypatch.undo()
    served.close()
    with monkeypatch.context() as patch:
        patch.setattr(served, "_engine", Slow)
        with ThreadPoolExecutor(20) as pool:
            boards = set(pool.map(lambda _: served.jobs(), range(20)))
        assert len(made) == len(boards) == 1
        served.close()
        assert not boards.pop().root.exists()


def test_a_cookie_comes_with_a_page_alone_and_out_of_reach_of_scripts():
    async def page(request) -> Response:
        return Response(known(request.cookies))

    site = Starlette(routes=[Route("/{path:path}", page)], middleware=[Middleware(Visitors)])
    with TestClient(site, headers={"Accept": "text/html"}) as browser:
        said = browser.get("/").headers["set-cookie"]
        assert "HttpOnly" in said and "SameSite=Lax" in said
        again = browser.get("/train")
        assert again.text == browser.cookies[COOKIE] and "set-cookie" not in again.headers
    assert "set-cookie" not in TestClient(site).get("/stage/x.js").headers


def test_what_a_killed_server_left_goes_and_what_lives_stays(tmp_path):
    left, lock = ground(parent=tmp_path)
    assert lock is not None
    lock.close()  # as the system does where a process ends
    (left / "races").mkdir()
    alive, kept = ground(parent=tmp_path)
    assert ground(parent=tmp_path)[0].is_dir() and alive.is_dir() and not left.exists() and kept
    nowhere = tmp_path / "file"
    nowhere.touch()
    folder, none = ground(parent=nowhere)
    assert none is None and not folder.exists()


def test_a_closed_stream_gives_its_lease_back(board):
    async def look() -> int:
        stream = served._stream(RACE.key, 0, ME, "10.0.0.5")
        await anext(stream)
        watching = board.jobs[RACE.key].watchers
        await stream.aclose()
        return watching

    with ThreadPoolExecutor() as pool:  # this thread may have a loop already
        assert pool.submit(asyncio.run, look()).result() == 1
    assert board.jobs[RACE.key].watchers == 0


def test_a_visitor_and_an_address_listen_so_often_at_once(board, site, monkeypatch):
    monkeypatch.setattr(served, "STREAMS_EACH", 2)
    monkeypatch.setattr(served, "STREAMS_NEAR", 3)

    async def listening() -> list[int]:
        open_ = [served._stream(RACE.key, 0, who, "testclient") for who in (ME, ME, OTHER)]
        said = []
        for stream in open_[:2]:
            await anext(stream)
        said += [asked(ME), asked(OTHER)]
        await anext(open_[2])
        said += [asked("n" * 22)]
        for stream in open_:
            await stream.aclose()
        return [*said, asked(ME)]

    def asked(who: str) -> int:
        with TestClient(site, base_url=HOST, cookies={COOKIE: who}) as client:
            return client.get(f"/train/{RACE.key}/events").status_code

    with ThreadPoolExecutor() as pool:  # this thread may have a loop already
        assert pool.submit(asyncio.run, listening()).result() == [429, 200, 429, 200]
    assert not served._streams


def test_a_model_is_named_by_race_and_racer_and_stands_in_for_its_siblings(board):
    def of(model: str, cell: str) -> object:
        return served.model_of(Experiment(weights="model", model=model, cell=cell))

    assert of(f"{RACE.key}.0", "rnn") == (RACE.key, 0)
    assert of(f"{RACE.key}.0", "gru") == (RACE.key, 1)
    assert of(f"{RACE.key}.0", "lstm") is None
    for name in ("", "x", f"{RACE.key}", f"{RACE.key}.", f"{RACE.key}.٣", "../..", "a.b.c"):
        assert of(name, "rnn") is None
