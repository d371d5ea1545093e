"""What visitors brought, each by the hash of its file: networks, vocabularies, sequences of numbers.

Kept is what was read of a file, never the file itself: weights, tokens, numbers; and its name, for whoever
brought it alone. Experiments refer to it by the hash, so that a link shows the same to everybody on this
server, for as long as it is there.
"""

import argparse
import atexit
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import IO

import numpy as np
import torch

from explorer.experiment import OWN, Experiment
from explorer.extras import Missing
from explorer.formats.networks import Network, networks_in
from explorer.formats.opening import inspect_file
from explorer.formats.packing import pack, unpack
from explorer.formats.vocabulary import level_of, names_of, read_vocabulary
from explorer.i18n import Refused
from explorer.lab.files import given
from explorer.lab.own import Facts, digest, facts_of, numbered
from explorer.limits import MAX_OWN_BYTES, MAX_OWN_BYTES_EACH, MAX_TITLE, MAX_UNITS
from explorer.training.ground import ground
from explorer.training.shares import giving_way
from explorer.training.store import read_tensors, state_bytes, write_bytes


@dataclass(frozen=True)
class File:
    """A network's file: its format, its networks, names of what else is in it, and of those too wide."""

    kind: str
    networks: tuple[Facts, ...]
    rest: tuple[str, ...]
    wide: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Kept:
    path: Path
    size: int
    owner: str
    facts: File | None = None


_CALLED = 64
"""Visitors whose names for one file are kept."""


class Store:
    """A folder of what visitors brought. Whoever holds most gives way; nobody's, of the start, stays."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.kept = folder, dict[str, _Kept]()
        self.names: dict[str, dict[str, str]] = {}
        self.lock = Lock()
        self.alive: IO[bytes] | None = None  # what shows other servers that this one is there

    def take_network(self, raw: bytes, packed: bytes, owner: str) -> str:
        """Keeps the networks of a file, returns their key. Raises Refused where all are too wide to show."""
        kind, rest, networks = unpack(packed)
        facts = [facts_of(one) for one in networks]
        shown = tuple(one for one in facts if one.widest <= MAX_UNITS)
        if not shown:
            raise Refused("units_large", units=min(one.widest for one in facts), limit=MAX_UNITS)
        wide = tuple(one.name for one in facts if one.widest > MAX_UNITS)
        return self._keep(OWN + digest(raw), packed, owner, File(kind, shown, rest, wide))

    def take_words(self, raw: bytes, tokens: Mapping[int, str], owner: str) -> str:
        """Keeps a vocabulary, tokens by their ids, and returns its key."""
        text = json.dumps(sorted(tokens.items())).encode()
        return self._keep(digest(raw), text, owner)

    def take_numbers(self, raw: bytes, numbers: np.ndarray, owner: str) -> str:
        """Keeps a sequence (T, D) and returns its key."""
        return self._keep(digest(raw), state_bytes({"x": torch.tensor(numbers)}), owner)

    def _keep(self, key: str, data: bytes, owner: str, facts: File | None = None) -> str:
        with self.lock:
            if key in self.kept:
                self.kept[key] = self.kept.pop(key)  # the latest goes last
                return key
            try:
                self.folder.mkdir(parents=True, exist_ok=True)  # it may have vanished
                write_bytes(self.folder / key, data)
            except OSError as error:
                raise Refused("disk") from error
            self.kept[key] = _Kept(self.folder / key, len(data), owner, facts)
            self._tidy()
        return key

    def _tidy(self) -> None:
        held: dict[str, list[str]] = {}
        for key, kept in self.kept.items():
            if kept.owner:
                held.setdefault(kept.owner, []).append(key)
        for key in giving_way(held, MAX_OWN_BYTES, MAX_OWN_BYTES_EACH, size=lambda key: self.kept[key].size):
            self.kept.pop(key).path.unlink(missing_ok=True)
            self.names.pop(key, None)

    def call(self, key: str, name: str, owner: str) -> None:
        """Keeps what a visitor's file is called: told to nobody else."""
        with self.lock:
            if key in self.kept:
                names = self.names.setdefault(key, {})
                names.pop(owner, None)
                names[owner] = name[:MAX_TITLE]
                while len(names) > _CALLED:
                    del names[next(iter(names))]

    def called(self, key: str, owner: str) -> str:
        """Returns what a visitor's own file is called; nothing where it is somebody else's or not there."""
        return self.names.get(key, {}).get(owner, "")

    def has(self, key: str) -> bool:
        """Returns whether something is there; nothing is, always."""
        return not key or key in self.kept

    def file(self, key: str) -> File | None:
        """Returns what is told of a network's file, or None where it is not there."""
        kept = self.kept.get(key)
        return None if kept is None else kept.facts

    def network(self, key: str, name: str) -> Network:
        """Returns a network of a file. Raises KeyError."""
        _, _, networks = unpack(self.kept[key].path.read_bytes())
        return next(network for network in networks if network.layers.name == name)

    def words(self, key: str) -> dict[int, str] | None:
        """Returns a vocabulary, or None where it is not there."""
        kept = self.kept.get(key)
        return None if kept is None else {int(k): token for k, token in json.loads(kept.path.read_bytes())}

    def numbers(self, key: str) -> np.ndarray | None:
        """Returns a sequence, or None where it is not there."""
        kept = self.kept.get(key)
        return None if kept is None else read_tensors(kept.path)["x"].numpy()


