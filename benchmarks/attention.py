"""Longer and longer sentences, translated with attention and without, over seeds.

    python -m benchmarks.attention --write       # some twenty CPU minutes; goes on where it was ended

Every contestant has the same sentences, seed by seed, as many steps and its better of two learning rates.
"""

import argparse
import math
import os
import shlex
import sys
from collections.abc import Mapping
from typing import Any

from benchmarks.presets import KEPT
from explorer.architectures.bottleneck import (
    CLAUSES,
    CONTESTANTS,
    RESULT,
    STEPS,
    from_record,
    places,
    settings,
    trial_record,
)
from explorer.commands.terminal import table_lines
from explorer.exact import interval, spread
from explorer.training.series import Part, carry_out, origin, write


def record(parts: Mapping[str, Part]) -> dict[str, Any]:
    """Returns what is stored: every trial, and how it came to be."""
    command = shlex.join(["python", "-m", "benchmarks.attention", "--write"])
    trials = [part.made for part in parts.values()]
    seeds = sorted({trial["seed"] for trial in trials})
    return origin(command, parts) | {"settings": settings(), "seeds": seeds, "steps": STEPS, "trials": trials}


def main() -> None:
    parser = argparse.ArgumentParser(description="Attention against a state alone, by length, over seeds.")
    cores = os.cpu_count() or 1
    parser.add_argument("--jobs", type=int, default=cores, help="processes (default: a core each)")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no further network after")
    parser.add_argument("--write", action="store_true", help="store the result in assets/results, once whole")
    chosen = parser.parse_args()
    tasks = places()
    parts = carry_out(trial_record, tasks, KEPT / f"attention-{settings()}", chosen.jobs, chosen.minutes)
    if not parts:
        return
    found = record(parts)
    result = from_record(found)
    rows = []
    for one in CONTESTANTS:
        if not (own := result.of(one.key)):
            continue
        for column, clauses in enumerate(CLAUSES):
            hits, seeds = result.solved(one.key, clauses)
            middle = spread(result.shares(one.key, "words")[:, column])
            said = "{:.2f} ({:.2f} to {:.2f})".format(*middle)
            solved = "{:.2f} to {:.2f}".format(*interval(hits, seeds))
            rows.append((one.key, str(own[0].weights), str(clauses), said, f"{hits}/{seeds}", solved))
    head = ("who", "weights", "clauses", "words right", "solved", "95 %")
    print(*table_lines(head, rows, head[:1]), sep="\n")
    if chosen.write and len(parts) == len(tasks):
        write(RESULT, found)
    elif chosen.write:
        sys.exit("not whole yet: nothing is written")


if __name__ == "__main__":
    main()
