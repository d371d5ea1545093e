"""A cell's equations as Python functions: written as source once, compiled, called ever after.

The one module that compiles source; what it compiles it has written itself, from our own equations.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

from explorer.cells.equations import Equations, Expression, weighted
from explorer.cells.ops import NumpyOps
from explorer.cells.slopes import StepSlopes
from explorer.cells.spec import Back

_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}


class _Lines:
    """Lines of a function's body, in which every expression is computed once.

    project, recur: what stands for W_s x + b_s and for U_s e + b'_s, given the block and e's name.
    """

    def __init__(self, ops: str, project: Callable[[str], str], recur: Callable[[str, str | None], str]):
        self.ops, self.project, self.recur = ops, project, recur
        self.body: list[str] = []
        self.names: dict[Expression, str] = {}
        self.read: dict[str, None] = {}  # symbols, in their order

    def name(self, expression: Expression) -> str:
        """Returns a name, or a number, for an expression's value; the lines before compute it."""
        if isinstance(expression, str):
            self.read[expression] = None
            return f"{expression}_"
        if not isinstance(expression, tuple):
            return repr(float(expression))
        if expression not in self.names:
            code = self.code(expression)
            self.names[expression] = f"part{len(self.names)}"
            self.body.append(f"{self.names[expression]} = {code}")
        return self.names[expression]

    def code(self, expression: Expression) -> str:
        """Returns an expression's outermost operation on the names of its parts."""
        if not isinstance(expression, tuple):
            return self.name(expression)
        head, *parts = expression
        if head == "in":
            return self.project(parts[0])
        if head == "rec":
            return self.recur(parts[0], self.name(parts[1]) if len(parts) > 1 else None)
        if head in ("peep", "unit"):
            return f"w.peephole({parts[0]!r})" + (f" * {self.name(parts[1])}" if head == "peep" else "")
        if head == "neg":
            return f"-{self.name(parts[0])}"
        if head not in _SIGNS:
            return f"{self.ops}.{head}({', '.join(map(self.name, parts))})"
        left = parts[0]
        if len(parts) > 2:  # from the left, so that what two products share is computed once
            left = (head, *parts[:-1])
        return f"{self.name(left)} {_SIGNS[head]} {self.name(parts[-1])}"


def _made(name: str, arguments: str, body: Sequence[str], result: str) -> Callable[..., Any]:
    source = "\n    ".join([f"def {name}({arguments}):", *body, f"return {result}\n"])
    space: dict[str, Any] = {"NumpyOps": NumpyOps, "Back": Back}
    exec(compile(source, f"<{name} from its equations>", "exec"), space)
    return space[name]


def _table(values: Mapping[str, Any]) -> str:
    """Returns the source of a dict of what there is."""
    return "{" + ", ".join(f"{name!r}: {value}" for name, value in values.items() if value) + "}"


def still(expression: Expression) -> bool:
    """Returns whether an expression has one value per unit, (H,), at every step of every sequence."""
    if isinstance(expression, str):
        return False
    if not isinstance(expression, tuple):
        return True
    head, *parts = expression
    if head in ("in", "rec"):
        return False
    return all(still(part) for part in (parts[1:] if head in ("peep", "unit") else parts))


def step_of(equations: Equations, states: Sequence[str], blocks: Sequence[str]) -> Callable[..., Any]:
    """Returns CellSpec.step."""
    plain = [block for _, block, *source in weighted(equations, "rec") if not source]
    at_once = plain != [] and len(plain) == sum(1 for _ in weighted(equations, "rec"))

    def recur(block: str, source: str | None) -> str:
        if source is None and at_once:
            return f"u[{block!r}]"
        return f"w.recurrent_block({block!r}, {source or 'h_prev_'})"

    lines = _Lines("ops", lambda block: f"a[{block!r}]", recur)
    lines.body.append(f"{', '.join(f'{s}_prev_' for s in states)}, = state")
    if at_once:
        lines.body.append("u = w.recurrent(h_prev_)")
    for symbol, expression in equations:
        code = lines.code(expression)
        if still(expression):
            code = f"ops.spread({code}, {states[0]}_prev_)"
        if not symbol.startswith("pre_"):
            code = f"touch({symbol!r}, {code})"
        lines.body.append(f"{symbol}_ = {code}")
    made = [symbol for symbol, _ in equations if not symbol.startswith("pre_") and symbol not in states]
    first = [block for block in blocks if block in made]
    gates = [*first, *(symbol for symbol in made if symbol not in first)]
    pre = _table({block: f"pre_{block}_" for block in blocks})
    act = _table({symbol: f"{symbol}_" for symbol in gates})
    after = ", ".join(f"{s}_" for s in states)
    return _made("step", "ops, a, state, w, touch", lines.body, f"{pre}, {act}, ({after},)")


