"""The quiet way to take a view away: as a page, a picture, its numbers, a script, a link."""

from dataclasses import replace
from typing import Any

import streamlit as st

from explorer.course.places import HOME
from explorer.experiment import OWN, Experiment
from explorer.i18n import section, t
from explorer.lab.learned import settled
from explorer.stage.taking import script
from explorer.stage.views import title_of
from explorer.training.shipped import families
from explorer.ui import brought, models
from explorer.ui.components import component
from explorer.ui.stage import ON_STAGE, OnStage

_SCRIPT = """
export default function (component) {
  const { data, parentElement } = component
  const root = parentElement.querySelector(".rx-root")
  import(window.location.origin + "%s/away/away.js").then((module) => module.mountAway(root, data))
}
"""


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


def taken(page: str, on_stage: OnStage | None, experiment: Experiment, lang: str) -> dict[str, Any]:
    """Returns what the browser needs to know, in the form of `Away` in types.d.ts."""
    page = on_stage.page if on_stage else page
    shown = settled(on_stage.experiment if on_stage else experiment, lang)
    if found := brought.facts(shown):
        shown = replace(shown, stack=found.name)
    title = title_of(page, shown, lang)
    return {
        "payload": on_stage.payload if on_stage else None,
        "file": "-".join(["rnn-explorer", page, *([shown.usual_cell] if on_stage else [])]),
        "title": title,
        "lang": lang,
        "script": script(page, shown, lang, title, _files_of(shown)) if on_stage else None,
        "note": t("own.link", lang) if shown.own else "",
        "strings": section("away", lang),
    }


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
