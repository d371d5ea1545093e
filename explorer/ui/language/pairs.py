"""The view `pairs`: how a text becomes training data, row by row, and the way to a network that learns it."""

import streamlit as st

from explorer.data.pairs import Pairs, pairs_of
from explorer.experiment import HEADLINE, Experiment
from explorer.i18n import t
from explorer.labels import label
from explorer.stage.pairs import build_pairs, shown_rows
from explorer.ui import compute, state
from explorer.ui.stage import stage
from explorer.ui.widgets import field


def draw(experiment: Experiment, lang: str) -> None:
    """Draws the view."""
    pairs = paired(experiment)
    case, punctuation, ending, counts, way = st.columns(
        [1, 1, 1.15, 2.6, 1.35], vertical_alignment="bottom", gap="small"
    )
    with case:
        field("case", experiment, lang)
    with punctuation:
        field("punctuation", experiment, lang)
    with ending:
        field("ending", experiment, lang)
    counts.markdown(_counts(pairs, lang))
    with way:
        _train(experiment, pairs, lang)
    if pairs.problem:
        st.warning(t(f"pairs.{pairs.problem}", lang, tokens=pairs.tokens))
    if not pairs.prefixes.rows:
        _tokens(pairs, lang)
        return
    first, last = shown_rows(pairs, experiment.start)
    if last - first + 1 < pairs.prefixes.rows:
        st.caption(t("pairs.window", lang, total=f"{pairs.prefixes.rows:,}", first=first, last=last))
    stage(packed_pairs(experiment, lang))
    st.caption(t("pairs.note", lang))


def _counts(pairs: Pairs, lang: str) -> str:
    numbers = {
        "sentences": len(pairs.lines),
        "tokens": pairs.tokens,
        "vocabulary": len(pairs.vocabulary.tokens),
        "pairs": pairs.prefixes.rows,
        "longest": pairs.longest,
    }
    return t("pairs.counts", lang, **{name: f"{number:,}" for name, number in numbers.items()})


def _tokens(pairs: Pairs, lang: str) -> None:
    """The tokens that there are, where no pair can be made of them."""
    vocabulary = pairs.vocabulary
    if vocabulary.tokens:
        columns = {
            t("pairs.id", lang): list(vocabulary.ids.values()),
            t("pairs.token", lang): [label(token) for token in vocabulary.tokens],
            t("pairs.count", lang): list(vocabulary.counts),
        }
        st.dataframe(columns, hide_index=True, width="content")


def _train(experiment: Experiment, pairs: Pairs, lang: str) -> None:
    """The way to a race on this text: as it was typed, or in lower case or without punctuation."""
    typed = experiment.text or experiment.weights == "english"
    changes = {"data": "yours" if typed else "lecture", "racers": HEADLINE}
    if typed:
        changes["text"] = (" " if experiment.text else ". ").join(pairs.sentences)
    if st.button(
        t("pairs.train", lang),
        key="train_pairs",
        on_click=state.apply,
        args=(changes,),
        disabled=bool(pairs.problem),
        help=t("pairs.train_help", lang),
        width="stretch",
    ):
        shown = state.at_card(st.session_state["experiment"], "train")
        st.switch_page("pages/train.py", query_params=state.address(shown))


# Cached: one run per decision.


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _paired(asked: Experiment) -> Pairs:
    return pairs_of(asked)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _packed_pairs(asked: Experiment, lang: str) -> bytes:
    return build_pairs(paired(asked), asked, lang)


def paired(experiment: Experiment) -> Pairs:
    """Returns the training pairs of the experiment's text."""
    return _paired(experiment.only(*_OF_PAIRS))


def packed_pairs(experiment: Experiment, lang: str) -> bytes:
    """Returns the stage's payload for the training pairs. Raises ValueError where there is none."""
    return _packed_pairs(experiment.only(*_OF_PAIRS, "cell", "hidden", "start"), lang)


_OF_PAIRS = ("text", "weights", "units", "ending", "case", "punctuation")
