"""The view `amount`: LSTM or GRU by the number of sentences, a stored experiment and a small one run now."""

from collections.abc import Mapping

import streamlit as st

from explorer.architectures.amount import BASE, RIVALS, shipped, verdict
from explorer.experiment import MATCHES, Experiment, written
from explorer.figures.amount import amount_figure
from explorer.i18n import t
from explorer.training.race import preset_changes
from explorer.ui.charts import drawn
from explorer.ui.stage import race_view
from explorer.ui.state import theme
from explorer.ui.train.choices import readable_race
from explorer.ui.train.running import after, say_full, start, view

SMALL = (100, 2_000)
"""Sentences of the race that is run here: few and many."""


def draw(experiment: Experiment, lang: str) -> None:
    """Draws the stored result, what it says and does not say, and the way to a race of one's own."""
    found = shipped()
    for quantity in ("accuracy", "nats"):
        st.plotly_chart(
            drawn(amount_figure, found, quantity, lang, theme()), key=f"amount_{quantity}", theme=None
        )
    seeds = len({trial.seed for trial in found.trials})
    st.caption(t("amount.source", lang, date=found.date, command=found.command, seeds=seeds))
    left, right = st.columns(2, gap="medium")
    for place, match in zip((left, right), MATCHES, strict=True):
        lines = [f"- {t(f'amount.{key}', lang, **values)}" for key, values in verdict(found, match)]
        place.markdown("\n".join([f"**{t(f'amount.{match}', lang)}**\n", *lines]))
    st.markdown(t("amount.not_shown", lang))
    if st.toggle(t("amount.run", lang), key="amount_run"):
        _small_race(experiment, lang)


def small_race(experiment: Experiment) -> Mapping[str, str]:
    """Returns the fields of the race: both cells on few and on many sentences."""
    names = [f"{name} sentences={count}" for count in SMALL for name in RIVALS]
    own = {"racers": ";".join(names), "race_seed": written(experiment.race_seed), "budget": "1500"}
    kept = {name: written(getattr(BASE, name)) for name in ("data", "grammar", "length", "size")}
    return preset_changes("agreement") | kept | own


def _small_race(experiment: Experiment, lang: str) -> None:
    asked, _ = experiment.with_changes(small_race(experiment))
    found = readable_race(asked, lang)
    if found is None:
        return
    runners, data = found
    key = start(runners, lang)
    say_full(lang)
    race_view(view(asked, runners, data, key, lang))
    after(runners, data, lang)
