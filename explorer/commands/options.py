"""Options of the command line, most of them read off the experiment's field table, and their checks."""

import argparse
import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explorer.experiment import TABLE, TYPES, Experiment
from explorer.i18n import LANGUAGES, t
from explorer.text import clean

MODEL_GROUPS = ("bar", "more")
GROUPS = (*MODEL_GROUPS, "change")
STAGE_ONLY = ("start",)  # where the stage's window begins; here the whole text runs
UNIT_FIELDS = ("clamp_unit", "zero")
STEP_FIELDS = ("clamp_from", "clamp_to", "zero_from", "zero_to", "swap")
PAGE = ".html"
ARRAYS = (".npz", ".json")
FORMATS = (*ARRAYS, PAGE)


class UsageError(Exception):
    """Something that was asked for and cannot be had, in one sentence."""


@dataclass(frozen=True)
class Option:
    """One option: its flag and what argparse is told about it."""

    flag: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Verb:
    """One verb: takes the parsed options and returns the exit status; its help, its options.

    passes_on: what it does not know it hands to somebody else, in `rest`.
    """

    run: Callable[[argparse.Namespace], int]
    help: str
    options: tuple[Option, ...]
    passes_on: bool = False


JSON = Option("--json", {"action": "store_true", "help": "print JSON for machines"})
OUT = Option(
    "--out",
    {
        "metavar": "FILE",
        "help": "write every array to FILE, .npz or .json; as .html, the stage in one file for a browser",
    },
)
OUT_ARRAYS = Option("--out", {"metavar": "FILE", "help": "write every array to FILE, .npz or .json"})
LANG = Option(
    "--lang",
    {
        "default": "en",
        "metavar": "NAME",
        "help": f"language, {' or '.join(LANGUAGES)}: of an .html file and of the meaning of z (default en)",
    },
)
SPOKEN = Option(
    "--lang",
    {
        "default": "en",
        "metavar": "NAME",
        "help": f"language of what is said of a file, {' or '.join(LANGUAGES)} (default en)",
    },
)
"""Of a verb that reads a file and writes no page: see `own.reading`."""


def experiment_options(groups: Collection[str] = GROUPS) -> tuple[Option, ...]:
    """Returns an option for every field that a run without a stage depends on, of some groups."""
    names = [n for n, e in TABLE.items() if (e.models or e.group in groups) and e.group != "own"]
    return tuple(field_option(name) for name in names if name not in STAGE_ONLY)


def field_option(name: str) -> Option:
    """Returns the option of one field of the experiment."""
    default = getattr(Experiment(), name)
    about = f"{_label(name)}: {_allowed(name)}" + (f" (default {default})" if default != "" else "")
    metavar = {int: "N", float: "X", str: "NAME" if TABLE[name].options else "TEXT"}[TYPES[name]]
    return Option(flag_of(name), {"dest": name, "metavar": metavar, "help": about.replace("%", "%%")})


def flag_of(name: str) -> str:
    """Returns how a field is asked for: `clamp_unit` as --clamp-unit."""
    return "--" + name.replace("_", "-")


def _label(name: str) -> str:
    try:
        found: Any = t(f"field.{name}", "en")
    except (KeyError, TypeError, FileNotFoundError, tomllib.TOMLDecodeError):
        found = None
    return found if isinstance(found, str) else name.replace("_", " ")


def _allowed(name: str) -> str:
    entry, kind = TABLE[name], TYPES[name]
    if entry.options is not None:
        return "one of " + ", ".join(option for option in entry.options if option)
    if kind is str:
        return f"text of up to {entry.high:.0f} characters"
    number = "whole number" if kind is int else "decimal number"
    return f"a {number} from {entry.low:g} to {entry.high:g}"


def experiment_from(chosen: argparse.Namespace) -> Experiment:
    """Returns the experiment that the options describe. Raises UsageError for the first bad value."""
    given = {name: raw for name in TABLE if (raw := getattr(chosen, name, None)) is not None}
    for name, raw in given.items():
        if TYPES[name] is str and TABLE[name].options is None:
            _check_text(name, raw)
    experiment = changed(Experiment(), given)
    check_units(experiment, experiment.hidden)
    if experiment.weights == "marked" and experiment.text:
        raise UsageError("--text has no place beside --weights marked: a marked sequence holds numbers.")
    if experiment.holds and not experiment.clamp:
        raise UsageError("--holds says what is held beside a first gate: name that with --clamp.")
    if bool(experiment.swap) != bool(experiment.swap_with):
        raise UsageError("--swap and --swap-with only work together: which step, and what stands there.")
    return experiment


def changed(experiment: Experiment, given: Mapping[str, str]) -> Experiment:
    """Returns an experiment with other choices. Raises UsageError for the first bad value."""
    asked, refused = experiment.with_changes(given)
    for refusal in refused:
        raise UsageError(f"{flag_of(refusal.name)} takes {_allowed(refusal.name)}, not {refusal.raw!r}.")
    return asked


def _check_text(name: str, raw: str) -> None:
    if len(raw) > TABLE[name].high:
        raise UsageError(f"{flag_of(name)} takes {_allowed(name)}, not {len(raw)}.")
    if not clean(raw):
        raise UsageError(f"{flag_of(name)} holds no text that can be read.")


def check_units(experiment: Experiment, units: int) -> None:
    """Raises UsageError for a change of a unit that the layer does not have."""
    for name in UNIT_FIELDS:
        if getattr(experiment, name) > units:
            raise UsageError(
                f"{flag_of(name)} {getattr(experiment, name)} is no unit: the layer has {units}."
            )


def check_steps(experiment: Experiment, steps: int) -> None:
    """Raises UsageError for a change at a step that the text does not have."""
    for name in STEP_FIELDS:
        if getattr(experiment, name) > steps:
            raise UsageError(f"{flag_of(name)} {getattr(experiment, name)} is no step: the text has {steps}.")


def checked_path(raw: str, formats: tuple[str, ...] = FORMATS) -> Path:
    """Returns the path of --out. Raises UsageError where it cannot be written, before any work is done."""
    path = Path(raw)
    if path.suffix.lower() not in formats:
        raise UsageError(
            f"--out takes a file that ends in {', '.join(formats[:-1])} or {formats[-1]}, not {raw!r}."
        )
    if not path.parent.is_dir():
        raise UsageError(f"--out {raw!r} cannot be written: there is no folder {str(path.parent)!r}.")
    return path


def language(raw: str) -> str:
    """Returns the language of --lang. Raises UsageError for one that there is not."""
    if raw not in LANGUAGES:
        raise UsageError(f"--lang takes one of {', '.join(LANGUAGES)}, not {raw!r}.")
    return raw


def whole_number(flag: str, raw: str, low: int, high: int) -> int:
    """Returns an option's value. Raises UsageError for anything but a whole number from low to high."""
    if not re.fullmatch(r"[0-9]{1,9}", raw, re.ASCII) or not low <= int(raw) <= high:
        raise UsageError(f"{flag} takes a whole number from {low} to {high}, not {raw!r}.")
    return int(raw)
