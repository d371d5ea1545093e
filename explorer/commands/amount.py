"""The verb `amount`: LSTM or GRU by the number of sentences to learn from, measured anew."""

import argparse
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from explorer.architectures.amount import (
    COUNTS,
    RIVALS,
    SEEDS,
    Amount,
    comparisons,
    from_record,
    places,
    settings,
    trial_record,
)
from explorer.commands.options import Option, UsageError, Verb, checked_path, whole_number
from explorer.commands.terminal import table_lines
from explorer.exact import percents, spread
from explorer.limits import MAX_SENTENCES
from explorer.training.series import Part, carry_out, keep, origin, write

MAX_SEEDS = 100
MAX_MINUTES = 10_000
PARTS = ".parts"
"""What is finished is kept beside --out, in a folder of its name with this ending."""


def amount_options() -> tuple[Option, ...]:
    """Returns the options of the verb."""
    counts = ",".join(map(str, COUNTS))
    return (
        Option("--counts", {"metavar": "N,N", "help": f"sentences (default {counts})", "default": counts}),
        Option("--seeds", {"metavar": "N", "help": "how many seeds", "default": str(len(SEEDS))}),
        Option("--jobs", {"metavar": "N", "help": "processes (default: one per core)", "default": None}),
        Option("--minutes", {"metavar": "N", "help": "begin no further network after so many"}),
        Option("--out", {"metavar": "FILE", "help": "where to write the result, .json; goes on from there"}),
    )


def run_amount(chosen: argparse.Namespace) -> int:
    """Trains every network that is not kept yet and prints, or writes, what came of all."""
    counts = [whole_number("--counts", raw, 10, MAX_SENTENCES) for raw in chosen.counts.split(",")]
    seeds = range(whole_number("--seeds", chosen.seeds, 1, MAX_SEEDS))
    cores = os.cpu_count() or 1
    jobs = cores if chosen.jobs is None else whole_number("--jobs", chosen.jobs, 1, 4 * cores)
    minutes = (
        math.inf if chosen.minutes is None else whole_number("--minutes", chosen.minutes, 1, MAX_MINUTES)
    )
    out = None if chosen.out is None else checked_path(chosen.out, (".json",))
    tasks = places(counts, seeds)
    with _folder(out) as folder:
        there = Path(folder) / settings()
        if out is not None:
            _take_up(out, tasks, there)
        parts = carry_out(trial_record, tasks, there, jobs, minutes, _say)
    if not parts:
        return 0
    found = record(chosen.command, parts)
    for line in table_lines(HEAD, list(_rows(from_record(found))), HEAD[:2]):
        print(line)
    for line in _compared(from_record(found)):
        print(line)
    if out is not None:
        _write(out, found)
    return 0


def record(command: str, parts: Mapping[str, Part]) -> dict[str, Any]:
    """Returns what is stored of the trials that are there."""
    trials = [part.made for part in parts.values()]
    seeds = sorted({trial["seed"] for trial in trials})
    return origin(command, parts) | {"settings": settings(), "seeds": seeds, "trials": trials}


def _folder(out: Path | None) -> AbstractContextManager[str]:
    return TemporaryDirectory() if out is None else nullcontext(str(out.with_suffix(PARTS)))


def _take_up(out: Path, tasks: Mapping[str, Any], folder: Path) -> None:
    """Keeps what a result of the same settings at --out holds already, each at the mean cost."""
    if not out.exists():
        return
    found = json.loads(out.read_text(encoding="utf-8"))
    if found.get("settings") != settings():
        return
    names = {place: name for name, place in tasks.items()}
    each = found["cost"]["cpu_seconds"] / found["cost"]["parts"]
    for trial in found["trials"]:
        name = names.get((trial["count"], trial["match"], trial["seed"], trial["name"]))
        if name is not None:
            keep(Part(each, trial), folder, name)


def _say(line: str) -> None:
    print(f"\r{line}", end="", file=sys.stderr, flush=True)


HEAD = ("racer", "match", "sentences", "solved", "95 %", "nats")


def _rows(found: Amount) -> Iterator[tuple[str, ...]]:
    there = {(trial.name, trial.match, trial.count) for trial in found.trials}
    for name, match, count in sorted(there, key=lambda t: (t[1], t[2], RIVALS.index(t[0]))):
        hits, seeds = found.solved(name, match, count)
        yield (
            name,
            match,
            str(count),
            f"{hits}/{seeds}",
            "{} to {} %".format(*percents(hits, seeds)),
            "{:.3f} ({:.3f} to {:.3f})".format(*spread(found.values(name, match, count, "nats"))),
        )


def _compared(found: Amount) -> Iterator[str]:
    for one in comparisons(found):
        said = f"{one.better} more often" if one.better else "no clear difference"
        yield f"{one.match}: {one.first} and {one.second}: {said}, p = {one.chance:.2g} of {one.among}"


def _write(out: Path, found: Mapping[str, Any]) -> None:
    try:
        write(out, found)
    except OSError as error:
        raise UsageError(f"--out {str(out)!r} cannot be written: {error.strerror}.") from error
    print(f"Wrote {out}: {len(found['trials'])} networks")


VERB = Verb(run_amount, "LSTM or GRU by the number of sentences to learn from", amount_options())
