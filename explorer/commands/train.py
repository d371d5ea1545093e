"""The verb `train`: races from a terminal, one seed after another; their numbers are those of the page."""

import argparse
import csv
import io
import json
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

import numpy as np
import torch

from explorer.cells import CELLS
from explorer.commands.options import (
    JSON,
    Option,
    UsageError,
    Verb,
    checked_path,
    experiment_from,
    field_option,
)
from explorer.commands.terminal import table_lines
from explorer.data.sources import Source
from explorer.data.unusable import Unusable
from explorer.exact import percents, spread
from explorer.experiment import TABLE, Experiment
from explorer.limits import MAX_RACERS
from explorer.text import Refused, plain
from explorer.training.clinic import as_presets
from explorer.training.events import Event
from explorer.training.race import RACER_FIELDS, Race, RacerError, presets, race_of, record
from explorer.training.results import Result, results, said_of, table, verdict
from explorer.training.run import Carried, InMemory, Tensors, Wish
from explorer.training.store import save_model, write_bytes

SHARED = tuple(name for name, entry in TABLE.items() if entry.group in ("train", "series"))
FIELDS = (*SHARED, "size", "match", "text", "units")
"""Fields that are options of their own."""

FILES = (".json", ".csv")
MAX_SEEDS = 100
"""Seeds of one command: a hundred races of the headline's size take an hour or two."""

DRAW_SECONDS = 0.1
LONGEST_NAME = 200
"""Characters of a racer in the name of a file: file systems end at 255 bytes."""

COLUMNS = ("step", "loss", "gradient_norm", "metric", "metric_low", "metric_high")
INTERRUPTED = 130


@dataclass(frozen=True, eq=False)
class Raced:
    """A race that is over, or was stopped."""

    seed: int
    race: Race
    source: Source
    results: tuple[Result, ...]


def run_train(chosen: argparse.Namespace) -> int:
    """Carries out a race for every seed and prints or writes its course; 130 where it was stopped."""
    base, seeds = _experiment(chosen), _seeds(chosen.seeds)
    races = {seed: _race(base, seed) for seed in seeds}
    out = None if chosen.out is None else _writable(checked_path(chosen.out, FILES))
    models = None if chosen.models is None else _models(Path(chosen.models))
    torch.set_num_threads(1)
    progress = _Progress(sys.stderr, len(seeds))
    raced = []
    with _interrupts() as stop:
        for seed, race in races.items():
            raced.append(_carry_out(seed, race, stop, progress, models))
            if stop.asked:
                break
    found = run_record(raced, chosen.command, stop.asked)
    if out is not None:
        with _written("--out", out):
            write_bytes(out, _json(found) if out.suffix.lower() == ".json" else _csv(raced))
    if chosen.json:
        print(json.dumps(found, allow_nan=False))
    else:
        _print(base, raced)
        if out is not None:
            print(f"Wrote {out}: {_count(raced, 'seed')}, {_count(raced[0].results, 'racer')}")
    return INTERRUPTED if stop.asked else 0


def _count(things: Sequence[Any], name: str) -> str:
    return f"{len(things)} {name}" + ("s" if len(things) != 1 else "")


# What is asked for


def _experiment(chosen: argparse.Namespace) -> Experiment:
    """Returns the experiment that the options describe, its seed aside. Raises UsageError."""
    given = {name: raw for name, raw in vars(chosen).items() if raw is not None}
    if "cells" in given and "racers" in given:
        raise UsageError("--cells and --racers both say who races: give one of them.")
    if "cells" in given:
        given["racers"] = ";".join(_cells(given["cells"]))
    experiment = experiment_from(argparse.Namespace(**_preset(given) | given))
    if experiment.text and experiment.data != "yours":
        raise UsageError(f"--text has no place beside --data {experiment.data}: only yours trains on a text.")
    if experiment.data == "yours" and not experiment.text:
        raise UsageError("--data yours needs a text to train on: give one with --text.")
    _check_racers(experiment.racers)
    return experiment


def _preset(given: Mapping[str, Any]) -> dict[str, Any]:
    name = given.get("preset")
    if name is None:
        return {}
    known = presets() | as_presets()
    if name not in known:
        raise UsageError(f"--preset takes one of {', '.join(known)}, not {name!r}.")
    return dict(known[name])


