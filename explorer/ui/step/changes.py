"""What if, a second cell, memory transplant: each changes one thing and runs again."""

import streamlit as st

from explorer.cells import CELLS
from explorer.experiment import Experiment
from explorer.figures.outcomes import outcomes_figure
from explorer.i18n import t
from explorer.lab.walk import Walk
from explorer.ui import state
from explorer.ui.widgets import field


def changes(experiment: Experiment, walk: Walk, lang: str) -> None:
    """Draws the three ways to change a run, each in its tab."""
    what_if, second, transplant = st.tabs(
        [t("ui.what_if", lang), t("ui.second", lang), t("ui.transplant", lang)], key="changes"
    )
    with what_if:
        _what_if(experiment, lang)
    with second:
        st.caption(t("ui.second_help", lang))
        with st.columns([1, 2])[0]:
            field("second", experiment, lang)
    with transplant:
        _transplant(experiment, walk, lang)


def _what_if(experiment: Experiment, lang: str) -> None:
    spec = CELLS[experiment.cell]
    st.caption(t("ui.what_if_help", lang))
    if spec.activations:
        _row(("clamp", "clamp_value", "clamp_unit", "clamp_from"), experiment, lang, ("", *spec.activations))
    _row(("zero", "zero_from", "swap", "swap_with"), experiment, lang)
    _undo("change", lang)


def _transplant(experiment: Experiment, walk: Walk, lang: str) -> None:
    st.caption(t("ui.transplant_help", lang))
    carries = ("", "h", "c", "hc") if "c" in CELLS[experiment.cell].states else ("", "h")
    _row(("carry", "donor", "donor_step", "into"), experiment, lang, carries)
    if walk.outcomes:
        st.plotly_chart(outcomes_figure(walk.outcomes, lang, state.theme()), key="outcomes", theme=None)
    _undo("transplant", lang)


def _row(
    names: tuple[str, ...], experiment: Experiment, lang: str, first_options: tuple[str, ...] | None = None
) -> None:
    for place, name in zip(st.columns(len(names)), names, strict=True):
        with place:
            field(name, experiment, lang, first_options if name in ("clamp", "carry") else None)


def _undo(group: str, lang: str) -> None:
    st.button(t("ui.undo", lang), on_click=state.reset_group, args=(group,), key=f"undo_{group}")
