"""Files that visitors bring to a page, each taken up once, and files that they take from one."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from explorer.i18n import strings, t
from explorer.text import Refused
from explorer.ui.components import component
from explorer.ui.text import say


def uploader(label: str, key: str, most: int, lang: str, **look: Any) -> UploadedFile | None:
    """Draws a way in for a file of so many bytes, a whole number of MB; its label says how many.

    Of a larger one, which is not sent, the browser says so; and of one that the server refused, why.
    """
    limit = most // 2**20
    raw = st.file_uploader(
        t("ui.up_to", lang, label=label, limit=limit), key=key, max_upload_size=limit, **look
    )
    component("large", _LARGE)(data=large(limit, lang), key=f"{key}_large")
    return raw


def large(limit: int, lang: str) -> dict[str, Any]:
    """Returns what the browser says of a file of more MB than are taken, or that the server refused: see
    `Large` in types.d.ts."""
    said = strings(lang)["notice"]["file_large"].replace("{limit}", str(limit))
    refused = {"507": t("notice.disk", lang), "429": t("notice.file_fast", lang)}
    refused["lost"] = t("notice.file_lost", lang)
    return {"limit": limit * _MEGABYTE, "said": said, "refused": refused}


_MEGABYTE = 10**6
"""Bytes of what Streamlit calls a MB, where it refuses a file."""

_LARGE = """
export default function (component) {
  const { data, parentElement } = component
  const root = parentElement.querySelector(".rx-root")
  const large = import(window.location.origin + "%s/away/large.js")
  large.then((module) => module.mountLarge(root, data))
  return () => large.then((module) => module.unmountLarge(root))
}
"""


def take_up(
    file: UploadedFile | None,
    name: str,
    take: Callable[[bytes, str], Mapping[str, str]],
    lang: str,
    taken: Callable[[], None] = lambda: None,
) -> None:
    """Sets the fields that take makes of a file, once, and runs again; says what is refused while it stands.

    name: what kind of file it is, for the session to know what became of this one. taken: called where it
    was taken up.
    """
    if file is None:
        return
    of, refused = st.session_state.get(f"{name}_taken", (None, None))
    if file.file_id != of:
        refused, changes = None, None
        try:
            changes = take(file.getvalue(), file.name)
        except Refused as error:
            refused = error
        st.session_state[f"{name}_taken"] = (file.file_id, refused)
        if changes is not None:
            taken()
            st.session_state["later"] = dict(changes)
            st.rerun()
    if refused is not None:
        say(refused.sentence, lang, refused.values)


def download(label: str, make: str | Callable[[], str | bytes], name: str, mime: str, **look: Any) -> None:
    """Draws a button that saves a file, without a run of the page: at the end of a run Streamlit drops
    a file that was made for a click, often before the browser has fetched it.

    make: what the file holds, or what makes it when the button is pressed.
    """
    st.download_button(label, make, name, mime, on_click="ignore", **look)
