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
_lock = Lock()


def drawn(draw: Callable[..., go.Figure], *given: Any) -> go.Figure:
    """Returns draw(*given), the same figure for the same records; nobody may change it.

    Records are told apart by identity, as caches hand them out, and are held as long as their figure: none
    may change.
    """
    key = (draw, *(one if isinstance(one, _PLAIN) else id(one) for one in given))
    with _lock:
        if key in _drawn:
            _drawn.move_to_end(key)
            return _drawn[key][1]
    figure = draw(*given)
    with _lock:
        _drawn[key] = (given, figure)
        while len(_drawn) > KEPT:
            _drawn.popitem(last=False)
    return figure


def show_bare(figure: go.Figure, key: str) -> None:
    """Shows a figure without Plotly's bar of buttons."""
    st.plotly_chart(figure, key=key, theme=None, config={"displayModeBar": False})
