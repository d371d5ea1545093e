"""Keras: .keras (a configuration and HDF5), .h5 and .hdf5 of versions 1 to 3, .weights.h5. Read, not run.

An LSTM's kernel (D, 4H) is packed i f c o, a GRU's z r h; a GRU with reset_after has two biases, (2, 3H). The
layers for cuDNN alone (CuDNNLSTM, CuDNNGRU) kept each gate as cuDNN has it, (H, D) row by row, and two biases
side by side, 8H or 6H: that is how they are told apart.
"""

import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from explorer.cells import LayerWeights
from explorer.cells.activations import FUNCTIONS, key_of
from explorer.extras import needed
from explorer.formats.layers import KIND_BY_BLOCKS, Layers, weights_for
from explorer.formats.source import FAULTS, MAX_TENSORS, Source, Table, Tensor, floats, shown
from explorer.i18n import Refused

MAX_CONFIG = 16 * 1024 * 1024
"""Bytes of a model's configuration."""

MAX_DATASET = 2**30
"""Numbers of a dataset: four gigabytes of float32."""

_KINDS = {"LSTM": "lstm", "CuDNNLSTM": "lstm", "GRU": "gru", "CuDNNGRU": "gru", "SimpleRNN": "rnn"}
_AROUND = ("Bidirectional", "TimeDistributed", "RNN")
_BLOCKS = {kind: blocks for blocks, kind in KIND_BY_BLOCKS.items()}
_FUNCTIONS = FUNCTIONS.keys() - {"hard_sigmoid", "hard_sigmoid_6"}
_PARTS = {"kernel": "kernel", "recurrent_kernel": "recurrent", "bias": "bias"} | {
    "0": "kernel", "1": "recurrent", "2": "bias",
}  # fmt: skip


@dataclass(frozen=True)
class _Set:
    """The weights of one layer in one direction, by what they are; path: where in the file."""

    path: str
    parts: dict[str, str]
    layer: str
    """Its name, or that of the layer around both directions."""


def read_keras(archive: zipfile.ZipFile) -> tuple[list[Layers], Table]:
    """Returns the recurrent layers of a .keras file and the tensors beside them. Raises Refused."""
    infos = {info.filename: info for info in archive.infolist()}
    config = _json(_unpacked(archive, infos["config.json"], MAX_CONFIG))
    version = ""
    if "metadata.json" in infos:
        version = str(_json(_unpacked(archive, infos["metadata.json"], MAX_CONFIG)).get("keras_version", ""))
    weights = _unpacked(archive, infos["model.weights.h5"], 4 * MAX_DATASET)
    return _layers(Source(memoryview(weights)), config, version)


def read_hdf5(source: Source) -> tuple[list[Layers], Table]:
    """Returns the recurrent layers of an HDF5 file and the tensors beside them. Raises Refused."""
    return _layers(source, None, "")


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    if info.file_size > limit:
        raise Refused("file_unpacked")
    try:
        with archive.open(info) as file:
            found = file.read(info.file_size)
    except FAULTS as error:
        raise Refused("file_damaged") from error
    if len(found) != info.file_size:
        raise Refused("file_truncated")
    return found


def _json(data: bytes | str) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Refused("file_damaged") from error
    if not isinstance(found, dict):
        raise Refused("file_damaged")
    return found


