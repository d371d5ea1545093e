"""What many seeds did: bands behind a live race, from results that are shipped with date and command.

A band is named by what it covers: its bounds are seeds' own values, so that a further seed lies within with
a probability that follows from their number alone.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from explorer.exact import Spread, columns, coverage, spread
from explorer.experiment import Experiment
from explorer.i18n import ASSETS
from explorer.training.race import Race, preset_changes, presets, race_of
from explorer.training.results import Result

SHIPPED = ASSETS / "results"


@dataclass(frozen=True)
class Shipped:
    """A preset's stored result: by racer how many seeds passed, how quickly, and the band of its metric.

    passed: (how many, of how many). steps, seconds: of the seeds that passed, where none did of all; seconds
    are of the CPU. spent: seconds of every seed. most: the most steps and seconds of any. bands: columns
    step, low, median, high; who has passed keeps the last metric.
    """

    date: str
    command: str
    seeds: tuple[int, ...]
    passed: Mapping[str, tuple[int, int]]
    steps: Mapping[str, Spread]
    seconds: Mapping[str, Spread]
    spent: Mapping[str, Spread]
    most: Mapping[str, tuple[int, float]]
    bands: Mapping[str, Mapping[str, list[float | None]]]

    @property
    def covered(self) -> float:
        """How probably a further seed lies within a band, at any one step."""
        return coverage(len(self.seeds))


def summary(courses: Sequence[Result]) -> dict[str, Any]:
    """Returns what is stored of one racer: `from_record` reads it. Also how each seed ended."""
    passed = [course for course in courses if course.status == "passed"]
    told = passed or courses
    steps, seconds = ([getattr(c, name) for c in told] for name in ("step", "last_seconds"))
    return {
        "passed": [len(passed), len(courses)],
        "steps": [int(value) for value in spread(steps)],
        "seconds": [round(value, 2) for value in spread(seconds)],
        "most": [max(c.step for c in courses), round(max(c.last_seconds for c in courses), 2)],
        "ended": [[course.status, course.step, round(course.last_seconds, 2)] for course in courses],
        "band": band(courses),
    }


def band(courses: Sequence[Result]) -> dict[str, list[float | None]]:
    """Returns the band of one racer's metric over seeds."""
    steps = np.unique(np.concatenate([course.checks for course in courses]))
    rows = np.array([_held(course, steps) for course in courses])
    found = dict(zip(("median", "low", "high"), columns(rows), strict=True))
    shown = {name: [_short(v) for v in found[name]] for name in ("low", "median", "high")}
    return {"step": steps.tolist()} | shown


def _held(course: Result, steps: np.ndarray) -> np.ndarray:
    """The course's metric at steps; its last one where it has ended, NaN where it was not finite."""
    if not len(course.checks):
        return np.full(len(steps), np.nan)
    at = np.searchsorted(course.checks, steps, side="right") - 1
    held = course.metric[np.clip(at, 0, None)]
    return np.full(len(steps), np.nan) if course.status == "diverged" else held


def _short(value: float) -> float | None:
    return float(f"{value:.4g}") if np.isfinite(value) else None


def shipped_of(race: Race) -> Shipped | None:
    """Returns the stored result of a race that is a preset, whatever its seed, in English; else None."""
    for name in presets():
        preset, _ = Experiment().with_changes(preset_changes(name))
        if race_of(replace(preset, race_seed=race.runs[0].seed)) == race:
            return shipped(name)
    return None


@cache
def shipped(name: str) -> Shipped | None:
    """Returns a preset's stored result, None where there is none."""
    path = SHIPPED / f"{name}.json"
    if not path.exists():
        return None
    return from_record(json.loads(path.read_text(encoding="utf-8")))


def from_record(found: Mapping[str, Any]) -> Shipped:
    """Returns a preset's result from its plain values."""
    racers = found["racers"]
    return Shipped(
        found["date"],
        found["command"],
        tuple(found["seeds"]),
        passed={name: tuple(own["passed"]) for name, own in racers.items()},
        steps={name: Spread(*own["steps"]) for name, own in racers.items()},
        seconds={name: Spread(*own["seconds"]) for name, own in racers.items()},
        spent={name: spread([seconds for *_, seconds in own["ended"]]) for name, own in racers.items()},
        most={name: tuple(own["most"]) for name, own in racers.items()},
        bands={name: own["band"] for name, own in racers.items()},
    )
