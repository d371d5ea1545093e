"""A cell from its equations, and variants as differences.

    LSTM = cell("lstm", '''
        f = sigmoid(W_f x + U_f h_prev)
        ...
        c = f * c_prev + i * g
        h = o * tanh(c)
    ''', states="h c", packing="i f g o", ...)
    LSTM_COUPLED = variant(LSTM, "lstm_coupled", "Olah 2015", i="1 - f")

The step, the derivatives within it and the way back follow from the equations: see compile and slopes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from explorer.cells.compile import back_of, local_of, step_of
from explorer.cells.equations import Equations, equations_of, symbols, weighted
from explorer.cells.slopes import step_slopes
from explorer.cells.spec import CellSpec, Diagram, Signal

Draw = Callable[[Mapping[str, Any]], Diagram]


def cell(
    key: str,
    text: str,
    *,
    family: str,
    states: str,
    packing: str,
    signals: Sequence[Signal],
    draw: Draw,
    source: str,
    own: str = "",
    **rest: Any,
) -> CellSpec:
    """Returns the cell that a text of equations describes, a line each, in the order of the lecture.

    states: h first; packing: the blocks as the weights pack them; own: the units' own weights, p_s,
    likewise; signals: what may be shown, in the order of a page. Of each only what the equations have is
    taken. rest: fields of CellSpec.
    """
    lines: dict[str, str] = {}
    for line in text.strip().splitlines():
        symbol, right = (part.strip() for part in line.split("=", 1))
        if symbol in lines:
            raise ValueError(f"{symbol} has two equations")
        lines[symbol] = right
    return _made(lines, tuple(states.split()), tuple(packing.split()), tuple(own.split()), signals, draw,
                 {"key": key, "family": family, "source": source, **rest})  # fmt: skip


def variant(
    base: CellSpec, key: str, source: str, *, paper: Any = None, own: str = "", **changes: str
) -> CellSpec:
    """Returns a cell with some equations changed, symbol -> text; a gate that is a mere number disappears.

    own: the units' own weights as they are packed. What the base has in PyTorch, in Keras and as a fast
    path it has not.
    """
    return rewritten(
        base,
        changes,
        own=tuple(own.split()) or base.peephole_blocks,
        key=key,
        source=source,
        paper=paper,
        fast=None,
        torch_module=None,
        keras=None,
        lead=False,
        hue="other",
        lecture=None,
    )


def rewritten(
    base: CellSpec, changes: Mapping[str, str], *, own: tuple[str, ...] | None = None, **fields: Any
) -> CellSpec:
    """Returns a cell with some equations and fields changed, and all that follows from them."""
    own = base.peephole_blocks if own is None else own
    names = ("family", "fast", "torch_module", "torch_options", "keep", "write", "flips", "positive", "idle")
    kept = {name: getattr(base, name) for name in (*names, "key", "source", "paper", "lead", "hue", "keras")}
    lines = {**base.lines, **changes}
    return _made(lines, base.states, base.blocks, own, base.signals, base.draw, kept | fields)


def _own(equations: Equations) -> list[str]:
    return [block for head in ("peep", "unit") for _, block, *_ in weighted(equations, head)]


def _made(
    lines: Mapping[str, str],
    states: tuple[str, ...],
    packing: tuple[str, ...],
    own: tuple[str, ...],
    signals: Sequence[Signal],
    draw: Draw,
    rest: dict[str, Any],
) -> CellSpec:
    equations = equations_of(lines)
    table = dict(equations)
    has_input, has_state = ({b for _, b, *_ in weighted(equations, head)} for head in ("in", "rec"))
    blocks = tuple(block for block in packing if block in has_input)
    recurrent = tuple(block for block in blocks if block in has_state)
    _check(equations, states, set(blocks), has_input | has_state, set(own), signals)
    way = step_slopes(equations, states)
    keep, write = rest.pop("keep", None), rest.pop("write", None)
    return CellSpec(
        lines=lines,
        blocks=blocks,
        recurrent_blocks=recurrent,
        signals=tuple(signal for signal in signals if signal.symbol in table),
        states=states,
        equations=equations,
        step=step_of(equations, states, blocks),
        local=local_of(equations, way, states),
        back=back_of(way, states, blocks, recurrent),
        within=way.within,
        applied=way.sources,
        draw=draw,
        diagram=draw(table),
        peephole_blocks=tuple(block for block in own if block in _own(equations)),
        keep=keep if keep in table else None,
        write=write if write in blocks else None,
        **rest,
    )


def _check(
    equations: Equations,
    states: Sequence[str],
    blocks: set[str],
    used: set[str],
    own: set[str],
    signals: Sequence[Signal],
) -> None:
    """Raises ValueError for equations that a network could not carry out, in words."""
    known = {"x", *(f"{s}_prev" for s in states)}
    shown = {signal.symbol for signal in signals}
    for symbol, expression in equations:
        if unknown := symbols(expression) - known:
            raise ValueError(f"{symbol} reads {sorted(unknown)}, which no equation above it gives")
        if symbol in known:
            raise ValueError(f"{symbol} has two equations")
        if not symbol.startswith("pre_") and symbol not in shown:
            raise ValueError(f"{symbol} is no signal of this cell")
        known.add(symbol)
    if missing := {*states} - known:
        raise ValueError(f"the states {sorted(missing)} have no equation")
    if wrong := (used ^ blocks) | (set(_own(equations)) - own):
        raise ValueError(f"the packing does not name the weights {sorted(wrong)}")
