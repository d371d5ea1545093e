"""What came of a race: courses read from events, a verdict that follows from the numbers alone."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from explorer.data.sources import source
from explorer.exact import interval
from explorer.experiment import Experiment
from explorer.i18n import LANGUAGES, t
from explorer.training.results import NEAR, over, results, still_at, table, verdict

ADDING = source(Experiment(data="adding", length=10))
FIRST = source(Experiment(data="first_symbol", length=10))
LECTURE = replace(source(Experiment(data="lecture")), goal=float("nan"))


def entered(racer: int, name: str, step: int = 0) -> dict:
    return {"kind": "racer", "racer": racer, "name": name, "cell": name, "parameters": 7, "step": step}


def steps(racer: int, first: int, losses: list, metric: float | None = None, seconds: float = 1.0) -> dict:
    event = {"kind": "steps", "racer": racer, "from": first, "loss": losses, "norm": [1.0] * len(losses)}
    return event if metric is None else event | {"metric": metric, "seconds": seconds}


def ended(racer: int, status: str) -> dict:
    return {"kind": "end", "racer": racer, "status": status, "step": 0}


def raced(*ends: tuple[str, str, float, float, int]):
    """Courses of racers (name, status, metric, seconds, steps)."""
    events = []
    for k, (name, status, metric, seconds, count) in enumerate(ends):
        events += [entered(k, name), steps(k, 1, [0.5] * count, metric, seconds), ended(k, status)]
    return results(events)


def test_a_course_is_what_its_events_say():
    (course,) = results(
        [
            entered(0, "rnn"),
            steps(0, 1, [0.5, None], 0.3, 0.1),
            steps(0, 3, [0.2], 0.2, 0.4),
            ended(0, "passed"),
        ]
    )
    assert course.loss[[0, 2]].tolist() == [0.5, 0.2] and np.isnan(course.loss[1])
    assert course.checks.tolist() == [2, 3] and course.metric.tolist() == [0.3, 0.2]
    assert (course.status, course.step, course.last_metric, course.last_seconds) == ("passed", 3, 0.2, 0.4)


def test_what_came_after_the_step_a_racer_goes_on_from_is_forgotten():
    first = [
        entered(0, "rnn"),
        steps(0, 1, [0.5, 0.4], 0.3),
        steps(0, 3, [0.9, 0.8], 0.7),
        ended(0, "stopped"),
    ]
    (course,) = results([*first, entered(0, "rnn", 2), steps(0, 3, [0.1], 0.05)])
    assert course.loss.tolist() == [0.5, 0.4, 0.1]
    assert course.checks.tolist() == [2, 3] and course.metric.tolist() == [0.3, 0.05]
    assert course.status == "running"


@pytest.mark.parametrize(
    "history",
    json.loads((Path(__file__).parents[1] / "js/courses.json").read_text("utf-8")),
    ids=lambda history: history["about"],
)
def test_the_browser_and_the_server_read_events_alike(history):
    """The same histories are given to the browser's log (tests/js/log.test.js)."""
    assert over(history["events"]) == history["over"]
    found = results(history["events"])
    assert [(c.status, c.parameters, c.step) for c in found] == [
        (c["status"], c["parameters"], len(c["loss"])) for c in history["courses"]
    ]
    for course, wanted in zip(found, history["courses"], strict=True):
        for name in ("loss", "norm"):
            np.testing.assert_array_equal(getattr(course, name), np.array(wanted[name], float))
        checks = np.column_stack([course.checks, course.metric, course.seconds])
        np.testing.assert_array_equal(checks, np.array(wanted["checks"], float).reshape(-1, 3))


def test_a_racer_without_a_check_has_no_metric():
    (course,) = results([entered(0, "rnn")])
    assert np.isnan(course.last_metric) and course.last_seconds == 0 and course.step == 0


@pytest.mark.parametrize("kind", ["done", "stopped", "killed", "failed"])
def test_a_race_is_over_until_it_is_taken_up_again(kind):
    assert over([]) == ""
    assert over([entered(0, "rnn"), {"kind": kind}]) == kind
    assert over([entered(0, "rnn"), {"kind": kind}, entered(0, "rnn", 3)]) == ""


@pytest.mark.parametrize(
    "metric, kind, at",
    [
        (0.1667, "error", True),
        (0.151, "error", True),
        (0.149, "error", False),
        (0.005, "error", False),
        (0.25, "accuracy", True),
        (0.274, "accuracy", True),
        (0.276, "accuracy", False),
    ],
)
def test_a_tenth_beside_the_baseline_is_still_at_it(metric, kind, at):
    assert NEAR == 0.1
    assert still_at(metric, 1 / 6 if kind == "error" else 0.25, kind) is at


