"""The clinic: six trainings with one fault each, and what mends it (assets/clinic.toml)."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from explorer.experiment import SPOKEN, Experiment, written
from explorer.i18n import ASSETS
from explorer.training.bands import SHIPPED
from explorer.training.race import Race, race_of, training_defaults

TREATED = ("rate", "max_norm", "truncate", "racers", "tested", "sentences")
"""The controls of Train live that mend a case; all others make it the case that it is."""

MENDED = " mended"


@dataclass(frozen=True)
class Case:
    """One patient: the fields it comes with, those that mend it, as `Experiment.with_changes` takes them."""

    key: str
    broken: Mapping[str, str]
    mended: Mapping[str, str]

    def own(self, mended: bool = False) -> dict[str, str]:
        """Returns the fields that make it the case that it is."""
        return dict(self.broken) | (dict(self.mended) if mended else {})

    def changes(self, mended: bool = False) -> dict[str, str]:
        """Returns all fields of training: the case's own, all others at their default."""
        return training_defaults() | self.own(mended)

    def is_of(self, experiment: Experiment) -> bool:
        """Returns whether an experiment's training is this case, however treated, in whichever language."""
        return all(
            written(getattr(experiment, name)) == raw
            for name, raw in self.changes().items()
            if name not in (*TREATED, "grammar")
        )

    @property
    def spoken(self) -> bool:
        """Whether its data is in a language."""
        return self.broken["data"] in SPOKEN


@cache
def cases() -> dict[str, Case]:
    """Returns the cases by key, in order."""
    table = tomllib.loads((ASSETS / "clinic.toml").read_text(encoding="utf-8"))
    return {key: Case(key, entry["broken"], entry["mended"]) for key, entry in table.items()}


def trials(lang: str = "en") -> dict[str, dict[str, str]]:
    """Returns what is run to hold the clinic to its word: fields by the name of a row of the stored result.

    Where a case passes its own test because it is of what was learned, it is also run with the test alone
    mended. Names end in the language where the data has one and it is not English.
    """
    found: dict[str, dict[str, str]] = {}
    for key, case in cases().items():
        if lang != "en" and not case.spoken:
            continue
        name = key if lang == "en" else f"{key} {lang}"
        found[name] = case.changes()
        if "tested" in case.mended:
            found[f"{name} apart"] = case.changes() | {"tested": case.mended["tested"]}
        found[name + MENDED] = case.changes(mended=True)
    return found


def trial(changes: Mapping[str, str], seed: int, lang: str = "en") -> Race:
    """Returns the race of a trial with a seed."""
    experiment, refused = Experiment().with_changes({**changes, "race_seed": str(seed)})
    assert not refused
    return race_of(experiment, lang)


def as_presets() -> dict[str, dict[str, str]]:
    """Returns every case as it comes and mended, by a name for the command line, as `race.presets` does."""
    return {
        f"{key}{'_mended' * mended}": case.own(mended)
        for key, case in cases().items()
        for mended in (False, True)
    }


@cache
def passed() -> dict[str, tuple[int, int]]:
    """Returns how many seeds of how many passed, by the names of `trials`."""
    found = json.loads((SHIPPED / "clinic.json").read_text(encoding="utf-8"))
    return {name: (own["passed"][0], own["passed"][1]) for name, own in found["racers"].items()}
