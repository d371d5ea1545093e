"""A room: who is in it, what all are told of it, and when it ends."""

import json
from contextlib import suppress

import pytest

from explorer.limits import (
    AWAY_SECONDS,
    EMPTY_ROOM_SECONDS,
    MAX_MEMBERS,
    MAX_ROOMS,
    MAX_ROOMS_EACH,
    MAX_STREAMS,
    NEVER_SECONDS,
    ROOM_SECONDS,
    UNUSED_ROOM_SECONDS,
)
from explorer.room.pace import Pace, Paces
from explorer.room.questions import typed
from explorer.room.room import FullError, Room
from explorer.room.rooms import LETTERS, Rooms


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def room(clock):
    return Room("BCDF", clock=clock)


def news(room, listener) -> dict:
    return {name: json.loads(text) for name, text in room.news(listener)}


def student(room):
    return room.listen(room.join(), lambda: None)


def lecturer(room, wake=lambda: None):
    return room.listen(room.teach(room.key), wake)


def test_only_the_key_makes_a_lecturer(room):
    assert room.teach("") is None and room.teach(room.key[:-1]) is None
    assert room.teach(room.key).lecturer
    assert not room.join().lecturer


def test_a_device_is_known_again_by_its_token_alone(room):
    first = room.join()
    assert room.join(first.token) is first
    assert room.join("another") is not first
    assert [device.number for device in room.devices.values()] == [1, 2]


def test_a_listener_hears_what_there_is_and_then_only_what_changes(room):
    one = student(room)
    assert news(room, one) == {"view": None, "question": None, "race": None}
    assert news(room, one) == {}
    assert room.stand("step", {"cell": "gru", "step": "3"})
    assert news(room, one) == {"view": {"page": "step", "query": {"cell": "gru", "step": "3"}}}
    assert room.stand("step", {"cell": "gru", "step": "3"})
    assert news(room, one) == {}


@pytest.mark.parametrize(
    ("page", "query"),
    [("../x", {}), ("step", None), (3, {}), ("step", {"cell": "nothing"}), ("step", {"step": "0"})],
)
def test_a_view_that_no_page_has_is_not_shown(room, page, query):
    assert not room.stand(page, query)
    assert room.view is None


def test_only_those_are_woken_whom_it_concerns(room):
    woken = []
    lecturer(room, lambda: woken.append("lecturer"))
    room.listen(room.join(), lambda: woken.append("student"))
    woken.clear()
    room.listen(room.join(), lambda: None)
    assert woken == ["lecturer"]
    room.stand("train", {})
    assert sorted(woken) == ["lecturer", "lecturer", "student"]


def test_a_guess_may_change_until_the_answer_is_shown(room):
    one, two, teacher = student(room), student(room), lecturer(room)
    assert not room.guess(one.device, 0), "nothing was asked"
    room.ask(typed("which?", ["a", "b"], 1))
    assert room.guess(one.device, 0) and room.guess(two.device, 0) and room.guess(one.device, 1)
    assert not room.guess(teacher.device, 0)
    told = news(room, teacher)
    assert told["count"] == {"here": 2, "answered": 2}
    assert "tally" not in told["question"] and "right" not in told["question"]
    room.show()
    assert news(room, one)["question"] | {"id": 0} == {
        "id": 0,
        "words": {"ko": "which?", "en": "which?"},
        "answers": [{"ko": a, "en": a} for a in "ab"],
        "shown": True,
        "tally": [1, 1],
        "right": 1,
    }
    assert not room.guess(one.device, 0)
    room.put_away()
    assert news(room, one) == {"question": None} and not room.guesses


def test_the_same_question_put_again_is_another(room):
    one = student(room)
    ids = []
    for _ in range(2):
        room.ask(typed("which?", ["a", "b"]))
        ids.append(news(room, one)["question"]["id"])
        room.show()
        assert news(room, one)["question"]["id"] == ids[-1]
    assert ids[0] != ids[1]


def test_a_full_room_takes_nobody_unless_somebody_has_been_away(room, clock):
    listeners = [student(room) for _ in range(MAX_MEMBERS)]
    with pytest.raises(FullError):
        room.join()
    room.leave(listeners[7])
    with pytest.raises(FullError):
        room.join()
    clock.now += AWAY_SECONDS
    assert room.join().number == MAX_MEMBERS + 1
    assert listeners[7].device.token not in room.devices


