"""The command line: the same work without a browser.

    python -m explorer trace --cell gru --text "the fat cat sat" --out t.npz
    python -m explorer trace --cell gru --text "the fat cat sat" --out t.html
    python -m explorer verify

A verb is one function that takes the parsed options and returns the exit status, and one line in
VERBS. Exit status: 0 done, 1 a check failed, 2 something that was asked for cannot be had.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from explorer.experiment import Experiment
from explorer.learned import Learned, Token, learn, notation_for
from explorer.limits import MAX_CASES
from explorer.options import (
    JSON,
    LANG,
    OUT,
    PAGE,
    Option,
    UsageError,
    check_steps,
    checked_path,
    experiment_from,
    experiment_options,
    language,
    whole_number,
)
from explorer.terminal import plain, table_lines
from explorer.text import UNKNOWN
from explorer.tracing import LayerTrace
from explorer.training.trainer import Fit
from explorer.verify import CASES, TOLERANCE, CellCheck, verify
from explorer.walk import Walk, WholeRun, run_whole, walk


@dataclass(frozen=True)
class Verb:
    run: Callable[[argparse.Namespace], int]
    help: str
    options: tuple[Option, ...]


def main(argv: Sequence[str] | None = None) -> int:
    """Carries out one command and returns its exit status; a refusal is a sentence on stderr."""
    try:
        chosen = _parser().parse_args(argv)
        return VERBS[chosen.verb].run(chosen)
    except UsageError as error:
        print(f"explorer: {error}", file=sys.stderr)
        return 2


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see `{self.prog} --help`.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m explorer", description="See inside recurrent networks.")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, verb in VERBS.items():
        added = verbs.add_parser(name, help=verb.help, description=verb.help, allow_abbrev=False)
        for option in verb.options:
            added.add_argument(option.flag, **option.settings)
    return parser


# trace


def run_trace(chosen: argparse.Namespace) -> int:
    """Traces a whole text and prints or writes every pre-activation, gate, candidate and state.

    An .html file holds the stage instead, over the window of the text that the page shows.
    """
    experiment, lang = experiment_from(chosen), language(chosen.lang)
    out = None if chosen.out is None else checked_path(chosen.out)
    notation = notation_for(experiment, lang)
    learned = learn(experiment, notation)
    run = run_whole(experiment, notation, learned)
    _refuse_problems(experiment, run)
    if out is not None and out.suffix.lower() == PAGE:
        shown = walk(experiment, notation, learned)
        _write_page(out, shown, lang)
        _say_page(out, shown, chosen.json)
    elif out is not None:
        arrays = trace_arrays(run)
        _write(out, arrays)
        _say_written(out, arrays, chosen.json)
    elif chosen.json:
        print(json.dumps(plain(trace_arrays(run)), allow_nan=False))
    else:
        print(_headline(run.trace.layers[0], learned))
        print(*table_lines(*_trace_table(run), words=("token",)), sep="\n")
    _note_problems(run)
    return 0


def trace_arrays(run: WholeRun) -> dict[str, np.ndarray]:
    """Returns a one-layer run as flat arrays by name.

    cell and notation (); tokens (T,) as the model got them; known (T,) whether it knows them;
    x (T, D); h and c (T+1, H) with the initial state in row 0; pre_* and gate_* (T, H); the weights
    by their state_dict names.
    """
    layer = run.trace.layers[0]
    states = {"h": layer.h} | ({} if layer.c is None else {"c": layer.c})
    return {
        "cell": np.array(layer.cell),
        "notation": np.array(layer.notation),
        "tokens": np.array(run.originals),
        "known": np.array([token.known for token in run.tokens]),
        "x": layer.x,
        **states,
        **{f"pre_{symbol}": array for symbol, array in layer.pre.items()},
        **{f"gate_{symbol}": array for symbol, array in layer.gate.items()},
        **{f"{name}_l0": array for name, array in layer.weights.arrays().items()},
    }


def _write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    with _written(path):
        if path.suffix.lower() == ".npz":
            with path.open("wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]  # no array is called allow_pickle
        else:
            record = json.dumps(plain(arrays), allow_nan=False, ensure_ascii=False)
            path.write_text(record + "\n", encoding="utf-8")


def _write_page(path: Path, shown: Walk, lang: str) -> None:
    from explorer.stage import export, payload  # Plotly takes a while to load

    page = export.html(payload.build(shown, lang), export.title_of(shown, lang))
    with _written(path):
        path.write_text(page, encoding="utf-8")


@contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"--out {str(path)!r} cannot be written: {error.strerror}.") from error


def _say_written(path: Path, arrays: Mapping[str, np.ndarray], as_json: bool) -> None:
    if as_json:
        shapes = {name: array.shape for name, array in arrays.items()}
        print(json.dumps({"out": str(path), "shapes": shapes}))
    else:
        print(f"Wrote {path}: {arrays['cell']}, {len(arrays['x'])} steps, {', '.join(arrays)}")


def _say_page(path: Path, shown: Walk, as_json: bool) -> None:
    window = shown.runs[0].trace
    first, last = window.first_step, window.first_step + window.steps - 1
    if as_json:
        print(json.dumps({"out": str(path), "first": first, "last": last, "total": shown.total}))
    else:
        print(f"Wrote {path}: {shown.experiment.cell}, steps {first} to {last} of {shown.total}")


def _refuse_problems(experiment: Experiment, run: WholeRun) -> None:
    check_steps(experiment, run.trace.steps)
    for key, values in run.problems:
        raise UsageError(_PROBLEMS[key].format(**values))


_PROBLEMS = {
    "no_such_gate": "--clamp {gate} does not fit: the cell {cell} has no such gate.",
    "not_a_number": "--swap-with takes a number from 0 to 1 in a marked sequence, not {raw!r}.",
}


def _note_problems(run: WholeRun) -> None:
    if not any(token.known for token in run.tokens):
        print("explorer: the model knows none of these tokens; it read <unk> throughout.", file=sys.stderr)


def _headline(layer: LayerTrace, learned: Learned) -> str:
    bad = layer.first_bad_step
    parts = [f"{layer.cell}, {layer.hidden_size} units", f"{layer.notation} notation", _fitted(learned.fit)]
    return "; ".join(parts + ([f"the state explodes at step {bad}"] if bad else []))


def _fitted(fit: Fit | None) -> str:
    if fit is None:
        return "untrained"
    reached = "goal reached" if fit.passed else "goal not reached"
    return f"trained {fit.steps} steps, loss {fit.loss:.3g}, {reached}"


def _trace_table(run: WholeRun) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Returns the head and a row per step: the norms of the states and the mean of each gate."""
    layer = run.trace.layers[0]
    states, gates = layer.spec.states, layer.spec.gates
    with np.errstate(over="ignore", invalid="ignore"):
        columns = [np.linalg.norm(layer.signal(s), axis=-1) for s in states]
    columns += [layer.gate[s].mean(-1) for s in gates]
    head = ("step", "token", *(f"||{s}||" for s in states), *(f"mean {s}" for s in gates))
    rows = [
        (str(step), _shown(token), *(_number(column[step - 1]) for column in columns))
        for step, token in enumerate(run.tokens, start=1)
    ]
    return head, rows


