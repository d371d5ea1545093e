"""Where the parts of a page stand: the figure, beside it the lesson; in a lecture the question above."""

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.course.lessons import LESSONS
from explorer.experiment import Experiment
from explorer.ui import state
from explorer.ui.guess import asked, cover_of


def frame(name: str, experiment: Experiment, lang: str) -> tuple[DeltaGenerator, DeltaGenerator]:
    """Returns the places of a page's figure and of its lesson.

    Where no lesson is drawn the figure has the full width.
    """
    showing = state.showing()
    guess = asked(name, experiment, lang) if name in LESSONS and showing.guesses else None
    key = cover_of(guess) if guess else "figure"
    if not showing.hides("lesson"):
        with st.container(key="frame"):
            figure, beside = st.columns([3.3, 1], gap="medium")
        return _place(figure, key), beside
    above = st.container()
    return _place(st, key), above


def _place(parent: Any, key: str) -> DeltaGenerator:
    """Returns the place of a figure; one that waits for a guess stands in a cover."""
    place: DeltaGenerator = parent.container(key=key)
    return place if key == "figure" else place.container(key="covered")


def whole() -> bool:
    """Returns whether the page is drawn whole, not the stage of a lecture alone."""
    return not state.showing().on
