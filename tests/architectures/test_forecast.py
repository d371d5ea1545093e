"""Forecasts: every number of a window read again from its beginning; persistence and the season by hand."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from explorer.architectures.forecast import AHEAD, FIRST, STEPS, chosen, forecast
from explorer.data.series import LENGTH, SEASON, series
from explorer.data.unusable import Unusable
from explorer.experiment import Experiment
from explorer.figures.forecast import follows_figure, forecast_figure, lag_figure
from explorer.figures.palette import THEMES
from explorer.i18n import LANGUAGES

T, A = STEPS, AHEAD


@cache
def found(kind: str, cell: str = "lstm", budget: int = 0):
    return forecast(replace(chosen(Experiment(cell=cell, series=kind)), budget=budget))


def window(kind: str, back: int = 0):
    """The last window but so many, as it is and as the network reads it, by hand."""
    whole = series(kind, 0)
    start = LENGTH - T - A - back
    y = whole.values[start : start + T + A]
    train = np.stack([whole.values[k : k + T + 1] for k in range(whole.cut - T)])
    return y, (train - train[:, :1]).std(), start


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "lstm_peephole"])
def test_one_step_and_the_free_run_are_the_whole_prefix_read_again(cell):
    one, (y, scale, start) = found("walk", cell), window("walk")
    read = list((y[:T] - y[0]) / scale)

    def says(values):
        with torch.no_grad():
            return float(one.model(torch.tensor(values)[:, None, None])[-1, 0, 0])

    for k in (1, FIRST, T - 1):
        assert one.network[k - 1] == pytest.approx(says(read[:k]) * scale + y[0], abs=1e-9)
    for k in range(A):
        read.append(says(read))
        assert one.network[T - 1 + k] == pytest.approx(read[-1] * scale + y[0], abs=1e-8)
    assert one.time.tolist() == list(range(start + 1, start + T + A)) and one.known == T - 1
    assert (one.truth == y[1:]).all()
    assert (one.last[: T - 1] == y[: T - 1]).all() and (one.last[T - 1 :] == y[T - 1]).all()


def test_the_seasonal_forecast_is_the_value_a_season_ago_and_then_the_last_season_again():
    one, (y, _, start) = found("season"), window("season")
    values = series("season", 0).values
    assert (one.season[: T - 1] == values[start + 1 - SEASON : start + T - SEASON]).all()
    assert (one.season[T - 1 :] == np.resize(y[T - SEASON : T], A)).all()
    assert found("walk").season is None and found("walk").seasonal is None


@pytest.mark.parametrize("kind", ["sine", "season", "walk"])
def test_scores_are_errors_over_all_windows_of_held_out_time_by_a_loop(kind):
    one, values = found(kind), series(kind, 0).values
    persistence, season, flat, again = [], [], [], []
    P = one.period
    for start in range(one.cut, LENGTH - T - A + 1):
        y = values[start : start + T + A]
        persistence += [(y[k] - y[k - 1]) ** 2 for k in range(FIRST, T)]
        season += [(y[k] - values[start + k - P]) ** 2 for k in range(FIRST, T)]
        flat += [(y[k] - y[T - 1]) ** 2 for k in range(T, T + A)]
        again += [(y[T + k] - y[T - P + k % P]) ** 2 for k in range(A)]
    assert one.persistence == pytest.approx(np.mean(persistence), rel=1e-12)
    if one.seasonal is not None:
        assert one.seasonal.one == pytest.approx(np.mean(season) / np.mean(persistence), abs=1e-12)
        assert one.seasonal.free == pytest.approx(np.mean(again) / np.mean(flat), abs=1e-12)
    last, follows, said = one.pairs.T
    assert np.mean((said - follows) ** 2) / one.persistence == pytest.approx(one.scores.one, rel=1e-9)
    assert one.lag[0] == pytest.approx(one.scores.one, rel=1e-12)
    assert one.lag[1] == pytest.approx(np.mean((said - last) ** 2) / one.persistence, rel=1e-9)


def test_a_short_series_of_ones_own_has_windows_that_fit():
    values = " ".join(f"{v:.3f}" for v in np.sin(np.arange(40)) + 0.1 * np.arange(40))
    own = replace(chosen(Experiment(series="yours", values=values)), budget=1)
    one = forecast(own)
    assert len(one.time) == 8 + 4 - 1 and np.isnan(one.best)
    with pytest.raises(Unusable):
        forecast(replace(own, values="1 2 3"))


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("theme", THEMES)
def test_the_figures_hold_the_record(lang, theme):
    one = found("season")
    figure = forecast_figure(one, lang, theme)
    assert len(figure.data) == 4 and figure.data[-1].y[-1] == one.network[-1]
    assert len(forecast_figure(found("walk"), lang, theme).data) == 3
    bars = lag_figure(one, lang, theme).data[0]
    assert (np.array(bars.y) == one.lag).all()
    colours = bars.marker.color
    assert colours.count(colours[one.lag.argmin()]) == 1
    follows, said, same = follows_figure(one, lang, theme).data
    assert set(said.y) <= set(one.pairs[:, 2]) and set(follows.y) <= set(one.pairs[:, 1])
    assert list(same.x) == list(same.y)
