"""The class is the experiment: one race, a seed for every device, carried out one after another.

The seeds run on the server's board of races, no more of them at once than leaves the server a core: others
who want a race find their place between two of them. Their numbers are those of `python -m explorer train`.
"""

import json
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from typing import Any, Protocol

import numpy as np

from explorer.data.sources import source
from explorer.exact import interval
from explorer.experiment import Experiment
from explorer.limits import CLASS_SECONDS
from explorer.training import folder as files
from explorer.training.bands import shipped_of
from explorer.training.events import Event
from explorer.training.jobs import Job, QueueFullError, Standing
from explorer.training.learner import CHECK_EVERY
from explorer.training.race import Race, preset_changes, presets, race_of
from explorer.training.results import Result, over, results
from explorer.training.wants import nobody

TRIES = 3
"""How often a seed is taken up whose worker was killed."""


@dataclass(frozen=True)
class Offer:
    """A race that a class can run: one racer of a preset, and the CPU seconds that few seeds of it exceed."""

    preset: str
    racer: str
    seconds: float

    @property
    def key(self) -> str:
        return f"{self.preset}:{self.racer}"

    @property
    def experiment(self) -> Experiment:
        changes = preset_changes(self.preset) | {"racers": self.racer}
        experiment, refused = Experiment().with_changes(changes)
        assert not refused
        return experiment

    def race(self, seed: int) -> Race:
        """Returns the race of one seed."""
        return race_of(replace(self.experiment, race_seed=seed))

    def command(self, seeds: int | str) -> str:
        """Returns the command line that carries out the same seeds, to the same bits."""
        return (
            f'python -m explorer train --preset {self.preset} --racers "{self.racer}" '
            f"--seeds 0:{seeds} --out class.json"
        )


@cache
def offers() -> Mapping[str, Offer]:
    """Returns the races that cost little enough by the band of stored seeds, whose seeds part first.

    One that is over at its first check shows nothing.
    """
    found = []
    for preset in presets():
        experiment, _ = Experiment().with_changes(preset_changes(preset))
        known = shipped_of(race_of(experiment))
        if known is None:
            continue
        for racer, (passed, of) in known.passed.items():
            usual, (steps, _) = known.spent[racer].high, known.most[racer]
            if usual <= CLASS_SECONDS and steps > CHECK_EVERY:
                found.append((not 0 < passed < of, usual, Offer(preset, racer, usual)))
    return {offer.key: offer for *_, offer in sorted(found, key=lambda entry: entry[:2])}


class Board(Protocol):
    """What a class's race needs of the server's board of races."""

    @property
    def jobs(self) -> Mapping[str, Job]: ...
    def submit(self, race: Race, *, visitor: str) -> str: ...
    def state(self, key: str) -> Standing: ...
    def command(self, key: str, command: str, visitor: str) -> int: ...
    def watching(self, key: str, visitor: str) -> AbstractContextManager[Job]: ...
    def let_go(self, key: str) -> bool: ...


@dataclass(eq=False)
class Seed:
    """One seed's training. state: `waiting`, `running`, or how it ended, as a racer does; `killed` too.

    checks (step, metric): what was measured on held-out data so far, a metric of None is not finite.
    """

    seed: int
    state: str = "waiting"
    step: int = 0
    seconds: float = 0.0
    checks: list[tuple[int, float | None]] = field(default_factory=list)
    key: str = ""
    ours: bool = False
    tries: int = 0
    offset: int = 0
    events: list[Event] = field(default_factory=list)
    watch: ExitStack = field(default_factory=ExitStack)

    @property
    def over(self) -> bool:
        return self.state not in ("waiting", "running")


