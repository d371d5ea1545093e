"""The triangle ||dL_t/dh_k|| of a run, in closed form, against the ways autograd has to get it.

    python -m benchmarks.triangle

Peers: one backward pass for all losses at once (`is_grads_batched`), and one for each loss. They walk back
over a graph that is there already, as the closed form over a trace; neither is counted. The graph is that
of nn.RNNCell, nn.GRUCell or nn.LSTMCell, step by step: a fused module does not give the states in between.
`jacrev` takes the derivative by a push of every state, and always runs forward too.
For an LSTM all give ||dL_t/dc_k|| too; the closed form also the sum over the losses.
The sum alone (`totals=True`, dL/dh at every step) is set against one backward pass of the fused module, at a
larger size, in float64 and in float32, which reads half the bytes; with its weight gradients, too, which a
backward pass always has. An LSTM's float32 pass PyTorch has by oneDNN.
"""

import argparse
import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn
from torch.func import jacrev

from benchmarks.timing import medians, ratios, rounds
from explorer import RecurrentModel, Trace, bptt, trace
from explorer.cells import TorchOps
from explorer.commands.terminal import table_lines
from explorer.gradients.bptt import GradientFlow
from explorer.nn.initialise import initialise

CELLS = ("rnn", "gru", "lstm")
STEPPERS = {"rnn": nn.RNNCell, "gru": nn.GRUCell, "lstm": nn.LSTMCell}
H, T, D = 32, 64, 16
STEPS = (64, 256, 1024)
"""Steps of the runs that show how the closed form grows: its work is that of T^2 / 2 rows."""

LARGE = (256, 200)
"""Units and steps at which the sum alone is measured."""

MOST_BACKWARDS = 2.5
"""Largest sum alone / one backward pass that is good enough, in either precision."""

REPEATS = 20
TARGETS = {"batched": 10.0, "one by one": 75.0}
"""Smallest way / closed form that is good enough."""

PEERS = (*TARGETS, "jacrev")

MOST_MS = 2.0
"""Largest closed form in ms that is good enough: a drag of the hand over a slider stays smooth."""


@dataclass(frozen=True)
class Result:
    """Median seconds of each way for one cell."""

    cell: str
    seconds: Mapping[str, float]

    @property
    def ms(self) -> float:
        return self.seconds["closed form"] * 1e3

    def ratio(self, way: str) -> float:
        """Returns a way's time over the closed form's."""
        return self.seconds[way] / self.seconds["closed form"]

    @property
    def met(self) -> bool:
        return self.ms <= MOST_MS and all(self.ratio(way) >= least for way, least in TARGETS.items())


def measure(cell: str, repeats: int) -> Result:
    """Times a cell's triangle in every way, after checking that all agree."""
    candidates = _candidates(cell)
    expected = candidates["closed form"]()
    for call in candidates.values():
        np.testing.assert_allclose(call(), expected, atol=1e-10)
    return Result(cell, medians(candidates, repeats, warm_ups=2, settled=True))


def measure_growth(cell: str, repeats: int) -> dict[int, float]:
    """Returns the median seconds of the closed form by number of steps."""
    candidates = {str(steps): _closed_form(*_run(cell, steps)) for steps in STEPS}
    seconds = medians(candidates, repeats, warm_ups=1, settled=True)
    return {int(steps): taken for steps, taken in seconds.items()}


def measure_totals(cell: str, repeats: int) -> dict[str, list[float]]:
    """Returns CPU seconds by round in either precision: the sum, with weight gradients, a backward pass.

    Checked to agree before.
    """
    units, steps = LARGE
    module, run, dL_dh = _run(cell, steps, units)
    ways: dict[str, Callable[[], object]] = {}
    for kind, within in ((torch.float64, 1e-8), (torch.float32, 1e-2)):
        own = copy.deepcopy(module).to(kind)
        x = torch.tensor(run.x).to(kind)
        backward, alone = _backward(own, x, torch.tensor(dL_dh).to(kind)), partial(_sum, trace(own, x), dL_dh)
        weights = partial(_sum_and_weights, alone)
        np.testing.assert_allclose(weights()["weight_hh"], backward()[1].numpy(), atol=within)
        name = str(kind).removeprefix("torch.")
        ways |= {f"alone {name}": alone, f"weights {name}": weights, f"backward {name}": backward}
    with threadpool_limits(1):  # NumPy's too: CPU seconds of one thread against those of one
        return rounds(ways, repeats, warm_ups=2, settled=True, clock=time.process_time)


