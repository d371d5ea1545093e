"""The view `evidence`: a network that tells spam, and the line along which its evidence adds up."""

from dataclasses import replace

import streamlit as st

from explorer.architectures import mappings
from explorer.checks.live import PointsError, points_error
from explorer.dynamics.evidence import Evidence
from explorer.experiment import Experiment
from explorer.figures.signals import cell_name
from explorer.i18n import t
from explorer.stage.dynamics import build_space
from explorer.stage.views import evidence_of
from explorer.ui import report, state
from explorer.ui.aside import aside
from explorer.ui.frame import whole
from explorer.ui.spoken import reads
from explorer.ui.stage import stage


def draw(experiment: Experiment, lang: str) -> None:
    """Draws the message's choice, its way in space, and what the line is worth in numbers."""
    grammar = reads(experiment, lang)
    key = (experiment.cell, grammar, experiment.seed, experiment.text)
    with st.spinner(t("ui.learning", lang)):
        found = _evidence(*key)
    if whole():
        _examples(grammar)
    stage(_packed(*key, experiment.point, lang))
    values = {"cell": cell_name(experiment.cell, lang), "n": f"{len(found.along):,}"}
    shown = {"share": f"{found.share:.0%}".replace("%", " %"), "r": f"{abs(found.r):.3f}"}
    st.markdown(t("dynamics.evidence", lang, **values, **shown))
    if whole():
        report.points_checked(experiment.cell, _checked(*key), lang)


def _examples(grammar: str) -> None:
    """Messages on offer."""
    with st.container(horizontal=True, gap="small"):
        for text in mappings.examples("many_one", grammar):
            st.button(text, key=f"evidence {text}", on_click=state.apply, args=({"text": text, "step": "1"},))


# Cached: one run per decision.


@st.cache_resource(max_entries=16, show_spinner=False)
def _network(cell: str, grammar: str, seed: int) -> mappings.Network:
    return aside(mappings.fit, "many_one", cell, grammar, seed)


@st.cache_resource(max_entries=16, show_spinner=False)
def _evidence(cell: str, grammar: str, seed: int, text: str) -> Evidence:
    return evidence_of(_network(cell, grammar, seed), text)


@st.cache_resource(max_entries=16, show_spinner=False)
def _packed(cell: str, grammar: str, seed: int, text: str, point: int, lang: str) -> bytes:
    network = mappings.told(_network(cell, grammar, seed), lang)
    shown = replace(_evidence(cell, grammar, seed, text).landscape, names=network.answers)
    return build_space([shown], lang, point)


@st.cache_resource(max_entries=16, show_spinner=False)
def _checked(cell: str, grammar: str, seed: int, text: str) -> PointsError | None:
    return points_error(_evidence(cell, grammar, seed, text).landscape.points)
