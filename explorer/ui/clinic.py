"""The page of the clinic: a training with a fault, and once it is named, the controls of Train live."""

from functools import partial

import streamlit as st

from explorer.cells import CELLS
from explorer.course.lessons import opened
from explorer.experiment import Experiment, choice, parse, written
from explorer.figures.counts import counted
from explorer.i18n import t
from explorer.stage.views import nameless
from explorer.training.clinic import MENDED, Case, cases, passed
from explorer.training.race import split
from explorer.ui import state
from explorer.ui.frame import whole
from explorer.ui.stage import race_view
from explorer.ui.train.choices import readable_race, what_it_asks
from explorer.ui.train.running import say_refused, start, view
from explorer.ui.widgets import DIGITS, field, locked


def clinic(experiment: Experiment, lang: str) -> None:
    """Draws the case of the card that is open."""
    case = cases()[opened("clinic", experiment)]
    _admit(case, experiment)
    found = readable_race(experiment, lang)
    if found is None:
        return
    race, data = found
    said, place = st.columns([3, 2], vertical_alignment="center")
    said.markdown(what_it_asks(experiment, lang))
    say_refused(lang)
    with place:
        key = start(race, lang)
    if whole():
        with st.container(key=f"answer_clinic_{case.key}_more", border=True):
            _treatment(case, experiment, lang)
    race_view(view(experiment, nameless(race), data, key, lang), experiment, "clinic")


def _admit(case: Case, experiment: Experiment) -> None:
    """Sets the training to the case as it came, unless it is that case already, treated or not."""
    if case.is_of(experiment) or st.session_state.get("admitted") == (case.key, experiment):
        return
    st.session_state["admitted"] = (case.key, experiment)  # what is locked cannot be set: once is enough
    st.session_state["later"] = case.changes()
    st.rerun()


def _treatment(case: Case, experiment: Experiment, lang: str) -> None:
    """The controls of Train live, those of other faults among them; what many seeds did."""
    st.markdown(t("clinic.treat", lang))
    names = ["rate", "max_norm", "truncate", *(["tested", "sentences"] if case.spoken else [])]
    (racer,) = split(experiment.racers)[:1]
    own = ["keep_bias"] if CELLS[racer.split()[0]].keep else []
    for column, name in zip(st.columns(len(names) + len(own)), [*names, *own], strict=True):
        with column:
            if name in own:
                _own(name, racer, lang)
            else:
                field(name, experiment, lang)
    told, back = st.columns([3, 1], vertical_alignment="center")
    rows = [row for row in _rows(case, experiment.spoken(lang)) if row in passed()]
    counts = {row: counted(*passed()[row], lang) for row in rows}
    told.caption(" ".join(t(f"clinic.{_what(row)}", lang, counted=counts[row]) for row in rows))
    back.button(
        t("clinic.as_it_came", lang),
        key="as_it_came",
        on_click=state.apply,
        args=(case.changes(),),
        width="stretch",
    )


def _rows(case: Case, grammar: str) -> list[str]:
    """The names of the case's rows in the stored result: of sentences, those of their language."""
    name = f"{case.key} {grammar}" if case.spoken and grammar != "en" else case.key
    return [name, f"{name} apart", name + MENDED]


def _what(row: str) -> str:
    return "mended" if row.endswith(MENDED) else "apart" if row.endswith("apart") else "broken"


def _own(name: str, racer: str, lang: str) -> None:
    """The widget of a choice that a racer has of its own: it writes the racer."""
    entry = choice(name)
    cell, given = racer.split()[0], dict(part.split("=") for part in racer.split()[1:])
    value = parse(name, given[name]) if name in given else getattr(Experiment(), name)
    key = f"own_{name}"
    st.session_state[key] = float(value)
    st.number_input(
        t(f"field.{name}", lang),
        entry.low,
        entry.high,
        step=entry.step,
        format=DIGITS,
        key=key,
        on_change=partial(_take_own, name, cell, given),
        disabled=locked("racers"),
    )


def _take_own(name: str, cell: str, given: dict[str, str]) -> None:
    fixed = {"bias": "fixed"} if name == "keep_bias" else {}
    own = given | fixed | {name: written(float(st.session_state[f"own_{name}"]))}
    state.apply({"racers": " ".join([cell, *(f"{n}={raw}" for n, raw in own.items())])})
