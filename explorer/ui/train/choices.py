"""The choices of a race: presets, data, racers, and what the chosen data asks for."""

from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.cells import CELLS
from explorer.course.places import Place
from explorer.data.series import column_of
from explorer.data.sources import Source
from explorer.data.tasks import SYMBOL_TASKS
from explorer.data.unusable import Unusable
from explorer.experiment import Experiment
from explorer.figures.race import looks
from explorer.i18n import t
from explorer.limits import MAX_TEXT, MAX_UPLOAD_TEXT
from explorer.text import Refused, decode
from explorer.training.race import (
    Race,
    RacerError,
    preset_changes,
    preset_of,
    presets,
    race_of,
    racer,
    split,
    spoken_in,
)
from explorer.ui import compute, state
from explorer.ui.files import take_up, uploader
from explorer.ui.text import say_unusable
from explorer.ui.ways import way
from explorer.ui.widgets import field, folded, locked, views

OFFERED = (
    "rnn",
    "rnn init=orthogonal rate=0.001",
    "rnn_relu init=identity_u rate=0.003",
    "lstm",
    "lstm bias=fixed keep_bias=1",
    "lstm bias=fixed keep_bias=3",
    "lstm bias=chrono",
    "gru",
)
"""Racers on offer before every other cell as it is; others can be typed."""


def racer_label(name: str, lang: str) -> str:
    """Returns a racer as people read it: its cell, and what is its own."""
    try:
        alone = Race((name,), (racer(name, Experiment()),))
    except RacerError:
        return name
    return looks(alone, lang)[0].label


def choices(
    experiment: Experiment, lang: str, folded: bool
) -> tuple[DeltaGenerator, AbstractContextManager[Any]]:
    """Draws what to try, the presets and the choices of a race; folded: as one line, which opens.

    Returns the place for its start, and that for what its data asks for.
    """
    if state.showing().hides("choices"):
        return st.container(), st.container()
    words, place = st.columns([4, 1.5] if folded else [3, 2], vertical_alignment="center")
    if not folded:
        words.markdown(t("train.try", lang))
    line = t("train.summary", lang, **summary(experiment, lang))
    setup = words.popover(line, width="stretch", icon=":material/tune:") if folded else st.container()
    with setup:
        _setup(experiment, lang)
    return place, setup


def summary(experiment: Experiment, lang: str) -> dict[str, Any]:
    """Returns what a line says of a race's set-up: its data, its length, its racers."""
    racers = ", ".join(racer_label(name, lang) for name in split(experiment.racers))
    return {"data": t(f"option.data.{experiment.data}", lang), "length": experiment.length, "racers": racers}


def _setup(experiment: Experiment, lang: str) -> None:
    _presets(experiment, lang)
    data, length, racers, more = st.columns([2, 0.95, 4.1, 0.95], vertical_alignment="bottom", gap="small")
    with data:
        field("data", experiment, lang)
    with length:
        field("length", experiment, lang)
    if experiment.data == "series":
        series_choices(experiment, lang)
        way(_forecast_of(experiment), lang, t("train.forecast", lang))
    with racers:
        _racers(experiment, lang)
    with more:
        folded(t("ui.more", lang), "race", partial(_more, experiment, lang))


def _forecast_of(experiment: Experiment) -> Place:
    """Where the same series is forecast beside persistence and the season before."""
    chosen = {"arch": "forecast", "series": experiment.series, "values": experiment.values}
    return Place("architectures", tuple((name, raw) for name, raw in chosen.items() if raw))


def series_choices(experiment: Experiment, lang: str) -> None:
    """Draws which series is forecast and, of one's own, the ways to give it: a list, or a table as a file."""
    views("series", experiment, lang)
    if experiment.series != "yours":
        return
    typed, file = st.columns([2, 1], vertical_alignment="bottom")
    with typed:
        field("values", experiment, lang)
    with file:
        label = t("train.numbers_file", lang)
        raw = uploader(label, "numbers_file", MAX_UPLOAD_TEXT, lang, type=["csv", "txt", "tsv"])
    take_up(raw, "numbers", _numbers, lang)