def _cells(raw: str) -> list[str]:
    names = [name.strip() for name in raw.split(",")]
    for name in names:
        if name not in CELLS:
            raise UsageError(f"--cells takes some of {', '.join(CELLS)} with commas between, not {name!r}.")
    return names


def _check_racers(racers: str) -> None:
    named = {tidy for part in racers.split(";") if (tidy := " ".join(part.split()))}
    if not 1 <= len(named) <= MAX_RACERS:
        raise UsageError(f"a race has 1 to {MAX_RACERS} racers, not {len(named)}.")


def _race(base: Experiment, seed: int) -> Race:
    try:
        return race_of(replace(base, race_seed=seed))
    except RacerError as error:
        raise UsageError(
            f"--racers cannot be read at {str(error)!r}: a racer is a cell ({', '.join(CELLS)}) and what it"
            f" changes, such as bias=fixed, of {', '.join(RACER_FIELDS)}."
        ) from error


def _seeds(raw: str) -> range:
    """Returns the seeds of `3` or `0:10`, the end left out."""
    last = int(TABLE["race_seed"].high)
    if re.fullmatch(r"[0-9]{1,5}(:[0-9]{1,5})?", raw, re.ASCII):
        first, _, end = raw.partition(":")
        seeds = range(int(first), int(end or int(first) + 1))
        if 1 <= len(seeds) <= MAX_SEEDS and seeds[-1] <= last:
            return seeds
    raise UsageError(
        f"--seeds takes a whole number from 0 to {last}, or up to {MAX_SEEDS} of them as in 0:10,"
        f" where 10 is left out, not {raw!r}."
    )


def _writable(path: Path) -> Path:
    """Returns a path. Raises UsageError where it cannot be written, before hours of training."""
    with _written("--out", path):
        if path.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    return path


def _models(folder: Path) -> Path:
    with _written("--models", folder):
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    return folder


@contextmanager
def _written(flag: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"{flag} {str(path)!r} cannot be written: {error.strerror}.") from error


# Training


class _Stop:
    """Whether Ctrl-C was pressed. The first lets a race end in order, the second ends all at once."""

    asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def _interrupts() -> Iterator[_Stop]:
    stop = _Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


class _Channel(InMemory):
    """Collects events and keeps no weights: a hundred seeds have thousands of them."""

    def __init__(self, stop: _Stop, watch: Callable[[Event], None]) -> None:
        super().__init__(watch)
        self.stop = stop

    def keep(self, name: str, tensors: Tensors) -> None:
        pass

    def wish(self) -> Wish:
        return Wish("stop") if self.stop.asked else Wish()


def _carry_out(seed: int, race: Race, stop: _Stop, progress: "_Progress", models: Path | None) -> Raced:
    channel = _Channel(stop, progress.watch)
    try:
        carried = Carried(race, channel)
    except Unusable as error:
        raise UsageError(_UNUSABLE[error.sentence].format(**error.values)) from error
    if models is not None:
        _save(carried, seed, None)
    progress.begin(seed)
    carried.run()
    if models is not None:
        _save(carried, seed, models)
    raced = Raced(seed, race, carried.racers[0].learner.source, results(channel.events))
    progress.finish(raced)
    return raced


_UNUSABLE = {
    "unusable.length": "--length {length} is too short for this data: it takes at least {least}.",
    "unusable.no_number": "--values cannot be read at number {place}: {raw!r}.",
    "unusable.numbers": "--series yours takes {least} to {most} numbers in --values, not {count}.",
    "unusable.all_alike": "--values are all the same: there is nothing to forecast.",
    "unusable.short_series": "--length is too long: of {count} numbers the held-out part takes {most} steps.",
    "unusable.text": "--text is too short: a text to train on has at least two tokens, not {tokens}.",
}


