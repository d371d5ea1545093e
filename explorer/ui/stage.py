"""The stage as a Streamlit component: sends the payload, hears where the user rests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from explorer.course.places import HOME
from explorer.experiment import TABLE, Experiment, choice
from explorer.ui.components import component
from explorer.ui.payloads import address_of
from explorer.ui.state import STAGE_KEY, apply, show

_SCRIPT = """
export default function (component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component
  const root = parentElement.querySelector(".rx-root")
  const rest = (place) => setStateValue("place", place)
  const act = (changes) => setTriggerValue("act", changes)
  const stage = import(window.location.origin + "%s/stage.js")
  stage.then((module) => module.show(root, data, rest, act))
  return () => stage.then((module) => module.unmount(root))
}
"""


_RACE = """
export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const root = parentElement.querySelector(".rx-root")
  const race = import(window.location.origin + "%s/train/race.js")
  race.then((module) => module.mountRace(root, data, { onOver: (status) => setTriggerValue("over", status) }))
  return () => race.then((module) => module.unmountRace(root))
}
"""


_PROGRESS = """
export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const root = parentElement.querySelector(".rx-root")
  const progress = import(window.location.origin + "%s/course/progress.js")
  progress.then((module) => module.mountProgress(root, data, (card) => setTriggerValue("open", card)))
  return () => progress.then((module) => module.unmountProgress(root))
}
"""


_HAND = """
export default function (component) {
  const { data, parentElement } = component
  const root = parentElement.querySelector(".rx-root")
  const hand = import(window.location.origin + "%s/step/hand.js")
  hand.then((module) => module.mountHand(root, data))
  return () => hand.then((module) => module.unmountHand(root))
}
"""


ON_STAGE = "on_stage"
"""Key of the session state that says what is shown in this run, in the order of the page."""


@dataclass(frozen=True)
class OnStage:
    """A view that is shown: its page, its experiment, and the address of its payload where that is served.

    build makes the payload of one that is not, with the numbers that the page shows; where None, they are
    found again.
    """

    payload: str
    page: str
    experiment: Experiment
    build: Callable[[], bytes] | None = None


def clear_stage() -> None:
    """Says that nothing is shown: a page says what it shows."""
    st.session_state[ON_STAGE] = []


def shows(page: str, experiment: Experiment, build: Callable[[], bytes] | None = None) -> None:
    """Says that a view is shown that does not stand on the stage: see `OnStage`."""
    st.session_state[ON_STAGE].append(OnStage("", page, experiment, build))


def stage(payload: bytes, page: str = "", experiment: Experiment | None = None) -> None:
    """Draws the stage for a payload, which the browser fetches; a new wish moves a stage that stands.

    Stepping costs no run; resting somewhere reports the place. page and experiment: the view that this is,
    if not that of the page.
    """
    session = st.session_state
    step, unit = session["standing"]
    address = address_of(payload)
    shown = (page or session["page"] or HOME, experiment or session["experiment"])
    session[ON_STAGE].append(OnStage(address, *shown))
    component("stage", _SCRIPT, tall=True)(
        data={
            "payload": address,
            "step": step,
            "unit": unit,
            "wish": session["wish"],
            "show": show(),
        },
        key=STAGE_KEY,
        on_place_change=lambda: None,
        on_act_change=_act,
    )


_SETTABLE = ("language", "architecture", "dynamics", "more", "place")


def _act() -> None:
    """Sets what was chosen on the stage, as far as it is a field of the page that has such a stage."""
    asked = (st.session_state.get(STAGE_KEY) or {}).get("act")
    if isinstance(asked, Mapping):
        apply({name: str(asked[name]) for name in asked if name in TABLE and choice(name).group in _SETTABLE})


def race_view(data: Mapping[str, Any], experiment: Experiment, page: str = "train") -> None:
    """Draws the live view of a race: it follows the race by itself, and says when it is over.

    page and experiment: the view that this is.
    """
    shows(page, experiment)
    race = component("race", _RACE, tall=True)
    race(data={**data, "show": show()}, key="race_view", on_over_change=lambda: None)


def hand_view(data: Mapping[str, Any]) -> None:
    """Draws gates that are drawn by hand: all of it happens in the browser."""
    component("hand", _HAND, tall=True)(data=dict(data), key="hand_view")


def progress(key: str, data: Mapping[str, Any], turn: Callable[[str], None] = lambda card: None) -> None:
    """Draws which cards were opened in this browser, and calls turn with the one that is chosen."""

    def chosen() -> None:
        card = (st.session_state.get(key) or {}).get("open")
        if isinstance(card, str):
            turn(card)

    component("progress", _PROGRESS)(data=data, key=key, on_open_change=chosen)
