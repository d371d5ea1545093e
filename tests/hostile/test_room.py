"""The routes of rooms under whatever is thrown at them: no fault, nothing told of others, nothing kept."""

import json
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from explorer.limits import MAX_PACES, MAX_ROOM_POST
from explorer.room.pace import Pace, Paces
from explorer.room.rooms import Rooms
from explorer.ui.room import routes
from tests.hostile.strings import HOSTILE

HOST = "http://class.example:8501"
HERE = {"Origin": HOST}
TAKEN = {200, 302, 307, 400, 403, 404, 405, 409, 429, 503}

DEEP = "[" * 20_000 + "]" * 20_000
NUMBERS = (0, -1, 1e308, -1e308, 10**400, 2**63, float("nan"), float("inf"), True, None)
VALUES = (*NUMBERS, *list(HOSTILE.values())[:12], [], {}, [[]], {"en": "x"}, ["a"] * 500, "x" * 30_000)
NAMES = {
    "stand": ("page", "query"),
    "ask": ("text", "answers", "right", "low", "high", "card", "lesson", "about"),
    "guess": ("guess",),
    "race": ("offer",),
    "join": ("key",),
}
BODIES = (
    b"",
    b"{",
    b"[]",
    b'"text"',
    b"null",
    b"\xff\xfe\x00",
    b'{"guess": 1e999999}',
    b'{"guess": ' + b"9" * 20_000 + b"}",
    b'{"text": "\\ud800"}',
    b'{"page": "\\u0000", "query": {"cell": "\\ud800"}}',
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    DEEP[:MAX_ROOM_POST].encode(),
    b'{"key": "' + b"k" * MAX_ROOM_POST + b'"}',
    b" " * (MAX_ROOM_POST + 1),
)
CODES = (
    "XXXX",
    "x",
    "%00",
    "..%2f..%2fetc",
    "BCDF%0d%0aSet-Cookie:a=b",
    "한글",
    "%F0%9F%98%80",
    "A" * 3000,
    "'--",
)


@pytest.fixture
def rooms(monkeypatch) -> Rooms:
    found = Rooms()
    monkeypatch.setattr(routes, "rooms", lambda: found)
    monkeypatch.setattr(routes, "_openings", Paces(rate=1e6, burst=1e6))
    monkeypatch.setattr(routes, "_joins", Paces(rate=1e6, burst=1e6))
    return found


@pytest.fixture
def site(rooms) -> Starlette:
    return Starlette(routes=routes.room_routes())


def client(site: Starlette) -> TestClient:
    return TestClient(site, base_url=HOST, headers=HERE, raise_server_exceptions=True, follow_redirects=False)


@pytest.fixture
def class_(site, rooms) -> Iterator[tuple[TestClient, TestClient, str]]:
    """A lecturer and a student in a room, as fast as they like; and the room's code."""
    with client(site) as lecturer:
        code = lecturer.post("/r/open").json()["code"]
        student = client(site)
        student.post(f"/r/{code}/join")
        for device in rooms.find(code).devices.values():
            device.pace = Pace(rate=1e6, burst=1e6)
        yield lecturer, student, code


def paths(code: str) -> tuple[str, ...]:
    acts = (*routes.ACTS, "join", "nothing", "open", "address", "result.json", "figure/race", "figure/mine")
    return (
        "/r/open",
        f"/r/{code}",
        *(f"/r/{code}/{act}" for act in (*acts, "figure/guess", "figure/../x", "teach")),
    )


def test_no_body_breaks_a_route(class_, rooms):
    lecturer, student, code = class_
    for who in (student, lecturer):
        for act in (*(act for act in routes.ACTS if act != "end"), "join"):
            for sent in BODIES:
                answer = who.post(f"/r/{code}/{act}", content=sent)
                assert answer.status_code in TAKEN, (act, sent[:40])
                assert len(sent) <= MAX_ROOM_POST or answer.status_code in (400, 403), (act, len(sent))
    room = rooms.find(code)
    assert len(room.devices) == 2 and room.race is None


