"""The canonical memory tests. Each makes batches from a generator and states its analytic baseline."""

import torch

ADDING_BASELINE = 1.0 / 6.0
"""Mean squared error of always answering 1: the variance of the sum of two U[0, 1] numbers."""


def adding(length: int, batch: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns x (T, B, 2), value in [0, 1] and mark, one mark in each half; target (B,) the sum.

    Hochreiter & Schmidhuber 1997, experiment 4, with values in [0, 1]. Raises ValueError under 2 steps.
    """
    if length < 2:
        raise ValueError("two marks need at least two steps")
    x = torch.zeros(length, batch, 2)
    x[..., 0] = torch.rand(length, batch, generator=generator)
    half = length // 2
    first = torch.randint(0, half, (batch,), generator=generator)
    second = torch.randint(half, length, (batch,), generator=generator)
    rows = torch.arange(batch)
    x[first, rows, 1] = 1.0
    x[second, rows, 1] = 1.0
    return x, (x[..., 0] * x[..., 1]).sum(0)
