"""Run a model over a sequence and keep everything: every pre-activation, gate, candidate and state.

    t = trace(torch.nn.LSTM(8, 16), x)      # x (T, 8)
    t.gate["f"]                             # (T, 16), the forget gate at every step
    t.c                                     # (T + 1, 16), row 0 the initial state

Steps are 1..T; `gate[t - 1]` makes `h[t]`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import nn

from explorer.cells import CELLS, CellSpec, LayerWeights, NumpyOps
from explorer.limits import FLOAT32_MAX
from explorer.nn.interventions import Intervention, touch_at, transplanted, untouched


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """One layer in one direction. Arrays are read-only; a batch axis may stand after time.

    x (T, D); states: symbol -> (T+1, H) with the initial state in row 0, or in row T where reverse is
    true; pre and gate: symbol -> (T, H), gate with the candidates; weights as run.
    notation is `pytorch` or `lecture` (GRU: z=1 replaces).
    """

    cell: str
    x: np.ndarray
    states: dict[str, np.ndarray]
    pre: dict[str, np.ndarray]
    gate: dict[str, np.ndarray]
    weights: LayerWeights
    layer: int = 0
    reverse: bool = False
    notation: str = "pytorch"
    changed: bool = False
    """Whether interventions were at work: the equations then do not give every number."""

    def __post_init__(self) -> None:
        T, H = self.x.shape[0], self.weights.hidden_size
        self.x.setflags(write=False)
        rest = self.x.shape[1:-1]
        for name, array, rows in self._shapes(T):
            if array.shape != (rows, *rest, H):
                raise ValueError(f"{name} has shape {array.shape}, expected {(rows, *rest, H)}")
            array.setflags(write=False)

    def _shapes(self, T: int) -> Iterable[tuple[str, np.ndarray, int]]:
        for symbol, array in self.states.items():
            yield symbol, array, T + 1
        for kind, table in (("pre", self.pre), ("gate", self.gate)):
            for symbol, array in table.items():
                yield f"{kind}[{symbol!r}]", array, T

    @property
    def spec(self) -> CellSpec:
        spec = CELLS[self.cell]
        return spec.lecture if self.notation == "lecture" and spec.lecture else spec

    @property
    def h(self) -> np.ndarray:
        """The hidden state (T+1, H)."""
        return self.states["h"]

    @property
    def c(self) -> np.ndarray | None:
        """The cell state (T+1, H), or None."""
        return self.states.get("c")

    @property
    def steps(self) -> int:
        return self.x.shape[0]

    @property
    def hidden_size(self) -> int:
        return self.weights.hidden_size

    @property
    def initial(self) -> tuple[np.ndarray, ...]:
        """The states before the first step, each (H,), in the cell's order."""
        return tuple(a[-1 if self.reverse else 0] for a in self.states.values())

    @property
    def before(self) -> dict[str, np.ndarray]:
        """The states before each step by symbol, (T, H) each."""
        return {s: a[1:] if self.reverse else a[:-1] for s, a in self.states.items()}

    @property
    def output(self) -> np.ndarray:
        """The layer's output by step (T, H): the state after the step."""
        return self.h[:-1] if self.reverse else self.h[1:]

    @property
    def final(self) -> np.ndarray:
        """The layer's last state (H,), PyTorch's h_n: that of step 1 where reverse is true."""
        return self.h[0] if self.reverse else self.h[-1]

    def signal(self, symbol: str) -> np.ndarray:
        """Returns a signal by its symbol (T, H): a gate, a candidate or the state after each step."""
        if symbol in self.gate:
            return self.gate[symbol]
        if symbol not in self.states:
            raise KeyError(f"{self.cell} has no signal {symbol!r}")
        return self.states[symbol][:-1] if self.reverse else self.states[symbol][1:]

    @property
    def signals(self) -> tuple[str, ...]:
        """Symbols of all signals in the lecture's order."""
        return tuple(signal.symbol for signal in self.spec.signals)

    @property
    def first_bad_step(self) -> int | None:
        """The first step whose state is not finite or past float32's largest number, else None."""
        worst = np.abs(self.output).reshape(self.steps, -1).max(axis=1, initial=0.0)
        bad = ~(worst <= FLOAT32_MAX)
        return int(bad.argmax()) + 1 if bad.any() else None

    def in_lecture_notation(self) -> "LayerTrace":
        """Returns the same run with z read as the lecture writes it: z -> 1 - z, weights negated."""
        return self.in_notation("lecture")

    def in_notation(self, notation: str) -> "LayerTrace":
        """Returns the same run in `pytorch` or `lecture` notation."""
        spec = CELLS[self.cell]
        if spec.lecture is None or self.notation == notation:
            return self

        return replace(
            self,
            weights=self.weights.negated(spec.flips),
            pre={s: -a if s in spec.flips else a for s, a in self.pre.items()},
            gate={s: 1.0 - a if s in spec.flips else a for s, a in self.gate.items()},
            notation=notation,
        )

    def window(self, start: int, length: int) -> "LayerTrace":
        """Returns steps start .. start+length-1; row 0 of a state is that before the first of them.

        Arrays are copies, so that a window does not hold a long run in memory.
        """
        steps, states = slice(start - 1, start - 1 + length), slice(start - 1, start + length)
        return replace(
            self,
            x=self.x[steps].copy(),
            states={s: a[states].copy() for s, a in self.states.items()},
            pre={s: a[steps].copy() for s, a in self.pre.items()},
            gate={s: a[steps].copy() for s, a in self.gate.items()},
        )


