"""Train live: a race of recurrent networks on the same data, and what became of each."""

import streamlit as st

from explorer.i18n import t
from explorer.ui import report, state
from explorer.ui.frame import frame, whole
from explorer.ui.lesson import lesson
from explorer.ui.stage import race_view
from explorer.ui.train.choices import asked, choices, readable_race
from explorer.ui.train.running import after, say_refused, start, started, view
from explorer.ui.train.uploads import uploads
from explorer.ui.ways import page_way

experiment, lang = st.session_state["experiment"], state.language()

report.say_all((), lang)
figure, beside = frame("train", experiment, lang)
with figure:
    place, setup = choices(experiment, lang, started(experiment, lang))
    found = readable_race(experiment, lang)
    if found:
        runners, data = found
        with setup:
            asked(experiment, data, lang)
        say_refused(lang)
        with place:
            key = start(runners, lang)
        race_view(view(experiment, runners, data, key, lang), experiment)
        if whole():
            after(runners, data, lang)
    if whole():
        uploads(experiment, lang)
        st.caption(t("train.kept", lang))
        page_way("clinic", t("course.clinic", lang))
        report.elsewhere("train", lang)
with beside:
    lesson("train", experiment, None, lang)
