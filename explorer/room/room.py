"""One room: who is in it, the view that all follow, the question that is put, the race that all run.

What changes is told in parts (`view`, `question`, `count`, `race`), each with the number of its last
change: a listener is woken, and asks what is new since the number it knows. Every method may be called
from any thread and returns at once.
"""

import json
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from explorer.experiment import TABLE, Experiment
from explorer.limits import AWAY_SECONDS, MAX_MEMBERS, MAX_STREAMS, NEVER_SECONDS
from explorer.room.pace import Pace
from explorer.room.questions import Question
from explorer.room.race import ClassRace

MEMBERS_PARTS = ("view", "question", "race")
LECTURERS_PARTS = (*MEMBERS_PARTS, "count")

_PAGE = re.compile(r"[a-z_]{1,20}", re.ASCII)


class FullError(Exception):
    """No place is left in a room, or for a room."""


@dataclass
class Device:
    """A browser in a room. number counts the students from 1; the lecturer's devices have 0.

    token is the secret that its cookie holds, address where it joined from. left: when its last stream
    closed, or when it joined, in monotonic seconds; listened: whether it ever had one.
    """

    token: str
    number: int
    left: float
    address: str = ""
    listened: bool = False
    streams: "list[Listener]" = field(default_factory=list)
    pace: Pace = field(default_factory=Pace)

    @property
    def lecturer(self) -> bool:
        return self.number == 0


@dataclass(eq=False)
class Listener:
    """An open stream: wake is called where something is new, over is set where it has to end.

    drawn: which race's curve was told to it, and how many points of that.
    """

    device: Device
    wake: Callable[[], None]
    seen: int = 0
    over: bool = False
    drawn: tuple[int, int] = (0, 0)

    @property
    def parts(self) -> tuple[str, ...]:
        return LECTURERS_PARTS if self.device.lecturer else MEMBERS_PARTS


