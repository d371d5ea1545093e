"""A full trace (every gate, pre-activation and state) against what a user would otherwise run.

    python -m benchmarks.trace

Peers: the fused torch.nn forward, which shows no gate; a loop over nn.LSTMCell, nn.GRUCell or
nn.RNNCell, which shows none either; a torch.jit.script loop that records all of them. Batch 1, D=16,
float32, one thread. The variants have no fused module: their base is the torch.jit.script loop.
"""

import argparse
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.timing import medians
from explorer import CELLS, RecurrentModel, trace
from explorer.commands.terminal import table_lines
from explorer.nn.initialise import initialise

SIZES = ((32, 64), (128, 256))
D = 16
REPEATS = 200
TARGETS = {"lstm": 3.0, "gru": 1.2, "rnn": 1.0}
"""Largest trace / fused that is good enough."""


# Loops that record everything, as a user would write them: the input projection for all t up front.
# x (T, D), states (H,), weights in PyTorch's packing. Each returns h (T, H), then pre-activations and
# gates (T, G*H), then c (T, H) where there is one.


def lstm_loop(x: Tensor, h: Tensor, c: Tensor, w: Tensor, u: Tensor, b: Tensor, d: Tensor):
    projected = torch.addmm(b + d, x, w.t())
    hs, pres, gates, cs = [], [], [], []
    for t in range(x.shape[0]):
        pre = projected[t] + torch.mv(u, h)
        i_pre, f_pre, g_pre, o_pre = pre.chunk(4)
        i, f, o = torch.sigmoid(i_pre), torch.sigmoid(f_pre), torch.sigmoid(o_pre)
        g = torch.tanh(g_pre)
        c = f * c + i * g
        h = o * torch.tanh(c)
        pres.append(pre)
        gates.append(torch.cat([i, f, g, o]))
        hs.append(h)
        cs.append(c)
    return torch.stack(hs), torch.stack(pres), torch.stack(gates), torch.stack(cs)


def peephole_loop(x: Tensor, h: Tensor, c: Tensor, w: Tensor, u: Tensor, b: Tensor, d: Tensor, p: Tensor):
    projected = torch.addmm(b + d, x, w.t())
    p_i, p_f, p_o = p.chunk(3)
    hs, pres, gates, cs = [], [], [], []
    for t in range(x.shape[0]):
        i_pre, f_pre, g_pre, o_pre = (projected[t] + torch.mv(u, h)).chunk(4)
        i_pre = i_pre + p_i * c
        f_pre = f_pre + p_f * c
        i, f, g = torch.sigmoid(i_pre), torch.sigmoid(f_pre), torch.tanh(g_pre)
        c = f * c + i * g
        o_pre = o_pre + p_o * c
        o = torch.sigmoid(o_pre)
        h = o * torch.tanh(c)
        pres.append(torch.cat([i_pre, f_pre, g_pre, o_pre]))
        gates.append(torch.cat([i, f, g, o]))
        hs.append(h)
        cs.append(c)
    return torch.stack(hs), torch.stack(pres), torch.stack(gates), torch.stack(cs)


def gru_loop(x: Tensor, h: Tensor, w: Tensor, u: Tensor, b: Tensor, d: Tensor):
    projected = torch.addmm(b, x, w.t())
    hs, pres, gates = [], [], []
    for t in range(x.shape[0]):
        r_in, z_in, n_in = projected[t].chunk(3)
        r_rec, z_rec, n_rec = torch.addmv(d, u, h).chunk(3)
        r_pre, z_pre = r_in + r_rec, z_in + z_rec
        r, z = torch.sigmoid(r_pre), torch.sigmoid(z_pre)
        n_pre = n_in + r * n_rec
        n = torch.tanh(n_pre)
        h = (1.0 - z) * n + z * h
        pres.append(torch.cat([r_pre, z_pre, n_pre]))
        gates.append(torch.cat([r, z, n]))
        hs.append(h)
    return torch.stack(hs), torch.stack(pres), torch.stack(gates)


def reset_before_loop(x: Tensor, h: Tensor, w: Tensor, u: Tensor, b: Tensor, d: Tensor):
    H = h.shape[0]
    projected = torch.addmm(b + d, x, w.t())
    u_rz, u_n = u[: 2 * H], u[2 * H :]
    hs, pres, gates = [], [], []
    for t in range(x.shape[0]):
        rz_pre = projected[t, : 2 * H] + torch.mv(u_rz, h)
        rz = torch.sigmoid(rz_pre)
        r, z = rz.chunk(2)
        n_pre = projected[t, 2 * H :] + torch.mv(u_n, r * h)
        n = torch.tanh(n_pre)
        h = (1.0 - z) * n + z * h
        pres.append(torch.cat([rz_pre, n_pre]))
        gates.append(torch.cat([rz, n]))
        hs.append(h)
    return torch.stack(hs), torch.stack(pres), torch.stack(gates)


