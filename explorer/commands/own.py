"""`--model`: a network that comes with the app, one that it kept, or one out of anybody's file."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from explorer.cells import CELLS
from explorer.commands.options import Option, UsageError, experiment_from, field_option
from explorer.experiment import Experiment
from explorer.i18n import Refused
from explorer.lab.files import Given, given
from explorer.lab.learned import Learned, from_bundle, learn
from explorer.lab.own import fitting_text
from explorer.training.shipped import families, load
from explorer.training.store import load_bundle

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
OWN = (FILE, PREFIX, VOCABULARY, SEQUENCE)
LAYER = (field_option("level"), field_option("way"))

_OF_NETWORK = ("weights", "units", "unknown", "hidden", "seed", "init", "gain", "bias", "keep_bias", "begin")
"""Fields of a network that learns here, and of its start."""

Read = TypeVar("Read")


def learned_of(chosen: argparse.Namespace) -> tuple[Experiment, Learned]:
    """Returns the experiment and its network: learned now, or what --model names. Raises UsageError."""
    along = [name for name in ("prefix", "vocabulary", "sequence") if getattr(chosen, name, None) is not None]
    if chosen.file is None:
        if along:
            raise UsageError(f"--{along[0]} has no place without --model.")
        experiment = experiment_from(chosen)
        return experiment, learn(experiment)
    shipped = chosen.file in families()
    for name in (*_OF_NETWORK, *(() if shipped else ("cell",))):
        if getattr(chosen, name, None) is not None:
            raise UsageError(f"--{name.replace('_', '-')} has no place beside --model: the network says it.")
    if along and (shipped or is_ours(chosen.file)):
        raise UsageError(f"--{along[0]} has no place beside a network of this app: it has its own.")
    if shipped or is_ours(chosen.file):
        return _of_app(chosen)
    found = opened(chosen)
    if found.network.layers.cell not in CELLS:
        raise UsageError(str(Refused("functions_unshown", names=found.network.layers.name or "top")))
    if chosen.text is not None and not found.network.vocabulary_size:
        raise UsageError("--text has no place here: this network reads numbers. Give --sequence.")
    learned = found.learned()
    if found.numbers is None and not found.network.vocabulary_size:
        note("no --sequence was given: the network reads noise.")
    return _units_there(_asked(chosen, found), learned), learned


def _asked(chosen: argparse.Namespace, found: Given) -> Experiment:
    """The experiment of the options; units of a layer are checked once the layer is known."""
    own = argparse.Namespace(**{k: v for k, v in vars(chosen).items() if k not in ("clamp_unit", "zero")})
    experiment = experiment_from(own)
    units = {k: v for k in ("clamp_unit", "zero") if (v := getattr(chosen, k, None)) is not None}
    asked, refused = experiment.with_changes(units | found.experiment(experiment))
    for refusal in refused:
        raise UsageError(f"--{refusal.name.replace('_', '-')} does not take {refusal.raw!r}.")
    return replace(asked, stack=found.network.layers.name[:80])


def _units_there(experiment: Experiment, learned: Learned) -> Experiment:
    levels = learned.model.layer_weights()
    if experiment.level > len(levels):
        raise UsageError(f"--level {experiment.level} is no layer: the network has {len(levels)}.")
    if experiment.way == "backward" and len(levels[0]) == 1:
        raise UsageError("--way backward is no direction of this network: it reads forward alone.")
    units = levels[experiment.level - 1][0].hidden_size
    for name in ("clamp_unit", "zero"):
        if getattr(experiment, name) > units:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"{flag} {getattr(experiment, name)} is no unit: the layer has {units}.")
    return experiment


def opened(chosen: argparse.Namespace) -> Given:
    """Returns the network of --model FILE with what comes along. Raises UsageError."""
    ask = (chosen.prefix, chosen.vocabulary, chosen.sequence)
    return reading(chosen.file, lambda: given(chosen.file, *ask))


def reading(file: str, read: Callable[[], Read]) -> Read:
    """Returns what reading a file gives. Raises UsageError with the reason where it cannot be read."""
    try:
        return read()
    except Refused as error:
        raise UsageError(f"--model {file!r} cannot be used. {error}") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        reason = getattr(error, "strerror", None) or "it is no path"
        named = getattr(error, "filename", None) or file
        raise UsageError(f"{str(named)!r} cannot be read: {reason}.") from error


def is_ours(file: str) -> bool:
    """Returns whether this app kept a file. Raises UsageError where it cannot be read."""

    def start() -> bytes:
        with open(file, "rb") as opened_file:
            return opened_file.read(2**17)

    head = reading(file, start)
    length = int.from_bytes(head[:8], "little")
    return b'"format":"rnn-explorer' in head[8 : 8 + length]


def _of_app(chosen: argparse.Namespace) -> tuple[Experiment, Learned]:
    """A network that comes with the app, of a cell, or one that it kept."""
    if chosen.file in families():
        cells = families()[chosen.file].cells
        cell = chosen.cell or Experiment().cell
        if cell not in cells:
            raise UsageError(
                f"--cell takes one of {', '.join(cells)} beside --model {chosen.file}, not {cell!r}."
            )
        bundle = load(chosen.file, cell)
    else:
        bundle = reading(chosen.file, lambda: load_bundle(chosen.file, uploaded=False))
    learned = from_bundle(bundle)
    own = argparse.Namespace(
        **{k: v for k, v in vars(chosen).items() if k not in ("clamp_unit", "zero", "cell")}
    )
    experiment = experiment_from(own)
    run = bundle.experiment
    names = learned.model.vocabulary
    offered = families()[chosen.file].text if chosen.file in families() else run.text
    offered = offered or (fitting_text(names, run.token_level) if names else "")
    text = experiment.text or offered
    fields = {"weights": "model", "cell": run.cell, "units": run.token_level, "text": text}
    fields |= {k: v for k in ("clamp_unit", "zero") if (v := getattr(chosen, k, None)) is not None}
    asked, _ = experiment.with_changes(fields)
    return _units_there(asked, learned), learned


def note(text: str) -> None:
    """Says something beside what is printed."""
    print(f"explorer: {text}", file=sys.stderr)
