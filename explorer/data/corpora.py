"""Built-in corpora. The sentences themselves live in assets/corpora."""

import tomllib
from functools import cache

from explorer.i18n import ASSETS

TAUGHT = ("lecture", "english")
"""Weights that are learned from three sentences here and now: the lecture's, or three in English."""


@cache
def lecture_sentences() -> tuple[str, ...]:
    """Returns the three sentences of the lecture's word-level language model (seed 003)."""
    return sentences_of("lecture")


@cache
def sentences_of(weights: str) -> tuple[str, ...]:
    """Returns the three sentences of a kind of weights: the English ones, or for all others the lecture's.

    In both, one word goes on in several ways, and what came before it decides.
    """
    name = weights if weights in TAUGHT else TAUGHT[0]
    return tuple((ASSETS / "corpora" / f"{name}.txt").read_text(encoding="utf-8").split("\n")[:3])


@cache
def examples(lang: str) -> tuple[tuple[str, str | None], ...]:
    """Returns sentences to start from, the reader's first, each with the weights that know it or None."""
    kinds = TAUGHT if lang == "ko" else TAUGHT[::-1]
    known = tuple((sentence, weights) for weights in kinds for sentence in sentences_of(weights))
    extra = (ASSETS / "corpora" / f"examples_{lang}.txt").read_text(encoding="utf-8")
    return known + tuple((line, None) for line in extra.split("\n") if line)


@cache
def glosses(lang: str) -> dict[str, str]:
    """Returns what the words of the other language's sentences mean, for readers of this one."""
    with (ASSETS / "corpora" / f"gloss_{lang}.toml").open("rb") as file:
        return tomllib.load(file)