def test_whoever_joins_again_and_again_keeps_nobody_out(room, clock):
    there = student(room)
    for _ in range(MAX_MEMBERS - 1):
        room.join()
    clock.now += NEVER_SECONDS
    late = room.join()
    assert late.token in room.devices and there.device.token in room.devices


def test_one_address_cannot_fill_a_room_though_all_of_its_windows_listen(room):
    crowd = [room.listen(room.join(address="10.0.0.66"), lambda: None) for _ in range(MAX_MEMBERS)]
    with pytest.raises(FullError):
        room.join(address="10.0.0.66")
    class_ = [room.join(address=f"10.0.0.{k % 50}") for k in range(100)]
    assert all(device.token in room.devices for device in class_)
    assert [one.over for one in crowd] == [False] * 100 + [True] * 100
    assert sum(device.address == "10.0.0.66" for device in room.devices.values()) == 100


def test_only_so_many_paces_are_remembered(clock):
    paces = Paces(rate=0, burst=1, most=2, clock=clock)
    assert paces.take("a") and not paces.take("a") and paces.take("b") and paces.take("c")
    assert list(paces.known) == ["b", "c"] and not paces.take("b")


def test_a_device_has_so_many_streams_and_the_oldest_gives_way(room):
    device = room.join()
    streams = [room.listen(device, lambda: None) for _ in range(MAX_STREAMS + 1)]
    assert [s.over for s in streams] == [True] + [False] * MAX_STREAMS
    for stream in streams:
        room.leave(stream)
    assert not room.here


def test_a_room_ends_after_hours_without_its_lecturer(clock):
    rooms = Rooms(clock=clock)
    taught, left = rooms.open(), rooms.open()
    lecturer(taught)
    waiting = student(left)
    clock.now += ROOM_SECONDS + 1
    rooms.sweep()
    assert rooms.find(taught.code) is taught and rooms.find(left.code) is None
    assert waiting.over


def test_one_address_cannot_take_all_rooms(clock):
    rooms = Rooms(clock=clock)
    taught, attended = rooms.open("a school"), rooms.open("a school")
    lecturer(taught)
    student(attended)
    for _ in range(MAX_ROOMS_EACH):
        rooms.open("greedy")
    with pytest.raises(FullError):
        rooms.open("greedy")
    for k in range(MAX_ROOMS - MAX_ROOMS_EACH - 2):
        rooms.open(f"other {k}")
    with pytest.raises(FullError):
        rooms.open("late")
    clock.now += EMPTY_ROOM_SECONDS
    assert rooms.open("late").code in rooms.rooms
    for k in range(3 * MAX_ROOMS):
        with suppress(FullError):
            rooms.open(f"address {k}")
    assert len(rooms.rooms) == MAX_ROOMS, "as many addresses as come"
    assert {taught.code, attended.code} <= set(rooms.rooms), "nobody's room is lost who is in it"


def test_a_room_that_nobody_came_to_keeps_no_lecturer_out_for_long(clock):
    rooms = Rooms(clock=clock)
    left = rooms.open("a school")
    left.leave(lecturer(left))
    for k in range(MAX_ROOMS - 1):
        rooms.open(f"invented {k}")
    clock.now += UNUSED_ROOM_SECONDS - 1
    with pytest.raises(FullError):
        rooms.open("late")
    clock.now += 1
    assert rooms.open("late").code in rooms.rooms
    for k in range(2 * MAX_ROOMS):
        with suppress(FullError):
            rooms.open(f"late {k}")
    assert left.code in rooms.rooms, "whoever was there may come back"


def test_a_code_begins_with_its_replica_and_is_found_as_it_is_typed():
    room = Rooms("A").open()
    assert room.code[0] == "A" and set(room.code[1:]) <= set(LETTERS)
    rooms = Rooms("A")
    room = rooms.open()
    assert rooms.find(f" {room.code.lower()}\n") is room


def test_a_pace_allows_some_at_once_and_then_so_many_a_second(clock):
    pace = Pace(rate=2, burst=3, clock=clock)
    assert [pace.take() for _ in range(4)] == [True, True, True, False]
    clock.now += 0.5
    assert pace.take() and not pace.take()
