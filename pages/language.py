"""Language models: text to tensors, prediction, generation, units, memory."""

import streamlit as st

from explorer.ui import report, state
from explorer.ui.frame import frame, whole
from explorer.ui.language.views import draw
from explorer.ui.lesson import lesson
from explorer.ui.widgets import views

experiment, lang = st.session_state["experiment"], state.language()

report.say_all((), lang)
figure, beside = frame("language", experiment, lang)
with beside:  # first: the figure may have to learn
    lesson("language", experiment, None, lang)
with figure:
    views("view", experiment, lang)
    draw(experiment, lang)
    if whole():
        report.elsewhere("language", lang)
