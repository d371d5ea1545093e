"""Tensors by name to recurrent layers: PyTorch's names with any prefix, a cell's names, NumPy's short ones.

    encoder.lstm.weight_ih_l0, ...      lstm_cell.weight_hh      enc_w_ih

Weights that are made of others when a network runs (weight_norm, pruning) are made here.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from explorer.cells import CELLS
from explorer.formats.layers import KIND_BY_BLOCKS, Layers, weights_for
from explorer.formats.source import Table, Tensor, floats, shown
from explorer.i18n import Refused

_NAME = re.compile(
    r"(?P<prefix>.*?)(?P<kind>weight|w|bias|b|peephole)(?:_(?P<of>ih|hh|hr))?(?:_l(?P<layer>\d{1,3}))?"
    r"(?P<reverse>_reverse)?",
    re.ASCII,
)
_SAID = {
    "lstm": "gates packed i f g o, as PyTorch packs them",
    "gru": "gates packed r z n, reset after the matmul, as in PyTorch; z = 1 keeps",
    "rnn": "the file does not say whether tanh or ReLU: tanh",
}
_AROUND = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
"""What torch.compile, FSDP and checkpointing write into names, wherever they wrap a part."""

_WRAPPERS = ("state_dict.", "model_state_dict.", "model_state.", "model.", "module.")

Group = dict[tuple[int, bool], dict[str, str]]
"""Weights of one network: (layer, reverse) -> stem such as `weight_ih` -> name in the file."""


def layers_in(table: Table, cell: str | None = None) -> list[Layers]:
    """Returns the recurrent layers of a table of tensors, by PyTorch's names. Raises Refused.

    cell: the cell, where the file says it.
    """
    if cell is not None:
        _check(cell)
    whole = _made(table)
    found = []
    for prefix, group in _groups(whole).items():
        layers = _layers(prefix, group, whole, cell)
        if layers is not None:
            found.append(layers)
    return found


def _check(cell: str) -> None:
    try:
        CELLS[cell]
    except KeyError as error:
        raise Refused("unknown_cell") from error


def used_by(table: Table) -> set[str]:
    """Returns the names of all tensors that belong to recurrent layers, as the file has them."""
    whole = _made(table)
    names = {name for group in _groups(whole).values() for part in group.values() for name in part.values()}
    made = names - table.keys()
    of = (f"{n.rpartition('.')[0]}.parametrizations.{n.rpartition('.')[2]}".lstrip(".") for n in made)
    starts = (*made, *of)
    return names | {name for name in table if name.startswith(starts)}


def _groups(table: Table) -> dict[str, Group]:
    groups: dict[str, Group] = {}
    for name in table:
        found = _NAME.fullmatch(name)
        if found is None or (found["of"] is None and found["kind"] != "peephole"):
            continue
        kind = {"w": "weight", "b": "bias"}.get(found["kind"], found["kind"])
        stem = kind if found["of"] is None else f"{kind}_{found['of']}"
        place = int(found["layer"] or 0), found["reverse"] is not None
        groups.setdefault(found["prefix"], {}).setdefault(place, {}).setdefault(stem, name)
    return {p: g for p, g in groups.items() if {"weight_ih", "weight_hh"} <= g.get((0, False), {}).keys()}


def _layers(prefix: str, group: Group, table: Table, cell: str | None) -> Layers | None:
    """Returns the layers of a group, or None where its shapes are those of no recurrent layer."""
    both = (0, True) in group
    levels, projections = [], []
    found = cell
    for level in range(1 + max(layer for layer, _ in group)):
        ways = []
        for reverse in (False, True) if both else (False,):
            names = group.get((level, reverse), {})
            if not {"weight_ih", "weight_hh"} <= names.keys():
                return None
            arrays = {stem: floats(name, table[name]) for stem, name in names.items()}
            found = found or _cell(arrays)
            if found is None:
                return None
            if "weight_hr" in arrays:
                projections.append(arrays["weight_hr"])
                arrays["weight_hh"] = arrays["weight_hh"] @ arrays["weight_hr"]
            ways.append(_weights(found, arrays, names))
        levels.append(ways)
    name = _without_wrappers(prefix.rstrip("._/"))
    assert found is not None
    said = (_SAID[found],) if found in _SAID and cell is None else ()
    by_level = [projections[k : k + len(levels[0])] for k in range(0, len(projections), len(levels[0]))]
    return Layers(name, found, levels, said, by_level)


def _cell(arrays: Mapping[str, np.ndarray]) -> str | None:
    w_ih, w_hh = arrays["weight_ih"], arrays["weight_hh"]
    if w_ih.ndim != 2 or w_hh.ndim != 2 or not w_hh.shape[1]:
        return None
    units = arrays["weight_hr"].shape[1] if "weight_hr" in arrays else w_hh.shape[1]
    blocks, rest = divmod(len(w_hh), units)
    return KIND_BY_BLOCKS.get(blocks) if not rest and len(w_ih) == len(w_hh) else None


def _weights(cell: str, arrays: Mapping[str, np.ndarray], names: Mapping[str, str]) -> Any:
    w_ih = arrays["weight_ih"]
    units = len(w_ih) // len(CELLS[cell].blocks)
    shapes = CELLS[cell].shapes(w_ih.shape[1], units)
    for stem, array in arrays.items():
        if stem != "weight_hr" and array.shape != shapes.get(stem):
            expected = "×".join(map(str, shapes.get(stem, ())))
            raise Refused("tensor_shape", name=shown(names[stem]), expected=expected)
    parts = (arrays.get(s) for s in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "peephole"))
    return weights_for(cell, *parts)


def _without_wrappers(prefix: str) -> str:
    dotted = ".".join(part for part in prefix.split(".") if part not in _AROUND) + "."
    while found := next((w for w in _WRAPPERS if dotted.startswith(w) and dotted != w), None):
        dotted = dotted.removeprefix(found)
    return dotted.removesuffix(".")


def _made(table: Table) -> Table:
    """Returns the table with weights that are made of others under their own names.

    Of parametrisations weight_norm's and spectral_norm's: what others make of a weight is code.
    """
    found = dict(table)
    for name, of, u, v in _spectral(table):
        found[name] = _of_norm_one(table[of], table[u], table[v])
    for name, tensor in table.items():
        head, _, last = name.rpartition(".")
        if last.endswith("_v") and f"{name[:-2]}_g" in table:
            found[name[:-2]] = _normed(table[f"{name[:-2]}_g"], tensor)
        elif last.endswith("_orig") and f"{name[:-5]}_mask" in table:
            found[name[:-5]] = _masked(tensor, table[f"{name[:-5]}_mask"])
        elif last == "original1" and f"{head}.original0" in table and ".parametrizations." in f".{head}":
            found[_outer(head)] = _normed(table[f"{head}.original0"], tensor)
    return found


def _spectral(table: Table) -> Iterator[tuple[str, str, str, str]]:
    """Yields the names of weights under spectral_norm, old and new: their own, and what they are made of."""
    for name in table:
        head, _, last = name.rpartition(".")
        plain = name[:-5]
        if last.endswith("_orig") and {f"{plain}_u", f"{plain}_v"} <= table.keys():
            yield plain, name, f"{plain}_u", f"{plain}_v"
        elif last == "original" and {f"{head}.0._u", f"{head}.0._v"} <= table.keys():
            yield _outer(head), name, f"{head}.0._u", f"{head}.0._v"


def _outer(head: str) -> str:
    """Returns the name of the weight that `a.parametrizations.weight` makes: `a.weight`."""
    outer, _, weight = head.rpartition(".")
    return outer.removesuffix("parametrizations") + weight


def parametrised(table: Table) -> str | None:
    """Returns the name of a recurrent weight that a parametrisation of unknown code makes, or None."""
    tails = (n.removesuffix(".original") for n in table if n.endswith(".original"))
    names = (_outer(head) for head in tails if ".parametrizations." in f".{head}")
    return next((n for n in names if re.search(r"weight_(ih|hh)", n)), None)


def _of_norm_one(tensor: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """A matrix over its largest singular value, as spectral_norm has it: of the vectors that it keeps."""

    def load() -> np.ndarray:
        w = tensor.load().astype(np.float32)
        size = u.load().astype(np.float32) @ (w.reshape(len(w), -1) @ v.load().astype(np.float32))
        return (w / size).astype(np.float32)

    return Tensor(tensor.shape, tensor.kind, load)


def _normed(size: Tensor, direction: Tensor) -> Tensor:
    def load() -> np.ndarray:
        g, v = size.load().astype(np.float32), direction.load().astype(np.float32)
        axes = tuple(k for k in range(v.ndim) if g.ndim != v.ndim or g.shape[k] == 1)
        return g * v / np.sqrt((v.astype(np.float64) ** 2).sum(axes, keepdims=True)).astype(np.float32)

    return Tensor(direction.shape, direction.kind, load)


def _masked(tensor: Tensor, mask: Tensor) -> Tensor:
    return Tensor(tensor.shape, tensor.kind, lambda: tensor.load() * mask.load())