def _shown(token: Token) -> str:
    if token.marked:
        return f"{token.original} *"
    return token.original if token.known else f"{token.original} {UNKNOWN}"


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 1e5 else f"{value:.2e}"


# verify


def run_verify(chosen: argparse.Namespace) -> int:
    """Checks every cell and prints the largest differences; 1 where a cell fails."""
    checks = verify(whole_number("--cases", chosen.cases, 1, MAX_CASES))
    if chosen.json:
        print(json.dumps(_verify_record(checks), allow_nan=False))
    else:
        rows = [_verify_row(check) for check in checks]
        print(*table_lines(VERIFY_HEAD, rows, words=VERIFY_WORDS), sep="\n")
    return 0 if all(check.ok for check in checks) else 1


VERIFY_VERDICT = f"max |error| <= {TOLERANCE:g}"
VERIFY_HEAD = (
    "cell",
    "reference",
    "all at once",
    "stepwise",
    "fused module",
    "equations",
    "lecture's equations",
    VERIFY_VERDICT,
)
VERIFY_WORDS = ("cell", "reference", VERIFY_VERDICT)


def _verify_row(check: CellCheck) -> tuple[str, ...]:
    by_notation = (check.equations.get(name) for name in ("pytorch", "lecture"))
    errors = (check.at_once, check.stepwise, check.fused, *by_notation)
    shown = ("-" if error is None else f"{error:.1e}" for error in errors)
    return (check.cell, check.reference, *shown, "ok" if check.ok else "FAIL")


def _verify_record(checks: Sequence[CellCheck]) -> Any:
    cells = [asdict(check) | {"ok": check.ok} for check in checks]
    return plain({"tolerance": TOLERANCE, "ok": all(check.ok for check in checks), "cells": cells})


CASES_OPTION = Option(
    "--cases", {"default": str(CASES), "metavar": "N", "help": f"random sequences per cell (default {CASES})"}
)

VERBS: dict[str, Verb] = {
    "trace": Verb(
        run_trace, "every gate and state of a text, step by step", (*experiment_options(), OUT, LANG, JSON)
    ),
    "verify": Verb(run_verify, "every cell against its reference", (CASES_OPTION, JSON)),
}


def _run() -> int:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot show Hangul shows ?
    try:
        status = main()
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader has seen enough, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(_run())
