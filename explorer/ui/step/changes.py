"""What if, a second cell, memory transplant: each changes a run; and the way to gates drawn by hand."""

import numpy as np
import streamlit as st

from explorer.cells import CELLS, CellSpec
from explorer.course.lessons import opened
from explorer.experiment import Experiment, carries
from explorer.figures.outcomes import outcomes_figure
from explorer.figures.signals import signal_name
from explorer.figures.starts import starts_figure
from explorer.i18n import t
from explorer.lab.starts import Starts, kinds_for
from explorer.lab.walk import Walk
from explorer.nn.holding import entries, symbol_of
from explorer.ui import compute, models, state
from explorer.ui.charts import drawn, show_bare
from explorer.ui.own.beside import choose_beside
from explorer.ui.widgets import field

KEY = "changes"
"""Key of the widget that chooses the way."""

CARD = "first_state"
"""The card that asks what a run starts from."""


def changes(experiment: Experiment, walk: Walk, lang: str) -> None:
    """Draws the ways to change a run side by side, and what the one that is open offers.

    None is open before one is chosen or used: what nobody asks for is not drawn, and costs no run.
    """
    session = st.session_state
    used = _used(experiment)
    if used and (session.get("changed_by") != used or KEY not in session):
        session[KEY] = used
    session["changed_by"] = used
    way = st.segmented_control(
        t("ui.changes", lang),
        ("what_if", "second", "transplant", "hand"),
        key=KEY,
        format_func=lambda name: t(f"ui.{name}", lang),
        label_visibility="collapsed",
    )
    if way == "what_if":
        _what_if(experiment, walk, lang)
    elif way == "second":
        _second(experiment, lang)
    elif way == "transplant":
        _transplant(experiment, walk, lang)
    elif way == "hand":
        st.caption(t("hand.help", lang))
        st.button(t("hand.draw", lang), on_click=state.apply, args=({"by_hand": "on"},))


def _used(experiment: Experiment) -> str:
    """Returns the way that the experiment goes, which is opened; empty where nothing is changed."""
    if experiment.carry:
        return "transplant"
    if experiment.second or experiment.beside:
        return "second"
    held = experiment.clamp or experiment.zero or experiment.swap or experiment.begin != "zero"
    return "what_if" if held else ""


def _second(experiment: Experiment, lang: str) -> None:
    """Draws the choice of a second cell; beside a network out of a file, that of another network."""
    if not experiment.own:
        st.caption(t("ui.second_help", lang))
        with st.columns([1, 2])[0]:
            field("second", experiment, lang)
        return
    others = models.others(experiment, lang)
    st.caption(t("own.beside_help" if others else "own.beside_none", lang))
    if others:
        with st.columns([1, 2])[0]:
            choose_beside(experiment, others, lang)


def _what_if(experiment: Experiment, walk: Walk, lang: str) -> None:
    spec = CELLS[experiment.cell]
    st.caption(t("ui.what_if_help", lang))
    if spec.activations:
        _row(_CLAMP, experiment, lang, ("", *spec.activations))
        if experiment.clamp and not state.showing().hides("holds"):
            _holds(experiment, spec, lang)
    _row(("zero", "zero_from", "zero_to", "swap", "swap_with"), experiment, lang)
    _start(experiment, walk, lang)
    _undo("change", lang)


def _start(experiment: Experiment, walk: Walk, lang: str) -> None:
    """Draws what the run starts from and, where that is not zeros, how long it is felt."""
    with st.columns([1, 2])[0]:
        field("begin", experiment, lang, ("zero", *kinds_for(compute.network(experiment))))
    if "begin" not in walk.changed:
        return
    starts = compute.started(experiment)
    if opened("step", experiment) != CARD:
        _felt(starts, experiment, lang)
    st.markdown(_starts_table(starts, lang))
    st.caption(t("starts.note", lang, steps=starts.steps))


