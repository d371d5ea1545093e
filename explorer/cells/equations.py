"""Equations as text that reads like the lecture, and as data: evaluated, drawn, written in LaTeX.

    f = sigmoid(W_f x + U_f h_prev)
    c = f * c_prev + i * g

`W_f x` stands for W_f x + b_f and `U_f h_prev` for U_f h_{t-1} + b'_f, as PyTorch packs them;
`U_f (r * h_prev)` sends something else through U. `p_f` is a weight for each unit alone, `p_f * c_prev` a
peephole. What goes from weights into a function is a pre-activation, `pre_f`; an equation may also name it,
`pre_f = W_f x`.

Parsed, an expression is a number, a symbol (`"f"`, `"c_prev"`) or a tuple headed by an operator:

    ("add", a, b, ...)   ("sub", a, b)   ("mul", a, b, ...)   ("div", a, b)   ("max", a, b)   elementwise
    ("sigmoid", a)   ("tanh", a)   ("relu", a)   ("exp", a)   ("log", a)   ("abs", a)   ("neg", a)
    ("log_sigmoid", a)   log sigma(a), exact also where sigma(a) is near 0
    ("clip", a)      a, but 0 below 0 and 1 above 1
    ("in", s)        W_s x + b_s        the input's share of pre-activation s  (..., H)
    ("rec", s)       U_s h_prev + b'_s  the state's share                      (..., H)
    ("rec", s, e)    U_s e + b'_s       the same for an expression e in place of h_prev
    ("peep", s, e)   p_s * e            a peephole, one weight per unit
    ("unit", s)      p_s                a weight for each unit                 (H,)
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

Expression = Any  # float | str | tuple: recursive types say no more here
Equations = tuple[tuple[str, Expression], ...]

_UNARY: Mapping[str, Callable[..., Any]] = {
    "sigmoid": lambda a: 0.5 * (1.0 + np.tanh(0.5 * a)),
    "tanh": np.tanh,
    "relu": lambda a: np.maximum(a, 0.0),
    "exp": np.exp,
    "log": np.log,
    "abs": np.abs,
    "neg": np.negative,
    "log_sigmoid": lambda a: -np.logaddexp(0.0, -a),
    "clip": lambda a: np.clip(a, 0.0, 1.0),
}
_MANY: Mapping[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "max": np.maximum,
}
FUNCTIONS = frozenset(_UNARY) - {"neg"} | {"max"}
"""What an equation may call."""


# Reading


_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d*)?)|([A-Za-z]\w*)|([-+*/(),]))")


def parse(text: str) -> Expression:
    """Returns the expression that a text stands for. Raises ValueError where it stands for none."""
    tokens, at = [], 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"cannot read {text[at:].strip()!r} in {text!r}")
        tokens.append(found[found.lastindex or 0])
        at = found.end()
    reader = _Reader(text, tokens)
    expression = reader.sum()
    if reader.tokens:
        raise ValueError(f"{reader.tokens[-1]!r} is too much in {text!r}")
    return expression


class _Reader:
    """Reads sums of products of factors from tokens, the next one last."""

    def __init__(self, text: str, tokens: Sequence[str]) -> None:
        self.text, self.tokens = text, list(reversed(tokens))

    def next(self, expected: str = "") -> str:
        token = self.tokens.pop() if self.tokens else ""
        if not token or (expected and token != expected):
            raise ValueError(f"{self.text!r} wants {expected or 'more'}, not {token or 'its end'}")
        return token

    def sees(self, *tokens: str) -> bool:
        return bool(self.tokens) and self.tokens[-1] in tokens

    def sum(self) -> Expression:
        found = self.product()
        while self.sees("+", "-"):
            head = "add" if self.next() == "+" else "sub"
            found = _joined(head, found, self.product())
        return found

    def product(self) -> Expression:
        found = self.factor()
        while self.sees("*", "/"):
            head = "mul" if self.next() == "*" else "div"
            found = _joined(head, found, self.factor())
        return found

    def factor(self) -> Expression:
        token = self.next()
        if token == "-":
            return ("neg", self.factor())
        if token == "(":
            inner = self.sum()
            self.next(")")
            return inner
        if token[0].isdigit():
            return float(token)
        if not token[0].isalpha():
            raise ValueError(f"{self.text!r} has {token!r} in the wrong place")
        if token[:2] in ("W_", "U_", "p_"):
            return self.weight(token[0], token[2:])
        return self.call(token) if self.sees("(") else token

    def weight(self, kind: str, block: str) -> Expression:
        if kind == "p":
            return ("unit", block)
        applied = self.factor()
        if kind == "W":
            if applied != "x":
                raise ValueError(f"W_{block} takes x, not {applied!r}")
            return ("in", block)
        return ("rec", block) if applied == "h_prev" else ("rec", block, applied)

    def call(self, name: str) -> Expression:
        if name not in FUNCTIONS:
            raise ValueError(f"{name!r} in {self.text!r} is no function; there are {sorted(FUNCTIONS)}")
        self.next("(")
        parts = [self.sum()]
        while self.sees(","):
            self.next()
            parts.append(self.sum())
        self.next(")")
        if len(parts) != (2 if name == "max" else 1):
            raise ValueError(f"{name} in {self.text!r} takes {2 if name == 'max' else 1}, not {len(parts)}")
        return (name, *parts)


def _joined(head: str, left: Expression, right: Expression) -> Expression:
    """Returns left (head) right: sums and products are flat, a unit's weight times something a peephole."""
    if head == "mul" and isinstance(left, tuple) and left[0] == "unit":
        return ("peep", left[1], right)
    if head in ("add", "mul") and isinstance(left, tuple) and left[0] == head:
        return (*left, right)
    return (head, left, right)


