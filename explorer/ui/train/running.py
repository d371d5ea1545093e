"""A race from its start to what it has shown: the button, the live view, the verdict, other seeds."""

from typing import Any

import streamlit as st

from explorer.data.sources import Source
from explorer.experiment import Experiment
from explorer.figures.counts import counted, spread_of
from explorer.i18n import t
from explorer.stage.race import Facts, facts_of, race_data
from explorer.training import folder as files
from explorer.training.bands import shipped_of
from explorer.training.jobs import QueueFullError, ShareFullError
from explorer.training.race import Race, RacerError, race_of
from explorer.training.results import over, results, verdict
from explorer.ui.board import jobs
from explorer.ui.train.choices import racer_label
from explorer.ui.train.kept import travel
from explorer.ui.visitors import address_of_session, of_session


def started(experiment: Experiment, lang: str) -> bool:
    """Returns whether the chosen race has been started, by whomever."""
    try:
        return jobs().folder(race_of(experiment, lang).key) is not None
    except RacerError:
        return False


def start(race: Race, lang: str) -> str | None:
    """Draws the way to start the race; returns the key of the stored or running one, if any."""
    board = jobs()
    folder = board.folder(race.key)
    where = None if folder is None else board.state(race.key).state
    ended = "" if folder is None else board.end(race.key)
    if where not in (None, "over"):
        return race.key  # nothing to press: the view below steers it
    begin, again = st.columns(2, gap="small")
    label = "train.go_on" if ended in ("stopped", "killed", "failed") else "train.start"
    begin.button(
        t(label, lang),
        key="start_race",
        type="primary",
        disabled=ended == "done",
        on_click=_submit,
        args=(race, False),
        width="stretch",
    )
    again.button(
        t("train.again", lang),
        key="race_again",
        disabled=ended == "",
        on_click=_submit,
        args=(race, True),
        width="stretch",
    )
    return race.key if board.folder(race.key) is not None else None


def _submit(race: Race, again: bool) -> None:
    try:
        jobs().submit(race, again, of_session(), address_of_session())
        st.session_state["take"] = st.session_state.get("take", 0) + 1
    except ShareFullError as error:
        st.session_state["race_refused"] = ("train.share", {"n": error.args[0]})
    except QueueFullError:
        st.session_state["race_refused"] = ("train.full", {})
    except OSError:
        st.session_state["race_refused"] = ("train.disk", {})


def say_refused(lang: str) -> None:
    """Says why a race was not begun, if one was not."""
    if refused := st.session_state.pop("race_refused", None):
        st.warning(t(refused[0], lang, **refused[1]))


def view(experiment: Experiment, race: Race, source: Source, key: str | None, lang: str) -> dict[str, Any]:
    """Returns what the live view needs: the race's figures and words; key is None until it is started."""
    facts = facts_of(source, t(f"option.data.{experiment.data}", lang))
    built = _built(race, facts, experiment.display(lang).notation, lang)
    return built | {"key": key or "", "attempt": st.session_state.get("take", 0)}


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs={Race: Race.to_json, Facts: repr})
def _built(race: Race, facts: Facts, notation: str, lang: str) -> dict[str, Any]:
    return race_data(race, facts, notation, lang)


def after(race: Race, source: Source, lang: str) -> None:
    """Draws what a race that is over has shown, the way to its snapshots, and what can be kept of it."""
    folder = jobs().folder(race.key)
    if folder is None or jobs().state(race.key).state != "over":
        return
    events = files.events_in(folder)
    found = results(events)
    if not found or not over(events):
        return
    st.markdown(f"#### {t('train.verdict', lang)}")
    for sentence, values in verdict(found, source):
        words = {name: _named(name, value, lang) for name, value in values.items()}
        st.markdown("- " + t(f"verdict.{sentence}", lang, **words))
    st.caption(t("train.one_seed", lang))
    _other_seeds(race, lang)
    travel(race, source, found, lang)


def _named(name: str, value: Any, lang: str) -> str:
    """Returns a value of a sentence, racers as people read them."""
    if name == "others":
        return ", ".join(racer_label(other, lang) for other in value)
    return racer_label(value, lang) if name in ("name", "first", "quick") else value


def _other_seeds(race: Race, lang: str) -> None:
    """What other seeds did: how many passed and how sure that is, in how many steps and seconds."""
    known = shipped_of(race)
    if known is None:
        return
    told = {"seeds": len(known.seeds), "covered": f"{100 * known.covered:.0f}"}
    st.caption(t("train.band", lang, date=known.date, command=known.command, **told))
    columns: dict[str, list[str]] = {
        t(f"train.column_{name}", lang): [] for name in ("racer", "passed", "steps", "seconds")
    }
    for name in race.names:
        row = (
            racer_label(name, lang),
            counted(*known.passed[name], lang),
            spread_of(known.steps[name], lang, ",.0f"),
            spread_of(known.seconds[name], lang, ".1f"),
        )
        for column, value in zip(columns.values(), row, strict=True):
            column.append(value)
    st.table(columns, hide_index=True)
