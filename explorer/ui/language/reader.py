"""The network of the page: one that reads text."""

import streamlit as st

from explorer.experiment import Experiment
from explorer.i18n import t
from explorer.nn.model import RecurrentModel
from explorer.ui import compute, report


def reader(experiment: Experiment, lang: str) -> RecurrentModel | None:
    """Returns the page's network in float64; where it reads numbers, says so and returns None."""
    with st.spinner(t("ui.learning", lang)):
        model = compute.network(experiment)
    if model.vocabulary is None:
        st.warning(t("lm.numbers", lang))
        return None
    report.taught(experiment, lang)
    return model
