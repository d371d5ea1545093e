"""A question with choices: the figure is covered until the reader has guessed, and the guess stays."""

from dataclasses import dataclass

import streamlit as st

from explorer.course.lessons import Ask, cards, opened
from explorer.course.showing import ask_of
from explorer.experiment import Experiment
from explorer.i18n import section
from explorer.ui import state
from explorer.ui.components import component

_SCRIPT = """
export default function (component) {
  const { data, parentElement } = component
  const root = parentElement.querySelector(".rx-root")
  const guess = import(window.location.origin + "%s/course/guess.js")
  guess.then((module) => module.mountGuess(root, data))
  return () => guess.then((module) => module.unmountGuess(root))
}
"""

CLINIC = "clinic"
"""The page whose figure is looked at before the guess: it is never covered, and its choices always stand."""

STARTS_ITSELF = ("train",)
"""Pages whose figure begins empty: in a lecture nothing is there to cover."""


@dataclass(frozen=True)
class Guess:
    """A card's question with its choices: page and card name it."""

    page: str
    card: str
    ask: Ask

    @property
    def key(self) -> str:
        return f"{self.page}_{self.card}"


def asked(page: str, experiment: Experiment, lang: str) -> Guess | None:
    """Returns the question of the card that is open, where it offers choices."""
    key = opened(page, experiment)
    card = next(card for card in cards(page, lang) if card.key == key)
    ask = ask_of(card)
    return Guess(page, key, ask) if ask and ask.choices else None


def cover_of(guess: Guess) -> str:
    """Returns the key of the container of the figure: `covered_` where it waits for the guess."""
    bare = guess.page == CLINIC or (state.showing().on and guess.page in STARTS_ITSELF)
    return "figure" if bare else f"covered_{guess.key}"


def choices(guess: Guess, lang: str) -> None:
    """Draws the choices, and the way to the answer; which was taken stays in the browser."""
    showing = state.showing()
    cover = cover_of(guess)
    data = {
        "key": guess.key,
        "choices": guess.ask.choices,
        "right": guess.ask.right,
        "cover": cover if cover.startswith("covered") else "",
        "reveal": f"answer_{guess.key}",
        "lecture": showing.lecture if showing.on else "",
        "strings": section("guess", lang),
    }
    component("guess", _SCRIPT)(data=data, key=f"guess_{guess.key}")


def answer(guess: Guess) -> None:
    """Draws the answer, hidden until it is asked for in the browser."""
    with st.container(key=f"answer_{guess.key}"):
        st.markdown(guess.ask.answer)
