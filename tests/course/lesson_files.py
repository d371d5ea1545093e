"""Lesson files as the tests read them: cards, their directives, and the experiment behind a button."""

import re
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qsl

from explorer.cells import CELLS
from explorer.experiment import Experiment
from explorer.i18n import ASSETS

HEAD = re.compile(r"^## (?P<number>\d+)\. (?P<title>.+) \{#(?P<id>\w+) cells=(?P<cells>[\w,]+)\}$")
DIRECTIVE = re.compile(
    r"^\{(?P<kind>equations|table|notes|show|ask|choices|shown|result): (?P<body>[^{}]+)\}$"
)
PROOFS = ("shown", "result")


@dataclass(frozen=True)
class Card:
    """A card as its file has it: heading, paragraphs, and directives as (kind, left, right) in order.

    proofs: those that say what shows its claims, (kind, left, right) too; tests/course/claims.py reads them.
    """

    number: int
    title: str
    id: str
    cells: str
    text: str
    directives: tuple[tuple[str, str, str], ...]
    proofs: tuple[tuple[str, str, str], ...]

    @property
    def queries(self) -> tuple[str, ...]:
        return tuple(right for kind, _, right in self.directives if kind == "show")

    @property
    def said(self) -> str:
        """The text with its questions and answers and what it says of the notes, as one string."""
        asked = [part for kind, *parts in self.directives if kind in ("ask", "notes") for part in parts]
        return " ".join([self.text, *asked])

    @property
    def shown_for(self) -> tuple[str, ...]:
        names = set(self.cells.split(","))
        return tuple(key for key, spec in CELLS.items() if {"all", key, spec.family} & names)


@cache
def cards(name: str, lang: str) -> tuple[Card, ...]:
    source = (ASSETS / "lessons" / lang / f"{name}.md").read_text(encoding="utf-8")
    title, *parts = re.split(r"^(?=## )", source, flags=re.MULTILINE)
    assert re.fullmatch(r"# .+\n+", title)
    return tuple(_card(part.strip().splitlines()) for part in parts)


def _card(lines: list[str]) -> Card:
    head = HEAD.match(lines[0])
    assert head, lines[0]
    text, directives, proofs = [], [], []
    for line in lines[1:]:
        if line.startswith("{"):
            found = DIRECTIVE.match(line)
            assert found, line
            left, bar, right = found["body"].partition(" | ")
            assert bool(bar) == (found["kind"] in ("show", "ask", "choices", "result")), line
            of = proofs if found["kind"] in PROOFS else directives
            of.append((found["kind"], left, right))
        else:
            text.append(line)
    body = "\n".join(text).strip()
    parts = tuple(directives), tuple(proofs)
    return Card(int(head["number"]), head["title"], head["id"], head["cells"], body, *parts)


def card(name: str, key: str) -> Card:
    return next(c for c in cards(name, "en") if c.id == key)


def presses(name: str) -> list[tuple[str, str, str]]:
    """Returns (id, query, cell) of each button, for every cell whose reader can press it."""
    return [
        (f"{c.id}-{at}-{cell}", query, cell)
        for c in cards(name, "en")
        for at, query in enumerate(c.queries)
        for cell in ([""] if "cell=" in query else c.shown_for)
    ]


def pressed(query: str, cell: str = "lstm") -> Experiment:
    """Returns the experiment after a button, for a reader who was at a cell."""
    fields = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True))
    experiment, refused = Experiment(cell=cell).with_changes(fields)
    assert not refused, refused
    return experiment
