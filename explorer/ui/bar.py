"""The bar on top of every page: four choices in sight, the rest behind one "more", the language."""

from collections.abc import Sequence

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from explorer.cells import CELLS
from explorer.data.corpora import TAUGHT, examples
from explorer.experiment import WEIGHTS, Experiment
from explorer.i18n import LANGUAGES, t
from explorer.ui import models, state
from explorer.ui.widgets import field

_RESET = (
    *("bar", "more", "change", "flow", "look", "second", "transplant"),
    *("language", "architecture", "dynamics"),
)
"""The groups of fields that the reset sets back."""

_STORED = "stored "
"""Stands before the name of a stored network in the list."""


def navigation(pages: Sequence[StreamlitPage], experiment: Experiment, lang: str) -> None:
    """Draws the way to every page, the experiment in each link, and the language."""
    if state.showing().hides("navigation"):
        return
    places, language = st.columns([8.6, 1.4], gap="small")
    with places, st.container(horizontal=True, gap="small"):
        for page in pages:
            there = state.elsewhere(experiment, page.url_path)
            st.page_link(page, width="content", query_params=state.address(there))
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
    if state.showing().hides("bar"):
        return
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
        _weights(experiment, lang)
    with more, st.popover(t("ui.more", lang), width="stretch"):
        _more(experiment, lang)


def _weights(experiment: Experiment, lang: str) -> None:
    """The list of all networks: learned here and now, or stored."""
    here, stored = [w for w in WEIGHTS if w != "model"], models.on_offer(experiment, lang)
    labels = {w: t(f"option.weights.{w}", lang) for w in here}
    labels |= {_STORED + name: label for name, label in stored.items()}
    chosen = experiment.weights
    st.session_state["weights_list"] = _STORED + experiment.model if chosen == "model" else chosen
    st.selectbox(
        t("field.weights", lang),
        list(labels),
        key="weights_list",
        format_func=lambda name: labels.get(name, name),
        on_change=_take_weights,
        help=t("help.weights", lang),
    )


def _take_weights() -> None:
    chosen, experiment = st.session_state["weights_list"], st.session_state["experiment"]
    if chosen.startswith(_STORED):
        state.apply(models.changes_for(chosen.removeprefix(_STORED), experiment))
    else:
        state.apply(models.changes_back(chosen, experiment))


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
        if experiment.weights in TAUGHT:
            field("unknown", experiment, lang)
    st.caption(t("ui.examples", lang))
    for sentence, weights in examples(lang):
        known = {"weights": weights} if weights else {}
        st.button(sentence, on_click=state.apply, args=({"text": sentence} | known,), width="stretch")
    st.button(
        t("ui.reset", lang),
        on_click=state.reset_group,
        args=_RESET,
    )