def _save(carried: Carried, seed: int, folder: Path | None) -> None:
    """Writes every racer's weights; without a folder, only sees whether that can be done."""
    for name, racer in zip(carried.names, carried.racers, strict=True):
        learner = racer.learner
        slug = "_".join(name.split()) if len(name) <= LONGEST_NAME else str(racer.index + 1)
        target = None if folder is None else folder / f"{seed}-{slug}.safetensors"
        try:
            with _written("--models", target or Path()):
                save_model(
                    target,
                    learner.model,
                    learner.experiment,
                    step=learner.step,
                    symbols=learner.source.symbols,
                )
        except Refused as error:
            reason = error.sentence.replace("_", " ")
            raise UsageError(f"--models cannot keep a network that reads this text: {reason}.") from error


# What came of it


def run_record(raced: Sequence[Raced], command: str, interrupted: bool = False) -> dict[str, Any]:
    """Returns all races as JSON can hold them: null where a number is not finite or was not measured."""
    found = {
        "command": command,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "interrupted": interrupted,
        "races": [_race_record(one) for one in raced],
    }
    return dict(plain(found))


def _race_record(raced: Raced) -> dict[str, Any]:
    data = raced.source
    return {
        "seed": raced.seed,
        "key": raced.race.key,
        "metric": data.metric,
        "goal": data.goal,
        "chance": data.chance,
        "verdict": [{"key": key, "values": values} for key, values in verdict(raced.results, data)],
        "racers": [
            {
                "name": result.name,
                "experiment": record(run),
                "parameters": result.parameters,
                "status": result.status,
                "step": result.step,
                "passed_at": result.step if result.status == "passed" else None,
                "seconds": result.last_seconds,
                "course": table(result, data),
            }
            for result, run in zip(raced.results, raced.race.runs, strict=True)
        ],
    }


def _json(found: Mapping[str, Any]) -> bytes:
    return (json.dumps(found, allow_nan=False, ensure_ascii=False) + "\n").encode()