class ClassRace:
    """A race of one racer over seeds 0, 1, ... width: how many run at once. Methods are thread-safe.

    unkept: whether a seed failed because the server's disk was full, read-only or gone.
    """

    def __init__(self, offer: Offer, board: Board, width: int) -> None:
        self.offer, self.board, self.width = offer, board, max(1, width)
        self.visitor = nobody()
        self.seeds: list[Seed] = []
        self.leaving: list[str] = []
        self.stopped = self.unkept = False
        self.lock = threading.RLock()
        self.source = source(offer.race(0).runs[0], "en")

    def grow(self, count: int) -> None:
        """Makes it at least so many seeds."""
        with self.lock:
            self.seeds += [Seed(seed) for seed in range(len(self.seeds), count)]

    @property
    def over(self) -> bool:
        return all(seed.over for seed in self.seeds)

    @property
    def passed(self) -> int:
        return sum(seed.state == "passed" for seed in self.seeds)

    @property
    def between(self) -> tuple[float, float]:
        """Between which shares of all seeds pass, at 95 %; all there are where none has come to its end."""
        return interval(self.passed, self.finished) if self.finished else (0.0, 1.0)

    @property
    def finished(self) -> int:
        """How many seeds came to their own end; one that was stopped or killed counts for nothing."""
        return sum(seed.state in ("passed", "spent", "diverged") for seed in self.seeds)

    @property
    def median_step(self) -> float | None:
        """After how many training steps a seed that passed did, in the median; None before one has."""
        steps = [seed.step for seed in self.seeds if seed.state == "passed"]
        return float(np.median(steps)) if steps else None

    def turn(self) -> bool:
        """Reads what is new and begins what there is room for; returns whether anything has changed."""
        with self.lock:
            self._tidy()
            running = [seed for seed in self.seeds if seed.state == "running"]
            read = [self._read(seed) for seed in running]
            free = self.width - sum(seed.state == "running" for seed in self.seeds)
            waiting = [seed for seed in self.seeds if seed.state == "waiting"]
            begun = [self._begin(seed) for seed in waiting[: max(0, free)]]
            return any(read + begun)

    def stop(self) -> None:
        """Ends the race: what runs is stopped, what waits does not begin."""
        with self.lock:
            self.stopped = True
            for seed in self.seeds:
                if seed.state == "waiting":
                    seed.state = "stopped"
                elif seed.state == "running":
                    self.board.command(seed.key, "stop", self.visitor)

    def give_up(self) -> None:
        """Ends the race where its seeds can be neither begun nor read: the disk is full, or gone."""
        with self.lock:
            self.stopped = True
            self.leaving.clear()
            for seed in self.seeds:
                if not seed.over:
                    seed.watch.close()
                    seed.state, self.unkept = "failed", True

    def _begin(self, seed: Seed) -> bool:
        race = self.offer.race(seed.seed)
        try:
            seed.ours |= race.key not in self.board.jobs
            seed.key = self.board.submit(race, visitor=self.visitor)
        except QueueFullError:
            return False  # others wait too: the next turn tries again
        seed.state, seed.tries = "running", seed.tries + 1
        seed.watch.enter_context(self.board.watching(seed.key, self.visitor))
        return True

    def _read(self, seed: Seed) -> bool:
        """Takes in what a seed's worker has reported."""
        lines, seed.offset = files.events_after(self.board.jobs[seed.key].folder, seed.offset)
        if not lines and (untold := self.board.jobs[seed.key].untold):  # it could not be written down
            self.unkept |= untold.get("error") == "disk"
            self._close(seed, untold["kind"], None)
            return True
        if not lines:
            if self.board.state(seed.key).state == "paused":  # by somebody who watched it too
                self.board.command(seed.key, "go", self.visitor)
            return False
        new: list[Event] = [json.loads(line) for line in lines]
        seed.events += [event for event in new if event["kind"] not in ("look", "kept")]
        found = results(seed.events)
        if found:
            self._take(seed, found[0])
        if end := over(seed.events):
            self.unkept |= new[-1].get("error") == "disk"
            self._close(seed, end, found[0] if found else None)
        return True

    def _take(self, seed: Seed, found: Result) -> None:
        seed.step, seed.seconds = found.step, found.last_seconds
        checks = [
            (int(step), float(f"{metric:.6g}") if np.isfinite(metric) else None)
            for step, metric in zip(found.checks, found.metric, strict=True)
        ]
        seed.checks = checks

    def _close(self, seed: Seed, end: str, found: Result | None) -> None:
        """Ends a seed whose race is over; one that was killed, or that others stopped, begins anew."""
        seed.watch.close()
        again = end in ("killed", "stopped") and seed.tries < TRIES and not self.stopped
        seed.state = "waiting" if again else found.status if end == "done" and found else end
        if seed.over:
            seed.events.clear()
            if seed.ours:
                self.leaving.append(seed.key)

    def _tidy(self) -> None:
        """Lets the board forget what only this race asked for, once the workers have left it."""
        self.leaving = [key for key in self.leaving if not self.board.let_go(key)]

    @property
    def settled(self) -> bool:
        """Whether it is over, and the board has forgotten it."""
        return self.over and not self.leaving

    # What is told and kept

    def checks(self, seed: int) -> list[tuple[int, float | None]]:
        """Returns what was measured of a seed so far, (step, metric)."""
        with self.lock:
            return list(self.seeds[seed].checks)

    def record(self) -> dict[str, Any]:
        """Returns how the race stands, as all may know it."""
        with self.lock:
            return {
                "offer": self.offer.key,
                "states": [seed.state for seed in self.seeds],
                "steps": [seed.step for seed in self.seeds],
                "passed": self.passed,
                "finished": self.finished,
                "over": self.over,
                "unkept": self.unkept,
            }

    def result(self) -> dict[str, Any]:
        """Returns the race as a file: the command that makes it again, every seed's course."""
        with self.lock:
            return {
                "date": date.today().isoformat(),
                "command": self.offer.command(len(self.seeds)),
                "data": self.offer.experiment.data,
                "metric": self.source.metric,
                "goal": self.source.goal,
                "passed": [self.passed, self.finished],
                "interval_95": self.between,
                "seeds": [
                    {
                        "seed": seed.seed,
                        "status": seed.state,
                        "step": seed.step,
                        "seconds": seed.seconds,
                        "checks": [step for step, _ in seed.checks],
                        "metric": [metric for _, metric in seed.checks],
                    }
                    for seed in self.seeds
                ],
            }
