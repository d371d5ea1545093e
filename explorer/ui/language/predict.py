"""The view `predict` of the page of language models: a text foreseen, and a run free of it."""

import streamlit as st

from explorer.data.corpora import examples, lecture_sentences
from explorer.experiment import Experiment, NetworkChoices
from explorer.i18n import strings, t
from explorer.lab.learned import text_of
from explorer.language.scoring import Foresight, foresee, text_with_end
from explorer.limits import WINDOW
from explorer.stage.predict import build_prediction
from explorer.text import tokenise
from explorer.ui import compute, state
from explorer.ui.language.reader import reader
from explorer.ui.stage import stage
from explorer.ui.text import say
from explorer.ui.widgets import field

_FROM_THE_START = {"units": "word", "start": "1", "step": "1", "free": "1"}


def draw(experiment: Experiment, lang: str) -> None:
    """Draws the view."""
    model = reader(experiment, lang)
    if model is None:
        return
    _examples(lang)
    tokens = text_with_end(experiment, model)
    if len(tokens) < 2:
        with st.container(border=True):
            st.text(strings(lang)["predict"]["one_token"])
        return
    found = foreseen(experiment)
    if len(tokens) > WINDOW:
        last = found.first + found.steps - 1
        say("window", lang, {"first": found.first, "last": last, "total": len(tokens)})
    if not any(token in model.ids for token in tokenise(text_of(experiment), experiment.token_level)):
        say("all_unknown_own" if experiment.own else "all_unknown", lang, {})
    stage(packed_prediction(experiment, lang))
    _choices(experiment, lang)


def _examples(lang: str) -> None:
    """Draws the way to two texts to start from."""
    for place, name, (sentence, weights) in zip(
        st.columns([1.6, 1, 1.6]), ("cat", "horse"), (_cat(), _horse()), strict=False
    ):
        place.button(
            t(f"predict.{name}", lang, sentence=sentence),
            key=f"predict_{name}",
            on_click=state.apply,
            args=({"text": sentence, "weights": weights} | _FROM_THE_START,),
            help=t(f"predict.{name}_help", lang, sentence=sentence),
            width="stretch",
        )


def _choices(experiment: Experiment, lang: str) -> None:
    """Draws where the network runs free, and whether it learns an end."""
    free, ending, _ = st.columns([1.2, 1.2, 1.8])
    with free:
        field("free", experiment, lang)
    if experiment.weights != "model":
        with ending:
            field("ending", experiment, lang)


def _cat() -> tuple[str, str]:
    """The lecture's example of next-word prediction at any length, and the weights that know it."""
    return examples("en")[-1][0], "yours"


def _horse() -> tuple[str, str]:
    """The lecture's sentence in which one word is followed by two, and the weights that know it."""
    return lecture_sentences()[2], "lecture"


# Cached: one run per decision.


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _foreseen(asked: Experiment, kept: int) -> Foresight:
    model = compute.network(asked)
    return foresee(model, text_with_end(asked, model), free=asked.free, start=asked.start)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _packed_prediction(asked: Experiment, lang: str, kept: int) -> bytes:
    return build_prediction(_foreseen(asked, kept), lang)


def foreseen(experiment: Experiment) -> Foresight:
    """Returns the experiment's text foreseen by its network. Raises ValueError for fewer than two tokens."""
    return _foreseen(experiment.only(*_OF_FORESIGHT), compute.kept_so_far(experiment))


def packed_prediction(experiment: Experiment, lang: str) -> bytes:
    """Returns the stage's payload for the experiment's text foreseen. Raises ValueError as `foreseen`."""
    return _packed_prediction(experiment.only(*_OF_FORESIGHT), lang, compute.kept_so_far(experiment))


_OF_FORESIGHT = (NetworkChoices, "start", "free")
