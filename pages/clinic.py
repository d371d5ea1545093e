"""The clinic: trainings with one fault each, found by their curves, mended by the controls that there are."""

import streamlit as st

from explorer.ui import report, state
from explorer.ui.clinic import clinic
from explorer.ui.frame import frame
from explorer.ui.lesson import lesson

experiment, lang = st.session_state["experiment"], state.language()

report.say_all((), lang)
figure, beside = frame("clinic", experiment, lang)
with figure:
    clinic(experiment, lang)
with beside:
    lesson("clinic", experiment, None, lang)
