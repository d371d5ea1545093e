"""Cells of the registry with other functions in them, as other frameworks have: hard sigmoids, ReLU.

    with_activations(LSTM, "hard_sigmoid", "tanh", "tanh").key     # "lstm:hard_sigmoid:tanh:tanh"

Such a cell is on no list; the registry makes it when its key is asked for.
"""

import re
from dataclasses import replace
from functools import lru_cache

from explorer.cells.build import rewritten
from explorer.cells.spec import CellSpec

FUNCTIONS = {
    "sigmoid": "sigmoid({})",
    "tanh": "tanh({})",
    "relu": "relu({})",
    "linear": "{}",
    "hard_sigmoid": "relu(0.2 * {0} + 0.5) - relu(0.2 * {0} - 0.5)",
    "hard_sigmoid_6": "relu({0} / 6 + 0.5) - relu({0} / 6 - 0.5)",
}
"""Name -> equation. hard_sigmoid rises by .2 (Keras 1 and 2, ONNX's default), hard_sigmoid_6 by a sixth."""

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

    Raises KeyError for functions that are not known, or of another number than the cell has.
    """
    if len(functions) != len(USUAL[base.family]) or not set(functions) <= FUNCTIONS.keys():
        raise KeyError(f"{base.key} with {functions}")
    gate, candidate = functions[0], functions[min(1, len(functions) - 1)]
    lines: dict[str, str] = {}
    for symbol, text in base.lines.items():
        found = re.fullmatch(r"(?:sigmoid|tanh)\((.*)\)", text)
        if found is None:
            lines[symbol] = text.replace("tanh(c)", f"({FUNCTIONS[functions[-1]].format('c')})")
            continue
        lines[f"pre_{symbol}"] = found[1]
        lines[symbol] = FUNCTIONS[gate if text.startswith("sigmoid") else candidate].format(f"pre_{symbol}")
    names = {"sigmoid": gate, "tanh": candidate}
    signals = tuple(replace(s, activation=names.get(s.activation, s.activation)) for s in base.signals)
    draw = (lambda _: base.diagram) if base.family == "rnn" else base.draw  # one box, whatever it computes
    alone = replace(base, lines={}, signals=signals, draw=draw)
    return rewritten(
        alone,
        lines,
        key=":".join((base.key, *functions)),
        paper=None,
        fast=None,
        torch_module=None,
        keras=None,
        lead=False,
        lecture=None,
    )
