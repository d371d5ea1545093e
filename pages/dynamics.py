"""Dynamics: where a network goes by itself. The cube of memory, phase portraits, any network's points."""

import streamlit as st

from explorer.ui import report, state
from explorer.ui.dynamics.views import draw
from explorer.ui.frame import frame, whole
from explorer.ui.lesson import lesson
from explorer.ui.widgets import views

experiment, lang = st.session_state["experiment"], state.language()

report.say_all((), lang)
figure, beside = frame("dynamics", experiment, lang)
with beside:  # first: the figure may have to learn
    lesson("dynamics", experiment, None, lang)
with figure:
    views("scene", experiment, lang)
    draw(experiment, lang)
    if whole():
        report.elsewhere("dynamics", lang)
