"""Small data of our own for the five mappings: letters, digits, messages, tagged and translated sentences.

    tagged("en", 100, torch.Generator().manual_seed(0))[0].tags

The words are in assets/corpora: letters_<lang>, spam_<lang>, tags_<lang> and translation. What is held out is
the same for every seed: no network ever learns it.
"""

import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice, product
from typing import Any

import torch

from explorer.i18n import ASSETS
from explorer.labels import label
from explorer.text import lower_case, tokenise, without_punctuation

STOP = "."
"""Ends the name of a digit."""

TAGGED_TRAINED, TAGGED_HELD_OUT = 600, 120
"""Tagged sentences that are learned, and those that are not."""

TRANSLATED, TRANSLATED_HELD_OUT = 1_500, 200
"""Pairs of sentences that are learned, and those that are not."""
TRIPLES_HELD_OUT = 110
"""Of the 540 triples of who does what to whom."""


@cache
def _table(name: str) -> dict[str, Any]:
    with (ASSETS / "corpora" / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)


def examples(mapping: str, lang: str) -> tuple[str, ...]:
    """Returns texts to start from. Of messages and sentences they are held out."""
    return tuple(_table(f"letters_{lang}")["examples"][mapping])


# Letters and digits.


def letters(lang: str) -> dict[str, bool]:
    """Returns every letter of the alphabet and whether it is a vowel."""
    table = _table(f"letters_{lang}")
    return dict.fromkeys(table["vowels"], True) | dict.fromkeys(table["consonants"], False)


def letters_in(text: str, lang: str) -> tuple[str, ...]:
    """Returns the alphabet's letters in a text; a syllable of Hangul has two or three."""
    known = letters(lang)
    parts = (label(part) for part in tokenise(text.lower(), "jamo"))
    return tuple(part for part in parts if part in known)


@cache
def names(lang: str) -> dict[str, tuple[str, ...]]:
    """Returns the name of every digit, letter by letter (Hangul in jamo), STOP last."""
    words = _table(f"letters_{lang}")["digits"]
    return {
        str(k): (*tokenise(word, "jamo" if lang == "ko" else "char"), STOP) for k, word in enumerate(words)
    }


# Messages.


@dataclass(frozen=True)
class Message:
    """A message and whether it is spam."""

    text: str
    spam: bool

    @property
    def words(self) -> tuple[str, ...]:
        return words_of(self.text)


def words_of(text: str) -> tuple[str, ...]:
    """Returns a text's words in lower case, without punctuation."""
    return tokenise(without_punctuation(lower_case(text)), "word")


@cache
def messages(lang: str, part: str) -> tuple[Message, ...]:
    """Returns the messages of `train` or `held_out`, spam first."""
    table = _table(f"spam_{lang}")[part]
    return tuple(Message(text, kind == "spam") for kind in ("spam", "ham") for text in table[kind])


# A tag per token.


@dataclass(frozen=True)
class Tagged:
    """Tokens, their tags, and the 0-based positions whose tag only the next token tells."""

    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    undecided: tuple[int, ...]


def tags(lang: str) -> tuple[str, ...]:
    """Returns the tags of a language, by their keys in the locale."""
    return tuple(_table(f"tags_{lang}")["tags"])


@cache
def tag_words(lang: str) -> tuple[str, ...]:
    """Returns every token that a tagged sentence may hold, sorted."""
    table = _table(f"tags_{lang}")
    return tuple(sorted({*_lexicon(lang), *table["open"]}))


@cache
def _lexicon(lang: str) -> dict[str, str]:
    """The tag of every word that has but one."""
    return {word: tag for tag, words in _table(f"tags_{lang}")["tagged"].items() for word in words}


def tags_of(tokens: Sequence[str], lang: str) -> tuple[str | None, ...]:
    """Returns the tag of every token, None where it is unknown or the next token does not settle it."""
    lexicon, table = _lexicon(lang), _table(f"tags_{lang}")
    following = [*tokens[1:], ""]
    return tuple(
        table["next"].get(lexicon.get(after, "")) if token in table["open"] else lexicon.get(token)
        for token, after in zip(tokens, following, strict=True)
    )


