"""Widgets from the field table: label, help, options and range come from there and the locale."""

from collections.abc import Callable, Sequence

import streamlit as st

from explorer.cells import CELLS
from explorer.experiment import TYPES, Experiment, choice
from explorer.figures.outcomes import carry_name
from explorer.figures.signals import signal_name
from explorer.i18n import strings, t
from explorer.ui import brought
from explorer.ui.state import seed_widget, showing

DIGITS = "%.9g"
"""A decimal number as it is held: nine digits, as an address has them, and no zeros behind them."""


CELL_FIELDS = ("cell", "second")
MORE = "more"
"""The entry of a list of cells that shows the rest of them."""


def locked(*names: str) -> bool:
    """Returns whether the link keeps one of some fields as it is."""
    return bool(set(names) & set(showing().lock))


def field(name: str, experiment: Experiment, lang: str, options: Sequence[str] | None = None) -> None:
    """Draws the widget of a field, unless the link hides it; options narrow those of the table."""
    if showing().hides(name):
        return
    entry, held = choice(name), locked(name)
    label, hint = t(f"field.{name}", lang), strings(lang)["help"].get(name)
    if entry.options is not None:
        offered = _cells(name, experiment) if name in CELL_FIELDS else list(options or entry.options)
        _repair(name, experiment, offered)
        st.selectbox(
            label,
            offered,
            key=seed_widget(name, experiment),
            format_func=_names(name, experiment, lang),
            on_change=_show_all_cells if name in CELL_FIELDS else None,
            args=(name,) if name in CELL_FIELDS else None,
            help=hint,
            disabled=held,
        )
    elif TYPES[name] is str:
        widget = seed_widget(name, experiment)
        st.text_input(label, key=widget, help=hint, disabled=held)  # the cap is said, not silent
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
            disabled=held,
        )


def folded(label: str, key: str, draw: Callable[[], None]) -> None:
    """Draws a button that opens what draw draws: of what is closed nothing is computed or sent."""
    fold = st.popover(label, key=f"fold_{key}", width="stretch", on_change="rerun")
    if fold.open:
        with fold:
            draw()


def views(name: str, experiment: Experiment, lang: str) -> None:
    """Draws the way to every view of a page: the options of a field, side by side."""
    if showing().hides(name):
        return
    st.segmented_control(
        t(f"field.{name}", lang),
        choice(name).options or (),
        key=seed_widget(name, experiment),
        format_func=_names(name, experiment, lang),
        label_visibility="collapsed",
        required=True,
        width="stretch",
        disabled=locked(name),
    )


def _cells(name: str, experiment: Experiment) -> list[str]:
    """The cells that lead, the chosen one and the way to all others; once that was gone, all."""
    none = [option for option in choice(name).options or () if not option]
    chosen = getattr(experiment, name)
    shown = [key for key, spec in CELLS.items() if spec.lead or key == chosen or _all_cells()]
    return [*none, *sorted(shown, key=lambda key: not CELLS[key].lead), *([] if _all_cells() else [MORE])]


def _all_cells() -> bool:
    return bool(st.session_state.get("all_cells"))


def _show_all_cells(name: str) -> None:
    """Where the way to more cells was chosen, keeps the cell and shows the whole list."""
    widget = seed_widget(name, st.session_state["experiment"])
    if st.session_state[widget] == MORE:
        st.session_state["all_cells"] = True
        st.session_state[widget] = getattr(st.session_state["experiment"], name)


def _repair(name: str, experiment: Experiment, offered: list[str]) -> None:
    """A value that is not on offer now (a gate of another cell) gives way to the first option."""
    widget = seed_widget(name, experiment)
    if st.session_state[widget] not in offered:
        st.session_state[widget] = offered[0]


def _names(name: str, experiment: Experiment, lang: str) -> Callable[[str], str]:
    table = strings(lang)
    names = table["option"].get(name, {})
    if name in CELL_FIELDS:
        names = table["cell"] | {MORE: t("ui.more_cells", lang)}
    extra = table["option"].get(name, {})
    if name == "begin" and (found := brought.facts(experiment)) and found.starts:
        names = names | {"zero": t("own.its_start", lang)}

    def shown(value: str) -> str:
        if value in ("", None):
            return extra.get("none", "")
        if name == "clamp":
            return f"{value} · {signal_name(CELLS[experiment.cell].roles[value], lang)}"
        if name == "carry":
            return carry_name(value, lang)
        return names.get(value, value)

    return shown
