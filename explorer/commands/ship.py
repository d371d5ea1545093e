"""The verb `ship`: trains the networks that come with the app, and writes the card that says what they are.

What was measured of each network is in card.json; README.md is that as a page. For one more column, measure
it in `measured` and give it a line in COLUMNS.
"""

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import torch

from explorer.commands.options import JSON, Option, UsageError, Verb, whole_number
from explorer.data.grammar import END
from explorer.data.sources import source
from explorer.exact import bracketed
from explorer.experiment import TABLE, Experiment
from explorer.language.sampling import generate
from explorer.language.units import best_units
from explorer.nn.model import RecurrentModel
from explorer.text import join, tokenise
from explorer.training.learner import Learner, loss_of
from explorer.training.run import Run, train
from explorer.training.shipped import MODELS, Family, families
from explorer.training.store import save_model, write_bytes

CARD, PAGE = "card.json", "README.md"
SAID, TEMPERATURE, DRAW = 240, 0.8, 0
"""Tokens that each network says in the card, and how they are drawn."""

Record = dict[str, Any]
"""What is known of one network, as JSON holds it."""


def run_ship(chosen: argparse.Namespace) -> int:
    """Trains the networks of one family or all, and writes each to its file and the card beside them."""
    wanted = _wanted(chosen.only)
    budget = None if chosen.budget is None else _budget(chosen.budget)
    folder = MODELS if chosen.out is None else Path(chosen.out)
    with _written(folder):
        folder.mkdir(exist_ok=True)
        card = _card(folder)
    torch.set_num_threads(1)
    made = []
    for family in wanted:
        for cell, experiment in family.experiments.items():
            run, seconds = _trained(experiment if budget is None else replace(experiment, budget=budget))
            record = measured(family, run, seconds)
            made.append(record)
            card[f"{family.name}.{cell}"] = record
            with _written(folder):
                save_model(folder / family.path(cell).name, run.model, run.experiment, step=len(run.steps))
                _write(folder, card)
            print(_line(record), file=sys.stderr if chosen.json else sys.stdout, flush=True)
    if chosen.json:
        print(json.dumps(made, allow_nan=False, ensure_ascii=False))
    return 0


def _wanted(only: str | None) -> list[Family]:
    if only is None:
        return list(families().values())
    if only not in families():
        raise UsageError(f"--only takes one of {', '.join(families())}, not {only!r}.")
    return [families()[only]]


def _budget(raw: str) -> int:
    entry = TABLE["budget"]
    return whole_number("--budget", raw, int(entry.low), int(entry.high))


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"--out {str(folder)!r} cannot be written: {error.strerror}.") from error


def _trained(experiment: Experiment) -> tuple[Run, float]:
    """Returns a training and the CPU seconds of its steps."""
    seconds = 0.0

    def watch(event: Mapping[str, Any]) -> None:
        nonlocal seconds
        seconds = event.get("seconds", seconds)

    return train(experiment, watch), seconds


# What is measured


def measured(family: Family, run: Run, seconds: float) -> Record:
    """Returns what the card says of a network.

    nats: mean cross-entropy of the next token over the held-out text of its training, as it is read there.
    accuracy: the share of its tokens that are foreseen; of brackets, of those that memory decides. trials:
    how many these are.
    """
    experiment, model = run.experiment, run.model
    nats, accuracy = on_held_out(model, experiment)
    trials = source(experiment, experiment.grammar).trials
    return {
        "family": family.name,
        "cell": experiment.cell,
        "experiment": urlencode(experiment.to_query()),
        "seed": experiment.seed,
        "steps": len(run.steps),
        "weights": sum(parameter.numel() for parameter in model.parameters()),
        "nats": nats,
        "perplexity": math.exp(nats),
        "accuracy": accuracy,
        "trials": trials,
        "seconds": seconds,
        "units": [asdict(unit) for unit in best_units(model, experiment)],
        "sample": _said(family, model),
        "torch": torch.__version__,
    }


@torch.no_grad()
def on_held_out(model: RecurrentModel, experiment: Experiment) -> tuple[float, float]:
    """Returns the mean cross-entropy in nats and the accuracy on the held-out text of an experiment."""
    learner = Learner(experiment, source(experiment, experiment.grammar))
    learner.model.load_state_dict(model.state_dict())
    batch = learner.source.held_out()
    return loss_of(learner.outputs(batch), batch).item(), learner.check()


def _said(family: Family, model: RecurrentModel) -> str:
    """Returns what a network says after the first word of its family's text, up to an end."""
    prompt = tokenise(family.text.split()[0], family.token_level)
    stop = END if END in model.ids else None
    said = generate(model, prompt, SAID, temperature=TEMPERATURE, seed=DRAW, stop=stop)
    return join(prompt + said.tokens, family.token_level)


# The card


def _card(folder: Path) -> dict[str, Record]:
    """Returns the records of a folder by family and cell; none where there is no card yet."""
    path = folder / CARD
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _write(folder: Path, card: Mapping[str, Record]) -> None:
    names = [f"{family.name}.{cell}" for family in families().values() for cell in family.cells]
    kept = {name: card[name] for name in names if name in card}
    data = json.dumps(kept, allow_nan=False, ensure_ascii=False, indent=1) + "\n"
    write_bytes(folder / CARD, data.encode())
    write_bytes(folder / PAGE, page(list(kept.values())).encode())


