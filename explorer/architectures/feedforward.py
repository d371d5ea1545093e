"""Feed-forward against recurrent: which of two symbols came first, asked of networks with and without memory.

A sequence of T letters holds A once and B once, anywhere; the others say nothing. At its end the network
says which of the two came first. A feed-forward network sees the last w letters side by side, w = T all of
them, w = 1 the present one; another sees all of them at once but not in which order. A recurrent one reads
them one by one.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from explorer.architectures.timing import Times, measured
from explorer.nn.initialise import initialise
from explorer.nn.model import RecurrentModel, recurrent_layers
from explorer.nn.threads import one_thread

LETTERS = ("A", "B", "c", "d")
LENGTH = 12
WINDOWS = (1, 2, 3, 4, 6, 8, 10, 12)
LENGTHS = (4, 8, 12, 16, 24, 32, 48)
HIDDEN = 32
STEPS, ROWS, RATE = 500, 64, 0.01
TEST_ROWS = 1_000
TIMED_LENGTHS = (8, 32, 128, 512, 2048)
TIMED_HIDDEN, TIMED_ROWS, TIMES = 64, 1, 7


@dataclass(frozen=True, eq=False)
class Compared:
    """Right answers on sequences of LENGTH that no training has seen; a guess is right in 1/2.

    window (len(WINDOWS),): a feed-forward network of each window; best: the most that anybody who sees
    so many letters can know. unordered: one that gets the letters without their order. recurrent: of the
    cell. by_length (len(LENGTHS),): the same recurrent weights on other lengths. parameters: of the
    feed-forward networks by window, and of the recurrent one, which has as many at every length.
    """

    cell: str
    window: np.ndarray
    best: np.ndarray
    unordered: float
    recurrent: float
    by_length: np.ndarray
    parameters: tuple[int, ...]
    recurrent_parameters: int


@dataclass(frozen=True, eq=False)
class Timed:
    """The time of a forward pass over T steps, TIMES rounds, on this machine, for N lengths.

    apart: the same dense layer at all steps at once; recurrent: the cell, one step after another.
    """

    lengths: tuple[int, ...]
    apart: tuple[Times, ...]
    recurrent: tuple[Times, ...]


def sequences(length: int, rows: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns one-hot letters (T, B, 4) and which came first (B,): 0 for A, 1 for B.

    Every pair of places is as likely as another. Raises ValueError for a length under 2.
    """
    if length < 2:
        raise ValueError(f"length {length}; two letters need two places")
    letters = torch.randint(2, len(LETTERS), (length, rows), generator=generator)
    places = torch.rand(length, rows, generator=generator).argsort(0)[:2]
    columns = torch.arange(rows)
    letters[places[0], columns], letters[places[1], columns] = 0, 1
    return F.one_hot(letters, len(LETTERS)).float(), (places[1] < places[0]).long()


def best_of_window(window: int, length: int = LENGTH) -> float:
    """Returns the most that the last letters tell: where both are before them, a guess."""
    return 1.0 - 0.5 * math.comb(length - window, 2) / math.comb(length, 2)


class Window(nn.Module):
    """One hidden layer over the last w letters side by side: (T, B, 4) -> (B, 2)."""

    def __init__(self, window: int, generator: torch.Generator) -> None:
        super().__init__()
        self.window = window
        self.inner = _linear(window * len(LETTERS), HIDDEN, generator)
        self.outer = _linear(HIDDEN, 2, generator)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seen = x[-self.window :].transpose(0, 1).flatten(1)
        return self.outer(torch.tanh(self.inner(seen)))


class Unordered(Window):
    """One hidden layer over how often each letter occurs, whatever the order."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__(1, generator)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.sum(0, keepdim=True))


class Recurrent(nn.Module):
    """A recurrent layer of a cell and a readout of its last state: (T, B, 4) -> (B, 2), any T."""

    def __init__(self, cell: str, generator: torch.Generator) -> None:
        super().__init__()
        self.model = RecurrentModel(cell, len(LETTERS), HIDDEN, 2)
        initialise(self.model, generator, bias="fixed", keep_bias=1.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model.readout(self.model.rnn(x)[0][-1])


def _linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    layer = nn.utils.skip_init(nn.Linear, inputs, outputs)
    bound = inputs**-0.5
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.uniform_(-bound, bound, generator=generator)
    return layer


def compare(cell: str, seed: int = 0) -> Compared:
    """Trains all of them for STEPS steps on the same sequences and measures them; a few seconds."""
    window, unordered, parameters = _without_a_state(seed, STEPS)
    recurrent = fitted(cell, seed)
    return Compared(
        cell,
        window,
        np.array([best_of_window(w) for w in WINDOWS]),
        unordered,
        _right(recurrent, LENGTH),
        np.array([_right(recurrent, length) for length in LENGTHS]),
        parameters,
        _size(recurrent),
    )


def fitted(cell: str, seed: int = 0) -> Recurrent:
    """Returns the recurrent network of a cell, trained on sequences of LENGTH."""
    network = Recurrent(cell, torch.Generator().manual_seed(seed))
    _trained(network, seed, STEPS)
    return network


@lru_cache(maxsize=8)
def _without_a_state(seed: int, steps: int) -> tuple[np.ndarray, float, tuple[int, ...]]:
    """What the feed-forward networks reach, the same beside every cell: by window, unordered; their sizes."""

    def trained(kind: Callable[[torch.Generator], nn.Module]) -> nn.Module:
        return _trained(kind(torch.Generator().manual_seed(seed)), seed, steps)

    windows = [trained(partial(Window, w)) for w in WINDOWS]
    reached = np.array([_right(network, LENGTH) for network in windows])
    reached.flags.writeable = False
    return reached, _right(trained(Unordered), LENGTH), tuple(map(_size, windows))


def _size(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@lru_cache(maxsize=1)
def _batches(seed: int, steps: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """What every network is trained on, in the same order."""
    stream = torch.Generator().manual_seed(100_000 + seed)
    return [sequences(LENGTH, ROWS, stream) for _ in range(steps)]


@one_thread()
def _trained(network: nn.Module, seed: int, steps: int) -> nn.Module:
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    for x, first in _batches(seed, steps):
        optimiser.zero_grad()
        F.cross_entropy(network(x), first).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
    return network


@torch.no_grad()
def _right(network: nn.Module, length: int) -> float:
    x, first = sequences(length, TEST_ROWS, torch.Generator().manual_seed(200_000 + length))
    return (network(x).argmax(-1) == first).float().mean().item()


@torch.no_grad()
def timed(cell: str, lengths: Sequence[int] = TIMED_LENGTHS) -> Timed:
    """Measures both on this machine, now. Numbers of operations are of one order: the depth is not.

    The dense layer has as many inputs and outputs as the cell has blocks of weights.
    """
    recurrent = recurrent_layers(cell, TIMED_HIDDEN, TIMED_HIDDEN)
    for parameter in recurrent.parameters():
        nn.init.uniform_(parameter, -0.1, 0.1, generator=torch.Generator().manual_seed(0))
    blocks = recurrent.get_parameter("weight_ih_l0").shape[0] // TIMED_HIDDEN
    dense = _linear(2 * TIMED_HIDDEN, blocks * TIMED_HIDDEN, torch.Generator().manual_seed(0))
    pairs = []
    for length in lengths:
        x = torch.zeros(length, TIMED_ROWS, TIMED_HIDDEN)
        works = [partial(dense, torch.cat([x, x], -1)), partial(recurrent, x)]
        pairs.append(measured(works, TIMES))
    apart, one_by_one = zip(*pairs, strict=True)
    return Timed(tuple(lengths), apart, one_by_one)
