"""The slider over the kept steps of a training."""

import streamlit as st

from explorer.experiment import LAST_MOMENT, Experiment
from explorer.i18n import t
from explorer.lab.learned import Learned
from explorer.ui.state import key, seed_widget, showing
from explorer.ui.widgets import locked


def moments(experiment: Experiment, learned: Learned, lang: str) -> None:
    """Draws a slider over the kept steps of training; the last stands for its end."""
    if learned.fit is None or not learned.moments or showing().hides("moment"):
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
        disabled=locked("moment"),
    )
