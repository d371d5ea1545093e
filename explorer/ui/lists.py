"""A lecture of one's own: any view joins the list, the course page puts it in order, the link holds it."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from explorer.course.places import HOME, Place
from explorer.course.showing import PANELS, SIGNALS, panels_of, stage_of
from explorer.course.views import BUILT_IN, PAGES, View, listed, text_of
from explorer.experiment import Experiment
from explorer.i18n import t
from explorer.lab.learned import settled
from explorer.limits import MAX_LIST, MAX_MINUTES, MAX_TITLE, MAX_VIEWS
from explorer.ui import state
from explorer.ui.lecture import title_of, way_in

MINUTES = 3
"""Minutes of a view until its lecturer says otherwise."""


def add_button(page: str, lang: str) -> None:
    """Draws the way of this view into one's own list."""
    if (page or HOME) in PAGES:
        label = f":material/playlist_add: {t('lecture.add', lang)}"
        st.button(label, key="add_view", help=t("lecture.add_help", lang), on_click=_add, type="tertiary")


def own() -> tuple[View, ...]:
    """Returns the views of one's own list."""
    lecture = state.showing().lecture
    return () if lecture == BUILT_IN else listed(lecture)


def _add() -> None:
    session, lang = st.session_state, state.language()
    here: Experiment = settled(session["experiment"], lang)
    view = View(Place(session["page"] or HOME, tuple(here.to_query().items())), MINUTES)
    views = (*own(), view)
    if _keep(views):
        st.toast(t("lecture.added", lang, n=len(views)))


def _keep(views: Sequence[View]) -> bool:
    """Makes views one's own list, if a link can hold them; returns whether it can."""
    text = text_of(views) if views else ""
    if len(text) > MAX_LIST or len(views) > MAX_VIEWS:
        st.toast(t("lecture.full", state.language()))
        return False
    state.take_lecture(text)
    return True


def editor(lang: str) -> None:
    """Draws one's own list: titles, minutes, the panel that leads, the order; the way in, and its link."""
    st.markdown(f"### {t('lecture.own', lang)}")
    st.markdown(t("lecture.own_how", lang))
    views = own()
    for at, view in enumerate(views):
        _row(at, view, len(views), lang)
    if views:
        way_in(state.showing().lecture, 1, t("course.start", lang))
        total = sum(view.minutes for view in views)
        st.caption(t("lecture.own_total", lang, n=len(views), minutes=total))


def _row(at: int, view: View, count: int, lang: str) -> None:
    key = f"{at}_{hash(view)}"  # another view at this place has widgets of its own
    title, minutes, leads, up, away = st.columns([5, 1.2, 2, 0.6, 0.6], vertical_alignment="bottom")
    title.text_input(
        t("lecture.title", lang, n=at + 1),
        view.title or title_of(view, lang),
        max_chars=MAX_TITLE,
        key=f"view_title_{key}",
        on_change=_change,
        args=(at, f"view_title_{key}", "title"),
    )
    minutes.number_input(
        t("lecture.minutes", lang),
        0,
        MAX_MINUTES,
        view.minutes,
        key=f"view_minutes_{key}",
        on_change=_change,
        args=(at, f"view_minutes_{key}", "minutes"),
    )
    shown = view.see.experiment
    offered = PANELS.get(stage_of(view.see.page, shown), ())
    if offered:
        first = panels_of(view.see.page, shown, large=True)[0]
        leads.selectbox(
            t("lecture.leads", lang),
            offered,
            offered.index(first),
            format_func=lambda name: panel_name(name, lang),
            key=f"view_leads_{key}",
            on_change=_lead,
            args=(at, f"view_leads_{key}"),
        )
    up.button("↑", key=f"view_up_{key}", disabled=at == 0, on_click=_move, args=(at,))
    away.button("✕", key=f"view_away_{key}", help=t("lecture.remove", lang), on_click=_remove, args=(at,))


def panel_name(name: str, lang: str) -> str:
    """Returns what a panel is called: a signal's is its letter."""
    return name if name in SIGNALS else t(f"lecture.panel_{name}", lang)


def _change(at: int, widget: str, what: str) -> None:
    views = list(own())
    views[at] = replace(views[at], **{what: st.session_state[widget]})
    _keep(views)


def _lead(at: int, widget: str) -> None:
    views = list(own())
    place, name = views[at].see, st.session_state[widget]
    rest = [panel for panel in panels_of(place.page, place.experiment, large=True) if panel != name]
    shown = replace(place.experiment, panels=",".join([name, *rest[:2]]))
    views[at] = replace(views[at], see=Place(place.page, tuple(shown.to_query().items())))
    _keep(views)


def _move(at: int) -> None:
    views = list(own())
    views[at - 1 : at + 1] = views[at - 1 : at + 1][::-1]
    _keep(views)


def _remove(at: int) -> None:
    views = list(own())
    del views[at]
    _keep(views)
