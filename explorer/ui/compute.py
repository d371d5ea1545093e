"""Cached computing: one run per decision, shared by everybody who makes the same one.

A cache's key is what its result needs, named. How a result is displayed is a key of payloads alone.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from explorer.checks.live import flow_error
from explorer.data.sources import Source, source
from explorer.experiment import Display, Experiment, LossChoices, NetworkChoices, WalkChoices
from explorer.lab.flow import Flow, compared, flow
from explorer.lab.hand import Hand, hand
from explorer.lab.learned import Learned, from_bundle, from_race, learn, needed, takes_long
from explorer.lab.own import own
from explorer.lab.starts import Starts, felt
from explorer.lab.walk import Walk, walk
from explorer.nn.model import RecurrentModel
from explorer.stage import payload
from explorer.training.folder import kept_in, race_in, tensors_in
from explorer.training.learner import build
from explorer.training.shipped import families, load
from explorer.training.store import save_model
from explorer.ui import board, brought, models
from explorer.ui.aside import aside
from explorer.ui.models import is_there

BY_VALUE: dict[str | type[Any], Callable[[Any], Any]] = {Experiment: repr}


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=BY_VALUE)
def _learned(model_part: Experiment) -> Learned:
    return aside(learn, model_part) if takes_long(model_part) else learn(model_part)


@st.cache_resource(max_entries=8, show_spinner=False)
def _from_race(key: str, racer: int, kept: int) -> Learned:
    return from_race(board.folder(key), racer)


@st.cache_resource(max_entries=16, show_spinner=False)
def _shipped(name: str, cell: str) -> Learned:
    return from_bundle(load(name, cell))


@st.cache_resource(max_entries=4, show_spinner=False)
def _own(model: str, stack: str, words: str, numbers: str) -> Learned:
    asked = Experiment(weights="model", model=model, stack=stack, words=words, numbers=numbers)
    found = brought.facts(asked)
    if found is None:
        raise KeyError(model)
    tokens = brought.vocabulary(asked, found) if found.vocabulary else None
    return own(brought.store().network(model, found.name), tokens, brought.store().numbers(numbers))


def learned(model_part: Experiment) -> Learned:
    """Returns the learned weights of an experiment's model part."""
    if model_part.weights != "model":
        return _learned(needed(model_part))
    if model_part.own:
        return _own(model_part.model, model_part.stack, model_part.words, model_part.numbers)
    if model_part.model in families():
        return _shipped(model_part.model, model_part.cell)
    key, racer = board.named(model_part)
    return _from_race(key, racer, kept_so_far(model_part))


def network(experiment: Experiment) -> RecurrentModel:
    """Returns the experiment's network as it was at the chosen moment of its training, in float64."""
    return learned(experiment.model_part()).at(experiment.moment)


def kept_so_far(experiment: Experiment) -> int:
    """Returns how many steps of the experiment's stored model are kept; 0 for one learned here."""
    if experiment.weights != "model" or experiment.own or experiment.model in families():
        return 0
    key, racer = board.named(experiment)
    return len(kept_in(board.folder(key), racer))


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=BY_VALUE)
def source_of(run: Experiment) -> Source:
    """Returns the data that a run is trained on. Raises unusable.Unusable."""
    return source(run, run.grammar)


def beside(experiment: Experiment) -> tuple[Learned, tuple[str, str]] | None:
    """Returns the network beside one out of a file, and what both are called; None where there is none."""
    other = models.beside(experiment)
    return None if other is None else (learned(other.model_part()), models.titles(experiment, other))


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=BY_VALUE)
def _walked(asked: Experiment, kept: int) -> Walk:
    if pair := beside(asked):
        return walk(asked, learned(asked.model_part()), *pair)
    second = learned(replace(asked, cell=asked.second).model_part()) if asked.second else None
    return walk(asked, learned(asked.model_part()), second)


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=BY_VALUE)
def _packed(asked: Experiment, display: Display, kept: int) -> bytes:
    return payload.build(_walked(asked, kept), display)


def walked(experiment: Experiment, display: Display) -> Walk:
    """Returns the experiment carried out, what it clamps as the display writes it."""
    return _walked(_of_walk(experiment, display), kept_so_far(experiment))


def packed(experiment: Experiment, display: Display) -> bytes:
    """Returns the stage's payload for the experiment."""
    return _packed(_of_walk(experiment, display), display, kept_so_far(experiment))


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=BY_VALUE)
def _started(asked: Experiment, kept: int) -> Starts:
    return felt(asked, learned(asked.model_part()))


def started(experiment: Experiment) -> Starts:
    """Returns how long each start of the experiment's network is felt."""
    return _started(experiment.only(NetworkChoices), kept_so_far(experiment))


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=BY_VALUE)
def by_hand(asked: Experiment) -> Hand:
    """Returns the task that is done by hand, beside the learned gates of `hand.network_of`."""
    return hand(asked, learned(asked.model_part()))


def _of_walk(experiment: Experiment, display: Display) -> Experiment:
    return display.meant(experiment).only(NetworkChoices, WalkChoices)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=BY_VALUE)
def _flowed(asked: Experiment, kept: int) -> Flow:
    cells = [replace(asked, cell=cell) for cell in compared(asked.cell)]
    there = {cell.cell: learned(cell.model_part()) for cell in cells if is_there(cell)}
    return flow(asked, there, *(beside(asked) or ()))


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=BY_VALUE)
def _packed_flow(asked: Experiment, display: Display, kept: int) -> bytes:
    return payload.build_flow(_flowed(asked, kept), display)


def flowed(experiment: Experiment) -> Flow:
    """Returns the experiment's gradients, beside those of the compared cells."""
    return _flowed(experiment.only(*_OF_FLOW), kept_so_far(experiment))


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=BY_VALUE)
def _flow_error(asked: Experiment, kept: int) -> float | None:
    return flow_error(_flowed(asked, kept))


def flow_checked(experiment: Experiment) -> float | None:
    """Returns how far the experiment's gradients are from autograd: see `live.flow_error`."""
    return _flow_error(experiment.only(*_OF_FLOW), kept_so_far(experiment))


def packed_flow(experiment: Experiment, display: Display) -> bytes:
    """Returns the stage's payload for the experiment's gradients."""
    return _packed_flow(experiment.only(*_OF_FLOW), display, kept_so_far(experiment))


_OF_FLOW = (NetworkChoices, LossChoices, "start", "beside")


def bundle(key: str, racer: int, step: int) -> bytes:
    """Returns the file of a racer's network as it was after a kept step."""
    where = board.folder(key)
    run = race_in(where).runs[racer]
    data = source(run, run.grammar)
    model = build(run, data)
    model.load_state_dict(tensors_in(where, f"{racer}/{step}") or {})
    return save_model(None, model, run, step=step, symbols=data.symbols)


def trained_on(experiment: Experiment) -> Experiment | None:
    """Returns the training that the experiment's stored network comes from; None for one learned here.

    None too where nobody knows: out of somebody's file.
    """
    if experiment.weights != "model" or experiment.own:
        return None
    if family := families().get(experiment.model):
        return family.experiments[experiment.cell]
    key, racer = board.named(experiment)
    return race_in(board.folder(key)).runs[racer]
