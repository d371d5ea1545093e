"""A file's networks as this app keeps them: safetensors with a table of what they are, and nothing else."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from explorer.cells import CELLS
from explorer.formats import safe
from explorer.formats.layers import Layers, weights_for
from explorer.formats.networks import Network
from explorer.formats.source import Source, shown
from explorer.i18n import Refused

FORMAT = "networks of a file 1"

_STEMS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "peephole")
_LISTED = 24
_LONGEST = 200


def pack(kind: str, networks: Sequence[Network], rest: Sequence[str], most: int) -> bytes:
    """Returns networks of a file as bytes.

    kind: the file's format; rest: names of the tensors beside them. Raises Refused where the numbers take
    more than most bytes: unpacked, a small file may be large.
    """
    arrays: dict[str, np.ndarray] = {}
    table = [_entry(k, network, arrays) for k, network in enumerate(networks)]
    size = sum(array.nbytes for array in arrays.values())
    if size > most:
        raise Refused("file_unpacked_limit", size=-(-size // 2**20), limit=most // 2**20)
    said = {
        "format": FORMAT,
        "kind": kind,
        "rest": [shown(name) for name in rest[:_LISTED]],
        "networks": table,
    }
    return _safetensors(arrays, json.dumps(said))


def _safetensors(arrays: dict[str, np.ndarray], said: str) -> bytes:
    """Written by hand: the formats need NumPy alone."""
    header: dict[str, Any] = {"__metadata__": {"said": said}}
    end = 0
    for name, array in arrays.items():
        kind = "F64" if array.dtype == np.float64 else "F32"
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return b"".join(
        [len(text).to_bytes(8, "little"), text, *(np.ascontiguousarray(a).tobytes() for a in arrays.values())]
    )


def _entry(number: int, network: Network, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    layers = network.layers
    for level, way, stem, array in _weights(layers):
        arrays[f"{number}.{level}.{way}.{stem}"] = array
    for state, rows in (layers.start or {}).items():
        arrays |= {f"{number}.start.{state}.{k}": row for k, row in enumerate(rows)}
    for name, array in zip(
        ("embedding", "readout", "readout_bias"), (network.embedding, *(network.readout or ())), strict=False
    ):
        if array is not None:
            arrays[f"{number}.{name}"] = array
    return {
        "name": layers.name[:_LONGEST],
        "cell": layers.cell,
        "levels": layers.num_layers,
        "ways": layers.directions,
        "conventions": layers.conventions,
        "names": [shown(name) for name in network.names],
        "below": [shown(name) for name in network.below],
    }


def _weights(layers: Layers) -> Iterator[tuple[int, int, str, np.ndarray]]:
    for level, ways in enumerate(layers.levels):
        for way, weights in enumerate(ways):
            for stem, array in weights.arrays().items():
                yield level, way, stem, array
            if layers.projections:
                yield level, way, "projection", layers.projections[level][way]


def unpack(data: bytes) -> tuple[str, tuple[str, ...], tuple[Network, ...]]:
    """Returns (the file's format, names of the tensors beside, networks) of bytes that `pack` made."""
    table, metadata = safe.read(Source(memoryview(data)))
    arrays = {name: tensor.load() for name, tensor in table.items()}
    said = json.loads(metadata["said"])
    networks = tuple(_network(k, entry, arrays) for k, entry in enumerate(said["networks"]))
    return said["kind"], tuple(said["rest"]), networks


def _network(number: int, entry: dict[str, Any], arrays: dict[str, np.ndarray]) -> Network:
    levels, projections = [], []
    for level in range(entry["levels"]):
        at = [f"{number}.{level}.{way}." for way in range(entry["ways"])]
        levels.append([weights_for(entry["cell"], *(arrays.get(p + stem) for stem in _STEMS)) for p in at])
        if at[0] + "projection" in arrays:
            projections.append([arrays[p + "projection"] for p in at])
    states, count = CELLS[entry["cell"]].states, entry["levels"] * entry["ways"]
    start = {
        s: [arrays[f"{number}.start.{s}.{k}"] for k in range(count)]
        for s in states
        if f"{number}.start.{s}.0" in arrays
    }
    said = tuple(entry["conventions"])
    layers = Layers(entry["name"], entry["cell"], levels, said, projections, start or None)
    head = None
    if f"{number}.readout" in arrays:
        head = arrays[f"{number}.readout"], arrays[f"{number}.readout_bias"]
    return Network(
        layers, arrays.get(f"{number}.embedding"), head, tuple(entry["names"]), tuple(entry["below"])
    )
