"""What a layer costs: weights, multiplications, and time on this machine."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from explorer.cells import CELLS
from explorer.model import recurrent_layers

COMPARED = ("rnn", "lstm", "gru")
ROWS, STEPS = 32, 64
ROUNDS = 9
"""Measurements of each cell, in turn, so that a busy moment meets all of them."""


@dataclass(frozen=True)
class Cost:
    """One layer of a cell: weights; multiplications of its matrices for one step of one sequence; time.

    forward and training are milliseconds for ROWS sequences of STEPS steps, the median of ROUNDS: a forward
    pass without gradient, and a forward and a backward pass.
    """

    cell: str
    parameters: int
    multiplications: int
    forward: float
    training: float


def costs(input_size: int, hidden_size: int, cells: Sequence[str] = COMPARED) -> tuple[Cost, ...]:
    """Measures every cell on this machine, now; well under a second at the sizes of a lesson."""
    layers = [_layer(cell, input_size, hidden_size) for cell in cells]
    x = torch.randn(STEPS, ROWS, input_size, generator=torch.Generator().manual_seed(0))
    taken = np.array([[(_forward(layer, x), _training(layer, x)) for layer in layers] for _ in range(ROUNDS)])
    forward, training = np.median(taken[1:], 0).T
    return tuple(
        Cost(
            cell,
            CELLS[cell].parameters(input_size, hidden_size),
            multiplications(cell, input_size, hidden_size),
            float(forward[k]),
            float(training[k]),
        )
        for k, cell in enumerate(cells)
    )


def multiplications(cell: str, input_size: int, hidden_size: int) -> int:
    """Returns the multiplications of the matrices in one step: one for each of their weights."""
    shapes = CELLS[cell].shapes(input_size, hidden_size)
    return sum(math.prod(shape) for shape in shapes.values() if len(shape) == 2)


def _layer(cell: str, input_size: int, hidden_size: int) -> nn.Module:
    layer = recurrent_layers(cell, input_size, hidden_size)
    generator = torch.Generator().manual_seed(0)
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, -(hidden_size**-0.5), hidden_size**-0.5, generator=generator)
    return layer


def _forward(layer: nn.Module, x: torch.Tensor) -> float:
    started = time.perf_counter()
    with torch.no_grad():
        layer(x)
    return 1000 * (time.perf_counter() - started)


def _training(layer: nn.Module, x: torch.Tensor) -> float:
    started = time.perf_counter()
    layer.zero_grad()
    layer(x)[0].square().mean().backward()
    return 1000 * (time.perf_counter() - started)
