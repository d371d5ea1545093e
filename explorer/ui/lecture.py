"""A lecture: views in a row, each drawn alone under a thin bar. The ways back and on are links."""

import hashlib
from dataclasses import replace
from typing import Any

import streamlit as st

from explorer.course.places import HOME
from explorer.course.showing import Showing, card_of
from explorer.course.views import View
from explorer.experiment import Experiment
from explorer.i18n import t
from explorer.ui import state
from explorer.ui.components import component
from explorer.ui.ways import link, named, page_of

_SCRIPT = """
export default function (component) {
  const { data, parentElement } = component
  const root = parentElement.querySelector(".rx-root")
  const lecture = import(window.location.origin + "%s/course/lecture.js")
  lecture.then((module) => module.mountLecture(root, data))
  return () => lecture.then((module) => module.unmountLecture(root))
}
"""


_WORDS = ("lecture", "back", "on", "leave", "restart", "planned")
"""What the bar says, in the locale's table of the lecture."""

_AHEAD = r"$\sigma\bigl(W_f\,x\bigr)$"
"""Out of sight, a view before the glossary: what typesets formulas, and their fonts, are then at hand."""


def lecture(experiment: Experiment, lang: str) -> None:
    """Draws the bar of the lecture, where one is shown, and the links that its keys press."""
    showing = state.showing()
    if not showing.on:
        return
    views, at = showing.views, showing.at
    st.session_state["left_at"] = at
    page = st.session_state["page"] or HOME
    with st.container(key="lecture"):
        component("lecture", _SCRIPT)(data=_said(showing, lang), key="lecture_bar")
        with st.container(key="lecture_ways"):
            if at > 1:
                _way("lecture_back", views[at - 2], replace(showing, at=at - 1), lang)
            if at < len(views):
                _way("lecture_on", views[at], replace(showing, at=at + 1), lang)
                if views[at].see.page == "glossary":
                    st.markdown(_AHEAD)
            alone = state.at_card(replace(experiment, panels=""), page)
            whole = state.address(alone, replace(showing, at=0))
            _link("lecture_leave", page, whole)


def title_of(view: View, lang: str) -> str:
    """Returns the title of a view: the locale's, the lecturer's own, that of its card, or its page's name."""
    if view.key:
        return t(f"course.view_{view.key}", lang)
    card = card_of(view.see, lang)
    return view.title or (card.title if card else named(view.see, lang))


def address_of(view: View, showing: Showing) -> dict[str, str]:
    """Returns the parameters of the address of a view in a lecture."""
    return state.address(state.at_card(view.see.experiment, view.see.page), showing)


def back_in(lang: str) -> None:
    """Draws the way back into the lecture that was left, at its view."""
    showing = state.showing()
    if showing.lecture and not showing.on:
        at = min(st.session_state.get("left_at", 1), len(showing.views))
        way_in(showing.lecture, at, f"{at}/{len(showing.views)}")


def way_in(lecture_: str, at: int, label: str) -> None:
    """Draws the link to a view of a lecture."""
    showing = replace(state.showing(), lecture=lecture_, at=at)
    view = showing.views[at - 1]
    query = address_of(view, showing)
    link(page_of(view.see.page), label=label, icon=":material/slideshow:", query_params=query)


def _way(key: str, view: View, showing: Showing, lang: str) -> None:
    _link(key, view.see.page, address_of(view, showing))


def _link(key: str, name: str, query: dict[str, str]) -> None:
    with st.container(key=key):
        link(page_of(name), label=key, query_params=query)


def _said(showing: Showing, lang: str) -> dict[str, Any]:
    views, at = showing.views, showing.at
    view = views[at - 1]
    return {
        "lecture": hashlib.sha1(showing.lecture.encode()).hexdigest()[:12],
        "at": at,
        "total": len(views),
        "title": title_of(view, lang),
        "minutes": view.minutes,
        "begins": sum(other.minutes for other in views[: at - 1]),
        "strings": {name: t(f"lecture.{name}", lang) for name in _WORDS},
    }
