"""How the app is shown, beside what it shows: as a lecture, with guesses first, with parts hidden or locked.

All of it stands in the address, and goes on from page to page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from explorer.course.lessons import LESSONS, Ask, Card, cards, opened
from explorer.course.places import Place
from explorer.course.views import View, listed
from explorer.experiment import CLAMPS, STATES, TABLE, Experiment

NAMES = ("lecture", "at", "guess", "hide", "lock")
"""The parameters of an address that say how the app is shown."""

PARTS = ("navigation", "bar", "lesson", "choices")
"""What a link may hide as a whole, beside single fields: the ways to other pages, the bar of shared
choices, the cards, the choices of the page."""

SIGNALS = tuple(dict.fromkeys((*STATES, *CLAMPS[1:])))
"""Every state, gate and candidate of a cell: its heatmap is a panel too."""

PANELS: dict[str, tuple[str, ...]] = {
    "step": ("drawing", "maps", "prediction", "arithmetic", "valve", "norms", *SIGNALS),
    "gradients": ("triangle", "total", "paths", "losses"),
    "train": ("racers", "loss", "metric", "norm", "gates"),
    "clinic": ("racers", "loss", "metric", "norm", "gates"),
    "generate": ("prediction", "maps", "drawing", "arithmetic", "valve", "norms", *SIGNALS),
    "units": ("text", "ranks", "gates"),
}
"""The panels of a stage by name, those that lead first; a stage that is not named is one panel."""

MOST_PANELS = 3
"""Panels of a view in a lecture: one that leads and two others. More are too small for the back row."""


@dataclass(frozen=True)
class Showing:
    """lecture: a list of views, empty for none; at: the one that is shown, from 1, 0 for the app as it is.

    guess: whether a figure is covered until the reader has guessed. hide: parts and fields that are not
    drawn; lock: fields that cannot be changed.
    """

    lecture: str = ""
    at: int = 0
    guess: bool = False
    hide: tuple[str, ...] = ()
    lock: tuple[str, ...] = ()

    @cached_property
    def views(self) -> tuple[View, ...]:
        return listed(self.lecture)

    @property
    def on(self) -> bool:
        """Whether a view of a lecture is shown, without the shell around it."""
        return self.at > 0

    @property
    def guesses(self) -> bool:
        """Whether a figure waits for a guess."""
        return self.guess or self.on

    def hides(self, name: str) -> bool:
        """Whether a field or a part of the page is not drawn."""
        return self.on or name in self.hide or (name in TABLE and "choices" in self.hide)

    def to_query(self) -> dict[str, str]:
        """Returns the parameters of an address that shows the app like this."""
        given = {
            "lecture": self.lecture,
            "at": str(self.at or ""),
            "guess": "1" if self.guess else "",
            "hide": ",".join(self.hide),
            "lock": ",".join(self.lock),
        }
        return {name: value for name, value in given.items() if value}


def showing_of(query: Mapping[str, str]) -> tuple[Showing, tuple[str, ...]]:
    """Returns how an address wants the app shown, and which of its parameters say nothing."""
    refused = []
    views = listed(query.get("lecture", ""))
    if "lecture" in query and not views:
        refused.append("lecture")
    at = query.get("at", "")
    if at and not (views and at.isascii() and at.isdecimal() and len(at) < 4 and 1 <= int(at) <= len(views)):
        refused.append("at")
    if query.get("guess", "1") not in ("0", "1"):
        refused.append("guess")
    kept = {}
    for name, known in (("hide", (*PARTS, *TABLE)), ("lock", tuple(TABLE))):
        asked = [part for part in query.get(name, "").split(",") if part]
        kept[name] = tuple(dict.fromkeys(part for part in asked if part in known))
        if set(asked) - set(known):
            refused.append(name)
    return Showing(
        query["lecture"] if views else "",
        0 if "at" in refused or not at else int(at),
        query.get("guess") == "1",
        kept["hide"],
        kept["lock"],
    ), tuple(refused)


CHOOSING = {"language": "view", "architectures": "arch", "dynamics": "scene"}
"""The field that chooses the view of a page."""


def stage_of(page: str, experiment: Experiment) -> str:
    """Returns the name under which PANELS has the stage of a page, or its view."""
    return getattr(experiment, CHOOSING[page]) if page in CHOOSING else page


def panels_of(page: str, experiment: Experiment, large: bool = False) -> tuple[str, ...]:
    """Returns the panels that are drawn, the one that leads first; empty for all.

    In a lecture a view that names none has the first of its stage.
    """
    there = PANELS.get(stage_of(page, experiment), ())
    named = [name for name in dict.fromkeys(experiment.panels.split(",")) if name in there]
    return tuple(named or there if large else named)[:MOST_PANELS]


def card_of(place: Place, lang: str) -> Card | None:
    """Returns the card beside a view, if its page has a lesson."""
    if place.page not in LESSONS:
        return None
    key = opened(place.page, place.experiment)
    return next(card for card in cards(place.page, lang) if card.key == key)


def ask_of(card: Card) -> Ask | None:
    """Returns the question that a card asks first, if it asks any."""
    return next((part for part in card.parts if isinstance(part, Ask)), None)