def _sum(run: Trace, dL_dh: np.ndarray) -> GradientFlow:
    return bptt(run, dL_dh, totals=True)


def _sum_and_weights(alone: Callable[[], GradientFlow]) -> dict[str, np.ndarray]:
    return alone().layers[0].weight_gradient()


def _backward(module: Any, x: Tensor, dL_dh: Tensor) -> Callable[[], tuple[Tensor, ...]]:
    loss = (module(x)[0] * dL_dh).sum()
    return lambda: torch.autograd.grad(loss, list(module.parameters()), retain_graph=True)


def _run(cell: str, steps: int, units: int = H) -> tuple[Any, Trace, np.ndarray]:
    """Returns a module, its trace over random inputs, and the direct dL_t/dh_t (T, H)."""
    model = RecurrentModel(cell, D, units, 1)
    initialise(model, torch.Generator().manual_seed(0))
    module: Any = model.double().rnn
    x = torch.randn(steps, D, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return module, trace(module, x), np.random.default_rng(2).normal(size=(steps, units))


def _closed_form(module: nn.Module, run: Trace, dL_dh: np.ndarray) -> Callable[[], np.ndarray]:
    def closed_form() -> np.ndarray:
        flow = bptt(run, dL_dh)
        return flow.norm if flow.norm_c is None else np.concatenate([flow.norm, flow.norm_c], 1)

    return closed_form


def _candidates(cell: str) -> dict[str, Callable[[], Any]]:
    """Returns the ways to the triangle: (T, T+1), NaN where the loss at t does not depend on h_k."""
    module, run, dL_dh = _run(cell, T)
    x, direct = torch.tensor(run.x), torch.tensor(dL_dh)
    stepper = STEPPERS[cell](D, H, dtype=torch.float64)
    stepper.load_state_dict({k.removesuffix("_l0"): v for k, v in module.state_dict().items()})
    states = _graph(stepper, x)
    leaves = [s for column in states for s in column]
    losses = (torch.cat(states[0][1:]) * direct).sum(1)  # (T,)
    every = torch.eye(T, dtype=torch.float64)

    def batched() -> np.ndarray:
        return _norms(torch.autograd.grad(losses, leaves, every, retain_graph=True, is_grads_batched=True))

    def one_by_one() -> np.ndarray:
        rows = [
            torch.autograd.grad(loss, leaves, retain_graph=True, materialize_grads=True) for loss in losses
        ]
        return _norms([torch.stack(column) for column in zip(*rows, strict=True)])

    losses_of = _losses_of(run, direct)
    still = {s: torch.zeros(T + 1, H, dtype=torch.float64) for s in run.spec.states}

    def jacobian_by_reverse() -> np.ndarray:
        tables = jacrev(losses_of)(still)  # (T, T+1, H) each
        return _norms([column[:, None] for table in tables.values() for column in table.unbind(1)])

    return {
        "closed form": _closed_form(module, run, dL_dh),
        "batched": batched,
        "one by one": one_by_one,
        "jacrev": jacobian_by_reverse,
    }


def _losses_of(run: Trace, direct: Tensor) -> Callable[[dict[str, Tensor]], Tensor]:
    """Returns the losses (T,) of a run as a function of pushes (T+1, H) on its states, in torch."""
    weights, step = run.weights.map(torch.tensor), run.spec.step
    inputs = weights.project(torch.tensor(run.x))

    def losses(pushes: dict[str, Tensor]) -> Tensor:
        state, rows = tuple(push[0] for push in pushes.values()), []  # from a state of zeros
        for t in range(run.steps):

            def touch(symbol: str, value: Tensor, at: int = t + 1) -> Tensor:
                return value + pushes[symbol][at] if symbol in pushes else value

            _, _, state = step(TorchOps, {s: a[t] for s, a in inputs.items()}, state, weights, touch)
            rows.append(state[0])
        return (torch.stack(rows) * direct).sum(1)

    return losses


def _graph(stepper: nn.Module, x: Tensor) -> list[list[Tensor]]:
    """Returns h_0..h_T, then c_0..c_T where there is one, each (1, H), with their graph."""
    zeros = [torch.zeros(1, H, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    state: Any = tuple(zeros) if isinstance(stepper, nn.LSTMCell) else zeros[0]
    states = [state]
    for x_t in x:
        states.append(stepper(x_t[None], states[-1]))
    if isinstance(stepper, nn.LSTMCell):
        return [list(column) for column in zip(*states, strict=True)]
    return [states]


def _norms(columns: Any) -> np.ndarray:
    """Returns norms (T, T+1) of gradients by state, each (T, 1, H); those of c to the right of those of h."""
    table = torch.stack([column[:, 0].norm(dim=1) for column in columns], 1).numpy()
    for part in np.split(table, range(T + 1, table.shape[1], T + 1), axis=1):
        part[~np.tri(T, T + 1, 1, dtype=bool)] = np.nan
    return table


def row(result: Result) -> tuple[str, ...]:
    """Returns a result as cells of the table: the closed form in ms, then every way's ratio to it."""
    shown = (f"{result.ratio(way):.1f}" for way in PEERS)
    return (result.cell, f"{result.ms:.2f}", *shown, "met" if result.met else "MISSED")


def growth_row(cell: str, seconds: Mapping[int, float]) -> tuple[str, ...]:
    """Returns ms by number of steps, each with its growth over the fewest as a share of that of T^2."""
    fewest = STEPS[0]
    shares = (taken / seconds[fewest] * (fewest / steps) ** 2 for steps, taken in seconds.items())
    pairs = zip(seconds.values(), shares, strict=True)
    return (cell, *(text for taken, share in pairs for text in (f"{taken * 1e3:.2f}", f"{share:.2f}")))


def _sum_row(cell: str, seconds: Mapping[str, Sequence[float]]) -> tuple[str, ...]:
    """Returns ms, and medians of the ratios to a backward pass with their quartiles, by precision."""
    found, met = [cell], True
    for kind in ("float64", "float32"):
        found.append(f"{median(seconds[f'alone {kind}']) * 1e3:.1f}")
        for way in ("alone", "weights"):
            low, middle, high = ratios(seconds[f"{way} {kind}"], seconds[f"backward {kind}"])
            found.append(f"{middle:.2f} ({low:.2f}..{high:.2f})")
            met = met and (way == "weights" or middle <= MOST_BACKWARDS)
    return (*found, "met" if met else "MISSED")


def main() -> None:
    summary = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.triangle", description=summary)
    parser.add_argument("--repeats", type=int, default=REPEATS, help=f"calls of each way (default {REPEATS})")
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    rows = [row(measure(cell, repeats)) for cell in CELLS]
    least = (f">= {TARGETS[way]:g}" if way in TARGETS else "" for way in PEERS)
    targets = ("target", f"<= {MOST_MS:g}", *least, "")
    head = ("cell", "closed form ms", *(f"{way} / closed form" for way in PEERS), "")
    print(f"Medians of {repeats} rounds; H={H}, T={T}, batch 1, D={D}, float64, one thread.")
    print(*table_lines(head, [*rows, targets], words=("cell",)), sep="\n")
    sums = [_sum_row(cell, measure_totals(cell, repeats)) for cell in CELLS]
    heads = ["cell"]
    for kind in ("float64", "float32"):
        heads += [f"{kind} ms", "/ backward", "with weights / backward"]
    print(f"\nThe sum alone; H={LARGE[0]}, T={LARGE[1]}; good enough: {MOST_BACKWARDS:g} backward passes.")
    print(*table_lines([*heads, ""], sums, words=("cell",)), sep="\n")
    grown = [growth_row(cell, measure_growth(cell, max(repeats // 2, 1))) for cell in CELLS]
    by_steps = (text for steps in STEPS for text in (f"T={steps} ms", "/ T^2"))
    print(f"\nThe closed form by T; / T^2: its growth over T={STEPS[0]} as a share of that of T^2.")
    print(*table_lines(("cell", *by_steps), grown, words=("cell",)), sep="\n")


if __name__ == "__main__":
    main()
