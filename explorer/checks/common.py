"""What all checks need: random cases, largest differences, and runs in torch that know nothing of ours."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from explorer.cells import CellSpec, LayerWeights, TorchOps
from explorer.nn.references import reference_step
from explorer.nn.tracing import LayerTrace, run_layer

TOLERANCE = 1e-10
"""Largest difference that passes, in float64: rounding over a dozen steps stays near 1e-14."""

ROUGH = 1e-5
"""A factor on differences in float32: what is right to a hundred-thousandth counts as right."""

LONGEST, WIDEST = 12, 8


@dataclass(frozen=True, eq=False)
class Case:
    """Weights, inputs x (T, D), initial states (H,) and direct gradients (T, H) of one random sequence."""

    weights: LayerWeights
    x: np.ndarray
    state: tuple[np.ndarray, ...]
    direct: np.ndarray

    def run(self, cell: str, **options: Any) -> LayerTrace:
        return run_layer(cell, self.weights, self.x, self.state, **options)


def cases_of(spec: CellSpec, count: int, generator: np.random.Generator) -> Iterator[Case]:
    """Yields cases of all sizes up to LONGEST x WIDEST; every fifth has no biases."""
    for number in range(1, count + 1):
        T = int(generator.integers(1, LONGEST + 1))
        D, H = (int(size) for size in generator.integers(1, WIDEST + 1, 2))
        yield case_of(spec, T, D, H, generator, biases=number % 5 != 0)


def case_of(
    spec: CellSpec, T: int, D: int, H: int, generator: np.random.Generator, biases: bool = True
) -> Case:
    """Returns a random case of T steps, D inputs and H units."""
    return Case(
        weights_of(spec, D, H, generator, biases),
        generator.standard_normal((T, D)),
        spec.state(partial(generator.standard_normal, H)),
        generator.standard_normal((T, H)),
    )


def weights_of(
    spec: CellSpec, D: int, H: int, generator: np.random.Generator, biases: bool = True
) -> LayerWeights:
    """Returns random weights of a layer."""

    def draw(*shape: int) -> np.ndarray:
        return generator.normal(0.0, 1.0 / np.sqrt(H), shape)  # keeps the ReLU layer from exploding

    shapes = spec.shapes(D, H).items()
    return spec.weights({name: draw(*shape) for name, shape in shapes if biases or "bias" not in name})


def draw_parameters(module: nn.Module, generator: np.random.Generator) -> None:
    """Gives a module random weights."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.tensor(generator.normal(0.0, 0.5, tuple(parameter.shape))))


# Differences


