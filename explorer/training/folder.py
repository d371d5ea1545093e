"""A race's folder: how a worker and the server speak, and what stays when either is gone.

race.json       what is to be carried out
events.jsonl    what happened, one record a line, only ever appended to
wish.json       go, pause or stop; its time is a lease, renewed while the server lives
<racer>/<step>  weights after a step; <racer>/state: all that going on needs
"""

import errno
import io
import json
import os
import shutil
import time
from pathlib import Path

import torch

from explorer.training.awake import Awake
from explorer.training.events import Event
from explorer.training.race import Race, race_from_json
from explorer.training.run import Tensors, Wish
from explorer.training.store import read_tensors, write_tensors

BUNDLE = "bundle.safetensors"

LEASE_SECONDS = 30.0
"""A race stops by itself when nobody has renewed its lease for so long: its server is gone.

A busy machine may keep a healthy server from renewing it for some seconds.
"""

LOOK_SECONDS = 0.1
"""How often a worker looks for a wish."""


def create(folder: Path, race: Race) -> None:
    """Makes the folder of a race that nobody has carried out yet, whole or not at all. Raises OSError."""
    try:
        folder.mkdir(parents=True)
        (folder / "race.json").write_text(race.to_json(), encoding="utf-8")
        (folder / "events.jsonl").touch()
        put_wish(folder, Wish())
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def race_in(folder: Path) -> Race:
    """Returns the race of a folder."""
    return race_from_json((folder / "race.json").read_text(encoding="utf-8"))


def put_wish(folder: Path, wish: Wish) -> None:
    """Leaves a wish for the worker, and renews the lease."""
    draft = folder / "wish.draft"
    draft.write_text(json.dumps({"command": wish.command, "singles": wish.singles}), encoding="utf-8")
    os.replace(draft, folder / "wish.json")


def renew(folder: Path) -> None:
    """Renews the lease: the server is there."""
    os.utime(folder / "wish.json")


def add_event(folder: Path, event: Event) -> None:
    """Appends an event, whole or not at all. One writer at a time: the worker, or the server after it.

    What a writer that was killed, or whose disk was full, left of a line goes first. Raises OSError.
    """
    line = json.dumps(event, separators=(",", ":")).encode() + b"\n"
    with (folder / "events.jsonl").open("r+b", buffering=0) as file:
        end = _whole(file)
        try:
            if file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            file.truncate(end)
            raise


def _whole(file: io.FileIO) -> int:
    """Goes to the end of a file's last whole line and cuts what stands behind it; returns the place."""
    end = file.seek(0, os.SEEK_END)
    if end and _byte(file, end - 1) != b"\n":
        file.seek(0)
        end = file.readall().rfind(b"\n") + 1
        file.truncate(end)
    return file.seek(end)


def _byte(file: io.FileIO, place: int) -> bytes:
    file.seek(place)
    return file.read(1)


def events_after(folder: Path, offset: int) -> tuple[list[str], int]:
    """Returns the whole lines after a place in the file, and the place after them."""
    with (folder / "events.jsonl").open("rb") as file:
        file.seek(offset)
        block = file.read()
    whole = block[: block.rfind(b"\n") + 1]
    return whole.decode().splitlines(), offset + len(whole)


def events_in(folder: Path) -> list[Event]:
    """Returns all events so far."""
    return [json.loads(line) for line in events_after(folder, 0)[0]]


def kept_in(folder: Path, racer: int) -> list[int]:
    """Returns the steps after which a racer's weights were kept, in order."""
    names = (path.stem for path in (folder / str(racer)).glob("*.safetensors"))
    return sorted(int(name) for name in names if name.isdecimal())


def tensors_in(folder: Path, name: str) -> dict[str, torch.Tensor] | None:
    """Returns the tensors kept under a name such as `0/128`, or None."""
    path = folder / f"{name}.safetensors"
    return read_tensors(path) if path.exists() else None


class FolderChannel:
    """The worker's end: a Channel over a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.awake = Awake()
        self.renewed = self.lease = self.looked = 0.0
        self.last = Wish()

    def send(self, event: Event) -> None:
        add_event(self.folder, event)

    def keep(self, name: str, tensors: Tensors) -> None:
        path = self.folder / f"{name}.safetensors"
        path.parent.mkdir(exist_ok=True)
        write_tensors(path, tensors)

    def kept(self, name: str) -> dict[str, torch.Tensor] | None:
        return tensors_in(self.folder, name)

    def wish(self) -> Wish:
        now = time.monotonic()
        if now - self.looked > LOOK_SECONDS:
            self.looked = now
            self.last = self._look()
        return self.last

    def _look(self) -> Wish:
        path = self.folder / "wish.json"
        try:
            lease, now = path.stat().st_mtime, self.awake.now()
            if lease != self.lease:  # only that it changes counts: clocks are set
                self.lease, self.renewed = lease, now
            if now - self.renewed > LEASE_SECONDS:
                return Wish("stop")
            return Wish(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:  # the server removed the folder
            return Wish("stop")
