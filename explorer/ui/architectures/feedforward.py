"""The view `feedforward`: the same question asked of networks with and without memory."""

import streamlit as st

from explorer.architectures import feedforward
from explorer.architectures.feedforward import LENGTH, LENGTHS, TEST_ROWS, WINDOWS, Compared, Timed
from explorer.architectures.timing import ratio
from explorer.experiment import Experiment
from explorer.figures.counts import share
from explorer.figures.feedforward import length_figure, time_figure, window_figure
from explorer.i18n import t
from explorer.stage.charts import build_charts, feedforward_charts
from explorer.ui.architectures.cost import compared
from explorer.ui.aside import aside
from explorer.ui.charts import drawn
from explorer.ui.stage import shows
from explorer.ui.state import theme


@st.cache_resource(max_entries=16, show_spinner=False)
def _compared(cell: str, seed: int) -> Compared:
    return aside(feedforward.compare, cell, seed)


@st.cache_resource(max_entries=8, show_spinner=False)
def _timed(cell: str) -> Timed:
    return aside(feedforward.timed, cell)


def learn(experiment: Experiment) -> None:
    """Learns what the view shows, so that nobody waits for it there."""
    _compared(experiment.cell, experiment.seed)


def draw(experiment: Experiment, lang: str) -> None:
    """Draws right answers by window and by length, then time by length, measured when asked for."""
    st.caption(t("feedforward.task", lang, length=LENGTH))
    with st.spinner(t("ui.learning", lang)):
        found = _compared(experiment.cell, experiment.seed)
    by_window, by_length = st.columns(2, gap="medium")
    with by_window:
        st.plotly_chart(drawn(window_figure, found, lang, theme()), key="by_window", theme=None)
        values = {
            "one": _right(found.window[0], lang),
            "unordered": _right(found.unordered, lang),
            "all": _right(found.window[-1], lang),
            "length": WINDOWS[-1],
        }
        st.markdown(t("feedforward.window_note", lang, **values))
    with by_length:
        st.plotly_chart(drawn(length_figure, found, lang, theme()), key="by_length", theme=None)
        values = {
            "length": LENGTH,
            "longest": LENGTHS[-1],
            "there": _right(found.recurrent, lang),
            "far": _right(found.by_length[-1], lang),
            "weights": f"{found.recurrent_parameters:,}",
        }
        st.markdown(t("feedforward.length_note", lang, **values))
    if st.button(t("feedforward.measure", lang), key="measure_time"):
        _timed.clear()
    _time(experiment, found, lang)


def _right(measured: float, lang: str) -> str:
    return share(round(measured * TEST_ROWS), TEST_ROWS, lang)


def _time(experiment: Experiment, answers: Compared, lang: str) -> None:
    taken, cell = _timed(experiment.cell), experiment.cell
    shows("architectures", experiment, lambda: build_charts(feedforward_charts(answers, taken, cell), lang))
    st.plotly_chart(drawn(time_figure, taken, cell, lang, theme()), key="by_time", theme=None)
    found = ratio(taken.recurrent[-1], taken.apart[-1])
    longer = compared("feedforward.time_ratio", found, lang, longest=f"{taken.lengths[-1]:,}")
    st.markdown(f"{longer} {t('feedforward.time_note', lang)}")
