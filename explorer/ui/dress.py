"""The style sheets of a page: those of every page, and what only the glossary or a lecture needs.

Beside a stage no rule asks what a page holds (`:has`): the browser would ask again at every change of every
chart, up to the root. The server knows, so it sends the sheet.
"""

import json
from functools import cache
from html import escape

import streamlit as st

from explorer.i18n import ASSETS, t
from explorer.ui import state


def dress(page: str) -> None:
    """Gives the page its style sheets, as one element, so that those below keep their places."""
    wanted = {"page": True, "glossary": page == "glossary", "lecture": state.showing().on}
    st.html(_style(tuple(name for name, there in wanted.items() if there), state.language()))


def heading(title: str) -> None:
    """Names the page for whoever goes by headings; the navigation shows it to the eye."""
    with st.container(key="heading"):
        st.html(f"<h1>{escape(title)}</h1>")


@cache
def _style(names: tuple[str, ...], lang: str) -> str:
    """Returns the sheets. That the server is gone they say in the language; Streamlit says it in English."""
    sheets = [(ASSETS / f"{name}.css").read_text(encoding="utf-8") for name in names]
    said = "".join(
        f"--rx-{name.replace('_', '-')}: {json.dumps(t(f'ui.{name}', lang), ensure_ascii=False)};"
        for name in ("no_server", "no_server_more")
    )
    return f"<style>:root {{ {said} }}{''.join(sheets)}</style>"
