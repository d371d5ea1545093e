"""The view `cube`: three bits, learned here and now, and their shape in the space of states."""

from dataclasses import replace

import streamlit as st

from explorer.checks.live import PointsError, points_error
from explorer.dynamics.cube import cube, learn_cube
from explorer.dynamics.landscape import Landscape
from explorer.experiment import Experiment
from explorer.figures.signals import cell_name
from explorer.i18n import raised, t
from explorer.lab.learned import Learned
from explorer.limits import CUBE_HIDDEN
from explorer.stage.dynamics import build_space
from explorer.stage.views import cells_beside
from explorer.ui import compute, report
from explorer.ui.aside import aside
from explorer.ui.frame import whole
from explorer.ui.moments import moments
from explorer.ui.stage import stage
from explorer.ui.widgets import field


def learn(experiment: Experiment) -> None:
    """Learns what the view shows, so that nobody waits for it there."""
    for cell in cells_beside(experiment):
        _cube(replace(_of_cube(experiment), cell=cell), experiment.moment)


def draw(experiment: Experiment, lang: str) -> None:
    """Draws the cube of one cell, or of two side by side."""
    chosen = _of_cube(experiment)
    second, moment = st.columns([1, 2], vertical_alignment="bottom")
    with second:
        field("second", experiment, lang)
    cells = cells_beside(experiment)
    with st.spinner(t("dynamics.learning_cube", lang)):
        learned = [_learned(replace(chosen, cell=cell)) for cell in cells]
    with moment:
        moments(experiment, learned[0], lang)
    with st.spinner(t("dynamics.searching", lang)):
        payload = _packed(chosen, tuple(cells), experiment.moment, experiment.point, lang)
    stage(payload)
    st.caption(" ".join(_fitted(cell, one, lang) for cell, one in zip(cells, learned, strict=True)))
    for cell in cells if whole() else ():
        report.points_checked(cell, _checked(replace(chosen, cell=cell), experiment.moment), lang)


def _fitted(cell: str, learned: Learned, lang: str) -> str:
    fit = learned.fit
    assert fit is not None
    key = "cube_learned" if fit.passed else "cube_not_learned"
    values = {"cell": cell_name(cell, lang), "steps": fit.steps, "seconds": f"{fit.seconds:.1f}"}
    return t(f"dynamics.{key}", lang, loss=raised(f"{fit.loss:.2g}"), hidden=CUBE_HIDDEN, **values)


# Cached: one run per decision.


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _learned(experiment: Experiment) -> Learned:
    return aside(learn_cube, experiment)


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _cube(experiment: Experiment, moment: int) -> Landscape:
    return cube(_learned(experiment).at(moment), experiment.seed)


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _checked(experiment: Experiment, moment: int) -> PointsError | None:
    return points_error(_cube(experiment, moment).points)


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _packed(experiment: Experiment, cells: tuple[str, ...], moment: int, point: int, lang: str) -> bytes:
    return build_space([_cube(replace(experiment, cell=cell), moment) for cell in cells], lang, point)


def _of_cube(experiment: Experiment) -> Experiment:
    """The experiment with all at its default that the cube does not depend on."""
    return experiment.only("cell", "seed", "init", "gain", "bias", "keep_bias")
