"""Files that visitors bring to a page: each is taken up once."""

from collections.abc import Callable, Mapping

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from explorer.text import Refused
from explorer.ui.text import say


def take_up(
    file: UploadedFile | None, name: str, take: Callable[[bytes, str], Mapping[str, str]], lang: str
) -> None:
    """Sets the fields that take makes of a file and what it is called, and runs again; says what is refused.

    name: what kind of file it is, for the session to know whether this one was taken up already.
    """
    if file is None or file.file_id == st.session_state.get(f"{name}_taken"):
        return
    st.session_state[f"{name}_taken"] = file.file_id
    try:
        changes = take(file.getvalue(), file.name)
    except Refused as refused:
        say(refused.sentence, lang, refused.values)
        return
    st.session_state["later"] = dict(changes)
    st.rerun()
