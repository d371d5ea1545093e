"""safetensors: a header in JSON, and the numbers one after another."""

import json
import math
from typing import Any

import numpy as np

from explorer.formats.source import FLOATS, MAX_TENSORS, Source, Table, Tensor, from_bytes
from explorer.i18n import Refused

MAX_HEADER = 100 * 1024 * 1024
"""Bytes of a header: as many as the format allows."""

KINDS = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def looks_so(source: Source) -> bool:
    return len(source.data) >= 10 and source.data[8:9] == b"{"


def read(source: Source) -> tuple[Table, dict[str, str]]:
    """Returns the tensors and the metadata. Raises Refused."""
    length = int.from_bytes(source.data[:8], "little")
    if length > MAX_HEADER:
        raise Refused("header_large", limit=MAX_HEADER // 1024)
    if len(source.data) < 8 + length:
        raise Refused("file_truncated")
    try:
        table = json.loads(bytes(source.data[8 : 8 + length]))
        metadata = table.pop("__metadata__", {})
        if len(table) > MAX_TENSORS:
            raise ValueError("tensors")
        found = {name: _tensor(entry, source.data[8 + length :]) for name, entry in table.items()}
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise Refused("file_damaged") from error
    return found, metadata if isinstance(metadata, dict) else {}


def _tensor(entry: dict[str, Any], data: memoryview) -> Tensor:
    kind, shape, (begins, ends) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
    if not all(type(n) is int and n >= 0 for n in (*shape, begins, ends)) or begins > ends:
        raise ValueError("entry")
    if ends > len(data):
        raise Refused("file_truncated")
    name = KINDS.get(kind, str(kind))
    if name in FLOATS and ends - begins != FLOATS[name] * math.prod(shape):
        raise ValueError("size")

    def load() -> np.ndarray:
        return from_bytes(data[begins:ends], name).reshape(shape)

    return Tensor(shape, name, load)
