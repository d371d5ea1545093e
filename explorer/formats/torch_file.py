"""PyTorch's files (.pt, .pth, .ckpt, .jit), of today and before version 1.6, read without running anything.

A zip holds a pickle of what was saved, and each storage of numbers as a file; before, pickles and storages
stood one after another. Of state dicts, whole modules, checkpoints and scripted modules the tensors are found
by the names of the attributes and keys on the way to them.
"""

import math
import struct
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import numpy as np

from explorer.formats.opcodes import KINDS, Inert, Odd, View, interpreted
from explorer.formats.source import MAX_TENSORS, Source, Table, Tensor, from_bytes, not_numbers
from explorer.i18n import Refused

MAX_PICKLE = 64 * 1024 * 1024
"""Bytes of the pickle in a file: it holds names and shapes, no numbers."""

_MAGIC = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
_LEVELS = {"_modules", "_parameters", "_buffers"}
_LONGEST = 500


def looks_old(source: Source) -> bool:
    return bytes(source.data[: len(_MAGIC)]) == _MAGIC


def read_zip(source: Source, archive: zipfile.ZipFile) -> Table:
    """Returns the tensors of a file as torch.save and torch.jit.save write it. Raises Refused."""
    names = {info.filename: info for info in archive.infolist()}
    pickles = [name for name in names if name.rpartition("/")[2] == "data.pkl"]
    if len(pickles) != 1 or len(names) > MAX_TENSORS:
        raise Refused("file_damaged")
    root = pickles[0].removesuffix("data.pkl")
    raw = _stored_bytes(source, names[pickles[0]])
    if len(raw) > MAX_PICKLE:
        raise Refused("file_unpacked")
    big = f"{root}byteorder" in names and bytes(_stored_bytes(source, names[f"{root}byteorder"])) == b"big"
    inner = Source(raw)

    def numbers(key: str) -> memoryview:
        if (info := names.get(f"{root}data/{key}")) is None:
            raise Refused("file_truncated")
        return _stored_bytes(source, info)

    return _tensors(interpreted(inner.open()), numbers, big)


def _stored_bytes(source: Source, info: zipfile.ZipInfo) -> memoryview:
    """Returns the bytes of an entry that is stored as it is. PyTorch compresses nothing."""
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size or info.flag_bits & 1:
        raise Refused("file_packed")
    head = bytes(source.data[info.header_offset : info.header_offset + 30])
    if len(head) < 30 or head[:4] != b"PK\x03\x04":
        raise Refused("file_damaged")
    begins = info.header_offset + 30 + sum(struct.unpack("<HH", head[26:30]))
    if begins + info.file_size > len(source.data):
        raise Refused("file_truncated")
    return source.data[begins : begins + info.file_size]


def read_old(source: Source) -> Table:
    """Returns the tensors of a file as torch.save wrote it before version 1.6. Raises Refused."""
    file = source.open()
    for _ in range(3):  # a magic number, the version, the system
        interpreted(file)
    saved, keys = interpreted(file), interpreted(file)
    if not isinstance(keys, list) or len(keys) > MAX_TENSORS:
        raise Refused("file_damaged")
    kinds = {v.stored.key: v.stored.kind for _, v in _views(saved) if isinstance(v, View)}
    places = _places(file, keys, kinds, len(source.data))

    def numbers(key: str) -> memoryview:
        if key not in places:
            raise Refused("file_truncated")
        begins, ends = places[key]
        return source.data[begins:ends]

    return _tensors(saved, numbers, big=False)


def _places(file: BinaryIO, keys: list[Any], kinds: dict[str, str], size: int) -> dict[str, tuple[int, int]]:
    """Returns where each storage lies: a count of eight bytes before its numbers, in the keys' order."""
    found: dict[str, tuple[int, int]] = {}
    at = file.tell()
    for key in map(str, keys):
        file.seek(at)
        count = int.from_bytes(file.read(8), "little", signed=True)
        if key not in kinds or kinds[key] not in KINDS:
            break  # of an unknown kind, or of nothing that was found: what follows cannot be placed
        at += 8
        ends = at + count * KINDS[kinds[key]]
        if count < 0 or ends > size:
            raise Refused("file_truncated")
        found[key], at = (at, ends), ends
    return found


def _tensors(saved: Any, numbers: Callable[[str], memoryview], big: bool) -> Table:
    found: Table = {}
    for name, view in _views(saved):
        if len(found) >= MAX_TENSORS:
            raise Refused("file_damaged")
        if isinstance(view, Odd):
            found[name] = not_numbers(name, view.kind, view.sizes)
        else:
            found[name] = _tensor(name, view, numbers, big)
    return found


def _tensor(name: str, view: View, numbers: Callable[[str], memoryview], big: bool) -> Tensor:
    kind, count = view.stored.kind, view.stored.count
    size = math.prod(view.sizes)
    last = view.offset + sum((n - 1) * step for n, step in zip(view.sizes, view.strides, strict=True))
    if size and last >= count:
        raise Refused("tensor_bounds")
    if size > count:
        return not_numbers(name, "repeated", view.sizes)

    def load() -> np.ndarray:
        data = numbers(view.stored.key)
        if len(data) < count * KINDS[kind]:
            raise Refused("file_truncated")
        flat = from_bytes(data[: count * KINDS[kind]], kind, big)
        if not size:
            return np.zeros(view.sizes, flat.dtype)
        steps = [step * flat.itemsize for step in view.strides]
        return np.lib.stride_tricks.as_strided(flat[view.offset :], view.sizes, steps).copy()

    return Tensor(view.sizes, kind, load)


def _views(saved: Any) -> Iterator[tuple[str, View | Odd]]:
    """Yields every tensor with the names on the way to it; tables that stand in several places, once."""
    waiting, met = [("", saved)], {id(saved)}
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, View | Odd):
            yield name, value
            continue
        inner = []
        for key, part in _parts(value):
            if isinstance(part, View | Odd) or (
                isinstance(part, dict | Inert | list | tuple) and id(part) not in met
            ):
                met.add(id(part))
                inner.append((name if key in _LEVELS else f"{name}.{key}"[-_LONGEST:].lstrip("."), part))
        waiting += reversed(inner)


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, Inert):
        state = value.state
        if isinstance(state, tuple) and state and isinstance(state[0], dict | type(None)):  # and slots
            state = state[0]
        if isinstance(state, tuple | list):
            yield from enumerate(state)
        yield from (state if isinstance(state, dict) else {}).items()
        yield from value.items.items()
    elif isinstance(value, list | tuple):
        yield from enumerate(value)
