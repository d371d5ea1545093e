"""Gates drawn by hand: where they are asked for they lead the page, before the learned ones are in sight."""

import streamlit as st

from explorer.experiment import Experiment
from explorer.i18n import t
from explorer.lab.hand import network_of
from explorer.stage.hand import build_hand
from explorer.ui import compute, state
from explorer.ui.stage import hand_view


def by_hand(experiment: Experiment, lang: str) -> None:
    """Draws the task of one unit, its gates to draw and what they score."""
    with st.spinner(t("ui.learning", lang)):
        found = compute.by_hand(network_of(experiment))
    hand_view(build_hand(found, lang, state.theme()))
