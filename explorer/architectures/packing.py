"""A batch of sequences of unlike lengths, run padded and packed by the code that is shown.

found = packing("lstm", seed=0)
found.batch_sizes                   # (6,): at step t so many sequences are still read
found.backward[1]                   # how far the padded run's backward states are off, by step
"""

from dataclasses import dataclass

import numpy as np
import torch

from explorer.architectures.listing import execute
from explorer.architectures.shapes import Sizes

LENGTHS = (5, 3, 6)
"""Words of the sequences, in the batch's own order: the longest is not the first."""

INPUTS, HIDDEN = 4, 8

LISTING = """\
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

lengths = {lengths}
x = pad_sequence([torch.randn(n, {inputs}) for n in lengths], batch_first=True)  # {shape}
rnn = nn.{module}({inputs}, {hidden}, {options})

padded, {after_padded} = rnn(x)  # reads the pads, too

packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
batch_sizes, data = packed.batch_sizes, packed.data  # {sizes}, {data}
output, {after} = rnn(packed)
output, lengths = pad_packed_sequence(output, batch_first=True)  # zeros at the pads
"""


@dataclass(frozen=True, eq=False)
class Packing:
    """What PyTorch made of the batch, B sequences of at most T steps, the longest first.

    rows (B,): the sequence of each row, as it stands in the batch. place (B, T): where a step stands in
    `packed.data`, -1 for a pad. forward, backward (B, T+1): ||h - h*|| / ||h*|| of the padded run's states h
    and the packed run's h*, by step, NaN for a pad; in the last column that of h_n.
    """

    code: str
    batch_sizes: np.ndarray
    rows: np.ndarray
    place: np.ndarray
    forward: np.ndarray
    backward: np.ndarray

    @property
    def read(self) -> int:
        """Steps that the packed run reads in one direction."""
        return int(self.batch_sizes.sum())

    @property
    def padded(self) -> int:
        """Steps that the padded run reads in one direction."""
        return self.place.size


def packing(cell: str, seed: int) -> Packing:
    """Runs the listing for a cell of PyTorch's, or the plain one of its family."""
    code = _code(cell)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        names = execute(code)
    rows = names["packed"].sorted_indices.numpy()
    sizes = names["batch_sizes"].numpy()
    starts = np.cumsum(sizes) - sizes  # where each step begins in packed.data
    ranks = np.arange(len(rows))[:, None]
    place = np.where(ranks < sizes, starts + ranks, -1)
    states = [names[name].numpy()[rows] for name in ("padded", "output")]
    ends = [names[name].numpy()[:, rows] for name in ("h_padded", "h_n")]
    seen = [_by_direction(*of) for of in zip(states, ends, strict=True)]
    pads = np.concatenate([place < 0, np.zeros((len(rows), 1), bool)], 1)
    forward, backward = np.where(pads, np.nan, _off(*seen))
    return Packing(code, sizes, rows, place, forward, backward)


def _by_direction(output: np.ndarray, h_n: np.ndarray) -> np.ndarray:
    """Returns states (2, B, T+1, H) of an output (B, T, 2H), the last that of h_n (2, B, H)."""
    return np.concatenate([np.stack(np.split(output, 2, axis=-1)), h_n[:, :, None]], 2)


def _off(padded: np.ndarray, packed: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):  # packed is 0 at the pads
        return np.linalg.norm(padded - packed, axis=-1) / np.linalg.norm(packed, axis=-1)


def _code(cell: str) -> str:
    spec = Sizes(cell, 1, 1, 1, 1).spec
    assert spec.torch_module is not None
    options = ["bidirectional=True", "batch_first=True"]
    options += [f"{name}={value!r}" for name, value in spec.torch_options if value != "tanh"]
    longest, steps = max(LENGTHS), sum(LENGTHS)
    more = [f"{state}_n" for state in spec.states[1:]]
    after, after_padded = (
        first if not more else f"({', '.join([first, *names])})"
        for first, names in (("h_n", more), ("h_padded", ["_"] * len(more)))
    )
    return LISTING.format(
        lengths=list(LENGTHS),
        inputs=INPUTS,
        hidden=HIDDEN,
        shape=(len(LENGTHS), longest, INPUTS),
        module=spec.torch_module.__name__,
        options=", ".join(options),
        after=after,
        after_padded=after_padded,
        sizes=[sum(n > t for n in LENGTHS) for t in range(longest)],
        data=(steps, INPUTS),
    )
