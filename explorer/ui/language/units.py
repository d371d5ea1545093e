"""The view `units` of the page of language models: find the unit that does it."""

import streamlit as st

from explorer.experiment import Display, Experiment, NetworkChoices
from explorer.i18n import t
from explorer.language.units import Units, units_in, with_pattern
from explorer.stage.units import build_units
from explorer.ui import compute, state
from explorer.ui.aside import aside
from explorer.ui.language.reader import reader
from explorer.ui.models import READS_MUCH
from explorer.ui.stage import stage


def draw(experiment: Experiment, lang: str) -> None:
    """Draws the text, coloured by a unit, and what is known of every unit."""
    model = reader(experiment, lang)
    if model is None:
        return
    if len(model.layer_weights()[0]) > 1:
        st.warning(t("units.both_ways", lang))
        return
    with st.spinner(t("units.measuring", lang)):
        payload = packed_units(experiment, experiment.display(lang))
    found = units_of(experiment)
    said = t("units.measured_held" if found.own else "units.measured_own", lang, n=f"{found.measured:,}")
    st.caption(said)
    if not found.ranked:
        _few(lang)
    stage(payload)


def _few(lang: str) -> None:
    """Says plainly that so few tokens rank nothing, and leads to a network with more."""
    words, way = st.columns([3, 1], vertical_alignment="center")
    words.warning(t("units.few", lang))
    way.button(
        t("units.much", lang), key="units_much", on_click=state.apply, args=(READS_MUCH,), width="stretch"
    )


# Cached: one run per decision.


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _units(asked: Experiment, kept: int) -> Units:
    return aside(units_in, asked, compute.network(asked), compute.trained_on(asked))


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _packed_units(asked: Experiment, display: Display, kept: int) -> bytes:
    return build_units(with_pattern(units_of(asked), asked.pattern), asked, display)


def units_of(experiment: Experiment) -> Units:
    """Returns what the units of the experiment's network do over its text and over held-out text."""
    return _units(experiment.only(NetworkChoices), compute.kept_so_far(experiment))


def packed_units(experiment: Experiment, display: Display) -> bytes:
    """Returns the stage's payload for the units of the experiment's network."""
    asked = experiment.only(NetworkChoices, "pattern", "feature", "shade")
    return _packed_units(asked, display, compute.kept_so_far(experiment))
