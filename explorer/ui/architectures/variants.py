"""The view `variants`: an LSTM with one part switched off, on one task, over many seeds and live."""

import streamlit as st

from explorer.cells import CELLS
from explorer.cells.equations import latex, unfolded
from explorer.exact import SURE, fisher, holm
from explorer.experiment import Experiment
from explorer.figures.counts import counted, spread_of
from explorer.figures.variants import variants_figure
from explorer.i18n import t
from explorer.stage.charts import CELL_WITHOUT, PARTS
from explorer.training.bands import Shipped, shipped_of
from explorer.training.race import Race, preset_changes
from explorer.ui import state
from explorer.ui.stage import race_view
from explorer.ui.train.choices import racer_label, readable_race
from explorer.ui.train.running import after, say_refused, start, view
from explorer.ui.widgets import field


def draw(experiment: Experiment, lang: str) -> None:
    """Draws the choice of a part, its equations, what many seeds did without it, and a live race."""
    asked, _ = experiment.with_changes(preset_changes(PARTS))
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
        st.caption(_note(runners, known, lang))
    if st.toggle(t("variants.run", lang), key="variants_run"):
        key = start(runners, lang)
        say_refused(lang)
        race_view(view(asked, runners, data, key, lang), asked)
        after(runners, data, lang)


def _beside(cell: str) -> dict[str, str]:
    return {"cell": cell, "second": "" if cell == "lstm" else "lstm"}


def _equations(cell: str) -> None:
    table = dict(CELLS[cell].equations)
    for symbol in ("c", "h"):
        st.latex(rf"{symbol}_t = {latex(unfolded(symbol, table))}")


def _note(runners: Race, known: Shipped, lang: str) -> str:
    slowest = max(steps for name, (steps, _) in known.most.items() if known.passed[name][0])
    values = {
        "seeds": len(known.seeds),
        "covered": f"{100 * known.covered:.0f}",
        "budget": f"{runners.runs[0].budget:,}",
        "slowest": f"{slowest:,}",
    }
    return t("variants.note", lang, date=known.date, command=known.command, **values)


def _said(runners: Race, known: Shipped, chosen: int, lang: str) -> str:
    """How many seeds come to the goal and how quickly; fewer than the whole LSTM's where the test says so."""
    name, whole = runners.names[chosen], runners.names[0]
    values = {
        "name": racer_label(name, lang),
        "passed": counted(*known.passed[name], lang),
        "steps": spread_of(known.steps[name], lang, ",.0f"),
        "whole": counted(*known.passed[whole], lang),
        "whole_steps": spread_of(known.steps[whole], lang, ",.0f"),
    }
    chances = holm([fisher(*known.passed[other], *known.passed[whole]) for other in runners.names[1:]])
    kind = "whole" if chosen == 0 else "missed" if chances[chosen - 1] < SURE else "near"
    return t(f"variants.said_{kind}", lang, **values)
