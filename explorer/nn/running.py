"""Layers run over a sequence: all steps at once where the cell can, else one after another."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from explorer.cells import CELLS, CellSpec, LayerWeights, NumpyOps
from explorer.nn.interventions import Intervention, touch_at, transplanted, untouched
from explorer.nn.reading import Stack, as_array, check_numbers
from explorer.nn.records import LayerTrace, Trace

Arrays = dict[str, np.ndarray]


def run_stack(
    stack: Stack,
    x: np.ndarray,
    state: Any = None,
    changes: Sequence[Intervention] = (),
    lengths: np.ndarray | None = None,
    at: int | None = None,
) -> tuple[LayerTrace, ...]:
    """Returns a LayerTrace for each layer and direction over x (T, D) or (T, B, D).

    state: as PyTorch takes it, or None for the stack's own start, or by name for each layer that is returned,
    before its projection; lengths (B,): steps of each sequence of a padded batch.
    changes are made in all layers, or in the one at a place among those that are returned; those above it
    read what it then gives.
    """
    if x.shape[0] == 0:
        raise ValueError("the sequence is empty: there is no step to trace")
    states = _initial(stack, x, state)
    layers: list[LayerTrace] = []
    for level, directions in enumerate(stack.levels):
        runs = []
        for way, w in enumerate(directions):
            own = changes if at in (None, len(layers) + way) else ()
            run = _run(stack.cell, w, x, next(states), own, level, bool(way), lengths)
            projection = stack.projection(level, way)
            runs.append(run if projection is None else replace(run, projection=projection))
        layers += runs
        x = runs[0].output if len(runs) == 1 else np.concatenate([r.output for r in runs], -1)
    return tuple(layers)


def _run(
    cell: str,
    w: LayerWeights,
    x: np.ndarray,
    state: tuple[np.ndarray, ...],
    changes: Sequence[Intervention],
    level: int,
    reverse: bool,
    lengths: np.ndarray | None,
) -> LayerTrace:
    if lengths is None:
        return run_layer(cell, w, x, state, changes, layer=level, reverse=reverse)
    return _run_padded(cell, w, x, state, level, reverse, lengths)


def _initial(stack: Stack, x: np.ndarray, state: Any) -> Iterator[tuple[np.ndarray, ...]]:
    """Yields the initial states of each layer and direction, each (..., H)."""
    spec, count = CELLS[stack.cell], sum(map(len, stack.levels))
    state = stack.start if state is None else state
    if state is None:
        for w in (w for level in stack.levels for w in level):
            yield tuple(np.zeros((*x.shape[1:-1], w.hidden_size), x.dtype) for _ in spec.states)
        return
    if isinstance(state, Mapping):
        for k in range(count):
            each = (np.asarray(state[s][k], x.dtype) for s in spec.states)
            yield tuple(np.broadcast_to(one, (*x.shape[1:-1], one.shape[-1])) for one in each)
        return
    shapes = dict.fromkeys(spec.states, (count, *x.shape[1:-1], stack.levels[0][0].hidden_size))
    if stack.projections:
        shapes["h"] = (*shapes["h"][:-1], len(stack.projections[0][0]))
    given = [state] if len(spec.states) == 1 else list(state)
    if len(given) != len(spec.states):
        raise ValueError(f"{spec.key} has the states {spec.states}; got {len(given)}")
    for s, value in zip(spec.states, given, strict=True):
        check_numbers(f"the initial state {s}", value)
    arrays = [as_array(s).astype(x.dtype, copy=False) for s in given]
    for array, shape in zip(arrays, shapes.values(), strict=True):
        if array.shape != shape:
            raise ValueError(f"the initial state has shape {array.shape}, expected {shape}")
    if stack.projections:
        arrays[0] = _before_projection(stack, arrays[0])
    for k in range(count):
        yield tuple(array[k] for array in arrays)


def _before_projection(stack: Stack, h: np.ndarray) -> np.ndarray:
    """Returns states (L, ..., H) that the projections make h (L, ..., P) of."""
    flat = [p for level in stack.projections for p in level]
    found = [(row @ np.linalg.pinv(p.astype(np.float64)).T) for row, p in zip(h, flat, strict=True)]
    for row, m, p in zip(h, found, flat, strict=True):
        if not np.allclose(m @ p.T, row, rtol=1e-5, atol=1e-6):
            raise ValueError("this initial state is none that the layer's projection (proj_size) can give")
    return np.stack(found).astype(h.dtype)


def rerun(run: Trace, changes: Sequence[Intervention], at: int) -> Trace:
    """Returns a run made again with changes in the layer at a place; those above read what it then gives.

    On the weights, the input and the initial states that the run holds; without what a readout says of it.
    Raises ValueError for a padded batch.
    """
    if any(layer.lengths is not None for layer in run.layers):
        raise ValueError("a change takes the trace of one sequence, not of a padded batch: see `sequence`")
    layers: list[LayerTrace] = []
    x = run.x
    for old in run.layers:
        if layers and layers[-1].layer < old.layer:
            x = Trace(tuple(layers)).output
        own = changes if len(layers) == at else ()
        again = run_layer(old.cell, old.weights, x, old.initial, own, layer=old.layer, reverse=old.reverse)
        layers.append(again if old.projection is None else replace(again, projection=old.projection))
    return Trace(tuple(layers), tokens=run.tokens, first_step=run.first_step)


def run_layer(
    cell: str,
    weights: LayerWeights,
    x: np.ndarray,
    state: tuple[np.ndarray, ...],
    changes: Sequence[Intervention] = (),
    *,
    layer: int = 0,
    reverse: bool = False,
    stepwise: bool = False,
) -> LayerTrace:
    """Runs one layer over x (T, ..., D) from a state; all at once where the cell can, else by step."""
    ordered = x[::-1] if reverse else x
    states, pre, gate = _arrays(CELLS[cell], weights, ordered, state, changes, stepwise)
    if reverse:
        states, pre, gate = ({s: a[::-1] for s, a in table.items()} for table in (states, pre, gate))
    return LayerTrace(cell, x, states, pre, gate, weights, layer, reverse, changed=bool(changes))


def _arrays(
    spec: CellSpec,
    weights: LayerWeights,
    x: np.ndarray,
    state: tuple[np.ndarray, ...],
    changes: Sequence[Intervention] = (),
    stepwise: bool = False,
) -> tuple[Arrays, Arrays, Arrays]:
    """Returns (states over T+1, pre-activations, gates over T) in the order of the steps."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # an explosion is a result
        if not spec.fast or changes or stepwise:
            return _by_step(spec, weights, x, state, changes)
        pre, gate, after = spec.fast(weights, x, state)
        rows = [np.concatenate([s[None], a]) for s, a in zip(state, after, strict=True)]
        return dict(zip(spec.states, rows, strict=True)), pre, gate


