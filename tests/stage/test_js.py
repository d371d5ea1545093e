"""The stage's modules under Node: types hold, ESLint finds nothing, what is pure does what it says."""

import json
import re
from dataclasses import replace

import pytest

from explorer import CELLS, Experiment
from explorer.exact import interval, percents
from explorer.experiment import Display
from explorer.stage import MODULES
from explorer.stage.payload import build
from tests.helpers import walked
from tests.stage.node import ESLINT, TESTS, TSC, node


def test_types_hold():
    node(TSC, "--project", TESTS)


def test_what_is_pure_is_strictly_typed():
    node(TSC, "--project", TESTS / "tsconfig.strict.json")


def test_eslint_finds_nothing():
    node(ESLINT, "--max-warnings", "0", "--config", TESTS / "eslint.config.js", MODULES, TESTS)


def test_what_is_pure_does_what_it_says():
    said = node("--test", "--test-reporter", "tap", cwd=TESTS)
    (passed,) = re.findall(r"^# pass (\d+)$", said, re.M)
    assert int(passed) > 0
    assert re.search(r"^# skipped 0$", said, re.M)


@pytest.mark.parametrize("cell", CELLS)
def test_the_browsers_arithmetic_is_the_trace(cell, tmp_path):
    """Every equation from the payload's numbers, and what adds up to each pre-activation, in float64."""
    experiment = Experiment(cell=cell, text="가는 말이 고와야 오는 말이 곱다", weights="untrained", hidden=5)
    changed = replace(experiment, swap=2, swap_with="곱다")
    for n, shown in enumerate((experiment, changed)):
        (tmp_path / f"{n}").write_bytes(build(walked(shown), Display("en")))
    found = json.loads(node(TESTS / "arithmetic.js", tmp_path / "0", tmp_path / "1"))
    runs = [run for payload in found for run in payload]
    assert len(runs) == 3
    for run in runs:
        assert set(run) == {symbol for symbol, _ in CELLS[cell].equations}
        assert max(run.values()) < 1e-12, run


def test_the_browsers_interval_is_the_one_of_python():
    trials = (1, 2, 9, 57, 198, 500, 1500, 9984)
    counts = [(hits, n) for n in trials for hits in sorted({0, 1, n // 50, n // 3, n // 2, n - 1, n})]
    for (bounds, said), count in zip(
        json.loads(node(TESTS / "intervals.js", json.dumps(counts))), counts, strict=True
    ):
        assert bounds == pytest.approx(interval(*count), abs=1e-9), count
        assert tuple(said) == percents(*count), count