def rnn_loop(x: Tensor, h: Tensor, w: Tensor, u: Tensor, b: Tensor, d: Tensor):
    projected = torch.addmm(b + d, x, w.t())
    hs, pres = [], []
    for t in range(x.shape[0]):
        pre = projected[t] + torch.mv(u, h)
        h = torch.tanh(pre)
        pres.append(pre)
        hs.append(h)
    return torch.stack(hs), torch.stack(pres)


LOOPS: dict[str, Callable] = {
    "rnn": rnn_loop,
    "lstm": lstm_loop,
    "gru": gru_loop,
    "lstm_peephole": peephole_loop,
    "gru_reset_before": reset_before_loop,
}
STEPPERS = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}


@dataclass(frozen=True)
class Result:
    """Median seconds of each way to run one cell at one size."""

    cell: str
    hidden_size: int
    steps: int
    seconds: Mapping[str, float]

    @property
    def base(self) -> str:
        return "fused" if "fused" in self.seconds else "jit loop"

    def ratio(self, way: str) -> float:
        """Returns a way's time over the base's; NaN where there is no such way."""
        return self.seconds.get(way, float("nan")) / self.seconds[self.base]


@torch.no_grad()
def measure(cell: str, hidden_size: int, steps: int, repeats: int) -> Result:
    """Times a cell's trace and its peers in turn, after checking that they compute the same h."""
    candidates = _candidates(cell, hidden_size, steps)
    expected = candidates["trace"]().h[1:]
    for name, call in candidates.items():
        if name != "trace":
            np.testing.assert_allclose(call()[0].reshape(expected.shape), expected, atol=1e-5)
    return Result(cell, hidden_size, steps, medians(candidates, repeats))


def _candidates(cell: str, hidden_size: int, steps: int) -> dict[str, Callable[[], Any]]:
    """Returns the ways to run a cell on one input; all but `trace` return h first."""
    model = RecurrentModel(cell, D, hidden_size, 1)
    initialise(model, torch.Generator().manual_seed(0))
    x = torch.randn(steps, D, generator=torch.Generator().manual_seed(1))
    loop, given = _scripted(LOOPS[cell]), _loop_inputs(cell, model.rnn, x)
    candidates: dict[str, Callable[[], Any]] = {"jit loop": lambda: loop(*given)}
    if cell not in STEPPERS:
        return candidates | {"trace": lambda: trace(model, x)}
    batch = x[:, None]  # (T, 1, D)
    stepper = STEPPERS[cell](D, hidden_size)
    stepper.load_state_dict({k.removesuffix("_l0"): v for k, v in model.rnn.state_dict().items()})
    return candidates | {
        "trace": lambda: trace(model.rnn, x),
        "fused": lambda: model.rnn(batch),
        "cell loop": lambda: _cell_loop(stepper, batch),
    }


def _scripted(loop: Callable) -> Callable:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.script.*", category=DeprecationWarning)
        return torch.jit.script(loop)


def _loop_inputs(cell: str, layers: nn.Module, x: Tensor) -> list[Tensor]:
    weights = [p.detach() for p in layers.parameters()]  # ih, hh, b_ih, b_hh, peephole
    zeros = [torch.zeros(weights[1].shape[1]) for _ in CELLS[cell].states]
    return [x, *zeros, *weights]


def _cell_loop(stepper: nn.Module, x: Tensor) -> tuple[Tensor, ...]:
    """Returns h (T, 1, H), and c where there is one, as most people write it; no gate is seen."""
    state, rows = None, []
    for x_t in x:
        state = stepper(x_t, state)
        rows.append(state)
    if isinstance(stepper, nn.LSTMCell):
        return torch.stack([h for h, _ in rows]), torch.stack([c for _, c in rows])
    return (torch.stack(rows),)


WAYS = ("fused", "trace", "jit loop", "cell loop")


def row(result: Result) -> tuple[str, ...]:
    """Returns a result as cells of the table: the base in ms, then every way's ratio to it."""
    target = TARGETS.get(result.cell)
    return (
        result.cell,
        f"{result.hidden_size}, {result.steps}",
        result.base,
        f"{result.seconds[result.base] * 1e3:.3f}",
        *(f"{result.ratio(way):.2f}" if way in result.seconds else "-" for way in WAYS),
        "-" if target is None else f"<= {target:g}",
        "-" if target is None else "met" if result.ratio("trace") <= target else "MISSED",
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trace", description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=REPEATS, help=f"calls of each way (default {REPEATS})")
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    rows = [row(measure(cell, H, T, repeats)) for cell in LOOPS for H, T in SIZES]
    head = ("cell", "H, T", "base", "base ms", *(f"{way} / base" for way in WAYS), "target", "")
    print(f"Medians of {repeats} rounds; batch 1, D={D}, float32, one thread.")
    print(*table_lines(head, rows, words=("cell", "base")), sep="\n")


if __name__ == "__main__":
    main()
