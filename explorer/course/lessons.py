"""Lessons as cards, read from Markdown with a few directives (assets/lessons/README.md)."""

import re
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qsl

from explorer.cells import CellSpec
from explorer.i18n import lesson

_HEAD = re.compile(r"^## (?:\d+\. )?(?P<title>.+?) \{#(?P<id>\w+) cells=(?P<cells>[\w,]+)\}$")
_DIRECTIVE = re.compile(r"^\{(?P<kind>equations|table|notes|show|ask): (?P<body>.+?)\}$")


@dataclass(frozen=True)
class Show:
    """A button that sets the page: its label and the fields it sets, as strings."""

    label: str
    changes: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Ask:
    """A question to guess at first, and what the figure shows."""

    question: str
    answer: str


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


def _parts(lines: list[str]) -> tuple[str | tuple[str, str] | Show | Ask, ...]:
    parts: list[str | tuple[str, str] | Show | Ask] = []
    text: list[str] = []
    for line in [*lines, ""]:
        if not line.startswith("{"):
            text.append(line)
            continue
        _flush(text, parts)
        parts.append(_directive(line.strip()))
    _flush(text, parts)
    return tuple(parts)


def _flush(text: list[str], parts: list) -> None:
    paragraph = "\n".join(text).strip()
    if paragraph:
        parts.append(paragraph)
    text.clear()


def _directive(line: str) -> tuple[str, str] | Show | Ask:
    match = _DIRECTIVE.match(line)
    if not match:
        raise ValueError(f"not a directive: {line}")
    kind, body = match["kind"], match["body"]
    if kind in ("equations", "table", "notes"):
        return kind, body.strip()
    left, right = (side.strip() for side in body.split("|", 1))
    if kind == "ask":
        return Ask(left, right)
    return Show(left, tuple(parse_qsl(right, keep_blank_values=True)))
