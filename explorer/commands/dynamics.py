"""`python -m explorer dynamics`: the fixed and slow points of a network, and what each parts."""

import argparse
import json

import numpy as np

from explorer.commands.options import (
    ARRAYS,
    JSON,
    MODEL_GROUPS,
    OUT_ARRAYS,
    UsageError,
    Verb,
    checked_path,
    experiment_from,
    experiment_options,
    field_option,
)
from explorer.commands.output import fitted, say_written, write_arrays
from explorer.commands.terminal import table_lines
from explorer.dynamics.cube import cube, learn_cube
from explorer.dynamics.landscape import Landscape, signs
from explorer.dynamics.network import network
from explorer.dynamics.points import LONG
from explorer.experiment import Experiment
from explorer.lab.learned import Learned, inputs, learn
from explorer.text import plain


def run_dynamics(chosen: argparse.Namespace) -> int:
    """Learns a network and prints or writes the points at which it stays."""
    out = None if chosen.out is None else checked_path(chosen.out, ARRAYS)
    experiment = experiment_from(chosen)
    learned, landscape = _carried_out(experiment)
    arrays = landscape_arrays(landscape)
    if out is not None:
        write_arrays(out, arrays)
        say_written(out, arrays, chosen.json)
    elif chosen.json:
        print(json.dumps(plain(arrays), allow_nan=False))
    else:
        print(_headline(learned, landscape))
        if len(landscape.points):
            print(*table_lines(*_table(landscape), words=("answer", "parts")), sep="\n")
    return 0


def _carried_out(experiment: Experiment) -> tuple[Learned, Landscape]:
    if experiment.scene in ("portrait", "evidence"):
        raise UsageError(f"--scene {experiment.scene} is drawn on the page alone; choose cube or network.")
    if experiment.scene == "cube":
        learned = learn_cube(experiment)
        return learned, cube(learned.model, experiment.seed)
    learned = learn(experiment)
    given = inputs(experiment, learned.model, learned.sample)
    try:
        return learned, network(learned.model, given, experiment.held)
    except ValueError as error:
        raise UsageError(f"--held {experiment.held!r} is no token of this network.") from error


def landscape_arrays(landscape: Landscape) -> dict[str, np.ndarray]:
    """Returns the points of a landscape as flat arrays by name.

    cell; tokens (T,); run (T+1, S) the states; points (n, S), speed, exact and unstable (n,),
    eigenvalues_real and eigenvalues_imag (n, S), answers (n, K), and index, starts and lost of the search.
    """
    points = landscape.points
    return {
        "cell": np.array(landscape.recurrence.spec.key),
        "tokens": np.array([token.original for token in landscape.tokens]),
        "run": landscape.states,
        "points": points.states,
        "speed": points.speed,
        "exact": points.exact,
        "unstable": points.unstable,
        "eigenvalues_real": points.eigenvalues.real,
        "eigenvalues_imag": points.eigenvalues.imag,
        "answers": landscape.said,
        "index": np.array(points.index),
        "starts": np.array(points.starts),
        "lost": np.array(points.lost),
    }


def _headline(learned: Learned, landscape: Landscape) -> str:
    points = landscape.points
    kinds = ", ".join(f"{count} with {k} unstable" for k, count in points.counts.items()) or "none"
    parts = [
        f"{landscape.recurrence.spec.key}, {landscape.model.hidden_size} units",
        fitted(learned.fit),
        f"fixed points: {kinds}",
        f"slow points: {int((~points.exact).sum())}",
        f"index {points.index}" + (" of 1" if points.bounded else ""),
        f"{points.lost} of {points.starts} starts found no rest",
    ]
    if len(points.restless):
        parts.append(f"{len(points.restless)} of {len(points.pace)} led {LONG:,} steps still move")
    return "; ".join(parts)


def _table(landscape: Landscape) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Returns the head and a row per point."""
    points = landscape.points
    names = [_answer(landscape, row) for row in range(len(points))]
    rows: list[tuple[str, ...]] = []
    for row, name in enumerate(names):
        ends = [(a, b) for a, b in landscape.decides[row] if min(a, b) >= 0]
        rows.append(
            (
                str(row + 1),
                name,
                str(int(points.unstable[row])),
                "0" if points.exact[row] else f"{np.sqrt(points.speed[row]):.1e}",
                f"{np.abs(points.eigenvalues[row, 0]):.4f}",
                f"{points.half_lives[row, 0]:.3g}",
                ", ".join(f"{names[a]} | {names[b]}" for a, b in ends),
            )
        )
    return ("n", "answer", "unstable", "speed", "|lambda|", "steps to half or double", "parts"), rows


def _answer(landscape: Landscape, row: int) -> str:
    answers = landscape.said[row]
    if landscape.wanted is not None:
        return signs(answers)
    if landscape.model.vocabulary is not None:
        return landscape.model.vocabulary[int(answers.argmax())]
    return f"{answers[0]:.3f}"


VERB = Verb(
    run_dynamics,
    "the fixed points of a network, and what each of them parts",
    (
        *experiment_options(MODEL_GROUPS),
        field_option("scene"),
        field_option("held"),
        OUT_ARRAYS,
        JSON,
    ),
)
