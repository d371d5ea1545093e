"""From a text to tensors: sentences, tokens, vocabulary and ids, and two ways to cut training pairs of them.

The prefix table of a language model with one vector out has a row for every beginning of a sentence; the
windows of a character-level model with a vector out at every step are stretches of the whole text.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from explorer.data.corpora import sentences_of
from explorer.data.grammar import END
from explorer.experiment import Experiment
from explorer.text import lower_case, split_sentences, tokenise, without_punctuation

PADDING = 0
"""The id that stands where there is no token."""

WINDOW_LENGTH = 10
"""Characters of a window, as in the lecture's character-level model."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Vocabulary:
    """Tokens in the order of their ids, and how often each occurs.

    Numbered as Keras's Tokenizer does: from 1, the most frequent first, of equally frequent ones the
    first in the text; 0 is left for padding.
    """

    tokens: tuple[str, ...]
    counts: tuple[int, ...]

    @property
    def size(self) -> int:
        """V: the tokens and the padding, which has an id too."""
        return len(self.tokens) + 1

    @cached_property
    def ids(self) -> dict[str, int]:
        return {token: k for k, token in enumerate(self.tokens, PADDING + 1)}

    def encode(self, tokens: Iterable[str]) -> np.ndarray:
        """Returns the ids of tokens (n,), read-only. Raises KeyError for one that is not there."""
        ids = np.array([self.ids[token] for token in tokens], dtype=np.int64)
        ids.setflags(write=False)
        return ids


def vocabulary_of(tokens: Iterable[str]) -> Vocabulary:
    """Returns the vocabulary of all tokens of a text."""
    ranked = Counter(tokens).most_common()
    return Vocabulary(tuple(token for token, _ in ranked), tuple(count for _, count in ranked))


@dataclass(frozen=True, eq=False)
class Prefixes:
    """The prefix table: for every token but the first of a sentence, what stands before it.

    ids: each sentence's. ends (S,): how many rows there are up to each sentence's last one. Rows are
    counted from 0 and made when asked for: a sentence of T tokens has T (T - 1) / 2 numbers in its rows.
    """

    ids: tuple[np.ndarray, ...]
    ends: np.ndarray

    @property
    def rows(self) -> int:
        """N, the number of training pairs."""
        return int(self.ends[-1]) if len(self.ends) else 0

    @cached_property
    def columns(self) -> int:
        """T, the tokens of the longest beginning."""
        return max((len(ids) for ids in self.ids), default=1) - 1

    def place(self, row: int) -> tuple[int, int]:
        """Returns the sentence of a row and where in it the row's target stands, both from 0."""
        if not 0 <= row < self.rows:
            raise IndexError(f"row {row}; there are {self.rows}")
        sentence = int(np.searchsorted(self.ends, row, side="right"))
        return sentence, row - int(self.ends[sentence]) + len(self.ids[sentence])

    def padded(self, first: int = 0, last: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Returns X (n, T), each beginning filled up with zeros in front, and y (n,), of some rows."""
        rows = range(first, self.rows if last is None else last)
        x, y = np.full((len(rows), self.columns), PADDING), np.empty(len(rows), dtype=np.int64)
        for k, row in enumerate(rows):
            sentence, at = self.place(row)
            x[k, self.columns - at :] = self.ids[sentence][:at]
            y[k] = self.ids[sentence][at]
        return x, y


def prefixes_of(ids: Sequence[np.ndarray]) -> Prefixes:
    """Returns the prefix table of encoded sentences."""
    rows = [max(len(sentence) - 1, 0) for sentence in ids]
    return Prefixes(tuple(ids), np.cumsum(rows, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of a text, one after the other: x is `length` characters, y the same shifted by one."""

    ids: np.ndarray
    length: int

    @property
    def rows(self) -> int:
        """N, the number of whole windows; what is left at the end of the text is not used."""
        return (len(self.ids) - 1) // self.length

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns x (N, L) and y (N, L)."""
        used = self.rows * self.length
        return self.ids[:used].reshape(-1, self.length), self.ids[1 : used + 1].reshape(-1, self.length)


@dataclass(frozen=True, eq=False)
class Pairs:
    """A text on its way to tensors.

    typed: its sentences as they were; sentences: lower-cased or without punctuation where asked; lines:
    their tokens, <eos> at the end where asked. alphabet and windows are those of its characters; windows is
    None where there are not two. problem: the key of a sentence to show, where nothing can be learned.
    """

    typed: tuple[str, ...]
    sentences: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    vocabulary: Vocabulary
    prefixes: Prefixes
    alphabet: Vocabulary
    windows: Windows | None
    problem: str | None = None

    @property
    def tokens(self) -> int:
        return sum(map(len, self.lines))

    @property
    def longest(self) -> int:
        """Tokens of the longest sentence."""
        return max(map(len, self.lines), default=0)

    def shapes(self, inputs: int, hidden: int) -> dict[str, dict[str, Shape]]:
        """Returns the shape of every tensor on the way through a network, N examples at once.

        inputs is D, hidden H. `last`: one vector out, at the end; `each`: one out at every step.
        """
        N, T, V = self.prefixes.rows, self.prefixes.columns, self.vocabulary.size
        found: dict[str, dict[str, Shape]] = {
            "last": {
                "x": (N, T),
                "embedding": (N, T, inputs),
                "layer": (N, hidden),
                "dense": (N, V),
                "y": (N,),
                "one_hot": (N, V),
            }
        }
        if self.windows is not None:
            N, L, V = self.windows.rows, self.windows.length, self.alphabet.size
            found["each"] = {
                "x": (N, L),
                "embedding": (N, L, inputs),
                "layer": (N, L, hidden),
                "dense": (N, L, V),
                "y": (N, L),
                "one_hot": (N, L, V),
            }
        return found


def pairs_of(experiment: Experiment) -> Pairs:
    """Returns the training pairs of an experiment's text, or of the three sentences it learns.

    Where no sentence has two tokens, the text as a whole is one.
    """
    typed = split_sentences(experiment.text) if experiment.text else sentences_of(experiment.weights)
    found = _cut(experiment, typed)
    if not found.prefixes.rows and len(found.lines) > 1:
        return _cut(experiment, (" ".join(typed),))
    return found


def _cut(experiment: Experiment, typed: Sequence[str]) -> Pairs:
    kept = [(before, after) for before in typed if (after := _normalised(before, experiment))]
    sentences = tuple(after for _, after in kept)
    ending = (END,) if experiment.ending == "on" else ()
    lines = tuple(tokenise(sentence, experiment.token_level) + ending for sentence in sentences)
    vocabulary = vocabulary_of(token for line in lines for token in line)
    prefixes = prefixes_of([vocabulary.encode(line) for line in lines])
    characters = tokenise(" ".join(sentences), "char")
    alphabet = vocabulary_of(characters)
    length = min(WINDOW_LENGTH, len(characters) - 1)
    return Pairs(
        typed=tuple(before for before, _ in kept),
        sentences=sentences,
        lines=lines,
        vocabulary=vocabulary,
        prefixes=prefixes,
        alphabet=alphabet,
        windows=Windows(alphabet.encode(characters), length) if length > 0 else None,
        problem="no_pair" if not prefixes.rows else "one_kind" if len(vocabulary.tokens) == 1 else None,
    )


def _normalised(sentence: str, experiment: Experiment) -> str:
    if experiment.case == "lower":
        sentence = lower_case(sentence)
    return without_punctuation(sentence) if experiment.punctuation == "strip" else sentence
