"""Widgets from the field table: label, help, options and range come from there and the locale."""

from collections.abc import Callable, Sequence

import streamlit as st

from explorer.experiment import TYPES, Experiment, choice
from explorer.i18n import strings, t
from explorer.ui.state import seed_widget

DIGITS = "%.9g"
"""A decimal number as it is held: nine digits, as an address has them, and no zeros behind them."""


def field(name: str, experiment: Experiment, lang: str, options: Sequence[str] | None = None) -> None:
    """Draws the widget of a field; options narrow those of the table."""
    entry = choice(name)
    label, hint = t(f"field.{name}", lang), strings(lang)["help"].get(name)
    if entry.options is not None:
        offered = list(options or entry.options)
        _repair(name, experiment, offered)
        st.selectbox(
            label, offered, key=seed_widget(name, experiment), format_func=_names(name, lang), help=hint
        )
    elif TYPES[name] is str:
        st.text_input(label, key=seed_widget(name, experiment), help=hint)  # the cap is said, not silent
    else:
        number = TYPES[name]
        st.number_input(
            label,
            number(entry.low),
            number(entry.high),
            step=number(entry.step),
            format="%d" if number is int else DIGITS,
            key=seed_widget(name, experiment),
            help=hint,
        )


def views(name: str, experiment: Experiment, lang: str) -> None:
    """Draws the way to every view of a page: the options of a field, side by side."""
    st.segmented_control(
        t(f"field.{name}", lang),
        choice(name).options or (),
        key=seed_widget(name, experiment),
        format_func=_names(name, lang),
        label_visibility="collapsed",
        required=True,
        width="stretch",
    )


def _repair(name: str, experiment: Experiment, offered: list[str]) -> None:
    """A value that is not on offer now (a gate of another cell) gives way to the first option."""
    widget = seed_widget(name, experiment)
    if st.session_state[widget] not in offered:
        st.session_state[widget] = offered[0]


def _names(name: str, lang: str) -> Callable[[str], str]:
    table = strings(lang)
    names = table["cell"] if name in ("cell", "second") else table["option"].get(name, {})
    extra = table["option"].get(name, {})

    def shown(value: str) -> str:
        if value in ("", None):
            return extra.get("none", "")
        if name == "clamp":
            return f"{value} · {table['signal'][value]}"
        return names.get(value, value)

    return shown
