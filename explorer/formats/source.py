"""A file as its readers see it, and the tensors in it: known by shape and kind, read when asked for."""

import io
import math
import mmap
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from explorer.i18n import Refused

MAX_TENSORS = 100_000
"""Tensors of a file: the largest networks have some thousand."""

MAX_LINE = 2**20
"""Bytes of a line: an old pickle has names and numbers in lines."""

FAULTS = (ValueError, OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What reading a damaged archive raises; NotImplementedError, for a strange way of packing, among them."""

FLOATS = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2}
"""Kinds of numbers that weights may be, and their bytes."""


class Unreadable(Refused, OSError):  # noqa: N818
    """A file that cannot be read, with the reason as a sentence."""


class NoFile(Unreadable, FileNotFoundError):  # noqa: N818
    """A file that there is not."""


@contextmanager
def at_hand(file: Path | str) -> Iterator[None]:
    """Whatever keeps a file from being read within is raised as Unreadable."""
    try:
        yield
    except Unreadable:
        raise
    except FileNotFoundError as error:
        raise NoFile("file_missing", file=str(file)) from error
    except IsADirectoryError as error:
        raise Unreadable(_folder(Path(file)), file=str(file)) from error
    except OSError as error:
        raise Unreadable("file_unreadable", file=str(file)) from error


def _folder(path: Path) -> str:
    """Returns what is said of a folder: of those that networks are kept in, what to do."""
    if (path / ".metadata").is_file():
        return "folder_distributed"
    return "folder_saved_model" if (path / "saved_model.pb").is_file() else "file_folder"


def bytes_of(file: Path | str) -> bytes:
    """Returns what is in a file. Raises Unreadable."""
    with at_hand(file):
        return path_of(file).read_bytes()


def path_of(file: Path | str) -> Path:
    """Returns a path. Raises NoFile for one that none can be: with a NUL."""
    if "\0" in str(file):
        raise NoFile("file_missing", file=str(file).replace("\0", "?"))
    return Path(file)


@dataclass(frozen=True, eq=False)
class Source:
    """A file: its bytes, by memory map where it has a path, and its name for people."""

    data: memoryview
    name: str = "file"

    def open(self) -> BinaryIO:
        """Returns the bytes as a file to read and to seek in, without a copy of them."""
        return _View(self.data)  # type: ignore[return-value]  # all of it that reading needs

    @property
    def start(self) -> bytes:
        return bytes(self.data[:16])


class _View(io.RawIOBase):
    """What is asked for is cut to what there is before memory is taken for it."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.at = data, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: len(self.data)}[whence]
        self.at = max(0, base + offset)
        return self.at

    def tell(self) -> int:
        return self.at

    def read(self, size: int | None = -1) -> bytes:
        end = len(self.data) if size is None or size < 0 else min(self.at + size, len(self.data))
        found = bytes(self.data[self.at : end])
        self.at += len(found)
        return found

    def readline(self, size: int | None = -1) -> bytes:
        window = bytes(self.data[self.at : self.at + MAX_LINE])
        end = window.find(b"\n") + 1
        if not end and len(window) == MAX_LINE:
            raise ValueError("a line is too long")
        self.at += end or len(window)
        return window[: end or len(window)]

    def readinto(self, buffer: Any) -> int:
        part = self.data[self.at : self.at + len(buffer)]
        buffer[: len(part)] = part
        self.at += len(part)
        return len(part)


def source_of(file: Path | str | bytes) -> Source:
    """Returns the bytes of a file by memory map, or those that were given. Raises Refused, Unreadable."""
    if isinstance(file, bytes):
        if not file:
            raise Refused("file_empty")
        return Source(memoryview(file))
    path = path_of(file)
    with at_hand(file), path.open("rb") as opened:
        if path.stat().st_size == 0:
            raise Refused("file_empty")
        return Source(memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)), path.name)


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor in a file. kind: such as `float32`; load gives the array, of its shape, or raises Refused."""

    shape: tuple[int, ...]
    kind: str
    load: Callable[[], np.ndarray]

    @property
    def size(self) -> int:
        return math.prod(self.shape)


Table = dict[str, Tensor]


def floats(name: str, tensor: Tensor) -> np.ndarray:
    """Returns weights as float32, or float64 where they are. Raises Refused for other kinds, NaN and Inf."""
    if tensor.kind not in FLOATS:
        raise _refusal(name, tensor.kind)
    array = tensor.load()
    array = array.astype(np.float64 if array.dtype == np.float64 else np.float32)
    if array.shape != tensor.shape:
        raise Refused("file_damaged")
    if not np.isfinite(array).all():
        raise Refused("tensor_nonfinite", name=shown(name))
    array.setflags(write=False)
    return array


def not_numbers(name: str, kind: str, shape: tuple[int, ...]) -> Tensor:
    """Returns a tensor of a kind that cannot be read; whoever asks for its numbers is told why."""

    def load() -> np.ndarray:
        raise _refusal(name, kind)

    return Tensor(shape, kind, load)


_ODD = {
    "meta": "meta",
    "sparse": "sparse",
    "quantised": "quantised",
    "repeated": "repeated",
    "wrapped": "wrapped",
    "float8": "float8",
    "f8_": "float8",
    "complex": "complex",
    "c64": "complex",
}
"""How a kind begins, and what is said of it."""


def _refusal(name: str, kind: str) -> Refused:
    said = next((odd for start, odd in _ODD.items() if kind.lower().startswith(start)), "kind")
    return Refused(f"tensor_{said}", name=shown(name))


def from_bytes(data: memoryview, kind: str, big: bool = False) -> np.ndarray:
    """Returns the numbers (n,) of raw bytes, as float32 where they are bfloat16."""
    if kind == "bfloat16":
        high = np.frombuffer(data, ">u2" if big else "<u2").astype(np.uint32)
        return (high << 16).view(np.float32)
    return np.frombuffer(data, np.dtype(kind).newbyteorder(">" if big else "<"))


def shown(name: object) -> str:
    """Returns a name out of a file as it may be shown: letters, digits and a few signs, not too long."""
    plain = re.sub(r"[^\w.:/+-]", "?", str(name), flags=re.ASCII)
    return plain if len(plain) <= 80 else plain[:40] + "..." + plain[-37:]
