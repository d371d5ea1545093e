"""A witness of a run on the stage: its equations read out one at a time, with the same changes.

Nothing here uses the compiled steps, nor the hooks by which a trace is changed: a change that is carried out
wrongly, or not at all, shows as a difference. Whether the equations are right, `references` says.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from explorer.cells.equations import evaluate
from explorer.nn.interventions import Clamp, Intervention, Transplant, ZeroUnit
from explorer.nn.tracing import LayerTrace

Values = dict[str, np.ndarray]


@np.errstate(over="ignore", invalid="ignore")  # an explosion is a result
def departure(layer: LayerTrace, changes: Sequence[Intervention] = (), first_step: int = 1) -> float:
    """Returns the largest |run - witness| over all gates and states of a run that was changed.

    layer: the steps from first_step on, along time, unbatched, in either notation. The witness starts from
    its first state. Where only one of the two is finite it is inf.
    """
    layer = layer.in_notation("pytorch")
    rows = _rows(layer, changes, first_step)
    apart = [_apart(run, np.stack([row[s] for row in rows])) for s, run in layer.states.items()]
    apart += [_apart(run, np.stack([row[s] for row in rows[1:]])) for s, run in layer.gate.items()]
    return max(apart)


def unasked(layer: LayerTrace, clamps: Sequence[Clamp], first_step: int = 1) -> float:
    """Returns how far held values are from the number that was asked for; of several the last counts.

    layer: the steps from first_step on, along time. clamps: of what the layer has.
    """
    asked = {clamp.symbol: np.full((layer.steps, layer.hidden_size), np.nan) for clamp in clamps}
    for clamp in clamps:
        end = None if clamp.end is None else max(0, clamp.end - first_step + 1)
        units = slice(None) if clamp.unit is None else clamp.unit
        asked[clamp.symbol][max(0, clamp.start - first_step) : end, units] = clamp.value
    gaps = [np.abs(layer.signal(s) - values)[~np.isnan(values)] for s, values in asked.items()]
    return float(max((gap.max(initial=0.0) for gap in gaps), default=0.0))


def _rows(layer: LayerTrace, changes: Sequence[Intervention], first_step: int) -> list[Values]:
    """Returns the witness's values: the states before the first step, then gates and states after each."""
    rows = [_planted({s: run[0] for s, run in layer.states.items()}, changes, first_step - 1)]
    for at, x in enumerate(layer.x, first_step):
        values = {"x": x, **{f"{s}_prev": rows[-1][s] for s in layer.spec.states}}
        for symbol, equation in layer.spec.equations:
            value = np.broadcast_to(evaluate(equation, values, layer.weights), (layer.hidden_size,))
            values[symbol] = _held(symbol, value, changes, at, layer.spec.states)
        rows.append(_planted(values, changes, at))
    return rows


def _held(
    symbol: str, value: np.ndarray, changes: Sequence[Intervention], step: int, states: Sequence[str]
) -> np.ndarray:
    """Returns a value as the changes hold it at a step."""
    for change in changes:
        if isinstance(change, Clamp) and change.symbol == symbol and step in _steps(change, step):
            number = change.value
        elif isinstance(change, ZeroUnit) and symbol in states and step in _steps(change, step):
            number = 0.0
        else:
            continue
        value = np.where(change.unit is None or np.arange(len(value)) == change.unit, number, value)
    return value


def _steps(change: Clamp | ZeroUnit, last: int) -> range:
    """The steps at which a change holds, of those up to the last."""
    return range(change.start, (last if change.end is None else change.end) + 1)


def _planted(values: Mapping[str, np.ndarray], changes: Sequence[Intervention], step: int) -> Values:
    """Returns the values with the states that were transplanted after a step."""
    brought = [c.states for c in changes if isinstance(c, Transplant) and c.after == step]
    return dict(values) | {s: np.asarray(v) for states in brought for s, v in states.items() if s in values}


def _apart(run: np.ndarray, witness: np.ndarray) -> float:
    finite = np.isfinite(run)
    if not np.array_equal(finite, np.isfinite(witness)):
        return float("inf")
    return float(np.abs(run[finite] - witness[finite]).max(initial=0.0))
