"""Step through time: a sentence inside an RNN, an LSTM, a GRU."""

import streamlit as st

from explorer.i18n import t
from explorer.ui import compute, report, state
from explorer.ui.frame import frame, whole
from explorer.ui.lesson import lesson
from explorer.ui.stage import stage
from explorer.ui.step.changes import changes, felt
from explorer.ui.step.hand import by_hand
from explorer.ui.step.tries import try_line

experiment, lang = st.session_state["experiment"], state.language()
display = experiment.display(lang)

with st.spinner(t("ui.learning", lang)):
    walk = compute.walked(experiment, display)

report.notices(walk, lang)
if whole() and not report.taught(experiment, lang):
    try_line(experiment, lang)
figure, beside = frame("step", experiment, lang)
with figure:
    if experiment.by_hand == "on" and whole():
        by_hand(experiment, lang)
    if whole():
        felt(experiment, walk, lang)
    stage(compute.packed(experiment, display))
    if whole():
        report.truth(walk, lang)
        changes(experiment, walk, lang)
with beside:
    lesson("step", experiment, walk.runs[0].trace.layers[0].in_notation(display.notation), lang)
