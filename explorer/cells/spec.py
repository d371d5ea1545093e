"""What a cell is: its signals, its step, its equations, its drawing. One record, read by every page."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import torch

from explorer.cells.equations import Expression, peepholes

Touch = Callable[[str, Any], Any]
"""Called with (symbol, value) for every gate, candidate and state; returns the value to go on with."""


class Ops(Protocol):
    """The three functions a cell needs from its array library."""

    def sigmoid(self, a: Any) -> Any: ...
    def tanh(self, a: Any) -> Any: ...
    def relu(self, a: Any) -> Any: ...


class NumpyOps:
    @staticmethod
    def sigmoid(a: Any) -> Any:
        return 0.5 * (1.0 + np.tanh(0.5 * a))

    tanh = staticmethod(np.tanh)

    @staticmethod
    def relu(a: Any) -> Any:
        return np.maximum(a, 0.0)


class TorchOps:
    sigmoid = staticmethod(torch.sigmoid)
    tanh = staticmethod(torch.tanh)
    relu = staticmethod(torch.relu)


@dataclass(frozen=True)
class LayerWeights:
    """Weights of one layer and direction in PyTorch's packing; NumPy arrays or torch tensors.

    w_ih (G*H, D), w_hh (G*H, H), b_ih and b_hh (G*H,) or None, peepholes (P*H,) or None,
    where G is the number of packed blocks, named by `blocks`, and P by `peephole_blocks`.
    """

    blocks: tuple[str, ...]
    w_ih: Any
    w_hh: Any
    b_ih: Any = None
    b_hh: Any = None
    peepholes: Any = None
    peephole_blocks: tuple[str, ...] = ()

    @property
    def hidden_size(self) -> int:
        return int(self.w_hh.shape[1])

    @property
    def input_size(self) -> int:
        return int(self.w_ih.shape[1])

    def split(self, packed: Any) -> dict[str, Any]:
        """Returns the blocks of a packed (..., G*H) array by name, each (..., H), as views."""
        H = self.hidden_size
        return {s: packed[..., k * H : (k + 1) * H] for k, s in enumerate(self.blocks)}

    def pack(self, blocks: dict[str, Any]) -> Any:
        """Returns blocks by name, each (..., H), joined as the weights pack them (..., G*H)."""
        return np.concatenate([blocks[s] for s in self.blocks], -1)

    def rows(self, block: str) -> slice:
        """Returns where a block's H rows lie in the packed weights."""
        k, H = self.blocks.index(block), self.hidden_size
        return slice(k * H, (k + 1) * H)

    def project(self, x: Any) -> dict[str, Any]:
        """Returns W x + b by block, each (..., H), for x (..., D)."""
        return self.split(_affine(x, self.w_ih, self.b_ih))

    def recurrent(self, h: Any) -> dict[str, Any]:
        """Returns U h + b' by block, each (..., H), for h (..., H)."""
        return self.split(_affine(h, self.w_hh, self.b_hh))

    def recurrent_block(self, block: str, h: Any) -> Any:
        """Returns U h + b' of one block (..., H)."""
        rows = self.rows(block)
        return _affine(h, self.w_hh[rows], None if self.b_hh is None else self.b_hh[rows])

    def to_input(self, pre: dict[str, Any]) -> Any:
        """Returns dL/dx (..., D) from dL/d(W x + b) by block, each (..., H): the way back of `project`."""
        return self._sent(pre, self.w_ih)

    def to_state(self, rec: dict[str, Any]) -> Any:
        """Returns dL/de (..., H) from dL/d(U e + b') by block, each (..., H): the way back of `recurrent`."""
        return self._sent(rec, self.w_hh)

    def _sent(self, blocks: dict[str, Any], weight: Any) -> Any:
        return sum(a @ weight[self.rows(s)] for s, a in blocks.items())

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

    def map(self, change: Callable[[Any], Any]) -> "LayerWeights":
        """Returns the same weights with every array changed."""
        keys = ("w_ih", "w_hh", "b_ih", "b_hh", "peepholes")
        values = {key: getattr(self, key) for key in keys}
        return replace(self, **{k: change(v) for k, v in values.items() if v is not None})


