"""The view `forecast`: a small network learns a numeric series, beside forecasts that learn nothing."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from explorer.architectures.forecast import AHEAD, SEEDS, Forecast, chosen, forecast
from explorer.data.unusable import Unusable
from explorer.exact import coverage
from explorer.experiment import Experiment
from explorer.figures.forecast import follows_figure, forecast_figure, lag_figure
from explorer.i18n import t
from explorer.stage.charts import build_charts, forecast_charts, forecast_runs
from explorer.ui.aside import aside
from explorer.ui.charts import drawn, show_bare
from explorer.ui.compute import BY_VALUE
from explorer.ui.stage import shows
from explorer.ui.state import theme
from explorer.ui.text import say_unusable
from explorer.ui.train.choices import series_choices
from explorer.ui.ways import race_way


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=BY_VALUE)
def _forecast(run: Experiment) -> Forecast:
    return aside(forecast, run)


def draw(experiment: Experiment, lang: str) -> None:
    """Draws the choice of the series, the skill, the forecast, why it is as it is, and all scores."""
    series_choices(experiment, lang)
    run = chosen(experiment)
    try:
        with st.spinner(t("ui.learning", lang)):
            found = [_forecast(one) for one in forecast_runs(experiment)]
    except Unusable as refused:
        say_unusable(refused, lang)
        return
    shows("architectures", experiment, lambda: build_charts(forecast_charts(found), lang))
    first = found[0]
    st.markdown(f"{_skill(found, lang)} {t('forecast.lags' if first.lags else 'forecast.keeps_up', lang)}")
    show_bare(drawn(forecast_figure, first, lang, theme()), "forecast_forecast")
    lag, follows = st.columns(2)
    with lag:
        show_bare(drawn(lag_figure, first, lang, theme()), "forecast_lag")
    with follows:
        show_bare(drawn(follows_figure, first, lang, theme()), "forecast_follows")
    st.markdown(t(f"forecast.why_{run.series}", lang))
    st.markdown(_table(found, lang))
    values = {"seeds": SEEDS, "covered": f"{100 * coverage(SEEDS):.0f}", "updates": first.updates}
    st.caption(t("forecast.note", lang, ahead=AHEAD, persistence=f"{first.persistence:.3g}", **values))
    race_way(replace(experiment, data="series", length=run.length, card=""), t("forecast.race", lang))


def _skill(found: Sequence[Forecast], lang: str) -> str:
    low, middle, high = _spread([one.scores.skill for one in found])
    return t("forecast.skill", lang, skill=middle, low=low, high=high, seeds=len(found))


def _spread(values: Sequence[float]) -> tuple[str, str, str]:
    """The least, the median and the largest, as they are written."""
    low, middle, high = map(_number, (min(values), float(np.median(values)), max(values)))
    return low, middle, high


def _number(value: float) -> str:
    """A skill with two digits; near 1, where two would hide all that differs, with three."""
    return f"{value:.{3 if value > 0.99 else 2}f}".replace("-", "\N{MINUS SIGN}")


def _table(found: Sequence[Forecast], lang: str) -> str:
    """The skills of the network over its seeds, and of the forecasts that learn nothing, at this seed."""
    first = found[0]
    heads = [t(f"forecast.{name}", lang) for name in ("who", "one", "free")]
    rows = [f"| {' | '.join(heads)} |", "|---|---|---|"]
    ranges = [_spread([getattr(one.scores, name) for one in found]) for name in ("skill", "free_skill")]
    said = [f"**{middle}** ({low} … {high})" for low, middle, high in ranges]
    rows.append(f"| {t('forecast.network', lang)} | {said[0]} | {said[1]} |")
    rows.append(f"| {t('forecast.last', lang)} | 0.00 | 0.00 |")
    if first.seasonal is not None:
        name = t("forecast.season", lang, period=first.period)
        rows.append(f"| {name} | {_number(first.seasonal.skill)} | {_number(first.seasonal.free_skill)} |")
    if np.isfinite(first.best):
        rows.append(f"| {t('forecast.best', lang)} | {_number(first.best)} | |")
    return "\n".join(rows)
