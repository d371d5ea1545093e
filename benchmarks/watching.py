"""What `watch` costs a training loop: the same steps with and without it, in turns.

python -m benchmarks.watching
"""

import argparse
import time
from collections.abc import Callable

import torch
from threadpoolctl import threadpool_limits
from torch import nn

from benchmarks.timing import ratios
from explorer import watch
from explorer.commands.terminal import table_lines

H, T, B, D = 128, 100, 32, 16
EVERY, PROBE = 50, 4
MOST = 1.05
"""Largest time with / without that is good enough."""


class Classifier(nn.Module):
    def __init__(self, layer: Callable[..., nn.Module]) -> None:
        super().__init__()
        self.rnn, self.head = layer(D, H, batch_first=True), nn.Linear(H, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(x)[0][:, -1])


def seconds(layer: Callable[..., nn.Module], steps: int, looking: bool) -> float:
    """Returns the CPU seconds of some steps of training, the look before the first left out."""
    torch.manual_seed(0)
    net = Classifier(layer)
    optimizer = torch.optim.Adam(net.parameters())
    x, y = torch.randn(B, T, D), torch.randint(2, (B,))
    watched = watch(net, x[:PROBE], every=EVERY, loss=lambda out: nn.functional.cross_entropy(out, y[:PROBE]))
    begun = time.process_time()
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
        if looking:
            watched.step()
    return time.process_time() - begun


def main() -> None:
    summary = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.watching", description=summary)
    parser.add_argument("--repeats", type=int, default=5, help="rounds of each (default 5)")
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    threadpool_limits(1)  # NumPy's too: threads that wait for each other would count as its cost
    rows = []
    for layer in (nn.LSTM, nn.GRU, nn.RNN):
        found = [(seconds(layer, EVERY, True), seconds(layer, EVERY, False)) for _ in range(repeats)]
        low, ratio, high = ratios(*zip(*found, strict=True))
        shown = f"{ratio:.3f} ({low:.3f}..{high:.3f})"
        rows.append((f"nn.{layer.__name__}", shown, "met" if ratio <= MOST else "MISSED"))
    print(f"Medians and quartiles of {repeats} rounds, one thread; H={H}, T={T}, batch {B};", end=" ")
    print(f"a look at {PROBE} sequences in {EVERY} steps.")
    print(*table_lines(("layer", "with / without", ""), rows, words=("layer",)), sep="\n")


if __name__ == "__main__":
    main()
