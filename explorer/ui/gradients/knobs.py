"""The choices of the page of gradients, and what to try there."""

import streamlit as st

from explorer.experiment import Experiment
from explorer.i18n import t
from explorer.lab.learned import Learned
from explorer.ui.moments import moments
from explorer.ui.state import apply
from explorer.ui.widgets import field


def knobs(experiment: Experiment, learned: Learned, lang: str) -> None:
    """Draws the choices of this page."""
    loss, loss_at, stretch, scale, moment = st.columns([1.3, 1, 1.2, 1, 2], vertical_alignment="bottom")
    with loss:
        field("loss", experiment, lang)
    with loss_at:
        field("loss_at", experiment, lang)
    with stretch:
        field("stretch", experiment, lang)
    with scale:
        field("input_scale", experiment, lang)
    with moment:
        moments(experiment, learned, lang)


def try_line(lang: str) -> None:
    """Draws the one line that says what to try, and the way to a sentence long enough to see it."""
    words, way = st.columns([4.2, 1], vertical_alignment="center")
    words.markdown(t("ui.try_gradients", lang))
    way.button(t("ui.longer", lang), on_click=apply, args=({"stretch": "40"},), width="stretch")
