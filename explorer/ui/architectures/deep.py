"""The view `deep`: a stack of layers, forward only or both ways, tags every word of a sentence."""

import streamlit as st

from explorer.architectures import deep
from explorer.architectures.deep import (
    HIDDEN_SIZE,
    ROUNDS,
    ROWS,
    SEEDS,
    TIMED_STEPS,
    Price,
    Tagger,
    Tagging,
)
from explorer.architectures.timing import ratio
from explorer.data.exercises import tagged_split
from explorer.experiment import Experiment
from explorer.figures.counts import share
from explorer.figures.deep import NETWORKS, accuracy_figure, price_figure
from explorer.i18n import t
from explorer.limits import WINDOW
from explorer.stage.deep import build_deep
from explorer.stage.views import tagged_text
from explorer.ui.architectures.cost import compared
from explorer.ui.aside import aside
from explorer.ui.charts import drawn
from explorer.ui.spoken import choose_sentence, reads
from explorer.ui.stage import stage
from explorer.ui.state import theme
from explorer.ui.widgets import field


@st.cache_resource(max_entries=96, show_spinner=False)
def _tagger(cell: str, grammar: str, depth: int, both: bool, seed: int) -> Tagger:
    return aside(deep.fit, cell, grammar, depth, both, seed)


@st.cache_resource(max_entries=64, show_spinner=False)
def _reading(cell: str, grammar: str, depth: int, both: bool, seed: int, words: tuple[str, ...]) -> Tagging:
    return deep.read(_tagger(cell, grammar, depth, both, seed), words)


@st.cache_resource(max_entries=16, show_spinner=False)
def _prices(cell: str, grammar: str) -> tuple[Price, ...]:
    return aside(deep.prices, cell, grammar)


@st.cache_resource(max_entries=32, show_spinner=False)
def _packed(cell: str, grammar: str, depth: int, directions: str, seed: int, text: str, lang: str) -> bytes:
    sentence = deep.sentence_shown(text, grammar, _tagger(cell, grammar, depth, True, seed).model)
    readings = {
        name: _reading(cell, grammar, depth, name == "both", seed, sentence.words) for name in NETWORKS
    }
    return build_deep(sentence, readings, directions, lang)


def draw(experiment: Experiment, lang: str) -> None:
    """Draws the choices, the stage, then accuracy over seeds and what depth costs."""
    grammar = reads(experiment, lang)
    text = tagged_text(experiment, grammar)
    _choices(experiment, text, lang)
    of = (experiment.cell, grammar, experiment.depth)
    with st.spinner(t("ui.learning", lang)):
        taggers = {name: _tagger(*of, name == "both", experiment.seed) for name in NETWORKS}
        packed = _packed(*of, experiment.directions, experiment.seed, text, lang)
    _notices(text, lang, taggers["both"])
    stage(packed)
    st.caption(_learned(taggers, lang))
    st.markdown(t("deep.both_note", lang))
    accuracy, price = st.columns(2, gap="medium")
    with price:
        _price(experiment, lang)
    with accuracy:
        _accuracy(experiment, lang)


def _choices(experiment: Experiment, text: str, lang: str) -> None:
    depth, directions, sentence = st.columns([1, 1.2, 3], gap="small", vertical_alignment="bottom")
    with depth:
        field("depth", experiment, lang)
    with directions:
        field("directions", experiment, lang)
    with sentence:
        offered, hint = deep.offered(experiment.spoken(lang)), t("deep.sentence_help", lang)
        choose_sentence(t("deep.sentence", lang), offered, text, "deep_sentence", hint)


def _notices(text: str, lang: str, tagger: Tagger) -> None:
    sentence = deep.sentence_of(text, tagger.lang, tagger.model)
    if sentence is None:
        st.warning(t("deep.nothing_known", lang))
    elif sentence.total > WINDOW:
        st.warning(t("deep.cut", lang, total=f"{sentence.total:,}", shown=WINDOW))


def _learned(taggers: dict[str, Tagger], lang: str) -> str:
    values = {
        "count": len(tagged_split(taggers["one"].lang)[0]),
        "hidden": HIDDEN_SIZE,
        "one": taggers["one"].steps,
        "both": taggers["both"].steps,
        "seconds": f"{sum(tagger.seconds for tagger in taggers.values()):.1f}",
    }
    return t("deep.learned", lang, **values)


def _accuracy(experiment: Experiment, lang: str) -> None:
    """Learns with more seeds; the figure grows with each."""
    place, found = st.empty(), dict[str, list[Tagger]](one=[], both=[])
    grammar = experiment.spoken(lang)
    guess, held = deep.guess(grammar), deep.held(grammar)
    with st.spinner(t("deep.seeds", lang, seeds=SEEDS)):
        for k in range(SEEDS):
            for name, taggers in found.items():
                seed = experiment.seed + k
                taggers.append(_tagger(experiment.cell, grammar, experiment.depth, name == "both", seed))
            figure = accuracy_figure(found, guess, held, lang, theme())
            place.plotly_chart(figure, key=f"deep_accuracy_{k}", theme=None)
    means = {name: sum(one.score.undecided for one in taggers) / SEEDS for name, taggers in found.items()}
    shares = {name: share(round(mean * held[1]), held[1], lang) for name, mean in means.items()}
    values = shares | {"guess": f"{guess.undecided:.0%}".replace("%", " %")}
    st.markdown(t("deep.accuracy_note", lang, held=held[1], seeds=SEEDS, **values))


def _price(experiment: Experiment, lang: str) -> None:
    key = (experiment.cell, experiment.spoken(lang))
    if st.session_state.pop("deep_again", False):
        _prices.clear(*key)
    found = _prices(*key)
    st.plotly_chart(drawn(price_figure, found, lang, theme()), key="deep_price", theme=None)
    chosen = {price.both: price for price in found if price.depth == experiment.depth}
    values = {
        "depth": experiment.depth,
        "weights": f"{chosen[True].parameters / chosen[False].parameters:.1f}",
    }
    longer = compared("deep.price_time", ratio(chosen[True].time, chosen[False].time), lang)
    st.markdown(f"{t('deep.price_weights', lang, **values)} {longer} {t('deep.price_note', lang)}")
    st.caption(t("deep.price_how", lang, rows=ROWS, steps=TIMED_STEPS, rounds=ROUNDS))
    st.button(t("cost.again", lang), key="deep_again")
