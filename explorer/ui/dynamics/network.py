"""The view `network`: the states, the fixed and the slow points of whatever network the page has."""

from dataclasses import replace

import streamlit as st

from explorer.checks.live import PointsError, points_error
from explorer.dynamics.landscape import Landscape
from explorer.dynamics.network import network
from explorer.experiment import Experiment, NetworkChoices
from explorer.i18n import t
from explorer.lab.learned import inputs
from explorer.limits import MAX_SEARCHED, WINDOW
from explorer.stage.dynamics import build_space
from explorer.stage.views import cells_beside
from explorer.ui import compute, report
from explorer.ui.frame import whole
from explorer.ui.models import is_there
from explorer.ui.moments import moments
from explorer.ui.stage import stage
from explorer.ui.widgets import field


def draw(experiment: Experiment, lang: str) -> None:
    """Draws the landscape of the page's network, or of two side by side."""
    with st.spinner(t("ui.learning", lang)):
        learned = compute.learned(experiment.model_part())
    report.taught(experiment, lang)
    if any(len(directions) > 1 for directions in learned.model.layer_weights()):
        st.warning(t("dynamics.both_ways", lang))
        return
    states = len(learned.model.states) * sum(w.hidden_size for (w,) in learned.model.layer_weights())
    if states > MAX_SEARCHED:
        st.warning(t("dynamics.wide", lang, states=states, limit=MAX_SEARCHED))
        return
    held, second, moment = st.columns([1, 1, 2], vertical_alignment="bottom")
    if learned.model.vocabulary is not None:
        with held:
            field("held", experiment, lang)
    if not experiment.own:
        with second:
            field("second", experiment, lang)
    with moment:
        moments(experiment, learned, lang)
    constant = experiment.held if learned.model.vocabulary is not None else ""
    if constant and constant not in learned.model.ids:
        st.warning(t("dynamics.unknown", lang, token=constant))
        constant = ""
    wanted = cells_beside(experiment)
    cells = [cell for cell in wanted if is_there(replace(experiment, cell=cell))]
    if cells != wanted:
        st.warning(t("dynamics.no_second", lang))
    with st.spinner(t("dynamics.searching", lang)):
        chosen = _of_network(experiment, constant)
        kept = compute.kept_so_far(experiment)
        payload = _packed(chosen, tuple(cells), experiment.point, lang, kept)
    total = len(inputs(experiment, learned.model, learned.sample).tokens)
    if total > WINDOW:
        st.caption(t("dynamics.cut", lang, shown=WINDOW, total=f"{total:,}"))
    stage(payload)
    for cell in cells if whole() else ():
        report.points_checked(cell, _checked(replace(chosen, cell=cell), kept), lang)


# Cached: one run per decision.


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _landscape(experiment: Experiment, kept: int) -> Landscape:
    learned = compute.learned(experiment.model_part())
    model = learned.at(experiment.moment)
    return network(model, inputs(experiment, model, learned.sample), experiment.held)


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _checked(experiment: Experiment, kept: int) -> PointsError | None:
    return points_error(_landscape(experiment, kept).points)


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _packed(experiment: Experiment, cells: tuple[str, ...], point: int, lang: str, kept: int) -> bytes:
    return build_space([_landscape(replace(experiment, cell=cell), kept) for cell in cells], lang, point)


def _of_network(experiment: Experiment, constant: str) -> Experiment:
    """What a landscape depends on: the network, its text, and the input that is held."""
    return replace(experiment.only(NetworkChoices), held=constant)
