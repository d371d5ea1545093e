"""Networks that learned the sentences of a language: which it is, and the sentence that they read."""

from collections.abc import Sequence

import streamlit as st

from explorer.experiment import Experiment
from explorer.i18n import t
from explorer.ui import state
from explorer.ui.frame import whole
from explorer.ui.widgets import locked


def reads(experiment: Experiment, lang: str) -> str:
    """Returns the language that a network of the page reads, and offers the reader's where it is another."""
    grammar = experiment.spoken(lang)
    if grammar != lang and whole():
        said, way = st.columns([4.2, 1], vertical_alignment="center")
        said.caption(t("ui.reads_other", lang, language=t(f"ui.in_{grammar}", lang)))
        own = {"grammar": "auto", "text": "", "step": "1"}
        label = t("ui.read_own", lang)
        way.button(label, key="read_own", on_click=state.apply, args=(own,), width="stretch")
    return grammar


def choose_sentence(label: str, offered: Sequence[str], text: str, key: str, hint: str) -> None:
    """Draws the choice of a sentence, one on offer or one's own; what is chosen becomes the text."""
    st.session_state[key] = text
    st.selectbox(
        label,
        offered if text in offered else (*offered, text),
        key=key,
        on_change=lambda: state.take_text(st.session_state[key] or ""),
        help=hint,
        accept_new_options=True,
        disabled=locked("text"),
    )
