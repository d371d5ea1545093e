"""The app on a free port, and the Chromium that visits it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
APP = (sys.executable, "-m", "streamlit", "run", "app.py")


def free_port() -> int:
    """Returns a port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(
    command: Sequence[str] = APP, folder: Path = ROOT, env: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Yields the address of a server that lives as long as the block; the command gets its port."""
    with started(command, folder, env) as (url, _):
        yield url


@contextmanager
def started(
    command: Sequence[str] = APP, folder: Path = ROOT, env: Mapping[str, str] | None = None
) -> Iterator[tuple[str, int]]:
    """Yields the address of a server and its process's id, for as long as the block lasts."""
    port = free_port()
    command = [*command, "--server.port", str(port)]
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        _wait(f"http://127.0.0.1:{port}/_stcore/health", process)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _wait(url: str, process: subprocess.Popen) -> None:
    for _ in range(1200):
        if process.poll() is not None:
            raise RuntimeError((process.stdout.read() if process.stdout else b"").decode())
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.25)
    raise RuntimeError("the server did not start within five minutes")
