"""A race: several networks on the same data in the same order, each described by an experiment.

Racers are written as `rnn;lstm bias=fixed keep_bias=1;gru`: a cell, and what differs from the race's
own choices. Biases are meant in PyTorch's sense: a high keep_bias keeps.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from typing import Any

from explorer.cells import CELLS
from explorer.data.sources import source
from explorer.experiment import SPOKEN, TABLE, TYPES, Experiment, choice, parse, written
from explorer.i18n import ASSETS
from explorer.limits import EMBEDDING, MAX_HIDDEN, MAX_RACERS

RACER_FIELDS = (
    "hidden",
    "init",
    "gain",
    "bias",
    "keep_bias",
    "rate",
    "max_norm",
    "optimiser",
    "layers",
    "sentences",
)
"""Fields in which racers may differ."""


WRITTEN = (*SPOKEN, "yours", "lecture")
"""Data that is text, whose tokens are a choice."""


class RacerError(ValueError):
    """A racer that cannot be read: its text."""


@dataclass(frozen=True)
class Race:
    """The networks of a race, in order, each with its short name, unique within the race."""

    names: tuple[str, ...]
    runs: tuple[Experiment, ...]

    @property
    def key(self) -> str:
        """A name for what is computed: equal races have equal keys, on every machine."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    def to_json(self) -> str:
        """Returns the race as text that `race_from_json` reads."""
        records = [record(run) for run in self.runs]
        return json.dumps({"names": self.names, "runs": records}, ensure_ascii=False, sort_keys=True)


def record(run: Experiment) -> dict[str, Any]:
    """Returns what differs from the default as plain values."""
    default = asdict(Experiment())
    return {name: value for name, value in asdict(run).items() if value != default[name]}


def from_record(values: Mapping[str, Any]) -> Experiment:
    """Returns the experiment of a record. Raises ValueError or KeyError for what no field takes."""
    return Experiment(**{name: parse(name, written(TYPES[name](value))) for name, value in values.items()})


def race_from_json(text: str) -> Race:
    """Returns the race that `Race.to_json` wrote."""
    loaded = json.loads(text)
    return Race(tuple(loaded["names"]), tuple(from_record(values) for values in loaded["runs"]))


def spoken_in(experiment: Experiment, lang: str) -> str:
    """Returns the language of the data that is trained on; `auto` where it has none."""
    if experiment.data not in SPOKEN:
        return "auto"
    return experiment.spoken(lang)


def race_of(experiment: Experiment, lang: str = "en") -> Race:
    """Returns the race that an experiment describes. Raises RacerError, unusable.Unusable.

    Only the experiment's choices of training count, and its text where it is trained on; a reader's
    language decides the grammar's unless one is chosen.
    """
    base = Experiment(
        **{f.name: getattr(experiment, f.name) for f in fields(Experiment) if choice(f.name).group == "train"}
        | {"grammar": spoken_in(experiment, lang), "hidden": experiment.size, "seed": experiment.race_seed},
    )
    if experiment.data in WRITTEN:
        base = replace(base, units=experiment.token_level)
    if experiment.data == "yours":
        base = replace(base, text=experiment.text)
    if experiment.data == "series":
        values = experiment.values if experiment.series == "yours" else ""
        base = replace(base, series=experiment.series, values=values)
    names = split(experiment.racers)
    runs = [racer(name, base) for name in names]
    if experiment.match == "parameters":
        runs = [_matched(run, base) for run in runs]
    return Race(tuple(names), tuple(runs))


def split(racers: str) -> list[str]:
    """Returns the racers of a field's text, each once, tidied."""
    tidy = (" ".join(part.split()) for part in racers.split(";"))
    return list(dict.fromkeys(part for part in tidy if part))[:MAX_RACERS]


def racer(text: str, base: Experiment) -> Experiment:
    """Returns one racer's experiment. Raises RacerError for a cell or a choice that there is not."""
    cell, *changes = text.split()
    if cell not in CELLS:
        raise RacerError(text)
    own: dict[str, Any] = {"cell": cell}
    for change in changes:
        name, _, raw = change.partition("=")
        if name not in RACER_FIELDS:
            raise RacerError(text)
        try:
            own[name] = parse(name, raw)
        except ValueError:
            raise RacerError(text) from None
    return replace(base, **own)


def _matched(run: Experiment, base: Experiment) -> Experiment:
    """The size at which a cell has about as many weights as an LSTM of the race's size.

    Or as a plain RNN of the largest size, where that is less.
    """
    D = source(base, base.grammar).inputs or EMBEDDING
    wanted = min(CELLS["lstm"].parameters(D, base.hidden), CELLS["rnn"].parameters(D, MAX_HIDDEN))
    spec = CELLS[run.cell]
    return replace(
        run, hidden=min(range(1, MAX_HIDDEN + 1), key=lambda H: abs(spec.parameters(D, H) - wanted))
    )


@cache
def presets() -> dict[str, dict[str, str]]:
    """Returns the races to start with: by name, what each sets, as `Experiment.with_changes` takes it."""
    return tomllib.loads((ASSETS / "presets.toml").read_text(encoding="utf-8"))


def preset_changes(name: str) -> dict[str, str]:
    """Returns all that a preset sets: its own fields, and every other field of training to its default."""
    return training_defaults() | presets()[name]


def training_defaults() -> dict[str, str]:
    """Returns every field of training at its default, as `Experiment.with_changes` takes it."""
    default = Experiment()
    names = [n for n, entry in TABLE.items() if entry.group in ("train", "race") and n != "model"]
    return {n: written(getattr(default, n)) for n in names}


def preset_of(experiment: Experiment) -> str | None:
    """Returns the preset that an experiment's race is, or None."""
    for name in presets():
        changed, _ = experiment.with_changes(preset_changes(name) | {"card": experiment.card})
        if changed == experiment:
            return name
    return None
