"""The derivatives within one step, from the equations: expressions again, never numbers.

A step ends in its states. How each of them changes with what it is made of, all gates passed through, is one
elementwise factor each: that is all a gradient needs on its way back, besides the weights themselves.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from explorer.cells.equations import Equations, Expression, symbols, weighted

Slopes = dict[str, Expression]
"""`c/f` -> dc/d(pre-activation f), `c/c_prev`, `h/c`: of a state by what it is made of."""


def product(*factors: Expression) -> Expression:
    """Returns a product without factors of 1, its sign in front."""
    kept: list[Expression] = []
    negative = False
    for factor in factors:
        while isinstance(factor, tuple) and factor[0] == "neg":
            factor, negative = factor[1], not negative
        if isinstance(factor, tuple) and factor[0] == "mul":
            kept += factor[1:]
        elif factor != 1.0:
            kept.append(factor)
    value = 1.0 if not kept else kept[0] if len(kept) == 1 else ("mul", *kept)
    return ("neg", value) if negative else value


def total(left: Expression | None, right: Expression) -> Expression:
    """Returns a sum; a negative summand is taken away."""
    if left is None:
        return right
    if isinstance(right, tuple) and right[0] == "neg":
        return ("sub", left, right[1])
    if isinstance(left, tuple) and left[0] == "neg":
        return ("sub", right, left[1])
    return ("add", *(left[1:] if isinstance(left, tuple) and left[0] == "add" else (left,)), right)


_SLOPE: Mapping[str, Callable[[Expression, Expression], Expression]] = {
    "sigmoid": lambda a, v: ("mul", v, ("sub", 1.0, v)),
    "tanh": lambda a, v: ("sub", 1.0, ("mul", v, v)),
    "relu": lambda a, v: ("step", a),
    "exp": lambda a, v: v,
    "log": lambda a, v: ("div", 1.0, a),
    "abs": lambda a, v: ("sign", a),
    "neg": lambda a, v: ("neg", 1.0),
    "log_sigmoid": lambda a, v: ("sub", 1.0, ("sigmoid", a)),
    "clip": lambda a, v: ("mul", ("step", a), ("step", ("sub", 1.0, a))),
}
"""The derivative of each function at a, where its value is v."""


class _Way:
    """The way back from one expression to all it is made of, this step's states taken as they are."""

    def __init__(self, equations: Equations, stops: Sequence[str]) -> None:
        self.equations, self.stops = equations, stops
        self.found: dict[str, Expression] = {}
        self.weights: dict[str, Expression] = {}

    def of(self, expression: Expression) -> "_Way":
        self.push(expression, expression, 1.0)
        for symbol, own in reversed(self.equations):
            if symbol in self.found and symbol not in self.stops:
                self.push(own, symbol, self.found[symbol])
        return self

    def add(self, table: dict[str, Expression], name: str, by: Expression) -> None:
        table[name] = total(table.get(name), by)

    def push(self, expression: Expression, value: Expression, by: Expression) -> None:
        """Sends a derivative on to the parts of an expression; value is what stands for its value."""
        if isinstance(expression, str):
            self.add(self.found, expression, by)
        if not isinstance(expression, tuple) or expression[0] == "in":
            return
        head, *parts = expression
        if head == "rec":
            self.add(self.weights, f"U {parts[0]}", by)
        elif head == "unit":
            self.add(self.weights, f"p {parts[0]}", by)
        elif head == "peep":
            self.add(self.weights, f"p {parts[0]}", product(by, parts[1]))
            self.push(parts[1], parts[1], product(by, ("unit", parts[0])))
        elif head in _SLOPE:
            self.push(parts[0], parts[0], product(by, _SLOPE[head](parts[0], value)))
        else:
            self.push_to_many(head, parts, value, by)

    def push_to_many(self, head: str, parts: Sequence[Expression], value: Expression, by: Expression) -> None:
        for k, part in enumerate(parts):
            others = [other for j, other in enumerate(parts) if j != k]
            if head == "mul":
                each = product(by, *others)
            elif head == "max":
                each = product(by, ("over", part, others[0]))
            elif head == "div":
                each = ("div", by, parts[1]) if k == 0 else product(("neg", by), ("div", value, parts[1]))
            else:
                each = product(("neg", by)) if head == "sub" and k else by
            self.push(part, part, each)


@dataclass(frozen=True)
class StepSlopes:
    """All a way back through one step is made of.

    slopes by name: `c/f` of state c by pre-activation f; `c/c_prev`; `h/c` of a state by another of the same
    step; `n/U` of pre-activation n by U_n e + b', where that is not 1; `U_n/r`, `U_n/h_prev` of what U_n
    is applied to, where that is not h_prev. own: `c/p_f`, of a state by a unit's own weight.
    within: (later, earlier) state of the same step, the last first. sources: block -> the name `U_n`
    of what its U is applied to, blocks that share it under the first of them.
    """

    slopes: Slopes
    own: Slopes
    within: tuple[tuple[str, str], ...]
    sources: dict[str, str]
    applied: dict[str, Expression]


def step_slopes(equations: Equations, states: Sequence[str]) -> StepSlopes:
    """Returns the derivatives within one step. Raises ValueError for equations that have no such form."""
    sources, applied = _sources(equations, states)
    ordered = [symbol for symbol, _ in equations if symbol in states]
    slopes: Slopes = {}
    own: Slopes = {}
    within = []
    table = dict(equations)
    for target in (*reversed(ordered), *applied):
        expression = table[target] if target in table else applied[target]
        way = _Way(equations, states).of(expression)
        for name, by in way.found.items():
            if name.startswith("pre_"):
                slopes[f"{target}/{name[4:]}"] = by
            elif name.endswith("_prev") or name in states:
                slopes[f"{target}/{name}"] = by
        own |= {
            f"{target}/{name.replace(' ', '_')}": by for name, by in way.weights.items() if name[0] == "p"
        }
        within += [(target, s) for s in reversed(ordered) if s in way.found and s != target]
    for symbol, expression in equations:
        for _, block in weighted(expression, "in"):
            terms = expression[1:] if expression[0] == "add" else (expression,)
            if symbol != f"pre_{block}" or terms.count(("in", block)) != 1:
                raise ValueError(f"W_{block} x must be a term of pre_{block}: in {symbol} it is not")
        for _, block, *_ in weighted(expression, "rec"):
            if symbol != f"pre_{block}":
                raise ValueError(f"U_{block} must stand beside W_{block} x: in {symbol} it does not")
            by = _Way((), ()).of(expression).weights[f"U {block}"]
            if by != 1.0:
                slopes[f"{block}/U"] = by
    return StepSlopes(slopes, own, tuple(within), sources, applied)


def _sources(equations: Equations, states: Sequence[str]) -> tuple[dict[str, str], dict[str, Expression]]:
    """Returns block -> source by name, and source -> expression, for what U is applied to but h_prev."""
    sources: dict[str, str] = {}
    applied: dict[str, Expression] = {}
    for _, block, *source in weighted(equations, "rec"):
        if not source:
            continue
        if symbols(source[0]) & set(states):
            raise ValueError(f"U_{block} is applied to a state of its own step")
        name = next((name for name, e in applied.items() if e == source[0]), f"U_{block}")
        sources[block], applied[name] = name, source[0]
    return sources, applied
