"""Gradients through time: backpropagation through time, and where the gradient goes."""

import streamlit as st

from explorer.i18n import t
from explorer.lab.flow import left_out
from explorer.ui import compute, report, state
from explorer.ui.frame import frame, whole
from explorer.ui.gradients.knobs import knobs, try_line
from explorer.ui.gradients.looks import LEADING, more
from explorer.ui.lesson import lesson
from explorer.ui.stage import stage

experiment, lang = st.session_state["experiment"], state.language()
display = experiment.display(lang)

with st.spinner(t("ui.learning", lang)):
    flow = compute.flowed(experiment)
    learned = compute.learned(experiment.model_part())

report.say_all((*left_out(experiment), *flow.problems), lang)
if whole() and not report.taught(experiment, lang):
    try_line(lang)
figure, beside = frame("gradients", experiment, lang)
with figure:
    if whole():
        knobs(experiment, learned, lang)
        if experiment.look in LEADING:
            more(experiment, flow, lang)
    stage(compute.packed_flow(experiment, display))
    if whole():
        if experiment.look not in LEADING:
            more(experiment, flow, lang)
        report.gradients_checked(compute.flow_checked(experiment), lang)
with beside:
    lesson("gradients", experiment, flow.chosen.trace.layers[0].in_notation(display.notation), lang)
