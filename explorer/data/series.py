"""Numeric series to forecast: a sine, a sum of sines, a random walk, a noisy season, one's own.

A series is cut in time: what comes last is held out. A network reads windows, each counted from its own first
value and scaled by what windows of the training part spread: so a level that it never saw is no surprise.
"""

import math
import re
from dataclasses import dataclass

import numpy as np

from explorer.data.unusable import Unusable

LENGTH, PERIOD, SEASON = 600, 20, 12
"""Values of a series that is made here; steps of the sine's period and of the season's."""

SECOND = 7.3
"""The period of the second sine of a sum: no whole number, so the sum never repeats exactly."""

NOISE = 0.4
"""Standard deviation of the season's noise; its shape has 1."""

HELD_OUT = 0.3
"""The share of a series, its end, that nothing is learned from."""

LEAST, MOST = 40, 5_000
"""Numbers of one's own series."""

LARGEST = 1e100
"""The size of the largest of them: errors are squared and added up."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


@dataclass(frozen=True, eq=False)
class Series:
    """values (N,) in time; period: steps after which it comes again, 1 where it does not.

    noise: the standard deviation of what nobody can know of the next value; NaN where that is not known.
    walk: whether the next value is the last one and that noise.
    """

    values: np.ndarray
    period: int
    noise: float
    walk: bool = False

    @property
    def cut(self) -> int:
        """The first place (0-based) of the part that is held out."""
        return len(self.values) - int(HELD_OUT * len(self.values))

    def starts(self, length: int, held_out: bool) -> np.ndarray:
        """Returns where windows of so many steps, and the value after them, begin in a part."""
        first, last = (self.cut, len(self.values)) if held_out else (0, self.cut)
        return np.arange(first, last - length)

    def scale(self, length: int) -> float:
        """Returns the standard deviation of the training windows, each counted from its first value."""
        windows = self.windows(self.starts(length, held_out=False), length)
        spread = float(np.std(windows - windows[:1]))
        return spread or 1.0

    def windows(self, starts: np.ndarray, length: int) -> np.ndarray:
        """Returns values (length + 1, B) of windows that begin at starts (B,)."""
        return self.values[np.arange(length + 1)[:, None] + starts]


def series(kind: str, seed: int, numbers: str = "") -> Series:
    """Returns the series of a kind. Raises Unusable for numbers of one's own that are none."""
    if kind == "yours":
        values = numbers_in(numbers)
        return Series(values, likely_period(values), float("nan"))
    rng, t = np.random.default_rng(30_000 + seed), np.arange(LENGTH)
    if kind == "walk":
        return Series(np.cumsum(rng.standard_normal(LENGTH)), 1, 1.0, walk=True)
    if kind == "season":
        shape = rng.standard_normal(SEASON)
        shape = (shape - shape.mean()) / shape.std()
        return Series(shape[t % SEASON] + NOISE * rng.standard_normal(LENGTH), SEASON, NOISE)
    phase, second = rng.uniform(0.0, 2.0 * math.pi, 2)
    wave = np.sin(2.0 * math.pi * t / PERIOD + phase)
    if kind == "sum":
        wave = wave + np.sin(2.0 * math.pi * t / SECOND + second)
    return Series(wave, PERIOD, 0.0)


def numbers_in(text: str) -> np.ndarray:
    """Returns the numbers of a list, parted by spaces, commas, semicolons or lines.

    Raises Unusable for fewer than LEAST or more than MOST, for what is no number, a number beyond LARGEST,
    or numbers all alike.
    """
    cells = [cell for cell in re.split(r"[\s,;]+", text) if cell]
    if (bad := next((cell for cell in cells if not _is_number(cell)), None)) is not None:
        raise Unusable("unusable.no_number", raw=bad[:40], place=cells.index(bad) + 1)
    if not LEAST <= len(cells) <= MOST:
        raise Unusable("unusable.numbers", count=len(cells), least=LEAST, most=MOST)
    values = np.array([float(cell) for cell in cells])
    if (size := np.abs(values).max()) > LARGEST:
        raise Unusable("unusable.large_number", raw=f"{size:.0e}", most=f"{LARGEST:.0e}")
    if np.ptp(values) <= LARGEST**-1:  # its square is to be a number
        raise Unusable("unusable.all_alike")
    return values


def column_of(table: str) -> str:
    """Returns the last column of a table that holds numbers, as a list that `numbers_in` reads.

    Columns are parted by tabs or semicolons, between which a comma is a decimal one, or else by commas; a
    first line of names is left out. Of a table without such a column the text as it is.
    """
    lines = [line for line in table.splitlines() if line.strip()]
    parted = next((mark for mark in "\t;" if all(mark in line for line in lines)), ",")
    rows = [[cell.strip().replace(",", ".") for cell in line.split(parted)] for line in lines]
    if rows and not any(map(_is_number, rows[0])):
        rows = rows[1:]
    width = min(map(len, rows), default=0)
    columns = [[row[k] for row in rows] for k in range(width)]
    numeric = [column for column in columns if 2 * sum(map(_is_number, column)) > len(column)]
    if len(rows) < 2 or not numeric:
        return " ".join(table.split())
    return " ".join(f"{float(cell):.6g}" if _is_number(cell) else cell or "?" for cell in numeric[-1])


def _is_number(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell)) and math.isfinite(float(cell))


def likely_period(values: np.ndarray) -> int:
    """Returns the lag at which the differences of a series are most alike, 1 where none stands out.

    The lag of 2 to a quarter of the series whose autocorrelation is a peak and largest, if it is above .2.
    """
    steps = np.diff(values)
    steps = steps - steps.mean()
    most = len(values) // 4
    power = float(steps @ steps)
    if power == 0.0:
        return 1
    alike = np.array([steps[lag:] @ steps[: len(steps) - lag] / power for lag in range(most + 2)])
    peaks = [k for k in range(2, most + 1) if alike[k - 1] < alike[k] >= alike[k + 1] and alike[k] > 0.2]
    return max(peaks, key=lambda k: (round(float(alike[k]), 2), -k), default=1)