def _line(record: Record) -> str:
    shown = ", ".join(f"{write(record)} {head}" for head, _, write in COLUMNS if head in _SAID_AT_ONCE)
    return f"{record['family']} {record['cell']}: {shown}"


_SAID_AT_ONCE = ("steps", "nats", "accuracy", "seconds")

Column = tuple[str, str, Callable[[Record], str]]
"""A head, how it stands in Markdown (--- to the left, ---: to the right), and what a network's row says."""

COLUMNS: tuple[Column, ...] = (
    ("family", "---", lambda one: one["family"]),
    ("cell", "---", lambda one: one["cell"]),
    ("seed", "---:", lambda one: str(one["seed"])),
    ("steps", "---:", lambda one: f"{one['steps']:,}"),
    ("weights", "---:", lambda one: f"{one['weights']:,}"),
    ("nats", "---:", lambda one: f"{one['nats']:.4f}"),
    ("perplexity", "---:", lambda one: f"{one['perplexity']:.3f}"),
    ("accuracy", "---:", lambda one: _share(one["accuracy"], one["trials"])),
    ("seconds", "---:", lambda one: f"{one['seconds']:.0f}"),
    ("experiment", "---", lambda one: f"`{one['experiment']}`"),
)


def _share(accuracy: float, trials: int) -> str:
    return f"{100 * accuracy:.1f} % {bracketed(round(accuracy * trials), trials)}"


UNIT_COLUMNS: tuple[Column, ...] = (
    ("feature", "---", lambda one: one["feature"]),
    ("unit", "---:", lambda one: str(one["unit"])),
    ("state", "---", lambda one: one["state"]),
    ("r", "---:", lambda one: f"{one['r']:.3f}"),
    ("by chance", "---:", lambda one: f"{one['chance']:.3f}"),
    ("perplexity", "---:", lambda one: f"{one['perplexity']:.3f}"),
    ("without it", "---:", lambda one: f"{one['without']:.3f}"),
)


def page(records: Sequence[Record]) -> str:
    """Returns the card in Markdown."""
    of_units = [
        {"family": one["family"], "cell": one["cell"], **unit} for one in records for unit in one["units"]
    ]
    samples = [f"{one['family']}, {one['cell']}:\n\n```text\n{one['sample']}\n```\n" for one in records]
    versions = ", ".join(sorted({one["torch"] for one in records}))
    return "\n".join(
        [
            _HEAD.format(versions=versions),
            *_table(COLUMNS, records),
            _UNITS,
            *_table((*COLUMNS[:2], *UNIT_COLUMNS), of_units),
            _SAMPLES.format(temperature=TEMPERATURE, draw=DRAW),
            *samples,
        ]
    )


def _table(columns: Sequence[Column], records: Sequence[Record]) -> Iterator[str]:
    yield _row([head for head, _, _ in columns])
    yield _row([side for _, side, _ in columns])
    yield from (_row([write(one) for _, _, write in columns]) for one in records)
    yield ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


_HEAD = """# The networks that come with the app

Small recurrent language models, one in each `.safetensors` file, with the experiment that made it in its
header. They are there to be looked into: so small that every unit can be drawn, and they know only the few
words that they were trained on.

`tales_en` and `tales_ko` read very short tales, in characters and in Hangul jamo. The tales are made by a
grammar written for this project (`explorer/data/tales.py`, `assets/corpora/tales_*.toml`). `brackets` reads
nested brackets and quotation marks (`explorer/data/grammar.py`). No other text was used.

All of it can be made again:

    python -m explorer ship
    python -m explorer ship --only tales_en --out folder

The same command gives the same bytes on the same machine; on another the last digits of a sum may differ,
and training makes them grow. These were made by PyTorch {versions} on a CPU, one thread.

Seconds are CPU time of the training steps. Nats (mean cross-entropy), perplexity and accuracy are of the
next token, over a held-out text that holds no tale or sentence that was trained on, read in stretches of
`length` tokens (of brackets: in sentences), each from the zero state. Accuracy of brackets counts only what
memory decides: which of three brackets closes, where a guess is right once in three. Beside it the exact
interval of 95 % of so many tokens, as if none hung on another; those of one text do, so it is rather too
narrow. The experiment is what `models.toml` says, written as in a link: all that differs from the defaults.
"""

_UNITS = """## The unit that tells most

Of all units and their states, the one most correlated with a feature of held-out text (Pearson's r); by
chance: what the best unit reaches where the text is shifted against the states. Then the perplexity of the
network, and with that unit held at 0. All of it over 4,000 tokens at most, of tales read without a break.
"""

_SAMPLES = """## What they say

After the first word, drawn at temperature {temperature} with seed {draw}.
"""


def ship_options() -> tuple[Option, ...]:
    """Returns the options of `ship`."""
    return (
        Option(
            "--only", {"metavar": "NAME", "help": f"one family of {', '.join(families())} (default: all)"}
        ),
        Option("--out", {"metavar": "DIR", "help": "where to write (default: the app's own folder)"}),
        Option("--budget", {"metavar": "N", "help": "training steps of each network, in place of its own"}),
    )


VERB = Verb(run_ship, "train the networks that come with the app", (*ship_options(), JSON))
