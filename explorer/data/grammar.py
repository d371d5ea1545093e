"""Sentences of our own with something to remember over a chosen distance, in Korean and English.

`agreement`: dog ... is / dogs ... are; in Korean, where verbs have no number, a word that demands a
negation or forbids it. `honorific`: in Korean a verb with -si- after an honoured subject; in English
himself / herself. `brackets`: what was opened must be closed, the last one first. The words are in
assets/corpora/grammar_<lang>.toml.

A table's frame and phrase name what stands where: a list of words, a word itself, `name?` for a word
that may stay out, `phrases` for any number of phrases. An entry with two forms has one for each
meaning. The first `cue` is what must be remembered, a later one an attractor; `end` is a word and the
two forms that may follow it.
"""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, takewhile
from typing import Any

import torch

from explorer.i18n import ASSETS
from explorer.text import tokenise

KINDS = ("agreement", "brackets", "honorific")
END = "<eos>"
NEAREST, FARTHEST = 6, 20
"""Tokens from a cue to what depends on it: nearer there are few sentences, farther nobody can read them."""

DEPTH = 3
_SHORTEST = 4  # tokens of the shortest pair of brackets: open, a word, stop, close


@dataclass(frozen=True)
class Sentence:
    """Tokens, <eos> last; 0-based, rising: where memory decides the token, and what it must remember.

    Given the tokens before it, tokens[critical[k]] follows from tokens[cues[k]] alone.
    """

    tokens: tuple[str, ...]
    critical: tuple[int, ...]
    cues: tuple[int, ...]


