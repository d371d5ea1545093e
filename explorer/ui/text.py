"""The literal door: sentences that may hold what a user typed are shown as they are, never as markup."""

from collections.abc import Mapping

import streamlit as st

from explorer.data.unusable import Unusable
from explorer.i18n import strings


def say(sentence: str, lang: str, values: Mapping[str, object]) -> None:
    """Shows a sentence of the locale's `notice` table in a quiet frame, literally."""
    _framed(strings(lang)["notice"][sentence].format(**values))


def say_unusable(refused: Unusable, lang: str) -> None:
    """Shows why nothing can be trained on some choices, which may hold what a user typed, literally."""
    table, name = refused.sentence.split(".")
    _framed(strings(lang)["train"][table][name].format(**refused.values))


def _framed(text: str) -> None:
    with st.container(border=True):
        st.text(text)
