"""The room's page and the companion of every page: both live in the browser, fed by the room's stream."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from explorer.course.lessons import LESSONS
from explorer.course.places import HOME
from explorer.experiment import Experiment
from explorer.i18n import section, t
from explorer.room.race import Offer, offers
from explorer.ui import state
from explorer.ui.components import component
from explorer.ui.guess import asked
from explorer.ui.room.truths import TRUTHS
from explorer.ui.train.choices import racer_label

_PAGE = """
export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const root = parentElement.querySelector(".rx-root")
  const room = import(window.location.origin + "%s/room/page.js")
  room.then((module) => module.mountRoom(root, data, { enter: (code) => setTriggerValue("enter", code) }))
  return () => room.then((module) => module.unmountRoom(root))
}
"""

_COMPANION = """
export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const root = parentElement.querySelector(".rx-root")
  const room = import(window.location.origin + "%s/room/companion.js")
  const go = (view, id) => setTriggerValue("go", { view, id })
  const following = (on) => setTriggerValue("following", { on })
  const out = () => setTriggerValue("out", true)
  room.then((module) => module.mountCompanion(root, data, { go, following, out }))
  return () => room.then((module) => module.unmountCompanion(root))
}
"""


def room_page(lang: str) -> None:
    """Draws the room of this session, or the ways into one."""

    def entered() -> None:
        code = (st.session_state.get("room_page") or {}).get("enter")
        if isinstance(code, str):
            state.enter_room(code)

    component("room", _PAGE)(data=room_data(state.room(), lang), key="room_page", on_enter_change=entered)


def companion(experiment: Experiment, lang: str) -> None:
    """Where the session is in a room: follows it, or leads it. Draws nothing elsewhere."""
    if not state.room():
        return
    page = st.session_state["page"] or HOME
    data = companion_data(state.room(), page, experiment, lang, st.session_state.get("room_went", 0))
    with st.container(key="room_companion"):
        component("room_companion", _COMPANION)(
            data=data,
            key="companion",
            on_go_change=_go,
            on_following_change=_following,
            on_out_change=_out,
        )


def _go() -> None:
    """Takes up the view that the room's lecturer shows."""
    went = (st.session_state.get("companion") or {}).get("go")
    if not isinstance(went, Mapping) or not isinstance(went.get("view"), Mapping):
        return
    page, query = went["view"].get("page"), went["view"].get("query")
    if isinstance(page, str) and isinstance(query, Mapping):
        state.follow(page, {str(name): str(raw) for name, raw in query.items()})
        st.session_state["room_following"] = True
    if isinstance(went.get("id"), int | float):
        st.session_state["room_went"] = int(went["id"])


def _following() -> None:
    """Leaves the lecturer's view to explore, or comes back to it."""
    told = (st.session_state.get("companion") or {}).get("following")
    if isinstance(told, Mapping):
        st.session_state["room_following"] = told.get("on") is True


def _out() -> None:
    """Leaves the room that has ended."""
    if (st.session_state.get("companion") or {}).get("out"):
        state.enter_room("")
        st.session_state["room_following"] = False


def room_data(code: str, lang: str) -> dict[str, Any]:
    """Returns what the room's page needs; code is empty before there is a room."""
    return {
        "code": code,
        "lang": lang,
        "strings": section("room", lang),
        "offers": [_offered(offer, lang) for offer in offers().values()],
        "numbers": list(TRUTHS),
    }


def _offered(offer: Offer, lang: str) -> dict[str, str]:
    experiment = offer.experiment
    words = {
        "task": t(f"option.data.{experiment.data}", lang),
        "length": experiment.length,
        "racer": racer_label(offer.racer, lang),
    }
    costs = t("room.costs", lang, seconds=f"{offer.seconds:g}")
    return {
        "key": offer.key,
        "label": f"{t('room.offer_label', lang, **words)} ({costs})",
        "command": offer.command("{n}"),
    }


def companion_data(code: str, page: str, experiment: Experiment, lang: str, went: int) -> dict[str, Any]:
    """Returns what the companion needs: the view of this session, and the questions of its card.

    went counts the views that were taken up from the room.
    """
    return {
        "code": code,
        "lang": lang,
        "strings": section("room", lang),
        "room": f"/room?room={code}",
        "view": {"page": page, "query": experiment.to_query()},
        "went": went,
        "questions": _questions(page, experiment, lang),
    }


def _questions(page: str, experiment: Experiment, lang: str) -> list[dict[str, str]]:
    """The question of the card that is open, if it offers choices."""
    if page not in LESSONS:
        return []
    guess = asked(page, experiment, lang)
    return [{"lesson": guess.page, "card": guess.card}] if guess else []
