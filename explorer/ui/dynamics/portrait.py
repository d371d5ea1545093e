"""The view `portrait`: one unit, two units, many, with a knob through which a memory is born."""

from collections.abc import Sequence

import streamlit as st

from explorer.cells import CELLS
from explorer.dynamics.points import FixedPoints
from explorer.dynamics.portrait import (
    Branches,
    Chaos,
    Portrait,
    branches,
    by_hand,
    many,
    portrait,
    units_of,
)
from explorer.experiment import Experiment
from explorer.figures import dynamics as figures
from explorer.figures.signals import cell_name
from explorer.i18n import t
from explorer.limits import PORTRAIT_HIDDEN
from explorer.ui.aside import aside
from explorer.ui.charts import show_bare
from explorer.ui.state import seed_widget, showing, theme
from explorer.ui.widgets import field, locked

KNOBS = {"pull": (0.0, 3.0, 0.05), "turn": (0, 180, 5), "lean": (-1.0, 1.0, 0.02)}
"""The least, the greatest and the step of every slider; the address takes more."""


def draw(experiment: Experiment, lang: str) -> None:
    """Draws the knobs and the portrait that they make."""
    small, *places = st.columns([1.2, 1, 1, 1], vertical_alignment="bottom")
    with small:
        field("small", experiment, lang)
    if experiment.small != "many" and not units_of(experiment.cell, experiment.small):
        _too_many(experiment, lang)
        return
    units = units_of(experiment.cell, experiment.small)
    for place, name in zip(places, _knobs(experiment, units), strict=False):
        with place:
            _slider(name, experiment, lang)
    if experiment.small == "many":
        _many(experiment, lang)
        return
    if experiment.small == "two" and units == 1:
        st.info(t("dynamics.plane_in_one", lang))
    turn = experiment.turn if units == 2 else 0
    found = _portrait(experiment.cell, units, experiment.pull, turn, experiment.lean)
    left, right = st.columns([1.1, 1], gap="medium")
    with left:
        figure = figures.line_figure if found.size == 1 else figures.plane_figure
        show_bare(figure(found, lang, theme()), "portrait")
    with right:
        if units == 1:
            row = _branches(experiment.cell, experiment.lean)
            show_bare(figures.branches_figure(row, experiment.pull, lang, theme()), "branches")
        else:
            _words(found, lang)
    if units == 1:
        _words(found, lang)


def _words(found: Portrait, lang: str) -> None:
    st.markdown(" ".join(_said(found, lang)))
    st.caption(t("dynamics.line_how" if found.size == 1 else "dynamics.plane_how", lang))


def _too_many(experiment: Experiment, lang: str) -> None:
    """A unit of this cell has more numbers than a plane: says so."""
    states = CELLS[experiment.cell].states
    values = {"cell": cell_name(experiment.cell, lang), "n": len(states), "states": ", ".join(states)}
    st.info(t("dynamics.no_plane", lang, **values))


def _knobs(experiment: Experiment, units: int) -> Sequence[str]:
    if experiment.small == "many":
        return ("pull",)
    return ("pull", "turn", "lean") if units == 2 else ("pull", "lean")


def _slider(name: str, experiment: Experiment, lang: str) -> None:
    if showing().hides(name):
        return
    low, high, step = KNOBS[name]
    widget = seed_widget(name, experiment)
    st.session_state[widget] = min(max(st.session_state[widget], low), high)
    st.slider(t(f"field.{name}", lang), low, high, step=step, key=widget, disabled=locked(name))


def _said(found: Portrait, lang: str) -> list[str]:
    """What there is: the points, where the run goes, and how neighbours of it part."""
    points = found.points
    stable, unstable = len(points.stable), int((points.exact & (points.unstable > 0)).sum())
    said = [t("dynamics.portrait_points", lang, stable=stable, unstable=unstable)]
    if slow := int((~points.exact).sum()):
        said.append(t("dynamics.portrait_slow", lang, n=slow))
    said.append(t(f"dynamics.{_goes(found, points)}", lang))
    return [*said, t("dynamics.exponent", lang, value=f"{found.exponent:+.3f}".replace("-", "−"))]


def _goes(found: Portrait, points: FixedPoints) -> str:
    last = found.layer.h[-1]
    if abs(last).max() > 1e3:
        return "run_leaves"
    if (
        len(points)
        and abs(points.states[points.exact][:, : len(last)] - last).max(-1).min(initial=9.0) < 0.02
    ):
        return "run_rests"
    return "run_turns"


def _many(experiment: Experiment, lang: str) -> None:
    found = _chaos(experiment.pull, experiment.seed)
    st.markdown(f"##### {t('dynamics.two_sides', lang, n=PORTRAIT_HIDDEN)}")
    show_bare(figures.chaos_figure(found, lang, theme()), "chaos")
    values = {
        "largest": f"{found.found.largest:+.3f}".replace("-", "−"),
        "backward": f"{found.backward:+.3f}".replace("-", "−"),
    }
    st.markdown(t("dynamics.chaos_note", lang, **values))


# Cached: one run per decision.


@st.cache_resource(max_entries=64, show_spinner=False)
def _portrait(cell: str, units: int, pull: float, turn: int, lean: float) -> Portrait:
    return portrait(by_hand(cell, units, pull, turn, lean))


@st.cache_resource(max_entries=32, show_spinner=False)
def _branches(cell: str, lean: float) -> Branches:
    return aside(branches, cell, lean)


@st.cache_resource(max_entries=32, show_spinner=False)
def _chaos(pull: float, seed: int) -> Chaos:
    return many(pull, seed)
