"""Training and cost: a recorded step against a plain loop, what a task asks, weights counted."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.architectures import forecast
from explorer.architectures.cost import multiplications
from explorer.architectures.feedforward import LENGTH, best_of_window
from explorer.cells import CELLS
from explorer.checks.common import ROUGH, gap, largest, torch_states
from explorer.data.series import series
from explorer.data.sources import Batch, source
from explorer.data.tasks import adding, flip_flop, temporal_order
from explorer.experiment import Experiment
from explorer.nn.model import recurrent_layers
from explorer.nn.references import reference_step
from explorer.training.learner import Learner


def training(generator: np.random.Generator) -> float:
    """Three steps of a race against a plain PyTorch loop over the same batches: loss, norm, weights."""
    found: list[float] = []
    for cell in CELLS:
        data = ("adding", "temporal_order", "flip_flop")[int(generator.integers(3))]
        asked = Experiment(
            cell=cell, data=data, length=10, hidden=5, batch=4, seed=int(generator.integers(99)),
            truncate=int(generator.choice([0, 4])), max_norm=0.5,
        )  # fmt: skip
        found += _steps(asked)
    return largest(found)


def _steps(asked: Experiment) -> Iterator[float]:
    learner, data = Learner(asked, source(asked, "en")), source(asked, "en")
    own = {name: nn.Parameter(p.detach().clone()) for name, p in learner.model.named_parameters()}
    optimiser = torch.optim.Adam(own.values(), lr=asked.rate)
    for step in range(3):
        batch = data.batch(step)
        optimiser.zero_grad()
        loss = _plain_loss(asked, own, batch, asked.truncate)
        loss.backward()
        for p in own.values():
            p.grad = torch.zeros_like(p) if p.grad is None else p.grad
        norm = nn.utils.clip_grad_norm_(own.values(), asked.max_norm)
        optimiser.step()
        ours = learner.advance()
        yield abs(ours[0] - loss.item()) * ROUGH
        yield abs(ours[1] - float(norm)) * ROUGH
    for name, p in learner.model.named_parameters():
        apart = (p - own[name]).abs() / asked.rate  # in steps of Adam, which divides by small gradients
        few = float((apart > 0.1).double().mean())
        yield 0.0 if few < 0.1 else few
    held = data.held_out()
    theirs = _plain_outputs(asked, own, held, 0)
    if held.target.ndim == 3:
        metric = F.mse_loss(theirs, held.target).item()
    elif held.target.is_floating_point():
        metric = F.mse_loss(theirs[-1, :, 0], held.target).item()
    else:
        asked_for = held.target >= 0
        metric = float((theirs.argmax(-1) == held.target)[asked_for].double().mean())
    yield abs(learner.check() - metric) * ROUGH
    yield from _look(asked, learner)


def _plain_outputs(asked: Experiment, own: dict[str, nn.Parameter], batch: Batch, window: int) -> Tensor:
    """Outputs (T, B, K) by the cells one step at a time; the gradient ends after every window of steps."""
    spec, B = CELLS[asked.cell], batch.x.shape[1]
    table = {name.split(".")[1].removesuffix("_l0"): p for name, p in own.items() if name.startswith("rnn.")}
    state = [torch.zeros(B, asked.hidden, dtype=batch.x.dtype) for _ in spec.states]
    outputs = []
    for t, x in enumerate(batch.x):
        if window and t and t % window == 0:
            state = [s.detach() for s in state]
        state = list(reference_step(spec, table)(x, *state))
        outputs.append(state[0] @ own["readout.weight"].T + own["readout.bias"])
    return torch.stack(outputs)


def _plain_loss(asked: Experiment, own: dict[str, nn.Parameter], batch: Batch, window: int) -> Tensor:
    outputs = _plain_outputs(asked, own, batch, window)
    if batch.target.ndim == 3:
        return F.mse_loss(outputs, batch.target)
    if batch.target.is_floating_point():
        return F.mse_loss(outputs[-1, :, 0], batch.target)
    return F.cross_entropy(outputs.flatten(0, 1), batch.target.flatten(), ignore_index=-1)


def _look(asked: Experiment, learner: Learner) -> Iterator[float]:
    """The gradient through time of a sequence that was never trained on, by autograd in float64."""
    batch = learner.source.probe()
    own = {name: nn.Parameter(p.detach().double()) for name, p in learner.model.named_parameters()}
    table = {name.split(".")[1].removesuffix("_l0"): p for name, p in own.items() if name.startswith("rnn.")}
    spec = CELLS[asked.cell]
    start = [torch.zeros(asked.hidden, dtype=torch.float64, requires_grad=True) for _ in spec.states]
    rows = torch_states(spec, [table] * len(batch.x), batch.x[:, 0].double(), start)
    output = torch.cat([row[0] for row in rows[1:]]) @ own["readout.weight"].T + own["readout.bias"]
    target = batch.target
    if target.ndim == 3:
        loss = F.mse_loss(output[-1], target[-1, 0].double())
    elif target.is_floating_point():
        loss = (output[-1, 0] - target[0].double()) ** 2
    else:
        loss = F.cross_entropy(output, target[:, 0], ignore_index=-1)
    states = [row[0] for row in rows[1:]]
    theirs = torch.autograd.grad(loss, states, allow_unused=True, materialize_grads=True)
    yield gap(learner.probe().norm[1:], torch.stack([g.norm() for g in theirs]))


def tasks(generator: np.random.Generator) -> float:
    """The answer to every sequence, worked out by hand from what is shown."""
    seeded = torch.Generator().manual_seed(int(generator.integers(999)))
    found = []
    x, y = adding(11, 6, seeded)
    for b in range(6):
        marked = [float(value) for value, mark in x[:, b].tolist() if mark]
        found.append(abs(sum(marked) - float(y[b])) * ROUGH if len(marked) == 2 else np.inf)
    x, y = temporal_order(20, 8, seeded)
    for b in range(8):
        shown = [k for k in x[:, b].argmax(-1).tolist() if k < 2]
        answer = {(0, 0): 0, (0, 1): 1, (1, 0): 2, (1, 1): 3}[tuple(shown)]  # XX, XY, YX, YY
        found.append(0.0 if int(y[-1, b]) == answer and int((y[:, b] >= 0).sum()) == 1 else np.inf)
    x, y = flip_flop(12, 3, seeded)
    for b in range(3):
        for bit in range(3):
            last = 0.0
            for pulse, wanted in zip(x[:, b, bit].tolist(), y[:, b, bit].tolist(), strict=True):
                last = pulse or last
                found.append(abs(wanted - last))
    return largest(found)


def counts(generator: np.random.Generator) -> float:
    """Weights and multiplications counted in a built layer; what a window can know, by trying all places."""
    found = []
    for cell, spec in CELLS.items():
        D, H = (int(n) for n in generator.integers(1, 9, 2))
        built = list(recurrent_layers(cell, D, H).parameters())
        found.append(gap(spec.parameters(D, H), sum(p.numel() for p in built)))
        found.append(gap(multiplications(cell, D, H), sum(p.numel() for p in built if p.dim() == 2)))
    for window in (1, 3, 8, LENGTH):
        pairs = list(combinations(range(LENGTH), 2))
        known = sum(1.0 if second >= LENGTH - window else 0.5 for _, second in pairs)
        found.append(abs(best_of_window(window) - known / len(pairs)))
    return largest(found)


def forecasts(generator: np.random.Generator) -> float:
    """Forecasts of a window by a network that reads everything again; persistence and season by a loop."""
    found: list[float] = []
    for cell in CELLS:
        kind, seed = ("sum", "walk", "season")[int(generator.integers(3))], int(generator.integers(99))
        run = forecast.chosen(Experiment(cell=cell, series=kind, seed=seed))
        whole, model = series(kind, seed), Learner(run, source(run)).model.double()
        ours = forecast.measured(whole, model, run)
        T, P, places = run.length, whole.period, [int(ours.time[0]) - 1, *ours.time.tolist()]
        y = whole.values[places]
        read = list((y[:T] - y[0]) / whole.scale(T))
        for at in range(T, len(y)):
            with torch.no_grad():
                read.append(float(model(torch.tensor(np.array(read))[:, None, None])[-1, 0, 0]))
            found.append(abs(read[at] * whole.scale(T) + y[0] - ours.network[at - 1]))
            found.append(abs(y[T - 1] - ours.last[at - 1]))
            if ours.season is not None:
                found.append(abs(y[T - P + (at - T) % P] - ours.season[at - 1]))
        starts = range(whole.cut, len(whole.values) - len(y) + 1)
        errors = [
            (whole.values[s + k] - whole.values[s + k - 1]) ** 2
            for s in starts
            for k in range(forecast.FIRST, T)
        ]
        found.append(abs(float(np.mean(errors)) - ours.persistence))
    return largest(found)
