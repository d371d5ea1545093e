"""Text for a terminal: columns that line up with Hangul in them."""

from collections.abc import Collection, Iterator, Sequence

from explorer.labels import width


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
