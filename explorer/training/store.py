"""Models as files: safetensors with the experiment that made them. Nothing in them can run.

Tensors have the state_dict names of RecurrentModel. The header's metadata, all strings: format, cell,
step; as JSON: sizes, experiment (as in a link, and its text), vocabulary and symbols where there are any.
"""

import json
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import safetensors.torch
import torch
from safetensors import SafetensorError

from explorer.cells import CELLS
from explorer.experiment import TABLE, Experiment, Refusal
from explorer.formats import safe
from explorer.formats.source import at_hand, bytes_of, path_of
from explorer.labels import label
from explorer.limits import (
    MAX_HEADER,
    MAX_LAYERS,
    MAX_TOKEN,
    MAX_UPLOAD_HIDDEN,
    MAX_UPLOAD_MODEL,
    MAX_VOCABULARY,
)
from explorer.nn.model import RecurrentModel
from explorer.text import Refused, clean

FORMAT = "rnn-explorer 1"
BYTES = {"F32": 4, "F64": 8}
"""What weights may be in a file, and the bytes of a number."""

_PICKLE = {b"PK\x03\x04", b"PK\x05\x06", *(b"\x80" + bytes([k]) for k in range(2, 6))}
_STEP = re.compile("[0-9]{1,9}", re.ASCII)
_RECURRENT = re.compile(r"(.*\.)?weight_hh_l0", re.ASCII)
_SIZES = ("input", "hidden", "output", "layers", "directions")
_NOTICES = 8
_BESIDE = "\N{WOMAN}"  # keeps the joiner and the spaces at a token's ends, composes with nothing

Entry = tuple[str, tuple[int, ...], int, int]
"""A tensor in the header: dtype, shape, where it begins and ends in the data."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """A model and the run that made it.

    model: float32, in eval mode. step: of the training, of these weights. symbols: labels of one-hot
    inputs, one each. experiment: its cell, hidden and layers are the model's where it can hold them.
    ignored: what the file's experiment holds that is no choice here, as with a link; the first few,
    cleaned and cut.
    """

    model: RecurrentModel
    experiment: Experiment
    step: int
    symbols: tuple[str, ...] | None = None
    ignored: tuple[Refusal, ...] = ()


def save_model(
    target: Path | str | BinaryIO | None,
    model: RecurrentModel,
    experiment: Experiment | None = None,
    *,
    step: int = 0,
    symbols: tuple[str, ...] | None = None,
) -> bytes:
    """Writes a model with its experiment, weights as float32, and returns the bytes of the file.

    A path is replaced at once or not at all. The same model and experiment give the same bytes.
    Raises Refused, and writes nothing, where `load_model` would not take the file; OSError.
    """
    experiment = _of(model, experiment or Experiment())
    query = experiment.to_query() | ({"text": experiment.text} if experiment.text else {})
    given = {"vocabulary": model.vocabulary, "symbols": symbols}
    lists = {name: labels for name, labels in given.items() if labels is not None}
    for labels in lists.values():
        _check_labels(labels)
    metadata = {
        "format": FORMAT,
        "cell": model.cell,
        "sizes": _json(_sizes(model)),
        "experiment": _json({name: clean(value) for name, value in query.items()}),
        "step": str(step),
        **{name: _json(labels) for name, labels in lists.items()},
    }
    data = state_bytes({n: v.float() for n, v in model.state_dict().items()}, metadata)
    load_bundle(data, uploaded=False)
    if target is None:
        return data
    if isinstance(target, str | Path):
        write_bytes(Path(target), data)
    else:
        target.write(data)
    return data


def load_model(source: Path | str | bytes) -> RecurrentModel:
    """Returns the model, of any size, that `save_model` wrote, in float32. Raises Refused, Unreadable."""
    return load_bundle(source, uploaded=False).model


def is_kept(file: Path | str | bytes) -> bool:
    """Returns whether this app kept a file, a path or what is in it. Raises Unreadable."""
    if isinstance(file, bytes):
        head = file[: 2**17]
    else:
        with at_hand(file), path_of(file).open("rb") as opened:
            head = opened.read(2**17)
    length = int.from_bytes(head[:8], "little")
    return b'"format":"rnn-explorer' in head[8 : 8 + length]


def load_bundle(source: Path | str | bytes, *, uploaded: bool = True) -> Bundle:
    """Returns what `save_model` wrote, from a path or the bytes of a file.

    Whatever an uploaded file holds, it is read in well under a second and in some 20 MB of memory, and
    nothing in it runs; one of one's own may be of any size. Raises Refused where it is not exactly such a
    file; Unreadable where it cannot be read.
    """
    data = source if isinstance(source, bytes) else _read(Path(source)) if uploaded else bytes_of(source)
    if uploaded and len(data) > MAX_UPLOAD_MODEL:
        raise _large(len(data))
    entries, metadata = _header(data, MAX_HEADER if uploaded else safe.MAX_HEADER)
    _check_format(entries, metadata)
    model = _model(metadata, entries, len(data), uploaded)
    symbols = _labels(metadata, "symbols")
    if symbols is not None and len(symbols) != _sizes(model)["input"]:
        raise Refused("bad_metadata", field="symbols")
    step = metadata.get("step", "")
    if not _STEP.fullmatch(step):
        raise Refused("bad_metadata", field="step")
    query = _metadata(metadata, "experiment")
    if not isinstance(query, dict) or not all(isinstance(value, str) for value in query.values()):
        raise Refused("bad_metadata", field="experiment")
    tensors = _tensors(data)
    if uploaded:
        _check_finite(tensors)
    model.load_state_dict(tensors)
    experiment, refused = Experiment().with_changes(query)
    ignored = tuple(Refusal(label(clean(r.name)), label(clean(r.raw))) for r in refused[:_NOTICES])
    return Bundle(model.eval(), _of(model, experiment), int(step), symbols, ignored)


def state_bytes(tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None = None) -> bytes:
    """Returns tensors of any dtypes and shapes as a safetensors file; the same tensors, the same bytes."""
    own = {n: v.detach().cpu().clone(memory_format=torch.contiguous_format) for n, v in tensors.items()}
    data = safetensors.torch.save(own, dict(metadata) if metadata else None)
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])  # the library writes metadata in an order of chance
    if metadata:
        header["__metadata__"] = dict(metadata)
    text = _json(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[start:]


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Writes tensors to a file, which is replaced at once or not at all. Raises OSError."""
    write_bytes(path, state_bytes(tensors))


