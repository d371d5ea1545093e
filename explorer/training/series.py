"""Many computations of one kind, side by side: each that is finished is kept, so that a series goes on.

A part of a series is a JSON record in a file of its own, put in its place when it is whole.
"""

import json
import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from platform import python_version
from typing import Any

import numpy
import torch

from explorer.training.store import write_bytes

Work = Callable[..., Mapping[str, Any]]
"""What makes a part out of a task: a function of a module, for it runs in other processes."""


@dataclass(frozen=True)
class Part:
    """What one task gave, and the CPU seconds that it took."""

    cost: float
    made: Mapping[str, Any]


def kept(tasks: Mapping[str, tuple[Any, ...]], folder: Path) -> dict[str, Part]:
    """Returns the parts that are there, by the names of their tasks."""
    found = {}
    for name in tasks:
        path = folder / f"{name}.json"
        if path.exists():
            found[name] = Part(**json.loads(path.read_text(encoding="utf-8")))
    return found


def keep(part: Part, folder: Path, name: str) -> None:
    """Keeps a part, unless one of its name is there."""
    path = folder / f"{name}.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(path, (json.dumps(asdict(part), allow_nan=False) + "\n").encode())


def carry_out(
    work: Work,
    tasks: Mapping[str, tuple[Any, ...]],
    folder: Path,
    jobs: int = 1,
    minutes: float = math.inf,
    say: Callable[[str], None] = print,
) -> dict[str, Part]:
    """Makes the parts that are not there yet, in order, and returns all that are, by name.

    jobs processes of one torch thread each. After so many minutes no further part is begun.
    """
    from loky import ProcessPoolExecutor  # its processes do not run the caller's script again

    folder.mkdir(parents=True, exist_ok=True)
    before = kept(tasks, folder)
    left = [name for name in tasks if name not in before]
    say(cost(before, len(left), jobs))
    end, running = time.monotonic() + 60 * minutes, dict[Future[None], str]()
    pool = ProcessPoolExecutor(jobs, initializer=torch.set_num_threads, initargs=(1,))
    with pool:
        while running or (left and time.monotonic() < end):
            while left and len(running) < jobs and time.monotonic() < end:
                name = left.pop(0)
                running[pool.submit(_make, work, tasks[name], folder / f"{name}.json")] = name
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                del running[future]
                future.result()
            say(f"{len(tasks) - len(left) - len(running)} of {len(tasks)}")
    return kept(tasks, folder)


def origin(command: str, parts: Mapping[str, Part]) -> dict[str, Any]:
    """Returns what a stored result says of itself: date, command, versions, cost."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "command": command,
        "versions": {"python": python_version(), "torch": torch.__version__, "numpy": numpy.__version__},
        "cost": {"parts": len(parts), "cpu_seconds": round(sum(part.cost for part in parts.values()))},
    }


def write(path: Path, record: Mapping[str, Any]) -> None:
    """Writes a result as JSON, an entry a line, and one level further of what holds others."""
    write_bytes(path, (_lines(record, 2) + "\n").encode())


def _lines(value: Any, levels: int) -> str:
    if levels and isinstance(value, list) and value and isinstance(value[0], Mapping):
        return "[\n" + ",\n".join(_lines(one, 0) for one in value) + "\n]"
    if not levels or not isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    entries = (
        f"{json.dumps(key, ensure_ascii=False)}: {_lines(own, levels - 1)}" for key, own in value.items()
    )
    return "{\n" + ",\n".join(entries) + "\n}"


def cost(before: Mapping[str, Part], left: int, jobs: int) -> str:
    """Returns what is left and, once some parts are there, how long it takes by their mean."""
    if not left:
        return f"all {len(before)} are there"
    if not before:
        return f"{left} to make; how long one takes is known after the first"
    minutes = left * sum(part.cost for part in before.values()) / len(before) / 60
    return (
        f"{len(before)} are there, {left} to make: {minutes:.0f} CPU minutes, {minutes / jobs:.0f} on"
        f" {jobs} cores that do nothing else"
    )


def _make(work: Work, task: tuple[Any, ...], path: Path) -> None:
    started = time.process_time()
    made = work(*task)
    keep(Part(round(time.process_time() - started, 2), made), path.parent, path.stem)
