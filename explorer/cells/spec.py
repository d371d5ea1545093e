"""What a cell is: its signals, its step, its equations, its drawing. One record, read by every page."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import torch

from explorer.cells.equations import Expression, peepholes

Touch = Callable[[str, Any], Any]
"""Called with (symbol, value) for every gate, candidate and state; returns the value to go on with."""


@dataclass(frozen=True)
class LayerWeights:
    """Weights of one layer and direction in PyTorch's packing; NumPy arrays or torch tensors.

    w_ih (G*H, D), w_hh (R*H, H) or None, b_ih (G*H,) and b_hh (R*H,) or None, peepholes (P*H,) or None,
    where G is the number of packed blocks, named by `blocks`, R of those that see the state too, all of
    them unless `recurrent_blocks` names them, and P that of `peephole_blocks`.
    """

    blocks: tuple[str, ...]
    w_ih: Any
    w_hh: Any = None
    b_ih: Any = None
    b_hh: Any = None
    peepholes: Any = None
    peephole_blocks: tuple[str, ...] = ()
    recurrent_blocks: tuple[str, ...] | None = None

    @property
    def hidden_size(self) -> int:
        return int(self.w_ih.shape[0]) // len(self.blocks)

    @property
    def seeing(self) -> tuple[str, ...]:
        """The blocks that see the state, in the order of w_hh."""
        return self.blocks if self.recurrent_blocks is None else self.recurrent_blocks

    @property
    def input_size(self) -> int:
        return int(self.w_ih.shape[1])

    def split(self, packed: Any, blocks: tuple[str, ...] | None = None) -> dict[str, Any]:
        """Returns the blocks of a packed (..., G*H) array by name, each (..., H), as views."""
        H = self.hidden_size
        return {s: packed[..., k * H : (k + 1) * H] for k, s in enumerate(blocks or self.blocks)}

    def pack(self, blocks: dict[str, Any]) -> Any:
        """Returns blocks by name, each (..., H), joined as w_ih packs them (..., G*H)."""
        return np.concatenate([blocks[s] for s in self.blocks], -1)

    def pack_state(self, blocks: dict[str, Any]) -> Any:
        """Returns blocks by name, each (..., H), joined as w_hh packs them (..., R*H)."""
        return np.concatenate([blocks[s] for s in self.seeing], -1)

    def rows(self, block: str) -> slice:
        """Returns where a block's H rows lie in w_ih and b_ih."""
        return self._rows(block, self.blocks)

    def state_rows(self, block: str) -> slice:
        """Returns where a block's H rows lie in w_hh and b_hh."""
        return self._rows(block, self.seeing)

    def _rows(self, block: str, among: tuple[str, ...]) -> slice:
        k, H = among.index(block), self.hidden_size
        return slice(k * H, (k + 1) * H)

    def project(self, x: Any) -> dict[str, Any]:
        """Returns W x + b by block, each (..., H), for x (..., D)."""
        return self.split(_affine(x, self.w_ih, self.b_ih))

    def recurrent(self, h: Any) -> dict[str, Any]:
        """Returns U h + b' by block, each (..., H), for h (..., H)."""
        return self.split(_affine(h, self.w_hh, self.b_hh), self.recurrent_blocks)

    def recurrent_block(self, block: str, h: Any) -> Any:
        """Returns U h + b' of one block (..., H)."""
        rows = self.state_rows(block)
        return _affine(h, self.w_hh[rows], None if self.b_hh is None else self.b_hh[rows])

    def to_input(self, pre: dict[str, Any]) -> Any:
        """Returns dL/dx (..., D) from dL/d(W x + b) by block, each (..., H): the way back of `project`."""
        return self._sent(pre, self.w_ih, self.blocks)

    def to_state(self, rec: dict[str, Any]) -> Any:
        """Returns dL/de (..., H) from dL/d(U e + b') by block, each (..., H): the way back of `recurrent`."""
        return self._sent(rec, self.w_hh, self.seeing)

    def _sent(self, blocks: dict[str, Any], weight: Any, packed: tuple[str, ...]) -> Any:
        return sum(a @ weight[self._rows(s, packed)] for s, a in blocks.items())

    def plus(self, a: Any, b: Any) -> Any:
        """Returns the sum of two gradients."""
        return a + b

    def peephole(self, block: str) -> Any:
        """Returns the peephole weights of a gate (H,)."""
        k, H = self.peephole_blocks.index(block), self.hidden_size
        return self.peepholes[k * H : (k + 1) * H]

    def arrays(self) -> dict[str, Any]:
        """Returns the weights that are there by their state_dict stem."""
        named = {
            "weight_ih": self.w_ih,
            "weight_hh": self.w_hh,
            "bias_ih": self.b_ih,
            "bias_hh": self.b_hh,
            "peephole": self.peepholes,
        }
        return {name: value for name, value in named.items() if value is not None}

    def negated(self, blocks: Sequence[str]) -> "LayerWeights":
        """Returns the same weights with those of some blocks negated; NumPy only."""
        signs = {"w_ih": self.blocks, "b_ih": self.blocks, "w_hh": self.seeing, "b_hh": self.seeing}
        signs["peepholes"] = self.peephole_blocks
        changed: dict[str, Any] = {}
        for name, packed in signs.items():
            if (array := getattr(self, name)) is not None:
                changed[name] = flipped = np.array(array)
                for block in set(blocks) & set(packed):
                    flipped[self._rows(block, packed)] *= -1.0
                flipped.setflags(write=False)
        return replace(self, **changed)

    def map(self, change: Callable[[Any], Any]) -> "LayerWeights":
        """Returns the same weights with every array changed."""
        keys = ("w_ih", "w_hh", "b_ih", "b_hh", "peepholes")
        values = {key: getattr(self, key) for key in keys}
        return replace(self, **{k: change(v) for k, v in values.items() if v is not None})