def read_tensors(source: Path | str | bytes) -> dict[str, torch.Tensor]:
    """Returns the tensors of a file of our own, of any size.

    Raises Refused where it is damaged, OSError where it cannot be read. Uploads: see `load_bundle`.
    """
    return _tensors(source if isinstance(source, bytes) else Path(source).read_bytes())


def write_bytes(path: Path, data: bytes) -> None:
    """Writes a file beside its place and puts it there: a reader finds the old one or the new, whole.

    Raises OSError, such as for a full disk; the old file is then still there.
    """
    draft = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with draft.open("xb") as file:
            file.write(data)
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _read(path: Path) -> bytes:
    """Returns a file's bytes, of a long one a little more than may be uploaded."""
    with at_hand(path), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_UPLOAD_MODEL:
            raise _large(size)
        return file.read(MAX_UPLOAD_MODEL + 1)


def _tensors(data: bytes) -> dict[str, torch.Tensor]:
    try:
        return safetensors.torch.load(data)
    except (SafetensorError, KeyError) as error:  # KeyError: a dtype that PyTorch does not have
        raise Refused("file_damaged") from error


def _check_finite(tensors: Mapping[str, torch.Tensor]) -> None:
    """Raises Refused for weights of NaN or Inf: a network that diverged shows nothing on the pages."""
    for name, value in tensors.items():
        if not torch.isfinite(value).all():
            raise Refused("tensor_nonfinite", name=label(name))