_once = Lock()


def store() -> Store:
    """Returns the server's, one for all threads. Its folder goes when the server ends."""
    with _once:
        return _store()


@cache
def _store() -> Store:
    folder, alive = ground("own-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made = Store(folder)
    made.alive = alive
    return made


@dataclass(frozen=True)
class Started:
    """What the server was started with: what the network's file is called, and the fields that show it."""

    label: str
    changes: Mapping[str, str]


@cache
def started_with() -> Started | None:
    """Returns what `--model FILE` names, on one's own machine; None without it.

    Raises SystemExit with a sentence where it cannot be opened.
    """
    parser = argparse.ArgumentParser(prog="app.py")
    for name in ("model", "prefix", "vocabulary", "sequence"):
        parser.add_argument(f"--{name}")
    asked = parser.parse_known_args(sys.argv[1:])[0]
    if asked.model is None:
        return None
    try:
        return _start(asked)
    except (Refused, OSError, Missing) as error:
        sys.exit(f"--model {asked.model!r} cannot be opened. {error}")


def _start(asked: argparse.Namespace) -> Started:
    found = given(asked.model, asked.prefix, asked.vocabulary, asked.sequence)
    raw = Path(asked.model).read_bytes()
    contents = inspect_file(asked.model)
    packed = pack(contents.format, networks_in(contents), list(contents.rest), sys.maxsize)
    changes = {"model": store().take_network(raw, packed, ""), "stack": found.network.layers.name}
    if asked.vocabulary:
        words = Path(asked.vocabulary).read_bytes()
        changes["words"] = store().take_words(words, read_vocabulary(words), "")
    elif found.names:  # kept by this app, with its vocabulary
        changes["words"] = store().take_words(raw + b"words", dict(enumerate(found.names)), "")
    if found.numbers is not None:
        changes["numbers"] = store().take_numbers(Path(asked.sequence).read_bytes(), found.numbers, "")
    changes |= found.experiment(Experiment())
    return Started(Path(asked.model).name, changes)


def facts(experiment: Experiment) -> Facts | None:
    """Returns what is told of the experiment's network of a file; None where it has none that is here.

    The first of its file where the experiment names none.
    """
    file = store().file(experiment.model) if experiment.own else None
    if file is None:
        return None
    named = (one for one in file.networks if one.name == experiment.stack)
    return next(named, None) if experiment.stack else file.networks[0]


def vocabulary(experiment: Experiment, found: Facts) -> tuple[str, ...]:
    """Returns the names of a network's tokens: those of the uploaded vocabulary, else their ids.

    Raises Refused for a vocabulary of more tokens than it has.
    """
    tokens = store().words(experiment.words) if experiment.words else None
    return numbered(found.vocabulary) if not tokens else names_of(tokens, found.vocabulary)


def reads(words: str, found: Facts) -> bool:
    """Returns whether a vocabulary can be that of a network: it has no more tokens."""
    tokens = store().words(words) if words else {}
    return not tokens or max(tokens) < found.vocabulary


def token_level(experiment: Experiment, found: Facts) -> str:
    """Returns what a text is parted into for a network: words, or letters where its vocabulary has those."""
    if not found.vocabulary or not experiment.words:
        return "word"
    return level_of(vocabulary(experiment, found))