def sentences(
    kind: str, lang: str, count: int, generator: torch.Generator, distance: int
) -> tuple[Sentence, ...]:
    """Returns count sentences in groups of `versions` that differ in the cue and what depends on it.

    Nothing between cue and critical token differs in a group, so whoever does not see the cue is right
    once in `versions`, over whole groups exactly. The distance is exact: critical - cue is `distance`
    in every sentence; of brackets it is so for the outermost pair, and the inner ones are nearer.
    Groups may repeat; which version comes first is left to chance. Raises ValueError for an unknown
    kind or a distance out of NEAREST to FARTHEST.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}; choose one of {KINDS}")
    if not NEAREST <= distance <= FARTHEST:
        raise ValueError(f"a distance of {distance} tokens; it must be {NEAREST} to {FARTHEST}")
    numbers = _numbers(generator)
    made: list[Sentence] = []
    while len(made) < count:
        plan = _bracketed if kind == "brackets" else _framed
        group = plan(kind, lang, distance, numbers).versions()
        first = _below(len(group), numbers)
        made += group[first:] + group[:first]
    return tuple(made[:count])


def versions(kind: str) -> int:
    """Returns how many continuations are equally frequent at a critical token: chance is 1 / versions."""
    return 3 if kind == "brackets" else 2


@cache
def words(kind: str, lang: str, token_level: str = "word") -> tuple[str, ...]:
    """Returns every token that the sentences of a kind may hold, sorted."""
    if token_level != "word":
        inner = set(words(kind, lang)) - {END}
        return tuple(sorted({END, " "}.union(*(_spelled(word, token_level) for word in inner))))
    if kind == "brackets":
        table = _table(kind, lang)
        found = {table["stop"], *table["words"], *chain.from_iterable(table["pairs"])}
    else:
        entries = chain.from_iterable(slot.entries for slot in _frame(kind, lang).slots())
        found = {word for entry in entries for form in entry for word in form}
    return tuple(sorted(found | {END}))


def respelled(group: Sequence[Sentence], token_level: str) -> tuple[Sentence, ...]:
    """Returns the versions of one sentence in other tokens: characters or jamo, words parted by a space.

    A critical token is then the first at which the versions differ; so is a cue.
    """
    if token_level == "word":
        return tuple(group)
    first = group[0]
    shared = {
        at: _alike([_spelled(version.tokens[at], token_level) for version in group])
        for at in {*first.critical, *first.cues}
    }
    return tuple(_respelled(sentence, token_level, shared) for sentence in group)


def _alike(spellings: Sequence[tuple[str, ...]]) -> int:
    """Returns how many tokens they all begin with."""
    return len(list(takewhile(lambda tokens: len(set(tokens)) == 1, zip(*spellings, strict=False))))


def _respelled(sentence: Sentence, token_level: str, shared: dict[int, int]) -> Sentence:
    tokens: list[str] = []
    starts = []
    for word in sentence.tokens[:-1]:
        tokens += [" "] if tokens else []
        starts.append(len(tokens))
        tokens += _spelled(word, token_level)
    critical, cues = (
        tuple(starts[at] + shared[at] for at in some) for some in (sentence.critical, sentence.cues)
    )
    return Sentence((*tokens, END), critical, cues)


_spelled = cache(tokenise)


@cache
def _table(kind: str, lang: str) -> dict[str, Any]:
    with (ASSETS / "corpora" / f"grammar_{lang}.toml").open("rb") as file:
        return tomllib.load(file)[kind]


def _numbers(generator: torch.Generator) -> Iterator[float]:
    """Yields numbers in [0, 1), a block at a time: one call of torch for each would be slow."""
    while True:
        yield from torch.rand(512, generator=generator).tolist()


def _below(end: int, numbers: Iterator[float]) -> int:
    """Returns a number from 0 to end - 1."""
    return int(next(numbers) * end)


_Piece = tuple[tuple[str, ...], ...]
"""Some words in each of their forms, or in each version of a sentence."""


@dataclass(frozen=True)
class _Plan:
    """A sentence in all its versions: its pieces, and pairs of them, (cue, critical).

    Up to a critical piece, a piece has as many words in every version.
    """

    pieces: list[_Piece]
    pairs: list[tuple[int, int]]

    def versions(self) -> list[Sentence]:
        return [self._version(k) for k in range(len(self.pieces[0]))]

    def _version(self, k: int) -> Sentence:
        tokens: list[str] = []
        starts = []
        for piece in self.pieces:
            starts.append(len(tokens))
            tokens += piece[k]
        pairs = sorted((starts[critical], starts[cue]) for cue, critical in self.pairs)
        return Sentence((*tokens, END), *zip(*pairs, strict=True))


@dataclass(frozen=True)
class _Slot:
    """A place in a frame: its name, whether it may stay empty, what may stand there, each in its forms."""

    name: str
    optional: bool
    entries: list[_Piece]

    @property
    def size(self) -> int:
        """Words that it takes at least."""
        return 0 if self.optional else len(self.entries[0][0])


@dataclass(frozen=True)
class _Frame:
    """Slots of a sentence: before the cue, from it to the phrases, a phrase, behind them, the end, after."""

    before: list[_Slot]
    cue: _Slot
    ahead: list[_Slot]
    phrase: list[_Slot]
    behind: list[_Slot]
    end: _Slot
    after: list[_Slot]

    def slots(self) -> list[_Slot]:
        return [*self.before, self.cue, *self.ahead, *self.phrase, *self.behind, self.end, *self.after]


def _size(slots: Sequence[_Slot]) -> int:
    return sum(slot.size for slot in slots)


def _optional(slots: Sequence[_Slot]) -> int:
    return sum(slot.optional for slot in slots)


@cache
def _frame(kind: str, lang: str) -> _Frame:
    table = _table(kind, lang)

    def slot(written: str) -> _Slot:
        name = written.removesuffix("?")
        entries = [[e] if isinstance(e, str) else e for e in table["words"].get(name, [name])]
        return _Slot(name, name != written, [tuple(tuple(form.split()) for form in e) for e in entries])

    frame, phrase = ([slot(written) for written in table[part].split()] for part in ("frame", "phrase"))
    names = [one.name for one in frame]
    cue, middle, end = (names.index(name) for name in ("cue", "phrases", "end"))
    return _Frame(
        frame[:cue],
        frame[cue],
        frame[cue + 1 : middle],
        phrase,
        frame[middle + 1 : end],
        frame[end],
        frame[end + 1 :],
    )


@cache
def _fillings(kind: str, lang: str, distance: int) -> list[tuple[int, int]]:
    """Returns every (phrases, optional words) that makes a distance."""
    frame = _frame(kind, lang)
    loose = [*frame.ahead, *frame.behind]
    room = distance - 2 - _size(loose)  # 2: the first word of the end, and the critical token
    size, inside, outside = _size(frame.phrase), _optional(frame.phrase), _optional(loose)
    every = [(count, room - count * size) for count in range(room // size + 1)]
    return [(count, extra) for count, extra in every if extra <= count * inside + outside]


class _Hand:
    """Draws what stands in slots, nothing twice before a list is used up, the cue not at all again."""

    def __init__(self, numbers: Iterator[float]) -> None:
        self.numbers = numbers
        self.left: dict[str, list[_Piece]] = {}
        self.cue: _Piece | None = None

    def entry(self, slot: _Slot) -> _Piece:
        left = self.left.get(slot.name)
        if not left:
            left = self.left[slot.name] = [entry for entry in slot.entries if entry != self.cue]
        return left.pop(_below(len(left), self.numbers))

    def pieces(self, slots: Sequence[_Slot], taken: Iterator[bool]) -> list[_Piece]:
        """Returns what stands in slots, all in one form: it says nothing about the cue's."""
        form = _below(2, self.numbers)
        entries = [self.entry(slot) for slot in slots if not slot.optional or next(taken)]
        return [(entry[form % len(entry)],) * 2 for entry in entries]


