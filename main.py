"""The entry script: page frame, language, navigation, the bar of shared choices."""

from pathlib import Path

import streamlit as st
import torch

from explorer.i18n import t
from explorer.ui import state
from explorer.ui.bar import bar

if torch.get_num_threads() != 1:
    torch.set_num_threads(1)

lang = state.language()
st.set_page_config(
    page_title=t("app.title", lang),
    page_icon=str(Path(__file__).parent / "assets" / "icon.svg"),
    layout="wide",
)
st.html(Path(__file__).parent / "assets" / "page.css")
page = st.navigation(
    [st.Page("pages/step.py", title=t("page.step", lang), icon=":material/footprint:", default=True)],
    position="top",
)
experiment = state.current(page.url_path)
bar(experiment, lang)
page.run()
state.finish(experiment)
