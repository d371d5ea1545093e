"""A file of somebody else's, read in a process of its own with limits of memory and time.

    python -m explorer.formats.apart FILE OUT

Nothing in a file runs, but HDF5, protobuf and zip are read by large libraries; a small file may hold much.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import explorer
from explorer.extras import Missing
from explorer.formats.networks import networks_in
from explorer.formats.opening import inspect_file
from explorer.formats.packing import pack
from explorer.i18n import Refused

MEMORY = 1024**3
"""Bytes that reading may take: sixty times the largest file that is taken, with the libraries."""

SECONDS = 20
"""CPU seconds that reading may take, the start of Python and PyTorch with them: 3 on a slow core."""

WAIT_SECONDS = 90
"""Seconds on a busy machine after which it is given up."""

MOST = 64 * 1024 * 1024
"""Bytes of the networks of a file when they are unpacked."""

_READERS = BoundedSemaphore(2)
"""At most two files are read at once, whoever sent them."""

_REFUSED, _TOO_MUCH, _NO_PLACE = 3, 4, 5


def opened_apart(data: bytes) -> bytes:
    """Returns the networks of an uploaded file as `packing` keeps them. Raises Refused."""
    try:
        return _read_apart(data)
    except OSError as error:
        raise Refused("disk") from error


def _read_apart(data: bytes) -> bytes:
    """Raises Refused; OSError where there is no place for the file, or for what is read of it."""
    with _READERS, tempfile.TemporaryDirectory(prefix="rnn-explorer-file-") as folder:
        source, target = Path(folder, "file"), Path(folder, "out")
        source.write_bytes(data)
        ask = [sys.executable, "-m", "explorer.formats.apart", str(source), str(target)]
        paths = os.pathsep.join([str(Path(explorer.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
        env = os.environ | {"PYTHONPATH": paths.rstrip(os.pathsep)}
        try:
            done = subprocess.run(ask, capture_output=True, timeout=WAIT_SECONDS, check=False, env=env)
        except subprocess.TimeoutExpired as error:
            raise Refused("file_slow", limit=WAIT_SECONDS) from error
        if done.returncode == _REFUSED:
            said: Mapping[str, Any] = json.loads(done.stdout)
            raise Refused(said["sentence"], **said["values"])
        if done.returncode == _NO_PLACE:
            raise Refused("disk")
        if done.returncode == _TOO_MUCH:
            raise Refused("file_memory", limit=MEMORY // 2**20)
        if done.returncode != 0:
            raise Refused("file_slow", limit=SECONDS)
        return target.read_bytes()


def _limit() -> None:
    """Limits this process; where the system has no such limits, its time alone is limited, by who waits."""
    try:
        import resource
    except ImportError:
        return
    limits = {resource.RLIMIT_DATA: MEMORY, resource.RLIMIT_CPU: SECONDS, resource.RLIMIT_FSIZE: 2 * MOST}
    for what, most in limits.items():
        with suppress(ValueError, OSError):  # a system that knows no such limit
            resource.setrlimit(what, (most, most))


def main(source: str, target: str) -> int:
    """Reads a file and writes its networks; says on its output why it cannot."""
    _limit()
    try:
        found = inspect_file(Path(source))
        if not found.layers:
            raise Refused("no_layers")
        networks = networks_in(found)
        packed = pack(found.format, networks, list(found.rest), MOST)
    except Refused as refused:
        print(json.dumps({"sentence": refused.sentence, "values": refused.values}))
        return _REFUSED
    except Missing as missing:
        print(json.dumps({"sentence": "file_extra", "values": {"package": missing.name or ""}}))
        return _REFUSED
    except MemoryError:
        return _TOO_MUCH
    try:
        Path(target).write_bytes(packed)
    except OSError:
        return _NO_PLACE
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
