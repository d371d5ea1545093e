"""Cached computing: one run per decision, shared by everybody who makes the same one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from explorer.data.sources import Source, source
from explorer.experiment import TABLE, Experiment
from explorer.lab.flow import Flow, compared, flow
from explorer.lab.learned import Learned, from_bundle, from_race, learn
from explorer.lab.walk import Walk, walk
from explorer.nn.model import RecurrentModel
from explorer.stage import payload
from explorer.training.folder import kept_in, race_in, tensors_in
from explorer.training.learner import build
from explorer.training.shipped import families, load
from explorer.training.store import save_model
from explorer.ui import races
from explorer.ui.models import is_there

BY_VALUE: dict[str | type[Any], Callable[[Any], Any]] = {Experiment: repr}


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=BY_VALUE)
def _learned(model_part: Experiment) -> Learned:
    return learn(model_part)


@st.cache_resource(max_entries=8, show_spinner=False)
def _from_race(key: str, racer: int, kept: int) -> Learned:
    return from_race(races.folder(key), racer)


@st.cache_resource(max_entries=16, show_spinner=False)
def _shipped(name: str, cell: str) -> Learned:
    return from_bundle(load(name, cell))


def learned(model_part: Experiment) -> Learned:
    """Returns the learned weights of an experiment's model part."""
    if model_part.weights != "model":
        return _learned(model_part)
    if model_part.model in families():
        return _shipped(model_part.model, model_part.cell)
    key, racer = races.named(model_part)
    return _from_race(key, racer, kept_so_far(model_part))


def network(experiment: Experiment) -> RecurrentModel:
    """Returns the experiment's network as it was at the chosen moment of its training, in float64."""
    return learned(experiment.model_part()).at(experiment.moment)


def kept_so_far(experiment: Experiment) -> int:
    """Returns how many steps of the experiment's stored model are kept; 0 for one learned here."""
    if experiment.weights != "model" or experiment.model in families():
        return 0
    key, racer = races.named(experiment)
    return len(kept_in(races.folder(key), racer))


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=BY_VALUE)
def source_of(run: Experiment) -> Source:
    """Returns the data that a run is trained on. Raises sources.Unusable."""
    return source(run, run.grammar)


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=BY_VALUE)
def _walked(experiment: Experiment, notation: str, kept: int) -> Walk:
    second = None
    if experiment.second:
        second = learned(replace(experiment, cell=experiment.second).model_part())
    return walk(experiment, notation, learned(experiment.model_part()), second)


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=BY_VALUE)
def _packed(experiment: Experiment, notation: str, lang: str, kept: int) -> bytes:
    return payload.build(_walked(experiment, notation, kept), lang)


def walked(experiment: Experiment, notation: str) -> Walk:
    """Returns the experiment carried out; where the user stands does not matter to it."""
    return _walked(without(experiment, *_ELSEWHERE), notation, kept_so_far(experiment))


def packed(experiment: Experiment, notation: str, lang: str) -> bytes:
    """Returns the stage's payload for the experiment."""
    return _packed(without(experiment, *_ELSEWHERE), notation, lang, kept_so_far(experiment))


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=BY_VALUE)
def _flowed(experiment: Experiment, kept: int) -> Flow:
    cells = [replace(experiment, cell=cell) for cell in compared(experiment.cell)]
    there = [cell for cell in cells if cell.weights != "model" or is_there(cell)]
    return flow(experiment, {cell.cell: learned(cell.model_part()) for cell in there})


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=BY_VALUE)
def _packed_flow(experiment: Experiment, lang: str, kept: int) -> bytes:
    return payload.build_flow(_flowed(experiment, kept), lang)


def flowed(experiment: Experiment) -> Flow:
    """Returns the experiment's gradients, beside those of the compared cells."""
    return _flowed(without(experiment, *FIRST_PAGE), kept_so_far(experiment))


def packed_flow(experiment: Experiment, lang: str) -> bytes:
    """Returns the stage's payload for the experiment's gradients."""
    return _packed_flow(without(experiment, *FIRST_PAGE), lang, kept_so_far(experiment))


FIRST_PAGE = ("place", "change", "look", "second", "transplant", "language", "architecture", "dynamics")
_ELSEWHERE = ("place", "flow", "look", "train", "race", "language", "architecture", "dynamics")


def without(experiment: Experiment, *groups: str) -> Experiment:
    """Returns the experiment with the fields of some groups at their default, but for those of the model."""
    default = Experiment()
    apart = [name for name, entry in TABLE.items() if entry.group in groups and name not in _MODEL]
    return replace(experiment, **{name: getattr(default, name) for name in apart})


_MODEL = {"model", "ending", "moment"}


def bundle(key: str, racer: int, step: int) -> bytes:
    """Returns the file of a racer's network as it was after a kept step."""
    where = races.folder(key)
    run = race_in(where).runs[racer]
    data = source(run, run.grammar)
    model = build(run, data)
    model.load_state_dict(tensors_in(where, f"{racer}/{step}") or {})
    return save_model(None, model, run, step=step, symbols=data.symbols)


def trained_on(experiment: Experiment) -> Experiment | None:
    """Returns the training that the experiment's stored network comes from; None for one learned here."""
    if experiment.weights != "model":
        return None
    if family := families().get(experiment.model):
        return family.experiments[experiment.cell]
    key, racer = races.named(experiment)
    return race_in(races.folder(key)).runs[racer]
