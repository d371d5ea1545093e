"""The literal door: sentences that may hold what a user typed are shown as they are, never as markup."""

import streamlit as st

from explorer.i18n import t


def say(name: str, lang: str, **values: object) -> None:
    """Shows a sentence of the locale's `notice` table in a quiet frame, literally."""
    with st.container(border=True):
        st.text(t(f"notice.{name}", lang, **values))