def undecided(tokens: Sequence[str], lang: str) -> tuple[int, ...]:
    """Returns the 0-based positions of words with two tags where nothing before them tells which."""
    table = _table(f"tags_{lang}")
    before = ["", *tokens]
    return tuple(k for k, t in enumerate(tokens) if t in table["open"] and before[k] in table["undecided"])


def tagged(lang: str, count: int, generator: torch.Generator) -> tuple[Tagged, ...]:
    """Returns count sentences with a tag per token; they may repeat.

    Where only the next token tells, two sentences that are the same up to there stand side by side: whoever
    does not see it is right in exactly half of them.
    """
    drawn = (sentence for group in _groups(lang, generator) for sentence in group)
    return tuple(islice(drawn, count))


def _tagged(tokens: tuple[str, ...], lang: str) -> Tagged:
    found = tuple(tag for tag in tags_of(tokens, lang) if tag is not None)
    assert len(found) == len(tokens), tokens
    return Tagged(tokens, found, undecided(tokens, lang))


def _groups(lang: str, generator: torch.Generator) -> Iterator[tuple[Tagged, ...]]:
    """Yields sentences without end, those with the same beginning together, in an order left to chance."""
    table = _table(f"tags_{lang}")
    words, frames = list(table["open"]), table["frames"]
    while True:
        word = words[_pick(len(words), generator)]
        lists = table["lists"] | table["open"][word] | {"open": [word]}
        head, *tails = frames[_pick(len(frames), generator)]
        begun = _filled(head, lists, generator)
        group = [_tagged(begun + _filled(tail, lists, generator), lang) for tail in tails or [""]]
        yield tuple(group[::-1] if _pick(2, generator) else group)


def _filled(frame: str, lists: dict[str, list[str]], generator: torch.Generator) -> tuple[str, ...]:
    tokens: list[str] = []
    for slot in frame.split():
        entries = lists.get(slot.removesuffix("?"), [slot])
        if not slot.endswith("?") or _pick(2, generator):
            tokens += entries[_pick(len(entries), generator)].split()
    return tuple(tokens)


def _pick(end: int, generator: torch.Generator) -> int:
    return int(torch.randint(end, (), generator=generator))


@cache
def tagged_split(lang: str) -> tuple[tuple[Tagged, ...], tuple[Tagged, ...]]:
    """Returns sentences to train on, which may repeat, and different ones that are held out.

    Sentences with the same beginning are on the same side, as many of one kind as of the other.
    """
    groups = _groups(lang, torch.Generator().manual_seed(0))
    asked = [_tagged(pieces(text, tag_words(lang)), lang) for text in examples("many_many", lang)]
    held = dict.fromkeys(asked)
    train: list[Tagged] = []
    while len(held) < TAGGED_HELD_OUT:
        if (group := next(groups))[0] not in held and group[-1] not in held:
            held |= dict.fromkeys(group)
    while len(train) < TAGGED_TRAINED:
        train += [s for group in [next(groups)] if not held.keys() & group for s in group]
    return tuple(train), tuple(held)


def pieces(text: str, vocabulary: Iterable[str]) -> tuple[str, ...]:
    """Returns a text's tokens; a word that is not in the vocabulary is cut where all its pieces are.

    Korean particles and endings, written together with what they follow, become tokens of their own.
    """
    known = frozenset(vocabulary)
    return tuple(piece for word in words_of(text) for piece in _cut(word, known) or (word,))


def _cut(word: str, known: frozenset[str]) -> tuple[str, ...]:
    """The pieces of a word, the first as long as can be; none where it cannot be cut."""
    n = len(word)
    ends: dict[int, int] = {n: n}  # from where the rest can be cut, and where its first piece ends
    for start in range(n - 1, -1, -1):
        for end in range(min(n, start + _LONGEST), start, -1):
            if end in ends and word[start:end] in known:
                ends[start] = end
                break
    found = []
    start = 0
    while start < n:
        if start not in ends:
            return ()
        found.append(word[start : ends[start]])
        start = ends[start]
    return tuple(found)


_LONGEST = 12


# Translation.


@dataclass(frozen=True)
class Pair:
    """A sentence in both languages."""

    en: tuple[str, ...]
    ko: tuple[str, ...]

    def source(self, lang: str) -> tuple[str, ...]:
        """Returns what a reader of that language starts from: the sentence in it."""
        return self.ko if lang == "ko" else self.en

    def target(self, lang: str) -> tuple[str, ...]:
        return self.en if lang == "ko" else self.ko


