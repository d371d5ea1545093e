"""Runs the cases of the clinic over seeds, broken and mended, prints who passes, and stores it.

    python -m benchmarks.clinic                     # all cases, 20 seeds that no test uses
    python -m benchmarks.clinic case2 --seeds 100:110
    python -m benchmarks.clinic --write             # stores the result in assets/results

Says beforehand what it costs. Every seed that is finished is kept in assets/results/.parts: the same command
goes on where it was ended.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from benchmarks.presets import KEPT, courses_of, raced
from explorer.commands.terminal import table_lines
from explorer.exact import interval
from explorer.i18n import LANGUAGES
from explorer.training.bands import SHIPPED, summary
from explorer.training.clinic import cases, trial, trials
from explorer.training.series import Part, carry_out, origin, write

SEEDS = "100:120"


def main() -> None:
    parser = argparse.ArgumentParser(description="Runs the cases of the clinic over seeds.")
    parser.add_argument("cases", nargs="*", default=list(cases()), metavar="CASE")
    parser.add_argument("--seeds", default=SEEDS, help=f"first:last, the last not included (default {SEEDS})")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: a core each)"
    )
    parser.add_argument("--write", action="store_true", help="store the result in assets/results")
    chosen = parser.parse_args()
    seeds = range(*map(int, chosen.seeds.split(":")))
    found: dict[str, Part] = {}
    racers: dict[str, Any] = {}
    for name, parts in made(chosen.cases, seeds, chosen.jobs):
        (courses,) = courses_of(parts).values()
        racers[name] = summary(courses)
        found |= {f"{name} {seed}": part for seed, part in parts.items()}
    print(*table_lines(HEAD, list(_rows(racers)), ("case",)), sep="\n")
    if chosen.write:
        command = shlex.join(["python", "-m", "benchmarks.clinic", *sys.argv[1:]])
        write(SHIPPED / "clinic.json", origin(command, found) | {"seeds": list(seeds), "racers": racers})


def made(keys: list[str], seeds: range, jobs: int) -> Iterator[tuple[str, dict[str, Part]]]:
    """Yields the runs of every trial of some cases, by the seed; those that are kept are not run again."""
    for lang in sorted(LANGUAGES, key=lambda lang: lang != "en"):
        for name, changes in trials(lang).items():
            if name.split()[0] in keys:
                settings = sha256(trial(changes, 0, lang).to_json().encode()).hexdigest()[:8]
                tasks = {str(seed): (trial(changes, seed, lang),) for seed in seeds}
                folder = KEPT / f"clinic-{name.replace(' ', '-')}-{settings}"
                yield name, carry_out(raced, tasks, folder, jobs)


HEAD = ("case", "passed", "95 %", "steps", "CPU s at most")


def _rows(racers: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, own in racers.items():
        low, high = interval(*own["passed"])
        yield (
            name,
            "{}/{}".format(*own["passed"]),
            f"{low:.2f} to {high:.2f}",
            "{} ({} to {})".format(*own["steps"]),
            f"{own['most'][1]:.1f}",
        )


if __name__ == "__main__":
    main()
