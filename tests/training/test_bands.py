"""Bands over seeds: what several courses say at each step, and the stored results of the presets."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.parts import STORED, best
from benchmarks.presets import SEEDS
from explorer.exact import interval
from explorer.experiment import Experiment
from explorer.training.bands import SHIPPED, band, shipped_of
from explorer.training.race import preset_changes, presets, race_of
from explorer.training.results import Result

NAMES = sorted(path.name for path in SHIPPED.glob("*.json"))


def course(checks: list[int], metric: list[float], status: str = "spent") -> Result:
    empty = np.array([])
    return Result(
        "rnn", "rnn", 1, status, max(checks, default=0), empty, empty,
        np.array(checks, int), np.array(metric, float), np.zeros(len(checks)),
    )  # fmt: skip


def test_the_band_of_few_seeds_is_the_lowest_middle_and_highest():
    found = band([course([25, 50], [3.0, 1.0]), course([25, 50], [1.0, 2.0]), course([25, 50], [2.0, 6.0])])
    assert found == {"step": [25, 50], "low": [1.0, 1.0], "median": [2.0, 2.0], "high": [3.0, 6.0]}


def test_of_many_seeds_the_second_from_either_end_bounds_it():
    found = band([course([25], [float(k)]) for k in range(39)])
    assert (found["low"], found["median"], found["high"]) == ([1.0], [19.0], [37.0])


def test_who_has_passed_keeps_the_last_metric():
    found = band([course([25], [0.009], "passed"), course([25, 50], [0.2, 0.1])])
    assert found["low"] == [0.009, 0.009] and found["high"] == [0.2, 0.1]


def test_a_diverged_course_is_no_number_in_the_band():
    found = band([course([25, 50], [0.2, 0.1]), course([25], [0.2], "diverged")])
    assert found["median"] == found["low"] == found["high"] == [None, None]


@pytest.mark.parametrize("name", NAMES)
def test_every_stored_result_names_its_date_command_seeds_versions_and_cost(name):
    found = json.loads((SHIPPED / name).read_text(encoding="utf-8"))
    assert len(found["date"]) == 10 and found["command"].startswith("python -m ")
    assert len(set(found["seeds"])) == len(found["seeds"]) >= 10 or name == "parts_biases.json"
    assert set(found["versions"]) == {"python", "torch", "numpy"}
    assert found["cost"]["parts"] >= len(found["seeds"]) and found["cost"]["cpu_seconds"] > 0
    if "benchmarks.presets" in found["command"]:
        words = [*found["command"].split(), "--seeds", SEEDS]
        first, last = words[words.index("--seeds") + 1].split(":")
        assert found["seeds"] == list(range(int(first), int(last)))


@pytest.mark.parametrize("name", presets())
def test_every_preset_has_a_stored_result_of_its_racers(name):
    preset, _ = Experiment().with_changes(preset_changes(name))
    known = shipped_of(race_of(preset))
    assert known is not None and (SHIPPED / f"{name}.json").exists()
    assert "benchmarks.presets" in known.command and len(known.seeds) >= 10
    racers = race_of(preset).names
    assert set(known.bands) == set(racers) == set(known.passed)
    for run, racer in zip(race_of(preset).runs, racers, strict=True):
        columns = known.bands[racer]
        pairs = zip(columns["low"], columns["median"], columns["high"], strict=True)
        assert all(None in trio or trio[0] <= trio[1] <= trio[2] for trio in pairs)
        passed, of = known.passed[racer]
        assert 0 <= passed <= of == len(known.seeds) and known.most[racer][0] <= run.budget
        low, high = interval(passed, of)
        assert low <= passed / of <= high
        assert known.steps[racer].low <= known.steps[racer].median <= known.steps[racer].high


def test_each_lstm_without_a_part_has_its_best_bias_and_twice_the_time_of_the_slowest():
    tried = json.loads(STORED.read_text(encoding="utf-8"))
    preset = presets()["parts"]
    assert sorted(preset["racers"].split(";")) == sorted(best(tried))
    slowest = [tried["racers"][racer]["most"][0] for racer in best(tried)]
    assert int(preset["budget"]) >= 2 * max(slowest) and max(slowest) < tried["budget"]
    preset, _ = Experiment().with_changes(preset_changes("parts"))
    known = shipped_of(race_of(preset))
    assert known is not None and not set(known.seeds) & set(tried["seeds"])
    for racer, (passed, of) in known.passed.items():
        assert passed == of or 2 * known.steps[racer].high <= preset.budget


def test_a_bias_is_chosen_that_passes_more_often_or_clearly_sooner():
    def racer(passed: int, median: float) -> dict:
        return {"passed": [passed, 2], "steps": [median, median, median], "most": [median, 1.0]}

    usual, low, high = (f"lstm bias=fixed keep_bias={bias}" for bias in (1, -1, 3))
    assert best({"racers": {low: racer(2, 90), usual: racer(2, 100), high: racer(2, 80)}}) == [usual]
    assert best({"racers": {low: racer(2, 70), usual: racer(2, 100), high: racer(2, 60)}}) == [low]
    assert best({"racers": {low: racer(2, 900), usual: racer(1, 100), "rnn": racer(0, 9)}}) == [low, "rnn"]


def test_another_seed_is_the_same_preset_and_another_race_is_none():
    preset, _ = Experiment().with_changes(preset_changes("adding_100"))
    assert shipped_of(race_of(replace(preset, race_seed=7))) is shipped_of(race_of(preset))
    assert shipped_of(race_of(replace(preset, length=99))) is None
