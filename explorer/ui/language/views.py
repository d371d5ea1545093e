"""Which view of the page is shown."""

from collections.abc import Callable

import streamlit as st

from explorer.experiment import Experiment
from explorer.i18n import t
from explorer.ui.frame import whole
from explorer.ui.language import generate, memory, pairs, predict, units

DRAW: dict[str, Callable[[Experiment, str], None]] = {
    "pairs": pairs.draw,
    "predict": predict.draw,
    "generate": generate.draw,
    "units": units.draw,
    "memory": memory.draw,
}


def draw(experiment: Experiment, lang: str) -> None:
    """Draws the chosen view, what to try in it first."""
    if whole():
        st.markdown(t(f"lm.try_{experiment.view}", lang))
    DRAW[experiment.view](experiment, lang)
