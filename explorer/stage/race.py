"""What the live view of a race needs once: racers, figures without numbers, words and colours.

The numbers follow as events over /train/<key>/events; js/train/race.js draws them. What is taken away of a
race holds them.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from explorer.cells import CELLS
from explorer.data.sources import Source
from explorer.exact import coverage
from explorer.figures.palette import EMPTY, GRID, GROUND, HUES, THEMES, magnitude_scale
from explorer.figures.race import (
    HIGH,
    LOW,
    MEAN,
    Band,
    RacerLook,
    gates_figure,
    looks,
    loss_figure,
    metric_figure,
    norm_figure,
    power_figure,
)
from explorer.i18n import section, t
from explorer.stage.payload import Numbers, header_for, pack
from explorer.training.bands import shipped_of
from explorer.training.events import OVER, Event
from explorer.training.race import Race
from explorer.training.results import Result, left_at, results, table


@dataclass(frozen=True)
class Facts:
    """What is known of a race's data before it starts.

    title names the data. metric is `error` or `accuracy`; goal is NaN where there is none. baseline is
    the loss of the best guess without memory, NaN where it is unknown; chance its metric. labels, marked:
    the steps of the sequence that is looked into, and whether they matter to its answer. seen: whether the
    metric is of sequences that are learned. trials: how many answers an accuracy is estimated from, 0 where
    there is no estimate; alone: whether each is of a sequence of its own.
    """

    title: str
    metric: str
    goal: float
    baseline: float
    chance: float
    labels: tuple[str, ...]
    marked: tuple[bool, ...] = ()
    seen: bool = False
    trials: int = 0
    alone: bool = True

    @property
    def steps(self) -> int:
        """T of the sequence that is looked into."""
        return len(self.labels)


def facts_of(source: Source, title: str) -> Facts:
    """Returns what a source says of itself."""
    return Facts(
        title,
        source.metric,
        source.goal,
        source.baseline,
        source.chance,
        source.labels,
        source.marked,
        source.held_out_is_training,
        source.trials,
        source.alone,
    )


def build_race(
    race: Race,
    facts: Facts,
    key: str,
    lang: str,
    bands: Mapping[str, Band] | None = None,
    *,
    seeds: int = 0,
    notation: str = "pytorch",
    attempt: int = 0,
) -> dict[str, Any]:
    """Returns the data of the component, plain JSON. bands: what so many seeds did, by a racer's name.

    key is empty until the race is started. attempt counts the starts from this page: where it grows,
    the view follows the race anew. id names all but these two: where it is the same, the charts stay.
    """
    racers = looks(race, lang)
    data = {
        "lang": lang,
        "strings": section("race", lang) | _bands_said(seeds, lang) | _of_tables(lang),
        "facts": _known(facts),
        "racers": [
            asdict(look) | {"budget": run.budget} for look, run in zip(racers, race.runs, strict=True)
        ],
        "figures": _figures(race, racers, facts, lang, bands or {}, notation),
        "scale": {"low": LOW, "high": HIGH},
        "mean": MEAN,
        "themes": {theme: _theme(theme, racers) for theme in THEMES},
    }
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, allow_nan=False)
    digest = hashlib.sha1(text.encode()).hexdigest()
    return json.loads(text) | {"id": digest, "key": key, "attempt": attempt}


def race_data(race: Race, facts: Facts, notation: str, lang: str) -> dict[str, Any]:
    """Returns the data of a race that nobody follows yet, with the bands of its stored result, if any."""
    known = shipped_of(race)
    bands, seeds = (known.bands, len(known.seeds)) if known else (None, 0)
    return build_race(race, facts, "", lang, bands, seeds=seeds, notation=notation)


def build_raced(
    race: Race, source: Source, events: Sequence[Event], title: str, notation: str, lang: str
) -> bytes:
    """Returns the payload of a race as far as its events tell of it, as the view draws it."""
    numbers = Numbers()
    courses = results(events)
    runs = [
        _course(name, courses[k] if k < len(courses) else None, source, numbers)
        for k, name in enumerate(race.names)
    ]
    told = [event for event in events if event["kind"] in (*_TOLD, *OVER)]
    data = race_data(race, facts_of(source, title), notation, lang)
    return pack(header_for("race", lang, runs, race=data, events=told), numbers.parts)


_TOLD = ("racer", "steps", "look", "kept", "end")


def _course(name: str, course: Result | None, source: Source, numbers: Numbers) -> dict[str, Any]:
    """A racer's course by name and number: by step, and by check the CPU seconds until then."""
    columns = {} if course is None else table(course, source) | _checked(course)
    arrays = {name: numbers.add(np.array(column)) for name, column in columns.items() if name != "step"}
    steps = 0 if course is None else len(course.loss)
    return {"racer": name, "tokens": [], "steps": steps, "units": 0, "arrays": arrays, "lines": []}


def _checked(course: Result) -> dict[str, Any]:
    return {"check": course.checks, "seconds": course.seconds}


def _of_tables(lang: str) -> dict[str, str]:
    return {name: t(f"stage.{name}", lang) for name in ("as_table", "close")}


def _bands_said(seeds: int, lang: str) -> dict[str, str]:
    values = {"seeds": seeds, "covered": f"{100 * coverage(seeds):.0f}"}
    return {name: t(f"race.{name}", lang, **values) for name in ("bands", "bands_so_far")}


def _known(facts: Facts) -> dict[str, Any]:
    """The facts as JSON, which knows no NaN; `left` says from which metric on a guess is left behind."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in (asdict(facts) | {"left": left_at(facts.chance, facts.metric)}).items()
    }


def _figures(
    race: Race,
    racers: Sequence[RacerLook],
    facts: Facts,
    lang: str,
    bands: Mapping[str, Band],
    notation: str,
) -> dict[str, Any]:
    known = _known(facts)
    by_index = {racer.index: bands[racer.name] for racer in racers if racer.name in bands}
    thresholds = [run.max_norm for run in race.runs]
    T, marked = facts.steps, [k for k, mark in enumerate(facts.marked, 1) if mark]
    return {
        "loss": _plain(loss_figure(racers, known["baseline"], lang)),
        "metric": _plain(
            metric_figure(racers, facts.metric, known["goal"], facts.chance, lang, by_index, seen=facts.seen)
        ),
        "norm": _plain(norm_figure(racers, thresholds, lang)),
        "power": [_plain(power_figure(racer, T, marked)) for racer in racers],
        "gates": [
            _plain(gates_figure(racer, CELLS[racer.cell].gates, T, _flips(racer, notation), marked))
            for racer in racers
        ],
    }


def _flips(racer: RacerLook, notation: str) -> tuple[str, ...]:
    return CELLS[racer.cell].flips if notation == "lecture" else ()


def _plain(figure: Any) -> dict[str, Any]:
    """A figure as plain JSON: its arrays are lists, never packed bytes."""
    return json.loads(json.dumps(figure.to_dict(), default=lambda value: value.tolist()))


def _theme(theme: str, racers: Sequence[RacerLook]) -> dict[str, Any]:
    return {
        "racers": [racer.colour(theme) for racer in racers],
        "hues": HUES[theme],
        "ground": GROUND[theme],
        "empty": EMPTY[theme],
        "grid": GRID[theme],
        "magnitude": magnitude_scale(theme),
    }
