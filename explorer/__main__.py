"""The command line: the same work without a browser.

    python -m explorer trace --cell gru --text "the fat cat sat" --out t.npz
    python -m explorer trace --cell gru --text "the fat cat sat" --out t.html
    python -m explorer gradients --cell gru --text "the fat cat sat" --out g.npz
    python -m explorer train --data adding --length 100 --cells rnn,lstm,gru --seeds 0:10 --out run.json
    python -m explorer generate --model tales_en --cell gru --prompt "The fox" --temperature 0.8 --tokens 60
    python -m explorer ship --only tales_en
    python -m explorer verify

A verb is one function that takes the parsed options and returns the exit status, and one line in
VERBS. Exit status: 0 done, 1 a check failed, 2 something that was asked for cannot be had,
130 interrupted.
"""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from explorer.amount_command import amount_options, run_amount
from explorer.analysis import decay
from explorer.experiment import Experiment
from explorer.flow import chosen_rows, direct_gradients
from explorer.generate_command import generate_options, run_generate
from explorer.gradients import GradientFlow, bptt
from explorer.learned import Learned, Token, inputs, learn, notation_for, text_of
from explorer.limits import MAX_CASES, MAX_GRADIENT_STEPS
from explorer.options import (
    ARRAYS,
    JSON,
    LANG,
    MODEL_GROUPS,
    OUT,
    OUT_ARRAYS,
    PAGE,
    Option,
    UsageError,
    check_steps,
    checked_path,
    experiment_from,
    experiment_options,
    field_option,
    language,
    whole_number,
)
from explorer.race_command import run_train, train_options
from explorer.ship_command import run_ship, ship_options
from explorer.terminal import plain, table_lines
from explorer.text import UNKNOWN, tokenise
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
        given = sys.argv[1:] if argv is None else argv
        chosen = _parser().parse_args(given)
        chosen.command = shlex.join(("python", "-m", "explorer", *given))
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
    learned = learn(experiment)
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
        print(f"Wrote {path}: {arrays['cell']}, {len(arrays['tokens'])} steps, {', '.join(arrays)}")


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


# gradients


def run_gradients(chosen: argparse.Namespace) -> int:
    """Walks back over a whole text and prints or writes the gradient of its loss by source step."""
    experiment = experiment_from(chosen)
    out = None if chosen.out is None else checked_path(chosen.out, ARRAYS)
    _refuse_losses(experiment)
    notation = notation_for(experiment, "en")
    learned = learn(experiment)
    run = run_whole(experiment, notation, learned)
    gradient = whole_gradient(experiment, learned, run)
    if out is not None:
        arrays = gradient_arrays(run, gradient)
        _write(out, arrays)
        _say_written(out, arrays, chosen.json)
    elif chosen.json:
        print(json.dumps(plain(gradient_arrays(run, gradient)), allow_nan=False))
    else:
        print(_gradient_headline(run, learned, gradient))
        print(*table_lines(*_gradient_table(run, gradient), words=("token",)), sep="\n")
    _note_problems(run)
    return 0


def whole_gradient(experiment: Experiment, learned: Learned, run: WholeRun) -> GradientFlow:
    """Returns the gradient of the chosen losses, with the loss by step.

    Cross-entropy of the next token; of a marked sequence the squared error of the last output.
    """
    target = inputs(experiment, learned.at(experiment.moment)).target
    dL_dh, loss = direct_gradients(run.trace, target)
    rows = chosen_rows(experiment, loss)
    flow = bptt(run.trace, np.where(rows[:, None], dL_dh, 0.0))
    return replace(flow, loss=np.where(rows, loss, np.nan))


