"""Text for a terminal and for machines: columns that line up with Hangul in them, strict JSON."""

import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np


def table_lines(
    head: Sequence[str], rows: Sequence[Sequence[str]], words: Collection[str] = ()
) -> Iterator[str]:
    """Yields a table's lines, columns two spaces apart: those named in words to the left, numbers right."""
    table = [head, *rows]
    widths = [max(map(width, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = zip(head, row, widths, strict=True)
        yield "  ".join(_padded(text, to, name in words) for name, text, to in cells).rstrip()


def _padded(text: str, to: int, left: bool) -> str:
    space = " " * (to - width(text))
    return text + space if left else space + text


def width(text: str) -> int:
    """Returns the columns a text takes in a terminal: Hangul and emoji two, combining marks none."""
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def plain(value: Any) -> Any:
    """Returns a value as JSON can hold it: arrays as lists; null where a number is not finite."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
