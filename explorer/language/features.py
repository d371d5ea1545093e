"""Features that a unit may track in a text, and the tokens that each decides.

A feature at a token is what is so once the token is read, as the state is.
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np

from explorer.data.grammar import END, Sentence
from explorer.text import clean, tokenise

Marks = tuple[np.ndarray, np.ndarray]
"""A feature at each token, and whether the feature decides the token: both (N,)."""

_OPENING, _CLOSING = "“「『«", "”」』»"
_ENDS = ".!?…。！？"


def features(tokens: Sequence[str], token_level: str, kind: str, pattern: str = "") -> Marks:
    """Returns a feature of a stretch of text once each token is read, and the tokens it decides.

    quote: 1 inside quotation marks; decides what closes one. A straight mark opens and closes in turn.
    bracket: how many brackets and paired quotation marks are open; decides what closes one.
    position: which token of its sentence it is, from 1, 0 for white space between two; decides the end.
    word: which letter or jamo of its word it is, from 1, 0 outside; decides what follows a word.
    pattern: 1 within the string; decides its tokens after the first, or the only one.
    Raises KeyError for another kind.
    """
    return _FEATURES[kind](tokens, token_level, pattern)


def _quote(tokens: Sequence[str], token_level: str, pattern: str) -> Marks:
    depth, closes = _depth(tokens, _OPENING, _CLOSING, '"')
    return (depth > 0).astype(float), closes


def _bracket(tokens: Sequence[str], token_level: str, pattern: str) -> Marks:
    return _depth(tokens, "([{" + _OPENING, ")]}" + _CLOSING, "")


def _depth(tokens: Sequence[str], opening: str, closing: str, straight: str) -> Marks:
    depth, closes = np.zeros(len(tokens)), np.zeros(len(tokens), dtype=bool)
    paired, within = 0, False
    for at, token in enumerate(tokens):
        for char in token:
            if char in opening:
                paired += 1
            elif char in closing and paired:
                paired -= 1
                closes[at] = True
            elif char in straight:
                closes[at] |= within
                within = not within
        depth[at] = paired + within
    return depth, closes


def _position(tokens: Sequence[str], token_level: str, pattern: str) -> Marks:
    quoted, _ = _quote(tokens, token_level, pattern)
    place, ends = np.zeros(len(tokens)), np.zeros(len(tokens), dtype=bool)
    count, over = 0, False
    for at, token in enumerate(tokens):
        closing = at > 0 and (token[-1:] in ")]}" + _CLOSING or (token == '"' and quoted[at - 1] > 0))
        if over and not (token.isspace() or closing):
            count, over = 0, False
        if not token.isspace() or not over:
            count += 1
            place[at] = count
        ends[at] = token == END or token.rstrip(")]}\"'" + _CLOSING)[-1:] in tuple(_ENDS)
        over = over or bool(ends[at])
    return place, ends


def _word(tokens: Sequence[str], token_level: str, pattern: str) -> Marks:
    place, follows = np.zeros(len(tokens)), np.zeros(len(tokens), dtype=bool)
    if token_level == "word":
        return place, follows
    count = 0
    for at, token in enumerate(tokens):
        letter = len(token.strip("<>")) == len(token) and unicodedata.category(token[0])[0] in "LMN"
        follows[at] = count > 0 and not letter
        count = count + 1 if letter else 0
        place[at] = count
    return place, follows


def _pattern(tokens: Sequence[str], token_level: str, pattern: str) -> Marks:
    within, decides = np.zeros(len(tokens)), np.zeros(len(tokens), dtype=bool)
    gap = " " if token_level == "word" else ""
    wanted = gap.join(tokenise(clean(pattern), token_level))
    text = gap.join(tokens)
    of = np.repeat(np.arange(len(tokens)), [len(token) + len(gap) for token in tokens])  # its token
    at = text.find(wanted) if wanted else -1
    while at >= 0:
        first, last = of[at], of[at + len(wanted) - 1]
        within[first : last + 1] = 1.0
        decides[min(first + 1, last) : last + 1] = True
        at = text.find(wanted, at + 1)
    return within, decides


_FEATURES = {
    "quote": _quote,
    "bracket": _bracket,
    "position": _position,
    "word": _word,
    "pattern": _pattern,
}


def marked(stretches: Sequence[Sequence[str]], token_level: str, kind: str, pattern: str = "") -> Marks:
    """Returns a feature (N, 1) of several stretches, and the tokens (N,) that it decides."""
    marks = [features(tokens, token_level, kind, pattern) for tokens in stretches]
    values, decides = (np.concatenate(parts) for parts in zip(*marks, strict=True))
    return values[:, None], decides


def cue(stretches: Sequence[Sentence], token_level: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Returns what must be remembered after each token (N, M), the critical tokens (N,), and M names.

    From a cue up to its critical token the cue's meaning holds, the inner one where they are nested. Two
    meanings are one column, +1 and -1; of more, each has a column of its own, 1 where it holds. Cues that
    decide the same tokens mean the same, and a meaning is named by the token that it most often decides.
    """
    pairs = [
        (n, at, to, _whole(s, at, token_level), _whole(s, to, token_level))
        for n, s in enumerate(stretches)
        for at, to in zip(s.cues, s.critical, strict=True)
    ]
    groups = _joined([((0, cued), (1, decided)) for _, _, _, cued, decided in pairs])
    counts = [Counter(decided for *_, decided in pairs if (1, decided) in group) for group in groups]
    named = [count.most_common(1)[0][0] for count in counts]
    order = sorted(range(len(groups)), key=named.__getitem__)
    table = np.eye(len(order)) if len(order) != 2 else np.array([[1.0], [-1.0]])
    columns = [np.zeros((len(s.tokens), table.shape[1])) for s in stretches]
    decides = [np.zeros(len(s.tokens), dtype=bool) for s in stretches]
    for n, at, to, cued, _ in sorted(pairs, key=lambda pair: pair[1]):
        meaning = next(rank for rank, k in enumerate(order) if (0, cued) in groups[k])
        columns[n][at:to] = table[meaning]
        decides[n][to] = True
    return np.concatenate(columns), np.concatenate(decides), tuple(named[k] for k in order)


def _whole(stretch: Sentence, at: int, token_level: str) -> str:
    """Returns the word that a token belongs to, without the tokens that part words."""
    tokens = stretch.tokens
    if token_level == "word":
        return tokens[at]
    first = last = at
    while first > 0 and tokens[first - 1] != " ":
        first -= 1
    while last < len(tokens) and tokens[last] not in (" ", END):
        last += 1
    return unicodedata.normalize("NFC", "".join(tokens[first:last]))


def _joined(links: Sequence[tuple[tuple[int, str], tuple[int, str]]]) -> list[set[tuple[int, str]]]:
    """Returns the connected parts of a graph."""
    parts: list[set[tuple[int, str]]] = []
    for link in links:
        touched = [part for part in parts if part & set(link)]
        parts = [part for part in parts if part not in touched] + [set(link).union(*touched)]
    return parts
