"""NumPy's .npz: a zip of arrays. Arrays of objects, which are pickles, are left alone."""

import math
import zipfile
from typing import Any

import numpy as np
from numpy.lib import format as numpy_format

from explorer.formats.source import FAULTS, MAX_TENSORS, Table, Tensor
from explorer.i18n import Refused

MAX_UNPACKED = 4 * 1024**3
"""Bytes of an array when it is unpacked."""


def read(archive: zipfile.ZipFile) -> Table:
    """Returns the arrays of a .npz. Raises Refused."""
    entries = [info for info in archive.infolist() if info.filename.endswith(".npy")]
    if len(entries) > MAX_TENSORS:
        raise Refused("file_damaged")
    return {info.filename.removesuffix(".npy"): _tensor(archive, info) for info in entries}


def _tensor(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Tensor:
    try:
        with archive.open(info) as file:
            shape, order, dtype = _header(file)
            begins = file.tell()
    except FAULTS as error:
        raise Refused("file_damaged") from error
    size = math.prod(shape) * dtype.itemsize
    if dtype.hasobject:
        return Tensor(shape, "object", _nothing)
    if begins + size != info.file_size:
        raise Refused("file_damaged")
    if size > MAX_UNPACKED:
        raise Refused("file_unpacked")

    def load() -> np.ndarray:
        try:
            with archive.open(info) as file:
                _header(file)
                data = file.read(size)
        except FAULTS as error:
            raise Refused("file_damaged") from error
        if len(data) != size:
            raise Refused("file_truncated")
        return np.frombuffer(data, dtype).reshape(shape, order="F" if order else "C")

    return Tensor(shape, dtype.name, load)


def _nothing() -> np.ndarray:
    raise Refused("file_damaged")


def _header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = numpy_format.read_magic(file)
    read_header = {(1, 0): numpy_format.read_array_header_1_0, (2, 0): numpy_format.read_array_header_2_0}
    if version not in read_header:
        raise ValueError("version")
    return read_header[version](file)
