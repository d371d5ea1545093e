"""Short trainings that a page waits for: the lecture's sentences, and adding two marked numbers."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from explorer.cells import CELLS
from explorer.data.sources import foreseeable
from explorer.data.tasks import adding, flip_flop
from explorer.limits import LEARN_WORK
from explorer.nn.model import RecurrentModel
from explorer.nn.threads import one_thread

LM_RATE, LM_STEPS, LM_MARGIN = 0.01, 800, 0.05
ADDING_RATE, ADDING_STEPS, ADDING_ERROR, ADDING_BATCH = 0.01, 1500, 0.002, 32
FLIP_FLOP_RATE, FLIP_FLOP_STEPS, FLIP_FLOP_ERROR, FLIP_FLOP_BATCH = 0.01, 1000, 0.0005, 64
FLIP_FLOP_LENGTH, FLIP_FLOP_HELD = 32, 64
"""Steps of a sequence in training, and of one that is held out."""


@dataclass(frozen=True)
class Fit:
    """What a training came to: steps, seconds, last loss, right and total predictions or None.

    passed says whether the goal was met: as many right as the text allows (possible), or held-out
    error under the goal.
    """

    task: str
    steps: int
    seconds: float
    loss: float
    passed: bool
    right: int | None = None
    total: int | None = None
    possible: int | None = None


Moments = dict[int, dict[str, torch.Tensor]]
"""The weights at some steps of a training, by step."""


def keep_moment(moments: Moments, step: int, model: RecurrentModel) -> None:
    """Keeps a copy of the weights at step 0 and at powers of two."""
    if step & (step - 1) == 0:
        moments[step] = copied(model)


def copied(model: RecurrentModel) -> dict[str, torch.Tensor]:
    """Returns a copy of the weights."""
    return {name: value.clone() for name, value in model.state_dict().items()}


def most_steps(model: RecurrentModel, length: int) -> int:
    """Returns how many training steps a reader waits for, by the steps of the longest sentence.

    On a CPU LSTM and RNN have kernels for a whole sequence; the GRU runs step by step, three to four times as
    slow, and a cell that PyTorch does not have seven times. Characters and jamo are long, and where one
    prediction stays wrong all LM_STEPS would be taken. The bound is in steps, not in seconds, so that the
    weights are the same on every machine.
    """
    step = 1 if CELLS[model.cell].torch_module else 2
    return min(LM_STEPS, max(1, LEARN_WORK // (step * length)))


@one_thread()
def fit_language_model(
    model: RecurrentModel, sentences: Sequence[Sequence[str]], moments: Moments | None = None
) -> Fit:
    """Trains next-token prediction on sentences, all at once, until they are known.

    Cross-entropy over every step that has a next token; Adam. Stops when all that can be right is
    right and the loss is within LM_MARGIN of the least possible, after `most_steps` at the latest.
    Sentences of one token teach nothing and are left out; raises ValueError where none is left.
    """
    kept = [model.encode(s) for s in sentences if len(s) > 1]
    if not kept:
        raise ValueError("a language model needs a sentence of at least two tokens")
    ids = nn.utils.rnn.pad_sequence([torch.tensor(s) for s in kept], padding_value=-1)  # (T, B)
    inputs, targets = ids[:-1].clamp(min=0), ids[1:]
    known = targets >= 0
    possible, least = foreseeable(kept)
    optimiser = torch.optim.Adam(model.parameters(), lr=LM_RATE)
    started, steps, loss, right = time.perf_counter(), 0, torch.tensor(0.0), 0
    total = int(known.sum())
    moments = {} if moments is None else moments
    for steps in range(1, most_steps(model, len(inputs)) + 1):
        keep_moment(moments, steps - 1, model)
        logits = model(inputs)
        loss = F.cross_entropy(logits[known], targets[known])
        right = int((logits[known].argmax(-1) == targets[known]).sum())
        if (right >= possible and loss.item() - least < LM_MARGIN) or not torch.isfinite(loss):
            break
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    seconds = time.perf_counter() - started
    passed = right >= possible
    return Fit("language", steps, seconds, loss.item(), passed, right, total, possible)


@one_thread()
def fit_adding(
    model: RecurrentModel, length: int, generator: torch.Generator, moments: Moments | None = None
) -> Fit:
    """Trains the sum of two marked numbers, a new batch every step, until held-out error is small.

    Mean squared error of the last output; Adam, gradient norm clipped at 1. Checked every 25 steps on
    500 held-out sequences; stops under ADDING_ERROR or after ADDING_STEPS steps.
    """
    held_x, held_y = adding(length, 500, generator)
    optimiser = torch.optim.Adam(model.parameters(), lr=ADDING_RATE)
    started, steps, error = time.perf_counter(), 0, float("inf")
    moments = {} if moments is None else moments
    for steps in range(1, ADDING_STEPS + 1):
        keep_moment(moments, steps - 1, model)
        x, y = adding(length, ADDING_BATCH, generator)
        loss = F.mse_loss(model(x)[-1, :, 0], y)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if steps % 25 == 0:
            with torch.no_grad():
                error = F.mse_loss(model(held_x)[-1, :, 0], held_y).item()
            if error < ADDING_ERROR or error != error:
                break
    return Fit("adding", steps, time.perf_counter() - started, error, error < ADDING_ERROR)


@one_thread()
def fit_flip_flop(model: RecurrentModel, generator: torch.Generator, moments: Moments | None = None) -> Fit:
    """Trains three bits of memory, a new batch every step, until held-out error is small.

    Mean squared error of every output; Adam, gradient norm clipped at 1. Checked every 25 steps on 256
    held-out sequences, where the weights are kept too; stops under FLIP_FLOP_ERROR or after FLIP_FLOP_STEPS
    steps.
    """
    held_x, held_y = flip_flop(FLIP_FLOP_HELD, 256, generator)
    optimiser = torch.optim.Adam(model.parameters(), lr=FLIP_FLOP_RATE, fused=True)
    started, steps, error = time.perf_counter(), 0, float("inf")
    moments = {} if moments is None else moments
    for steps in range(1, FLIP_FLOP_STEPS + 1):
        keep_moment(moments, steps - 1, model)
        x, y = flip_flop(FLIP_FLOP_LENGTH, FLIP_FLOP_BATCH, generator)
        loss = F.mse_loss(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if steps % 25 == 0:
            moments[steps] = copied(model)
            with torch.no_grad():
                error = F.mse_loss(model(held_x), held_y).item()
            if error < FLIP_FLOP_ERROR or error != error:
                break
    return Fit("flip_flop", steps, time.perf_counter() - started, error, error < FLIP_FLOP_ERROR)
