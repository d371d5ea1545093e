"""The networks that every page can show: shipped with the app, trained live or loaded in this session."""

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from explorer.data.corpora import TAUGHT
from explorer.experiment import OWN, Experiment
from explorer.figures.signals import cell_name
from explorer.i18n import t
from explorer.lab.learned import text_of
from explorer.lab.own import titled
from explorer.training.folder import race_in
from explorer.training.shipped import families
from explorer.ui import board, brought
from explorer.ui.visitors import of_session

_SESSION = "models"

READS_MUCH = {
    "weights": "model",
    "model": "brackets",
    "cell": "lstm",
    "units": "char",
    "text": "",
    **families()["brackets"].looked_at,
    "step": "1",
    "unit": "1",
}
"""A stored network with held-out text, and what its units are to be compared with."""


def is_there(experiment: Experiment) -> bool:
    """Returns whether this server has the experiment's network: one learned here, or stored of its cell."""
    if experiment.weights != "model":
        return True
    if experiment.own:
        found = brought.facts(experiment)
        return found is not None and found.cell == experiment.cell
    if family := families().get(experiment.model):
        return experiment.cell in family.cells
    return board.model_of(experiment) is not None


def token_level_of(experiment: Experiment) -> str:
    """Returns the token level that the experiment's stored network reads at; it must be there."""
    if experiment.own:
        found = brought.facts(experiment)
        assert found is not None
        return brought.token_level(experiment, found)
    if family := families().get(experiment.model):
        return family.token_level
    key, racer = board.named(experiment)
    run = race_in(board.folder(key)).runs[racer]
    return run.token_level


def beside(experiment: Experiment) -> Experiment | None:
    """Returns the network beside one out of a file, over the same sequence; None where there is none.

    It reads tokens of the same kind, or as many numbers a step.
    """
    model, _, name = experiment.beside.partition("/")
    if not experiment.own or not model:
        return None
    if model.startswith(OWN):
        other = replace(experiment, model=model, stack=name)
        if (found := brought.facts(other)) is None:
            return None
        known = bool(found.vocabulary) and brought.reads(experiment.words, found)
        other = replace(other, cell=found.cell, words=experiment.words if known else "")
    else:
        if model not in families() or name not in families()[model].cells:
            return None
        other = replace(experiment, model=model, cell=name, stack="", words="", numbers="")
    return other if _reads(other) == _reads(experiment) else None


def _reads(experiment: Experiment) -> tuple[str, int]:
    """What a network reads at a step: a token of a level, or so many numbers."""
    found = brought.facts(experiment)
    if found is not None and not found.vocabulary:
        return "numbers", found.inputs
    return token_level_of(experiment), 0


def titles(experiment: Experiment, other: Experiment) -> tuple[str, str]:
    """Returns what a network of a file and the one beside it are called."""
    names = [found.name if (found := brought.facts(one)) else one.model for one in (experiment, other)]
    return titled(*names)


def others(experiment: Experiment, lang: str) -> dict[str, str]:
    """Returns the labels of all networks that can stand beside one out of a file, by what `beside` holds."""
    here, offered = brought.facts(experiment), on_offer(experiment, lang)
    if experiment.beside:
        model = experiment.beside.partition("/")[0]
        offered.setdefault(model, called(model) or t("own.of_link", lang))
    found = {}
    for model, label in offered.items():
        file = brought.store().file(model)
        if file is not None:
            for one in file.networks:
                if (model, one.name) != (experiment.model, here.name if here else ""):
                    found[f"{model}/{one.name}"] = f"{label} · {one.name or t('own.top', lang)}"
        for cell in families()[model].cells if model in families() else ():
            found[f"{model}/{cell}"] = f"{label} · {cell_name(cell, lang)}"
    return {key: label for key, label in found.items() if beside(replace(experiment, beside=key))}


def remember(name: str, label: str, changes: Mapping[str, str]) -> None:
    """Puts a network of this session into the list, with the fields to set where it is chosen."""
    st.session_state.setdefault(_SESSION, {})[name] = (label, dict(changes))


def call(key: str, name: str) -> None:
    """Keeps what this visitor's file is called, by its key."""
    brought.store().call(key, name, of_session())


def called(key: str) -> str:
    """Returns what a file that this visitor opened is called; nothing where it was somebody else."""
    if (started := brought.started_with()) and started.changes["model"] == key:
        return started.label
    return brought.store().called(key, of_session())


def label_of(name: str, data: str, how: str, lang: str) -> str:
    """Returns what a network of a race is called in the list; how it came: `trained` or `loaded`."""
    return t(f"train.{how}", lang, name=name, data=t(f"option.data.{data}", lang))


def on_offer(experiment: Experiment, lang: str) -> dict[str, str]:
    """Returns the names and labels of all stored networks to choose from; the chosen one is among them."""
    found = {name: t(f"model.{name}", lang) for name in families()}
    if started := brought.started_with():
        found[started.changes["model"]] = started.label
    own = st.session_state.get(_SESSION, {})
    found |= {
        name: label for name, (label, _) in own.items() if board.has(name) or brought.store().file(name)
    }
    if experiment.weights == "model" and experiment.model not in found:
        unknown = t("own.of_link" if experiment.own else "option.weights.model", lang)
        found[experiment.model] = called(experiment.model) or unknown
    return found


def changes_for(name: str, experiment: Experiment) -> dict[str, str]:
    """Returns the fields to set for a stored network: its cell where the present one was not trained.

    A shipped one is looked at as its cards speak of it.
    """
    if name not in families():
        _, changes = st.session_state.get(_SESSION, {}).get(name, ("", {}))
        if (started := brought.started_with()) and started.changes["model"] == name:
            changes = dict(started.changes)
        return {"weights": "model", "model": name, **changes}
    family = families()[name]
    place = {"units": family.token_level, "step": "1", "start": "1", "prompt": "", "forced": ""}
    cell = {} if experiment.cell in family.cells else {"cell": "lstm"}
    return {"weights": "model", "model": name, **place, **family.looked_at, **cell}


def changes_back(weights: str, experiment: Experiment) -> dict[str, str]:
    """Returns the fields to set for weights that are learned here; the sentence in sight stays.

    Three sentences come with a sentence of their own, unless one was typed.
    """
    if experiment.weights == "model" and not experiment.text:
        return {"weights": weights, "units": "word", "step": "1", "start": "1"}
    here, own = text_of(experiment), text_of(replace(experiment, weights=weights, text=""))
    if here == own or (weights in TAUGHT and not experiment.text):
        return {"weights": weights, "text": ""}
    return {"weights": weights, "text": here}
