"""What to try on the page that steps through time, and the way there."""

import streamlit as st

from explorer.cells import CELLS
from explorer.experiment import Experiment
from explorer.i18n import t
from explorer.lab.walk import clearest_unit
from explorer.ui import compute, state

_GATE = {"weights": "marked", "hidden": "32", "seed": "0"}
_SENTENCE = {"weights": "lecture", "hidden": "16", "step": "1"}


def try_line(experiment: Experiment, lang: str) -> None:
    """Draws the one line that says what to try, and the way to the gate that visibly works."""
    marked = experiment.weights == "marked"
    words, way = st.columns([4.2, 1], vertical_alignment="center")
    words.markdown(t("ui.try_marked" if marked else f"ui.try_{CELLS[experiment.cell].family}", lang))
    if marked:
        way.button(t("ui.try_back", lang), on_click=state.apply, args=(_SENTENCE,), width="stretch")
        return
    way.button(t("ui.try_gate", lang), on_click=_show_gate, args=(experiment, lang), width="stretch")


def _show_gate(experiment: Experiment, lang: str) -> None:
    """Sets the page to the marked numbers, standing at a mark and the unit whose gate opens most there."""
    cell = {} if CELLS[experiment.cell].write else {"cell": "lstm"}
    asked, _ = experiment.with_changes(_GATE | cell)
    place = clearest_unit(compute.walked(asked, asked.display(lang)).runs[0])
    step, unit = place or (1, 1)
    state.apply(_GATE | cell | {"step": str(step), "unit": str(unit)})