def test_no_value_of_a_field_breaks_a_route(class_, rooms):
    lecturer, student, code = class_
    lecturer.post(f"/r/{code}/ask", json={"text": "q", "answers": ["a", "b"], "right": 0})
    for act, names in NAMES.items():
        for name in names:
            for value in VALUES:
                asked = {"text": "q", "answers": ["a", "b"]} if act == "ask" else {}
                sent = json.dumps(asked | {name: value})
                for who in (student, lecturer):
                    answer = who.post(f"/r/{code}/{act}", content=sent)
                    assert answer.status_code in TAKEN, (act, name, sent[:60])
    room = rooms.find(code)
    json.dumps([room._view(), room._question(), room._count(), room._race()], allow_nan=False)


def test_no_method_origin_or_code_breaks_a_route_or_opens_one(class_, site, rooms):
    lecturer, student, code = class_
    before = rooms.find(code)._changes
    for path in paths(code):
        for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
            assert student.request(method, path).status_code in TAKEN, (method, path)
        for origin in (
            "null",
            "http://evil.example",
            HOST + ".evil.example",
            "",
            "\u00e9".encode("latin-1"),
            "http://[",
        ):
            answer = lecturer.post(path, headers={"Origin": origin}, json={})
            assert answer.status_code in (403, 404, 405), (path, origin, answer.status_code)
    assert rooms.find(code)._changes == before
    for host in ("[", "]", "[::1", "a" * 3000, "x:99999999", "<b>"):
        assert student.get(f"/r/{code}/address", headers={"Host": host}).status_code == 200, host
    stranger = client(site)
    for wrong in CODES:
        for path in paths(wrong)[1:]:
            for method in ("GET", "POST"):
                answer = stranger.request(method, path)
                assert answer.status_code in (302, 307, 200, 404, 405), (method, path)
                assert "set-cookie" not in answer.headers
                assert answer.headers.get("location", "/room?").startswith(
                    ("/room?room=", "/room?", "http://class")
                )


def test_nothing_is_told_to_whoever_is_not_in_the_room(class_, site, rooms):
    lecturer, student, code = class_
    room = rooms.find(code)
    secrets = [room.key, *(device.token for device in room.devices.values())]
    lecturer.post(f"/r/{code}/ask", json={"text": "secret question", "answers": ["a", "b"], "right": 0})
    other = lecturer.post("/r/open").json()["code"]
    stranger, neighbour = client(site), client(site)
    neighbour.post(f"/r/{other}/join")
    (token,) = [d.token for d in rooms.find(other).devices.values() if not d.lecturer]
    neighbour.cookies.set(f"rx_{code}", token)  # a token of another room is none here
    for who in (stranger, neighbour):
        for path in (*paths(code)[2:], f"/r/{code}/events"):
            for method in ("GET", "POST"):
                if path.endswith(("/join", "/teach")):
                    continue
                answer = who.request(method, path, json={"guess": 0} if method == "POST" else None)
                assert answer.status_code in (404, 405), (method, path)
                assert not any(secret in answer.text for secret in (*secrets, "secret question")), path
    assert not room.guesses
    for path in ("address", "figure/mine", "figure/race"):
        assert room.key not in student.get(f"/r/{code}/{path}").text


def test_hundreds_of_posts_leave_nothing_behind(class_, rooms):
    lecturer, student, code = class_
    room = rooms.find(code)
    lecturer.post(f"/r/{code}/ask", json={"text": "q", "answers": ["a", "b"]})
    student.cookies.set("junk", "x" * 2_000)
    sizes = []
    for _ in range(2):
        for k in range(60):
            student.post(f"/r/{code}/guess", json={"guess": k % 2})
            lecturer.post(
                f"/r/{code}/stand", json={"page": "step", "query": {"step": str(k + 1), f"junk{k}": "x"}}
            )
            lecturer.post(f"/r/{code}/nothing{k}", json={})
            student.post(f"/r/{'BCDF'}{k}/join", json={})
        sizes.append((len(room.devices), len(room.guesses), len(room._parts), len(rooms.rooms)))
    assert sizes[0] == sizes[1] == (2, 1, 4, 1)


def test_as_many_addresses_as_come_cost_no_more_than_their_limit():
    paces = Paces(rate=1, burst=1)
    for k in range(3 * MAX_PACES):
        paces.take(f"10.0.{k}")
    assert len(paces.known) == MAX_PACES
