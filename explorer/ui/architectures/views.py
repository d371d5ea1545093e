"""Which view of the page is shown."""

from collections.abc import Callable

import streamlit as st

from explorer.experiment import Experiment
from explorer.i18n import t
from explorer.ui.architectures import amount, cost, deep, feedforward, forecast, mappings, shapes, variants
from explorer.ui.frame import whole

DRAW: dict[str, Callable[[Experiment, str], None]] = {
    "feedforward": feedforward.draw,
    "mappings": mappings.draw,
    "deep": deep.draw,
    "shapes": shapes.draw,
    "variants": variants.draw,
    "cost": cost.draw,
    "amount": amount.draw,
    "forecast": forecast.draw,
}


def draw(experiment: Experiment, lang: str) -> None:
    """Draws the chosen view, what to try in it first."""
    if whole():
        st.markdown(t(f"architecture.try_{experiment.arch}", lang))
    DRAW[experiment.arch](experiment, lang)
