"""On a GPU: what `trace` and `bptt` give against cuDNN's own outputs and gradients, with TF32 off and on.

    python -m benchmarks.cuda

The tests have no GPU: this is for whoever has one. Each row is a network of random weights on the GPU; the
trace runs on the CPU, on what reached the layer there. The exit status is 1 where more than rounding differs.
"""

import argparse
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from explorer import bptt, trace
from explorer.commands.terminal import table_lines
from explorer.nn.agreement import BOUNDS, TF32

D, H, T, B = 24, 48, 60, 3
GRADIENT = 1e-3
"""Largest difference of a float32 weight gradient, of its largest number, that is rounding."""

LAYERS: dict[str, Callable[[], nn.Module]] = {
    "RNN": lambda: nn.RNN(D, H, num_layers=2),
    "RNN, ReLU": lambda: nn.RNN(D, H, nonlinearity="relu"),
    "GRU, both directions": lambda: nn.GRU(D, H, num_layers=2, bidirectional=True),
    "LSTM": lambda: nn.LSTM(D, H, num_layers=2),
    "LSTM, no bias": lambda: nn.LSTM(D, H, bias=False, bidirectional=True),
    "LSTM, projected": lambda: nn.LSTM(D, H, proj_size=H // 2),
    "LSTMCell": lambda: nn.LSTMCell(D, H),
    "GRUCell": lambda: nn.GRUCell(D, H),
}


@dataclass(frozen=True)
class Row:
    """A network and what was compared, the largest difference, and what of it is rounding."""

    network: str
    what: str
    difference: float
    allowed: float
    said: bool = True

    @property
    def met(self) -> bool:
        return self.said and self.difference <= self.allowed


class Reader(nn.Module):
    """A layer, or a cell in a loop, and a readout."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        width = layer.hidden_size
        if isinstance(layer, nn.RNNBase):
            width = (layer.proj_size or width) * (1 + layer.bidirectional)
        self.layer, self.head = layer, nn.Linear(width, 2)

    def forward(self, x: Any) -> torch.Tensor:
        if not isinstance(self.layer, nn.RNNCellBase):
            output = self.layer(x)[0]
            return self.head(output.data if isinstance(output, nn.utils.rnn.PackedSequence) else output)
        state, rows = None, []
        for row in x:
            state = self.layer(row, state)
            rows.append(state[0] if isinstance(state, tuple) else state)
        return self.head(torch.stack(rows))


def rows(device: torch.device) -> Iterator[Row]:
    """Yields every comparison on a device."""
    for name, make in LAYERS.items():
        torch.manual_seed(0)
        net, x = Reader(make()).to(device), torch.randn(T, B, D).to(device)
        for tf32 in (False, True) if device.type == "cuda" else (False,):
            with _tf32(tf32):
                yield _traced(
                    f"{name}{', TF32' * tf32}", net, x, TF32 if tf32 else BOUNDS[torch.float32], tf32
                )
        with _tf32(False):
            yield _differentiated(name, net, x)
            if isinstance(net.layer, nn.RNNBase):
                packed = pack_padded_sequence(x, torch.tensor([T // 3, T, T // 2]), enforce_sorted=False)
                yield _traced(f"{name}, packed", net, packed, BOUNDS[torch.float32], False)
            yield _traced(f"{name}, float64", net.double(), x.double(), BOUNDS[torch.float64], False)
            if device.type == "cuda":
                yield _traced(f"{name}, float16", net.half(), x.half(), BOUNDS[torch.float16], False)


def _traced(name: str, net: Reader, x: Any, allowed: float, tf32: bool) -> Row:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = trace(net, x)["layer"]
    said = any("TF32 is on" in str(one.message) for one in told)
    assert all(isinstance(a, np.ndarray) for a in found.to_numpy().values())
    return Row(name, "outputs and last states", found.difference, allowed, said or not tf32)


def _differentiated(name: str, net: Reader, x: torch.Tensor) -> Row:
    flow = bptt(net, x, loss=lambda y: y.pow(2).mean(), totals=True)["layer"]
    net.zero_grad()
    net(x).pow(2).mean().backward()
    apart = 0.0
    for part in flow.layers:
        end = (
            ""
            if isinstance(net.layer, nn.RNNCellBase)
            else f"_l{part.layer.layer}{'_reverse' * part.layer.reverse}"
        )
        for stem, gradient in part.weight_gradient().items():
            parameter = getattr(net.layer, f"{stem}{end}", None)
            if parameter is not None:
                own = parameter.grad.double().cpu().numpy()
                apart = max(apart, float(np.abs(gradient - own).max() / np.abs(own).max()))
    return Row(name, "weight gradients", apart, GRADIENT)


@contextmanager
def _tf32(on: bool) -> Iterator[None]:
    flags: tuple[Any, ...] = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [flag.allow_tf32 for flag in flags]
    try:
        for flag in flags:
            flag.allow_tf32 = on
        yield
    finally:
        for flag, was in zip(flags, before, strict=True):
            flag.allow_tf32 = was


def main() -> int:
    summary = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cuda", description=summary)
    parser.add_argument("--device", default="cuda", help="where the networks are (default cuda)")
    device = torch.device(parser.parse_args().device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print(
            "PyTorch sees no GPU here: this compares with cuDNN, on a machine that has one.", file=sys.stderr
        )
        return 2
    found = list(rows(device))
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    print(f"{where}, PyTorch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}")
    shown = [
        (r.network, r.what, f"{r.difference:.1e}", f"{r.allowed:.0e}", "ok" if r.met else "FAIL")
        for r in found
    ]
    print(
        *table_lines(("network", "what", "difference", "allowed", ""), shown, words=("network", "what")),
        sep="\n",
    )
    return 0 if all(row.met for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