def _csv(raced: Sequence[Raced]) -> bytes:
    """Returns a line per seed, racer and step; empty where a number is not finite or was not measured."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(("seed", "racer", *COLUMNS))
    for one in raced:
        for result in one.results:
            columns = plain(table(result, one.source))
            for row in zip(*(columns[name] for name in COLUMNS), strict=True):
                lines.writerow((one.seed, result.name, *row))
    return text.getvalue().encode()


def _print(base: Experiment, raced: Sequence[Raced]) -> None:
    print(_headline(base, raced))
    by_racer = zip(*(one.results for one in raced), strict=True)
    rows = [_row(runs, raced[0].source) for runs in by_racer]
    head = (
        "racer", "weights", "passed", "95 %", "steps median", "max", "CPU s median", "max", _metric(raced)
    )  # fmt: skip
    print(*table_lines(head, rows, words=("racer",)), sep="\n")


def _metric(raced: Sequence[Raced]) -> str:
    metric = raced[0].source.metric
    if len(raced) > 1:
        return f"{metric} median (band)"
    return f"{metric} [95 %]" if raced[0].source.trials else metric


def _headline(base: Experiment, raced: Sequence[Raced]) -> str:
    data = raced[0].source
    if not np.isfinite(data.goal):
        goal = "no goal"
    elif data.metric == "error":
        goal = f"passed: held-out error under {data.goal:g}"
    else:
        goal = f"passed: held-out accuracy of {data.goal:.3g}"
    seeds = [one.seed for one in raced]
    shown = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"
    kind = f"series {base.series}" if base.data == "series" else base.data
    what = kind if base.data == "lecture" else f"{kind}, length {base.length}"
    return f"{what}; {goal} (guessing: {data.chance:.3g}); {shown}"


def _row(runs: Sequence[Result], source: Source) -> tuple[str, ...]:
    """Returns a racer's line over all seeds: how many passed, with the exact interval of that share.

    Steps are those made until it passed or ended otherwise. The metric of one seed has its own interval, that
    of several their band.
    """
    steps, seconds = [r.step for r in runs], [r.last_seconds for r in runs]
    passed = sum(r.status == "passed" for r in runs)
    last = [r.last_metric for r in runs if len(r.checks)]
    last = [value if np.isfinite(value) else np.inf for value in last]  # no number is the worst error
    return (
        runs[0].name,
        f"{runs[0].parameters:,}",
        f"{passed}/{len(runs)}",
        "{}-{} %".format(*percents(passed, len(runs))),
        f"{np.median(steps):,.0f}",
        f"{max(steps):,}",
        f"{np.median(seconds):.2f}",
        f"{max(seconds):.2f}",
        _last(last, source) if last else "-",
    )


def _last(metrics: Sequence[float], source: Source) -> str:
    if len(metrics) == 1:
        return said_of(metrics[0], source)
    return "{:.4g} ({:.3g} to {:.3g})".format(*spread(metrics))


class _Progress:
    """How far it is: one line of a terminal, written over; elsewhere a line per seed that is done."""

    def __init__(self, stream: TextIO, seeds: int) -> None:
        self.stream, self.seeds = stream, seeds
        self.live = stream.isatty()
        self.done, self.seed, self.drawn = 0, 0, 0.0
        self.racers: dict[int, dict[str, Any]] = {}

    def begin(self, seed: int) -> None:
        self.seed, self.racers = seed, {}

    def watch(self, event: Event) -> None:
        """Hears of an event of the running race."""
        if event["kind"] == "racer":
            self.racers[event["racer"]] = {"name": event["name"], "budget": event["budget"], "step": 0}
        elif event["kind"] == "steps":
            self.racers[event["racer"]]["step"] = event["from"] + len(event["loss"]) - 1
        elif event["kind"] == "end":
            self.racers[event["racer"]]["status"] = event["status"]
        if self.live and time.monotonic() - self.drawn > DRAW_SECONDS:
            self.drawn = time.monotonic()
            self._draw()

    def finish(self, raced: Raced) -> None:
        """A seed is done."""
        self.done += 1
        if not self.live:
            ends = ", ".join(f"{r.name} {r.status} at {r.step:,}" for r in raced.results)
            print(f"seed {raced.seed}: {ends}", file=self.stream, flush=True)
        elif self.done == self.seeds or any(r.status == "stopped" for r in raced.results):
            self._write("")

    def _draw(self) -> None:
        parts = [1.0 if "status" in r else r["step"] / r["budget"] for r in self.racers.values()]
        share = (self.done + sum(parts) / max(1, len(parts))) / self.seeds
        filled = int(20 * share)
        where = (f"{r['name']} {r.get('status') or format(r['step'], ',')}" for r in self.racers.values())
        bar = "#" * filled + "." * (20 - filled)
        self._write(
            f"[{bar}] {share:4.0%}  seed {self.seed}, {self.done + 1} of {self.seeds}: {', '.join(where)}"
        )

    def _write(self, line: str) -> None:
        room = shutil.get_terminal_size().columns - 1
        print(f"\r{line[:room]}\x1b[K", end="", file=self.stream, flush=True)


def train_options() -> tuple[Option, ...]:
    """Returns the options of `train`, most of them read off the experiment's field table."""
    return (
        Option(
            "--preset",
            {
                "metavar": "NAME",
                "help": f"a race of the page, {', '.join(presets())}, or a case of the clinic, case1 or"
                " case1_mended; other options beside it override it",
            },
        ),
        Option(
            "--cells",
            {
                "metavar": "A,B",
                "help": f"racers that change nothing, of {', '.join(CELLS)}; an lstm then has PyTorch's"
                " default bias, not the forget bias of 1 that the page's races give it",
            },
        ),
        Option(
            "--racers",
            {
                "metavar": "TEXT",
                "help": "racers with what each changes, as in 'rnn;lstm bias=fixed keep_bias=2' (default"
                f" {Experiment().racers}); they may change {', '.join(RACER_FIELDS)}",
            },
        ),
        *(field_option(name) for name in FIELDS),
        Option(
            "--seeds",
            {
                "default": "0",
                "metavar": "N or A:B",
                "help": f"seed of weights and data, or up to {MAX_SEEDS} of them, one race each; 0:10 ends"
                " at 9 (default 0)",
            },
        ),
        Option(
            "--out",
            {
                "metavar": "FILE",
                "help": "write the course of every run to FILE: .csv, or .json with all else",
            },
        ),
        Option("--models", {"metavar": "DIR", "help": "write every network's last weights to DIR"}),
    )


VERB = Verb(run_train, "networks learn the same data side by side, seed by seed", (*train_options(), JSON))
