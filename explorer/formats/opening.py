"""What a file holds, and its recurrent layers: one call for every format.

found = inspect_file("model.onnx")
found.layers, found.other                       # what is in it
layers = load_weights("model.ckpt", "encoder.lstm")
trace(layers, x).gate["f"]                      # x (T, D) or (T, B, D)
"""

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from explorer.formats import keras, names, npz, onnx_file, safe, torch_file
from explorer.formats.layers import Layers
from explorer.formats.source import FAULTS, Source, Table, path_of, shown, source_of
from explorer.i18n import Refused

FORMAT = "recurrent layers 1"
"""What a file of layers alone, as `python -m explorer convert` writes it, says of itself."""

_HDF5 = b"\x89HDF\r\n\x1a\n"
_INDEX = (".safetensors.index.json", ".bin.index.json")
_LISTED = 12
MAX_INDEX = 2**26
"""Bytes of the list of a network's files: a hundred thousand names."""

MAX_PARTS = 1_000
"""Files that a network lies in: the largest have some hundred."""

_PACKED = ("_all_weight_values.", "_packed_weight_")
"""What PyTorch's quantised layers call their weights."""


@dataclass(frozen=True, eq=False, repr=False)
class FileContents:
    """What a file holds: its format, its recurrent layers, and the tensors beside them by name."""

    format: str
    layers: tuple[Layers, ...]
    rest: Table = field(default_factory=dict)

    def __repr__(self) -> str:
        layers = _listed(self.layers) or "no layers"
        return f"FileContents({self.format}: {layers}; {len(self.rest)} more tensors)"

    @property
    def other(self) -> dict[str, tuple[int, ...]]:
        """What else is in it, by name and shape."""
        return {name: tensor.shape for name, tensor in self.rest.items()}

    def one(self, name: str | None = None) -> Layers:
        """Returns the only layers, or those of a name. Raises Refused, which lists what there is."""
        if not self.layers:
            if made := names.parametrised(self.rest):
                raise Refused("parametrised_layers", name=shown(made))
            packed = any(mark in name for name in self.rest for mark in _PACKED)
            raise Refused("quantised_layers" if packed else "no_layers")
        if name is not None:
            return self[name]
        if len(self.layers) > 1:
            raise Refused("which_layer", count=len(self.layers), names=_listed(self.layers))
        return self.layers[0]

    def __getitem__(self, name: str) -> Layers:
        """Returns the layers of a name, or of the only one that ends in it. Raises Refused."""
        exact = [layers for layers in self.layers if layers.name == name]
        ending = [u for u in self.layers if u.name.endswith(f".{name}") or u.name.endswith(f"/{name}")]
        found = exact or ending
        if len(found) != 1:
            raise Refused("no_such_layer", names=_listed(self.layers))
        return found[0]


def load_weights(file: Path | str | bytes, prefix: str | None = None) -> Layers:
    """Returns the recurrent layers of a file, those of a prefix where it holds several; `trace` takes them.

    file: a path, or the bytes, of .safetensors; .pt, .pth, .ckpt, .jit (state dicts, checkpoints, whole and
    scripted modules); .npz; ONNX; Keras (.keras, .h5, .hdf5, .weights.h5). Whatever it holds, nothing in it
    runs: no pickle, no torch.load. Large files are read by memory map. Raises Refused, whose text says what
    is wrong, as Unreadable, which is an OSError, where it is not there; Missing where ONNX and Keras lack the
    extra `files`.
    """
    return inspect_file(file).one(prefix)


def inspect_file(file: Path | str | bytes) -> FileContents:
    """Returns what a file holds: see `load_weights`."""
    if isinstance(file, Path | str) and str(file).endswith(_INDEX):
        return _by_names("safetensors" if "safetensors" in str(file) else "PyTorch", _of_index(path_of(file)))
    source = source_of(file)
    if source.start.startswith(b"PK\x03\x04"):
        return _zipped(source)
    if torch_file.looks_old(source):
        return _by_names("PyTorch (before 1.6)", torch_file.read_old(source))
    if source.start.startswith(_HDF5):
        layers, rest = keras.read_hdf5(source)
        return FileContents("Keras HDF5", tuple(layers), rest)
    if safe.looks_so(source):
        table, metadata = safe.read(source)
        return _by_names("safetensors", table, metadata.get("cell") if "format" in metadata else None)
    if onnx_file.looks_so(source):
        layers, rest = onnx_file.read(source)
        return FileContents("ONNX", tuple(layers), rest)
    raise Refused(_told(source))


def _told(source: Source) -> str:
    """Returns what is said of a file that is none of those that are read."""
    start = bytes(source.data[:4096])
    if start.lstrip().startswith(b"{") and b'"weight_map"' in start:
        return "index_alone"
    if start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05":
        return "pickle_file"
    return "array_file" if start.startswith(b"\x93NUMPY") else "unknown_format"


def _of_index(path: Path) -> Table:
    """Returns the tensors of a network in several files beside their list. Raises Refused, Unreadable."""
    try:
        listed = set(json.loads(bytes(source_of(path).data[:MAX_INDEX]))["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Refused("file_damaged") from error
    if len(listed) > MAX_PARTS or not all(
        isinstance(name, str) and Path(name).name == name for name in listed
    ):
        raise Refused("file_damaged")
    found: Table = {}
    for name in sorted(listed):
        source = source_of(path.parent / name)
        if source.start.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(source.open()) as archive:
                found |= torch_file.read_zip(source, archive)
        elif safe.looks_so(source):
            found |= safe.read(source)[0]
        else:
            raise Refused("unknown_format")
    return found


def _zipped(source: Source) -> FileContents:
    try:
        archive = zipfile.ZipFile(source.open())
    except FAULTS as error:
        raise Refused("file_truncated") from error
    entries = archive.namelist()
    if any(name.rpartition("/")[2] == "data.pkl" for name in entries):
        return _by_names("PyTorch", torch_file.read_zip(source, archive))
    if "config.json" in entries and "model.weights.h5" in entries:
        layers, rest = keras.read_keras(archive)
        return FileContents("Keras", tuple(layers), rest)
    if any(name.endswith(".npy") for name in entries):
        return _by_names("NumPy", npz.read(archive))
    exported = any(name.endswith("models/model.json") for name in entries)
    raise Refused("exported_program" if exported else "unknown_format")


def _by_names(kind: str, table: Table, cell: str | None = None) -> FileContents:
    layers = names.layers_in(table, cell)
    used = names.used_by(table) if layers else set()
    return FileContents(kind, tuple(layers), {n: t for n, t in table.items() if n not in used})


def _listed(layers: tuple[Layers, ...]) -> str:
    named = [shown(u.name or "top") for u in layers]
    rest = [f"and {len(named) - _LISTED} more"] if len(named) > _LISTED else []
    return ", ".join([*named[:_LISTED], *rest])
