"""A sheet to calculate by hand: to print, and to have what was calculated checked."""

import streamlit as st

from explorer.ui import report, state
from explorer.ui.worksheet import worksheet_page

lang = state.language()

report.say_all((), lang)
worksheet_page(st.session_state["experiment"], lang)
