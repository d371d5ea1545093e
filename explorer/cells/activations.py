"""Cells of the registry with other functions in them, as other frameworks have: hard sigmoids, ReLU.

    with_activations(LSTM, "hard_sigmoid", "tanh", "tanh").key     # "lstm:hard_sigmoid:tanh:tanh"

Such a cell is on no list; the registry makes it when its key is asked for. Beside it its step once more,
straight in torch, with torch's own functions: what it is checked against.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from explorer.cells.build import rewritten
from explorer.cells.spec import CellSpec, Diagram, Net


@dataclass(frozen=True)
class Function:
    """A function of a gate, a candidate or c: its equation, torch's own, and a word that fits a drawing.

    valve: whether it lies between 0 and 1; endless: whether it grows without end. No slope passes 1.
    """

    text: str
    torch: Callable[[Tensor], Tensor]
    short: str
    valve: bool = False
    endless: bool = False


FUNCTIONS: Mapping[str, Function] = {
    "sigmoid": Function("sigmoid({})", torch.sigmoid, "σ", valve=True),
    "tanh": Function("tanh({})", torch.tanh, "tanh"),
    "relu": Function("relu({})", F.relu, "relu", endless=True),
    "linear": Function("{}", lambda a: a, "linear", endless=True),
    "hard_sigmoid": Function(
        "clip(0.2 * {} + 0.5)", lambda a: (0.2 * a + 0.5).clamp(0.0, 1.0), "hard σ", valve=True
    ),
    "hard_sigmoid_6": Function(  # the slope of torch's own is a sixth in single precision
        "clip({} / 6 + 0.5)", lambda a: (a / 6.0 + 0.5).clamp(0.0, 1.0), "hard σ", valve=True
    ),
    "hard_tanh": Function("2 * clip(0.5 * {} + 0.5) - 1", F.hardtanh, "hard tanh"),
    "softsign": Function("{0} / (1 + abs({0}))", F.softsign, "softsign"),
    "softplus": Function("-log_sigmoid(-{})", partial(F.softplus, threshold=50), "softplus", endless=True),
    "elu": Function("relu({0}) + exp(-relu(-{0})) - 1", F.elu, "elu", endless=True),
    "relu6": Function("6 * clip({} / 6)", F.relu6, "relu6"),
}
"""Name -> function. hard_sigmoid rises by .2 (Keras 1 and 2, ONNX's default), hard_sigmoid_6 by a sixth."""

USUAL = {"lstm": ("sigmoid", "tanh", "tanh"), "gru": ("sigmoid", "tanh"), "rnn": ("tanh",)}
"""The functions of a family as everybody has them: of the gates, of the candidate, of what is shown."""


def key_of(base: str, *functions: str) -> str:
    """Returns the key of a cell with these functions: the registry's own where they are its own."""
    if functions == USUAL[base.partition("_")[0]]:
        return base
    return "rnn_relu" if (base, functions) == ("rnn", ("relu",)) else ":".join((base, *functions))


@lru_cache(maxsize=64)
def with_activations(base: CellSpec, *functions: str) -> CellSpec:
    """Returns a cell with other functions of its gates, its candidate and, of an LSTM, of c in h.

    Gates that are not between 0 and 1 are no valves: their role is that of a candidate. All that are have
    1 - s(a) = s(-a), so that the lecture may read z the other way. Raises KeyError for functions that are
    not known, or of another number than the cell has, and for a cell that no file has so.
    """
    if base.key not in _WITNESSES or len(functions) != len(USUAL[base.family]):
        raise KeyError(f"{base.key} with {functions}")
    of_gate, of_candidate, of_shown = (functions[min(k, len(functions) - 1)] for k in range(3))
    gate, candidate, shown = FUNCTIONS[of_gate], FUNCTIONS[of_candidate], FUNCTIONS[of_shown]
    lines: dict[str, str] = {}
    for symbol, text in base.lines.items():
        found = re.fullmatch(r"(?:sigmoid|tanh)\((.*)\)", text)
        if found is None:
            lines[symbol] = text.replace("tanh(c)", f"({shown.text.format('c')})")
            continue
        lines[f"pre_{symbol}"] = found[1]
        lines[symbol] = (gate if text.startswith("sigmoid") else candidate).text.format(f"pre_{symbol}")
    names = {"sigmoid": of_gate, "tanh": of_candidate}
    roles = {"gate": "gate" if gate.valve else "candidate"}
    signals = tuple(
        replace(s, activation=names.get(s.activation, s.activation), role=roles.get(s.role, s.role))
        for s in base.signals
    )

    def draw(equations: Mapping[str, Any]) -> Diagram:
        drawn = base.diagram if base.family == "rnn" else base.draw(equations)  # one box, whatever it does
        nodes = (replace(n, text=shown.short) if n.text == "tanh" else n for n in drawn.nodes)
        return replace(drawn, nodes=tuple(nodes))

    def paper(net: Net, x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        return _WITNESSES[base.key](gate.torch, candidate.torch, shown.torch, net, x, *states)

    spec = rewritten(
        replace(base, lines={}, signals=signals, draw=draw, flips=base.flips if gate.valve else ()),
        lines,
        key=":".join((base.key, *functions)),
        paper=paper,
        fast=None,
        torch_module=None,
        keras=None,
        lead=False,
        lecture=None,
    )
    if base.lecture is None or not gate.valve:
        return spec
    return replace(spec, lecture=rewritten(spec, {"h": base.lecture.lines["h"]}))


# The steps in torch, by cell: of the gates, of the candidate, of c.

Of = Callable[[Tensor], Tensor]


def _lstm(
    gate: Of, candidate: Of, shown: Of, net: Net, x: Tensor, h: Tensor, c: Tensor
) -> tuple[Tensor, ...]:
    i, f, o = (gate(net(s, x, h)) for s in "ifo")
    after = f * c + i * candidate(net("g", x, h))
    return o * shown(after), after


def _coupled(
    gate: Of, candidate: Of, shown: Of, net: Net, x: Tensor, h: Tensor, c: Tensor
) -> tuple[Tensor, ...]:
    f, o = (gate(net(s, x, h)) for s in "fo")
    after = f * c + (1 - f) * candidate(net("g", x, h))
    return o * shown(after), after


def _peephole(
    gate: Of, candidate: Of, shown: Of, net: Net, x: Tensor, h: Tensor, c: Tensor
) -> tuple[Tensor, ...]:
    i, f = (gate(net(s, x, h) + net.unit(s) * c) for s in "if")
    after = f * c + i * candidate(net("g", x, h))
    return gate(net("o", x, h) + net.unit("o") * after) * shown(after), after


def _gru(gate: Of, candidate: Of, _: Of, net: Net, x: Tensor, h: Tensor) -> tuple[Tensor, ...]:
    r, z = (gate(net(s, x, h)) for s in "rz")
    of_x = net.of_x("n", x)
    n = candidate(of_x + r * (net("n", x, h) - of_x))
    return ((1 - z) * n + z * h,)


def _reset_before(gate: Of, candidate: Of, _: Of, net: Net, x: Tensor, h: Tensor) -> tuple[Tensor, ...]:
    r, z = (gate(net(s, x, h)) for s in "rz")
    return ((1 - z) * candidate(net("n", x, r * h)) + z * h,)


def _rnn(gate: Of, candidate: Of, _: Of, net: Net, x: Tensor, h: Tensor) -> tuple[Tensor, ...]:
    return (candidate(net("h", x, h)),)


_WITNESSES: Mapping[str, Callable[..., tuple[Tensor, ...]]] = {
    "lstm": _lstm,
    "lstm_coupled": _coupled,
    "lstm_peephole": _peephole,
    "gru": _gru,
    "gru_reset_before": _reset_before,
    "rnn": _rnn,
}
"""The cells that files have with other functions."""
