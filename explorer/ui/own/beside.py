"""Which network stands beside one out of a file."""

from collections.abc import Mapping

import streamlit as st

from explorer.experiment import Experiment
from explorer.i18n import t
from explorer.ui import state
from explorer.ui.widgets import locked


def choose_beside(experiment: Experiment, others: Mapping[str, str], lang: str) -> None:
    """Draws the choice among others: labels by what the field `beside` holds."""
    labels = {"": t("option.second.none", lang)} | dict(others)
    st.session_state["own_beside"] = experiment.beside
    st.selectbox(
        t("field.beside", lang), list(labels), key="own_beside",
        format_func=lambda name: labels.get(name, name),
        on_change=lambda: state.apply({"beside": st.session_state["own_beside"]}), disabled=locked("beside"),
    )  # fmt: skip
