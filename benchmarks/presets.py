"""Runs the presets of Train live over seeds, prints who passes, and stores the bands that the page draws.

    python -m benchmarks.presets                      # every preset, ten seeds that no test uses
    python -m benchmarks.presets adding_100 --seeds 100:110 --write

With --write the result goes to assets/results, with its date and this command.
"""

import argparse
import datetime
import json
import shlex
import sys

import numpy as np
import torch

from explorer.commands.terminal import table_lines
from explorer.experiment import Experiment
from explorer.training.bands import SHIPPED, band
from explorer.training.race import preset_changes, presets, race_of
from explorer.training.results import Result, results
from explorer.training.run import Carried, InMemory


def raced(name: str, seed: int) -> tuple[Result, ...]:
    """Carries out a preset with a seed and returns every racer's course."""
    experiment, _ = Experiment().with_changes(preset_changes(name) | {"race_seed": str(seed)})
    memory = InMemory()
    Carried(race_of(experiment), memory).run()
    return results(memory.events)


def main() -> None:
    parser = argparse.ArgumentParser(description="Runs the presets over seeds.")
    parser.add_argument("presets", nargs="*", default=list(presets()), metavar="PRESET")
    parser.add_argument("--seeds", default="100:110", help="first:last, the last not included")
    parser.add_argument("--write", action="store_true", help="store the result in assets/results")
    chosen = parser.parse_args()
    first, last = map(int, chosen.seeds.split(":"))
    torch.set_num_threads(1)
    for name in chosen.presets:
        courses = [raced(name, seed) for seed in range(first, last)]
        by_racer = {found[0].name: found for found in zip(*courses, strict=True)}
        print(
            name,
            *table_lines(HEAD, [_row(racer, found) for racer, found in by_racer.items()], ("racer",)),
            sep="\n",
        )
        if chosen.write:
            _write(name, range(first, last), by_racer)


HEAD = ("racer", "passed", "steps median", "max", "CPU s median", "max", "last metric")


def _row(racer: str, found: tuple[Result, ...]) -> tuple[str, ...]:
    passed = [course for course in found if course.status == "passed"]
    steps = [course.step for course in passed or found]
    seconds = [course.last_seconds for course in passed or found]
    return (
        racer,
        f"{len(passed)}/{len(found)}",
        f"{np.median(steps):.0f}",
        f"{max(steps)}",
        f"{np.median(seconds):.1f}",
        f"{max(seconds):.1f}",
        f"{np.median([course.last_metric for course in found]):.4g}",
    )


def _write(name: str, seeds: range, by_racer: dict[str, tuple[Result, ...]]) -> None:
    passed = {racer: [c for c in found if c.status == "passed"] for racer, found in by_racer.items()}
    of = {racer: passed[racer] or found for racer, found in by_racer.items()}
    record = {
        "date": datetime.date.today().isoformat(),
        "command": shlex.join(["python", "-m", "benchmarks.presets", *sys.argv[1:]]),
        "seeds": list(seeds),
        "passed": {racer: [len(passed[racer]), len(found)] for racer, found in by_racer.items()},
        "steps": {r: [int(np.median([c.step for c in f])), max(c.step for c in f)] for r, f in of.items()},
        "seconds": {
            r: [
                round(float(np.median([c.last_seconds for c in f])), 1),
                round(max(c.last_seconds for c in f), 1),
            ]
            for r, f in of.items()
        },
        "bands": {racer: band(found) for racer, found in by_racer.items()},
    }
    SHIPPED.mkdir(exist_ok=True)
    text = json.dumps(record, ensure_ascii=False, indent=1)
    (SHIPPED / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
