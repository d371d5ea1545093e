"""The quiet way to take a view away: as a page, a picture, its numbers, a script, a link."""

from dataclasses import replace
from typing import Any

import streamlit as st

from explorer.course.places import HOME, Place
from explorer.experiment import OWN, Experiment
from explorer.i18n import section, t
from explorer.lab.learned import settled
from explorer.stage.taking import script
from explorer.stage.views import VIEWS, NoStageError, title_of, view_key
from explorer.training.shipped import families
from explorer.ui import brought, embedding, models, state
from explorer.ui.acting import acting
from explorer.ui.components import component
from explorer.ui.payloads import HELD, address_of
from explorer.ui.stage import ON_STAGE, OnStage

_SCRIPT = """
export default function (component) {
  const { data, parentElement } = component
  const root = parentElement.querySelector(".rx-root")
  import(window.location.origin + "%s/away/away.js").then((module) => module.mountAway(root, data))
}
"""


OF_FILES = ("weights", "model", "stack", "words", "numbers", "beside")
"""The fields that name a network that is kept, and what comes along with it."""


def away(experiment: Experiment, lang: str) -> None:
    """Draws the button that opens all that can be taken away of the page."""
    label, key = t("away.open", lang), "fold_away"
    fold = st.popover(
        label, icon=":material/download:", key=key, type="tertiary", width="content", on_change="rerun"
    )
    if fold.open:
        with fold:
            page = st.session_state["page"] or HOME
            data = taken(page, st.session_state[ON_STAGE], experiment, lang)
            component("away", _SCRIPT)(data=data, key="away_ways")


def taken(page: str, on_stage: list[OnStage], experiment: Experiment, lang: str) -> dict[str, Any]:
    """Returns what the browser needs to know, in the form of `Away` in types.d.ts."""
    shown = list(on_stage)
    if view_key(page, experiment) in VIEWS and not any(one.page == page for one in shown):
        shown.insert(0, OnStage("", page, experiment))  # a view of charts alone
    views = [found for k, one in enumerate(shown) if (found := _view(k, one, page, lang))]
    own = settled(experiment, lang)
    return {
        "views": views,
        "file": f"rnn-explorer-{page}",
        "title": t(f"page.{page}", lang),
        "lang": lang,
        "note": t("own.link", lang) if own.own and views else "",
        "strings": section("away", lang),
    }


def _view(k: int, one: OnStage, page: str, lang: str) -> dict[str, Any] | None:
    """A view that is shown, in the form of `AwayView`; None for one that has nothing to show."""
    shown = settled(one.experiment, lang)
    if "weights" not in acting(one.page, shown):  # it learns networks of its own, or none
        shown = replace(shown, **{name: getattr(Experiment(), name) for name in OF_FILES})
    if found := brought.facts(shown):
        shown = replace(shown, stack=found.name)
    try:
        payload = one.payload or address_of(_built(one, lang), f"{HELD}_{k}")
    except (NoStageError, KeyError):
        return None
    title = title_of(one.page, shown, lang)
    cell = [shown.usual_cell] if shown.own or "cell" in acting(one.page, shown) else []
    elsewhere = Place(one.page, tuple(state.address(shown).items())).address
    return {
        "payload": payload,
        "file": "-".join(["rnn-explorer", *view_key(one.page, shown).split("/"), *cell]),
        "title": title,
        "script": script(one.page, shown, lang, title, _files_of(shown)),
        "address": "" if one.page == page else elsewhere,
    }


def _built(one: OnStage, lang: str) -> bytes:
    return one.build() if one.build else embedding.payload_of(one.page, one.experiment, lang)


def _files_of(experiment: Experiment) -> dict[str, str]:
    """What a script needs beside it, by the parameters of `view`: files by the names that visitors know."""
    if experiment.weights != "model" or experiment.model in families():
        return {}
    if not experiment.own:
        return {"network": f"{experiment.cell}-{experiment.moment}.safetensors"}
    along = {"network": experiment.model, "vocabulary": experiment.words, "sequence": experiment.numbers}
    other = experiment.beside.partition("/")[0]
    along |= {"beside": other if other.startswith(OWN) and other != experiment.model else ""}
    return {name: models.called(key) or name for name, key in along.items() if key}
