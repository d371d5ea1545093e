"""The bar on top of a page: the shared choices that act there, the rare ones behind "more"; the language."""

from collections.abc import Sequence
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import StreamlitPage

from explorer.cells import CELLS
from explorer.course.places import HOME
from explorer.data.corpora import examples
from explorer.experiment import WEIGHTS, Experiment
from explorer.i18n import LANGUAGES, t
from explorer.training.race import WRITTEN
from explorer.ui import compute, models, state
from explorer.ui.acting import acting
from explorer.ui.brought import facts
from explorer.ui.lecture import back_in
from explorer.ui.lists import add_button
from explorer.ui.own.panel import OPENING
from explorer.ui.ways import link, page_way
from explorer.ui.widgets import field, folded, locked

_RESET = (
    *("bar", "more", "change", "flow", "look", "second", "transplant"),
    *("language", "architecture", "dynamics"),
)
"""The groups of fields that the reset sets back."""

_WIDTHS = {"cell": 1.5, "text": 3.6, "units": 1.2, "weights": 2.3}
"""The choices that stand in sight where they act, and their widths."""

_MORE, _WHOLE, _FEW = 0.9, 9.5, 2
"""Widths of "more" and of the whole bar; so few rare choices stand in sight too."""

_OPEN = "open"
_STORED = "stored "
"""Stands before the name of a stored network in the list."""


def navigation(pages: Sequence[StreamlitPage], experiment: Experiment, lang: str) -> DeltaGenerator | None:
    """Draws the way to every page, the experiment in each link, and the language.

    Returns the place of what can be taken away, which is known once the page is drawn.
    """
    if state.showing().hides("navigation"):
        return None
    with st.container(key="navigation"):
        places, language = st.columns([7.1, 2.9], gap="small")
    with places, st.container(horizontal=True, gap="xsmall"):
        for page in pages:
            there = state.elsewhere(experiment, page.url_path)
            link(page, width="content", query_params=state.address(there))
    with (
        language,
        st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center", gap="small"),
    ):
        back_in(lang)
        add_button(st.session_state["page"], lang)
        place = st.container(width="content", key="away")
        st.segmented_control(
            t("app.language", lang),
            LANGUAGES,
            key="lang",
            format_func=lambda code: t(f"language.{code}", lang),
            label_visibility="collapsed",
            required=True,
        )
    return place


def bar(experiment: Experiment, page: str, lang: str) -> None:
    """Draws the shared choices that act on the page: those in sight side by side, the rest behind "more"."""
    showing = state.showing()
    names = [n for n in acting(page, experiment, _reads_text(experiment)) if not showing.hides(n)]
    if showing.hides("bar") or not names:
        return
    shown = [name for name in names if name in _WIDTHS]
    rest = [name for name in names if name not in _WIDTHS]
    if len(rest) <= _FEW and "text" not in names:  # with a sentence come examples
        shown, rest = [*shown, *rest], []
    widths = [_WIDTHS.get(name, 1.5) for name in shown] + ([_MORE] if rest else [])
    space = _WHOLE - sum(widths)
    places = st.columns([*widths, space] if space > 0.1 else widths, vertical_alignment="bottom", gap="small")
    for place, name in zip(places, shown, strict=False):
        with place:
            _weights(experiment, lang) if name == "weights" else field(name, experiment, lang)
    if rest:
        with places[len(shown)]:
            folded(t("ui.more", lang), "bar", partial(_more, experiment, rest, page, "text" in names, lang))


def _reads_text(experiment: Experiment) -> bool:
    """Whether the chosen network reads text: a stored one may have learned numbers or symbols."""
    if experiment.own:
        found = facts(experiment)
        return found is not None and found.vocabulary > 0
    run = compute.trained_on(experiment)
    return run is None or run.data in WRITTEN


def _weights(experiment: Experiment, lang: str) -> None:
    """The list of all networks: learned here and now, or stored."""
    here, stored = [w for w in WEIGHTS if w != "model"], models.on_offer(experiment, lang)
    labels = {w: t(f"option.weights.{w}", lang) for w in here}
    labels |= {_OPEN: t("own.open", lang)} | {_STORED + name: label for name, label in stored.items()}
    chosen = experiment.weights
    st.session_state["weights_list"] = _STORED + experiment.model if chosen == "model" else chosen
    st.selectbox(
        t("field.weights", lang),
        list(labels),
        key="weights_list",
        format_func=lambda name: labels.get(name, name),
        on_change=_take_weights,
        disabled=locked("weights", "model"),
        help=t("help.weights", lang),
    )


def _take_weights() -> None:
    chosen, experiment = st.session_state["weights_list"], st.session_state["experiment"]
    st.session_state[OPENING] = chosen == _OPEN
    if chosen == _OPEN:
        return
    if chosen.startswith(_STORED):
        state.choose_weights(models.changes_for(chosen.removeprefix(_STORED), experiment))
    else:
        state.choose_weights(models.changes_back(chosen, experiment))


def _more(experiment: Experiment, names: Sequence[str], page: str, examples_too: bool, lang: str) -> None:
    keeps = CELLS[experiment.cell].keep and experiment.bias == "fixed"
    drawn = [name for name in names if name != "keep_bias" or keeps]
    for place, part in zip(st.columns(2), (drawn[::2], drawn[1::2]), strict=True):
        with place:
            for name in part:
                field(name, experiment, lang)
    if page == HOME:
        page_way("worksheet", t("course.worksheet", lang))
    if examples_too:
        st.caption(t("ui.examples", lang))
        for sentence, weights in examples(lang):
            known = {"weights": weights} if weights else {}
            st.button(sentence, on_click=state.apply, args=({"text": sentence} | known,), width="stretch")
    st.button(t("ui.reset", lang), on_click=state.reset_group, args=_RESET)
