"""A question to a room, and what the room guessed. Nobody is scored: guesses are counted, not kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from explorer.i18n import LANGUAGES
from explorer.limits import MAX_ANSWER, MAX_QUESTION
from explorer.text import clean

LEAST_ANSWERS, MOST_ANSWERS = 2, 5
BINS = 20
"""Bars of a histogram of numbers: more than a class has opinions, few enough to read from the back row."""

Words = Mapping[str, str]
"""A sentence by language."""


class UnaskableError(ValueError):
    """A question that cannot be put."""


@dataclass(frozen=True)
class Question:
    """A question: answers to choose one of, or where there are none, a number from low to high.

    right is the model's answer: the index of a choice, or a number; None where nobody knows it.
    """

    words: Words
    answers: tuple[Words, ...] = ()
    low: float = 0.0
    high: float = 0.0
    right: float | None = None

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
