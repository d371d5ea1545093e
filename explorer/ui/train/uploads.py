"""The ways into the page of training: a text of one's own, a network that was kept."""

import streamlit as st

from explorer.data.sources import Unusable
from explorer.experiment import LAST_MOMENT, Experiment
from explorer.i18n import t
from explorer.limits import MAX_TEXT
from explorer.text import Refused, clean, decode
from explorer.training.store import load_bundle
from explorer.ui import compute, models
from explorer.ui.board import jobs
from explorer.ui.text import say
from explorer.ui.train.kept import network_label, open_buttons


def uploads(experiment: Experiment, lang: str) -> None:
    """Draws the ways in: a text of one's own, a network that was kept."""
    text, network = st.columns(2)
    with text:
        raw = st.file_uploader(t("train.text_file", lang), type="txt", key="text_file", max_upload_size=1)
        if raw is not None and raw.file_id != st.session_state.get("text_taken"):
            st.session_state["text_taken"] = raw.file_id
            _take_text(raw.getvalue(), lang)
    with network:
        raw = st.file_uploader(t("train.upload", lang), key="model_file", max_upload_size=5)
        if raw is not None and raw.file_id != st.session_state.get("model_taken"):
            st.session_state["model_taken"] = raw.file_id
            _take_network(raw.getvalue(), lang)
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


def _take_network(raw: bytes, lang: str) -> None:
    try:
        bundle = load_bundle(raw)
        run = bundle.experiment
        data = compute.source_of(run)
        fits = bundle.model.vocabulary or (data.inputs == bundle.model.rnn.input_size and not data.vocabulary)
        if run.layers > 1 or not fits or run.hidden != bundle.model.hidden_size:
            raise Refused("not_shown")
        key = jobs().adopt(bundle, raw)
    except (Refused, Unusable) as refused:
        say(refused.sentence, lang, refused.values)
        return
    own = {"cell": run.cell, "units": run.token_level, "moment": str(LAST_MOMENT), "step": "1"}
    models.remember(
        f"{key}.0", network_label(t(f"cell.{run.cell}", lang), run.data, lang, "train.loaded"), own
    )
    st.session_state["later"] = {"weights": "model", "model": f"{key}.0", **own}
    st.rerun()
