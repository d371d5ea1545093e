"""The view `generate` of the page of language models: a network goes on after a prompt."""

from functools import partial

import streamlit as st

from explorer.cells import CELLS
from explorer.data.corpora import TAUGHT, sentences_of
from explorer.experiment import Display, Experiment, NetworkChoices, SamplingChoices, choice
from explorer.figures.branches import branches_figure
from explorer.i18n import raised, strings, t
from explorer.language.branches import Branches, branches
from explorer.language.saying import Problems, Saying, saying
from explorer.limits import MAX_PROMPT
from explorer.stage.generate import build_saying
from explorer.text import Refused
from explorer.ui import compute, state
from explorer.ui.charts import show_bare
from explorer.ui.language.reader import reader
from explorer.ui.stage import stage
from explorer.ui.widgets import field, folded

CARD = "fork"
"""The card that is about both branches."""

ASKED_ON = 10
"""Tokens that the lecture asks for after the last sentence's beginning: more than the sentence has."""


def draw(experiment: Experiment, lang: str) -> None:
    """Draws the view."""
    model = reader(experiment, lang)
    if model is None:
        return
    _choices(experiment, lang)
    if experiment.weights in TAUGHT:
        _learned_ones(experiment.weights, lang)
    cut = len(st.session_state.get(state.key("prompt"), "")) > MAX_PROMPT
    problems: Problems = [("prompt_cut", {"limit": f"{MAX_PROMPT:,}"})] if cut else []
    try:
        saying = said(experiment)
    except Refused as refused:
        _say([*problems, (refused.sentence, refused.values)], lang)
        return
    _say([*problems, *saying.problems], lang)
    if saying.forced:
        _branches(experiment, lang)
    stage(packed_saying(experiment, experiment.display(lang)))
    badge = t("ui.badge", lang, reference=f"`{saying.reference}`", error=raised(f"{saying.error:.1e}"))
    st.caption(f":material/verified: {badge}", help=t("ui.badge_help", lang))


def _branches(experiment: Experiment, lang: str) -> None:
    """The last fork, as it was chosen beside what would have been said: a fold that its card opens."""
    found = branched(experiment)
    if found is None:
        return
    roles = CELLS[compute.network(experiment).cell].roles
    hues = {symbol: roles[symbol].hue for symbol in found.chosen.gates}
    figure = branches_figure(found, hues, lang, state.theme())
    key = "note_same" if found.parted is None else "note"
    with st.expander(t("branches.title", lang), expanded=experiment.card == CARD):
        show_bare(figure, "branches")
        st.markdown(t(f"branches.{key}", lang, fork=found.fork, before=found.fork - 1))


def _choices(experiment: Experiment, lang: str) -> None:
    """The row of choices; the rare ones behind "more"."""
    prompt, tokens, temperature, ending, draw, more = st.columns(
        [2.4, 1.1, 1.1, 1.5, 1.5, 0.9], vertical_alignment="bottom", gap="small"
    )
    with prompt:
        field("prompt", experiment, lang)
    with tokens:
        field("tokens", experiment, lang)
    with temperature:
        field("temperature", experiment, lang)
    if experiment.weights != "model":
        with ending:
            field("ending", experiment, lang)
    again = (experiment.draw + 1) % (int(choice("draw").high) + 1)
    draw.button(
        t("generate.again", lang),
        on_click=state.apply,
        args=({"draw": str(again), "forced": ""},),
        disabled=not experiment.temperature,
        help=t("generate.again_help", lang),
        width="stretch",
    )
    with more:
        folded(t("ui.more", lang), "generate", partial(_more, experiment, lang))


def _more(experiment: Experiment, lang: str) -> None:
    for name in ("top_k", "top_p", "draw"):
        field(name, experiment, lang)


def _learned_ones(weights: str, lang: str) -> None:
    """Buttons that ask for the three sentences learned, and for more than the last one has."""
    asked = [(words[0], len(words) - 1) for words in map(str.split, sentences_of(weights))]
    asked.append((asked[-1][0], ASKED_ON))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(t(f"generate.{weights}", lang), width="content")
        for prompt, count in asked:
            st.button(
                t("generate.lecture_button", lang, prompt=prompt, count=count),
                key=f"say_{prompt}_{count}",
                on_click=state.apply,
                args=(learned_changes(weights, prompt, count),),
            )


def learned_changes(weights: str, prompt: str, count: int) -> dict[str, str]:
    """Returns the fields to set for a greedy saying of a network that learned three sentences."""
    return {
        "weights": weights,
        "units": "word",
        "prompt": prompt,
        "tokens": str(count),
        "temperature": "0",
        "forced": "",
        "step": "1",
        "start": "1",
    }


def _say(problems: Problems, lang: str) -> None:
    """Shows some of the view's sentences in a quiet frame, literally: they may hold what a user typed."""
    if problems:
        with st.container(border=True, gap="xsmall"):
            for sentence, values in problems:
                st.text(strings(lang)["generate"][sentence].format(**values))


# Cached: one run per decision.


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _said(asked: Experiment, kept: int) -> Saying:
    return saying(asked, compute.network(asked))


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _packed_saying(asked: Experiment, display: Display, kept: int) -> bytes:
    return build_saying(_said(asked, kept), display)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _branched(asked: Experiment, kept: int) -> Branches | None:
    return branches(asked, compute.network(asked))


def branched(experiment: Experiment) -> Branches | None:
    """Returns both branches of the last fork that was chosen, None where there is none to compare."""
    return _branched(experiment.only(*_OF_SAYING), compute.kept_so_far(experiment))


def said(experiment: Experiment) -> Saying:
    """Returns what the experiment's network says after its prompt. Raises Refused."""
    return _said(experiment.only(*_OF_SAYING), compute.kept_so_far(experiment))


def packed_saying(experiment: Experiment, display: Display) -> bytes:
    """Returns the stage's payload for what the experiment's network says. Raises Refused."""
    return _packed_saying(experiment.only(*_OF_SAYING), display, compute.kept_so_far(experiment))


_OF_SAYING = (NetworkChoices, SamplingChoices, "start")