@dataclass(frozen=True)
class InOneProduct(LayerWeights):
    """Weights whose way back is one product over all blocks: memory is read once; NumPy only.

    Of one sequence each step is as fast as the cache lets W be read. single: W_hh in float32, of a layer that
    has it so: half the bytes, in a quarter of the time (H = 256). In float64 what was read last, and is still
    there, is read first by the next step: halves in turn.
    """

    single: Any = field(default=None, repr=False, compare=False)
    halves: list[slice] = field(default_factory=lambda: [slice(None, None)], repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.w_hh is not None:
            middle = len(self.w_hh) // 2
            self.halves[:] = [slice(middle), slice(middle, None)]

    def _sent(self, blocks: dict[str, Any], weight: Any, packed: tuple[str, ...]) -> Any:
        if len(blocks) != len(packed):
            return super()._sent(blocks, weight, packed)
        joined = np.concatenate([blocks[s] for s in packed], -1)
        if weight is self.w_hh and self.single is not None:
            return _in_single(joined, self.single)
        if joined.ndim > 1 or weight is not self.w_hh:
            return joined @ weight
        self.halves.reverse()
        first, second = self.halves
        found = joined[first] @ weight[first]
        found += joined[second] @ weight[second]
        return found


def _in_single(rows: Any, weight: Any) -> Any:
    """Returns rows (..., R) @ weight (R, H) in float64, multiplied in float32: to 1e-7 of each row's size.

    However large or small: a row that float32 could not hold is brought near 1 by a power of two.
    """
    if rows.ndim == 1:
        near_one = 1e-24 < rows @ rows < 1e24
    else:
        squares = np.einsum("...j,...j->...", rows, rows)
        near_one = bool(((squares > 1e-24) & (squares < 1e24)).all())
    if near_one:
        return (rows.astype(np.float32) @ weight).astype(np.float64)
    largest = np.abs(rows).max(-1, keepdims=True)
    if not np.isfinite(largest).all():
        return rows @ weight.astype(np.float64)
    exponent = np.frexp(largest)[1]
    product = np.ldexp(rows, -exponent).astype(np.float32) @ weight
    return np.ldexp(product.astype(np.float64), exponent)


class EachUnit(LayerWeights):
    """Weights as the gradients of all units meet them at once; NumPy only.

    A gradient (..., 1, H) stands for a diagonal (..., H, H): row j is that of unit j, still its own.
    Through weights it becomes the whole table, and goes on as one.
    """

    def _sent(self, blocks: dict[str, Any], weight: Any, packed: tuple[str, ...]) -> Any:
        own = {s: a for s, a in blocks.items() if a.shape[-2] == 1}
        tables = [a @ weight[self._rows(s, packed)] for s, a in blocks.items() if s not in own]
        if own:
            tables.append(self._scaled(own, weight, packed))
        return sum(tables[1:], tables[0])

    def plus(self, a: Any, b: Any) -> Any:
        """Returns the sum of two gradients; beside a table, units' own ones stand on its diagonal."""
        if a.shape[-2] == b.shape[-2]:
            return a + b
        table, own = (a, b) if b.shape[-2] == 1 else (b, a)
        both = np.array(np.broadcast_to(table, np.broadcast_shapes(table.shape, own.shape)))
        np.einsum("...ii->...i", both)[...] += own[..., 0, :]
        return both

    def _scaled(self, blocks: dict[str, Any], weight: Any, packed: tuple[str, ...]) -> Any:
        """Every row of weight times its unit's gradient, summed over blocks: a product for each unit."""
        H, G = self.hidden_size, len(blocks)
        by_unit = np.concatenate(list(blocks.values()), -2)  # (..., G, H)
        rows = weight.reshape(len(packed), H, -1).swapaxes(0, 1)  # (H, all blocks, H or D)
        if tuple(blocks) != packed:
            rows = rows[:, [packed.index(s) for s in blocks]]  # (H, G, H or D)
        table = np.empty((by_unit.size // (G * H), H, rows.shape[-1]))
        np.matmul(by_unit.reshape(-1, G, H).transpose(2, 0, 1), rows, out=table.swapaxes(0, 1))
        return table.reshape(*by_unit.shape[:-2], H, rows.shape[-1])


def _affine(x: Any, weight: Any, bias: Any) -> Any:
    product = x @ weight.T
    return product if bias is None else product + bias


@dataclass(frozen=True)
class Signal:
    """One named quantity of a cell.

    role is `gate` (0..1), `candidate` or `state`. hue names its colour on every page. word: its name in the
    locale's table `signal`, where that is not its symbol.
    """

    symbol: str
    role: str
    activation: str
    hue: str
    word: str = ""

    @property
    def named(self) -> str:
        return self.word or self.symbol


@dataclass(frozen=True)
class Node:
    """A node of the drawing: at (x, y), x from 0 to 100, y down from 0; its value is an expression or none.

    kind: `gate` (an activation with weights), `op` (times, plus, tanh), `end` (an input or output).
    """

    key: str
    kind: str
    x: float
    y: float
    text: str
    value: Expression | None = None
    hue: str = "ink"
    label: str = "above"
    """Where the value of an op stands: above, left or right of it, away from wires."""


@dataclass(frozen=True)
class Wire:
    """A wire of the drawing: a polyline through points, carrying an expression's value."""

    points: tuple[tuple[float, float], ...]
    value: Expression | None = None
    hue: str = "ink"
    arrow: bool = True


@dataclass(frozen=True)
class Diagram:
    nodes: tuple[Node, ...]
    wires: tuple[Wire, ...]


@dataclass(frozen=True)
class Back:
    """The gradient one step further back; every array (..., H).

    pre: dL/d(W x + b) by block; rec: dL/d(U e + b') by block, where e is h_prev, or what the equations
    apply U to; gated: block -> de/dh_prev, where e is not h_prev. mixed, kept: dL/d(state before) by state,
    as it came through U and past all weights. own: dL/d(a unit's own weight) by its name.
    """

    pre: dict[str, Any]
    rec: dict[str, Any]
    mixed: dict[str, Any]
    kept: dict[str, Any]
    gated: dict[str, Any]
    own: dict[str, Any]

    def whole(self, state: str) -> Any:
        """dL/d(state before), or 0 where nothing comes back."""
        if state in self.mixed and state in self.kept:
            return self.mixed[state] + self.kept[state]
        return self.mixed.get(state, self.kept.get(state, 0.0))

    def through(self, w: LayerWeights) -> dict[str, Any]:
        """Returns the share of dL/dh_prev that came through each block: they sum to mixed["h"]."""
        shares = {s: a @ w.w_hh[w.state_rows(s)] for s, a in self.rec.items()}
        return {s: a * self.gated[s] if s in self.gated else a for s, a in shares.items()}


class Net(Protocol):
    """The weights as a paper's step in torch meets them: net("f", x, h) is W_f x + b_f + U_f h + b'_f."""

    def __call__(self, block: str, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor: ...
    def of_x(self, block: str, x: torch.Tensor) -> torch.Tensor: ...
    def unit(self, block: str) -> torch.Tensor: ...


@dataclass(frozen=True)
class KerasLayer:
    """A layer of Keras: its name, what it is told besides its units, how many biases a block has."""

    name: str
    options: tuple[str, ...] = ()
    biases: int = 1


@dataclass(frozen=True)
class CellSpec:
    """One cell of the registry. `build.cell` makes one of its equations; see there what follows from them.

    lines: symbol -> the right side of its equation as text, in the order of the lecture. equations: the
    same, parsed; `pre_s` is a pre-activation. blocks: packed weight blocks in order; recurrent_blocks: those
    with a U. states: h, the layer's output, first.
    step(ops, a, state, weights, touch) takes a = W x + b by block, the states (..., H), and returns
    (pre-activations by symbol, activations by symbol, new states).
    local(values, weights) gives a step's derivatives by name, each (..., H): see slopes.StepSlopes.
    back(local, weights, totals) carries dL/d(state) by state, each (..., H), what it shows in the step's
    other states included, one step back: see Back. It multiplies by local derivatives, adds by `plus` and
    sends through weights by `to_state`; nothing else, so that it also takes EachUnit. within: (later,
    earlier) state of one step, whose derivative is local[f"{later}/{earlier}"], the last first.
    applied: block -> the name in local of what its U is applied to, where that is not h_prev.
    draw(equations by symbol) gives the drawing: a variant is drawn from its own equations.
    fast(weights, x, state) is the same as step over all steps of x (T, ..., D) at once, or None;
    it returns (pre, gate, states) over T. torch_module: the reference in PyTorch, or None; paper: a
    step by the paper, paper(net, x, *states) -> states, written straight in torch: no equation is read.
    lecture: the same cell in the lecture's notation, where that differs.
    """

    key: str
    family: str
    lines: Mapping[str, str] = field(compare=False, repr=False)
    blocks: tuple[str, ...]
    recurrent_blocks: tuple[str, ...]
    signals: tuple[Signal, ...]
    states: tuple[str, ...]
    equations: tuple[tuple[str, Expression], ...]
    step: Callable[..., tuple[dict[str, Any], dict[str, Any], tuple[Any, ...]]]
    local: Callable[[dict[str, Any], LayerWeights], dict[str, Any]]
    back: Callable[..., Back]
    within: tuple[tuple[str, str], ...]
    applied: Mapping[str, str] = field(compare=False, repr=False)
    draw: Callable[[Mapping[str, Expression]], Diagram] = field(compare=False, repr=False)
    diagram: Diagram
    source: str
    fast: Callable[..., Any] | None = None
    torch_module: type[torch.nn.Module] | None = None
    torch_options: tuple[tuple[str, Any], ...] = ()
    paper: Callable[..., tuple[torch.Tensor, ...]] | None = None
    peephole_blocks: tuple[str, ...] = ()
    keep: str | None = None
    """The gate that keeps the state when it is 1, for forget-bias-like settings."""
    write: str | None = None
    """The gate that writes when it is 1, set against `keep` by chrono initialisation."""
    flips: tuple[str, ...] = ()
    """Gates that lecture notation shows as one minus PyTorch's."""
    positive: tuple[str, ...] = ()
    """States that are above 0 in any run: a state drawn at random keeps to that."""
    idle: tuple[str, ...] = ()
    """States that no output depends on, but for rounding: their gradient is 0."""
    lead: bool = False
    """Whether a choice of cells shows it at once; all others stand behind `more cells`."""
    hue: str = "other"
    """The colour of its curve beside those of other cells."""
    keras: "KerasLayer | None" = None
    """The layer in Keras that computes the same, or None."""
    lecture: "CellSpec | None" = None
    roles: dict[str, Signal] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "roles", {signal.symbol: signal for signal in self.signals})

    @property
    def gates(self) -> tuple[str, ...]:
        """Symbols of valves between 0 and 1; the candidate is not one of them."""
        return tuple(s.symbol for s in self.signals if s.role == "gate")

    @property
    def peeps(self) -> dict[str, str]:
        """The cell state that each peephole sees: gate -> `c_prev` or `c`."""
        return dict(peepholes(self.equations))

    @property
    def activations(self) -> tuple[str, ...]:
        """Symbols of gates and candidates: all that `Trace.gate` holds."""
        return tuple(s.symbol for s in self.signals if s.role != "state")

    @property
    def memory(self) -> str:
        """The state that a gradient meets on its way past all weights: c, or h where h is all there is."""
        return self.states[1] if len(self.states) > 1 else self.states[0]

    @property
    def plain(self) -> bool:
        """Whether U is the only way from a state to the next: then its size bounds the gradient's."""
        return self.keep is None and len(self.states) == len(self.recurrent_blocks) == 1

    def weights(self, named: Mapping[str, Any], end: str = "") -> LayerWeights:
        """Returns the weights of a layer from a table such as a state_dict: `weight_ih`, ..., and an end."""
        stems = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "peephole")
        w_ih, w_hh, b_ih, b_hh, own = (named.get(stem + end) for stem in stems)
        peeping, seeing = self.peephole_blocks, self.recurrent_blocks
        return LayerWeights(self.blocks, w_ih, w_hh, b_ih, b_hh, own, peeping, seeing)

    def state(self, draw: Callable[[], Any]) -> tuple[Any, ...]:
        """Returns states drawn at random, each by a call: those that are never below 0 at 1 or more."""
        drawn = (draw() for _ in self.states)
        return tuple(
            1.0 + abs(a) if s in self.positive else a for s, a in zip(self.states, drawn, strict=True)
        )

    def shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Returns the shape of each weight of a layer by its stem in a state_dict; PyTorch's two biases."""
        H, G, R, P = hidden_size, len(self.blocks), len(self.recurrent_blocks), len(self.peephole_blocks)
        found = {
            "weight_ih": (G * H, input_size),
            "weight_hh": (R * H, H),
            "bias_ih": (G * H,),
            "bias_hh": (R * H,),
            "peephole": (P * H,),
        }
        return {name: shape for name, shape in found.items() if shape[0]}

    def parameters(self, input_size: int, hidden_size: int, biases: int = 2) -> int:
        """Returns the number of weights of one layer; PyTorch has two biases, textbooks one."""
        shapes = self.shapes(input_size, hidden_size)
        left_out = () if biases == 2 else ("bias_hh",)
        return sum(math.prod(shape) for name, shape in shapes.items() if name not in left_out)
