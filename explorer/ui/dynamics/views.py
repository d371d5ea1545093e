"""Which view of the page is shown."""

from collections.abc import Callable

import streamlit as st

from explorer.experiment import Experiment
from explorer.i18n import t
from explorer.ui.dynamics import cube, network, portrait
from explorer.ui.frame import whole

DRAW: dict[str, Callable[[Experiment, str], None]] = {
    "cube": cube.draw,
    "portrait": portrait.draw,
    "network": network.draw,
}


def draw(experiment: Experiment, lang: str) -> None:
    """Draws the chosen view, what to try in it first."""
    if whole():
        st.markdown(t(f"dynamics.try_{experiment.scene}", lang))
    DRAW[experiment.scene](experiment, lang)