@cache
def translation_words(lang: str) -> tuple[str, ...]:
    """Returns every token of a language's sentences, sorted."""
    table = _table("translation")
    own = 1 if lang == "ko" else 0
    found = {entry[own] for kind in ("adjectives", "nouns", "verbs") for entry in table[kind]}
    found |= {*table["subject"], *table["object"]} if own else {table["article"]}
    return tuple(sorted(found))


@cache
def translation_split() -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
    """Returns sentences to train on and others. No who-does-what-to-whom is in both; no sentence twice."""
    generator = torch.Generator().manual_seed(0)
    nouns, verbs = (range(len(_table("translation")[kind])) for kind in ("nouns", "verbs"))
    every = [triple for triple in product(nouns, verbs, nouns) if triple[0] != triple[2]]
    own = [pieces(text, translation_words("en")) for text in examples("encoder_decoder", "en")]
    asked = {_meaning(tokens, "en")[0] for tokens in own}
    order = torch.randperm(len(every), generator=generator).tolist()
    held = set(sorted((every[k] for k in order), key=lambda triple: triple not in asked)[:TRIPLES_HELD_OUT])

    def drawn(among: list[_Triple], count: int) -> tuple[Pair, ...]:
        found: dict[Pair, None] = {}
        while len(found) < count:
            triple = among[_pick(len(among), generator)]
            found[_pair(triple, (_kind(generator), _kind(generator)))] = None
        return tuple(found)

    train = drawn([triple for triple in every if triple not in held], TRANSLATED)
    return train, drawn(sorted(held), TRANSLATED_HELD_OUT)


_Triple = tuple[int, int, int]
"""Who (a noun), does what (a verb), to whom."""


def _kind(generator: torch.Generator) -> int | None:
    """An adjective, or in every second case none."""
    return _pick(len(_table("translation")["adjectives"]), generator) if _pick(2, generator) else None


def pair_of(tokens: Sequence[str], lang: str) -> Pair | None:
    """Returns the pair that a sentence of the language is one half of, None where the grammar has it not."""
    try:
        pair = _pair(*_meaning(tokens, lang))
    except (ValueError, IndexError):
        return None
    return pair if pair.source(lang) == tuple(tokens) else None


def _meaning(tokens: Sequence[str], lang: str) -> tuple[_Triple, tuple[int | None, int | None]]:
    """The triple and the adjectives of a sentence. Raises ValueError or IndexError where it has none."""
    own, lists = (1 if lang == "ko" else 0), _table("translation")
    nouns, verbs, kinds = ([entry[own] for entry in lists[name]] for name in ("nouns", "verbs", "adjectives"))
    at = [k for k, token in enumerate(tokens) if token in nouns]
    adjectives = [kinds.index(tokens[k - 1]) if k and tokens[k - 1] in kinds else None for k in at]
    verb = next((verbs.index(token) for token in tokens if token in verbs), -1)
    who, whom = (nouns.index(tokens[k]) for k in at)
    return (who, verb, whom), (adjectives[0], adjectives[1])


def _pair(triple: _Triple, kinds: tuple[int | None, int | None]) -> Pair:
    who, does, whom = triple
    table = _table("translation")

    def phrase(kind: int | None, noun: int, own: int) -> tuple[str, ...]:
        ahead = () if kind is None else (table["adjectives"][kind][own],)
        return (*ahead, table["nouns"][noun][own])

    the, verb = table["article"], table["verbs"][does]
    subject, whole = phrase(kinds[0], who, 1), phrase(kinds[1], whom, 1)
    return Pair(
        (the, *phrase(kinds[0], who, 0), verb[0], the, *phrase(kinds[1], whom, 0)),
        (*subject, _particle(subject[-1], "subject"), *whole, _particle(whole[-1], "object"), verb[1]),
    )


def _particle(noun: str, kind: str) -> str:
    """The particle's form after a consonant or after a vowel."""
    after_consonant, after_vowel = _table("translation")[kind]
    return after_consonant if len(unicodedata.normalize("NFD", noun[-1])) == 3 else after_vowel
