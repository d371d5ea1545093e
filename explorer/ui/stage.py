"""The stage as a Streamlit component: sends the payload, hears where the user rests."""

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


def stage(payload: bytes, loading: str) -> None:
    """Draws the stage for a payload. Stepping costs no run; resting somewhere reports the place."""
    session = st.session_state
    component = st.components.v2.component(
        "stage",
        html=f'<div class="rx-root" style="min-height: 560px"><p>{loading}</p></div>',
        js=_SCRIPT % stage_url(),
        isolate_styles=False,
    )
    step, unit = session["standing"]
    component(
        data=placed(payload, step, unit, session["wish"]),
        key=STAGE_KEY,
        on_place_change=lambda: None,
    )
