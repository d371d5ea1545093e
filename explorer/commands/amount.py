"""The verb `amount`: LSTM or GRU by the number of sentences to learn from, measured anew."""

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from explorer.architectures.amount import COUNTS, RIVALS, SEEDS, Amount, Trial, places, trial
from explorer.commands.options import Option, UsageError, Verb, checked_path, whole_number
from explorer.commands.terminal import table_lines
from explorer.limits import MAX_SENTENCES
from explorer.training.store import write_bytes

MAX_SEEDS = 100


def amount_options() -> tuple[Option, ...]:
    """Returns the options of the verb."""
    counts = ",".join(map(str, COUNTS))
    return (
        Option("--counts", {"metavar": "N,N", "help": f"sentences (default {counts})", "default": counts}),
        Option("--seeds", {"metavar": "N", "help": "how many seeds", "default": str(len(SEEDS))}),
        Option("--jobs", {"metavar": "N", "help": "processes (default: one per core)", "default": None}),
        Option("--out", {"metavar": "FILE", "help": "where to write the result, .json"}),
    )


def run_amount(chosen: argparse.Namespace) -> int:
    """Trains every network and prints, or writes, what came of it."""
    counts = [whole_number("--counts", raw, 10, MAX_SENTENCES) for raw in chosen.counts.split(",")]
    seeds = range(whole_number("--seeds", chosen.seeds, 1, MAX_SEEDS))
    cores = os.cpu_count() or 1
    jobs = cores if chosen.jobs is None else whole_number("--jobs", chosen.jobs, 1, 4 * cores)
    out = None if chosen.out is None else checked_path(chosen.out, (".json",))
    found = Amount(_today(), chosen.command, tuple(_carried_out(places(counts, seeds), jobs)))
    for line in table_lines(("racer", "match", "sentences", "accuracy", "nats"), _rows(found)):
        print(line)
    if out is not None:
        _write(out, found)
    return 0


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _carried_out(asked: list[tuple[int, str, int, str]], jobs: int) -> list[Trial]:
    made = []
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,))
    with pool:
        for n, one in enumerate(pool.map(trial, *zip(*asked, strict=True)), 1):
            made.append(one)
            print(f"\r{n} of {len(asked)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return made


def _rows(found: Amount) -> list[tuple[str, ...]]:
    matches = dict.fromkeys(one.match for one in found.trials)
    return [
        (name, match, str(count), *(_band(found.values(name, match, count, q)) for q in ("accuracy", "nats")))
        for match in matches
        for count in found.counts
        for name in RIVALS
    ]


def _band(values: np.ndarray) -> str:
    return f"{np.median(values):.3f} ({values.min():.3f} to {values.max():.3f})"


def _write(out: Path, found: Amount) -> None:
    try:
        write_bytes(out, (found.to_json() + "\n").encode())
    except OSError as error:
        raise UsageError(f"--out {str(out)!r} cannot be written: {error.strerror}.") from error
    print(f"Wrote {out}: {len(found.trials)} networks")


VERB = Verb(run_amount, "LSTM or GRU by the number of sentences to learn from", amount_options())
