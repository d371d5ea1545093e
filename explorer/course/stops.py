"""The course: the path through all pages (assets/course.toml)."""

import tomllib
from dataclasses import dataclass
from functools import cache

from explorer.course.places import Place, place_of
from explorer.i18n import ASSETS


@dataclass(frozen=True)
class Stop:
    """A stop on the way: its key in the locale, how many minutes it takes, the view it begins with.

    lesson: whose cards it is about. cards: which, empty for all.
    """

    key: str
    minutes: int
    see: Place
    lesson: str
    cards: tuple[str, ...] = ()


@cache
def stops() -> tuple[Stop, ...]:
    """Returns the stops of the path, in order."""
    with (ASSETS / "course.toml").open("rb") as file:
        table = tomllib.load(file)["stops"]
    return tuple(
        Stop(key, entry["minutes"], place_of(entry["see"]), entry["lesson"], tuple(entry.get("cards", ())))
        for key, entry in table.items()
    )
