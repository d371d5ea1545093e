"""What came of a race: read from its events, judged by its numbers, never written beforehand."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite, isnan
from typing import Any, Literal

import numpy as np

from explorer.data.sources import Source
from explorer.exact import bounds, bracketed
from explorer.training.events import OVER, Event, Over, RacerEvent, StepsEvent

NEAR = 0.1
"""An error down to a tenth under the baseline's, an accuracy up to a tenth over it, is still at it."""


@dataclass(frozen=True, eq=False)
class Result:
    """One racer's course. Arrays: steps (N,), loss (N,), norm (N,) of the gradient before clipping.

    checks (M,): steps after which the metric (M,) was measured on held-out data, seconds (M,) the CPU time
    until then. status: `running`, `passed`, `spent`, `diverged` or `stopped`; step is the last one made.
    """

    name: str
    cell: str
    parameters: int
    status: str
    step: int
    loss: np.ndarray
    norm: np.ndarray
    checks: np.ndarray
    metric: np.ndarray
    seconds: np.ndarray

    @property
    def steps(self) -> np.ndarray:
        return np.arange(1, len(self.loss) + 1)

    @property
    def last_metric(self) -> float:
        """The metric of the last check; NaN before the first."""
        return float(self.metric[-1]) if len(self.metric) else float("nan")

    @property
    def last_seconds(self) -> float:
        return float(self.seconds[-1]) if len(self.seconds) else 0.0


def results(events: Iterable[Event]) -> tuple[Result, ...]:
    """Returns every racer's course from a race's events, in order.

    The browser reads the same events as they come (stage/js/train/log.js); tests/js/courses.json says what
    both must make of them.
    """
    courses: dict[int, dict[str, Any]] = {}
    for event in events:
        if event["kind"] == "racer":
            _enter(courses, event)
        elif event["kind"] == "steps":
            _step(courses[event["racer"]], event)
        elif event["kind"] == "end":
            courses[event["racer"]]["status"] = event["status"]
    return tuple(_result(course) for _, course in sorted(courses.items()))


def over(events: Iterable[Event]) -> Over | Literal[""]:
    """Returns how a race ended last: `done`, `stopped`, `killed`, `failed`, or `` while it has not."""
    last: Over | Literal[""] = ""
    for event in events:
        if event["kind"] in OVER:
            last = event["kind"]
        elif event["kind"] == "racer":
            last = ""
    return last


def _enter(courses: dict[int, dict[str, Any]], event: RacerEvent) -> None:
    """A racer begins, or goes on from a step: what came after that step is forgotten."""
    course = courses.setdefault(event["racer"], {"loss": [], "norm": [], "checks": []})
    course |= {name: event[name] for name in ("name", "cell", "parameters")} | {"status": "running"}
    _cut(course, event["step"])


def _cut(course: dict[str, Any], step: int) -> None:
    """Forgets what came after a step."""
    del course["loss"][step:], course["norm"][step:]
    course["checks"] = [check for check in course["checks"] if check[0] <= step]


def _step(course: dict[str, Any], event: StepsEvent) -> None:
    """Some steps, in the place of those of the same numbers; steps that were not reported are not finite."""
    _cut(course, event["from"] - 1)
    for name in ("loss", "norm"):
        course[name] += [None] * (event["from"] - 1 - len(course[name])) + event[name]
    if "metric" in event:
        course["checks"].append((event["from"] + len(event["loss"]) - 1, event["metric"], event["seconds"]))


def _result(course: Mapping[str, Any]) -> Result:
    checks = np.array(course["checks"], np.float64).reshape(-1, 3)
    return Result(
        course["name"],
        course["cell"],
        course["parameters"],
        course["status"],
        len(course["loss"]),
        _numbers(course["loss"]),
        _numbers(course["norm"]),
        checks[:, 0].astype(int),
        checks[:, 1],
        checks[:, 2],
    )


def _numbers(values: Iterable[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], np.float64)


Phrase = tuple[str, dict[str, Any]]


def verdict(found: Iterable[Result], source: Source) -> list[Phrase]:
    """Returns what a race showed, as keys of sentences with their values: those that passed first.

    A racer that did not pass either stayed at the baseline or left it without reaching the goal.
    """
    raced = list(found)
    passed = sorted((r for r in raced if r.status == "passed"), key=lambda r: r.step)
    said: list[Phrase] = [_sentence("passed", r, source) for r in passed]
    for result in raced:
        if result.status == "diverged":
            said.append(_sentence("diverged", result, source))
        elif result.status in ("stopped", "spent"):
            said.append(_sentence(_short_of(result, source), result, source))
    said += _went_on(raced)
    if len(passed) > 1:
        quick = min(passed, key=lambda r: r.last_seconds)
        same = quick is passed[0]
        said.append(("both_first" if same else "split", {"first": passed[0].name, "quick": quick.name}))
    return said


def _short_of(result: Result, source: Source) -> str:
    """Returns the sentence of a racer that did not pass. Without a metric there is nothing to judge."""
    if not isfinite(result.last_metric):
        return f"{result.status}_not_finite" if len(result.metric) else f"{result.status}_unchecked"
    if result.status == "stopped":
        return "stopped"
    if isnan(source.goal):
        return "learned"
    return "baseline" if still_at(result.last_metric, source.chance, source.metric) else "short"


def _went_on(raced: Iterable[Result]) -> list[Phrase]:
    """Returns who made more steps than a racer that diverged; nothing where nobody did."""
    raced = list(raced)
    burst = [r.step for r in raced if r.status == "diverged"]
    others = [r.name for r in raced if r.status != "diverged" and burst and r.step > max(burst)]
    return [("went_on", {"others": others})] if others else []


def still_at(metric: float, chance: float, kind: str) -> bool:
    """Returns whether an `error` or `accuracy` is no better than that of a guess without memory."""
    left = left_at(chance, kind)
    return metric >= left if kind == "error" else metric <= left


def left_at(chance: float, kind: str) -> float:
    """Returns the `error` or `accuracy` from which on a racer has left a guess without memory behind."""
    return (1 - NEAR) * chance if kind == "error" else (1 + NEAR) * chance


def _sentence(kind: str, result: Result, source: Source) -> Phrase:
    return kind, {
        "name": result.name,
        "step": f"{result.step:,}",
        "seconds": f"{result.last_seconds:.1f}",
        "metric": said_of(result.last_metric, source),
    }


def said_of(metric: float, source: Source) -> str:
    """Returns an error, or a share of right answers with its exact interval: `0.009`, `87 % [84, 90]`."""
    if source.metric == "error" or not isfinite(metric):
        return f"{metric:.3g}"
    between = [bracketed(round(metric * source.trials), source.trials)] if source.trials else []
    return " ".join([f"{100 * metric:.3g} %", *between])


def table(result: Result, source: Source) -> dict[str, list[float]]:
    """Returns a racer's course as columns by step: loss, norm, and metric where it was measured.

    metric_low, metric_high: the exact interval of 95 % of an accuracy that is an estimate.
    """
    metric = np.full(len(result.loss), np.nan)
    inside = result.checks <= len(metric)
    metric[result.checks[inside] - 1] = result.metric[inside]
    low, high = bounds(metric, source.trials)
    columns = {
        "step": result.steps,
        "loss": result.loss,
        "gradient_norm": result.norm,
        "metric": metric,
        "metric_low": low,
        "metric_high": high,
    }
    return {name: values.tolist() for name, values in columns.items()}
