"""Lessons as cards, read from Markdown with a few directives (assets/lessons/README.md)."""

import re
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from urllib.parse import parse_qsl

from explorer.cells import CELLS, CellSpec
from explorer.experiment import Experiment, written
from explorer.i18n import ASSETS, LANGUAGES, lesson

_HEAD = re.compile(r"^## (?:\d+\. )?(?P<title>.+?) \{#(?P<id>\w+) cells=(?P<cells>[\w,]+)\}$")
_DIRECTIVE = re.compile(r"^\{(?P<kind>equations|table|notes|show|ask|choices|shown|result): (?P<body>.+?)\}$")
_PROOFS = ("shown", "result")
"""What shows a card's claims: tests, and stored results with what they must say. Readers do not see it."""


@dataclass(frozen=True)
class Show:
    """A button that sets the page: its label and the fields it sets, as strings."""

    label: str
    changes: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Ask:
    """A question to guess at first, and what the figure shows.

    choices: guesses on offer, none or two to five; right: which of them holds, from 0.
    """

    question: str
    answer: str
    choices: tuple[str, ...] = ()
    right: int = -1


@dataclass(frozen=True)
class Card:
    """One idea. parts hold, in order: text, ("equations" | "table" | "notes", argument), Show or Ask."""

    key: str
    title: str
    cells: tuple[str, ...]
    parts: tuple[str | tuple[str, str] | Show | Ask, ...]

    def concerns(self, spec: CellSpec) -> bool:
        """Returns whether the card is about a cell."""
        return bool({"all", spec.key, spec.family} & set(self.cells))


LESSONS = tuple(sorted(path.stem for path in (ASSETS / "lessons" / LANGUAGES[0]).glob("*.md")))
"""The pages with a lesson, each named as its page: those that have cards."""


@cache
def cards(name: str, lang: str) -> tuple[Card, ...]:
    """Returns the cards of a lesson. Raises ValueError for a line that looks like a directive but is not."""
    found: list[Card] = []
    head: re.Match[str] | None = None
    lines: list[str] = []
    for line in [*lesson(name, lang).splitlines(), "## end {#end cells=none}"]:
        if match := _HEAD.match(line):
            if head:
                found.append(Card(head["id"], head["title"], tuple(head["cells"].split(",")), _parts(lines)))
            head, lines = match, []
        elif head:
            lines.append(line)
    return tuple(found)


def opened(name: str, experiment: Experiment) -> str:
    """Returns the key of the card that is open: the experiment's, where the lesson has it for its cell."""
    return experiment.card if experiment.card in _keys(name, experiment.cell) else lead(name, experiment)


def lead(name: str, experiment: Experiment) -> str:
    """Returns the key of the card that belongs to what an experiment shows, where none is named.

    It is the first whose conditions in assets/course.toml the experiment meets, else the lesson's first.
    """
    keys = _keys(name, experiment.cell)
    for rule in _rules()[name]:
        if rule["card"] in keys and _meets(experiment, rule):
            return rule["card"]
    return keys[0]


@cache
def _rules() -> dict[str, list[dict[str, str]]]:
    return tomllib.loads((ASSETS / "course.toml").read_text(encoding="utf-8"))["cards"]


def _meets(experiment: Experiment, rule: dict[str, str]) -> bool:
    """A condition is a field's value, or `*` for any but the default."""
    default = Experiment()
    return all(
        getattr(experiment, name) != getattr(default, name)
        if value == "*"
        else written(getattr(experiment, name)) == value
        for name, value in rule.items()
        if name != "card"
    )


@cache
def _keys(name: str, cell: str) -> tuple[str, ...]:
    return tuple(card.key for card in cards(name, "en") if card.concerns(CELLS[cell]))


def _parts(lines: list[str]) -> tuple[str | tuple[str, str] | Show | Ask, ...]:
    parts: list[str | tuple[str, str] | Show | Ask] = []
    text: list[str] = []
    for line in [*lines, ""]:
        if not line.startswith("{"):
            text.append(line)
            continue
        _flush(text, parts)
        part = _directive(line.strip())
        if isinstance(part, tuple) and part[0] == "choices":
            parts.append(_offered(parts.pop(), part[1]))
        elif not (isinstance(part, tuple) and part[0] in _PROOFS):
            parts.append(part)
    _flush(text, parts)
    return tuple(parts)


def _flush(text: list[str], parts: list) -> None:
    paragraph = "\n".join(text).strip()
    if paragraph:
        parts.append(paragraph)
    text.clear()


def _offered(ask: object, body: str) -> Ask:
    """The question with its choices; a `*` stands before the one that holds."""
    if not isinstance(ask, Ask):
        raise ValueError(f"choices without a question: {body}")
    offered = [choice.strip() for choice in body.split(" | ")]
    (right,) = (k for k, choice in enumerate(offered) if choice.startswith("*"))
    return replace(ask, choices=tuple(choice.lstrip("*") for choice in offered), right=right)


def _directive(line: str) -> tuple[str, str] | Show | Ask:
    match = _DIRECTIVE.match(line)
    if not match:
        raise ValueError(f"not a directive: {line}")
    kind, body = match["kind"], match["body"]
    if kind in ("equations", "table", "notes", "choices", *_PROOFS):
        return kind, body.strip()
    left, right = (side.strip() for side in body.split("|", 1))
    if kind == "ask":
        return Ask(left, right)
    return Show(left, tuple(parse_qsl(right, keep_blank_values=True)))
