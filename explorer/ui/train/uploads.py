"""The ways into the page of training: a text of one's own, a network that was kept."""

import streamlit as st

from explorer.experiment import Experiment
from explorer.i18n import t
from explorer.limits import MAX_TEXT, MAX_UPLOAD_NETWORK, MAX_UPLOAD_TEXT
from explorer.text import clean, decode
from explorer.ui.files import take_up, uploader
from explorer.ui.own.taking import take_network
from explorer.ui.train.kept import open_buttons


def uploads(experiment: Experiment, lang: str) -> None:
    """Draws the ways in: a text of one's own, a network that was kept."""
    text, network = st.columns(2)
    with text:
        raw = uploader(t("train.text_file", lang), "text_file", MAX_UPLOAD_TEXT, lang, type="txt")
        take_up(raw, "text", _text, lang)
    with network:
        raw = uploader(t("train.upload", lang), "model_file", MAX_UPLOAD_NETWORK, lang)
        take_up(raw, "model", lambda raw, name: _network(raw, name, lang), lang)
    if experiment.weights == "model" and experiment.model:
        open_buttons({}, lang)


def _text(raw: bytes, name: str) -> dict[str, str]:
    return {"data": "yours", "text": clean(decode(raw)[:MAX_TEXT])}


def _network(raw: bytes, name: str, lang: str) -> dict[str, str]:
    with st.spinner(t("own.reading", lang)):
        return take_network(raw, name, lang)
