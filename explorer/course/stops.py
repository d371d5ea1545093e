"""The course: the path through all pages, and the lecture in fifty minutes (assets/course.toml)."""

import tomllib
from dataclasses import dataclass
from functools import cache

from explorer.course.places import Place, place_of
from explorer.i18n import ASSETS


@dataclass(frozen=True)
class Stop:
    """A stop on the way: its key in the locale, how many minutes it takes, the view it begins with.

    lesson: whose cards it is about, empty for a view of the lecture. cards: which, empty for all.
    """

    key: str
    minutes: int
    see: Place
    lesson: str = ""
    cards: tuple[str, ...] = ()


@cache
def stops() -> tuple[Stop, ...]:
    """Returns the stops of the path, in order."""
    return _read("stops")


@cache
def lecture() -> tuple[Stop, ...]:
    """Returns the views of the lecture, in order; their minutes add up to fifty."""
    return _read("lecture")


def _read(part: str) -> tuple[Stop, ...]:
    with (ASSETS / "course.toml").open("rb") as file:
        table = tomllib.load(file)[part]
    return tuple(
        Stop(
            key,
            entry["minutes"],
            place_of(entry["see"]),
            entry.get("lesson", ""),
            tuple(entry.get("cards", ())),
        )
        for key, entry in table.items()
    )
