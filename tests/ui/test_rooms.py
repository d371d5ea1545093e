"""The routes of rooms: who may come in, say and hear what; the address that students reach."""

import asyncio
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from explorer.course.lessons import Ask, Card
from explorer.experiment import Experiment
from explorer.limits import MAX_ROOM_POST
from explorer.room import questions
from explorer.room.pace import Pace, Paces
from explorer.room.race import ClassRace, offers
from explorer.room.rooms import Rooms
from explorer.training.jobs import Jobs
from explorer.ui import board, compute
from explorer.ui.room import address, routes
from tests.room.test_race import Here, short  # noqa: F401 (its smaller races)

HOST = "http://class.example:8501"
HERE = {"Origin": HOST}
QUESTION = b'{"text": "q", "answers": ["a", "b"]}'


@pytest.fixture(autouse=True)
def rooms(monkeypatch) -> Rooms:
    found = Rooms()
    monkeypatch.setattr(routes, "rooms", lambda: found)
    monkeypatch.setattr(routes, "_openings", Paces(rate=0, burst=2))
    monkeypatch.setattr(routes, "_joins", Paces(rate=0, burst=3))
    return found


@pytest.fixture
def site() -> Starlette:
    return Starlette(routes=routes.room_routes())


@pytest.fixture
def lecturer(site) -> Iterator[TestClient]:
    with TestClient(site, base_url=HOST, headers=HERE) as client:
        client.room = client.post("/r/open").json()
        yield client


@pytest.fixture
def student(site, lecturer) -> TestClient:
    client = TestClient(site, base_url=HOST, headers=HERE)
    assert client.post(f"/r/{lecturer.room['code'].lower()}/join").json()["number"] == 1
    return client


def at(client: TestClient, lecturer: TestClient, act: str, **asked: object) -> int:
    return client.post(f"/r/{lecturer.room['code']}/{act}", json=asked).status_code


def heard(room, token: str) -> dict[str, object]:
    """The first message of a device's stream, by part."""

    async def first() -> str:
        stream = routes._stream(room, room.devices[token])
        try:
            return await anext(stream)
        finally:
            await stream.aclose()

    with ThreadPoolExecutor() as pool:  # this thread may have a loop already
        text = pool.submit(asyncio.run, first()).result()
    parts = [block.split("\n") for block in text.strip().split("\n\n")]
    return {name.removeprefix("event: "): json.loads(data.removeprefix("data: ")) for name, data in parts}


def test_what_a_lecturer_says_students_hear(lecturer, student, rooms):
    room = rooms.find(lecturer.room["code"])
    (token,) = [d.token for d in room.devices.values() if not d.lecturer]
    assert at(lecturer, lecturer, "stand", page="step", query={"cell": "gru"}) == 200
    assert at(lecturer, lecturer, "ask", text="which?", answers=["a", "b"], right=0) == 200
    assert at(student, lecturer, "guess", guess=1) == 200
    found = heard(room, token)
    assert found["you"] == {"number": 1, "seed": None, "guess": 1}
    assert found["view"] == {"page": "step", "query": {"cell": "gru"}}
    assert found["question"]["answers"][0]["en"] == "a" and "count" not in found
    assert room.empty, "a closed stream is nobody"


@pytest.mark.parametrize("act", [act for act, (_, lecturers) in routes.ACTS.items() if lecturers])
def test_a_student_is_no_lecturer(lecturer, student, act):
    assert at(student, lecturer, act) == 403
    assert student.get(f"/r/{lecturer.room['code']}/figure/race").status_code == 404


def test_whoever_has_not_joined_hears_and_says_nothing(site, lecturer):
    stranger, code = TestClient(site, base_url=HOST, headers=HERE), lecturer.room["code"]
    for path in ("address", "result.json", "figure/guess", "events"):  # the last would not end
        assert stranger.get(f"/r/{code}/{path}").status_code == 404
    assert at(stranger, lecturer, "guess", guess=0) == 404
    assert at(stranger, lecturer, "join", key="x" * 22) == 403
    stranger.cookies.set(f"rx_{code}", "made up")
    assert at(stranger, lecturer, "guess", guess=0) == 404


def test_the_lecturers_key_opens_the_room_on_another_screen(site, lecturer):
    other, key = TestClient(site, base_url=HOST, headers=HERE), lecturer.room["key"]
    told = other.post(f"/r/{lecturer.room['code']}/join", json={"key": key}).json()
    assert told["lecturer"] and told["key"] == key
    assert at(other, lecturer, "ask", text="q", answers=["a", "b"]) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://elsewhere.example"},
        {"Origin": "http://class.example"},
        {"Origin": "null"},
        {"Origin": HOST + ".elsewhere.example"},
    ],
)
def test_a_page_from_elsewhere_changes_nothing(lecturer, student, headers):
    code = lecturer.room["code"]
    for path in ("open", f"{code}/join", f"{code}/show", f"{code}/end"):
        assert lecturer.post(f"/r/{path}", headers=headers).status_code == 403, path


