"""Bands over seeds: what several courses say at each step, and the stored results of the presets."""

from dataclasses import replace

import numpy as np
import pytest

from explorer.experiment import Experiment
from explorer.training.bands import SHIPPED, band, shipped_of
from explorer.training.race import preset_changes, presets, race_of
from explorer.training.results import Result


def course(checks: list[int], metric: list[float], status: str = "spent") -> Result:
    empty = np.array([])
    return Result(
        "rnn", "rnn", 1, status, max(checks, default=0), empty, empty,
        np.array(checks, int), np.array(metric, float), np.zeros(len(checks)),
    )  # fmt: skip


def test_a_band_is_the_lowest_middle_and_highest_of_all_seeds():
    found = band([course([25, 50], [3.0, 1.0]), course([25, 50], [1.0, 2.0]), course([25, 50], [2.0, 6.0])])
    assert found == {"step": [25, 50], "low": [1.0, 1.0], "median": [2.0, 2.0], "high": [3.0, 6.0]}


def test_who_has_passed_keeps_the_last_metric():
    found = band([course([25], [0.009], "passed"), course([25, 50], [0.2, 0.1])])
    assert found["low"] == [0.009, 0.009] and found["high"] == [0.2, 0.1]


def test_a_diverged_course_is_no_number_in_the_band():
    found = band([course([25, 50], [0.2, 0.1]), course([25], [0.2], "diverged")])
    assert found["median"] == [None, None]


@pytest.mark.parametrize("name", presets())
def test_every_preset_has_a_stored_result_of_its_racers(name):
    preset, _ = Experiment().with_changes(preset_changes(name))
    known = shipped_of(race_of(preset))
    assert known is not None and (SHIPPED / f"{name}.json").exists()
    assert "benchmarks.presets" in known.command and len(known.seeds) == 10
    racers = race_of(preset).names
    assert set(known.bands) == set(racers) == set(known.passed)
    for racer in racers:
        columns = known.bands[racer]
        pairs = zip(columns["low"], columns["median"], columns["high"], strict=True)
        assert all(None in trio or trio[0] <= trio[1] <= trio[2] for trio in pairs)
        passed, of = known.passed[racer]
        assert 0 <= passed <= of == 10


def test_another_seed_is_the_same_preset_and_another_race_is_none():
    preset, _ = Experiment().with_changes(preset_changes("adding_100"))
    assert shipped_of(race_of(replace(preset, race_seed=7))) is shipped_of(race_of(preset))
    assert shipped_of(race_of(replace(preset, length=99))) is None
