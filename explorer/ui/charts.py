"""Figures that the server draws: drawn once for everybody who looks at the same record."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any

import plotly.graph_objects as go
import streamlit as st

KEPT = 96
"""Figures that are kept, the last ones looked at: some 100 kB each."""

_PLAIN = (str, int, float, bool, type(None))

_drawn: OrderedDict[tuple[Any, ...], tuple[tuple[Any, ...], go.Figure]] = OrderedDict()
_turns: dict[tuple[Any, ...], Lock] = {}
_lock = Lock()


def drawn(draw: Callable[..., go.Figure], *given: Any) -> go.Figure:
    """Returns draw(*given), the same figure for the same records; nobody may change it.

    Records are told apart by identity, as caches hand them out, and are held as long as their figure: none
    may change.
    """
    key = (draw, *(one if isinstance(one, _PLAIN) else id(one) for one in given))
    with _lock:
        if (found := _kept(key)) is not None:
            return found
        turn = _turns.setdefault(key, Lock())
    with turn:  # a class that asks at once waits for one drawing
        try:
            with _lock:
                found = _kept(key)
            return found if found is not None else _keep(key, given, draw(*given))
        finally:
            with _lock:
                _turns.pop(key, None)


def _kept(key: tuple[Any, ...]) -> go.Figure | None:
    if key not in _drawn:
        return None
    _drawn.move_to_end(key)
    return _drawn[key][1]


def _keep(key: tuple[Any, ...], given: tuple[Any, ...], figure: go.Figure) -> go.Figure:
    with _lock:
        _drawn[key] = (given, figure)
        while len(_drawn) > KEPT:
            _drawn.popitem(last=False)
    return figure


def show_bare(figure: go.Figure, key: str) -> None:
    """Shows a figure without Plotly's bar of buttons."""
    st.plotly_chart(figure, key=key, theme=None, config={"displayModeBar": False})