def equations_of(lines: Mapping[str, str]) -> Equations:
    """Returns the equations that lines, symbol -> text, stand for: in their order, pre-activations apart.

    A symbol that is a mere number is put where it is read, and has no equation.
    """
    found: list[tuple[str, Expression]] = []
    known: dict[str, float] = {}
    for symbol, text in lines.items():
        expression = _with_numbers(parse(text), known)
        if isinstance(expression, float):
            known[symbol] = expression
            continue
        if not symbol.startswith("pre_"):
            expression = _apart(expression, False, found)
        found.append((symbol, expression))
    return tuple(found)


def _with_numbers(expression: Expression, known: Mapping[str, float]) -> Expression:
    """Returns an expression with numbers for the symbols that are known, and without factors of 1."""
    if isinstance(expression, str):
        return known.get(expression, expression)
    if not isinstance(expression, tuple):
        return expression
    head, *parts = expression
    if head in ("in", "unit"):
        return expression
    if head in ("rec", "peep"):
        return (head, parts[0], *(_with_numbers(part, known) for part in parts[1:]))
    parts = [_with_numbers(part, known) for part in parts]
    if head == "mul":
        parts = [part for part in parts if part != 1.0] or [1.0]
        return parts[0] if len(parts) == 1 else (head, *parts)
    return (head, *parts)


def _apart(expression: Expression, in_function: bool, found: list[tuple[str, Expression]]) -> Expression:
    """Returns an expression with a name for each pre-activation, whose equation is added to what was found.

    Where a sum with some W x goes into a function, the sum is the pre-activation; else the part of it that
    goes through weights.
    """
    if not isinstance(expression, tuple):
        return expression
    head, *parts = expression
    terms = parts if head == "add" else [expression]
    block = next((term[1] for term in terms if isinstance(term, tuple) and term[0] == "in"), None)
    if block is not None:
        own = [t for t in terms if isinstance(t, tuple) and t[0] in ("in", "rec", "peep")]
        rest = [] if in_function else [t for t in terms if t not in own]
        taken = terms if in_function else own
        found.append((f"pre_{block}", taken[0] if len(taken) == 1 else ("add", *taken)))
        return ("add", f"pre_{block}", *rest) if rest else f"pre_{block}"
    if head in ("in", "rec", "unit"):
        return expression
    inside = head in FUNCTIONS and head != "max"
    return (head, *(_apart(part, inside, found) for part in parts))


# What is in them


def weighted(expression: Expression, head: str) -> Iterator[tuple[Any, ...]]:
    """Yields every (head, block, ...) in an expression or in equations: `in`, `rec`, `peep` or `unit`."""
    if isinstance(expression, tuple):
        if expression and expression[0] == head:
            yield expression
        for part in expression:
            yield from weighted(part, head)


