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
    if (lacking := _lacking(model)) is not None:
        st.warning(t(f"lm.{lacking}", lang))
        return None
    report.taught(experiment, lang)
    return model


def _lacking(model: RecurrentModel) -> str | None:
    """Returns why a network of somebody's own is no language model, as a key of the locale."""
    levels = model.layer_weights()
    if not model.readout.out_features:
        return "no_readout"
    if len(levels[0]) > 1:
        return "both_ways"
    return "sizes" if len({ways[0].hidden_size for ways in levels}) > 1 else None