def _numbers(raw: bytes, name: str) -> dict[str, str]:
    values = column_of(decode(raw))
    if len(values) > MAX_TEXT:  # no number is cut in two, and none is left out in silence
        raise Refused("numbers_long", count=f"{len(values.split()):,}", limit=f"{MAX_TEXT:,}")
    return {"series": "yours", "values": values}


def _presets(experiment: Experiment, lang: str) -> None:
    st.session_state["preset"] = preset_of(experiment)
    st.pills(
        t("train.presets", lang),
        list(presets()),
        key="preset",
        format_func=lambda name: t(f"preset.{name}", lang),
        on_change=_take_preset,
        label_visibility="collapsed",
        disabled=locked("data", "racers"),
    )


def _take_preset() -> None:
    name = st.session_state["preset"]
    if name:
        state.apply(preset_changes(name))


def _racers(experiment: Experiment, lang: str) -> None:
    if state.showing().hides("racers"):
        return
    chosen = split(experiment.racers)
    st.session_state["racers"] = chosen
    st.multiselect(
        t("field.racers", lang),
        list(dict.fromkeys([*OFFERED, *CELLS, *chosen])),
        key="racers",
        format_func=lambda name: racer_label(name, lang),
        accept_new_options=True,
        on_change=lambda: state.apply({"racers": ";".join(st.session_state["racers"])}),
        help=t("help.racers", lang),
        disabled=locked("racers"),
    )


def _more(experiment: Experiment, lang: str) -> None:
    left, right = st.columns(2)
    with left:
        for name in ("size", "match", "layers", "race_seed", "budget", "grammar", "sentences", "tested"):
            field(name, experiment, lang)
    with right:
        for name in ("rate", "optimiser", "max_norm", "batch", "truncate", "notation"):
            field(name, experiment, lang)


def readable_race(experiment: Experiment, lang: str) -> tuple[Race, Source] | None:
    """Returns the race and its data; where there is none, says why and returns None."""
    try:
        race = race_of(experiment, lang)
        if not race.runs:
            raise RacerError("")
        return race, compute.source_of(race.runs[0])
    except RacerError as bad:
        st.warning(t("train.bad_racer" if str(bad) else "train.no_racer", lang))
        if str(bad):
            st.text(str(bad)[:80])
    except Unusable as refused:
        say_unusable(refused, lang)
    return None


def what_it_asks(experiment: Experiment, lang: str) -> str:
    """Says what the data asks for; a sentence's rule is that of the language that it is in."""
    rule = f"_{spoken_in(experiment, lang)}" if experiment.data in ("agreement", "honorific") else ""
    return t(f"asks.{experiment.data}{rule}", lang)


def asked(experiment: Experiment, source: Source, lang: str) -> None:
    """Says what the data asks for, how long something must be kept, and what a guess without memory gets."""
    said = [what_it_asks(experiment, lang)]
    share, loss = f"{100 * source.chance:.0f} %", f"{source.baseline:.3g}"
    if experiment.data not in ("lecture", "yours", "series"):
        said.append(t("train.remember", lang, remember=source.remember))
    if experiment.data == "series":
        said.append(t("train.baseline_persistence", lang, chance=f"{source.chance:.3g}"))
    elif source.metric == "error":
        said.append(t("train.baseline_error", lang, chance=f"{source.chance:.3g}"))
    elif not source.vocabulary:
        said.append(t("train.baseline_accuracy", lang, chance=share, baseline=loss))
    else:
        if experiment.data not in ("lecture", "yours"):
            said.append(t("train.guess", lang, chance=share))
        said.append(t("train.uniform", lang, baseline=loss))
    if experiment.data in SYMBOL_TASKS and SYMBOL_TASKS[experiment.data].all:
        said.append(t("train.few", lang, all=SYMBOL_TASKS[experiment.data].all))
    elif source.held_out_is_training:
        leaks = experiment.tested == "learned" and experiment.sentences
        said.append(t("train.tested_learned" if leaks else "train.same", lang))
    st.caption(" ".join(said))
