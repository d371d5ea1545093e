"""A witness of a run on the stage: computed again in torch, a gate at a time, with the same changes.

Nothing here uses the registry's steps, nor the hooks by which a trace is changed: a change that is carried
out wrongly, or not at all, shows as a difference.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from explorer.nn.interventions import Clamp, Intervention, Transplant, ZeroUnit
from explorer.nn.tracing import LayerTrace, LayerWeights

Values = dict[str, Tensor]
Hold = Callable[[str, Tensor], Tensor]


@np.errstate(over="ignore", invalid="ignore")  # an explosion is a result
def departure(layer: LayerTrace, changes: Sequence[Intervention] = (), first_step: int = 1) -> float:
    """Returns the largest |run - witness| over all gates and states of a run that was changed.

    layer: the steps from first_step on, along time, unbatched, in either notation. The witness starts from
    its first state. Where only one of the two is finite it is inf.
    """
    layer = layer.in_notation("pytorch")
    rows = _rows(layer, changes, first_step)
    apart = [
        _apart(getattr(layer, state), torch.stack([row[state] for row in rows]))
        for state in layer.spec.states
    ]
    apart += [_apart(gate, torch.stack([row[s] for row in rows[1:]])) for s, gate in layer.gate.items()]
    return max(apart)


@torch.no_grad()
def _rows(layer: LayerTrace, changes: Sequence[Intervention], first_step: int) -> list[Values]:
    """Returns the witness's values: the state before the first step, then gates and states after each."""
    step = _gru if "z" in layer.gate else _lstm if layer.c is not None else _rnn
    before = {state: torch.tensor(getattr(layer, state)[0]) for state in layer.spec.states}
    rows = [_planted(before, changes, first_step - 1)]
    net = _Net(layer.cell, layer.weights)
    for at, x in enumerate(torch.tensor(layer.x), first_step):
        rows.append(_planted(step(net, x, rows[-1], _holding(changes, at)), changes, at))
    return rows


def _holding(changes: Sequence[Intervention], step: int) -> Hold:
    """Returns what holds a value where a change says so at a step."""

    def hold(symbol: str, value: Tensor) -> Tensor:
        for change in changes:
            if isinstance(change, Clamp) and change.symbol == symbol and change.start <= step:
                number = change.value
            elif isinstance(change, ZeroUnit) and symbol in ("h", "c") and change.start <= step:
                number = 0.0
            else:
                continue
            held = torch.arange(len(value)) == change.unit if change.unit is not None else torch.tensor(True)
            value = torch.where(held, number, value)
        return value

    return hold


def _planted(values: Values, changes: Sequence[Intervention], step: int) -> Values:
    """Returns the values with the states that were transplanted after a step."""
    for change in changes:
        if isinstance(change, Transplant) and change.after == step:
            donor = {"h": change.h, "c": change.c}
            brought = {s: torch.tensor(v, dtype=torch.float64) for s, v in donor.items() if v is not None}
            values = values | {s: v for s, v in brought.items() if s in values}
    return values


class _Net:
    """A layer's weights in torch, by the symbol of their block."""

    def __init__(self, cell: str, weights: LayerWeights) -> None:
        self.cell, self.blocks = cell, weights.blocks
        self.arrays = {name: torch.tensor(array) for name, array in weights.arrays().items()}
        self.peepholes = weights.peephole_blocks
        self.size = weights.hidden_size

    def input(self, symbol: str, x: Tensor) -> Tensor:
        return self._product("ih", symbol, x)

    def state(self, symbol: str, h: Tensor) -> Tensor:
        return self._product("hh", symbol, h)

    def peephole(self, symbol: str, c: Tensor) -> Tensor:
        """What a gate sees of the cell state; nothing in most cells."""
        if symbol not in self.peepholes:
            return torch.zeros_like(c)
        return self.arrays["peephole"].split(self.size)[self.peepholes.index(symbol)] * c

    def _product(self, which: str, symbol: str, value: Tensor) -> Tensor:
        at = self.blocks.index(symbol) * self.size
        rows = slice(at, at + self.size)
        product = self.arrays[f"weight_{which}"][rows] @ value
        bias = self.arrays.get(f"bias_{which}")
        return product if bias is None else product + bias[rows]


def _rnn(net: _Net, x: Tensor, before: Values, hold: Hold) -> Values:
    (symbol,) = net.blocks
    total = net.input(symbol, x) + net.state(symbol, before["h"])
    return {"h": hold("h", torch.relu(total) if net.cell == "rnn_relu" else torch.tanh(total))}


def _lstm(net: _Net, x: Tensor, before: Values, hold: Hold) -> Values:
    one = torch.ones_like(before["c"])

    def gate(symbol: str, c: Tensor) -> Tensor:
        if symbol not in net.blocks:
            return one
        total = net.input(symbol, x) + net.state(symbol, before["h"]) + net.peephole(symbol, c)
        return hold(symbol, torch.sigmoid(total))

    f = gate("f", before["c"])
    i = hold("i", one - f) if net.cell == "lstm_coupled" else gate("i", before["c"])
    g = hold("g", torch.tanh(net.input("g", x) + net.state("g", before["h"])))
    c = hold("c", f * before["c"] + i * g)
    o = gate("o", c)
    h = hold("h", o * (c if net.cell == "lstm_no_squash" else torch.tanh(c)))
    return {"f": f, "i": i, "g": g, "o": o, "c": c, "h": h}


def _gru(net: _Net, x: Tensor, before: Values, hold: Hold) -> Values:
    h = before["h"]
    r, z = (hold(s, torch.sigmoid(net.input(s, x) + net.state(s, h))) for s in ("r", "z"))
    past = net.state("n", r * h) if net.cell == "gru_reset_before" else r * net.state("n", h)
    n = hold("n", torch.tanh(net.input("n", x) + past))
    return {"r": r, "z": z, "n": n, "h": hold("h", (1 - z) * n + z * h)}


def _apart(ours: np.ndarray, witness: Tensor) -> float:
    theirs = witness.numpy()
    finite = np.isfinite(ours)
    if not np.array_equal(finite, np.isfinite(theirs)):
        return float("inf")
    return float(np.abs(ours[finite] - theirs[finite]).max(initial=0.0))
