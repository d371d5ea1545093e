"""The bar on top of every page: four choices in sight, the rest behind one "more", the language."""

from collections.abc import Sequence

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from explorer.cells import CELLS
from explorer.corpora import examples
from explorer.experiment import WEIGHTS, Experiment
from explorer.i18n import LANGUAGES, t
from explorer.ui import state
from explorer.ui.widgets import field


def navigation(pages: Sequence[StreamlitPage], experiment: Experiment, lang: str) -> None:
    """Draws the way to every page, the experiment in each link, and the language."""
    places, language = st.columns([6, 1.5], gap="small")
    with places, st.container(horizontal=True, gap="medium"):
        for page in pages:
            st.page_link(page, width="content", query_params=state.address(experiment))
    with language, st.container(horizontal_alignment="right"):
        st.segmented_control(
            t("app.language", lang),
            LANGUAGES,
            key="lang",
            format_func=lambda code: t(f"language.{code}", lang),
            label_visibility="collapsed",
            required=True,
        )


def bar(experiment: Experiment, lang: str) -> None:
    """Draws the shared choices."""
    cell, text, units, weights, more = st.columns(
        [1.5, 3.6, 1.2, 2.3, 0.9], vertical_alignment="bottom", gap="small"
    )
    with cell:
        field("cell", experiment, lang)
    with text:
        field("text", experiment, lang)
    with units:
        field("units", experiment, lang)
    with weights:
        field("weights", experiment, lang, [w for w in WEIGHTS if w != "model" or experiment.model])
    with more, st.popover(t("ui.more", lang), width="stretch"):
        _more(experiment, lang)


def _more(experiment: Experiment, lang: str) -> None:
    spec = CELLS[experiment.cell]
    left, right = st.columns(2)
    with left:
        field("hidden", experiment, lang)
        field("init", experiment, lang)
        field("bias", experiment, lang)
        field("notation", experiment, lang)
    with right:
        field("seed", experiment, lang)
        field("gain", experiment, lang)
        if spec.keep and experiment.bias == "fixed":
            field("keep_bias", experiment, lang)
        field("start", experiment, lang)
    st.caption(t("ui.examples", lang))
    for sentence in examples(lang):
        st.button(sentence, on_click=state.apply, args=({"text": sentence},), width="stretch")
    st.button(
        t("ui.reset", lang),
        on_click=state.reset_group,
        args=("bar", "more", "change", "flow", "look", "second", "transplant"),
    )