def apart(values: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> float:
    """Returns the largest |difference| over what is expected; NaN where either is not a number."""
    return largest([gap(values[name], array) for name, array in expected.items()])


def gap(ours: Any, theirs: Any, holes: bool = False) -> float:
    """Returns the largest |difference| of two arrays, inf where their shapes are not the same.

    NaN where either is not a number; with holes, only where not both are.
    """
    a, b = (np.asarray(v.detach() if isinstance(v, Tensor) else v) for v in (ours, theirs))
    if a.shape != b.shape:
        return float("inf")
    if holes:
        there = ~(np.isnan(a) & np.isnan(b))
        a, b = a[there], b[there]
    with np.errstate(invalid="ignore"):
        found = np.where(a == b, 0.0, np.abs(a - b))  # inf is as far from inf as any number from itself
    return float(np.max(found, initial=0.0))


def largest(differences: Sequence[float]) -> float:
    return float(np.max(differences)) if len(differences) else 0.0  # the built-in max may lose a NaN


# Runs in torch


Weights = Mapping[str, Tensor]
"""A layer's weights by their state_dict stem."""


def leaf(array: Any) -> nn.Parameter:
    """Returns a float64 copy of an array that gradients are asked of."""
    return nn.Parameter(torch.tensor(np.array(array, np.float64)))


def leaves_of(weights: LayerWeights) -> Weights:
    """Returns a layer's weights by their state_dict stem, as leaves."""
    return {name: leaf(array) for name, array in weights.arrays().items()}


def torch_states(
    spec: CellSpec,
    weights: Sequence[Weights],
    x: Any,
    state: Sequence[Tensor],
    cut: Sequence[int] = (),
    order: Sequence[int] | None = None,
) -> list[tuple[Tensor, ...]]:
    """Runs PyTorch's own cell, or the paper's step, over x (T, D); the states (1, H) after 0..T steps.

    weights: of each step. cut: steps after which no gradient flows back. order: of the rows of x as read.
    """
    rows = [tuple(s.reshape(1, -1) for s in state)]
    inputs = x if isinstance(x, Tensor) else torch.tensor(np.array(x))
    for t, own in enumerate(weights):
        before = tuple(s.detach() for s in rows[-1]) if t in cut else rows[-1]
        at = t if order is None else order[t]
        rows.append(reference_step(spec, own)(inputs[at : at + 1], *before))
    return rows


def run_again(layer: LayerTrace, cut: Sequence[int] = ()) -> tuple[Weights, list[tuple[Tensor, ...]]]:
    """Returns the weights of a layer as leaves, and its run by `torch_states` from its initial state."""
    weights = leaves_of(layer.weights)
    state = [leaf(s) for s in layer.initial]
    return weights, torch_states(layer.spec, [weights] * layer.steps, layer.x, state, cut)


def jacobian_by_autograd(outputs: Sequence[Tensor], inputs: Sequence[Tensor]) -> np.ndarray:
    """Returns d outputs / d inputs (S, S'), each a list of states (1, H): a backward pass for each row."""
    rows = torch.cat([o.reshape(-1) for o in outputs])
    each = torch.eye(len(rows), dtype=torch.float64)
    options = {
        "retain_graph": True,
        "is_grads_batched": True,
        "allow_unused": True,
        "materialize_grads": True,
    }
    found = torch.autograd.grad(rows, list(inputs), each, **options)
    return np.concatenate([table.reshape(len(rows), -1).numpy() for table in found], -1)


class Opened:
    """A run of a layer's displayed equations in torch, with a zero added wherever h goes through a weight.

    The gradient of a zero is the share of dL/dh that came back through it. zeros: block -> (T, H) of what
    goes through U, `kept` of what goes past it, `memory` (T+1, H) of the cell's memory right where each step
    makes it: pushed (T+1, H) stands there in place of zeros. held: every gate and candidate stands as it is,
    so that a gradient meets the states alone.
    """

    def __init__(self, layer: LayerTrace, held: bool = False, pushed: np.ndarray | None = None) -> None:
        spec, (T, H) = layer.spec, layer.output.shape
        self.spec, self.held = spec, held
        self.weights = layer.weights.map(lambda a: torch.tensor(np.array(a, np.float64)))
        self.zeros = {s: leaf(np.zeros((T, H))) for s in (*layer.weights.seeing, "kept")}
        self.zeros["memory"] = leaf(np.zeros((T + 1, H)) if pushed is None else pushed)
        state = dict(zip(spec.states, map(torch.tensor, layer.initial), strict=True))
        state[spec.memory] = state[spec.memory] + self.zeros["memory"][0]
        h = []
        for t in range(T):
            values: dict[str, Tensor] = {"x": torch.tensor(layer.x[t])}
            state = self._step(values | {f"{s}_prev": a for s, a in state.items()}, t)
            h.append(state["h"])
        self.h = torch.stack(h)

    def gradients(self, dL_dh: np.ndarray) -> dict[str, np.ndarray]:
        """Returns dL/d(zero) by name for the summed loss whose direct gradient is dL_dh (T, H)."""
        loss = (self.h * torch.tensor(dL_dh)).sum()
        found = torch.autograd.grad(
            loss, list(self.zeros.values()), allow_unused=True, materialize_grads=True
        )
        return {name: table.numpy() for name, table in zip(self.zeros, found, strict=True)}

    def _step(self, values: dict[str, Tensor], t: int) -> dict[str, Tensor]:
        for symbol, equation in self.spec.equations:
            value = self._value(equation, values, t)
            if symbol == self.spec.memory:
                value = value + self.zeros["memory"][t + 1]
            inner = symbol not in self.spec.states
            values[symbol] = value.detach() if self.held and inner else value
        return {s: values[s] for s in self.spec.states}

    def _value(self, expression: Any, values: dict[str, Tensor], t: int, block: str = "kept") -> Any:
        """An expression's value; block: the weights that it goes through."""
        if expression == "h_prev":
            return values["h_prev"] + self.zeros[block][t]
        if isinstance(expression, str):
            return values[expression]
        if not isinstance(expression, tuple):
            return torch.tensor(expression, dtype=torch.float64)
        head, *rest = expression
        if head == "in":
            return self.weights.project(values["x"])[rest[0]]
        if head == "rec":
            applied = self._value(rest[1] if len(rest) > 1 else "h_prev", values, t, rest[0])
            return self.weights.recurrent_block(rest[0], applied)
        if head in ("peep", "unit"):
            own = self.weights.peephole(rest[0])
            return own * self._value(rest[1], values, t, block) if head == "peep" else own
        return _by_torch(head, [self._value(part, values, t, block) for part in rest])


def _by_torch(head: str, parts: list[Tensor]) -> Tensor:
    if head == "neg":
        return -parts[0]
    if head in _MANY:
        total = parts[0]
        for part in parts[1:]:
            total = _MANY[head](total, part)
        return total
    return getattr(TorchOps, head)(*parts)


_MANY: Mapping[str, Callable[..., Tensor]] = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
}