@dataclass(frozen=True, eq=False)
class Trace:
    """A whole run: one LayerTrace per layer and direction, first layer first, forward before reverse.

    tokens (T,) as shown, or None. Of a model with a readout: logits (T, V) after each step, readout
    (V, H) its weight, targets (T,) the ids of the next tokens, -1 where none follows; else None.
    A trace of one layer and direction can be used directly: `t.h`, `t.c`, `t.pre`, `t.gate`.
    """

    layers: tuple[LayerTrace, ...]
    tokens: tuple[str, ...] | None = None
    logits: np.ndarray | None = None
    readout: np.ndarray | None = None
    targets: np.ndarray | None = None
    first_step: int = 1
    only: LayerTrace = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "only", self.layers[0] if len(self.layers) == 1 else None)
        for name, rows in (
            ("tokens", self.tokens),
            ("logits", self.logits),
            ("targets", self.targets),
        ):
            if rows is not None and len(rows) != self.steps:
                raise ValueError(f"{name} has {len(rows)} rows, expected {self.steps}")
        if self.logits is not None:
            self.logits.setflags(write=False)

    def _one(self) -> LayerTrace:
        if self.only is None:
            raise ValueError(f"this trace has {len(self.layers)} layers and directions; use trace.layers[k]")
        return self.only

    @property
    def steps(self) -> int:
        return self.layers[0].steps

    @property
    def cell(self) -> str:
        return self.layers[0].cell

    @property
    def spec(self) -> CellSpec:
        return self.layers[0].spec

    @property
    def weights(self) -> LayerWeights:
        return self._one().weights

    @property
    def x(self) -> np.ndarray:
        return self.layers[0].x

    @property
    def states(self) -> dict[str, np.ndarray]:
        return self._one().states

    @property
    def h(self) -> np.ndarray:
        return self._one().h

    @property
    def c(self) -> np.ndarray | None:
        return self._one().c

    @property
    def pre(self) -> dict[str, np.ndarray]:
        return self._one().pre

    @property
    def gate(self) -> dict[str, np.ndarray]:
        return self._one().gate

    @property
    def output(self) -> np.ndarray:
        """The last layer's output (T, H), both directions side by side where there are two."""
        last = [layer for layer in self.layers if layer.layer == self.layers[-1].layer]
        return last[0].output if len(last) == 1 else np.concatenate([u.output for u in last], -1)

    def in_lecture_notation(self) -> "Trace":
        return replace(self, layers=tuple(u.in_lecture_notation() for u in self.layers))

    def window(self, start: int, length: int) -> "Trace":
        """Returns steps start .. start+length-1 of the run, the state carried in."""
        rows = slice(start - 1, start - 1 + length)
        return replace(
            self,
            layers=tuple(u.window(start, length) for u in self.layers),
            tokens=None if self.tokens is None else self.tokens[rows],
            logits=None if self.logits is None else self.logits[rows].copy(),
            targets=None if self.targets is None else self.targets[rows].copy(),
            first_step=self.first_step + start - 1,
        )