def felt(experiment: Experiment, walk: Walk, lang: str) -> None:
    """Draws how long a start is felt where the card that is open asks it: there the figure leads the page."""
    if "begin" in walk.changed and opened("step", experiment) == CARD:
        _felt(compute.started(experiment), experiment, lang)


def _felt(starts: Starts, experiment: Experiment, lang: str) -> None:
    show_bare(drawn(starts_figure, starts, experiment.begin, lang, state.theme()), "starts")


def _starts_table(starts: Starts, lang: str) -> str:
    """Each start with the loss of the text, when the memory has forgotten it, and its factor a step."""
    memory = starts.states[-1]
    heads = [t(f"starts.{name}", lang, s=memory) for name in ("start", "loss", "gone", "factor")]
    rows = [f"| {' | '.join(heads)} |", "|---|---|---|---|"]
    usual = "own.its_start" if "cleared" in {start.kind for start in starts.starts} else "option.begin.zero"
    rows.append(f"| {t(usual, lang)} | {_loss(starts.loss)} | | |")
    for start in starts.starts:
        gone, factor = start.gone(memory), start.factor(memory)
        when = t("starts.not_gone", lang) if gone is None else str(gone)
        by = "" if factor is None else f"× {factor:.2f}"
        rows.append(f"| {t(f'option.begin.{start.kind}', lang)} | {_loss(start.loss)} | {when} | {by} |")
    return "\n".join(rows)


def _loss(loss: float) -> str:
    return "" if np.isnan(loss) else f"{loss:.3f}"


def _holds(experiment: Experiment, spec: CellSpec, lang: str) -> None:
    """Draws what is held beside the first gate: on offer are a few, any other can be typed."""
    chosen = list(entries(experiment.holds))
    st.session_state["holds"] = chosen
    offered = [
        f"{s}={n}" for s in spec.activations if s != experiment.clamp for n in _VALUES[s in spec.gates]
    ]
    st.multiselect(
        t("field.holds", lang),
        list(dict.fromkeys([*offered, *chosen])),
        key="holds",
        format_func=lambda entry: _told(entry, spec, lang),
        accept_new_options=True,
        on_change=lambda: state.apply({"holds": ";".join(st.session_state["holds"])}),
        help=t("help.holds", lang),
        placeholder=t("ui.holds_none", lang),
        disabled="holds" in state.showing().lock,
    )


_VALUES = {True: (0, 1), False: (0,)}
"""What is on offer for a gate, and for a candidate."""

_CLAMP = ("clamp", "clamp_value", "clamp_unit", "clamp_from", "clamp_to")


def _told(entry: str, spec: CellSpec, lang: str) -> str:
    """An entry as it is read: `i = 0, input gate`; what cannot be read, as it was typed."""
    symbol = symbol_of(entry)
    if symbol not in spec.roles:
        return entry
    return f"{entry.replace('=', ' = ', 1)} · {signal_name(spec.roles[symbol], lang)}"


def _transplant(experiment: Experiment, walk: Walk, lang: str) -> None:
    st.caption(t("ui.transplant_help", lang))
    offered = carries(CELLS[experiment.cell])
    _row(("carry", "donor", "donor_step", "into"), experiment, lang, offered)
    if walk.outcomes:
        st.plotly_chart(
            drawn(outcomes_figure, walk.outcomes, lang, state.theme()), key="outcomes", theme=None
        )
    _undo("transplant", lang)


def _row(
    names: tuple[str, ...], experiment: Experiment, lang: str, first_options: tuple[str, ...] | None = None
) -> None:
    for place, name in zip(st.columns(len(names), vertical_alignment="bottom"), names, strict=True):
        with place:
            field(name, experiment, lang, first_options if name in ("clamp", "carry") else None)


def _undo(group: str, lang: str) -> None:
    st.button(t("ui.undo", lang), on_click=state.reset_group, args=(group,), key=f"undo_{group}")