def local_of(equations: Equations, way: StepSlopes, states: Sequence[str]) -> Callable[..., Any]:
    """Returns CellSpec.local."""
    lines = _Lines(
        "NumpyOps",
        lambda block: f"w.project(v['x'])[{block!r}]",
        lambda block, source: f"w.recurrent_block({block!r}, {source or 'h_prev_'})",
    )
    found = {}
    for name, expression in (*way.slopes.items(), *way.own.items(), *way.applied.items()):
        value = lines.name(expression)
        found[name] = f"NumpyOps.spread({value}, {states[0]}_prev_)" if still(expression) else value
    read = dict.fromkeys([*lines.read, f"{states[0]}_prev"])
    loaded = [f"{symbol}_ = v[{symbol!r}]" for symbol in read]
    return _made("local", "v, w", [*loaded, *lines.body], _table(found))


def back_of(
    way: StepSlopes, states: Sequence[str], blocks: Sequence[str], recurrent: Sequence[str]
) -> Callable[..., Any]:
    """Returns CellSpec.back. Raises ValueError for weights that reach no state."""
    body = [f"t_{s} = totals[{s!r}]" for s in states]
    reached = {s: f"t_{s}" for s in states}  # whose gradient is known, by the name of its value
    rec = {block: f"rec_{block}" if f"{block}/U" in way.slopes else f"pre_{block}" for block in recurrent}

    def sent_to(leaf: str, targets: Sequence[str]) -> str | None:
        """What the gradients of some targets send to what they are made of."""
        terms = [f"{reached[t]} * d[{f'{t}/{leaf}'!r}]" for t in targets if f"{t}/{leaf}" in way.slopes]
        return reduce(lambda left, right: f"w.plus({left}, {right})", terms) if terms else None

    plain = [block for block in blocks if block not in way.sources]
    groups = [(name, [b for b in blocks if way.sources.get(b) == name]) for name in reversed(way.applied)]
    for source, group in (*groups, (None, plain)):
        for block in group:
            if (value := sent_to(block, list(reached))) is None:
                raise ValueError(f"W_{block} x reaches no state")
            body.append(f"pre_{block} = {value}")
            if rec.get(block) == f"rec_{block}":
                body.append(f"rec_{block} = pre_{block} * d['{block}/U']")
        if source is not None:
            body.append(f"to_{source} = w.to_state({_table({b: rec[b] for b in group})})")
            reached[source] = f"to_{source}"

    body.append(f"pre = {_table({b: f'pre_{b}' for b in blocks})}")
    is_pre = rec == {b: f"pre_{b}" for b in blocks}
    body.append("rec = pre" if is_pre else f"rec = {_table(rec)}")
    straight = {block: value for block, value in rec.items() if block not in way.sources}
    mixed = {s: sent_to(f"{s}_prev", list(way.applied)) for s in states}
    if straight:
        sent = f"w.to_state({'rec' if straight == rec else _table(straight)})"
        mixed["h"] = f"w.plus({sent}, {mixed['h']})" if mixed["h"] else sent
    kept = {s: sent_to(f"{s}_prev", states) for s in states}
    named = {b: f"{name}/h_prev" for b, name in way.sources.items()}
    gated = {b: f"d[{name!r}]" for b, name in named.items() if name in way.slopes}
    own: dict[str, list[str]] = {}
    for name in way.own:
        target, _, weight = name.partition("/p_")
        own.setdefault(weight, []).append(f"{reached[target]} * d[{name!r}]")
    summed = {weight: " + ".join(terms) for weight, terms in own.items()}
    parts = ", ".join(_table(part) for part in (mixed, kept, gated, summed))
    return _made("back", "d, w, totals", body, f"Back(pre, rec, {parts})")