def peepholes(expression: Expression) -> Iterator[tuple[str, Expression]]:
    """Yields (gate, what its peephole sees) for each peephole in an expression or in equations."""
    for _, gate, seen in weighted(expression, "peep"):
        yield gate, seen


def symbols(expression: Expression) -> set[str]:
    """Returns the symbols that an expression reads, x and h_prev of its weights included."""
    if isinstance(expression, str):
        return {expression}
    if not isinstance(expression, tuple):
        return set()
    head, *rest = expression
    if head in ("in", "rec", "peep", "unit"):
        implied = {"in": {"x"}, "rec": {"h_prev"}}.get(head, set())
        return symbols(rest[1]) if len(rest) > 1 else implied
    return set().union(*map(symbols, rest))


def unfolded(symbol: str, equations: Mapping[str, Expression]) -> Expression:
    """Returns a symbol's equation with the pre-activation it names written out."""

    def unfold(expression: Expression) -> Expression:
        if isinstance(expression, str) and expression.startswith("pre_"):
            return equations[expression]
        if isinstance(expression, tuple):
            return (expression[0], *(unfold(part) for part in expression[1:]))
        return expression

    return unfold(equations[symbol])


# In numbers


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
    if head == "unit":
        return weights.peephole(rest[0])
    parts = [evaluate(part, values, weights) for part in rest]
    if head in _UNARY:
        return _UNARY[head](parts[0])
    total = parts[0]
    for part in parts[1:]:
        total = _MANY[head](total, part)
    return total


# In LaTeX


_LATEX_NAME = {
    "sigmoid": r"\sigma",
    "tanh": r"\tanh",
    "relu": r"\mathrm{relu}",
    "exp": r"\exp",
    "log": r"\log",
    "log_sigmoid": r"\log\sigma",
    "clip": r"\mathrm{clip}_0^1",
}
_SUMS = ("add", "sub", "in", "rec", "neg")


def latex(expression: Expression) -> str:
    """Returns the expression as LaTeX, for lessons."""
    if isinstance(expression, str):
        return _latex_symbol(expression)
    if not isinstance(expression, tuple):
        return f"{expression:g}"
    head, *rest = expression
    if head == "in":
        return rf"W_{rest[0]} x_t + b_{rest[0]}"
    if head == "rec":
        source = _bracket(rest[1]) if len(rest) > 1 else "h_{t-1}"
        return rf"U_{rest[0]} {source} + b'_{rest[0]}"
    if head == "peep":
        return rf"p_{rest[0]} \odot {_bracket(rest[1])}"
    if head == "unit":
        return f"p_{rest[0]}"
    if head in _LATEX_NAME:
        return rf"{_LATEX_NAME[head]}\left({latex(rest[0])}\right)"
    return _latex_operator(head, rest)


def _latex_operator(head: str, parts: Sequence[Expression]) -> str:
    if head == "abs":
        return rf"\left|{latex(parts[0])}\right|"
    if head == "neg":
        return f"-{_bracket(parts[0])}"
    if head == "div":
        return rf"\frac{{{latex(parts[0])}}}{{{latex(parts[1])}}}"
    if head == "max":
        return rf"\max\left({', '.join(map(latex, parts))}\right)"
    if head == "mul":
        first, *rest = parts
        dot = r" \cdot " if isinstance(first, float) else r" \odot "
        return dot.join([_bracket(first), r" \odot ".join(map(_bracket, rest))])
    if head == "sub":
        return f"{latex(parts[0])} - {_bracket(parts[1], _SUMS)}"
    return " + ".join(map(latex, parts))


def _latex_symbol(symbol: str) -> str:
    if symbol.endswith("_prev"):
        return f"{symbol.removesuffix('_prev')}_{{t-1}}"
    if symbol.startswith("pre_"):
        return rf"\tilde{{{symbol.removeprefix('pre_')}}}_t"
    return f"{symbol}_t"


def _bracket(expression: Expression, heads: Sequence[str] = (*_SUMS, "mul")) -> str:
    needs = isinstance(expression, tuple) and expression[0] in heads
    return rf"\left({latex(expression)}\right)" if needs else latex(expression)
