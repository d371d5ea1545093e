"""The cube of memory over seeds and cells: seconds to learn, seconds to search, the points; SciPy beside it.

    python -m benchmarks.dynamics [--cells rnn,lstm,gru] [--seeds 10] [--below 0.005]

Each network learns as on the page: Adam, until the mean squared error on held-out sequences is under 0.0005,
or for 1,000 steps. `< .005` says whether it ended below that; of those that did, all 27 points should be
there. With `--below` the points, and `mse`, are those of the first kept step (every 25th) with less error.
The search is ours, over all starts at once with exact Jacobians; `scipy` is scipy.optimize.root (hybrid
Powell) from the same starts, one after the other, with the same Jacobians, without midpoints. `far` is the
largest distance of a root of SciPy's to the nearest point of ours. CPU seconds, one thread.
"""

import argparse
import time

import numpy as np
import torch
from scipy.optimize import root
from threadpoolctl import threadpool_limits

from explorer.commands.terminal import table_lines
from explorer.data.tasks import flip_flop
from explorer.dynamics.cube import cube, learn_cube
from explorer.dynamics.landscape import Landscape
from explorer.experiment import Experiment
from explorer.lab.learned import Learned
from explorer.training.trainer import FLIP_FLOP_ERROR, FLIP_FLOP_HELD, FLIP_FLOP_STEPS

WHOLE = {0: 8, 1: 12, 2: 6, 3: 1}
STARTS = 64
GOAL = 0.005
"""Mean squared error under which a network is said to hold three bits: its cube should be whole."""


def by_scipy(landscape: Landscape) -> tuple[float, float, int]:
    """Returns CPU seconds for STARTS roots, the largest distance to our points, and how many were found."""
    F, generator = landscape.recurrence, np.random.default_rng(0)
    held = landscape.points.states
    pairs = generator.integers(len(held), size=(STARTS, 2))
    starts = held[pairs].mean(1) + 0.1 * generator.normal(size=(STARTS, F.size))
    started = time.process_time()
    roots = [
        root(lambda s: F.step(s[None])[0] - s, start, jac=lambda s: F.jacobian(s[None])[0] - np.eye(F.size))
        for start in starts
    ]
    seconds = time.process_time() - started
    good = [of.x for of in roots if np.abs(F.step(of.x[None])[0] - of.x).max() < 1e-9]
    far = max((float(np.abs(held - point).max(-1).min()) for point in good), default=0.0)
    return seconds, far, len(good)


def error_of(learned: Learned, step: int) -> float:
    """Returns the mean squared error after a kept step of training, on sequences that no training sees."""
    x, y = flip_flop(FLIP_FLOP_HELD, 256, torch.Generator().manual_seed(20_000))
    with torch.no_grad():
        return float(((learned.at(step).double()(x.double()) - y) ** 2).mean())


def reached(learned: Learned, below: float) -> tuple[int, float]:
    """Returns the first kept step whose error is under `below`, else the last one, and its error."""
    assert learned.fit is not None
    for step in sorted({*learned.moments, learned.fit.steps}):
        error = error_of(learned, step)
        if error < below:
            return step, error
    return learned.fit.steps, error


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cells", default="rnn,lstm,gru")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--below", type=float, help="take the first kept step whose error is below")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    threadpool_limits(1)
    rows, whole = [], dict[str, list[bool]]()
    for cell in chosen.cells.split(","):
        for seed in range(chosen.seeds):
            row, below, all_there = measured(cell, seed, chosen.below)
            rows.append(row)
            whole.setdefault(cell, []).extend([all_there] if below else [])
    print(
        f"trained under {FLIP_FLOP_ERROR} on held-out sequences, or for {FLIP_FLOP_STEPS:,} steps;", end=" "
    )
    print("points at the end" if chosen.below is None else f"points once it was under {chosen.below}")
    print(*table_lines(HEAD, rows, words=("cell", "< .005", "points")), sep="\n")
    for cell, there in whole.items():
        under = f"{len(there)} of {chosen.seeds} seeds under {GOAL}"
        print(f"{cell}: {under}; all 27 points in {sum(there)} of these")


HEAD = (
    "cell",
    "seed",
    "steps",
    "mse",
    "< .005",
    "learned s",
    "searched s",
    "points",
    "slow",
    "index",
    "scipy",
    "far",
)


def measured(cell: str, seed: int, below: float | None) -> tuple[tuple[str, ...], bool, bool]:
    """Returns the row of one network, whether its error is under GOAL, and whether it has all 27 points."""
    started = time.process_time()
    learned = learn_cube(Experiment(cell=cell, seed=seed))
    trained = time.process_time() - started
    fit = learned.fit
    assert fit is not None
    step, error = (fit.steps, fit.loss) if below is None else reached(learned, below)
    started = time.process_time()
    found = cube(learned.at(step).double(), seed)
    searched = time.process_time() - started
    points = found.points
    seconds, far, count = by_scipy(found) if seed == 0 and len(points) else (0.0, 0.0, 0)
    row = (
        cell,
        str(seed),
        str(step),
        f"{error:.5f}",
        "yes" if error < GOAL else "no",
        f"{trained:.2f}",
        f"{searched:.2f}",
        " ".join(map(str, points.counts.values())),
        str(int((~points.exact).sum())),
        str(points.index),
        f"{count} in {seconds:.2f} s" if count else "",
        f"{far:.0e}" if count else "",
    )
    return row, error < GOAL, points.counts == WHOLE


if __name__ == "__main__":
    main()
