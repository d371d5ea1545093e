"""The view `amount`: LSTM or GRU by the number of sentences, a stored experiment and a small one run now."""

from collections.abc import Mapping

import streamlit as st

from explorer.architectures.amount import BASE, RIVALS, Amount, Comparison, comparisons, shipped
from explorer.exact import coverage
from explorer.experiment import Experiment, written
from explorer.figures.amount import amount_figure, rivals
from explorer.figures.counts import counted
from explorer.i18n import t
from explorer.training.race import preset_changes
from explorer.ui.charts import drawn
from explorer.ui.stage import race_view
from explorer.ui.state import theme
from explorer.ui.train.choices import readable_race
from explorer.ui.train.running import after, say_refused, start, view

SMALL = (200, 2_000)
"""Sentences of the race that is run here: few and many."""

SMALL_RIVALS = RIVALS[:3]


def draw(experiment: Experiment, lang: str) -> None:
    """Draws the stored result, what it says and does not say, and the way to a race of one's own."""
    found = shipped()
    solved = drawn(amount_figure, found, "solved", lang, theme())
    st.plotly_chart(solved, key="amount_solved", theme=None)
    compared = comparisons(found)
    for place, match in zip(st.columns(len(found.matches), gap="medium"), found.matches, strict=True):
        lines = [f"- {said(one, lang)}" for one in compared if one.match == match]
        place.markdown("\n".join([f"**{t(f'amount.{match}', lang)}**\n", *lines]))
        place.table(solved_table(found, match, lang), hide_index=True)
    st.caption(t("amount.test", lang, among=compared[0].among))
    st.plotly_chart(drawn(amount_figure, found, "nats", lang, theme()), key="amount_nats", theme=None)
    seeds = len({trial.seed for trial in found.trials})
    values = {"seeds": seeds, "covered": f"{100 * coverage(seeds):.0f}"}
    st.caption(t("amount.source", lang, date=found.date, command=found.command, **values))
    st.markdown(t("amount.not_shown", lang))
    if st.toggle(t("amount.run", lang), key="amount_run"):
        _small_race(experiment, lang)


def said(one: Comparison, lang: str) -> str:
    """Returns what a comparison found, as a sentence."""
    labels = {look.name: look.label for look in rivals(lang)}
    totals = [sum(column) for column in zip(*one.counts, strict=True)]
    values = {
        "first": labels[one.first],
        "second": labels[one.second],
        "first_solved": totals[0],
        "first_seeds": totals[1],
        "second_solved": totals[2],
        "second_seeds": totals[3],
        "p": f"{one.chance:.2g}",
    }
    kind = "near" if not one.better else "first" if one.better == one.first else "second"
    return t(f"amount.{kind}", lang, **values)


def solved_table(found: Amount, match: str, lang: str) -> dict[str, list[str]]:
    """Returns how many seeds of each rival solve it, with exact bounds of 95 %, by sentences."""
    columns = {t("amount.count", lang): [f"{count:,}" for count in found.counts]}
    for look in rivals(lang):
        tried = [found.solved(look.name, match, count) for count in found.counts]
        columns[look.label] = [counted(hits, seeds, lang) if seeds else "–" for hits, seeds in tried]
    return columns


def small_race(experiment: Experiment) -> Mapping[str, str]:
    """Returns the fields of the race: two starts of the LSTM and a GRU, on few and on many sentences."""
    names = [f"{name} sentences={count}" for count in SMALL for name in SMALL_RIVALS]
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
    say_refused(lang)
    race_view(view(asked, runners, data, key, lang), asked)
    after(runners, data, lang)
