"""Cached computing: one run per decision, shared by everybody who makes the same one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from explorer.experiment import TABLE, Experiment, choice
from explorer.flow import Flow, compared, flow
from explorer.learned import Learned, learn
from explorer.stage import payload
from explorer.walk import Walk, walk

_BY_VALUE: dict[str | type[Any], Callable[[Any], Any]] = {Experiment: repr}


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=_BY_VALUE)
def learned(model_part: Experiment, notation: str) -> Learned:
    """Returns the learned weights of an experiment's model part."""
    return learn(model_part, notation)


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=_BY_VALUE)
def _walked(experiment: Experiment, notation: str) -> Walk:
    second = None
    if experiment.second:
        second = learned(replace(experiment, cell=experiment.second).model_part(), notation)
    return walk(experiment, notation, learned(experiment.model_part(), notation), second)


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=_BY_VALUE)
def _packed(experiment: Experiment, notation: str, lang: str) -> bytes:
    return payload.build(_walked(experiment, notation), lang)


def walked(experiment: Experiment, notation: str) -> Walk:
    """Returns the experiment carried out; where the user stands does not matter to it."""
    return _walked(_anywhere(experiment), notation)


def packed(experiment: Experiment, notation: str, lang: str) -> bytes:
    """Returns the stage's payload for the experiment."""
    return _packed(_anywhere(experiment), notation, lang)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=_BY_VALUE)
def _flowed(experiment: Experiment, notation: str) -> Flow:
    cells = {
        cell: learned(replace(experiment, cell=cell).model_part(), notation)
        for cell in compared(experiment.cell)
    }
    return flow(experiment, cells)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=_BY_VALUE)
def _packed_flow(experiment: Experiment, notation: str, lang: str) -> bytes:
    return payload.build_flow(_flowed(experiment, notation), lang)


def flowed(experiment: Experiment, notation: str) -> Flow:
    """Returns the experiment's gradients, beside those of the compared cells."""
    return _flowed(_unchanged(experiment), notation)


def packed_flow(experiment: Experiment, notation: str, lang: str) -> bytes:
    """Returns the stage's payload for the experiment's gradients."""
    return _packed_flow(_unchanged(experiment), notation, lang)


def _unchanged(experiment: Experiment) -> Experiment:
    """The experiment without what belongs to the first page alone."""
    default = Experiment()
    apart = [
        name for name in TABLE if choice(name).group in ("place", "change", "look", "second", "transplant")
    ]
    return replace(experiment, **{name: getattr(default, name) for name in apart})


def _anywhere(experiment: Experiment) -> Experiment:
    return replace(experiment, step=1, unit=1)
