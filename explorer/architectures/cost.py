"""What a layer costs: weights, multiplications, and time on this machine."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from explorer.architectures.timing import Times, measured
from explorer.cells import CELLS
from explorer.lab.flow import COMPARED
from explorer.nn.model import recurrent_layers

ROWS, STEPS = 32, 64
ROUNDS = 9
"""Measurements of each cell, in turn, so that a busy moment meets all of them."""


@dataclass(frozen=True, eq=False)
class Cost:
    """One layer of a cell: weights; multiplications of its matrices for one step of one sequence; time.

    forward and training are for ROWS sequences of STEPS steps: a forward pass without gradient, and a forward
    and a backward pass.
    """

    cell: str
    parameters: int
    multiplications: int
    forward: Times
    training: Times


def costs(input_size: int, hidden_size: int, cells: Sequence[str] = COMPARED) -> tuple[Cost, ...]:
    """Measures every cell on this machine, now; well under a second at the sizes of a lesson."""
    layers = [_layer(cell, input_size, hidden_size) for cell in cells]
    x = torch.randn(STEPS, ROWS, input_size, generator=torch.Generator().manual_seed(0))
    works = [partial(do, layer, x) for do in (_forward, _training) for layer in layers]
    taken = measured(works, ROUNDS)
    return tuple(
        Cost(
            cell,
            CELLS[cell].parameters(input_size, hidden_size),
            multiplications(cell, input_size, hidden_size),
            taken[k],
            taken[len(layers) + k],
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


def _forward(layer: nn.Module, x: torch.Tensor) -> None:
    with torch.no_grad():
        layer(x)


def _training(layer: nn.Module, x: torch.Tensor) -> None:
    layer.zero_grad()
    layer(x)[0].square().mean().backward()