def test_where_a_browser_names_no_origin_its_site_counts(site, lecturer):
    client = TestClient(site, base_url=HOST)
    assert client.post("/r/open", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.post("/r/open", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{",
        b"7",
        b"\xff",
        QUESTION[:-1] + b" " * MAX_ROOM_POST + b"}",
        b'{"text": "q", "answers": ["a"]}',
    ],
)
def test_what_is_no_message_is_refused(lecturer, body):
    assert lecturer.post(f"/r/{lecturer.room['code']}/ask", content=body).status_code == 400
    assert lecturer.post(f"/r/{lecturer.room['code']}/ask", content=QUESTION).status_code == 200


def test_whoever_posts_too_fast_has_to_wait(lecturer, student, rooms):
    for device in rooms.find(lecturer.room["code"]).devices.values():
        device.pace = Pace(rate=0, burst=2)
    assert [at(student, lecturer, "guess", guess=0) for _ in range(3)] == [409, 409, 429]


def test_one_address_opens_and_joins_so_often_and_others_are_not_kept_out(site, lecturer):
    code = lecturer.room["code"]
    with TestClient(site, base_url=HOST, headers=HERE, client=("10.0.0.66", 1)) as greedy:
        assert [greedy.post("/r/open").status_code for _ in range(3)] == [200, 200, 429]
        joined = []
        for _ in range(4):
            greedy.cookies.clear()
            joined.append(greedy.post(f"/r/{code}/join").status_code)
        assert joined == [200, 200, 200, 429]
    with TestClient(site, base_url=HOST, headers=HERE, client=("10.0.0.7", 1)) as other:
        assert other.post(f"/r/{code}/join").status_code == other.post("/r/open").status_code == 200


def test_whoever_guesses_codes_is_told_nothing_after_a_while_and_nobody_in_a_room_notices(
    site, lecturer, student, monkeypatch
):
    monkeypatch.setattr(routes, "_misses", Paces(rate=0, burst=2))
    code = lecturer.room["code"]
    with TestClient(site, base_url=HOST, headers=HERE, client=("10.0.0.66", 1)) as guessing:
        tried = [guessing.post(f"/r/{wrong}/join").status_code for wrong in ("AAAA", "AAAB", "AAAC", code)]
        assert tried == [404, 404, 429, 429], "not even where it has guessed right"
    monkeypatch.setattr(routes, "_misses", Paces(rate=0, burst=0))
    assert (
        student.post(f"/r/{code}/join").json()["number"] == 1
        and at(student, lecturer, "guess", guess=0) == 409
    )
    key = {"key": lecturer.room["key"]}
    other = TestClient(site, base_url=HOST, headers=HERE)
    assert other.post(f"/r/{code}/join", json=key).json()["lecturer"]


def test_only_a_proxy_of_this_machine_names_another_visitor(site):
    def opens(host: str) -> list[int]:
        with TestClient(site, base_url=HOST, headers=HERE, client=(host, 1)) as client:
            said = [{"X-Forwarded-For": f"192.0.2.1, 10.1.1.{k}"} for k in range(3)]
            return [client.post("/r/open", headers=one).status_code for one in said]

    assert opens("10.0.0.66") == [200, 200, 429], "a visitor says that it is somebody else each time"
    assert opens("127.0.0.1") == [200, 200, 200]


def test_a_race_whose_folder_is_gone_ends_and_another_can_begin(lecturer, rooms, monkeypatch, tmp_path):
    class Full(Jobs):
        def submit(self, race, again=False, visitor="", address=""):
            raise OSError(28, "no space left on device")

    monkeypatch.setattr(board, "jobs", lambda: Full(tmp_path / "runs", Here()))
    monkeypatch.setattr(routes, "TURN_SECONDS", 0.0)
    offer, room = next(iter(offers())), rooms.find(lecturer.room["code"])
    assert at(lecturer, lecturer, "race", offer=offer) == 200
    for _ in range(1000):
        if room.race.over:
            break
        lecturer.get(f"/r/{room.code}/address")  # the loop runs while it answers
    assert room.race.record()["states"] == ["failed"] and room.race.record()["unkept"]
    assert at(lecturer, lecturer, "race", offer=offer) == 200


def test_a_cookie_is_out_of_reach_of_scripts_and_of_other_sites(site):
    with TestClient(site, base_url=HOST, headers=HERE) as client:
        said = client.post("/r/open").headers["set-cookie"].lower()
    assert "httponly" in said and "samesite=strict" in said and "path=/r/" in said


def test_an_ended_room_is_gone(lecturer, student):
    assert at(lecturer, lecturer, "end") == 200
    assert at(student, lecturer, "guess", guess=0) == 404
    assert student.post(f"/r/{lecturer.room['code']}/join").status_code == 404


def test_the_typed_address_leads_to_the_page_and_nowhere_else(site):
    client = TestClient(site, base_url=HOST, follow_redirects=False)
    assert client.get("/r/ab2c").headers["location"] == "/room?room=AB2C"
    assert client.get("/r/:evil.example%0d%0a").headers["location"] == "/room?room=EVILEXAM"


def test_a_device_hears_the_curve_of_its_own_seed_alone_and_each_point_once(rooms, tmp_path):
    room = rooms.open()
    first, second = room.join(), room.join()
    streams = [room.listen(device, lambda: None) for device in (first, second)]
    teacher = room.listen(room.teach(room.key), lambda: None)
    room.start(race := ClassRace(next(iter(offers().values())), Jobs(tmp_path / "runs", Here()), 1))
    assert room.curve(streams[0]) == {"race": 1, "from": 0, "points": []}
    own, other = race.seeds
    own.checks, other.checks = [(25, 0.25), (50, None)], [(25, 0.5)]
    assert room.curve(streams[0]) == {"race": 1, "from": 0, "points": [(25, 0.25), (50, None)]}
    assert room.curve(streams[0]) is None and room.curve(teacher) is None
    own.checks += [(75, 1.0)]
    assert room.curve(streams[0]) == {"race": 1, "from": 2, "points": [(75, 1.0)]}
    own.checks = [(25, 0.25)]  # its worker was killed: it begins anew
    assert room.curve(streams[0])["from"] == 0
    assert room.curve(streams[1])["points"] == [(25, 0.5)]


def test_a_class_runs_a_race_and_keeps_its_result(lecturer, student, rooms, monkeypatch, tmp_path):
    races = Jobs(tmp_path / "runs", Here())
    monkeypatch.setattr(board, "jobs", lambda: races)
    monkeypatch.setattr(routes, "TURN_SECONDS", 0.0)
    offer, code = next(iter(offers())), lecturer.room["code"]
    assert at(lecturer, lecturer, "race", offer="nothing") == 409
    assert at(lecturer, lecturer, "race", offer=offer) == 200
    room, ended = rooms.find(code), time.monotonic() + 120
    while not room.race.settled:
        assert time.monotonic() < ended, "it does not end"
        lecturer.get(f"/r/{code}/address")  # the loop runs while it answers
    found = student.get(f"/r/{code}/result.json").json()
    assert found["passed"][1] == 1 and len(found["seeds"]) == 1
    assert student.get(f"/r/{code}/figure/race").status_code == 404, "the projector's"
    figure = lecturer.get(f"/r/{code}/figure/race", params={"lang": "ko", "theme": "dark"}).json()
    place = student.get(f"/r/{code}/figure/mine", params={"lang": "ko", "theme": "dark"}).json()
    assert len(place["data"]) == 1 and {"on", "not", "passed"} <= place["layout"]["meta"].keys()
    drawn = [x for trace in figure["data"] for x in (trace.get("x") or []) if x is not None]
    assert set(found["seeds"][0]["checks"]) <= set(drawn)


def test_a_device_that_comes_later_carries_the_next_seed(lecturer, rooms, tmp_path):
    room = rooms.find(lecturer.room["code"])
    race = ClassRace(next(iter(offers().values())), Jobs(tmp_path / "runs", Here()), 1)
    first, late = room.join(), room.join()
    room.listen(first, lambda: None)
    room.start(race)
    room.carry(late)
    assert (room.seed_of(first), room.seed_of(late), len(race.seeds)) == (0, 1, 2)
    for _ in range(20):
        race.turn()
    latest = room.join()
    room.carry(latest)
    assert race.over and room.seed_of(latest) is None


@pytest.mark.parametrize(
    ("host", "bound", "expected"),
    [
        ("10.0.0.5:8501", "0.0.0.0", "http://10.0.0.5:8501"),
        ("explorer.example", "127.0.0.1", "http://explorer.example"),
        ("localhost:8501", "192.168.1.7", "http://192.168.1.7:8501"),
        ("localhost:8501", "::5", "http://[::5]:8501"),
        ("127.0.0.1:8501", "127.0.0.1", None),
        ("[::1]:8501", "localhost", None),
        ("127.0.0.2:8501", None, "http://10.9.9.9:8501"),
    ],
)
def test_students_are_never_sent_to_their_own_machine(monkeypatch, host, bound, expected):
    monkeypatch.delenv("EXPLORER_URL", raising=False)
    monkeypatch.setattr(address, "_own_address", lambda: "10.9.9.9")
    assert address.reachable("http", host, bound, 8501) == expected


def test_a_server_says_where_it_is_here_and_for_others(monkeypatch):
    monkeypatch.delenv("EXPLORER_URL", raising=False)
    monkeypatch.setattr(address, "_own_address", lambda: "10.9.9.9")
    assert address.told("http", "127.0.0.1", 8501) == "RNN Explorer: http://127.0.0.1:8501"
    both = "RNN Explorer: http://localhost:8502\nFor others: http://10.9.9.9:8502"
    assert address.told("http", "0.0.0.0", 8502) == both
    monkeypatch.setenv("EXPLORER_URL", "https://rnn.example.org")
    assert address.told("http", None, 8501).endswith("\nFor others: https://rnn.example.org")


def test_the_address_that_is_set_goes_first(monkeypatch):
    monkeypatch.setenv("EXPLORER_URL", "https://rnn.example.org/ ")
    assert address.reachable("http", "10.0.0.5", None, 8501) == "https://rnn.example.org"
    monkeypatch.setenv("EXPLORER_URL", "javascript:alert(1)")
    assert address.reachable("http", "10.0.0.5", None, 8501) == "http://10.0.0.5"


def test_the_picture_is_of_the_rooms_own_address(lecturer):
    told = lecturer.get(f"/r/{lecturer.room['code']}/address").json()
    assert told["address"] == f"{HOST}/r/{lecturer.room['code']}"
    assert told["qr"].startswith("data:image/svg+xml")
    assert told["qr"] == address.qr(told["address"]) != address.qr(f"{HOST}/r/ZZZZ")


def test_a_cards_question_is_put_in_every_language(lecturer, rooms, monkeypatch):
    ask = Ask("Does **$h_2$** change?", "Yes.", ("no", "*yes*", "it depends"), 1)
    card = Card("recurrence", "", ("all",), (ask,))
    monkeypatch.setattr(questions, "cards", lambda lesson, lang: (card,))
    assert at(lecturer, lecturer, "ask", lesson="step", card="recurrence") == 200
    question = rooms.find(lecturer.room["code"]).question
    assert question.words == {"ko": "Does h_2 change?", "en": "Does h_2 change?"}
    assert [answer["en"] for answer in question.answers] == ["no", "*yes*", "it depends"]
    assert question.right == 1
    for nothing in ({"lesson": "step", "card": "x"}, {"lesson": "../x", "card": "recurrence"}, {"card": []}):
        assert at(lecturer, lecturer, "ask", **nothing) == 400


def test_a_number_is_found_out_when_it_is_shown(lecturer, student, rooms):
    assert at(lecturer, lecturer, "ask", about="gradient") == 400, "no gradients are shown"
    assert at(lecturer, lecturer, "ask", about="seeds") == 400, "nobody races"
    query = {"cell": "rnn", "weights": "untrained", "stretch": "12"}
    assert at(lecturer, lecturer, "stand", page="gradients", query=query) == 200
    assert at(lecturer, lecturer, "ask", about="gradient") == 200
    room = rooms.find(lecturer.room["code"])
    assert room.question.right is None and at(student, lecturer, "guess", guess=-3.5) == 200
    assert at(lecturer, lecturer, "show") == 200
    experiment, _ = Experiment().with_changes(query)
    assert 10**room.question.right == pytest.approx(compute.flowed(experiment).chosen.total[1], rel=0.02)


def test_how_many_seeds_passed_is_known_once_all_have_ended(lecturer, rooms, tmp_path):
    room = rooms.find(lecturer.room["code"])
    room.listen(room.join(), lambda: None)
    race = ClassRace(offers()["temporal_50:gru"], Jobs(tmp_path / "runs", Here()), 1)
    room.start(race)
    for name, of in (("seeds", lambda: race.passed), ("steps", lambda: race.median_step)):
        assert at(lecturer, lecturer, "ask", about=name) == 200
        if not race.over:
            assert at(lecturer, lecturer, "show") == 200 and room.question.right is None
            while not race.settled:
                race.turn()
        assert at(lecturer, lecturer, "show") == 200 and room.question.right == of()


def test_a_class_s_race_leaves_the_server_a_core(monkeypatch, tmp_path):
    races = Jobs(tmp_path / "runs", Here())
    monkeypatch.setattr(board, "jobs", lambda: races)
    for cores, width in ((8, 7), (2, 1), (1, 1)):
        races.engine.slots = cores
        assert routes._prepared(next(iter(offers().values()))).width == width
