"""Every cell on random sequences: its trace, its equations and its gradients, against references."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from explorer.cells import CELLS, CellSpec, LayerWeights
from explorer.cells.equations import evaluate
from explorer.checks.common import TOLERANCE, Case, apart, cases_of, largest
from explorer.gradients.bptt import bptt, lengths
from explorer.nn.references import reference_gradients, reference_name, reference_states
from explorer.nn.tracing import LayerTrace, run_layer

CASES = 50


@dataclass(frozen=True)
class CellCheck:
    """Largest absolute differences of one cell over all cases, steps and units; NaN fails.

    at_once, stepwise: the two ways a trace is computed, against the reference; at_once is None where
    the cell has no such way. fused: the trace against PyTorch's fused module, None where there is
    none. equations: the displayed equations against the trace, by notation. gradients: those in closed
    form against autograd through the reference.
    """

    cell: str
    reference: str
    cases: int
    at_once: float | None
    stepwise: float
    fused: float | None
    equations: Mapping[str, float]
    gradients: float

    @property
    def differences(self) -> tuple[float, ...]:
        """Returns every difference that was measured."""
        found = (self.at_once, self.stepwise, self.fused, *self.equations.values(), self.gradients)
        return tuple(value for value in found if value is not None)

    @property
    def ok(self) -> bool:
        return all(value <= TOLERANCE for value in self.differences)


def check_cells(cases: int = CASES, seed: int = 0) -> tuple[CellCheck, ...]:
    """Checks every cell of the registry on random cases in float64. Raises ValueError under one case."""
    if cases < 1:
        raise ValueError(f"a check needs at least one case, not {cases}")
    return tuple(check_cell(cell, cases, np.random.default_rng(seed)) for cell in CELLS)


@np.errstate(over="ignore", invalid="ignore")  # a broken cell may explode
def check_cell(cell: str, cases: int, generator: np.random.Generator) -> CellCheck:
    """Checks one cell on random cases drawn from a generator."""
    spec = CELLS[cell]
    measured = [_measure(spec, case) for case in cases_of(spec, cases, generator)]
    worst = {name: largest([found[name] for found in measured]) for name in measured[0]}
    return CellCheck(
        cell=cell,
        reference=reference_name(cell),
        cases=cases,
        at_once=worst.get("at_once"),
        stepwise=worst["stepwise"],
        fused=worst.get("fused"),
        equations={name: worst[name] for name in ("pytorch", "lecture") if name in worst},
        gradients=worst["gradients"],
    )


def _measure(spec: CellSpec, case: Case) -> dict[str, float]:
    ways = {"stepwise": run_layer(spec.key, case.weights, case.x, case.state, stepwise=True)}
    if spec.fast is not None:
        ways["at_once"] = run_layer(spec.key, case.weights, case.x, case.state)
    reference = reference_states(ways["stepwise"])
    found = {name: apart(_states(layer), reference) for name, layer in ways.items()}
    if spec.torch_module is not None:
        fused = fused_states(spec, case.weights, case.x, case.state)
        found["fused"] = largest([apart(_states(layer), fused) for layer in ways.values()])
    found["pytorch"] = largest([equations_difference(layer) for layer in ways.values()])
    if spec.lecture is not None:
        read = [layer.in_lecture_notation() for layer in ways.values()]
        found["lecture"] = largest([equations_difference(layer) for layer in read])
    found["gradients"] = gradients_difference(ways["stepwise"], case.direct)
    return found


def gradients_difference(layer: LayerTrace, dL_dh: np.ndarray) -> float:
    """Returns the largest |closed form - autograd|: the triangle, the totals, the weights and x.

    The layer must run along time.
    """
    flow, reference = bptt(layer, dL_dh).layers[0], reference_gradients(layer, dL_dh)
    ours = {"x": flow.x, **flow.weight_gradient()}
    theirs = {"x": reference.x} | {k: a for k, a in reference.weights.items() if k in ours}
    there = np.tri(layer.steps, layer.steps + 1, 1, dtype=bool)  # the loss at t depends on h_k, k <= t
    for name, rows in reference.states.items():
        ours |= {f"{name} by loss": flow.norms[name][there], name: flow.totals[name]}
        theirs |= {f"{name} by loss": lengths(rows[there]), name: rows.sum(0)}
    return apart(ours, theirs)


def fused_states(
    spec: CellSpec, weights: LayerWeights, x: np.ndarray, state: tuple[np.ndarray, ...]
) -> dict[str, np.ndarray]:
    """Returns the states after each step, (T, H) each, by PyTorch's fused module.

    The module gives c after the last step only, so it runs once more for each beginning of x.
    Raises ValueError for a cell that PyTorch does not have.
    """
    if spec.torch_module is None:
        raise ValueError(f"PyTorch has no {spec.key}")
    table = {f"{name}_l0": torch.tensor(value) for name, value in weights.arrays().items()}
    sizes, has_bias = (weights.input_size, weights.hidden_size), weights.b_ih is not None
    options = {"bias": has_bias, "dtype": torch.float64, "device": "meta", **dict(spec.torch_options)}
    module = spec.torch_module(*sizes, **options).to_empty(device="cpu")
    module.load_state_dict(table)
    initial = tuple(torch.tensor(s)[None] for s in state)  # (1, H) each
    given = initial if len(initial) > 1 else initial[0]
    steps = torch.tensor(x)
    with torch.no_grad():
        states = {"h": module(steps, given)[0].numpy()}
        for more in spec.states[1:]:
            ends = range(1, len(x) + 1)
            states[more] = torch.cat([module(steps[:end], given)[1][1] for end in ends]).numpy()
    return states


def equations_difference(layer: LayerTrace) -> float:
    """Returns the largest |equation - trace| over all its quantities, the equations read in order.

    Each value goes on into the equations below it. A quantity of the trace without an equation, or
    an equation that reads what none above it gives, counts as infinitely far.
    """
    values = {"x": layer.x} | {f"{s}_prev": a for s, a in layer.before.items()}
    try:
        for symbol, expression in layer.spec.equations:
            values[symbol] = evaluate(expression, values, layer.weights)  # (T, H)
    except KeyError:
        return float("inf")
    traced = {f"pre_{symbol}": array for symbol, array in layer.pre.items()}
    traced |= {symbol: layer.signal(symbol) for symbol in layer.signals}
    if not traced.keys() <= values.keys():
        return float("inf")
    shape = layer.output.shape
    return apart({name: np.broadcast_to(values[name], shape) for name in traced}, traced)


def _states(layer: LayerTrace) -> dict[str, np.ndarray]:
    return {name: layer.signal(name) for name in layer.spec.states}
