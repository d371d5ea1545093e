"""Recurrent layers of a file with what stands around them: an embedding before, a readout behind.

A file of weights holds no forward pass. What fits by its shape and its name is taken, and said by name:
an embedding (V, D) for the layers' input; a readout (V, H) with its bias, where it says the same V tokens.
All else, attention and convolutions for instance, is left alone.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from explorer.formats.layers import Layers
from explorer.formats.opening import FileContents
from explorer.formats.source import FLOATS, Table, floats

_EMBEDDING = re.compile(r"emb|lookup|wte|word_vec", re.IGNORECASE)
_HEAD = re.compile(r"out|fc|dec|proj|head|logit|dense|lin|read", re.IGNORECASE)
_BIAS = (("weight", "bias"), ("kernel", "bias"), ("_w", "_b"), ("_W", "_b"), (".w", ".b"))
"""How a matrix is named, and its bias beside it."""


@dataclass(frozen=True, eq=False)
class Network:
    """Recurrent layers, and what was found around them.

    embedding: (V, D); readout: its weight (V, outputs of the layers) and bias (V,); names: of their tensors
    in the file, the embedding's first. below: of layers that were put on each other, their names, from below.
    """

    layers: Layers
    embedding: np.ndarray | None = None
    readout: tuple[np.ndarray, np.ndarray] | None = None
    names: tuple[str, ...] = ()
    below: tuple[str, ...] = ()

    @property
    def vocabulary_size(self) -> int:
        """How many tokens it reads; 0 where it reads numbers."""
        return 0 if self.embedding is None else len(self.embedding)


def networks_in(contents: FileContents) -> tuple[Network, ...]:
    """Returns the networks of a file: layers that fit on each other as one, then each by itself.

    Only Keras's files name every layer by itself; there layers that can read each other come as one. Raises
    Refused.
    """
    found = []
    for stack in _stacks(contents):
        names = tuple(layers.name for layers in stack)
        found.append(_around(_joined(stack), names, contents.rest))
    return tuple(found) + tuple(_around(layers, (), contents.rest) for layers in contents.layers)


def _stacks(contents: FileContents) -> Iterator[list[Layers]]:
    """Yields the layers of a Keras file that can read each other, in the order of their names."""
    if not contents.format.startswith("Keras"):
        return
    stack: list[Layers] = []
    for layers in sorted(contents.layers, key=lambda one: _natural(one.name)):
        if stack and _fits_on(layers, stack[-1]):
            stack.append(layers)
            continue
        if len(stack) > 1:
            yield stack
        stack = [layers]
    if len(stack) > 1:
        yield stack


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _fits_on(upper: Layers, lower: Layers) -> bool:
    width = lower.directions * lower.hidden_size
    plain = not (upper.projections or lower.projections)
    return plain and upper.cell == lower.cell and upper.input_size == width


def _joined(stack: Sequence[Layers]) -> Layers:
    levels = [level for layers in stack for level in layers.levels]
    said = tuple(dict.fromkeys(sentence for layers in stack for sentence in layers.conventions))
    return Layers(" + ".join(layers.name for layers in stack), stack[0].cell, levels, said)


def _around(layers: Layers, below: tuple[str, ...], rest: Table) -> Network:
    width = sum(map(len, layers.projections[-1]) if layers.projections else
                (weights.hidden_size for weights in layers.levels[-1]))  # fmt: skip
    prefix = re.split(r"[._/]", layers.name)[0]
    matrices = {
        n: t.shape for n, t in rest.items() if len(t.shape) == 2 and t.kind in FLOATS and min(t.shape) > 1
    }
    heads = [(name, bias, turned) for name in matrices for bias, turned in _heads(name, width, rest)]
    best: tuple[int, str, tuple[str, str, bool] | None] | None = None
    for name, (V, D) in matrices.items():
        if layers.input_size != D:
            continue
        own = [head for head in heads if head[0] != name and rest[head[1]].shape == (V,)]
        head = max(own, key=lambda h: _likely(h[0], _HEAD, prefix), default=None)
        named = bool(_EMBEDDING.search(name))
        if not named and (head is None or D == V):
            continue
        points = 4 * named + _likely(name, _EMBEDDING, prefix) + 2 * (head is not None)
        if best is None or points > best[0]:
            best = points, name, head
    if best is None:
        return Network(layers, below=below)
    _, name, head = best
    embedding = floats(name, rest[name])
    if head is None:
        return Network(layers, embedding, None, (name,), below)
    matrix, bias, turned = head
    weight = floats(matrix, rest[matrix])
    readout = (weight.T if turned else weight, floats(bias, rest[bias]))
    return Network(layers, embedding, readout, (name, matrix, bias), below)


def _likely(name: str, words: re.Pattern[str], prefix: str) -> int:
    """How much a name looks like what is sought: by a word of it, and by what it shares with the layers'."""
    return 2 * bool(words.search(name)) + 4 * bool(prefix and name.startswith(prefix))


def _heads(name: str, width: int, rest: Table) -> Iterator[tuple[str, bool]]:
    """Yields the bias beside a matrix that reads the layers' output, and whether that is (outputs, V)."""
    rows, columns = rest[name].shape
    for of, beside in _BIAS:
        stem, found, tail = name.rpartition(of)
        bias = f"{stem}{beside}{tail}"
        if not found or bias not in rest or rest[bias].kind not in FLOATS:
            continue
        if rest[bias].shape == (rows,) and columns == width and of != "kernel":
            yield bias, False
        elif rest[bias].shape == (columns,) and rows == width:
            yield bias, True
