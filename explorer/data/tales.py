"""Very short tales without end, made by a small grammar of our own, in Korean and English.

    text("en", 200, torch.Generator().manual_seed(0))

Somebody looks for something, somebody answers in quotation marks. Both marks are the same character: who
reads must remember whether one is open. Rules, words and their forms are in assets/corpora/tales_<lang>.toml.

A rule is a list of sentences to choose from, with slots in braces: `{rule}` and `{list}` are drawn anew
wherever they stand, `{role}` once for a tale, and no two roles the same word. `{role.form}` is a form of
that word: by its kind, as in he, she, they; or with a particle, by whether it ends in a consonant.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import TypeVar

import torch

from explorer.i18n import ASSETS, LANGUAGES
from explorer.text import tokenise

QUOTE = '"'
"""Opens and closes what somebody says."""

_T = TypeVar("_T")
_SLOT = re.compile(r"\{(\w+)(?:\.(\w+))?\}")
_SYLLABLES, _FINALS = range(0xAC00, 0xD7A4), 28


def tale(lang: str, generator: torch.Generator) -> str:
    """Returns a tale of two to five sentences. Raises ValueError for a language that there is not."""
    return _told(_grammar(lang), _numbers(generator))


def tales(lang: str, length: int, generator: torch.Generator) -> tuple[str, ...]:
    """Returns tales that are at least length characters long together, a space between them."""
    grammar, numbers = _grammar(lang), _numbers(generator)
    told: list[str] = []
    missing = length
    while missing > 0 or not told:
        told.append(_told(grammar, numbers))
        missing -= len(told[-1]) + (len(told) > 1)
    return tuple(told)


def text(lang: str, length: int, generator: torch.Generator) -> str:
    """Returns one tale after another in one line, at least length characters."""
    return " ".join(tales(lang, length, generator))


@cache
def letters(lang: str, token_level: str) -> tuple[str, ...]:
    """Returns every token that a text of tales may hold, sorted, in words, characters or jamo.

    A word has the marks on it, as `tokenise` leaves them. Raises ValueError for an unknown language or level.
    """
    whole = _grammar(lang).pieces("tale").tokens()
    if token_level == "word":
        return tuple(sorted(whole))
    return tuple(sorted({" "}.union(*(tokenise(word, token_level) for word in whole))))


@cache
def words(lang: str) -> frozenset[str]:
    """Returns every word of the tales without the marks on it."""
    return frozenset(bare for word in letters(lang, "word") if (bare := word.strip('".,?')))


@dataclass(frozen=True)
class _Word:
    """A word and its forms by name."""

    plain: str
    forms: Mapping[str, str]

    def form(self, name: str | None) -> str:
        return self.plain if name is None else self.forms[name]


@dataclass(frozen=True)
class _Pieces:
    """What a stretch of text may be, as the spaces part it.

    whole: all of it, without a space. first, last: what may stand before its first space and after its
    last. inner: words between two spaces.
    """

    whole: frozenset[str] = frozenset()
    first: frozenset[str] = frozenset()
    inner: frozenset[str] = frozenset()
    last: frozenset[str] = frozenset()

    def __add__(self, after: "_Pieces") -> "_Pieces":
        """Returns the pieces of one stretch right after another."""
        return _Pieces(
            _joined(self.whole, after.whole),
            self.first | _joined(self.whole, after.first),
            self.inner | after.inner | _joined(self.last, after.first),
            after.last | _joined(self.last, after.whole),
        )

    def __or__(self, other: "_Pieces") -> "_Pieces":
        """Returns the pieces of either stretch."""
        return _Pieces(
            self.whole | other.whole,
            self.first | other.first,
            self.inner | other.inner,
            self.last | other.last,
        )

    def tokens(self) -> frozenset[str]:
        return (self.whole | self.first | self.inner | self.last) - {""}


def _joined(before: Iterable[str], after: Iterable[str]) -> frozenset[str]:
    return frozenset(a + b for a, b in product(before, after))


def _plain(text: str) -> _Pieces:
    parts = text.split(" ")
    if len(parts) == 1:
        return _Pieces(whole=frozenset(parts))
    return _Pieces(frozenset(), frozenset(parts[:1]), frozenset(parts[1:-1]), frozenset(parts[-1:]))


_Part = str | tuple[str, str | None]
"""Text as it stands, or a slot: the name of a rule, list or role, and of the form."""


@dataclass(frozen=True)
class _Grammar:
    """Rules as parts, words by list, and the list of each role."""

    rules: Mapping[str, Sequence[Sequence[_Part]]]
    words: Mapping[str, Sequence[_Word]]
    roles: Mapping[str, str]

    def pieces(self, name: str, form: str | None = None) -> _Pieces:
        """Returns the pieces of all that a slot may become."""
        found = _Pieces()
        if name in self.rules:
            for parts in self.rules[name]:
                made = _plain("")
                for part in parts:
                    made += _plain(part) if isinstance(part, str) else self.pieces(*part)
                found |= made
        else:
            for word in self.words[self.roles.get(name, name)]:
                found |= _plain(word.form(form))
        return found


@cache
def _grammar(lang: str) -> _Grammar:
    if lang not in LANGUAGES:
        raise ValueError(f"there are no tales in {lang!r}; choose one of {LANGUAGES}")
    with (ASSETS / "corpora" / f"tales_{lang}.toml").open("rb") as file:
        table = tomllib.load(file)
    forms, particles = table.get("forms", {}), table.get("particles", {})
    words: dict[str, list[_Word]] = {}
    for name, entry in table["words"].items():
        by_kind = entry if isinstance(entry, dict) else {"": entry}
        words[name] = [
            _Word(word, forms.get(kind, {}) | _with_particles(word, particles))
            for kind, some in by_kind.items()
            for word in some
        ]
    rules = {name: [_parts(written) for written in some] for name, some in table["rules"].items()}
    return _Grammar(rules, words, table["roles"])


def _parts(written: str) -> list[_Part]:
    parts: list[_Part] = []
    at = 0
    for slot in _SLOT.finditer(written):
        parts += [written[at : slot.start()], (slot[1], slot[2])]
        at = slot.end()
    return [*parts, written[at:]]


def _with_particles(word: str, particles: Mapping[str, str]) -> dict[str, str]:
    """Returns a word with each particle, named by its form after a consonant."""
    return {closed: word + (closed if ends_closed(word) else opened) for closed, opened in particles.items()}


def ends_closed(word: str) -> bool:
    """Returns whether the last syllable of a Korean word ends in a consonant."""
    code = ord(word[-1])
    return code in _SYLLABLES and (code - _SYLLABLES.start) % _FINALS > 0


def _numbers(generator: torch.Generator) -> Iterator[float]:
    """Yields numbers in [0, 1), a block at a time: one call of torch for each would be slow."""
    while True:
        yield from torch.rand(64, dtype=torch.float64, generator=generator).tolist()


def _told(grammar: _Grammar, numbers: Iterator[float]) -> str:
    cast = _cast(grammar, numbers)

    def told(name: str, form: str | None = None) -> str:
        if name in cast:
            return cast[name].form(form)
        if name not in grammar.rules:
            return _one(grammar.words[name], numbers).form(form)
        parts = _one(grammar.rules[name], numbers)
        return "".join(part if isinstance(part, str) else told(*part) for part in parts)

    return told("tale")


def _cast(grammar: _Grammar, numbers: Iterator[float]) -> dict[str, _Word]:
    cast: dict[str, _Word] = {}
    for role, kind in grammar.roles.items():
        left = [word for word in grammar.words[kind] if word not in cast.values()]
        cast[role] = _one(left, numbers)
    return cast


def _one(some: Sequence[_T], numbers: Iterator[float]) -> _T:
    return some[int(next(numbers) * len(some))]
