"""A training step with everything recorded, against the loops that people write.

    python -m benchmarks.training

Recorded: loss and gradient norm of every step, weights at growing intervals, and every 25 steps a look
at the gradient through time of an unseen sequence. The plain loop makes the same batches and the same
held-out checks, and records nothing. Variants that PyTorch does not have run against a scripted loop.
"""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.data.sources import source
from explorer.experiment import Experiment
from explorer.training.learner import CHECK_EVERY, Learner
from explorer.training.race import Race
from explorer.training.run import Carried, InMemory

STEPS, ROUNDS = 400, 3
RUN = Experiment(data="adding", length=100, hidden=32, batch=32, budget=STEPS)
MODULES = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def recorded(cell: str) -> float:
    """CPU seconds of a race of one, checks and looks included."""
    race = Race((cell,), (replace(RUN, cell=cell),))
    carried = Carried(race, InMemory())
    started = time.thread_time()
    carried.run()
    return time.thread_time() - started


def plain(cell: str) -> float:
    """CPU seconds of the same steps on the fused module, nothing kept but the same checks made."""
    torch.manual_seed(0)
    data = source(RUN)
    layer, out = MODULES[cell](2, 32), nn.Linear(32, 1)
    parameters = [*layer.parameters(), *out.parameters()]
    adam = torch.optim.Adam(parameters, lr=0.01)
    held = data.held_out()
    started = time.thread_time()
    for step in range(STEPS):
        batch = data.batch(step)
        loss = F.mse_loss(out(layer(batch.x)[0][-1])[:, 0], batch.target)
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        adam.step()
        if (step + 1) % CHECK_EVERY == 0:
            with torch.no_grad():
                F.mse_loss(out(layer(held.x)[0][-1])[:, 0], held.target).item()
    return time.thread_time() - started


@torch.jit.script
def coupled(x: Tensor, w_ih: Tensor, w_hh: Tensor, bias: Tensor) -> Tensor:
    """The LSTM with i = 1 - f as a scripted loop: blocks f, g, o."""
    h = torch.zeros(x.shape[1], w_hh.shape[1])
    c = torch.zeros(x.shape[1], w_hh.shape[1])
    outputs = []
    projected = x @ w_ih.t() + bias
    for t in range(x.shape[0]):
        f, g, o = (projected[t] + h @ w_hh.t()).chunk(3, 1)
        f = torch.sigmoid(f)
        c = f * c + (1.0 - f) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        outputs.append(h)
    return torch.stack(outputs)


def variant() -> float:
    """CPU seconds of ten steps of the coupled LSTM here."""
    run = replace(RUN, cell="lstm_coupled")
    learner = Learner(run, source(run))
    started = time.thread_time()
    for _ in range(10):
        learner.advance()
    return time.thread_time() - started


def scripted() -> float:
    """CPU seconds of the same ten steps with the scripted loop."""
    torch.manual_seed(0)
    data = source(RUN)
    weights = [nn.Parameter(torch.randn(*shape) * 0.1) for shape in ((96, 2), (96, 32), (96,))]
    out = nn.Linear(32, 1)
    parameters = [*weights, *out.parameters()]
    adam = torch.optim.Adam(parameters, lr=0.01)
    started = time.thread_time()
    for step in range(10):
        batch = data.batch(step)
        loss = F.mse_loss(out(coupled(batch.x, *weights)[-1])[:, 0], batch.target)
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        adam.step()
    return time.thread_time() - started


def compare(name: str, ours: Callable[[], float], theirs: Callable[[], float], target: float | None) -> None:
    """Prints the median of the ratios of alternating rounds."""
    ours(), theirs()
    pairs = [(ours(), theirs()) for _ in range(ROUNDS)]
    ratio = float(np.median([a / b for a, b in pairs]))
    a, b = np.median(np.array(pairs), 0)
    verdict = "" if target is None else f"  target <= {target}: {'met' if ratio <= target else 'missed'}"
    print(f"{name:28s} {1000 * a:8.1f} ms {1000 * b:8.1f} ms  x{ratio:.2f}{verdict}")


def main() -> None:
    torch.set_num_threads(1)
    print(f"{STEPS} steps of adding 100, H=32, B=32; CPU time of one thread, medians of {ROUNDS} rounds")
    print(f"{'':28s} {'recorded':>11s} {'plain':>11s}")
    for cell in MODULES:
        compare(cell, lambda cell=cell: recorded(cell), lambda cell=cell: plain(cell), 1.05)  # type: ignore[misc]
    print(f"\n10 steps; {'here':>25s} {'jit.script':>11s}")
    compare("lstm, i = 1 - f", variant, scripted, None)


if __name__ == "__main__":
    main()
