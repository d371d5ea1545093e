"""Links to places in the app."""

from copy import copy
from functools import cache
from typing import Any
from urllib.parse import urlencode

import streamlit as st
from streamlit.elements.lib.layout_utils import Width
from streamlit.navigation.page import StreamlitPage

from explorer.course.places import HOME, Place
from explorer.course.showing import CHOOSING
from explorer.experiment import Experiment
from explorer.i18n import ROOT, t
from explorer.ui import state
from explorer.ui.components import component

PAGES = ROOT / "pages"

ICONS = {
    "course": ":material/route:",
    "step": ":material/footprint:",
    "gradients": ":material/undo:",
    "train": ":material/timer:",
    "language": ":material/notes:",
    "architectures": ":material/account_tree:",
    "dynamics": ":material/deployed_code:",
    "glossary": ":material/function:",
    "clinic": ":material/stethoscope:",
    "worksheet": ":material/edit_note:",
    "room": ":material/groups:",
}
"""Every page and its icon, in the order of the navigation."""


@cache
def page_of(name: str, title: str | None = None, icon: str | None = None) -> StreamlitPage:
    """Returns a page as Streamlit knows it, for a link: looking for its file took longer than drawing one."""
    return st.Page(PAGES / f"{name}.py", title=title, icon=icon, default=name == HOME)


class _Home(StreamlitPage):
    """The first page as a link names it: by an empty path a link copied from another page leads to that."""

    @property
    def url_path(self) -> str:
        return "./"


def link(page: StreamlitPage, label: str | None = None, **looks: Any) -> None:
    """Draws the link to a page, as `st.page_link` does; opened in a new tab it leads to the same page."""
    if not page.url_path:
        page = copy(page)
        page.__class__ = _Home
    st.page_link(page, label=label, **looks)


@cache
def _query(place: Place, lang: str) -> dict[str, str]:
    return state.named(state.at_card(place.experiment, place.page), lang)


def way(place: Place, lang: str, label: str = "", width: Width = "content") -> None:
    """Draws the link to a place: the defaults, and what the place needs set."""
    label = label or named(place, lang)
    query = state.around(_query(place, lang))
    icon = ":material/arrow_forward:"
    link(page_of(place.page), label=label, icon=icon, query_params=query, width=width)


def mark(place: Place, lang: str) -> str:
    """Returns the link to a place as Markdown. `followed` makes it one within the app, as `way` is."""
    query = urlencode(state.around(_query(place, lang)))
    return f"[:material/arrow_forward: {named(place, lang)}]({place.path}?{query})"


_FOLLOWED = """
export default function (component) {
  const root = component.parentElement.querySelector(".rx-root")
  const ways = import(window.location.origin + "%s/course/ways.js")
  ways.then((module) => module.mountWays(root))
  return () => ways.then((module) => module.unmountWays(root))
}
"""


def followed() -> None:
    """Lets links in the Markdown of this container lead within the session, not into a new tab."""
    component("ways", _FOLLOWED)(data={}, key="ways")


def page_way(name: str, label: str) -> None:
    """Draws the link to a page as the session stands."""
    query = state.address(state.elsewhere(st.session_state["experiment"], name))
    link(page_of(name), label=label, icon=ICONS[name], query_params=query)


def race_way(experiment: Experiment, label: str) -> None:
    """Draws the link to the page of training with an experiment's choices."""
    query = state.address(experiment)
    link(page_of("train"), label=label, icon=":material/arrow_forward:", query_params=query)


def named(place: Place, lang: str) -> str:
    """Returns the name of a place: its view's, else its page's."""
    changes = dict(place.changes)
    field = CHOOSING.get(place.page, "")
    if field in changes:
        return t(f"option.{field}.{changes[field]}", lang)
    return t(f"page.{place.page}", lang)
