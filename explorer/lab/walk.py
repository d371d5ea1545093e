"""A walk: an experiment carried out. Build or learn the weights, run the text, run it changed."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from explorer.cells import CELLS
from explorer.data.corpora import sentences_of
from explorer.experiment import Experiment, carries
from explorer.lab.cues import cued
from explorer.lab.layers import alone, backward, place
from explorer.lab.learned import Input, Learned, Token, inputs, marked_token, token_of
from explorer.lab.starts import Begun, begun, kinds_for
from explorer.labels import label
from explorer.limits import TOP, WINDOW
from explorer.nn.holding import entries, held
from explorer.nn.interventions import Clamp, Intervention, Transplant, ZeroUnit
from explorer.nn.model import RecurrentModel
from explorer.nn.references import largest_difference, reference_name
from explorer.nn.softmax import softmax
from explorer.nn.tracing import LayerTrace, Trace, trace
from explorer.nn.witness import departure, unasked
from explorer.text import tokenise
from explorer.training.trainer import Fit


@dataclass(frozen=True, eq=False)
class ShownRun:
    """One run on the stage: the window's trace, in PyTorch's notation, and what the readout says.

    top: (T, K) ids and probabilities of the next token; names the labels of the V outputs; following
    (T,) the probability of the token that does follow, or of the answer, NaN where there is none. For
    a number readout, names is empty and value (T,) is the readout. ids (T,): rows of the embedding that the
    inputs are, None without one. readout: its weight (V, H) and bias (V,), where it reads this layer alone.
    """

    trace: Trace
    tokens: tuple[Token, ...]
    names: tuple[str, ...] = ()
    top_ids: np.ndarray | None = None
    top_probabilities: np.ndarray | None = None
    following: np.ndarray | None = None
    value: np.ndarray | None = None
    ids: np.ndarray | None = None
    readout: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def cell(self) -> str:
        return self.trace.cell


@dataclass(frozen=True)
class Outcome:
    """What follows after a transplant of one state, all or nothing: labels and probabilities, best first."""

    carry: str
    labels: tuple[str, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Walk:
    """An experiment carried out.

    mode: `one` run, `changed` (before, after) or `two` cells. total counts the tokens of the whole
    text; target is the true answer where it is a number, asks what it is: see Input. error is the largest
    difference between all that is shown, changes included, and what it is checked against; changed names the
    changes it covers. problems are keys of sentences in the locale, with their values.
    """

    experiment: Experiment
    mode: str
    runs: tuple[ShownRun, ...]
    fits: tuple[Fit | None, ...]
    total: int
    error: float
    reference: str
    changed: tuple[str, ...]
    target: float | None
    outcomes: tuple[Outcome, ...]
    problems: tuple[tuple[str, dict[str, Any]], ...]
    asks: str = "sum"
    titles: tuple[str, ...] = ()
    """What the networks of the runs are called, where two of files or their like stand beside each other."""


def clearest_unit(run: ShownRun) -> tuple[int, int] | None:
    """Returns (step, unit), from 1, where the writing gate opens most at a marked step against the rest.

    None where no token is marked or the cell has no gate of its own to write.
    """
    layer = run.trace.layers[0]
    write = layer.spec.write
    marked = np.array([token.marked for token in run.tokens])
    if write is None or not marked.any():
        return None
    gate = layer.gate[write]
    contrast = gate[marked].mean(0) - gate[~marked].mean(0)
    return int(marked.argmax()) + run.trace.first_step, int(contrast.argmax()) + 1


def walk(
    experiment: Experiment,
    learned: Learned,
    second: Learned | None = None,
    titles: tuple[str, ...] = (),
) -> Walk:
    """Carries out an experiment on learned weights, beside a second cell's where there is one.

    What the experiment clamps is meant in PyTorch's notation: see `Display.meant`.
    """
    model = learned.at(experiment.moment)
    given = inputs(experiment, model, learned.sample)
    problems: list[tuple[str, dict[str, Any]]] = []
    start = _start(experiment, len(given.tokens), problems)
    plain = trace(model, given.x)
    changed_input, changes = _changes(experiment, model, given, problems)
    changed = bool(changes) or changed_input is not given
    errors: list[float] = []
    # What an untrained network foresees is decided by chance.
    has_cues = learned.fit is not None and experiment.token_level == "word"

    def run(by: RecurrentModel, of: Input, what: Sequence[Intervention] = ()) -> ShownRun:
        at = place(experiment, by)
        whole = plain if of is given and not what and by is model else _run(by, of.x, what, at)
        seen = of.turned() if whole.layers[at].reverse else cued(by, of, what, at) if has_cues else of
        shown = shown_run(by, alone(whole, at), seen, start)
        errors.append(_departure(shown, experiment, by, what, of is not given))
        return shown

    before = [] if second is not None and changed else [run(model, given)]
    after = [run(model, changed_input, changes)] if changed else []
    beside = [_second_run(experiment, second, run)] if second is not None else []
    mode = "two" if beside else "changed" if changed else "one"
    if given.is_text and not any(token.known for token in given.tokens):
        problems.append(("all_unknown_own" if experiment.own else "all_unknown", {}))
    return Walk(
        experiment=experiment,
        mode=mode,
        runs=(*before, *after, *beside),
        fits=(learned.fit, *([second.fit] if second else [])),
        total=len(given.tokens),
        error=max(errors),
        reference=reference_name(experiment.cell),
        changed=_names(changes, changed_input is not given),
        target=given.target,
        asks=given.asks,
        titles=titles,
        outcomes=_outcomes(experiment, model, given, plain),
        problems=tuple(problems),
    )


def _run(model: RecurrentModel, x: Any, changes: Sequence[Intervention], at: int) -> Trace:
    """Returns a model's run, changed in the layer that is shown: those above it read what it then gives.

    Where it starts otherwise, every layer does.
    """
    every = next((change.every for change in changes if isinstance(change, Begun)), None)
    return trace(model, x, every, changes=changes, at=at)


@dataclass(frozen=True, eq=False)
class WholeRun:
    """One run over the whole text, changed as the experiment says, in PyTorch's notation.

    Of a network of several layers, trace has the chosen one alone; whole has all of them.
    originals (T,) are the tokens as the model got them, uncut: `text.join` puts them together again.
    """

    trace: Trace
    tokens: tuple[Token, ...]
    originals: tuple[str, ...]
    problems: tuple[tuple[str, dict[str, Any]], ...]
    whole: Trace


def run_whole(experiment: Experiment, learned: Learned) -> WholeRun:
    """Runs the experiment's whole text, not only the stage's window, on learned weights."""
    problems: list[tuple[str, dict[str, Any]]] = []
    model = learned.at(experiment.moment)
    given = inputs(experiment, model, learned.sample)
    given, changes = _changes(experiment, model, given, problems)
    at = place(experiment, model)
    whole = _run(model, given.x, changes, at)
    seen = given.turned() if whole.layers[at].reverse else given
    shown = tuple(token.original for token in seen.tokens)
    originals = tuple(seen.x) if seen.is_text else shown
    return WholeRun(alone(whole, at), seen.tokens, originals, tuple(problems), whole)


def _second_run(experiment: Experiment, second: Learned, run: Callable[..., ShownRun]) -> ShownRun:
    """The same text, and the same change where the second cell has what is changed."""
    model = second.at(experiment.moment)
    given = inputs(experiment, model, second.sample)
    other = replace(experiment, cell=model.cell)
    return run(model, *_changes(other, model, given, []))


def _departure(
    shown: ShownRun,
    experiment: Experiment,
    model: RecurrentModel,
    changes: Sequence[Intervention],
    swapped: bool,
) -> float:
    """Returns how far a shown run is from its witness, and from what the experiment asks for.

    Where nothing is changed, it is also held against PyTorch's own cell or the papers' equations.
    """
    layer, first = shown.trace.layers[0], shown.trace.first_step
    found = [departure(layer, changes, first), *_unasked(shown, experiment, changes)]
    if (
        swapped
        and model.embedding is not None
        and layer.layer == 0
        and 0 <= (at := experiment.swap - first) < layer.steps
    ):
        asked = model.encode(tokenise(experiment.swap_with, experiment.token_level)[:1])
        row = model.embedding(torch.tensor(asked)).detach().numpy()[0]
        found.append(float(np.abs(layer.x[at] - row).max()))
    if not changes:
        found.append(largest_difference(layer))
    return max(found)


def _unasked(shown: ShownRun, experiment: Experiment, changes: Sequence[Intervention]) -> Iterator[float]:
    """Yields how far held values are from the number that was asked for."""
    layer, first = shown.trace.layers[0], shown.trace.first_step
    if any(isinstance(change, ZeroUnit) for change in changes):
        zero = Clamp("h", 0.0, experiment.zero - 1, experiment.zero_from, experiment.zero_to or None)
        yield unasked(layer, [zero], first)
    if any(isinstance(change, Clamp) for change in changes):
        yield unasked(layer, _asked(experiment, layer), first)


def _asked(experiment: Experiment, layer: LayerTrace) -> list[Clamp]:
    """Returns what the experiment asks to hold in a layer, read once more: the last asked for wins."""
    first = _first_clamp(experiment, layer.hidden_size)
    found = [first]
    for entry in entries(experiment.holds):
        with suppress(ValueError):
            found += held(entry, first, layer.hidden_size)
    return [clamp for clamp in found if clamp.symbol in layer.spec.roles]


def _names(changes: Sequence[Intervention], swapped: bool) -> tuple[str, ...]:
    """Returns what is changed, as keys of the locale, each once."""
    kinds = {Clamp: "clamp", ZeroUnit: "zero", Transplant: "transplant"}
    names = ["begin" if isinstance(c, Begun) else kinds[type(c)] for c in changes]
    if names.count("clamp") > 1:
        names = ["clamps", *(name for name in names if name != "clamp")]
    return (*names, *(("swap",) if swapped else ()))


def _start(experiment: Experiment, total: int, problems: list) -> int:
    if total <= WINDOW:
        return 1
    start = min(experiment.start, total - WINDOW + 1)
    problems.append(("window", {"first": start, "last": start + WINDOW - 1, "total": total}))
    return start


def _changes(
    experiment: Experiment,
    model: RecurrentModel,
    given: Input,
    problems: list,
) -> tuple[Input, list[Intervention]]:
    units = _units(experiment, model)
    changes: list[Intervention] = [*_clamps(experiment, units, problems)]
    if 0 < experiment.zero <= units:
        changes.append(ZeroUnit(experiment.zero - 1, experiment.zero_from, experiment.zero_to or None))
    if begun := _begun(experiment, model, given, problems):
        changes.append(begun)
    transplant = _transplant(experiment, model, given, problems)
    if transplant:
        changes.append(transplant)
    if experiment.swap and experiment.swap_with and experiment.swap <= len(given.tokens):
        given = _swapped(experiment, model, given, problems)
    return given, changes


def _begun(experiment: Experiment, model: RecurrentModel, given: Input, problems: list) -> Begun | None:
    """Other states before the first step than those that the network starts from."""
    if experiment.begin == "zero" or (
        experiment.begin == "cleared" and getattr(model, "start", None) is None
    ):
        return None
    if experiment.begin not in kinds_for(model):
        problems.append(("one_layer_start", {}))
        return None
    return begun(experiment.begin, experiment, model, given)


def _units(experiment: Experiment, model: RecurrentModel) -> int:
    """The units of the layer that is shown."""
    levels = model.layer_weights()
    return levels[min(experiment.level, len(levels)) - 1][0].hidden_size


def _clamps(experiment: Experiment, units: int, problems: list) -> list[Clamp]:
    """What is held: the first gate, then what is held beside it, each where the cell has it."""
    if not experiment.clamp:
        return []
    spec, first = CELLS[experiment.cell], _first_clamp(experiment, units)
    if first.end is not None and first.end < first.start:
        problems.append(("held_never", {"first": first.start, "last": first.end}))
        return []
    found = [first] if first.symbol in spec.activations else []
    if not found:
        problems.append(("no_such_gate", {"gate": experiment.clamp, "cell": experiment.cell}))
    for entry in entries(experiment.holds):
        try:
            more = held(entry, first, units)
        except ValueError:
            problems.append(("bad_hold", {"raw": entry}))
            continue
        if more[0].symbol in spec.roles:
            found += more
        else:
            problems.append(("no_such_gate", {"gate": more[0].symbol, "cell": experiment.cell}))
    return found


def _first_clamp(experiment: Experiment, units: int) -> Clamp:
    unit = experiment.clamp_unit - 1 if 0 < experiment.clamp_unit <= units else None
    value, end = experiment.clamp_value, experiment.clamp_to or None
    return Clamp(experiment.clamp, value, unit, experiment.clamp_from, end)


def _swapped(experiment: Experiment, model: RecurrentModel, given: Input, problems: list) -> Input:
    at = len(given.tokens) - experiment.swap if backward(experiment, model) else experiment.swap - 1
    if given.is_text:
        new = tokenise(experiment.swap_with, experiment.token_level)[0]
        x: Any = (*given.x[:at], new, *given.x[at + 1 :])
        token = token_of(new, model)
    elif given.target is None or given.asks != "sum":
        problems.append(("no_swap", {}))
        return given
    else:
        try:
            value = float(experiment.swap_with)
        except ValueError:
            value = float("nan")
        if not 0.0 <= value <= 1.0:
            problems.append(("not_a_number", {"raw": experiment.swap_with}))
            return given
        x = given.x.copy()
        x[at, 0] = value
        token = marked_token(value, x[at, 1])
    return replace(given, x=x, tokens=(*given.tokens[:at], token, *given.tokens[at + 1 :]))


def _donor_trace(experiment: Experiment, model: RecurrentModel) -> Trace:
    donor = experiment.donor or sentences_of(experiment.weights)[1]
    run = trace(model, tokenise(donor, experiment.token_level))
    return alone(run, place(experiment, model))


def _transplant(
    experiment: Experiment, model: RecurrentModel, given: Input, problems: list
) -> Transplant | None:
    if not experiment.carry or not given.is_text:
        return None
    donor = _donor_trace(experiment, model)
    if experiment.donor_step > donor.steps or experiment.into > len(given.tokens):
        problems.append(("no_such_step", {"donor": donor.steps, "text": len(given.tokens)}))
        return None
    return _carried(experiment.carry, donor, experiment)


def _carried(carry: str, donor: Trace, experiment: Experiment) -> Transplant:
    row = min(experiment.donor_step, donor.steps)
    return Transplant(experiment.into, {s: a[row].tolist() for s, a in donor.states.items() if s in carry})


def _outcomes(
    experiment: Experiment, model: RecurrentModel, given: Input, plain: Trace
) -> tuple[Outcome, ...]:
    """What comes next one step after the transplant, for each choice of what is carried."""
    at = experiment.into  # row of the step after the transplanted state
    if not experiment.carry or not given.is_text or at >= plain.steps:
        return ()
    donor = _donor_trace(experiment, model)
    if experiment.donor_step > donor.steps or not model.readout.out_features:
        return ()
    outcomes, shown = [], place(experiment, model)
    for carry in carries(CELLS[plain.cell]):
        run = _run(model, given.x, [_carried(carry, donor, experiment)], shown) if carry else plain
        probabilities = softmax(_logits(alone(run, shown))[at])
        best = probabilities.argsort()[::-1][:TOP]
        names = tuple(label((model.vocabulary or ())[k]) for k in best)
        outcomes.append(Outcome(carry, names, tuple(probabilities[best].tolist())))
    return tuple(outcomes)


def _logits(of: Trace) -> np.ndarray:
    assert of.logits is not None, "a RecurrentModel has a readout"
    return of.logits


def shown_run(model: RecurrentModel, whole: Trace, given: Input, start: int) -> ShownRun:
    """Returns the window of a whole run from a step on, with what the readout says."""
    part = whole.window(start, WINDOW)
    tokens = given.tokens[start - 1 : start - 1 + WINDOW]
    ids, readout = None, None
    if part.readout is not None:
        readout = part.readout.copy(), model.readout.bias.detach().numpy().copy()
    if model.embedding is not None and part.layers[0].layer == 0:
        ids = np.array(model.encode(given.x[start - 1 : start - 1 + WINDOW]))
    if not model.readout.out_features:
        return ShownRun(part, tokens, ids=ids)
    if given.target is not None:
        return ShownRun(part, tokens, value=_logits(part)[:, 0], ids=ids, readout=readout)
    probabilities = softmax(_logits(part))
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :TOP]
    if given.classes is None:
        following = _following(model, probabilities, given, start)
        if len(model.layer_weights()[0]) > 1:  # both ways: what is to come was read
            following[:] = np.nan
    else:
        asked = given.classes[start - 1 : start - 1 + WINDOW]
        following = np.where(asked >= 0, probabilities[np.arange(len(asked)), asked], np.nan)
    return ShownRun(
        part,
        tokens,
        names=given.answers or tuple(map(label, model.vocabulary or ())),
        top_ids=best,
        top_probabilities=np.take_along_axis(probabilities, best, 1),
        following=following,
        ids=ids,
        readout=readout,
    )


def _following(model: RecurrentModel, probabilities: np.ndarray, given: Input, start: int) -> np.ndarray:
    following = np.full(len(probabilities), np.nan)
    coming: Sequence[str] = given.x[start : start + len(probabilities)]
    for row, token in enumerate(coming):
        if token in model.ids:
            following[row] = probabilities[row, model.ids[token]]
    return following
