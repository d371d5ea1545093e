"""The entry script: page frame, language, navigation, the bar of shared choices."""

from pathlib import Path

import streamlit as st
import torch

from explorer.i18n import ASSETS, t
from explorer.ui import state
from explorer.ui.bar import bar

if torch.get_num_threads() != 1:
    torch.set_num_threads(1)

PAGES = Path(__file__).parent / "pages"
lang = state.language()
st.set_page_config(page_title=t("app.title", lang), page_icon=str(ASSETS / "icon.svg"), layout="wide")
st.html(ASSETS / "page.css")
page = st.navigation(
    [st.Page(PAGES / "step.py", title=t("page.step", lang), icon=":material/footprint:", default=True)],
    position="top",
)
experiment = state.current(page.url_path)
bar(experiment, lang)
page.run()
state.finish(experiment)
