"""Links to places in the app."""

import streamlit as st
from streamlit.elements.lib.layout_utils import Width

from explorer.course.places import HOME, Place
from explorer.experiment import Experiment
from explorer.i18n import ROOT, t
from explorer.ui import state

PAGES = ROOT / "pages"


def way(place: Place, lang: str, label: str = "", width: Width = "content") -> None:
    """Draws the link to a place: the defaults, and what the place needs set."""
    page = st.Page(PAGES / f"{place.page}.py", default=place.page == HOME)
    label = label or named(place, lang)
    query = state.address(place.experiment)
    st.page_link(page, label=label, icon=":material/arrow_forward:", query_params=query, width=width)


def page_way(name: str, label: str, icon: str = "groups") -> None:
    """Draws the link to a page as the session stands."""
    query = state.address(state.elsewhere(st.session_state["experiment"], name))
    st.page_link(st.Page(PAGES / f"{name}.py"), label=label, icon=f":material/{icon}:", query_params=query)


def race_way(experiment: Experiment, label: str) -> None:
    """Draws the link to the page of training with an experiment's choices."""
    query = state.address(experiment)
    st.page_link(
        st.Page(PAGES / "train.py"), label=label, icon=":material/arrow_forward:", query_params=query
    )


def named(place: Place, lang: str) -> str:
    """Returns the name of a place: its view's, else its page's."""
    changes = dict(place.changes)
    for field in ("view", "arch"):
        if field in changes:
            return t(f"option.{field}.{changes[field]}", lang)
    return t(f"page.{place.page}", lang)
