"""The view `units` of the page of language models: find the unit that does it."""

from dataclasses import replace

import streamlit as st

from explorer.experiment import Experiment
from explorer.i18n import t
from explorer.lab.learned import notation_for
from explorer.language.units import Units, units_in, with_pattern
from explorer.stage.units import build_units
from explorer.ui import compute, state
from explorer.ui.language.reader import reader
from explorer.ui.stage import stage

READS_MUCH = {"weights": "model", "model": "brackets", "cell": "lstm", "units": "char", "text": ""}
"""A stored network with held-out text."""


def draw(experiment: Experiment, lang: str) -> None:
    """Draws the text, coloured by a unit, and what is known of every unit."""
    model = reader(experiment, lang)
    if model is None:
        return
    if len(model.layer_weights()[0]) > 1:
        st.warning(t("units.both_ways", lang))
        return
    notation = notation_for(experiment, lang)
    with st.spinner(t("units.measuring", lang)):
        payload = packed_units(experiment, notation, lang)
    found = units_of(experiment, notation)
    said = t("units.measured_held" if found.own else "units.measured_own", lang, n=f"{found.measured:,}")
    st.caption(said)
    if not found.ranked:
        _few(lang)
    stage(payload)


def _few(lang: str) -> None:
    """Says plainly that so few tokens rank nothing, and leads to a network with more."""
    words, way = st.columns([3, 1], vertical_alignment="center")
    words.warning(t("units.few", lang))
    changes = READS_MUCH | {"feature": "bracket", "shade": "c", "step": "1", "unit": "1"}
    way.button(
        t("units.much", lang), key="units_much", on_click=state.apply, args=(changes,), width="stretch"
    )


# Cached: one run per decision.


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _units(experiment: Experiment, notation: str, kept: int) -> Units:
    model = compute.network(experiment)
    return units_in(experiment, model, compute.trained_on(experiment), notation)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _packed_units(experiment: Experiment, notation: str, lang: str, kept: int) -> bytes:
    found = with_pattern(units_of(experiment, notation), experiment.pattern)
    return build_units(found, experiment, lang)


def units_of(experiment: Experiment, notation: str) -> Units:
    """Returns what the units of the experiment's network do over its text and over held-out text."""
    return _units(_of_units(experiment), notation, compute.kept_so_far(experiment))


def packed_units(experiment: Experiment, notation: str, lang: str) -> bytes:
    """Returns the stage's payload for the units of the experiment's network."""
    chosen = _of_units(experiment, "pattern", "feature", "shade")
    return _packed_units(chosen, notation, lang, compute.kept_so_far(experiment))


def _of_units(experiment: Experiment, *names: str) -> Experiment:
    """The experiment without what does not matter to its units, but for some fields of this page."""
    kept = {name: getattr(experiment, name) for name in names}
    return replace(compute.without(experiment, *compute.FIRST_PAGE, "flow", "train", "race"), **kept)