def gradient_arrays(run: WholeRun, gradient: GradientFlow) -> dict[str, np.ndarray]:
    """Returns the gradient of a one-layer run as flat arrays by name.

    cell, status (), tokens and known (T,); loss (T,), NaN where there is none; norm and norm_c
    (T, T+1): row t-1, column k is ||dL_t/dh_k||; total and total_c (T+1, H); weight_ih_norm and
    weight_hh_norm (T,): what each step adds to the weights' gradient.
    """
    flow = gradient.layers[0]
    of_c = (
        {}
        if flow.norm_c is None or flow.total_c is None
        else {"norm_c": flow.norm_c, "total_c": flow.total_c}
    )
    return {
        "cell": np.array(run.trace.cell),
        "status": np.array(gradient.status),
        "tokens": np.array(run.originals),
        "known": np.array([token.known for token in run.tokens]),
        "loss": gradient.loss if gradient.loss is not None else np.full(run.trace.steps, np.nan),
        "norm": flow.norm,
        "total": flow.total,
        **of_c,
        **{f"{name}_norm": norms for name, norms in flow.weight_norms().items()},
    }


def _refuse_losses(experiment: Experiment) -> None:
    if experiment.weights == "marked":
        if experiment.loss == "each_step":
            raise UsageError(
                "--loss each_step has no place beside --weights marked: one sum, at the last step."
            )
        return
    steps = len(tokenise(text_of(experiment), experiment.units))
    if steps < 2:
        raise UsageError("the text has one step: no next token to predict, so no loss and no gradient.")
    if steps > MAX_GRADIENT_STEPS:
        raise UsageError(
            f"the text has {steps} steps: gradients are worked out for {MAX_GRADIENT_STEPS} at most."
        )


def _gradient_headline(run: WholeRun, learned: Learned, gradient: GradientFlow) -> str:
    layer, flow = run.trace.layers[0], gradient.layers[0]
    losses = [] if gradient.loss is None else gradient.loss[np.isfinite(gradient.loss)]
    counted = "loss" if len(losses) == 1 else f"{len(losses)} losses, sum"
    factors = {"h": decay(flow.total_norm).factor}
    if flow.total_norm_c is not None:
        factors["c"] = decay(flow.total_norm_c).factor
    shown = ", ".join(f"{s} {'-' if factor is None else f'{factor:.3f}'}" for s, factor in factors.items())
    parts = [
        f"{layer.cell}, {layer.hidden_size} units",
        _fitted(learned.fit),
        f"{counted} {sum(losses):.3g}",
        f"factor per step back: {shown}",
        gradient.status if gradient.first_bad is None else f"{gradient.status} at step {gradient.first_bad}",
    ]
    return "; ".join(parts)


def _gradient_table(run: WholeRun, gradient: GradientFlow) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Returns the head and a row per source step k, from the initial state on."""
    flow = gradient.layers[0]
    columns = {"h": flow.total_norm} | ({} if flow.total_norm_c is None else {"c": flow.total_norm_c})
    tokens = ("", *map(_shown, run.tokens))
    rows = [
        (str(k), token, *(f"{norms[k]:.3e}" for norms in columns.values())) for k, token in enumerate(tokens)
    ]
    return ("k", "token", *(f"||dL/d{s}_k||" for s in columns)), rows


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
    "gradients",
    VERIFY_VERDICT,
)
VERIFY_WORDS = ("cell", "reference", VERIFY_VERDICT)


def _verify_row(check: CellCheck) -> tuple[str, ...]:
    by_notation = (check.equations.get(name) for name in ("pytorch", "lecture"))
    errors = (check.at_once, check.stepwise, check.fused, *by_notation, check.gradients)
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
    "gradients": Verb(
        run_gradients,
        "how the loss depends on every state before it",
        (*experiment_options(MODEL_GROUPS), field_option("loss"), OUT_ARRAYS, JSON),
    ),
    "train": Verb(
        run_train, "networks learn the same data side by side, seed by seed", (*train_options(), JSON)
    ),
    "generate": Verb(run_generate, "a network goes on after a prompt", (*generate_options(), JSON)),
    "amount": Verb(run_amount, "LSTM or GRU by the number of sentences to learn from", amount_options()),
    "ship": Verb(run_ship, "train the networks that come with the app", (*ship_options(), JSON)),
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
