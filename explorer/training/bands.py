"""What several seeds did: bands behind a live race, from results that are shipped with date and command."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from explorer.experiment import Experiment
from explorer.i18n import ASSETS
from explorer.training.race import Race, preset_changes, presets, race_of
from explorer.training.results import Result

SHIPPED = ASSETS / "results"


@dataclass(frozen=True)
class Shipped:
    """A preset's stored result: by racer the band of the metric, and how many seeds passed.

    bands: columns step, low, median, high: the lowest, middle and highest metric over the seeds; a
    racer that has passed keeps its last metric. passed: (how many, of how many).
    """

    date: str
    command: str
    seeds: tuple[int, ...]
    bands: Mapping[str, Mapping[str, list[float | None]]]
    passed: Mapping[str, tuple[int, int]]
    steps: Mapping[str, tuple[int, int]]
    seconds: Mapping[str, tuple[float, float]]


def band(courses: Sequence[Result]) -> dict[str, list[float | None]]:
    """Returns the band of one racer's metric over seeds."""
    steps = np.unique(np.concatenate([course.checks for course in courses]))
    rows = np.array([_held(course, steps) for course in courses])
    columns = {"low": rows.min(0), "median": np.median(rows, 0), "high": rows.max(0)}
    shown = {name: [_short(v) for v in values] for name, values in columns.items()}
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
            return _read(name)
    return None


@cache
def _read(name: str) -> Shipped | None:
    path = SHIPPED / f"{name}.json"
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return Shipped(
        found["date"],
        found["command"],
        tuple(found["seeds"]),
        found["bands"],
        {racer: tuple(pair) for racer, pair in found["passed"].items()},
        {racer: tuple(pair) for racer, pair in found["steps"].items()},
        {racer: tuple(pair) for racer, pair in found["seconds"].items()},
    )
