"""The stage as a Streamlit component: sends the payload, hears where the user rests."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import streamlit as st

from explorer.stage.payload import placed
from explorer.ui.server import stage_url
from explorer.ui.state import STAGE_KEY

_SCRIPT = """
export default function (component) {
  const { data, parentElement, setStateValue } = component
  const root = parentElement.querySelector(".rx-root")
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data)
  const stage = import(window.location.origin + "%s/stage.js")
  stage.then((module) => module.mount(root, bytes, (place) => setStateValue("place", place)))
  return () => stage.then((module) => module.unmount(root))
}
"""


_RACE = """
export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const root = parentElement.querySelector(".rx-root")
  const race = import(window.location.origin + "%s/race.js")
  race.then((module) => module.mountRace(root, data, { onOver: (status) => setTriggerValue("over", status) }))
  return () => race.then((module) => module.unmountRace(root))
}
"""


@cache
def _component() -> Callable[..., Any]:
    return st.components.v2.component(
        "stage",
        html='<div class="rx-root" style="min-height: 560px"></div>',
        js=_SCRIPT % stage_url(),
        isolate_styles=False,
    )


def stage(payload: bytes) -> None:
    """Draws the stage for a payload. Stepping costs no run; resting somewhere reports the place."""
    session = st.session_state
    step, unit = session["standing"]
    _component()(
        data=placed(payload, step, unit, session["wish"]),
        key=STAGE_KEY,
        on_place_change=lambda: None,
    )


@cache
def _race_component() -> Callable[..., Any]:
    return st.components.v2.component(
        "race",
        html='<div class="rx-root" style="min-height: 560px"></div>',
        js=_RACE % stage_url(),
        isolate_styles=False,
    )


def race_view(data: Mapping[str, Any]) -> None:
    """Draws the live view of a race: it follows the race by itself, and says when it is over."""
    _race_component()(data=data, key="race_view", on_over_change=lambda: None)
