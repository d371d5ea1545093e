"""All rooms of this server, by code. They live in its memory and end after hours without a lecturer."""

import secrets
import threading
import time
from collections.abc import Callable

from explorer.limits import (
    EMPTY_ROOM_SECONDS,
    MAX_ROOMS,
    MAX_ROOMS_EACH,
    ROOM_SECONDS,
    UNUSED_ROOM_SECONDS,
)
from explorer.room.room import FullError, Room

LETTERS = "BCDFGHJKMNPQRSTVWXZ23456789"
"""Of a code: no vowel, so that no word comes out, and nothing that is read as something else."""

LENGTH = 4


class Rooms:
    """The rooms. replica is the letter with which this server's codes begin, where there are several.

    Methods may be called from any thread and return at once.
    """

    def __init__(self, replica: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self.replica, self.clock = replica, clock
        self.rooms: dict[str, Room] = {}
        self.lock = threading.RLock()

    def open(self, opener: str = "") -> Room:
        """Opens a room for an address. Raises FullError where it has too many, or all have."""
        self.sweep()
        with self.lock:
            if sum(room.opener == opener for room in self.rooms.values()) >= MAX_ROOMS_EACH:
                self._give_way([room for room in self.rooms.values() if room.opener == opener])
            elif len(self.rooms) >= MAX_ROOMS:
                self._give_way(list(self.rooms.values()))
            room = Room(self._code(), opener, self.clock)
            self.rooms[room.code] = room
            return room

    def find(self, code: str) -> Room | None:
        """Returns the room of a code as it was typed, or None."""
        return self.rooms.get(code.strip().upper())

    def end(self, room: Room) -> None:
        """Ends a room."""
        with self.lock:
            self.rooms.pop(room.code, None)
        room.end()

    def sweep(self) -> None:
        """Ends the rooms that no lecturer has been in for hours."""
        now = self.clock()
        with self.lock:
            gone = [r for r in self.rooms.values() if not r.taught and now - r.lecturer_left > ROOM_SECONDS]
        for room in gone:
            self.end(room)

    def _give_way(self, candidates: list[Room]) -> None:
        """Ends the one that has stood empty for longest; those that nobody ever came to before all others."""
        now = self.clock()
        due = [room for room in candidates if room.empty and now - room.left >= _patience(room)]
        longest = min(due, key=lambda room: (room.entered, room.left), default=None)
        if longest is None:
            raise FullError
        self.end(longest)

    def _code(self) -> str:
        while True:
            code = self.replica + "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
            if code not in self.rooms:
                return code


def _patience(room: Room) -> float:
    """How long an empty room keeps its place."""
    return EMPTY_ROOM_SECONDS if room.entered else UNUSED_ROOM_SECONDS
