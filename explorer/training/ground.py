"""The folder in which a server's races lie: its own, and gone with it, also where it was killed."""

import secrets
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows: what a killed server leaves stays until its user clears it
    fcntl = None  # type: ignore[assignment]

PREFIX = "rnn-explorer-"
ALIVE = "alive"
"""A file that its server holds locked; the system lets go of it when the server ends, however it does."""


def ground(kind: str = "", parent: Path | None = None) -> tuple[Path, IO[bytes] | None]:
    """Returns a new folder and what keeps it: the lock on a file in it, None where none can be had.

    kind: what its name tells of it. Folders of servers that are gone are removed. Where the disk is full or
    read-only the new one is not there yet: whoever needs it makes it, or says why not.
    """
    parent = parent or _temporary()
    with suppress(OSError):
        for folder in parent.glob(f"{PREFIX}*"):
            if _deserted(folder):
                shutil.rmtree(folder, ignore_errors=True)
    folder = parent / f"{PREFIX}{kind}{secrets.token_hex(8)}"
    with suppress(OSError):
        folder.mkdir(mode=0o700)
        return folder, _held(folder)
    return folder, None


def _temporary() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:  # no place that can be written to, for now
        return Path("/tmp")


def _held(folder: Path) -> IO[bytes] | None:
    """Locks a file and lets others see it only then."""
    if fcntl is None:
        return None
    draft = folder / f".{ALIVE}"
    file = draft.open("wb")
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    draft.rename(folder / ALIVE)
    return file


def _deserted(folder: Path) -> bool:
    """Returns whether a server made the folder and is gone: nobody holds the lock on its file."""
    if fcntl is None:
        return False
    try:
        with (folder / ALIVE).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # there is none, or it is held
        return False
    return True
