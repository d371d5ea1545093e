"""The view `memory` of the page of language models: what a state still knows, and what it is told."""

from contextlib import suppress
from dataclasses import replace

import streamlit as st

from explorer.data.unusable import Unusable
from explorer.experiment import Experiment
from explorer.i18n import t
from explorer.lab.learned import needed
from explorer.language.probing import ENOUGH_TOKENS, FIT, GRADIENTS, TEST, Memory, choices_of, memories
from explorer.stage.memory import build_memory
from explorer.ui import compute
from explorer.ui.language.reader import reader
from explorer.ui.stage import stage


def draw(experiment: Experiment, lang: str) -> None:
    """Draws the view."""
    model = reader(experiment, lang)
    if model is None or model.vocabulary is None:
        return
    if len(choices_of(model.vocabulary)) < ENOUGH_TOKENS:
        st.warning(t("memory.one_token", lang))
        return
    with st.spinner(t("memory.working", lang)):
        payload = packed_memory(experiment, lang)
    stage(payload)
    st.caption(t("memory.method", lang, fit=f"{FIT:,}", test=TEST, n=GRADIENTS))


# Cached: one run per decision.


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _remembered(asked: Experiment, kept: int) -> tuple[Memory, ...]:
    model = compute.network(asked)
    run, data = compute.trained_on(asked), None
    if run is not None:
        with suppress(Unusable):
            data = compute.source_of(run)
    return memories(model, data, asked.token_level if run is None else run.token_level)


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _packed_memory(asked: Experiment, shade: str, lang: str, kept: int) -> bytes:
    vocabulary = compute.learned(asked.model_part()).model.vocabulary
    assert vocabulary is not None
    bare = asked.weights == "untrained"
    return build_memory(_remembered(asked, kept), vocabulary, lang, shade, bare)


def packed_memory(experiment: Experiment, lang: str) -> bytes:
    """Returns the stage's payload for what the network's states still know; the sentence does not matter."""
    asked = replace(needed(experiment.model_part()), moment=experiment.moment, units=experiment.token_level)
    return _packed_memory(asked, experiment.shade, lang, compute.kept_so_far(experiment))