def _large(size: int) -> Refused:
    return Refused("file_large", size=-(-size * 10 // 2**20) / 10, limit=MAX_UPLOAD_MODEL // 2**20)


def _header(data: bytes, longest: int) -> tuple[dict[str, Entry], dict[str, str]]:
    """Returns the tensors by name and the metadata, tensors one after another and nothing beside them."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > longest:
        raise _foreign(data, longest)
    if len(data) < 8 + length:
        raise Refused("file_truncated")
    header = data[8 : 8 + length]
    if not header.startswith(b"{"):
        raise Refused("not_safetensors")
    try:
        table = _parsed(header.decode().rstrip(" "))
        metadata = table.pop("__metadata__", {})
        if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
            raise ValueError("metadata")
        entries = {name: _entry(entry) for name, entry in table.items()}
    except ValueError as error:
        raise Refused("file_damaged") from error
    end = 0
    for _, _, begins, ends in sorted(entries.values(), key=lambda entry: entry[2:]):
        if begins != end or ends < begins:
            raise Refused("file_damaged")
        end = ends
    if end != len(data) - 8 - length:
        raise Refused("file_truncated" if end > len(data) - 8 - length else "file_damaged")
    return entries, metadata


def _foreign(data: bytes, longest: int) -> Refused:
    """Says what a file is whose first eight bytes are no length of a header."""
    if not data:
        return Refused("file_empty")
    if data[:4] in _PICKLE or data[:2] in _PICKLE:  # no header within the limit begins so
        return Refused("pt_file")
    if data[8:9] == b"{":
        return Refused("header_large", limit=longest // 1024)
    return Refused("not_safetensors")


def _entry(entry: Any) -> Entry:
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError("entry")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or not _natural(shape) or not _natural(offsets) or len(offsets) != 2:
        raise ValueError("entry")
    return dtype, tuple(shape), *offsets


def _natural(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)


def _check_format(entries: dict[str, Entry], metadata: dict[str, str]) -> None:
    found = metadata.get("format", "")
    if found == FORMAT:
        return
    if found.startswith(FORMAT.rstrip("0123456789")):
        raise Refused("file_version")
    raise Refused("no_metadata" if any(map(_RECURRENT.fullmatch, entries)) else "other_model")


def _model(
    metadata: dict[str, str], entries: dict[str, Entry], length: int, uploaded: bool
) -> RecurrentModel:
    """Returns the model that the metadata describe, uninitialised, if the tensors are exactly its own."""
    cell = metadata.get("cell", "")
    if cell not in CELLS:
        raise Refused("unknown_cell")
    sizes = _metadata(metadata, "sizes")
    if not isinstance(sizes, dict) or sizes.keys() != set(_SIZES) or not _natural(list(sizes.values())):
        raise Refused("bad_metadata", field="sizes")
    D, H, K, layers, directions = (sizes[name] for name in _SIZES)
    if uploaded and H > MAX_UPLOAD_HIDDEN:
        raise Refused("hidden_large", limit=MAX_UPLOAD_HIDDEN)
    if uploaded and layers > MAX_LAYERS:
        raise Refused("layers_large", limit=MAX_LAYERS)
    vocabulary = _labels(metadata, "vocabulary")
    ok = min(D, H, K, layers) >= 1 and (max(D, K) <= MAX_VOCABULARY or not uploaded) and directions in (1, 2)
    if not ok or (vocabulary is not None and len(vocabulary) != K):
        raise Refused("bad_metadata", field="sizes")
    width = directions * H
    count = CELLS[cell].parameters(D, H) + (layers - 1) * CELLS[cell].parameters(width, H)
    count = directions * count + K * (width + 1) + D * len(vocabulary or ())
    if 4 * count > length:  # before memory is taken for it
        raise Refused("bad_metadata", field="sizes")
    model = RecurrentModel(
        cell, D, H, K, vocabulary=vocabulary, num_layers=layers, bidirectional=directions == 2
    )
    _check_tensors(entries, {name: tuple(value.shape) for name, value in model.state_dict().items()})
    return model


def _check_tensors(entries: dict[str, Entry], expected: dict[str, tuple[int, ...]]) -> None:
    missing = [name for name in expected if name not in entries]
    if missing:
        raise Refused("tensor_missing", name=missing[0], count=len(missing))
    if len(entries) > len(expected):
        raise Refused("tensor_extra", count=len(entries) - len(expected))
    for name, shape in expected.items():
        dtype, found, begins, ends = entries[name]
        if dtype not in BYTES:
            raise Refused("tensor_dtype", name=name)
        if found != shape:
            raise Refused("tensor_shape", name=name, expected="×".join(map(str, shape)))
        if ends - begins != BYTES[dtype] * torch.Size(shape).numel():
            raise Refused("file_damaged")


def _labels(metadata: dict[str, str], name: str) -> tuple[str, ...] | None:
    """Returns a list of different, clean tokens from the metadata, or None where there is none."""
    if name not in metadata:
        return None
    labels = _metadata(metadata, name)
    if not isinstance(labels, list) or not labels or not all(isinstance(token, str) for token in labels):
        raise Refused("bad_metadata", field=name)
    _check_labels(labels)
    return tuple(labels)


def _check_labels(labels: Sequence[str]) -> None:
    if len(labels) > MAX_VOCABULARY:
        raise Refused("vocabulary_large", limit=MAX_VOCABULARY)
    seen: set[str] = set()
    for position, token in enumerate(labels, 1):
        if len(token) > MAX_TOKEN:
            raise Refused("token_long", position=position, limit=MAX_TOKEN)
        beside = f"{_BESIDE}{token}{_BESIDE}"
        if not token or clean(beside) != beside:
            raise Refused("token_unclean", position=position)
        if token in seen:
            raise Refused("token_twice", position=position)
        seen.add(token)


def _of(model: RecurrentModel, experiment: Experiment) -> Experiment:
    """Returns an experiment whose cell and sizes are the model's, except those that it cannot hold."""
    sizes = {n: size for n, size in _sizes(model).items() if n in ("hidden", "layers")}
    held: dict[str, Any] = {n: size for n, size in sizes.items() if size <= TABLE[n].high}
    return replace(experiment, cell=model.cell, **held)


def _sizes(model: RecurrentModel) -> dict[str, int]:
    rnn: Any = model.rnn
    H, readout = model.hidden_size, model.readout
    sizes = (rnn.weight_ih_l0.shape[1], H, readout.out_features, rnn.num_layers, readout.in_features // H)
    return dict(zip(_SIZES, sizes, strict=True))


def _metadata(metadata: dict[str, str], name: str) -> Any:
    try:
        return _parsed(metadata.get(name, ""))
    except ValueError as error:
        raise Refused("bad_metadata", field=name) from error


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _parsed(text: str) -> Any:
    """Returns JSON without fractions, NaN and names that come twice. Raises ValueError."""
    try:
        return json.loads(text, object_pairs_hook=_pairs, parse_float=_no, parse_constant=_no)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a name comes twice")
    return table


def _no(text: str) -> Any:
    raise ValueError(text[:20])
