"""The stage's payload of a saying: a walk over prompt and said tokens, and what each was drawn from."""

import unicodedata
from dataclasses import asdict
from typing import Any

import numpy as np

from explorer.experiment import Display
from explorer.i18n import section
from explorer.labels import label
from explorer.language.saying import Ahead, Saying
from explorer.language.scoring import MOST_PROBABLE
from explorer.limits import WINDOW
from explorer.stage.payload import Numbers, header_for, pack, run_of

LONGEST_FORKS = 400
"""Characters of the field `forced`: forks past it cannot be asked for."""


def build_saying(saying: Saying, display: Display) -> bytes:
    """Returns the payload of a saying."""
    numbers, lang = Numbers(), display.lang
    run = run_of(saying.run, numbers, display)
    run["arrays"] |= {
        "said.p": numbers.add(saying.probability),
        "said.own": numbers.add(saying.own),
        "ahead.p": numbers.add(_table([None if a is None else a.p for a in saying.ahead])),
        "ahead.own": numbers.add(_table([None if a is None else a.own for a in saying.ahead])),
        "ahead.entropy": numbers.add(
            np.array([(None, None) if a is None else (a.entropy, a.own_entropy) for a in saying.ahead], float)
        ),
    }
    header = header_for(
        "generate",
        lang,
        [run],
        strings=section("stage", lang) | section("generate", lang),
        firstStep=saying.start,
        total=saying.total,
        window=WINDOW,
        prompt=len(saying.typed),
        text=[asdict(token) for token in saying.tokens],
        pieces=pieces(saying),
        spaced=saying.experiment.token_level == "word",
        ahead=[None if a is None else _ahead(a, saying) for a in saying.ahead],
        forced={str(step): token for step, token in saying.forced.items()},
        longestForks=LONGEST_FORKS,
        ended=saying.stopped_by_end,
        asked=saying.experiment.tokens,
    )
    return pack(header, numbers.parts)


def pieces(saying: Saying) -> list[dict[str, Any]]:
    """Returns the text as people read it: pieces, the first token of each, and how it grows by token.

    A piece is one token; jamo that make up a syllable are one piece, of prompt and said tokens apart.
    """
    found: list[dict[str, Any]] = []
    before = ""
    for at, token in enumerate(saying.typed + saying.said):
        joined = unicodedata.normalize("NFC", before + token)
        is_syllable = saying.experiment.token_level == "jamo" and len(joined) == 1
        if not (found and is_syllable and at != len(saying.typed)):
            joined = token
            found.append({"at": at, "texts": []})
        found[-1]["texts"].append(" " if joined == " " else label(joined))
        before = joined
    return found


def _ahead(ahead: Ahead, saying: Saying) -> dict[str, Any]:
    return {
        "ids": ahead.ids.tolist(),
        "labels": [saying.names[k] for k in ahead.ids.tolist()],
        "cut": ahead.cut,
        "next": ahead.next,
    }


def _table(rows: list[np.ndarray | None]) -> np.ndarray:
    """Rows of up to MOST_PROBABLE + 1 numbers as one array, NaN where a row has none."""
    table = np.full((len(rows), MOST_PROBABLE + 1), np.nan)
    for at, row in enumerate(rows):
        if row is not None:
            table[at, : len(row)] = row
    return table
