"""Runs the presets of Train live over seeds, prints who passes, and stores the bands that the page draws.

    python -m benchmarks.presets                      # every preset, 39 seeds that no test uses
    python -m benchmarks.presets adding_100 --seeds 100:139 --jobs 2 --write

Says beforehand what it costs. Every seed that is finished is kept in assets/results/.parts: the same command
goes on where it was ended. With --write the result goes to assets/results, with its date and this command.
"""

import argparse
import math
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

import numpy as np

from explorer.commands.terminal import table_lines
from explorer.exact import interval
from explorer.experiment import Experiment
from explorer.training.bands import SHIPPED, Shipped, from_record, summary
from explorer.training.race import Race, preset_changes, presets, race_of
from explorer.training.results import Result, results
from explorer.training.run import Carried, InMemory, Racer
from explorer.training.series import Part, carry_out, origin, write

KEPT = SHIPPED / ".parts"
SEEDS = "100:139"
"""The second of 39 from either end bounds a band that a further seed leaves in one case of ten."""


class Unwatched(Carried):
    """A race without the looks inside, which change no bit of it."""

    def _look(self, racer: Racer) -> None:
        pass


def race_at(name: str, seed: int) -> Race:
    """Returns the race of a preset with a seed."""
    experiment, _ = Experiment().with_changes(preset_changes(name) | {"race_seed": str(seed)})
    return race_of(experiment)


def raced(race: Race) -> dict[str, Any]:
    """Carries out a race and returns how each racer went, as plain values."""
    memory = InMemory()
    Unwatched(race, memory).run()
    return {"courses": [_plain(course) for course in results(memory.events)]}


def _plain(course: Result) -> dict[str, Any]:
    shown = {name: getattr(course, name) for name in ("name", "cell", "parameters", "status", "step")}
    metric = [value if math.isfinite(value) else None for value in course.metric.tolist()]
    return shown | {"checks": course.checks.tolist(), "metric": metric, "seconds": course.seconds.tolist()}


def course_of(plain: Mapping[str, Any]) -> Result:
    """Returns a racer's course, its losses aside."""
    told = {name: plain[name] for name in ("name", "cell", "parameters", "status", "step")}
    metric = np.array([math.nan if value is None else value for value in plain["metric"]])
    checks, seconds = np.array(plain["checks"], int), np.array(plain["seconds"])
    return Result(**told, loss=np.array([]), norm=np.array([]), checks=checks, metric=metric, seconds=seconds)


def courses_of(parts: Mapping[str, Part]) -> dict[str, list[Result]]:
    """Returns every racer's courses by its name, one for each seed."""
    found = [[course_of(plain) for plain in part.made["courses"]] for part in parts.values()]
    return {racers[0].name: list(racers) for racers in zip(*found, strict=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description="Runs the presets over seeds.")
    parser.add_argument("presets", nargs="*", default=list(presets()), metavar="PRESET")
    parser.add_argument("--seeds", default=SEEDS, help=f"first:last, the last not included (default {SEEDS})")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: a core each)"
    )
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no further seed after so many")
    parser.add_argument("--write", action="store_true", help="store the result in assets/results")
    chosen = parser.parse_args()
    for name in chosen.presets:
        found = record(made(name, range(*map(int, chosen.seeds.split(":"))), chosen.jobs, chosen.minutes))
        print(name, *table_lines(HEAD, list(_rows(from_record(found))), ("racer",)), sep="\n")
        if chosen.write:
            write(SHIPPED / f"{name}.json", found)


def made(name: str, seeds: range, jobs: int, minutes: float) -> dict[str, Part]:
    """Returns the race of every seed, by the seed; those that are kept are not run again."""
    settings = sha256(race_at(name, 0).to_json().encode()).hexdigest()[:8]
    tasks = {str(seed): (race_at(name, seed),) for seed in seeds}
    return carry_out(raced, tasks, KEPT / f"{name}-{settings}", jobs, minutes)


def record(parts: Mapping[str, Part]) -> dict[str, Any]:
    """Returns what is stored of the races of some seeds."""
    command = shlex.join(["python", "-m", "benchmarks.presets", *sys.argv[1:]])
    racers = {name: summary(courses) for name, courses in courses_of(parts).items()}
    return origin(command, parts) | {"seeds": [int(seed) for seed in parts], "racers": racers}


HEAD = ("racer", "passed", "95 %", "steps", "CPU s")


def _rows(found: Shipped) -> Iterator[tuple[str, ...]]:
    for name, counts in found.passed.items():
        yield (
            name,
            "{}/{}".format(*counts),
            "{:.2f} to {:.2f}".format(*interval(*counts)),
            "{:.0f} ({:.0f} to {:.0f})".format(*found.steps[name]),
            "{:.1f} ({:.1f} to {:.1f})".format(*found.seconds[name]),
        )


if __name__ == "__main__":
    main()
