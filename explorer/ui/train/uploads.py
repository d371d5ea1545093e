"""The ways into the page of training: a text of one's own, a network that was kept."""

import streamlit as st

from explorer.experiment import Experiment
from explorer.i18n import t
from explorer.limits import MAX_TEXT, MAX_UPLOAD_NETWORK
from explorer.text import Refused, clean, decode
from explorer.ui.own.taking import take_network
from explorer.ui.text import say
from explorer.ui.train.kept import open_buttons


def uploads(experiment: Experiment, lang: str) -> None:
    """Draws the ways in: a text of one's own, a network that was kept."""
    text, network = st.columns(2)
    with text:
        raw = st.file_uploader(t("train.text_file", lang), type="txt", key="text_file", max_upload_size=1)
        if raw is not None and raw.file_id != st.session_state.get("text_taken"):
            st.session_state["text_taken"] = raw.file_id
            _take_text(raw.getvalue(), lang)
    with network:
        most = MAX_UPLOAD_NETWORK // 2**20 + 1
        raw = st.file_uploader(t("train.upload", lang), key="model_file", max_upload_size=most)
        if raw is not None and raw.file_id != st.session_state.get("model_taken"):
            st.session_state["model_taken"] = raw.file_id
            _take_network(raw.getvalue(), raw.name, lang)
    if experiment.weights == "model" and experiment.model:
        open_buttons({}, lang)


def _take_text(raw: bytes, lang: str) -> None:
    try:
        text = decode(raw)
    except Refused as refused:
        say(refused.sentence, lang, refused.values)
        return
    st.session_state["later"] = {"data": "yours", "text": clean(text[:MAX_TEXT])}
    st.rerun()


def _take_network(raw: bytes, name: str, lang: str) -> None:
    try:
        with st.spinner(t("own.reading", lang)):
            changes = take_network(raw, name, lang)
    except Refused as refused:
        say(refused.sentence, lang, refused.values)
        return
    st.session_state["later"] = changes
    st.rerun()
