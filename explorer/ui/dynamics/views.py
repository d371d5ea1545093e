"""Which view of the page is shown."""

from collections.abc import Callable

import streamlit as st

from explorer.dynamics.portrait import units_of
from explorer.experiment import Experiment
from explorer.i18n import t
from explorer.ui.dynamics import cube, evidence, network, portrait
from explorer.ui.frame import whole

DRAW: dict[str, Callable[[Experiment, str], None]] = {
    "cube": cube.draw,
    "portrait": portrait.draw,
    "network": network.draw,
    "evidence": evidence.draw,
}


def draw(experiment: Experiment, lang: str) -> None:
    """Draws the chosen view, what to try in it first."""
    if whole():
        st.markdown(t(f"dynamics.try_{_tried(experiment)}", lang))
    DRAW[experiment.scene](experiment, lang)


def _tried(experiment: Experiment) -> str:
    """What to try: of a portrait by its units."""
    if experiment.scene != "portrait" or experiment.small == "one":
        return experiment.scene
    if experiment.small == "many":
        return "portrait_many"
    return "portrait_two" if units_of(experiment.cell, experiment.small) == 2 else "portrait"