class EachUnit(LayerWeights):
    """Weights as the gradients of all units meet them at once; NumPy only.

    A gradient (..., 1, H) stands for a diagonal (..., H, H): row j is that of unit j, still its own.
    Through weights it becomes the whole table, and goes on as one.
    """

    def _sent(self, blocks: dict[str, Any], weight: Any) -> Any:
        own = {s: a for s, a in blocks.items() if a.shape[-2] == 1}
        tables = [a @ weight[self.rows(s)] for s, a in blocks.items() if s not in own]
        if own:
            tables.append(self._scaled(own, weight))
        return sum(tables[1:], tables[0])

    def _scaled(self, blocks: dict[str, Any], weight: Any) -> Any:
        """Every row of weight times its unit's gradient, summed over blocks: a product for each unit."""
        H, G = self.hidden_size, len(blocks)
        by_unit = np.concatenate(list(blocks.values()), -2)  # (..., G, H)
        rows = weight.reshape(len(self.blocks), H, -1).swapaxes(0, 1)  # (H, all blocks, H or D)
        if tuple(blocks) != self.blocks:
            rows = rows[:, [self.blocks.index(s) for s in blocks]]  # (H, G, H or D)
        table = np.empty((by_unit.size // (G * H), H, rows.shape[-1]))
        np.matmul(by_unit.reshape(-1, G, H).transpose(2, 0, 1), rows, out=table.swapaxes(0, 1))
        return table.reshape(*by_unit.shape[:-2], H, -1)


def _affine(x: Any, weight: Any, bias: Any) -> Any:
    product = x @ weight.T
    return product if bias is None else product + bias


@dataclass(frozen=True)
class Signal:
    """One named quantity of a cell.

    role is `gate` (0..1), `candidate` or `state`. hue names its colour on every page.
    """

    symbol: str
    role: str
    activation: str
    hue: str


@dataclass(frozen=True)
class Node:
    """A node of the drawing: at (x, y) on a 100 x 60 grid; its value is an expression or none.

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

    h: dL/dh_prev as it came through U, kept: the share that came past all gates, or None. c: dL/dc_prev,
    or None. pre: dL/d(W x + b) by block; rec: dL/d(U e + b') by block, where e is h_prev, or
    gated[block] * h_prev.
    """

    h: Any
    c: Any
    pre: dict[str, Any]
    rec: dict[str, Any]
    gated: dict[str, Any]
    kept: Any = None

    @property
    def whole(self) -> Any:
        """dL/dh_prev, with what was kept."""
        return self.h if self.kept is None else self.h + self.kept

    def through(self, w: LayerWeights) -> dict[str, Any]:
        """Returns the share of dL/dh_prev that came through each block: they sum to h."""
        shares = {s: a @ w.w_hh[w.rows(s)] for s, a in self.rec.items()}
        return {s: a * self.gated[s] if s in self.gated else a for s, a in shares.items()}


@dataclass(frozen=True)
class CellSpec:
    """One cell of the registry.

    blocks: packed weight blocks in order. states: ("h",) or ("h", "c").
    local(values, weights) gives a step's derivatives by name, each (..., H): of the state by each block's
    pre-activation, `keep` of the state by itself, `show` of h by c. back(local, weights, dh, dc) carries
    dL/dh and dL/dc (..., H), what h shows of it included, one step back: see Back. It multiplies by local
    derivatives and sends through weights by `to_state`; nothing else, so that it also takes EachUnit.
    step(ops, a, state, weights, touch) takes a = W x + b by block, the states (..., H), and returns
    (pre-activations by symbol, activations by symbol, new states).
    equations: symbol -> expression, in the order of the lecture; `pre_s` is a pre-activation.
    fast(weights, x, state) is the same over all steps of x (T, ..., D) at once, or None;
    it returns (pre, gate, h, c) over T. torch_module: the reference in PyTorch, or None.
    lecture: the same cell in the lecture's notation, where that differs.
    """

    key: str
    family: str
    blocks: tuple[str, ...]
    signals: tuple[Signal, ...]
    states: tuple[str, ...]
    equations: tuple[tuple[str, Expression], ...]
    step: Callable[..., tuple[dict[str, Any], dict[str, Any], tuple[Any, ...]]]
    local: Callable[[dict[str, Any], LayerWeights], dict[str, Any]]
    back: Callable[..., Back]
    diagram: Diagram
    source: str
    fast: Callable[..., Any] | None = None
    torch_module: type[torch.nn.Module] | None = None
    torch_options: tuple[tuple[str, Any], ...] = ()
    peephole_blocks: tuple[str, ...] = ()
    keep: str | None = None
    """The gate that keeps the state when it is 1, for forget-bias-like settings."""
    write: str | None = None
    """The gate that writes when it is 1, set against `keep` by chrono initialisation."""
    flips: tuple[str, ...] = ()
    """Gates that lecture notation shows as one minus PyTorch's."""
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

    def parameters(self, input_size: int, hidden_size: int, biases: int = 2) -> int:
        """Returns the number of weights of one layer; PyTorch has two biases, textbooks one."""
        H, blocks = hidden_size, len(self.blocks)
        return blocks * H * (input_size + H + biases) + len(self.peephole_blocks) * H
