"""The glossary and the equation sheet: symbols in three notations, every cell's equations, derivatives.

The words and the notes' own notations are in assets/glossary.toml; the cells' equations come from the cells.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from explorer.cells import CELLS, CellSpec
from explorer.cells.equations import latex, unfolded
from explorer.course.places import HOME, Place, place_of
from explorer.i18n import ASSETS, LANGUAGES, t
from explorer.text import clean

GROUPS = ("sizes", "cell", "gradients", "language", "architecture", "training", "dynamics")
"""The parts of the glossary in the order of the page."""

SHORT = 2
"""A word up to this long is looked for among symbols and whole words: as a piece it is in everything."""

_WORD = re.compile(r"[A-Za-z]+")
_MARKUP = re.compile(r"\\left|\\right|[\\{}$`&]")


@dataclass(frozen=True)
class Entry:
    """One symbol or word. symbol, pytorch and lecture are Markdown, `–` where there is none.

    names: the term in the reader's language, then in the other. shape: as PyTorch prints it, or empty.
    note: where notations or notes differ, or empty. found_by: all that a search looks at, in plain letters.
    """

    key: str
    group: str
    symbol: str
    pytorch: str
    lecture: str
    shape: str
    names: tuple[str, str]
    meaning: str
    note: str
    see: Place
    found_by: str


@dataclass(frozen=True)
class Block:
    """Aligned equations in LaTeX, a line of words above them or none, a note below them or none."""

    title: str
    latex: str
    note: str = ""


@dataclass(frozen=True)
class CellSheet:
    """A cell's equations: in PyTorch's sense of z, in the lecture's where it differs, as the notes have them.

    parameters: the number of weights as a formula, with PyTorch's two biases, then with one.
    """

    key: str
    name: str
    source: str
    blocks: tuple[Block, ...]
    parameters: tuple[str, str]
    see: Place
    found_by: str


@dataclass(frozen=True)
class Fact:
    """A derivative or a loss in LaTeX, and where it is at work."""

    key: str
    title: str
    block: Block
    see: Place
    found_by: str


Part = TypeVar("Part", Entry, CellSheet, Fact)


@cache
def _source() -> dict[str, Any]:
    with (ASSETS / "glossary.toml").open("rb") as file:
        return tomllib.load(file)


@cache
def entries(lang: str) -> tuple[Entry, ...]:
    """Returns every entry in the order of the page."""
    return tuple(_entry(key, table, lang) for key, table in _source()["entries"].items())


def terms(lang: str) -> dict[str, Entry]:
    """Returns the entries by key, for links from other pages: the keys are the same in both languages."""
    return {entry.key: entry for entry in entries(lang)}


def _entry(key: str, table: dict[str, Any], lang: str) -> Entry:
    other = next(code for code in LANGUAGES if code != lang)
    own, names = table[lang], (table[lang]["name"], table[other]["name"])
    notations = (table["symbol"], table["pytorch"], table["lecture"])
    return Entry(
        key,
        table["group"],
        *notations,
        table.get("shape", ""),
        names,
        own["meaning"],
        own["note"],
        place_of(table["see"]),
        plain(*notations, *names, own["meaning"], own["note"]),
    )


@cache
def sheets(lang: str) -> tuple[CellSheet, ...]:
    """Returns the equations of every cell of the registry."""
    return tuple(_sheet(spec, lang) for spec in CELLS.values())


def _sheet(spec: CellSpec, lang: str) -> CellSheet:
    if spec.lecture:
        blocks = [
            Block(t("option.notation.pytorch", lang), equations(spec)),
            Block(t("option.notation.lecture", lang), equations(spec.lecture)),
        ]
    else:
        blocks = [Block(t("glossary.here", lang), equations(spec))]
    for notes in _source()["lecture_equations"]:
        if notes["cell"] == spec.key:
            blocks.append(Block(t("glossary.notes", lang), aligned(notes["lines"]), notes[lang]))
    name = t(f"cell.{spec.key}", lang)
    return CellSheet(
        spec.key,
        name,
        spec.source,
        tuple(blocks),
        (parameters(spec, 2), parameters(spec, 1)),
        Place(HOME, (("cell", spec.key),)),
        plain(name, spec.family, spec.source, *(block.latex for block in blocks)),
    )


@cache
def facts(lang: str) -> tuple[Fact, ...]:
    """Returns the derivatives and losses in the order of the page."""
    found = []
    for key, table in _source()["facts"].items():
        title, block = table[lang]["title"], Block("", aligned(table["lines"]), table[lang]["note"])
        searched = plain(title, block.latex, block.note)
        found.append(Fact(key, title, block, place_of(table["see"]), searched))
    return tuple(found)


def equations(spec: CellSpec) -> str:
    """Returns all equations of a cell as aligned LaTeX, the pre-activations written out."""
    table = dict(spec.equations)
    shown = [symbol for symbol in table if not symbol.startswith("pre_")]
    return aligned([f"{symbol}_t &= {latex(unfolded(symbol, table))}" for symbol in shown])


def aligned(lines: Sequence[str]) -> str:
    """Returns equations in LaTeX, one below the other, aligned at their `&`."""
    return r"\begin{aligned}" + "\n" + " \\\\\n".join(lines) + "\n" + r"\end{aligned}"


def parameters(spec: CellSpec, biases: int) -> str:
    """Returns the number of weights of one layer as a formula in D and H; PyTorch has two biases."""
    blocks, seeing, own = len(spec.blocks), len(spec.recurrent_blocks), len(spec.peephole_blocks)
    terms = [_times(blocks, f"H(D + H + {biases})" if seeing == blocks else "H(D + 1)")]
    if 0 < seeing < blocks:
        terms.append(_times(seeing, f"H(H + {biases - 1})"))
    return " + ".join([*terms, *([_times(own, "H")] if own else [])])


def _times(count: int, formula: str) -> str:
    return f"{count if count > 1 else ''}{formula}"


def plain(*parts: str) -> str:
    """Returns text for a search: without markup, in small letters."""
    return _MARKUP.sub("", " ".join(parts)).casefold()


def matching(whole: Sequence[Part], asked: str) -> list[Part]:
    """Returns the parts in which every word of what was asked is found, read literally; all for no word."""
    words = set(plain(clean(asked)).split())
    return [part for part in whole if all(_has(part.found_by, word) for word in words)]


def _has(found_by: str, word: str) -> bool:
    if len(word) <= SHORT and word.isascii() and word.isalpha():
        return word in _WORD.findall(found_by)
    return word in found_by