def _layers(source: Source, config: dict[str, Any] | None, version: str) -> tuple[list[Layers], Table]:
    with needed():
        import h5py
    try:
        with h5py.File(source.open(), "r") as file:
            version = version or _text(file.attrs.get("keras_version", ""))
            if config is None and "model_config" in file.attrs:
                config = _json(_text(file.attrs["model_config"])[:MAX_CONFIG])
            table, named = _datasets(file, h5py)
            named = {**_saved(config), **named}
            layers, rest = _found(table, named, _configured(config), version)
    except (OSError, RuntimeError, KeyError, AttributeError, TypeError, ValueError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused("file_damaged") from error
    return layers, {path: replace(one, load=partial(_again, source, path)) for path, one in rest.items()}


def _again(source: Source, path: str) -> np.ndarray:
    """Returns a dataset of a file that was closed."""
    import h5py

    try:
        with h5py.File(source.open(), "r") as file:
            return np.asarray(file[path][()])
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise Refused("file_damaged") from error


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


MAX_DEPTH = 60
"""Groups within groups: some thousands took half a minute to go through."""


def _datasets(file: Any, h5py: Any) -> tuple[Table, dict[str, str]]:
    """Returns the datasets by path, and the layer's name where a group says it; no link is followed."""
    table: Table = {}
    named: dict[str, str] = {}

    def visit(path: str, found: Any) -> None:
        if len(table) + len(named) > MAX_TENSORS or path.count("/") > MAX_DEPTH:
            raise Refused("file_damaged")
        if not isinstance(found, h5py.Dataset):
            if "name" in found.attrs:
                named[path] = _text(found.attrs["name"])
            return
        if found.external or found.is_virtual:
            raise Refused("tensor_elsewhere")
        if found.size is None or found.size > MAX_DATASET:
            raise Refused("tensor_bounds")
        kind = found.dtype.name
        table[path] = Tensor(tuple(found.shape), kind, lambda: np.asarray(found[()]))

    file.visititems(visit)
    return table, named


# What the configuration says


def _configured(config: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """Returns the configuration of each recurrent layer by its name, with its class as `class`."""
    found: dict[str, dict[str, Any]] = {}
    if config is not None:
        for kind, settings in _classes(config, 0):
            inner = settings.get("cell" if kind == "RNN" else "layer") if kind in _AROUND else None
            if isinstance(inner, dict) and isinstance(inner.get("config"), dict):
                own = {**inner["config"], "class": str(inner.get("class_name")).removesuffix("Cell")}
                if kind == "Bidirectional":
                    own["both"] = settings.get("merge_mode")
                if own["class"] in _KINDS:
                    found[str(settings.get("name"))] = own
            elif kind in _KINDS:
                found.setdefault(str(settings.get("name")), {**settings, "class": kind})
    return found


def _classes(value: Any, depth: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields (class, settings) of every layer in a configuration."""
    if depth > 30:
        return
    if isinstance(value, dict):
        settings = value.get("config")
        if isinstance(value.get("class_name"), str) and isinstance(settings, dict):
            yield value["class_name"], settings
            if value["class_name"] in _AROUND:
                return
        for part in value.values():
            yield from _classes(part, depth + 1)
    elif isinstance(value, list):
        for part in value:
            yield from _classes(part, depth + 1)


def _saved(config: Any, folder: str = "") -> dict[str, str]:
    """Returns the names of layers by the path of their variables, as .keras of Keras 2 has them: by class."""
    inner = config.get("config") if isinstance(config, dict) else None
    layers = inner.get("layers") if isinstance(inner, dict) else None
    found: dict[str, str] = {}
    count: dict[str, int] = {}
    for layer in layers if isinstance(layers, list) and folder.count("/") < 30 else ():
        if not isinstance(layer, dict) or not isinstance(layer.get("config"), dict):
            continue
        kind = _in_snake_case(str(layer.get("class_name")))
        count[kind] = count.get(kind, -1) + 1
        path = f"{folder}layers/{kind}" + (f"_{count[kind]}" if count[kind] else "")
        found[f"{path}/vars"] = str(layer["config"].get("name"))
        found |= _saved(layer, f"{path}/")
    return found


def _in_snake_case(name: str) -> str:
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()


# What the datasets say


def _found(
    table: Table, named: dict[str, str], configured: dict[str, dict[str, Any]], version: str
) -> tuple[list[Layers], Table]:
    sets = [part for part in _sets(table, named, configured) if _recurrent(part, table, configured)]
    by_layer: dict[str, list[_Set]] = {}
    for part in sets:
        by_layer.setdefault(part.layer, []).append(part)
    for name, parts in list(by_layer.items()):
        if len(parts) > 1 and sorted("backward" in part.path for part in parts) != [False, True]:
            del by_layer[name]  # no two directions: cells of a stack, or layers of one with code of its own
            by_layer |= {part.path.removeprefix("model_weights/"): [part] for part in parts}
    layers = []
    for name, parts in by_layer.items():
        parts = sorted(parts, key=lambda part: "backward" in part.path)
        layers.append(_made(name, parts, table, configured.get(name), version))
    used = {path for part in sets for path in part.parts.values()}
    return layers, {path: tensor for path, tensor in table.items() if path not in used}


def _sets(table: Table, named: dict[str, str], configured: Mapping[str, Any]) -> Iterator[_Set]:
    groups: dict[str, dict[str, str]] = {}
    for path in table:
        folder, _, last = path.rpartition("/")
        part = _PARTS.get(last.partition(":")[0])
        if part is not None:
            groups.setdefault(folder, {})[part] = path
    for folder, parts in groups.items():
        if {"kernel", "recurrent"} <= parts.keys():
            yield _Set(folder, parts, _layer_of(folder, named, configured))


def _layer_of(folder: str, named: dict[str, str], configured: Mapping[str, Any]) -> str:
    """Returns the name of the layer that a folder of weights belongs to.

    .keras: layers/gru/cell/vars, where layers/gru/vars says its name, or the configuration by its order;
    .h5 of Keras 2: [model_weights/][NAME of what it is in/]NAME/...
    """
    steps = folder.removeprefix("model_weights/").split("/")
    if steps[-1] == "vars":
        outer = [s for s in steps[:-1] if s not in ("cell", "forward_layer", "backward_layer")]
        path = "/".join(outer)
        return named.get(f"{path}/vars", outer[-1])
    return next((step for step in reversed(steps) if step in configured), steps[0])


def _recurrent(part: _Set, table: Table, configured: Mapping[str, Any]) -> bool:
    """Whether these are a recurrent layer's by their shapes: three variables may be something else's."""
    kernel, recurrent = table[part.parts["kernel"]].shape, table[part.parts["recurrent"]].shape
    if len(kernel) != 2 or len(recurrent) != 2 or kernel[1] != recurrent[1] or not recurrent[0]:
        return False
    blocks, rest = divmod(recurrent[1], recurrent[0])
    if rest or blocks not in KIND_BY_BLOCKS:
        return False
    if part.path.endswith("vars"):
        return part.path.endswith("cell/vars") or part.layer in configured
    return True


def _made(name: str, parts: list[_Set], table: Table, config: dict[str, Any] | None, version: str) -> Layers:
    arrays = [{k: floats(path, table[path]) for k, path in part.parts.items()} for part in parts[:2]]
    first = arrays[0]
    H = len(first["recurrent"])
    kind = KIND_BY_BLOCKS[first["recurrent"].shape[1] // H]
    cudnn = _is_cudnn(kind, first, H)
    if config is not None and _KINDS.get(str(config.get("class"))) not in (kind, None):
        raise Refused("file_damaged")
    said = [
        {"lstm": "gates packed i f c o", "gru": "gates packed z r h; z = 1 keeps", "rnn": "one block"}[kind]
    ]
    base = kind
    if kind == "gru":
        after = cudnn or first["bias"].ndim == 2 if "bias" in first else _resets_after(config, version)
        base = "gru" if after else "gru_reset_before"
        said.append(f"reset {'after' if after else 'before'} the matmul")
    if cudnn:
        said.append("the layout of cuDNN's layers: each gate (H, D) row by row, two biases")
    functions = _functions(name, kind, config, version, cudnn, said)
    both = config.get("both") if config is not None and "both" in config else None
    if len(parts) == 2 and both not in (None, "concat"):
        said.append(f"its directions are joined by {shown(both)}; here they stand side by side")
    if config is not None and config.get("go_backwards") and len(parts) == 1:
        said.append("runs against time: give x from its end, `x[::-1]`")
    cell = key_of(base, *functions)
    levels = [[_weights(cell, kind, one, H, cudnn) for one in arrays]]
    return Layers(shown(name), cell, levels, tuple(said))


def _resets_after(config: dict[str, Any] | None, version: str) -> bool:
    """Whether a GRU without biases resets after the matmul: as it says, or as its version does by itself."""
    usual = not _before_two_three(version)
    return usual if config is None else bool(config.get("reset_after", usual))


def _before_two_three(version: str) -> bool:
    """Whether a file is of Keras 1.0 to 2.2, and not of TensorFlow's own."""
    major, _, rest = version.partition(".")
    minor = rest.partition(".")[0]
    numbers = (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else (3, 0)
    return numbers < (2, 3) and not version.endswith("-tf")


def _is_cudnn(kind: str, arrays: Mapping[str, np.ndarray], H: int) -> bool:
    return kind != "rnn" and "bias" in arrays and arrays["bias"].shape == (2 * _BLOCKS[kind] * H,)


def _functions(
    name: str, kind: str, config: dict[str, Any] | None, version: str, cudnn: bool, said: list[str]
) -> list[str]:
    """Returns our names of gate, candidate and output; adds to said what the file does not say."""
    three = version.startswith("3")
    hard = "hard_sigmoid_6" if three else "hard_sigmoid"
    old = _before_two_three(version)
    gate, candidate = "sigmoid", "tanh"
    if cudnn:
        pass
    elif config is None:
        gate = hard if old and kind != "rnn" else "sigmoid"
        said.append(f"the file does not say its functions: {gate} and tanh, the default of its version"
                    if kind != "rnn" else "the file does not say its function: tanh")  # fmt: skip
    else:
        gate = _function(name, config.get("recurrent_activation", "sigmoid"), hard)
        candidate = _function(name, config.get("activation", "tanh"), hard)
        if "hard" in gate:
            said.append(f"hard_sigmoid, which rises by {'a sixth' if three else '.2'} in this version")
    return {"lstm": [gate, candidate, candidate], "gru": [gate, candidate], "rnn": [candidate]}[kind]


def _function(name: str, given: Any, hard: str) -> str:
    if isinstance(given, dict):
        given = given.get("config") if isinstance(given.get("config"), str) else given.get("class_name")
    if given == "hard_sigmoid":
        return hard
    if given in _FUNCTIONS:
        return str(given)
    raise Refused("cell_unknown", name=shown(name), what=shown(given))


def _weights(cell: str, kind: str, arrays: Mapping[str, np.ndarray], H: int, cudnn: bool) -> LayerWeights:
    blocks = _BLOCKS[kind]
    kernel, recurrent, bias = arrays["kernel"], arrays["recurrent"], arrays.get("bias")
    if kernel.shape[1] != blocks * H or recurrent.shape != (H, blocks * H):
        raise Refused("file_damaged")
    if cudnn:
        assert bias is not None
        rows = [np.concatenate([block.ravel().reshape(H, -1) for block in np.split(w, blocks, 1)])
                for w in (kernel, recurrent)]  # fmt: skip
        biases: tuple[Any, Any] = tuple(np.split(bias, 2))  # type: ignore[assignment]
    else:
        rows = [kernel.T, recurrent.T]
        if bias is not None and bias.shape not in ((blocks * H,), (2, blocks * H)):
            raise Refused("file_damaged")
        biases = (None, None) if bias is None else (bias[0], bias[1]) if bias.ndim == 2 else (bias, None)
    turned = [None if a is None else _in_order(kind, a, H) for a in (*rows, *biases)]
    return weights_for(cell, *turned)


def _in_order(kind: str, packed: np.ndarray, H: int) -> np.ndarray:
    """Returns rows in PyTorch's order: a GRU's z r h as r z n."""
    if kind != "gru":
        return packed
    z, r, n = (packed[k * H : (k + 1) * H] for k in range(3))
    return np.concatenate([r, z, n])
