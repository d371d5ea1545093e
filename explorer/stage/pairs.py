"""The payload of the way from a text to tensors: some rows of the prefix table, and what they are made of."""

from dataclasses import asdict
from typing import Any

from explorer.data.pairs import Pairs, Vocabulary, Windows
from explorer.experiment import Experiment
from explorer.figures.signals import cell_name
from explorer.i18n import section
from explorer.lab.learned import Token
from explorer.labels import label
from explorer.limits import EMBEDDING
from explorer.stage.payload import header_for, pack

SHOWN_ROWS = 200
"""Rows of the prefix table on the stage; all of them are counted."""

LISTED = 100
"""Most frequent tokens of a vocabulary that are listed, beside those of the rows on the stage."""

COLUMNS = {"word": 8, "char": 10, "jamo": 10}
"""Columns of X that are drawn, the last ones: where a beginning ends."""

_CONTEXT = 24  # tokens around those of the rows
_SENTENCE = 160  # characters of a sentence
_SHOWN_WINDOWS = 12


def shown_rows(pairs: Pairs, start: int) -> tuple[int, int]:
    """Returns the first row on the stage and the last, from 1: those from `start` on, or the last ones."""
    rows = pairs.prefixes.rows
    first = max(1, min(start, rows - SHOWN_ROWS + 1))
    return first, min(rows, first + SHOWN_ROWS - 1)


def build_pairs(pairs: Pairs, experiment: Experiment, lang: str) -> bytes:
    """Returns the payload of a text's training pairs in a language. Raises ValueError where there is none."""
    if not pairs.prefixes.rows:
        raise ValueError("the text has no training pair to show")
    first, last = shown_rows(pairs, experiment.start)
    places = [pairs.prefixes.place(row) for row in range(first - 1, last)]
    sentences = _sentences(pairs, places)
    index = {sentence["n"] - 1: k for k, sentence in enumerate(sentences)}
    targets = [label(pairs.lines[sentence][at]) for sentence, at in places]
    run = {
        "tokens": [asdict(Token(target, target)) for target in targets],
        "steps": len(places),
        "units": experiment.hidden,
        "arrays": {},
        "lines": [],
    }
    used = {k for sentence in sentences for k in sentence["ids"]}
    header = header_for(
        "pairs",
        lang,
        [run],
        strings=section("stage", lang) | section("pairs", lang),
        firstStep=first,
        total=pairs.prefixes.rows,
        cell=cell_name(experiment.cell, lang),
        joint=" " if experiment.token_level == "word" else "",
        rows=[[index[sentence], at] for sentence, at in places],
        sentences=sentences,
        vocabulary=_listed(pairs.vocabulary, used),
        columns=COLUMNS[experiment.token_level],
        windows=pairs.windows and _windows(pairs.windows, pairs.alphabet, first, last),
        shapes=pairs.shapes(EMBEDDING, experiment.hidden),
    )
    return pack(header, [])


def _sentences(pairs: Pairs, places: list[tuple[int, int]]) -> list[dict[str, Any]]:
    """Returns the sentences of some rows and two on either side, each with the part that is shown.

    n counts from 1; from is how many of its tokens stand before that part.
    """
    ends: dict[int, list[int]] = {}
    for sentence, at in places:
        ends.setdefault(sentence, []).append(at)
    around = range(max(0, min(ends) - 2), min(len(pairs.lines), max(ends) + 3))
    if len(around) > SHOWN_ROWS:  # many of one token, which have no row
        around = range(min(ends), max(ends) + 1)
    found = []
    for n in around:
        if n not in ends and len(around) > SHOWN_ROWS:
            continue
        cuts = ends.get(n, [0])
        start, stop = max(0, min(cuts) - _CONTEXT), max(cuts) + _CONTEXT
        typed = pairs.typed[n]
        found.append(
            {
                "n": n + 1,
                "text": typed if len(typed) <= _SENTENCE else typed[:_SENTENCE] + "…",
                "total": len(pairs.lines[n]),
                "from": start,
                "ids": pairs.prefixes.ids[n][start:stop].tolist(),
            }
        )
    return found


def _listed(vocabulary: Vocabulary, used: set[int]) -> dict[str, Any]:
    """Returns the most frequent tokens and those used, each its id, label and count, and the size V."""
    listed = sorted({*range(1, min(LISTED, len(vocabulary.tokens)) + 1), *used})
    tokens = [[k, label(vocabulary.tokens[k - 1]), vocabulary.counts[k - 1]] for k in listed]
    return {"size": vocabulary.size, "tokens": tokens}


def _windows(windows: Windows, alphabet: Vocabulary, first: int, last: int) -> dict[str, Any]:
    """Returns the windows that are walked beside some rows, each its number and its L + 1 ids.

    A step is a character; after the last window the first comes again.
    """
    L, N = windows.length, windows.rows
    walked = {row % (N * L) // L for row in range(first - 1, last)}
    start = (first - 1) % (N * L) // L
    walked |= set(range(start, min(N, start + _SHOWN_WINDOWS)))
    of = [[k, windows.ids[k * L : (k + 1) * L + 1].tolist()] for k in sorted(walked)]
    used = {k for _, ids in of for k in ids}
    return {"length": L, "rows": N, "of": of, "alphabet": _listed(alphabet, used)}
