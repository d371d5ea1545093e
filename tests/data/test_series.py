"""Numeric series: what is known of each, cut in time, windows, and one's own numbers."""

import numpy as np
import pytest

from explorer.data.series import (
    HELD_OUT,
    LEAST,
    LENGTH,
    MOST,
    NOISE,
    PERIOD,
    SEASON,
    Series,
    column_of,
    likely_period,
    numbers_in,
    series,
)
from explorer.data.sources import source
from explorer.data.unusable import Unusable
from explorer.experiment import Experiment
from explorer.training.race import race_of


def test_a_walk_has_steps_that_nothing_before_tells():
    steps = np.concatenate([np.diff(series("walk", seed).values) for seed in range(20)])
    assert steps.mean() == pytest.approx(0.0, abs=0.03) and steps.std() == pytest.approx(1.0, abs=0.03)
    assert np.corrcoef(steps[1:], steps[:-1])[0, 1] == pytest.approx(0.0, abs=0.03)


def test_a_season_comes_again_but_for_its_noise_and_a_sine_exactly():
    for seed in range(3):
        values = series("season", seed).values
        apart = values[SEASON:] - values[:-SEASON]
        assert np.mean(apart**2) == pytest.approx(2 * NOISE**2, rel=0.15)
        wave = series("sine", seed)
        assert np.abs(wave.values[PERIOD:] - wave.values[:-PERIOD]).max() < 1e-12
        assert likely_period(wave.values) == wave.period == PERIOD
        assert likely_period(values) == SEASON and likely_period(series("walk", seed).values) == 1


def test_windows_of_either_part_do_not_meet_and_count_from_their_first_value():
    whole = series("walk", 0)
    train, held = whole.starts(20, held_out=False), whole.starts(20, held_out=True)
    assert whole.cut == LENGTH - int(HELD_OUT * LENGTH)
    assert train.max() + 20 < whole.cut <= held.min() and held.max() + 20 == LENGTH - 1
    data = source(Experiment(data="series", series="walk", length=20))
    batch, scale = data.held_out(), whole.scale(20)
    assert (batch.x[0] == 0.0).all() and (batch.x[1:] == batch.target[:-1]).all()
    asked = (whole.values[held + 20] - whole.values[held]) / scale
    assert np.allclose(batch.target[-1, :, 0], asked, atol=1e-6)
    assert data.goal == data.baseline / 2 == data.chance / 2
    steps = np.diff(whole.values[whole.cut :]) / scale
    assert data.chance == pytest.approx(np.mean(steps**2), rel=0.1)


def test_training_never_reads_what_is_held_out():
    values = np.concatenate([np.zeros(70), np.ones(30)]) + 1e-3 * np.arange(100) % 0.002
    data = source(Experiment(data="series", series="yours", values=" ".join(map(str, values)), length=8))
    assert all(float(data.batch(step).x.abs().max()) < 5.0 for step in range(20))
    jump = Series(values, 1, float("nan"))
    assert jump.windows(jump.starts(8, held_out=False), 8).max() < 0.5


TABLE = "date,name,value\n" + "\n".join(f"2026-01-{k:02d},a,{k % 7}.5" for k in range(1, 61))


def test_the_last_column_of_numbers_of_a_table_is_read():
    assert numbers_in(column_of(TABLE)).tolist() == [k % 7 + 0.5 for k in range(1, 61)]
    for mark in ";\t":
        decimal_commas = TABLE.replace(",", mark).replace(".5", ",5")
        assert numbers_in(column_of(decimal_commas)).tolist() == [k % 7 + 0.5 for k in range(1, 61)]
    plain = "\n".join(map(str, range(LEAST)))
    assert numbers_in(column_of(plain)).tolist() == list(range(LEAST))
    assert numbers_in(" ".join(["1e-3", "-2,.5;+4."] * LEAST)).shape == (4 * LEAST,)
    assert likely_period(numbers_in(column_of(TABLE))) == 7


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "unusable.numbers"),
        ("1 2 3", "unusable.numbers"),
        ("1 " * (MOST + 1), "unusable.numbers"),
        ("1 2 x " * LEAST, "unusable.no_number"),
        ("nan " * LEAST, "unusable.no_number"),
        ("1e999 " * LEAST, "unusable.no_number"),
        ("٣ " * LEAST, "unusable.no_number"),
        ("5 " * LEAST, "unusable.all_alike"),
        ("1e-200 2e-200 " * LEAST, "unusable.all_alike"),
        ("1e200 -1e200 " * LEAST, "unusable.large_number"),
        (column_of(TABLE.replace("3.5", "")), "unusable.no_number"),
    ],
)
def test_what_is_no_series_is_refused_with_its_reason(text, sentence):
    with pytest.raises(Unusable) as refused:
        numbers_in(text)
    assert refused.value.sentence == sentence
    with pytest.raises(Unusable):
        source(Experiment(data="series", series="yours", values=text, length=4))


def test_a_series_too_short_for_the_length_is_refused():
    with pytest.raises(Unusable) as refused:
        source(Experiment(data="series", length=300))
    assert refused.value.values == {"count": LENGTH, "most": 179}
    assert source(Experiment(data="series", length=179)).held_out().x.shape[:2] == (179, 1)


def test_only_a_race_on_a_series_knows_of_it():
    own = Experiment(data="series", series="walk", values="1 2 3")
    assert {run.series for run in race_of(own).runs} == {"walk"} and race_of(own).runs[0].values == ""
    assert race_of(Experiment(series="walk", values="1")).key == race_of(Experiment()).key
