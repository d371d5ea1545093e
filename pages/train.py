"""Train live: a race of recurrent networks on the same data, and what became of each."""

import streamlit as st

from explorer.i18n import t
from explorer.ui import race, report, state
from explorer.ui.lesson import lesson
from explorer.ui.stage import race_view

experiment, lang = st.session_state["experiment"], state.language()

report.say_all((), lang)
figure, beside = st.columns([3.3, 1], gap="medium")
with figure:
    place = race.choices(experiment, lang)
    found = race.readable_race(experiment, lang)
    if found:
        runners, data = found
        race.asked(experiment, data, lang)
        race.say_full(lang)
        with place:
            key = race.start(runners, lang)
        race_view(race.view(experiment, runners, data, key, lang))
        race.after(runners, data, lang)
    race.uploads(experiment, lang)
    st.caption(t("train.kept", lang))
with beside:
    lesson("train", experiment, None, lang)
