"""`python -m explorer gradients`: how the loss depends on every state before it."""

import argparse
import json
from dataclasses import replace

import numpy as np

from explorer.commands.options import (
    ARRAYS,
    JSON,
    MODEL_GROUPS,
    OUT_ARRAYS,
    SPOKEN,
    UsageError,
    Verb,
    checked_path,
    experiment_from,
    experiment_options,
    field_option,
)
from explorer.commands.output import (
    fitted,
    layer_named,
    note_problems,
    say_written,
    shown_token,
    write_arrays,
)
from explorer.commands.own import LAYER, OWN, learned_of
from explorer.commands.terminal import table_lines
from explorer.experiment import Experiment
from explorer.gradients.bptt import GradientFlow, LayerFlow, bptt
from explorer.gradients.sizes import decay
from explorer.lab.flow import chosen_rows, direct_gradients
from explorer.lab.layers import place
from explorer.lab.learned import Learned, inputs, text_of
from explorer.lab.walk import WholeRun, run_whole
from explorer.limits import MAX_GRADIENT_STEPS
from explorer.text import plain, tokenise


def run_gradients(chosen: argparse.Namespace) -> int:
    """Walks back over a whole text and prints or writes the gradient of its loss by source step."""
    out = None if chosen.out is None else checked_path(chosen.out, ARRAYS)
    if chosen.file is None:
        _refuse_losses(experiment_from(chosen))
    experiment, learned = learned_of(chosen)
    run = run_whole(experiment, learned)
    _refuse_length(run)
    gradient = whole_gradient(experiment, learned, run)
    if out is not None:
        arrays = gradient_arrays(run, gradient)
        write_arrays(out, arrays)
        say_written(out, arrays, chosen.json)
    elif chosen.json:
        print(json.dumps(plain(gradient_arrays(run, gradient)), allow_nan=False))
    else:
        print(_gradient_headline(run, learned, gradient))
        print(*table_lines(*_gradient_table(run, gradient), words=("token",)), sep="\n")
    note_problems(run)
    return 0


def whole_gradient(experiment: Experiment, learned: Learned, run: WholeRun) -> GradientFlow:
    """Returns the gradient of the chosen losses, with the loss by step.

    Cross-entropy of the next token; of a marked sequence the squared error of the last output; without a
    readout half the square of the output. Of several layers that of the chosen one, in the order it reads.
    """
    model = learned.at(experiment.moment)
    given = inputs(experiment, model, learned.sample)
    whole = run.whole if given.classes is None else replace(run.whole, targets=given.classes)
    at = place(experiment, model)
    turn = slice(None, None, -1 if whole.layers[at].reverse else 1)
    dL_dh, loss = direct_gradients(whole, given.target)
    rows = chosen_rows(experiment, loss[turn])
    flow = bptt(whole, np.where(rows[turn, None], dL_dh, 0.0)).layers[at].along()
    return GradientFlow((flow,), np.where(rows, loss[turn], np.nan))


def gradient_arrays(run: WholeRun, gradient: GradientFlow) -> dict[str, np.ndarray]:
    """Returns the gradient of a one-layer run as flat arrays by name.

    cell, status (), tokens and known (T,); loss (T,), NaN where there is none; norm (T, T+1): row t-1,
    column k is ||dL_t/dh_k||; total (T+1, H); norm_c, total_c and so on of the cell's other states;
    weight_ih_norm and weight_hh_norm (T,): what each step adds to the gradient of the weights that are there.
    """
    flow = gradient.layers[0]
    others = {f"norm_{s}": norm for s, norm in flow.norms.items() if s != "h"}
    others |= {f"total_{s}": total for s, total in flow.totals.items() if s != "h"}
    return {
        "cell": np.array(run.trace.cell),
        "status": np.array(gradient.status),
        "tokens": np.array(run.originals),
        "known": np.array([token.known for token in run.tokens]),
        "loss": gradient.loss if gradient.loss is not None else np.full(run.trace.steps, np.nan),
        "norm": flow.norm,
        "total": flow.total,
        **others,
        **{f"{name}_norm": norms for name, norms in flow.weight_norms().items()},
    }


def _refuse_losses(experiment: Experiment) -> None:
    if experiment.weights == "marked":
        if experiment.loss == "each_step":
            raise UsageError(
                "--loss each_step has no place beside --weights marked: one sum, at the last step."
            )
        return
    if len(tokenise(text_of(experiment), experiment.token_level)) < 2:
        raise UsageError("the text has one step: no next token to predict, so no loss and no gradient.")


def _refuse_length(run: WholeRun) -> None:
    steps = run.trace.steps
    if steps > MAX_GRADIENT_STEPS:
        raise UsageError(
            f"the text has {steps} steps: gradients are worked out for {MAX_GRADIENT_STEPS} at most."
        )


def _gradient_headline(run: WholeRun, learned: Learned, gradient: GradientFlow) -> str:
    layer, flow = run.trace.layers[0], gradient.layers[0]
    losses = [] if gradient.loss is None else gradient.loss[np.isfinite(gradient.loss)]
    counted = "loss" if len(losses) == 1 else f"{len(losses)} losses, sum"
    factors = {s: decay(norms).factor for s, norms in _at_work(flow).items()}
    shown = ", ".join(f"{s} {'-' if factor is None else f'{factor:.3f}'}" for s, factor in factors.items())
    parts = [
        f"{layer_named(layer, learned)}{layer.cell}, {layer.hidden_size} units",
        fitted(learned.fit),
        f"{counted} {sum(losses):.3g}",
        f"factor per step back: {shown}",
        gradient.status if gradient.first_bad is None else f"{gradient.status} at step {gradient.first_bad}",
    ]
    return "; ".join(parts)


def _at_work(flow: LayerFlow) -> dict[str, np.ndarray]:
    """Returns ||dL/ds_k|| (T+1,) by state, but for those that no output depends on."""
    return {s: norms for s, norms in flow.total_norms.items() if s not in flow.layer.spec.idle}


def _gradient_table(run: WholeRun, gradient: GradientFlow) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Returns the head and a row per source step k, from the initial state on."""
    flow = gradient.layers[0]
    columns = _at_work(flow)
    tokens = ("", *map(shown_token, run.tokens))
    rows = [
        (str(k), token, *(f"{norms[k]:.3e}" for norms in columns.values())) for k, token in enumerate(tokens)
    ]
    return ("k", "token", *(f"||dL/d{s}_k||" for s in columns)), rows


VERB = Verb(
    run_gradients,
    "how the loss depends on every state before it",
    (*OWN, *LAYER, *experiment_options(MODEL_GROUPS), field_option("loss"), OUT_ARRAYS, SPOKEN, JSON),
)