def _run_padded(
    cell: str,
    weights: LayerWeights,
    x: np.ndarray,
    state: tuple[np.ndarray, ...],
    layer: int,
    reverse: bool,
    lengths: np.ndarray,
) -> LayerTrace:
    """Runs sequences of different lengths as PyTorch runs a packed batch: each from its own end to end.

    A reverse layer starts at each sequence's last step; what is past an end is what LayerTrace.lengths says.
    """
    T = len(x)
    steps = np.arange(T)[:, None]  # (T, 1) against lengths (B,)
    past = steps >= lengths
    turned = np.where(past, steps, lengths - 1 - steps) if reverse else np.broadcast_to(steps, past.shape)
    ordered = np.take_along_axis(x, turned[..., None], 0)
    ordered[past] = 0.0
    states, pre, gate = _arrays(CELLS[cell], weights, ordered, state)
    rows = np.minimum(np.arange(T + 1)[:, None], lengths)  # (T+1, B): the state stays at its end
    rows = lengths - rows if reverse else rows
    states = {s: np.take_along_axis(a, rows[..., None], 0) for s, a in states.items()}
    pre, gate = ({s: _cut(a, turned, past) for s, a in table.items()} for table in (pre, gate))
    return LayerTrace(cell, x, states, pre, gate, weights, layer, reverse, lengths=lengths)


def _cut(array: np.ndarray, turned: np.ndarray, past: np.ndarray) -> np.ndarray:
    found = np.take_along_axis(array, turned[..., None], 0)
    found[past] = np.nan
    return found


def _by_step(
    spec: CellSpec,
    weights: LayerWeights,
    x: np.ndarray,
    state: tuple[np.ndarray, ...],
    changes: Sequence[Intervention],
) -> tuple[Arrays, Arrays, Arrays]:
    projected = weights.project(x)
    named = transplanted(0, dict(zip(spec.states, state, strict=True)), changes)
    rows: list[Arrays] = [named]
    pres, acts = [], []
    for step in range(1, x.shape[0] + 1):
        a = {s: p[step - 1] for s, p in projected.items()}
        touch = touch_at(step, changes, spec.states) if changes else untouched
        pre, act, after = spec.step(NumpyOps, a, tuple(named.values()), weights, touch)
        named = transplanted(step, dict(zip(spec.states, after, strict=True)), changes)
        pres.append(pre)
        acts.append(act)
        rows.append(named)
    return _stacked(rows), _stacked(pres), _stacked(acts)


def _stacked(steps: list[Arrays]) -> Arrays:
    return {symbol: np.stack([step[symbol] for step in steps]) for symbol in steps[0]}
