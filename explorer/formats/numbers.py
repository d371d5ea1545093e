"""A sequence of numbers for a network that reads numbers: .csv, a step a line, or .npy (T, D).

Columns are parted by commas, semicolons, tabs or spaces; beside a semicolon a comma is a decimal one.
"""

import io
import math
import re

import numpy as np
from numpy.lib import format as numpy_format

from explorer.i18n import Refused
from explorer.limits import MAX_COLUMNS, MAX_SEQUENCE, MAX_TEXT

_NPY = b"\x93NUMPY"
_BETWEEN = re.compile(r"[,;\t]|\s+")


def read_numbers(data: bytes, width: int | None = None) -> np.ndarray:
    """Returns a sequence (T, D), float64. Raises Refused, which names the line of what is no number.

    width: the D that it must have, if one is asked for.
    """
    if len(data) > MAX_SEQUENCE:
        raise Refused("numbers_large", limit=MAX_SEQUENCE // 2**20)
    found = _of_numpy(data) if data.startswith(_NPY) else _of_text(data)
    if not found.size:
        raise Refused("numbers_none")
    if len(found) > MAX_TEXT or found.shape[1] > MAX_COLUMNS:
        raise Refused("numbers_shape", steps=MAX_TEXT, columns=MAX_COLUMNS)
    bad = np.argwhere(~np.isfinite(found))
    if len(bad):
        raise Refused("numbers_nonfinite", step=int(bad[0, 0]) + 1, column=int(bad[0, 1]) + 1)
    if width is not None and found.shape[1] != width:
        raise Refused("numbers_width", found=found.shape[1], expected=width)
    found.setflags(write=False)
    return found


def _of_numpy(data: bytes) -> np.ndarray:
    """Returns an array of numbers: nothing of a file of objects, which is a pickle, is read."""
    file = io.BytesIO(data)
    try:
        version = numpy_format.read_magic(file)
        read = numpy_format.read_array_header_1_0 if version == (1, 0) else numpy_format.read_array_header_2_0
        shape, column_first, dtype = read(file)
    except (ValueError, EOFError) as error:
        raise Refused("file_damaged") from error
    if dtype.kind not in "fiub" or len(shape) not in (1, 2, 3):
        raise Refused("numbers_none")
    rest = data[file.tell() :]
    if len(rest) != math.prod(shape) * dtype.itemsize:
        raise Refused("file_truncated")
    array = np.frombuffer(rest, dtype).reshape(shape, order="F" if column_first else "C").astype(np.float64)
    if array.ndim == 3:  # a batch of one, in either order
        if 1 not in array.shape[:2]:
            raise Refused("numbers_batch")
        array = array[0] if array.shape[0] == 1 else array[:, 0]
    return array[:, None] if array.ndim == 1 else array


def _of_text(data: bytes) -> np.ndarray:
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise Refused("numbers_none") from error
    rows: list[list[float]] = []
    if any(";" in line and "," in line for line in lines):  # a comma is then the point of a number
        lines = [line.replace(",", ".") for line in lines]
    for number, line in enumerate(lines, 1):
        parts = [part for part in _BETWEEN.split(line.strip()) if part]
        if not parts:
            continue
        try:
            row = [float(part) for part in parts]
        except ValueError as error:
            if not rows and number == 1:  # a line of names
                continue
            raise Refused("numbers_line", line=number) from error
        if rows and len(row) != len(rows[0]):
            raise Refused("numbers_ragged", line=number, found=len(row), expected=len(rows[0]))
        if len(rows) == MAX_TEXT or len(row) > MAX_COLUMNS:
            raise Refused("numbers_shape", steps=MAX_TEXT, columns=MAX_COLUMNS)
        rows.append(row)
    return np.array(rows, np.float64).reshape(len(rows), len(rows[0]) if rows else 0)
