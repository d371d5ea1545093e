"""The cube of memory over seeds and cells: seconds to learn, seconds to search, the points; SciPy beside it.

    python -m benchmarks.dynamics [--cells rnn,lstm,gru] [--seeds 10]

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
from explorer.dynamics.cube import cube, learn_cube
from explorer.dynamics.landscape import Landscape
from explorer.experiment import Experiment

WHOLE = {0: 8, 1: 12, 2: 6, 3: 1}
STARTS = 64


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


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cells", default="rnn,lstm,gru")
    parser.add_argument("--seeds", type=int, default=10)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    threadpool_limits(1)
    head = (
        "cell",
        "seed",
        "steps",
        "mse",
        "learned s",
        "searched s",
        "points",
        "slow",
        "index",
        "scipy",
        "far",
    )
    rows, whole = [], dict[str, int]()
    for cell in chosen.cells.split(","):
        for seed in range(chosen.seeds):
            started = time.process_time()
            learned = learn_cube(Experiment(cell=cell, seed=seed))
            learned_at = time.process_time()
            found = cube(learned.model, seed)
            searched = time.process_time() - learned_at
            points, fit = found.points, learned.fit
            assert fit is not None
            whole[cell] = whole.get(cell, 0) + (points.counts == WHOLE)
            seconds, far, count = by_scipy(found) if seed == 0 and len(points) else (0.0, 0.0, 0)
            rows.append(
                (
                    cell,
                    str(seed),
                    str(fit.steps),
                    f"{fit.loss:.5f}",
                    f"{learned_at - started:.2f}",
                    f"{searched:.2f}",
                    " ".join(map(str, points.counts.values())),
                    str(int((~points.exact).sum())),
                    str(points.index),
                    f"{count} in {seconds:.2f} s" if count else "",
                    f"{far:.0e}" if count else "",
                )
            )
    print(*table_lines(head, rows, words=("cell", "points")), sep="\n")
    for cell, count in whole.items():
        print(f"{cell}: all 27 points in {count} of {chosen.seeds} seeds")


if __name__ == "__main__":
    main()
