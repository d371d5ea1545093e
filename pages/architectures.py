"""Architectures: feed-forward and recurrent, mappings, depth, shapes, variants, cost."""

import streamlit as st

from explorer.ui import report, state
from explorer.ui.architectures.views import draw
from explorer.ui.frame import frame, whole
from explorer.ui.lesson import lesson
from explorer.ui.widgets import views

experiment, lang = st.session_state["experiment"], state.language()

report.say_all((), lang)
figure, beside = frame("architectures", experiment, lang)
with beside:  # first: the figure may have to learn
    lesson("architectures", experiment, None, lang)
with figure:
    views("arch", experiment, lang)
    draw(experiment, lang)
    if whole():
        report.elsewhere("architectures", lang)
