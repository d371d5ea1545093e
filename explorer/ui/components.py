"""A module of the stage as a Streamlit component."""

from collections.abc import Callable
from functools import cache
from typing import Any

import streamlit as st

from explorer.ui.server import stage_url


@cache
def component(name: str, script: str, tall: bool = False) -> Callable[..., Any]:
    """Returns the component of a name, the same one each time; `%s` in its script is the modules' folder.

    tall: whether it has the height of a stage before its module has drawn one.
    """
    style = ' style="min-height: 560px"' if tall else ""
    return st.components.v2.component(
        name, html=f'<div class="rx-root"{style}></div>', js=script % stage_url(), isolate_styles=False
    )
