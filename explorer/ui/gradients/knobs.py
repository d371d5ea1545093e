"""The choices of the page of gradients, and what to try there."""

import streamlit as st

from explorer.experiment import LAST_MOMENT, Experiment
from explorer.i18n import t
from explorer.lab.learned import Learned
from explorer.ui.state import apply, key, seed_widget
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
        _moments(experiment, learned, lang)


def try_line(lang: str) -> None:
    """Draws the one line that says what to try, and the way to a sentence long enough to see it."""
    words, way = st.columns([4.2, 1], vertical_alignment="center")
    words.markdown(t("ui.try_gradients", lang))
    way.button(t("ui.longer", lang), on_click=apply, args=({"stretch": "40"},), width="stretch")


def _moments(experiment: Experiment, learned: Learned, lang: str) -> None:
    """A slider over the kept steps of training; the last stands for its end."""
    if learned.fit is None:
        return
    steps = [*sorted(step for step in learned.moments if step < learned.fit.steps), LAST_MOMENT]
    widget = seed_widget("moment", experiment)
    if st.session_state[widget] not in steps:
        st.session_state[widget] = max(step for step in steps if step <= st.session_state[widget])
    end = learned.fit.steps
    st.select_slider(
        t("field.moment", lang),
        steps,
        key=key("moment"),
        format_func=lambda step: str(end if step == LAST_MOMENT else step),
    )