class Traceable(Protocol):
    """What `trace` needs of a model of ours."""

    cell: str

    def layer_weights(self) -> list[list[LayerWeights]]: ...
    def embed(self, x: Any) -> np.ndarray: ...
    def read_out(self, h: np.ndarray) -> np.ndarray: ...
    def readout_weight(self) -> np.ndarray: ...
    def targets(self, x: Any) -> np.ndarray | None: ...
    def display(self, x: Any) -> tuple[str, ...] | None: ...


def trace(
    module: nn.Module | Traceable,
    x: Any,
    state: Any = None,
    *,
    changes: Sequence[Intervention] = (),
) -> Trace:
    """Runs a module over x and returns every gate and state at every step.

    module: nn.RNN, nn.LSTM, nn.GRU (layers, bidirectional, with or without bias) or RecurrentModel.
    x: (T, D), or a batch as the module's batch_first says; arrays then have shape (T, B, H). For a
    RecurrentModel with a vocabulary: token strings or ids (T,).
    state: as PyTorch takes it, h_0 or (h_0, c_0, ...), zero by default. changes: interventions on a
    model of one layer. Dropout is off. Arrays are NumPy in the module's dtype, float32 or float64.
    Raises TypeError for other modules, ValueError for proj_size, PackedSequence, odd shapes.
    """
    if isinstance(module, nn.RNNBase):
        cell, stack, batch_first = _from_torch(module)
        x_array = _as_input(x, stack[0][0], batch_first)
        return Trace(_run_stack(cell, stack, x_array, state, changes))
    _, stack = weights_of(module)
    model = cast(Traceable, module)
    x_array = _as_input(model.embed(x), stack[0][0], batch_first=False)
    layers = _run_stack(model.cell, stack, x_array, state, changes)
    bare = Trace(layers, tokens=model.display(x))
    return replace(
        bare,
        logits=model.read_out(bare.output),
        readout=model.readout_weight(),
        targets=model.targets(x),
    )


def weights_of(module: nn.Module | Traceable) -> tuple[str, list[list[LayerWeights]]]:
    """Returns the cell and the weights [layer][direction] of a module that `trace` takes.

    Raises TypeError and ValueError as `trace` does.
    """
    if isinstance(module, nn.RNNBase):
        cell, stack, _ = _from_torch(module)
        return cell, stack
    if not hasattr(module, "layer_weights"):
        raise TypeError(
            f"cannot trace {type(module).__name__}; give nn.RNN, nn.LSTM, nn.GRU or RecurrentModel"
        )
    model = cast(Traceable, module)
    return model.cell, model.layer_weights()


def _from_torch(module: nn.RNNBase) -> tuple[str, list[list[LayerWeights]], bool]:
    if module.proj_size:
        raise ValueError("proj_size is not supported: the hidden state would not be the output")
    cell = {"RNN_TANH": "rnn", "RNN_RELU": "rnn_relu", "LSTM": "lstm", "GRU": "gru"}[module.mode]
    return cell, torch_weights(module, CELLS[cell]), module.batch_first


def torch_weights(module: nn.Module, spec: CellSpec) -> list[list[LayerWeights]]:
    """Returns the weights [layer][direction] of a module that names its parameters as PyTorch does."""
    if any(p.dtype not in (torch.float32, torch.float64) for p in module.parameters()):
        raise ValueError("only float32 and float64 modules can be traced; call .float() first")
    table = {name: _array(p) for name, p in module.named_parameters()}
    stack: list[list[LayerWeights]] = []
    while f"weight_ih_l{len(stack)}" in table:
        stem = f"l{len(stack)}"
        ends = [s for s in (stem, f"{stem}_reverse") if f"weight_ih_{s}" in table]
        stack.append([spec.weights(table, f"_{end}") for end in ends])
    return stack


