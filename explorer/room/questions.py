"""A question to a room, and what the room guessed. Nobody is scored: guesses are counted, not kept."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from explorer.course.lessons import LESSONS, cards
from explorer.course.showing import ask_of
from explorer.i18n import LANGUAGES, t
from explorer.limits import MAX_ANSWER, MAX_QUESTION
from explorer.text import clean

LEAST_ANSWERS, MOST_ANSWERS = 2, 5
BINS = 20
"""Bars of a histogram of numbers: more than a class has opinions, few enough to read from the back row."""

_MARKUP = re.compile(r"\*\*|[$`]|(?<=\w)\{|\}|\\(?=[a-z]+)")

Words = Mapping[str, str]
"""A sentence by language."""


class UnaskableError(ValueError):
    """A question that cannot be put."""


@dataclass(frozen=True)
class Question:
    """A question: answers to choose one of, or where there are none, a number from low to high.

    right is the model's answer: the index of a choice, or a number; None where nobody knows it. about names
    what is found out only when the answer is shown.
    """

    words: Words
    answers: tuple[Words, ...] = ()
    low: float = 0.0
    high: float = 0.0
    right: float | None = None
    about: str = ""

    @property
    def numeric(self) -> bool:
        return not self.answers

    def takes(self, guess: object) -> bool:
        """Returns whether a guess is one: the index of an answer, or a number within the range."""
        if isinstance(guess, bool) or not isinstance(guess, int | float):
            return False
        if self.numeric:
            return isfinite(guess) and self.low <= guess <= self.high
        return isinstance(guess, int) and 0 <= guess < len(self.answers)

    def tally(self, guesses: Sequence[float]) -> list[int]:
        """Returns how many chose each answer, or the counts of BINS equal parts of the range."""
        if not self.numeric:
            return [sum(guess == k for guess in guesses) for k in range(len(self.answers))]
        counts = [0] * BINS
        for guess in guesses:
            counts[min(BINS - 1, int((guess - self.low) / (self.high - self.low) * BINS))] += 1
        return counts

    def record(self) -> dict[str, Any]:
        """Returns what everybody may know before the answer is shown."""
        asked: dict[str, Any] = {"words": dict(self.words)}
        if self.numeric:
            return asked | {"low": self.low, "high": self.high}
        return asked | {"answers": [dict(answer) for answer in self.answers]}


def typed(text: object, answers: object, right: object = None) -> Question:
    """Returns the question that a lecturer typed, the same in every language. Raises UnaskableError."""
    words = _line(text, MAX_QUESTION)
    if not isinstance(answers, list) or not LEAST_ANSWERS <= len(answers) <= MOST_ANSWERS:
        raise UnaskableError("answers")
    given = tuple(_everywhere(_line(answer, MAX_ANSWER)) for answer in answers)
    known = right if isinstance(right, int) and not isinstance(right, bool) else None
    if known is not None and not 0 <= known < len(given):
        raise UnaskableError("right")
    return Question(_everywhere(words), given, right=known)


def number(text: object, low: object, high: object, right: object = None) -> Question:
    """Returns a question for a number that a lecturer typed. Raises UnaskableError."""
    ends = [_finite(low), _finite(high)]
    if ends[0] >= ends[1]:
        raise UnaskableError("range")
    return Question(
        _everywhere(_line(text, MAX_QUESTION)),
        (),
        ends[0],
        ends[1],
        None if right is None else _finite(right),
    )


def of_card(lesson: object, card: object) -> Question:
    """Returns the question of a card, with its choices, in every language. Raises UnaskableError."""
    asks = []
    for lang in LANGUAGES if lesson in LESSONS else ():
        found = [ask_of(one) for one in cards(str(lesson), lang) if one.key == card]
        asks += [ask for ask in found if ask is not None and ask.choices]
    if len(asks) != len(LANGUAGES):
        raise UnaskableError("card")
    by_lang = dict(zip(LANGUAGES, asks, strict=True))
    answers = zip(*(ask.choices for ask in asks), strict=True)
    return Question(
        {lang: _plain(ask.question) for lang, ask in by_lang.items()},
        tuple(dict(zip(LANGUAGES, map(_plain, words), strict=True)) for words in answers),
        right=asks[0].right,
    )


def about(name: str, low: float, high: float) -> Question:
    """Returns a question for a number that is found out when it is shown; the locale has its words."""
    words = {lang: t(f"room.about_{name}", lang) for lang in LANGUAGES}
    return Question(words, (), low, high, about=name)


def _plain(text: str) -> str:
    """A card's words without their markup: a phone shows them as text."""
    return _MARKUP.sub("", text)


def _line(text: object, longest: int) -> str:
    if not isinstance(text, str):
        raise UnaskableError("text")
    line = " ".join(clean(text[: 4 * longest]).split())
    if not 0 < len(line) <= longest:
        raise UnaskableError("text")
    return line


def _finite(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise UnaskableError("number")
    return float(value)


def _everywhere(text: str) -> Words:
    return dict.fromkeys(LANGUAGES, text)
