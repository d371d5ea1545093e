"""`python -m explorer inspect` and `convert`: what a file of somebody else holds; its layers alone."""

import argparse
import json

from explorer.commands.options import JSON, SPOKEN, Option, Verb, checked_path
from explorer.commands.output import written
from explorer.commands.own import reading
from explorer.commands.terminal import table_lines
from explorer.formats.layers import Layers
from explorer.formats.opening import FORMAT, FileContents, inspect_file, load_weights
from explorer.formats.source import shown
from explorer.training.store import state_bytes

FILE = Option(
    "file", {"metavar": "FILE", "help": "safetensors, .pt, .pth, .ckpt, .npz, .onnx, .keras or .h5"}
)
PREFIX = Option(
    "--prefix", {"metavar": "NAME", "help": "which of its recurrent networks, where there are several"}
)
OUT = Option(
    "--out", {"metavar": "FILE", "required": True, "help": "write its weights to FILE, .safetensors"}
)
_OTHERS = 20


def run_inspect(chosen: argparse.Namespace) -> int:
    """Prints which recurrent layers a file holds, in which conventions, and what else is in it."""
    found = reading(chosen, lambda: inspect_file(chosen.file), repr(chosen.file))
    if chosen.json:
        print(json.dumps(_record(found)))
        return 0
    print(f"{found.format}, {len(found.layers)} recurrent")
    if found.layers:
        head = ("name", "cell", "input", "hidden", "layers", "directions", "weights")
        print(*table_lines(head, [_row(u) for u in found.layers], words=("name", "cell")), sep="\n")
    for layers in found.layers:
        print(*(f"{shown(layers.name or 'top')}: {said}" for said in layers.conventions), sep="\n")
    for name, shape in list(found.other.items())[:_OTHERS]:
        print(f"also {shown(name)} {'x'.join(map(str, shape)) or 'one number'}")
    if len(found.other) > _OTHERS:
        print(f"also {len(found.other) - _OTHERS} more")
    return 0


def run_convert(chosen: argparse.Namespace) -> int:
    """Writes the recurrent layers of a file as safetensors, by PyTorch's names; `load_weights` opens them."""
    out = checked_path(chosen.out, (".st", ".safetensors"))
    layers = reading(chosen, lambda: load_weights(chosen.file, chosen.prefix), repr(chosen.file))
    with written(out):
        out.write_bytes(state_bytes(layers.state_dict(), {"format": FORMAT, "cell": layers.cell}))
    print(f"Wrote {out}: {layers!r}")
    return 0


def _row(layers: Layers) -> tuple[str, ...]:
    count = sum(value.numel() for value in layers.state_dict().values())
    sizes = (layers.input_size, layers.hidden_size, layers.num_layers, layers.directions, count)
    return (shown(layers.name or "top"), layers.cell, *map(str, sizes))


def _record(found: FileContents) -> dict[str, object]:
    layers = [
        {
            "name": u.name,
            "cell": u.cell,
            "input_size": u.input_size,
            "hidden_size": u.hidden_size,
            "layers": u.num_layers,
            "directions": u.directions,
            "conventions": u.conventions,
        }
        for u in found.layers
    ]
    return {"format": found.format, "layers": layers, "other": found.other}


INSPECT = Verb(
    run_inspect, "which recurrent layers a file holds: PyTorch, ONNX, Keras, NumPy", (FILE, SPOKEN, JSON)
)
CONVERT = Verb(
    run_convert, "its recurrent layers as safetensors, which load_weights opens", (FILE, PREFIX, OUT, SPOKEN)
)
