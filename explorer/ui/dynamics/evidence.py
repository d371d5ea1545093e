"""The view `evidence`: a network that tells spam, and the line along which its evidence adds up."""

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
from explorer.ui.frame import whole
from explorer.ui.stage import stage


def draw(experiment: Experiment, lang: str) -> None:
    """Draws the message's choice, its way in space, and what the line is worth in numbers."""
    key = (experiment.cell, lang, experiment.seed, experiment.text)
    with st.spinner(t("ui.learning", lang)):
        found = _evidence(*key)
    if whole():
        _examples(lang)
    stage(_packed(*key, experiment.point))
    values = {"cell": cell_name(experiment.cell, lang), "n": f"{len(found.along):,}"}
    shown = {"share": f"{found.share:.0%}".replace("%", " %"), "r": f"{abs(found.r):.3f}"}
    st.markdown(t("dynamics.evidence", lang, **values, **shown))
    if whole():
        report.points_checked(experiment.cell, _checked(*key), lang)


def _examples(lang: str) -> None:
    """Messages on offer."""
    with st.container(horizontal=True, gap="small"):
        for text in mappings.examples("many_one", lang):
            st.button(text, key=f"evidence {text}", on_click=state.apply, args=({"text": text, "step": "1"},))


# Cached: one run per decision.


@st.cache_resource(max_entries=16, show_spinner=False)
def _network(cell: str, lang: str, seed: int) -> mappings.Network:
    return mappings.fit("many_one", cell, lang, seed)


@st.cache_resource(max_entries=16, show_spinner=False)
def _evidence(cell: str, lang: str, seed: int, text: str) -> Evidence:
    return evidence_of(_network(cell, lang, seed), text)


@st.cache_resource(max_entries=16, show_spinner=False)
def _packed(cell: str, lang: str, seed: int, text: str, point: int) -> bytes:
    return build_space([_evidence(cell, lang, seed, text).landscape], lang, point)


@st.cache_resource(max_entries=16, show_spinner=False)
def _checked(cell: str, lang: str, seed: int, text: str) -> PointsError | None:
    return points_error(_evidence(cell, lang, seed, text).landscape.points)