def _framed(kind: str, lang: str, distance: int, numbers: Iterator[float]) -> _Plan:
    """Plans a sentence by its frame, with phrases and optional words to make the distance."""
    frame, hand = _frame(kind, lang), _Hand(numbers)
    hand.cue = hand.entry(frame.cue)
    fillings = _fillings(kind, lang, distance)
    phrases, extra = fillings[_below(len(fillings), numbers)]
    parts = [frame.ahead, *[frame.phrase] * phrases, frame.behind]
    taken = _some(extra, sum(map(_optional, parts)), numbers)
    coins = (_below(2, numbers) == 1 for _ in frame.before)
    before = hand.pieces(frame.before, coins)
    middle = [piece for part in parts for piece in hand.pieces(part, taken)]
    last, *forms = hand.entry(frame.end)
    pieces = [*before, hand.cue, *middle, (last, last), tuple(forms), *hand.pieces(frame.after, iter(()))]
    return _Plan(pieces, [(len(before), len(before) + len(middle) + 2)])


def _some(count: int, total: int, numbers: Iterator[float]) -> Iterator[bool]:
    """Yields total times whether one is taken: count of them, each as likely as another."""
    for left in range(total, 0, -1):
        taken = _below(left, numbers) < count
        count -= taken
        yield taken


def _bracketed(kind: str, lang: str, distance: int, numbers: Iterator[float]) -> _Plan:
    """Plans up to two words and a pair of brackets with words and pairs in it, DEPTH deep at most.

    A stop comes before every closing bracket: it says that something closes, and memory says what.
    """
    table = _table(kind, lang)
    kinds, filler = table["pairs"], table["words"]
    pieces: list[_Piece] = []
    pairs: list[tuple[int, int]] = []

    def put(count: int) -> None:
        pieces.extend(((filler[_below(len(filler), numbers)],),) * len(kinds) for _ in range(count))

    def pair(size: int, depth: int) -> None:
        opened, turn = len(pieces), _below(len(kinds), numbers)
        both = [kinds[(turn + version) % len(kinds)] for version in range(len(kinds))]
        pieces.append(tuple((opening,) for opening, _ in both))
        inside(size - 3, depth)
        pieces.append(((table["stop"],),) * len(kinds))
        pairs.append((opened, len(pieces)))
        pieces.append(tuple((closing,) for _, closing in both))

    def inside(size: int, depth: int) -> None:
        if depth == DEPTH or size < _SHORTEST or _below(3, numbers) == 0:
            put(size)
            return
        inner = _SHORTEST + _below(size - _SHORTEST + 1, numbers)
        ahead = _below(size - inner + 1, numbers)
        put(ahead)
        pair(inner, depth + 1)
        inside(size - inner - ahead, depth)

    put(_below(3, numbers))
    pair(distance + 1, 1)
    return _Plan(pieces, pairs)
