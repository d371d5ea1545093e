"""The stage as a Streamlit component: sends the payload, hears where the user rests."""

from collections.abc import Callable
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
