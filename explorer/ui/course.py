"""The course page: where to start, the stops of the path with a miniature each, the lecture as a list."""

from collections.abc import Callable, Mapping

import plotly.graph_objects as go
import streamlit as st

from explorer.architectures.amount import shipped
from explorer.course.lessons import cards
from explorer.course.questions import questions
from explorer.course.stops import Stop, stops
from explorer.course.views import BUILT_IN, lecture
from explorer.dynamics.portrait import by_hand, portrait
from explorer.experiment import Display, Experiment
from explorer.figures import miniature
from explorer.i18n import t
from explorer.lab.walk import ShownRun
from explorer.training.bands import shipped_of
from explorer.training.race import preset_changes, race_of
from explorer.ui import compute, state
from explorer.ui.lecture import way_in
from explorer.ui.lesson import opened_cards
from explorer.ui.lists import editor
from explorer.ui.stage import progress
from explorer.ui.ways import page_way, way

_BESIDE = {"cells": "worksheet", "training": "clinic"}
"""Pages aside that belong to a stop."""

_WAYS_IN = ("lecture", "study", "look")


def course(lang: str) -> None:
    """Draws the page."""
    st.markdown(f"## {t('course.title', lang)}")
    for place, name in zip(st.columns(len(_WAYS_IN), gap="medium"), _WAYS_IN, strict=True):
        with place, st.container(border=True, height="stretch"):
            st.markdown(f"**{t(f'course.{name}', lang)}**")
            st.markdown(t(f"course.{name}_how", lang))
            if name == "study":
                page_way("clinic", t("course.clinic", lang))
            if name == "lecture":
                page_way("room", t("course.room", lang))
                page_way("worksheet", t("course.worksheet", lang))
    st.markdown(f"### {t('course.path', lang, minutes=sum(stop.minutes for stop in stops()))}")
    for number, stop in enumerate(stops(), 1):
        _stop(number, stop, lang)
    _questions(lang)
    _lecture(lang)
    editor(lang)


def _stop(number: int, stop: Stop, lang: str) -> None:
    with st.container(border=True, key=f"stop_{stop.key}"):
        drawn, said = st.columns([1, 1.6], gap="medium", vertical_alignment="center")
        with drawn:
            _miniature(stop.key, state.theme())
        with said:
            minutes = t("course.minutes", lang, n=stop.minutes)
            title = f"#### {number}. {t(f'course.stop_{stop.key}', lang)} · {minutes}"
            about, ask = t(f"course.about_{stop.key}", lang), f"**{t(f'course.ask_{stop.key}', lang)}**"
            st.markdown("\n\n".join((title, about, ask)))
            go, opened = st.columns([1, 2.6], vertical_alignment="center")
            with go:
                way(stop.see, lang, t("course.go", lang))
                if stop.key in _BESIDE:
                    page_way(_BESIDE[stop.key], t(f"page.{_BESIDE[stop.key]}", lang))
            with opened:
                some = [card for card in cards(stop.lesson, lang) if card.key in stop.cards or not stop.cards]
                progress(f"progress_{stop.key}", opened_cards(stop.lesson, some, None, lang))


def _questions(lang: str) -> None:
    """Draws the questions that are asked again and again, each the way to its answer."""
    st.markdown(f"### {t('course.questions', lang)}")
    left, right = st.columns(2)
    half = -(-len(questions()) // 2)
    for at, (key, see) in enumerate(questions().items()):
        with left if at < half else right:
            way(see, lang, t(f"course.question_{key}", lang))


def _lecture(lang: str) -> None:
    """Draws the prepared list of views, with the minute at which each begins."""
    st.markdown(f"### {t('course.fifty', lang)}")
    st.markdown(t("course.fifty_how", lang))
    way_in(BUILT_IN, 1, t("course.start", lang))
    begins = 0
    for view in lecture():
        when, what = st.columns([1, 9], vertical_alignment="center")
        when.markdown(t("course.from_to", lang, first=begins, last=begins + view.minutes))
        begins += view.minutes
        with what:
            way(view.see, lang, t(f"course.view_{view.key}", lang))


# The miniatures: what the first view of each stop shows, small.


def _of(**changes: str) -> Experiment:
    experiment, refused = Experiment().with_changes(changes)
    assert not refused
    return experiment


def _run(**changes: str) -> ShownRun:
    return compute.walked(_of(**changes), Display("en")).runs[0]


def _state(theme: str) -> go.Figure:
    run = _run(cell="rnn")
    return miniature.state_miniature(run.trace.layers[0], [token.label for token in run.tokens], theme)


def _gates(theme: str) -> go.Figure:
    run = _run(cell="lstm")
    return miniature.gates_miniature(run.trace.layers[0], [token.label for token in run.tokens], theme)


def _triangle(theme: str) -> go.Figure:
    found = compute.flowed(_of(cell="rnn", weights="untrained", stretch="20"))
    return miniature.triangle_miniature(found.chosen.each.norm, theme)


def _totals(theme: str) -> go.Figure:
    found = compute.flowed(_of(cell="lstm", weights="untrained", stretch="40"))
    totals = {cell.cell: cell.total[: (cell.loss_step or found.steps) + 1] for cell in found.cells}
    return miniature.totals_miniature(totals, theme)


def _race(theme: str) -> go.Figure:
    headline, _ = Experiment().with_changes(preset_changes("adding_100"))
    known = shipped_of(race_of(headline))
    assert known is not None
    return miniature.race_miniature(known.bands, theme)


def _next(theme: str) -> go.Figure:
    run = _run(cell="lstm")
    assert run.top_ids is not None and run.top_probabilities is not None
    names = [run.names[k] for k in run.top_ids[1][:4]]
    return miniature.next_miniature(names, run.top_probabilities[1][:4].tolist(), theme)


def _amount(theme: str) -> go.Figure:
    return miniature.amount_miniature(shipped(), theme)


def _memory(theme: str) -> go.Figure:
    found = portrait(by_hand("rnn", 1, 1.5))
    return miniature.memory_miniature(found.line, found.after[:, 0], found.points.states[:, 0], theme)


_MINIATURES: Mapping[str, Callable[[str], go.Figure]] = {
    "recurrence": _state,
    "cells": _gates,
    "time": _triangle,
    "gradients": _totals,
    "training": _race,
    "language_models": _next,
    "architectures": _amount,
    "dynamics": _memory,
}


@st.cache_resource(show_spinner=False)
def _miniature(stop: str, theme: str) -> None:
    """Draws a stop's miniature; what was drawn once is sent again as it was."""
    figure = _MINIATURES[stop](theme)
    st.plotly_chart(figure, key=f"miniature_{stop}", theme=None, config={"staticPlot": True})
