"""What a run leaves behind: every pre-activation, gate, candidate and state, read-only.

Steps are 1..T; `gate[t - 1]` makes `h[t]`. A batch axis may stand after time.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from explorer.cells import CELLS, CellSpec, LayerWeights
from explorer.limits import FLOAT32_MAX
from explorer.shown import Shown


@dataclass(frozen=True, eq=False, repr=False)
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
    lengths: np.ndarray | None = None
    """Steps of each sequence (B,), or None where all have T. Past its end a sequence's state stays as it is,
    its gates are NaN and its output is 0."""
    projection: np.ndarray | None = None
    """(P, H), or None: of an LSTM with proj_size the layer's output is projection @ h. `weights` then see h
    itself: w_hh is PyTorch's times projection."""

    def __repr__(self) -> str:
        way = ", reverse" if self.reverse else ""
        return f"LayerTrace({self.cell}, layer {self.layer}{way}, {_extent(self)})"

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
        """The layer's output by step (T, H), or (T, P) after a projection: the state after the step."""
        after = self._projected(self.h[:-1] if self.reverse else self.h[1:])
        if self.lengths is None:
            return after
        return np.where(self.within[..., None], after, after.dtype.type(0))

    def _projected(self, h: np.ndarray) -> np.ndarray:
        return h if self.projection is None else h @ self.projection.T

    @property
    def within(self) -> np.ndarray:
        """Whether a sequence has a step (T, B), or (T,)."""
        steps = np.arange(self.steps)
        if self.lengths is None:
            return np.ones(self.x.shape[:-1], bool)
        return steps[:, None] < self.lengths

    @property
    def final(self) -> np.ndarray:
        """The layer's last state (H,), PyTorch's h_n: that of step 1 where reverse is true."""
        return self._projected(self.h[0] if self.reverse else self.h[-1])

    @property
    def finals(self) -> dict[str, np.ndarray]:
        """Every last state by symbol: h_n as `final`, c_n (H,)."""
        rest = {s: a[0] if self.reverse else a[-1] for s, a in self.states.items()}
        return rest | {"h": self.final}

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

    def along(self) -> "LayerTrace":
        """Returns the run in the order in which the layer reads: turned round where it runs against time."""
        if not self.reverse:
            return self

        def turned(table: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {s: a[::-1] for s, a in table.items()}

        return replace(
            self,
            x=self.x[::-1],
            states=turned(self.states),
            pre=turned(self.pre),
            gate=turned(self.gate),
            reverse=False,
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
            lengths=None if self.lengths is None else np.clip(self.lengths - start + 1, 0, length),
        )

    def sequence(self, number: int) -> "LayerTrace":
        """Returns one sequence of a batch, from 0, as long as it is. Raises ValueError without a batch."""
        if self.x.ndim != 3:
            raise ValueError("this is the trace of one sequence, not of a batch")
        end = self.steps if self.lengths is None else int(self.lengths[number])

        def cut(table: dict[str, np.ndarray], rows: int) -> dict[str, np.ndarray]:
            return {s: a[:rows, number] for s, a in table.items()}

        return replace(
            self,
            x=self.x[:end, number],
            states=cut(self.states, end + 1),
            pre=cut(self.pre, end),
            gate=cut(self.gate, end),
            lengths=None,
        )


def _extent(layer: LayerTrace) -> str:
    batch = f", {layer.x.shape[1]} sequences" if layer.x.ndim == 3 else ""
    return f"{layer.steps} steps{batch}, {layer.hidden_size} units"


@dataclass(frozen=True, eq=False, repr=False)
class Trace(Shown):
    """A whole run: one LayerTrace per layer and direction, first layer first, forward before reverse.

    tokens (T,) as shown, or None. Of a model with a readout: logits (T, V) after each step, readout
    (V, H) its weight, targets (T,) the ids of the next tokens, -1 where none follows; else None.
    A trace of one layer and direction can be used directly: `t.h`, `t.c`, `t.pre`, `t.gate`.
    difference: the largest |output or last state - the module's own|, or None for a layer of PyTorch as it
    comes, which computes nothing else. batch_first: whether the module takes and gives (B, T, H); arrays here
    are (T, B, H). notes: sentences on how it was run, if there is something to say.
    """

    layers: tuple[LayerTrace, ...]
    tokens: tuple[str, ...] | None = None
    logits: np.ndarray | None = None
    readout: np.ndarray | None = None
    targets: np.ndarray | None = None
    first_step: int = 1
    batch_first: bool = False
    difference: float | None = None
    notes: tuple[str, ...] = ()
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

    def __repr__(self) -> str:
        levels = len({u.layer for u in self.layers})
        ways = len(self.layers) // levels
        shape = [self.cell]
        shape += [f"{levels} layers"] if levels > 1 else []
        shape += [f"{ways} directions"] if ways > 1 else []
        own = [] if self.difference is None else [f"within {self.difference:.1e} of the module's own output"]
        return f"Trace({', '.join([*shape, _extent(self.layers[0]), *own])})"

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

    @property
    def h_n(self) -> np.ndarray:
        """The last states of all layers and directions (L, H), PyTorch's h_n: (L, B, H) of a batch."""
        return np.stack([u.final for u in self.layers])

    @property
    def c_n(self) -> np.ndarray | None:
        """The last cell states (L, H) as PyTorch's c_n, or None."""
        found = [u.finals["c"] for u in self.layers if u.c is not None]
        return np.stack(found) if found else None

    @property
    def final(self) -> np.ndarray:
        """What a classifier reads: the last layer's last state (H,), both directions side by side."""
        last = [u.final for u in self.layers if u.layer == self.layers[-1].layer]
        return last[0] if len(last) == 1 else np.concatenate(last, -1)

    def sequence(self, number: int) -> "Trace":
        """Returns one sequence of a batch, from 0, as long as it is. Raises ValueError without a batch."""
        return replace(self, layers=tuple(u.sequence(number) for u in self.layers))

    def to_numpy(self) -> dict[str, np.ndarray]:
        """Returns every array by a flat name, as `np.savez` takes them.

        x, output; and for each layer and direction, ended as PyTorch ends weights (`_l0`, `_l0_reverse`):
        h, c, ... (T+1, H), `pre_f` and `gate_f` (T, H), weights `weight_ih`, ...
        """
        found = {"x": self.x, "output": self.output}
        for u in self.layers:
            named: dict[str, np.ndarray] = {**u.states}
            named |= {f"pre_{s}": a for s, a in u.pre.items()} | {f"gate_{s}": a for s, a in u.gate.items()}
            named |= u.weights.arrays()
            found |= {f"{name}_l{u.layer}{'_reverse' * u.reverse}": a for name, a in named.items()}
        return found

    def dims(self) -> dict[str, tuple[str, ...]]:
        """Returns the names of the axes of `to_numpy`'s arrays over time, for `xarray.Dataset` and the like.

        `xarray.Dataset({n: (d, t.to_numpy()[n]) for n, d in t.dims().items()})`. `row` counts states, T+1 of
        them; `step` counts 1..T; `unit`, `input` and `feature` are those of h, x and output.
        """
        batch = ("sequence",) if self.x.ndim == 3 else ()
        found = {"x": ("step", *batch, "input"), "output": ("step", *batch, "feature")}
        for u in self.layers:
            end = f"_l{u.layer}{'_reverse' * u.reverse}"
            unit = "unit" if len({v.hidden_size for v in self.layers}) == 1 else f"unit{end}"
            found |= {f"{s}{end}": ("row", *batch, unit) for s in u.states}
            named = [f"pre_{s}" for s in u.pre] + [f"gate_{s}" for s in u.gate]
            found |= {f"{name}{end}": ("step", *batch, unit) for name in named}
        return found

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


@dataclass(frozen=True, eq=False, repr=False)
class ByName(Shown, Mapping[str, Any]):
    """What each recurrent layer of a network has: name -> a record, or a list where it was called again.

    Names are those of `net.named_modules()`. calls: every record by name, in the order of the calls.
    """

    calls: dict[str, list[Any]]

    def __getitem__(self, name: str) -> Any:
        if name not in self.calls:
            raise KeyError(f"no recurrent layer {name!r} was called; there are {', '.join(self.calls)}")
        found = self.calls[name]
        return found[0] if len(found) == 1 else list(found)

    def __iter__(self) -> Iterator[str]:
        return iter(self.calls)

    def __len__(self) -> int:
        return len(self.calls)

    def __repr__(self) -> str:
        lines = (f"  {name}: {_brief(found)}" for name, found in self.items())
        return "\n".join([f"{type(self).__name__} of {len(self)} layer{'s' * (len(self) != 1)}:", *lines])


def _brief(found: Any) -> str:
    return f"{len(found)} calls, the first {found[0]!r}" if isinstance(found, list) else repr(found)