@pytest.mark.parametrize(
    "status, metric, sentence",
    [
        ("passed", 0.009, "passed"),
        ("spent", 0.165, "baseline"),
        ("spent", 0.1, "short"),
        ("diverged", 0.165, "diverged"),
        ("stopped", 0.1, "stopped"),
    ],
)
def test_each_end_has_its_sentence_with_the_numbers_of_the_race(status, metric, sentence):
    ((key, values),) = verdict(raced(("gru", status, metric, 2.34, 50)), ADDING)
    assert key == sentence
    assert values == {"name": "gru", "step": "50", "seconds": "2.3", "metric": f"{metric:.3g}"}


def test_where_there_is_no_goal_a_racer_has_learned_so_much():
    ((key, values),) = verdict(raced(("gru", "spent", 0.81, 1.0, 50)), LECTURE)
    assert key == "learned" and values["metric"] == "81 %"  # of all there is


def test_an_accuracy_is_told_with_its_interval_where_it_is_an_estimate():
    ((key, values),) = verdict(raced(("gru", "spent", 0.44, 1.0, 50)), FIRST)
    assert (key, values["metric"]) == ("short", "44 % [39, 49]")  # 220 of 500: 39.6 to 48.5


def test_a_race_that_goes_on_has_no_verdict():
    assert verdict(raced(("gru", "running", 0.1, 1.0, 5)), ADDING) == []


def test_those_that_passed_come_first_by_steps_and_the_first_may_not_be_the_quickest():
    found = raced(
        ("rnn", "spent", 0.165, 9.0, 90),
        ("lstm", "passed", 0.009, 1.0, 80),
        ("gru", "passed", 0.008, 3.0, 30),
    )
    said = verdict(found, ADDING)
    assert [(key, values.get("name")) for key, values in said[:3]] == [
        ("passed", "gru"),
        ("passed", "lstm"),
        ("baseline", "rnn"),
    ]
    assert said[3] == ("split", {"first": "gru", "quick": "lstm"})


def test_who_needs_fewest_steps_and_least_time_is_named_once():
    found = raced(("lstm", "passed", 0.009, 5.0, 80), ("gru", "passed", 0.008, 3.0, 30))
    assert verdict(found, ADDING)[-1] == ("both_first", {"first": "gru", "quick": "gru"})


def test_a_table_has_a_row_for_each_step_and_a_metric_where_one_was_measured():
    (course,) = results([entered(0, "rnn"), steps(0, 1, [0.5, 0.4], 0.3), steps(0, 3, [0.2])])
    columns = table(course, FIRST)
    assert (columns["metric_low"][1], columns["metric_high"][1]) == interval(150, 500)
    assert np.isnan(table(course, ADDING)["metric_low"]).all()
    assert columns["step"] == [1, 2, 3] and columns["loss"] == [0.5, 0.4, 0.2]
    assert columns["metric"][1] == 0.3 and np.isnan(columns["metric"][0]) and np.isnan(columns["metric"][2])


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("status", ["stopped", "spent"])
def test_a_racer_without_a_finite_metric_is_said_to_have_none(status, lang):
    unchecked = results([entered(0, "rnn"), steps(0, 1, [0.5] * 7), ended(0, status)])
    broken = raced(("rnn", status, float("nan"), 1.0, 50))
    for found, ending, count in ((unchecked, "unchecked", "7"), (broken, "not_finite", "50")):
        ((key, values),) = verdict(found, ADDING)
        sentence = t(f"verdict.{key}", lang, **values)
        assert key == f"{status}_{ending}" and count in sentence and "nan" not in sentence


@pytest.mark.parametrize(
    ("last", "others"),
    [
        ([("diverged", 9)], None),
        ([("diverged", 9), ("stopped", 9)], None),
        ([("diverged", 9), ("spent", 30), ("diverged", 12), ("stopped", 11)], ["rnn1"]),
        ([("passed", 25), ("diverged", 9), ("spent", 50)], ["rnn0", "rnn2"]),
    ],
)
def test_only_who_made_more_steps_than_a_diverged_one_went_on(last, others):
    found = raced(*((f"rnn{k}", status, 0.1, 1.0, step) for k, (status, step) in enumerate(last)))
    assert [values["others"] for key, values in verdict(found, ADDING) if key == "went_on"] == (
        [others] if others else []
    )
