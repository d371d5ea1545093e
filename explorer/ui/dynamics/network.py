"""The view `network`: the states, the fixed and the slow points of whatever network the page has."""

from dataclasses import replace

import streamlit as st

from explorer.checks.live import PointsError, points_error
from explorer.dynamics.landscape import Landscape
from explorer.dynamics.network import network, unsearched
from explorer.experiment import Experiment, NetworkChoices
from explorer.i18n import t
from explorer.lab.learned import inputs
from explorer.limits import WINDOW
from explorer.stage.dynamics import build_space
from explorer.stage.views import cells_beside
from explorer.ui import compute, models, report
from explorer.ui.aside import aside
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
    if said := unsearched(learned.model):
        st.warning(t(f"dynamics.{said[0]}", lang, **said[1]))
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
    wanted = [replace(experiment, cell=cell) for cell in cells_beside(experiment)]
    there = [one for one in wanted if is_there(one)]
    if there != wanted:
        st.warning(t("dynamics.no_second", lang))
    titles: tuple[str, ...] = ()
    if other := models.beside(experiment):
        if unsearched(compute.learned(other.model_part()).model):
            st.warning(t("dynamics.beside_unsearched", lang))
        else:
            there, titles = [experiment, other], models.titles(experiment, other)
    with st.spinner(t("dynamics.searching", lang)):
        shown = tuple(_of_network(one, constant) for one in there)
        kept = compute.kept_so_far(experiment)
        payload = _packed(shown, titles, experiment.point, lang, kept)
    total = len(inputs(experiment, learned.model, learned.sample).tokens)
    if total > WINDOW:
        st.caption(t("dynamics.cut", lang, shown=WINDOW, total=f"{total:,}"))
    stage(payload)
    for one in shown if whole() else ():
        report.points_checked(one.cell, _checked(one, kept), lang)


# Cached: one run per decision.


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _landscape(experiment: Experiment, kept: int) -> Landscape:
    learned = compute.learned(experiment.model_part())
    model = learned.at(experiment.moment)
    held = experiment.held if experiment.held in model.ids else ""
    return aside(network, model, inputs(experiment, model, learned.sample), held)


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _checked(experiment: Experiment, kept: int) -> PointsError | None:
    return points_error(_landscape(experiment, kept).points)


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _packed(
    shown: tuple[Experiment, ...], titles: tuple[str, ...], point: int, lang: str, kept: int
) -> bytes:
    return build_space([_landscape(one, kept) for one in shown], lang, point, titles)


def _of_network(experiment: Experiment, constant: str) -> Experiment:
    """What a landscape depends on: the network, its text, and the input that is held."""
    return replace(experiment.only(NetworkChoices), held=constant)
