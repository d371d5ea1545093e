"""Every link of ours that opens a view: course, glossary, docs/seeds.md, the buttons of cards, presets."""

import re
from functools import cache
from pathlib import Path

from explorer.course.glossary import entries, facts, sheets
from explorer.course.lessons import LESSONS, Show, cards
from explorer.course.places import Place, place_of
from explorer.course.stops import stops
from explorer.course.views import lecture
from explorer.training.clinic import cases as patients
from explorer.training.race import preset_changes, presets

SEEDS = (Path(__file__).parents[2] / "docs" / "seeds.md").read_text(encoding="utf-8")


@cache
def fixed() -> dict[str, Place]:
    """Links that must name their card: the course's, and those of the docs to a page with a lesson."""
    found = {f"course {stop.key}": stop.see for stop in (*stops(), *lecture())}
    for address in re.findall(r"`(/[^`]*)`", SEEDS):
        found[f"docs {address}"] = place_of(address)
    for name in presets():
        found[f"preset {name}"] = Place("train", tuple(preset_changes(name).items()))
    for case in patients().values():
        found[f"clinic {case.key}"] = Place("clinic", tuple(({"card": case.key} | case.changes()).items()))
    return {name: place for name, place in found.items() if place.page in LESSONS}


@cache
def glossary() -> dict[str, Place]:
    return {f"glossary {one.key}": one.see for one in (*entries("en"), *sheets("en"), *facts("en"))}


@cache
def buttons() -> dict[str, Place]:
    """Buttons of all cards, each named by its card."""
    return {
        f"{name} {card.key} {k}": Place(name, part.changes)
        for name in LESSONS
        for card in cards(name, "en")
        for k, part in enumerate(card.parts)
        if isinstance(part, Show)
    }


def every() -> dict[str, Place]:
    return fixed() | glossary() | buttons()