def _array(value: Any) -> np.ndarray:
    """Returns a read-only copy: what the caller does to its tensors later must not change a trace."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    array = np.array(value)
    array.setflags(write=False)
    return array


def _as_input(x: Any, weights: LayerWeights, batch_first: bool) -> np.ndarray:
    if isinstance(x, nn.utils.rnn.PackedSequence):
        raise ValueError("a PackedSequence is not supported: give one sequence or a padded batch")
    array = _array(x).astype(weights.w_ih.dtype, copy=False)
    if array.ndim not in (2, 3) or array.shape[-1] != weights.input_size:
        raise ValueError(f"x has shape {array.shape}; expected (T, {weights.input_size}) or a batch of it")
    return array.swapaxes(0, 1) if array.ndim == 3 and batch_first else array


def _run_stack(
    cell: str,
    stack: list[list[LayerWeights]],
    x: np.ndarray,
    state: Any,
    changes: Sequence[Intervention],
) -> tuple[LayerTrace, ...]:
    if x.shape[0] == 0:
        raise ValueError("the sequence is empty: there is no step to trace")
    states = _initial(CELLS[cell], stack, x, state)
    layers: list[LayerTrace] = []
    for level, directions in enumerate(stack):
        runs = [
            run_layer(cell, w, x, next(states), changes, layer=level, reverse=bool(way))
            for way, w in enumerate(directions)
        ]
        layers += runs
        x = runs[0].output if len(runs) == 1 else np.concatenate([r.output for r in runs], -1)
    return tuple(layers)


def _initial(spec: CellSpec, stack: list[list[LayerWeights]], x: np.ndarray, state: Any):
    """Yields the initial states of each layer and direction, each (..., H)."""
    count, H = sum(map(len, stack)), stack[0][0].hidden_size
    shape = (count, *x.shape[1:-1], H)
    given = [] if state is None else [state] if len(spec.states) == 1 else list(state)
    if state is not None and len(given) != len(spec.states):
        raise ValueError(f"{spec.key} has the states {spec.states}; got {len(given)}")
    arrays = [_array(s).astype(x.dtype, copy=False) for s in given]
    for array in arrays:
        if array.shape != shape:
            raise ValueError(f"the initial state has shape {array.shape}, expected {shape}")
    arrays = arrays or [np.zeros(shape, x.dtype) for _ in spec.states]
    for k in range(count):
        yield tuple(array[k] for array in arrays)


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
    spec = CELLS[cell]
    ordered = x[::-1] if reverse else x
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # an explosion is a result
        if spec.fast and not changes and not stepwise:
            pre, gate, after = spec.fast(weights, ordered, state)
            rows = [np.concatenate([s[None], a]) for s, a in zip(state, after, strict=True)]
            states = dict(zip(spec.states, rows, strict=True))
        else:
            pre, gate, states = _by_step(spec, weights, ordered, state, changes)
    if reverse:
        states, pre, gate = ({s: a[::-1] for s, a in table.items()} for table in (states, pre, gate))
    return LayerTrace(cell, x, states, pre, gate, weights, layer, reverse, changed=bool(changes))


def _by_step(
    spec: CellSpec,
    weights: LayerWeights,
    x: np.ndarray,
    state: tuple[np.ndarray, ...],
    changes: Sequence[Intervention],
):
    projected = weights.project(x)
    named = transplanted(0, dict(zip(spec.states, state, strict=True)), changes)
    rows: list[dict[str, np.ndarray]] = [named]
    pres, acts = [], []
    for step in range(1, x.shape[0] + 1):
        a = {s: p[step - 1] for s, p in projected.items()}
        touch = touch_at(step, changes, spec.states) if changes else untouched
        pre, act, after = spec.step(NumpyOps, a, tuple(named.values()), weights, touch)
        named = transplanted(step, dict(zip(spec.states, after, strict=True)), changes)
        pres.append(pre)
        acts.append(act)
        rows.append(named)
    return _stacked(pres), _stacked(acts), _stacked(rows)


def _stacked(steps: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {symbol: np.stack([step[symbol] for step in steps]) for symbol in steps[0]}
