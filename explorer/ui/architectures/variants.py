"""The view `variants`: an LSTM with one part switched off, on one task, over ten seeds and live."""

import streamlit as st

from explorer.cells import CELLS
from explorer.cells.equations import latex, unfolded
from explorer.experiment import Experiment
from explorer.figures.variants import variants_figure
from explorer.i18n import t
from explorer.training.bands import Shipped, shipped_of
from explorer.training.race import Race, preset_changes
from explorer.ui import state
from explorer.ui.stage import race_view
from explorer.ui.train.choices import racer_label, readable_race
from explorer.ui.train.running import after, say_full, start, view
from explorer.ui.widgets import field

PRESET = "parts"
CELL_WITHOUT = {
    "": "lstm",
    "f": "lstm_no_forget",
    "i": "lstm_no_input",
    "o": "lstm_no_output",
    "tanh": "lstm_no_squash",
}


def draw(experiment: Experiment, lang: str) -> None:
    """Draws the choice of a part, its equations, what ten seeds did without it, and a live race."""
    asked, _ = experiment.with_changes(preset_changes(PRESET))
    found = readable_race(asked, lang)
    assert found is not None, "a preset can be raced"
    runners, data = found
    cell = CELL_WITHOUT[experiment.without]
    chosen = next(k for k, run in enumerate(runners.runs) if run.cell == cell)
    choice, equations = st.columns([1, 2.4], gap="medium")
    with choice:
        field("without", experiment, lang)
        st.button(t("variants.beside", lang), on_click=state.apply, args=(_beside(cell),), key="beside")
        st.caption(t("variants.beside_help", lang))
    with equations:
        _equations(cell)
    known = shipped_of(runners)
    if known is not None:
        figure = variants_figure(runners, known, chosen, data.baseline, data.goal, lang, state.theme())
        st.plotly_chart(figure, key="variants", theme=None)
        st.markdown(_said(runners, known, chosen, lang))
        st.caption(t("variants.note", lang, date=known.date, command=known.command))
    if st.toggle(t("variants.run", lang), key="variants_run"):
        key = start(runners, lang)
        say_full(lang)
        race_view(view(asked, runners, data, key, lang))
        after(runners, data, lang)


def _beside(cell: str) -> dict[str, str]:
    return {"cell": cell, "second": "" if cell == "lstm" else "lstm"}


def _equations(cell: str) -> None:
    table = dict(CELLS[cell].equations)
    for symbol in ("c", "h"):
        st.latex(rf"{symbol}_t = {latex(unfolded(symbol, table))}")


def _said(runners: Race, known: Shipped, chosen: int, lang: str) -> str:
    name, whole = runners.names[chosen], runners.names[0]
    passed, of = known.passed[name]
    values = {
        "name": racer_label(name, lang),
        "passed": passed,
        "of": of,
        "steps": f"{known.steps[name][0]:,}",
        "whole": f"{known.passed[whole][0]}",
        "whole_steps": f"{known.steps[whole][0]:,}",
    }
    kind = "whole" if chosen == 0 else "passed" if passed == of else "some" if passed else "none"
    return t(f"variants.said_{kind}", lang, **values)
