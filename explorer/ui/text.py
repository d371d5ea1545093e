"""The literal door: sentences that may hold what a user typed are shown as they are, never as markup."""

from collections.abc import Mapping

import streamlit as st

from explorer.i18n import strings


def say(sentence: str, lang: str, values: Mapping[str, object]) -> None:
    """Shows a sentence of the locale's `notice` table in a quiet frame, literally."""
    with st.container(border=True):
        st.text(strings(lang)["notice"][sentence].format(**values))
