"""The entry script: page frame, language, navigation, the bar of shared choices."""

from copy import copy

import streamlit as st
import torch

from explorer.course.places import HOME
from explorer.i18n import ASSETS, t
from explorer.ui import state
from explorer.ui.away import away
from explorer.ui.bar import bar, navigation
from explorer.ui.dress import dress, heading
from explorer.ui.lecture import lecture
from explorer.ui.own.panel import own
from explorer.ui.room.page import companion
from explorer.ui.stage import clear_stage
from explorer.ui.ways import ICONS, page_of

if torch.get_num_threads() != 1:
    torch.set_num_threads(1)

ASIDE = ("clinic", "worksheet", "room")  # the navigation names them only while they are open

lang = state.language()
st.set_page_config(page_title=t("app.title", lang), page_icon=str(ASSETS / "icon.svg"), layout="wide")
# Streamlit writes into the pages that it is given: those that are kept stay as they were.
pages = [copy(page_of(name, t(f"page.{name}", lang), icon)) for name, icon in ICONS.items()]
page = st.navigation(pages, position="hidden")
if (wanted := state.followed_page(ICONS)) and wanted != (page.url_path or HOME):
    st.switch_page(page_of(wanted))
experiment = state.current(page.url_path)
here = page.url_path
dress(here)
heading(page.title)
with st.container(key="shell"):
    taken = navigation([p for p in pages if p.url_path not in ASIDE or p.url_path == here], experiment, lang)
    bar(experiment, here or HOME, lang)
    own(experiment, here or HOME, lang)
companion(experiment, lang)
lecture(experiment, lang)
clear_stage()
page.run()
if taken:
    with taken:
        away(experiment, lang)
state.finish(experiment)
