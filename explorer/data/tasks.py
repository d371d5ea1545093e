"""The canonical memory tests. Each makes batches from a generator and states its analytic baseline."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch.nn import functional

ADDING_BASELINE = 1.0 / 6.0
"""Mean squared error of always answering 1: the variance of the sum of two U[0, 1] numbers."""

PULSE = 0.2
"""How often a bit of `flip_flop` is set anew, at every step."""

ORDER_LEAST = 5
"""Steps of the shortest sequence that has one in each of the two places of `temporal_order`."""

COPIED = 3
"""Symbols to copy. Ten out of eight, the classic size, take too long to learn while one waits."""


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


@dataclass(frozen=True)
class SymbolTask:
    """A memory test over one-hot symbols: what shows in each channel, and what may be answered.

    make: (length, batch, generator) -> x (T, B, len(symbols)) float32, target (T, B) int64, -1 where
    nothing is asked. The first `kept` symbols are those to remember, each at most `remember(length)`
    steps. The last `asked` outputs are asked for. all: how many sequences there are, where they are so few
    that every one is trained on; else 0.
    """

    make: Callable[[int, int, torch.Generator], tuple[torch.Tensor, torch.Tensor]]
    symbols: tuple[str, ...]
    answers: tuple[str, ...]
    kept: int
    asked: int
    least: int
    remember: Callable[[int], int]
    all: int = 0

    @property
    def baseline(self) -> float:
        """Cross-entropy per asked output of an even guess, which is the best one without memory."""
        return math.log(len(self.answers))

    @property
    def chance(self) -> float:
        """Accuracy of any guess without memory: the answers are equally frequent."""
        return 1.0 / len(self.answers)


def flip_flop(
    length: int, batch: int, generator: torch.Generator, bits: int = 3
) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns x (T, B, bits) of pulses +1, -1 or 0, and target (T, B, bits): each bit's last pulse.

    A pulse comes with probability PULSE at every step and bit; at the first step all three come. Sussillo &
    Barak 2013.
    """
    signs = torch.randint(0, 2, (length, batch, bits), generator=generator) * 2.0 - 1.0
    comes = torch.rand(length, batch, bits, generator=generator) < PULSE
    comes[0] = True
    steps = torch.arange(length)[:, None, None].expand_as(comes)
    last = torch.where(comes, steps, 0).cummax(0).values
    return torch.where(comes, signs, 0.0), signs.gather(0, last)


def pulses_as_text(pulses: Iterable[float]) -> str:
    """Returns a step's pulses as they are shown: `+·−`."""
    return "".join("+" if p > 0 else "\N{MINUS SIGN}" if p < 0 else "·" for p in pulses)


def flip_flop_baseline(length: int) -> float:
    """Returns the mean squared error of who has no memory: right at a pulse, else 0 in place of 1 or -1."""
    return (1.0 - PULSE) * (length - 1) / length


def temporal_order(length: int, batch: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns x (T, B, 6) for X, Y, a, b, c, d; target (T, B): XX, XY, YX or YY as 0 to 3 at the last step.

    X or Y stands at one step from T/10 to T/5 and at one from T/2 to 3T/5, counted from 1; the rest are
    distractors. After Hochreiter & Schmidhuber 1997, experiment 6a. Raises ValueError under 5 steps.
    """
    if length < ORDER_LEAST:
        raise ValueError(f"two symbols in their places need at least {ORDER_LEAST} steps")
    ids = torch.randint(2, 6, (length, batch), generator=generator)
    which = torch.randint(0, 2, (2, batch), generator=generator)
    for k, (low, high) in enumerate(_order_places(length)):
        at = torch.randint(low - 1, high, (batch,), generator=generator)
        ids[at, torch.arange(batch)] = which[k]
    return _posed(ids, 6, 2 * which[0] + which[1])


def _order_places(length: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Returns the first and last step, counted from 1, of each of the two symbols."""
    return (-(-length // 10), length // 5), (-(-length // 2), 3 * length // 5)


def copy(length: int, batch: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns x (3 + T + 3, B, 6) for A, B, C, D, blank, cue; target: the first three symbols at the end.

    T blanks follow the symbols, the last of them (row 3 + T - 1, 0-based) replaced by the cue; then
    three more while the answer is given. There are 64 sequences. After Arjovsky et al. 2016 with 3
    symbols out of 4. Raises ValueError without a blank for the cue.
    """
    if length < 1:
        raise ValueError("copying needs at least one step between the symbols and the answer")
    asked = torch.randint(0, 4, (COPIED, batch), generator=generator)
    ids = torch.full((COPIED + length + COPIED, batch), 4)
    ids[:COPIED] = asked
    ids[COPIED + length - 1] = 5
    return _posed(ids, 6, asked)


def first_symbol(length: int, batch: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns x (T, B, 8) for A, B, C, D, a, b, c, d; target (T, B): the first symbol, at the last step.

    One of the capitals comes first, then distractors. Raises ValueError under 2 steps.
    """
    if length < 2:
        raise ValueError("a symbol to remember and a step to answer at need at least two steps")
    ids = torch.randint(4, 8, (length, batch), generator=generator)
    ids[0] = torch.randint(0, 4, (batch,), generator=generator)
    return _posed(ids, 8, ids[0])


def _posed(ids: torch.Tensor, channels: int, asked: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns one-hot x (T, B, channels) of ids (T, B), and what is asked at the last steps, -1 before."""
    asked = asked.reshape(-1, ids.shape[1])
    target = torch.full_like(ids, -1)
    target[len(ids) - len(asked) :] = asked
    return functional.one_hot(ids, channels).float(), target


def copy_identity(length: int, symbols: int = 8, copied: int = 10) -> float:
    """Returns the loss without memory, over every output, of the classic copy task with T blanks.

    copied * ln(symbols) / (T + 2 copied): all but the last outputs are blank for certain. Arjovsky et
    al. 2016.
    """
    return copied * math.log(symbols) / (length + 2 * copied)


SYMBOL_TASKS = {
    "temporal_order": SymbolTask(
        temporal_order,
        symbols=("X", "Y", "a", "b", "c", "d"),
        answers=("XX", "XY", "YX", "YY"),
        kept=2,
        asked=1,
        least=ORDER_LEAST,
        remember=lambda length: length - _order_places(length)[0][0],
    ),
    "copy": SymbolTask(
        copy,
        symbols=("A", "B", "C", "D", "·", "?"),
        answers=("A", "B", "C", "D"),
        kept=4,
        asked=COPIED,
        least=1,
        remember=lambda length: COPIED + length,
        all=4**COPIED,
    ),
    "first_symbol": SymbolTask(
        first_symbol,
        symbols=("A", "B", "C", "D", "a", "b", "c", "d"),
        answers=("A", "B", "C", "D"),
        kept=4,
        asked=1,
        least=2,
        remember=lambda length: length - 1,
    ),
}
