"""`python -m explorer trace`: every gate and state of a text, step by step."""

import argparse
import json
from pathlib import Path

import numpy as np

from explorer.commands.options import (
    JSON,
    LANG,
    OUT,
    PAGE,
    UsageError,
    Verb,
    check_steps,
    checked_path,
    experiment_options,
    language,
)
from explorer.commands.output import (
    fitted,
    layer_named,
    note_problems,
    say_written,
    shown_token,
    write_arrays,
    written,
)
from explorer.commands.own import LAYER, OWN, learned_of
from explorer.commands.terminal import table_lines
from explorer.experiment import Display, Experiment
from explorer.lab.learned import Learned
from explorer.lab.walk import Walk, WholeRun, run_whole, walk
from explorer.nn.tracing import LayerTrace
from explorer.text import plain


def run_trace(chosen: argparse.Namespace) -> int:
    """Traces a whole text and prints or writes every pre-activation, gate, candidate and state.

    An .html file holds the stage instead, over the window of the text that the page shows.
    """
    lang = language(chosen.lang)
    out = None if chosen.out is None else checked_path(chosen.out)
    experiment, learned = learned_of(chosen)
    display = experiment.display(lang)
    experiment = display.meant(experiment)
    run = run_whole(experiment, learned)
    layer = run.trace.layers[0].in_notation(display.notation)
    _refuse_problems(experiment, run)
    if out is not None and out.suffix.lower() == PAGE:
        shown = walk(experiment, learned)
        _write_page(out, shown, display)
        _say_page(out, shown, chosen.json)
    elif out is not None:
        arrays = trace_arrays(run, layer)
        write_arrays(out, arrays)
        say_written(out, arrays, chosen.json)
    elif chosen.json:
        print(json.dumps(plain(trace_arrays(run, layer)), allow_nan=False))
    else:
        print(_headline(layer, learned))
        print(*table_lines(*_trace_table(run, layer), words=("token",)), sep="\n")
    note_problems(run)
    return 0


def trace_arrays(run: WholeRun, layer: LayerTrace) -> dict[str, np.ndarray]:
    """Returns a run as flat arrays by name; layer is the one that is shown, in the notation to write.

    cell and notation (); tokens (T,) as the model got them; known (T,) whether it knows them;
    x (T, D); h, c, ... (T+1, H) with the initial state in row 0; pre_* and gate_* (T, H); the weights
    by their state_dict names. Of several layers all others as `all.h_l1`, in PyTorch's notation.
    """
    return {
        "cell": np.array(layer.cell),
        "notation": np.array(layer.notation),
        "tokens": np.array(run.originals),
        "known": np.array([token.known for token in run.tokens]),
        "x": layer.x,
        **layer.states,
        **{f"pre_{symbol}": array for symbol, array in layer.pre.items()},
        **{f"gate_{symbol}": array for symbol, array in layer.gate.items()},
        **{f"{name}_l0": array for name, array in layer.weights.arrays().items()},
        **({} if len(run.whole.layers) == 1 else _every_layer(run)),
    }


def _every_layer(run: WholeRun) -> dict[str, np.ndarray]:
    """The arrays of all layers and directions along the text, ended as PyTorch ends weights."""
    named = run.whole.to_numpy().items()
    return {f"all.{name}": array for name, array in named}


def _write_page(path: Path, shown: Walk, display: Display) -> None:
    from explorer.stage import export, payload  # Plotly takes a while to load

    page = export.html(payload.build(shown, display), export.title_of(shown, display.lang))
    with written(path):
        path.write_text(page, encoding="utf-8")


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
    "no_such_gate": "{gate!r} cannot be held: the cell {cell} has no such gate.",
    "held_never": "--clamp-to {last} is before --clamp-from {first}: nothing would be held.",
    "bad_hold": "--holds takes entries like i=0;o=1 unit=3 from=2 to=8 that fit the layer, not {raw!r}.",
    "one_layer_start": "--begin learned is for a network of one layer that learned here.",
    "not_a_number": "--swap-with takes a number from 0 to 1 in a marked sequence, not {raw!r}.",
}


def _headline(layer: LayerTrace, learned: Learned) -> str:
    bad = layer.first_bad_step
    which = layer_named(layer, learned)
    parts = [f"{which}{layer.cell}, {layer.hidden_size} units", f"{layer.notation} notation"]
    parts.append(fitted(learned.fit))
    return "; ".join(parts + ([f"the state explodes at step {bad}"] if bad else []))


def _trace_table(run: WholeRun, layer: LayerTrace) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Returns the head and a row per step: the norms of the states and the mean of each gate."""
    states, gates = layer.spec.states, layer.spec.gates
    with np.errstate(over="ignore", invalid="ignore"):
        columns = [np.linalg.norm(layer.signal(s), axis=-1) for s in states]
    columns += [layer.gate[s].mean(-1) for s in gates]
    head = ("step", "token", *(f"||{s}||" for s in states), *(f"mean {s}" for s in gates))
    rows = [
        (str(step), shown_token(token), *(_number(column[step - 1]) for column in columns))
        for step, token in enumerate(run.tokens, start=1)
    ]
    return head, rows


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 1e5 else f"{value:.2e}"


VERB = Verb(
    run_trace,
    "every gate and state of a text, step by step",
    (*OWN, *LAYER, *experiment_options(), OUT, LANG, JSON),
)
