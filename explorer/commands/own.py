"""`--model`: a network that comes with the app, one that it kept, or one out of anybody's file."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, TypeVar

from explorer.commands.options import (
    UNIT_FIELDS,
    Option,
    UsageError,
    changed,
    check_units,
    experiment_from,
    field_option,
    flag_of,
    language,
)
from explorer.experiment import Experiment
from explorer.formats.source import Unreadable
from explorer.i18n import Refused
from explorer.lab.files import Given, given, kept_fields
from explorer.lab.learned import Learned, from_bundle, learn
from explorer.training.shipped import families, load
from explorer.training.store import Bundle, is_kept, load_bundle

FILE = Option(
    "--model",
    {
        "dest": "file",
        "metavar": "NAME|FILE",
        "help": "a network instead of one that learns first: one of "
        + ", ".join(families())
        + ", or a FILE: PyTorch, safetensors, Keras, ONNX, NumPy, or kept by this app",
    },
)
PREFIX = Option("--prefix", {"metavar": "NAME", "help": "which network of FILE, where there are several"})
VOCABULARY = Option(
    "--vocabulary",
    {"metavar": "FILE", "help": "its vocabulary or tokenizer, .json or .txt; else tokens are ids"},
)
SEQUENCE = Option(
    "--sequence", {"metavar": "FILE", "help": "numbers for it to read, .csv or .npy (T, D); else noise"}
)
ALONG = ("prefix", "vocabulary", "sequence")
OWN = (FILE, PREFIX, VOCABULARY, SEQUENCE)
LAYER = (field_option("level"), field_option("way"))

_OF_NETWORK = (
    "weights",
    "units",
    "unknown",
    "hidden",
    "seed",
    "init",
    "gain",
    "bias",
    "keep_bias",
    "cell",
)
"""Fields of a network that learns here."""

Read = TypeVar("Read")


def learned_of(chosen: argparse.Namespace) -> tuple[Experiment, Learned]:
    """Returns the experiment and its network: learned now, or what --model names. Raises UsageError."""
    origin = origin_of(chosen, _OF_NETWORK)
    if origin == "here":
        experiment = experiment_from(chosen)
        return experiment, learn(experiment)
    later = ("cell", *UNIT_FIELDS)  # checked once the network is there
    experiment = experiment_from(
        argparse.Namespace(**{name: raw for name, raw in vars(chosen).items() if name not in later})
    )
    experiment, learned = (_of_app if origin == "app" else _of_file)(chosen, experiment)
    units = {name: raw for name in UNIT_FIELDS if (raw := getattr(chosen, name, None)) is not None}
    return _units_there(changed(experiment, units), learned), learned


def origin_of(chosen: argparse.Namespace, fields: Sequence[str]) -> Literal["here", "app", "file"]:
    """Returns where a network comes from: it learns here, the app has or kept it, or it is somebody's file.

    fields: choices of a network that learns here. Raises UsageError for an option that has no place there.
    """
    along = [name for name in ALONG if getattr(chosen, name, None) is not None]
    if chosen.file is None:
        if along:
            raise UsageError(f"--{along[0]} has no place without --model.")
        return "here"
    shipped = chosen.file in families()
    for name in fields:
        if getattr(chosen, name, None) is not None and not (shipped and name == "cell"):
            raise UsageError(f"{flag_of(name)} has no place beside --model: the network says it.")
    if not shipped and not reading(chosen, lambda: is_kept(chosen.file)):
        return "file"
    if along:
        raise UsageError(f"--{along[0]} has no place beside a network of this app: it has its own.")
    return "app"


def _of_file(chosen: argparse.Namespace, experiment: Experiment) -> tuple[Experiment, Learned]:
    """The experiment and the network of anybody's file."""
    found = opened(chosen)
    network = found.network
    if chosen.text is not None and not network.vocabulary_size:
        raise UsageError("--text has no place here: this network reads numbers. Give --sequence.")
    if found.numbers is None and not network.vocabulary_size:
        note("no --sequence was given: the network reads noise.")
    return changed(experiment, found.experiment(experiment)), found.learned()


def _of_app(chosen: argparse.Namespace, experiment: Experiment) -> tuple[Experiment, Learned]:
    """The experiment and the network of the app."""
    bundle = bundle_of(chosen)
    if not experiment.text and (family := families().get(chosen.file)):
        experiment = replace(experiment, text=family.text)
    return changed(experiment, kept_fields(bundle, experiment)), from_bundle(bundle)


def _units_there(experiment: Experiment, learned: Learned) -> Experiment:
    levels = learned.model.layer_weights()
    if experiment.level > len(levels):
        raise UsageError(f"--level {experiment.level} is no layer: the network has {len(levels)}.")
    if experiment.way == "backward" and len(levels[0]) == 1:
        raise UsageError("--way backward is no direction of this network: it reads forward alone.")
    check_units(experiment, levels[experiment.level - 1][0].hidden_size)
    return experiment


def opened(chosen: argparse.Namespace) -> Given:
    """Returns the network of --model FILE with what comes along. Raises UsageError."""
    along = (getattr(chosen, name, None) for name in ALONG)
    return reading(chosen, lambda: given(chosen.file, *along))


def reading(chosen: argparse.Namespace, read: Callable[[], Read], given: str | None = None) -> Read:
    """Returns what reading a file gives. Raises UsageError with the reason, in the verb's --lang.

    given: how the file was asked for, --model by default.
    """
    lang = language(chosen.lang)
    try:
        return read()
    except Refused as error:
        named = given or f"--model {chosen.file!r}"
        beside = isinstance(error, Unreadable) or lang != "en"
        raise UsageError(("" if beside else f"{named} cannot be used. ") + error.said(lang)) from error


def bundle_of(chosen: argparse.Namespace) -> Bundle:
    """Returns the network of the app that --model names: shipped, of a cell, or kept. Raises UsageError."""
    if chosen.file not in families():
        return reading(chosen, lambda: load_bundle(chosen.file, uploaded=False))
    cells = families()[chosen.file].cells
    cell = Experiment().cell if chosen.cell is None else chosen.cell
    if cell not in cells:
        raise UsageError(
            f"--cell takes one of {', '.join(cells)} beside --model {chosen.file}, not {cell!r}."
        )
    return load(chosen.file, cell)


def note(text: str) -> None:
    """Says something beside what is printed."""
    print(f"explorer: {text}", file=sys.stderr)
