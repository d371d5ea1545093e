"""Equations as data: one expression, drawn with symbols, with numbers, as LaTeX, or evaluated.

An expression is a number, a symbol (`"f"`, `"c_prev"`) or a tuple headed by an operator:

    ("add", a, b, ...)   ("sub", a, b)   ("mul", a, b, ...)  elementwise
    ("sigmoid", a)   ("tanh", a)   ("relu", a)
    ("in", s)        W_s x + b_s        the input's share of pre-activation s  (..., H)
    ("rec", s)       U_s h_prev + b'_s  the state's share                      (..., H)
    ("rec", s, e)    U_s e + b'_s       the same for an expression e in place of h_prev
    ("peep", s, e)   p_s * e            a peephole, one weight per unit
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

Expression = Any  # float | str | tuple: recursive types say no more here

_UNARY: Mapping[str, Callable[..., Any]] = {
    "sigmoid": lambda a: 0.5 * (1.0 + np.tanh(0.5 * a)),
    "tanh": np.tanh,
    "relu": lambda a: np.maximum(a, 0.0),
}


def evaluate(expression: Expression, values: Mapping[str, Any], weights: Any) -> Any:
    """Returns the value of an expression; symbols come from values, W, U and p from LayerWeights."""
    if isinstance(expression, str):
        return values[expression]
    if not isinstance(expression, tuple):
        return expression
    head, *rest = expression
    if head == "in":
        return weights.project(values["x"])[rest[0]]
    if head == "rec":
        source = evaluate(rest[1] if len(rest) > 1 else "h_prev", values, weights)
        return weights.recurrent(source)[rest[0]]
    if head == "peep":
        return weights.peephole(rest[0]) * evaluate(rest[1], values, weights)
    parts = [evaluate(part, values, weights) for part in rest]
    if head in _UNARY:
        return _UNARY[head](parts[0])
    total = parts[0]
    for part in parts[1:]:
        total = {"add": np.add, "sub": np.subtract, "mul": np.multiply}[head](total, part)
    return total


def unfolded(symbol: str, equations: Mapping[str, Expression]) -> Expression:
    """Returns a symbol's equation with the pre-activation it names written out."""

    def unfold(expression: Expression) -> Expression:
        if isinstance(expression, str) and expression.startswith("pre_"):
            return equations[expression]
        if isinstance(expression, tuple):
            return (expression[0], *(unfold(part) for part in expression[1:]))
        return expression

    return unfold(equations[symbol])


def peepholes(expression: Expression) -> Iterator[tuple[str, Expression]]:
    """Yields (gate, what its peephole sees) for each peephole in an expression or in equations."""
    if isinstance(expression, tuple):
        if expression[0] == "peep":
            yield expression[1], expression[2]
        for part in expression:
            yield from peepholes(part)


_LATEX_SYMBOL = {"x": "x_t", "h_prev": "h_{t-1}", "c_prev": "c_{t-1}"}


def latex(expression: Expression) -> str:
    """Returns the expression as LaTeX, for lessons."""
    if isinstance(expression, str):
        return _LATEX_SYMBOL.get(expression, f"{expression}_t")
    if not isinstance(expression, tuple):
        return f"{expression:g}"
    head, *rest = expression
    if head == "in":
        return rf"W_{rest[0]} x_t + b_{rest[0]}"
    if head == "rec":
        source = _bracket(rest[1]) if len(rest) > 1 else "h_{t-1}"
        return rf"U_{rest[0]} {source} + b'_{rest[0]}"
    if head == "peep":
        return rf"p_{rest[0]} \odot {latex(rest[1])}"
    if head in _UNARY:
        name = {"sigmoid": r"\sigma", "tanh": r"\tanh", "relu": r"\mathrm{relu}"}[head]
        return rf"{name}\left({latex(rest[0])}\right)"
    if head == "mul":
        return r" \odot ".join(_bracket(part) for part in rest)
    return {"add": " + ", "sub": " - "}[head].join(latex(part) for part in rest)


def _bracket(expression: Expression) -> str:
    needs = isinstance(expression, tuple) and expression[0] in ("add", "sub", "in", "rec", "mul")
    return rf"\left({latex(expression)}\right)" if needs else latex(expression)
