"""Tokens as people read them: labels that are safe to draw."""

import html
import unicodedata
from functools import lru_cache

from explorer.limits import MAX_LABEL

UNKNOWN = "<unk>"
"""The token that stands for all that a vocabulary does not hold."""


def label(token: str) -> str:
    """Returns a token as people read it: a space as ␣, jamo as letters, at most MAX_LABEL long.

    The label is plain text. Where it goes into Plotly use `plot_label`.
    """
    if token == " ":
        return "␣"
    shown = token if len(token) <= MAX_LABEL else token[: MAX_LABEL - 1] + "…"
    return "".join(map(_letter, shown))


@lru_cache(maxsize=4096)
def _letter(char: str) -> str:
    name = unicodedata.name(char, "")
    for position in ("CHOSEONG ", "JUNGSEONG ", "JONGSEONG "):
        if name.startswith("HANGUL " + position):
            letter = name.replace(position, "LETTER ", 1)
            try:
                return unicodedata.lookup(letter)
            except KeyError:
                return char
    return char


def plot_label(token: str) -> str:
    """Returns a label for Plotly, which reads `<a href>` and `<span>`: escaped and truncated."""
    return html.escape(label(token), quote=False)


def width(text: str) -> int:
    """Returns the columns that a text takes: Hangul and emoji two, combining marks none."""
    return sum(map(_columns, text))


def _columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