class Room:
    """A room. key is the lecturer's secret; code is what students type."""

    def __init__(self, code: str, opener: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self.code, self.opener, self.clock = code, opener, clock
        self.key = secrets.token_urlsafe(16)
        self.lock = threading.RLock()
        self.devices: dict[str, Device] = {}
        self.guesses: dict[str, float] = {}
        self.view: dict[str, Any] | None = None
        self.question: Question | None = None
        self.asked = 0
        self.shown = False
        self.race: ClassRace | None = None
        self.races = 0
        self.carriers: list[str] = []
        self.ended = False
        self.lecturer_left = self.left = clock()
        self._numbers = 0
        self._changes = 0
        self._parts: dict[str, tuple[int, str]] = {}
        for name in LECTURERS_PARTS:
            self._changed(name)

    # Who is there

    def join(self, token: str = "", address: str = "") -> Device:
        """Returns the device of a token, or a new one from an address. Raises FullError."""
        with self.lock:
            if token in self.devices:
                return self.devices[token]
            students = [device for device in self.devices.values() if not device.lecturer]
            if len(students) >= MAX_MEMBERS:
                self._part_with(self._giving_way(students, address))
            self._numbers += 1
            return self._enter(self._numbers, address)

    def teach(self, key: str, token: str = "") -> Device | None:
        """Returns the lecturer's device for the room's key; None for any other key."""
        if not secrets.compare_digest(key.encode(), self.key.encode()):
            return None
        with self.lock:
            known = self.devices.get(token)
            return known if known and known.lecturer else self._enter(0)

    def _enter(self, number: int, address: str = "") -> Device:
        device = Device(secrets.token_urlsafe(16), number, self.clock(), address)
        self.devices[device.token] = device
        return device

    def _giving_way(self, students: list[Device], address: str) -> Device:
        """Returns who goes for one more from an address: who has been away for longest, one that never
        listened before all others; else the latest of an address that has more than its share."""
        away = [device for device in students if not device.streams]
        longest = min(away, key=lambda device: (device.listened, device.left), default=None)
        patience = AWAY_SECONDS if longest and longest.listened else NEVER_SECONDS
        if longest and self.clock() - longest.left >= patience:
            return longest
        near = Counter(device.address for device in students)
        crowd, most = near.most_common(1)[0]
        if most <= near[address] + 1:
            raise FullError
        return max((d for d in students if d.address == crowd), key=lambda device: device.number)

    def _part_with(self, device: Device) -> None:
        del self.devices[device.token]
        self.guesses.pop(device.token, None)
        for listener in device.streams:
            self._hang_up(listener)

    def listen(self, device: Device, wake: Callable[[], None]) -> Listener:
        """Counts a device as there until `leave`."""
        with self.lock:
            listener = Listener(device, wake, over=self.ended)
            device.streams.append(listener)
            device.listened = True
            if len(device.streams) > MAX_STREAMS:
                self._hang_up(device.streams.pop(0))
            if len(device.streams) == 1:
                self._changed("count")
            return listener

    def leave(self, listener: Listener) -> None:
        """Ends what `listen` began."""
        with self.lock:
            device = listener.device
            if listener in device.streams:
                device.streams.remove(listener)
            device.left = self.left = self.clock()
            if device.lecturer:
                self.lecturer_left = self.left
            if not device.streams:
                self._changed("count")

    def _hang_up(self, listener: Listener) -> None:
        listener.over = True
        listener.wake()

    @property
    def here(self) -> list[Device]:
        """The students' devices that are there, in the order in which they came."""
        students = (d for d in self.devices.values() if d.streams and not d.lecturer)
        return sorted(students, key=lambda device: device.number)

    @property
    def empty(self) -> bool:
        return not any(device.streams for device in self.devices.values())

    @property
    def entered(self) -> bool:
        """Whether anybody was ever there."""
        return any(device.listened for device in self.devices.values())

    @property
    def taught(self) -> bool:
        """Whether a lecturer is there."""
        return any(device.lecturer and device.streams for device in self.devices.values())

    # What all see

    def stand(self, page: object, query: object) -> bool:
        """Takes the lecturer's view; returns False for one that no page has."""
        if not isinstance(page, str) or not _PAGE.fullmatch(page) or not isinstance(query, Mapping):
            return False
        asked = {name: raw for name, raw in query.items() if name in TABLE and isinstance(raw, str)}
        experiment, refused = Experiment().with_changes(asked)
        if refused:
            return False
        view = {"page": page, "query": experiment.to_query()}
        with self.lock:
            if view != self.view:
                self.view = view
                self._changed("view")
        return True

    def ask(self, question: Question) -> None:
        """Puts a question to the room, in place of the one before."""
        with self.lock:
            self.question, self.shown = question, False
            self.asked += 1
            self.guesses.clear()
            self._changed("question", "count")

    def guess(self, device: Device, guess: object) -> bool:
        """Takes a device's guess, which it may change until the answer is shown."""
        with self.lock:
            if device.lecturer or self.question is None or self.shown or not self.question.takes(guess):
                return False
            assert isinstance(guess, int | float)
            self.guesses[device.token] = guess
            self._changed("count")
            return True

    def show(self, found: float | None = None) -> None:
        """Shows what was guessed, and the model's answer; found: what a question was about."""
        with self.lock:
            if self.question is not None:
                if self.question.about:
                    self.question = replace(self.question, right=found)
                self.shown = True
                self._changed("question")

    def put_away(self) -> None:
        """Ends the question."""
        with self.lock:
            self.question, self.shown = None, False
            self.guesses.clear()
            self._changed("question", "count")

    # The race

    def start(self, race: ClassRace) -> None:
        """Begins a race: every device that is there carries a seed, 0 for the first."""
        with self.lock:
            self.race = race
            self.races += 1
            self.carriers = [device.token for device in self.here]
            race.grow(max(1, len(self.carriers)))
            self._changed("race")

    def carry(self, device: Device) -> None:
        """Gives a device that came later the next seed, while the race goes on."""
        with self.lock:
            if self.race is None or self.race.over or device.lecturer or device.token in self.carriers:
                return
            self.carriers.append(device.token)
            self.race.grow(len(self.carriers))
            self._changed("race")

    def seed_of(self, device: Device) -> int | None:
        """Returns the seed that a device carries in the race, or None."""
        return self.carriers.index(device.token) if device.token in self.carriers else None

    def curve(self, listener: Listener) -> dict[str, Any] | None:
        """Returns what is new of the curve of the seed that a device carries, and counts it as told.

        race numbers the race; points (step, metric) follow those before `from`. None where nothing is new.
        """
        with self.lock:
            seed = self.seed_of(listener.device)
            if self.race is None or seed is None:
                return None
            checks = self.race.checks(seed)
            race, told = listener.drawn
            if (race, told) == (self.races, len(checks)):
                return None
            first = told if race == self.races and told < len(checks) else 0
            listener.drawn = (self.races, len(checks))
            return {"race": self.races, "from": first, "points": checks[first:]}

    def raced(self) -> None:
        """Tells all how the race stands."""
        with self.lock:
            self._changed("race")

    # Telling

    def news(self, listener: Listener) -> list[tuple[str, str]]:
        """Returns the parts that are new to a listener, as (name, JSON), and counts them as seen."""
        with self.lock:
            new = [
                (name, self._parts[name][1])
                for name in listener.parts
                if self._parts[name][0] > listener.seen
            ]
            listener.seen = self._changes
            return new

    def _changed(self, *names: str) -> None:
        self._changes += 1
        for name in names:
            text = json.dumps(getattr(self, f"_{name}")(), ensure_ascii=False, allow_nan=False)
            self._parts[name] = (self._changes, text)
        for device in self.devices.values():
            for listener in device.streams:
                if not set(names).isdisjoint(listener.parts):
                    listener.wake()

    def _view(self) -> dict[str, Any] | None:
        return self.view

    def _question(self) -> dict[str, Any] | None:
        if self.question is None:
            return None
        told = self.question.record() | {"id": self.asked, "shown": self.shown}
        if self.shown:
            told |= {"tally": self.question.tally(list(self.guesses.values())), "right": self.question.right}
        return told

    def _count(self) -> dict[str, int]:
        return {"here": len(self.here), "answered": len(self.guesses)}

    def _race(self) -> dict[str, Any] | None:
        return None if self.race is None else self.race.record()

    def end(self) -> None:
        """Ends the room: every stream closes."""
        with self.lock:
            self.ended = True
            for device in self.devices.values():
                for listener in device.streams:
                    self._hang_up(listener)
        if self.race is not None:
            self.race.stop()
