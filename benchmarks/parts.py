"""Which starting bias suits each LSTM of the preset `parts`: tried on seeds that the preset does not use.

    python -m benchmarks.parts --write       # some minutes; goes on where it was ended

A part that is switched off changes which bias is a good start. So each cell has the best of BIASES, and all
have time for twice the slowest of these that passes; the preset's racers and budget in assets/presets.toml
are held against what is stored here.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from benchmarks.presets import KEPT, courses_of, raced
from explorer.cells import CELLS
from explorer.commands.terminal import table_lines
from explorer.experiment import Experiment
from explorer.training.bands import SHIPPED, summary
from explorer.training.race import Race, preset_changes, presets, race_of
from explorer.training.results import Result
from explorer.training.series import Part, carry_out, origin, write

STORED = SHIPPED / "parts_biases.json"
BIASES = (-1, 1, 3)
USUAL = 1
CLEARLY = 0.75
"""Another bias than the usual one is better where more seeds pass, or in that share of its median steps."""

SEEDS = range(200, 202)
BUDGET = 4_000


def tried() -> list[str]:
    """Returns the racers: each cell of the preset from each bias, or as it is where no gate keeps."""
    cells = dict.fromkeys(racer.split()[0] for racer in presets()["parts"]["racers"].split(";"))
    return [
        racer
        for cell in cells
        for racer in (
            [f"{cell} bias=fixed keep_bias={bias}" for bias in BIASES] if CELLS[cell].keep else [cell]
        )
    ]


def race_at(racer: str, seed: int) -> Race:
    """Returns the race of one racer, for longer than the preset's own."""
    changes = {"racers": racer, "budget": str(BUDGET), "race_seed": str(seed)}
    return race_of(Experiment().with_changes(preset_changes("parts") | changes)[0])


def record(parts: Mapping[str, Part]) -> dict[str, Any]:
    """Returns what is stored: how each racer ended with each seed."""
    courses: dict[str, list[Result]] = {}
    for part in parts.values():
        for name, found in courses_of({"": part}).items():
            courses.setdefault(name, []).extend(found)
    racers = {name: summary(found) for name, found in courses.items()}
    command = shlex.join(["python", "-m", "benchmarks.parts", *sys.argv[1:]])
    return origin(command, parts) | {"seeds": list(SEEDS), "budget": BUDGET, "racers": racers}


def best(found: Mapping[str, Any]) -> list[str]:
    """Returns the racer of each cell from its best start."""
    chosen: dict[str, str] = {}
    for racer, own in sorted(found["racers"].items(), key=lambda item: not item[0].endswith(f"={USUAL}")):
        cell = racer.split()[0]
        if cell not in chosen or _better(own, found["racers"][chosen[cell]]):
            chosen[cell] = racer
    return [chosen[cell] for cell in dict.fromkeys(racer.split()[0] for racer in found["racers"])]


def _better(own: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if own["passed"][0] != other["passed"][0]:
        return own["passed"][0] > other["passed"][0]
    return own["steps"][0] <= CLEARLY * other["steps"][0]


def main() -> None:
    parser = argparse.ArgumentParser(description="Tries starting biases of LSTMs without a part.")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: a core each)"
    )
    parser.add_argument("--write", action="store_true", help="store the result in assets/results")
    chosen = parser.parse_args()
    settings = sha256(race_at(tried()[0], 0).to_json().encode()).hexdigest()[:8]
    tasks = {
        f"{racer.replace(' ', '_')}-{seed}": (race_at(racer, seed),) for seed in SEEDS for racer in tried()
    }
    found = record(carry_out(raced, tasks, KEPT / f"parts_biases-{settings}", chosen.jobs))
    rows = [
        (racer, "{}/{}".format(*own["passed"]), ", ".join(str(step) for _, step, _ in own["ended"]))
        for racer, own in found["racers"].items()
    ]
    print(*table_lines(("racer", "passed", "steps"), rows, ("racer",)), "best:", *best(found), sep="\n")
    if chosen.write:
        write(STORED, found)


if __name__ == "__main__":
    main()
