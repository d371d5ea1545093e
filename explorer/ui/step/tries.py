"""What to try on the page that steps through time, and the way there."""

import streamlit as st

from explorer.cells import CELLS, CellSpec
from explorer.experiment import Experiment, written
from explorer.i18n import t
from explorer.lab.learned import opening
from explorer.lab.walk import clearest_unit
from explorer.ui import compute, models, state

_BEFORE = "before_gate"
"""Key of the session: the stored network, with what it read, that gave way to the gate that visibly works."""

_GATE = {"weights": "marked", "hidden": "32", "seed": "0"}


def try_line(experiment: Experiment, lang: str) -> None:
    """Draws the one line that says what to try, and the way to the gate that visibly works."""
    marked = experiment.weights == "marked"
    words, way = st.columns([4.2, 1], vertical_alignment="center")
    if experiment.by_hand == "on":
        words.markdown(t("hand.help", lang))
        way.button(t("hand.back", lang), on_click=state.apply, args=({"by_hand": "off"},), width="stretch")
        return
    words.markdown(t("ui.try_marked", lang) if marked else _watch(CELLS[experiment.cell], lang))
    if marked:
        way.button(_back_to(lang), on_click=state.choose_weights, args=(_back(lang),), width="stretch")
        return
    way.button(t("ui.try_gate", lang), on_click=_show_gate, args=(experiment, lang), width="stretch")


def _watch(spec: CellSpec, lang: str) -> str:
    """What to watch in a cell: its gates and states in the order of the page."""
    if not spec.gates:
        return t("ui.try_plain", lang)
    symbols = ", ".join(signal.symbol for signal in spec.signals if signal.role != "candidate")
    return t("ui.try_gates", lang, symbols=symbols)


def _back_to(lang: str) -> str:
    """What the way back is called: by the stored network that was left, where it has a name."""
    left = st.session_state.get(_BEFORE)
    name = models.called(left["model"]) if left else ""
    return t("ui.try_back_to", lang, name=name) if name else t("ui.try_back", lang)


def _back(lang: str) -> dict[str, str]:
    """The fields to set for the stored network that was left, else for the sentence that opens the page."""
    return st.session_state.get(_BEFORE) or {"weights": opening(lang).weights, "hidden": "16", "step": "1"}


def _show_gate(experiment: Experiment, lang: str) -> None:
    """Sets the page to the marked numbers, standing at a mark and the unit whose gate opens most there."""
    cell = {} if CELLS[experiment.cell].write else {"cell": "lstm"}
    asked, _ = experiment.with_changes(_GATE | cell)
    place = clearest_unit(compute.walked(asked, asked.display(lang)).runs[0])
    step, unit = place or (1, 1)
    left = {name: written(getattr(experiment, name)) for name in (*state.OF_STORED, *_GATE, "step", "unit")}
    st.session_state[_BEFORE] = left if experiment.weights == "model" else None
    state.apply(_GATE | cell | {"step": str(step), "unit": str(unit)})
