"""Carries out a race: every network in turn, some steps each, until it has passed or its budget is spent.

The race knows no process, file or server. It reports events and asks for wishes through a Channel.
Events are plain records of JSON values, their kind first: `racer` (one begins or goes on), `steps`, `look`,
`kept`, `end` (of one racer), and for the whole race `done`, `stopped` or `paused`. `results` reads them.
A paused race ends like a stopped one, its state kept: whoever takes it up again gets the same bits.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch

from explorer.data.sources import source
from explorer.experiment import Experiment
from explorer.nn.model import RecurrentModel
from explorer.nn.threads import one_thread
from explorer.training.events import Event, LookEvent, RacerStatus, StepsEvent
from explorer.training.learner import CHECK_EVERY, Learner, Probe
from explorer.training.race import Race
from explorer.training.results import results

LOOK_EVERY = 2 * CHECK_EVERY
"""Steps between two looks inside. A look takes as long as two steps of an LSTM."""

REPORT_SECONDS = 0.25
"""A slow network reports this often, between checks."""

ZERO = -400.0
"""The power of ten that is sent for a gradient of exactly 0."""

GROWTH = 1.15
"""Each kept step of training is at least this much further than the one before."""

DIVERGED = "diverged"
"""In a racer's kept state: its numbers are no longer finite, it takes no further step."""

Tensors = Mapping[str, torch.Tensor]


class Channel(Protocol):
    """How a race speaks with whoever started it."""

    def send(self, event: Event) -> None:
        """Reports an event."""

    def keep(self, name: str, tensors: Tensors) -> None:
        """Keeps tensors under a name such as `0/128` (racer 0, step 128) or `0/state`."""

    def kept(self, name: str) -> dict[str, torch.Tensor] | None:
        """Returns tensors kept before, or None."""

    def wish(self) -> "Wish":
        """Returns what is asked of the race now. Called at every step: it must be cheap."""


@dataclass(frozen=True)
class Wish:
    """`go`, `pause` or `stop`; singles counts the single steps asked for since a worker has the race."""

    command: str = "go"
    singles: int = 0


def kept_steps(budget: int) -> Iterator[int]:
    """Yields the steps whose weights are kept: 0, powers of two, then ever further apart."""
    last = 0
    yield 0
    for step in range(1, budget + 1):
        early = step < CHECK_EVERY and step & (step - 1) == 0
        if early or (step % CHECK_EVERY == 0 and step >= last * GROWTH):
            last = step
            yield step


@dataclass
class Racer:
    """One network of a race and where it stands.

    status: `running`, `passed`, `spent` (its budget is used up), `diverged` or `stopped`.
    """

    index: int
    learner: Learner
    keep: frozenset[int]
    status: RacerStatus = "running"
    metric: float = float("nan")
    checked: int = 0
    waiting: dict[str, list[float]] = field(default_factory=lambda: {"loss": [], "norm": []})
    said: float = 0.0


class Carried:
    """A race being carried out."""

    def __init__(self, race: Race, channel: Channel) -> None:
        self.channel = channel
        self.racers = [self._racer(k, run) for k, run in enumerate(race.runs)]
        self.names = race.names
        self.singles = 0

    def _racer(self, index: int, run: Experiment) -> Racer:
        keep = frozenset(kept_steps(run.budget))
        return Racer(index, Learner(run, source(run, run.grammar)), keep)

    @property
    def running(self) -> list[Racer]:
        return [racer for racer in self.racers if racer.status == "running"]

    def run(self) -> None:
        """Runs to the end, or until the wish is `pause` or `stop`."""
        self._begin()
        while self.running:
            for racer in self.running:
                wish = self._turn(racer)
                if wish.command != "go" and self.running:
                    self._leave(wish)
                    return
        self.channel.send({"kind": "done"})

    def _begin(self) -> None:
        for racer in self.racers:
            before = self.channel.kept(f"{racer.index}/state")
            if before is not None:
                racer.learner.resume(before)
            learner = racer.learner
            T, B = learner.source.batch(0).x.shape[:2]
            self.channel.send(
                {
                    "kind": "racer",
                    "racer": racer.index,
                    "name": self.names[racer.index],
                    "cell": learner.experiment.cell,
                    "parameters": learner.parameters,
                    "step": learner.step,
                    "budget": learner.experiment.budget,
                    "tokens": T * B,
                }
            )
            if before is None:
                self._look(racer)
            else:
                self._end_again(racer, before)

    def _end_again(self, racer: Racer, before: Tensors) -> None:
        """Ends a racer that had already ended when its race was left."""
        learner = racer.learner
        if DIVERGED in before:
            self._end(racer, "diverged")
            return
        if learner.step and learner.step % CHECK_EVERY == 0 and learner.passed(learner.check()):
            self._end(racer, "passed")
        elif learner.step >= learner.experiment.budget:
            self._end(racer, "spent")

    def _turn(self, racer: Racer) -> Wish:
        """Steps up to the next check, unless the wish is another. Returns it."""
        while racer.status == "running":
            wish = self._wish()
            if wish.command != "go":
                return wish
            if racer.status != "running":  # single steps have ended it
                break
            self._step(racer)
            if racer.learner.step % CHECK_EVERY == 0:
                break
        return Wish()

    def _wish(self) -> Wish:
        """Returns what is asked, once all single steps that were asked for are made."""
        while True:
            wish = self.channel.wish()
            if wish.command != "pause" or wish.singles <= self.singles or not self.running:
                return wish
            self.singles += 1
            for racer in self.running:
                self._step(racer)
                self._say(racer)

    def _step(self, racer: Racer) -> None:
        learner = racer.learner
        loss, norm = learner.advance()
        racer.waiting["loss"].append(loss)
        racer.waiting["norm"].append(norm)
        if not (np.isfinite(loss) and np.isfinite(norm)):
            self._end(racer, "diverged")
            return
        if learner.step % CHECK_EVERY == 0:
            racer.metric, racer.checked = learner.check(), learner.step
            self._say(racer)
            self._look(racer)
            if learner.passed(racer.metric):
                self._end(racer, "passed")
                return
        elif learner.step in racer.keep:
            self._look(racer)
        elif time.monotonic() - racer.said > REPORT_SECONDS:
            self._say(racer)
        if learner.step >= learner.experiment.budget:
            self._end(racer, "spent")

    def _say(self, racer: Racer) -> None:
        """Reports the steps since the last report."""
        racer.said = time.monotonic()
        if not racer.waiting["loss"]:
            return
        learner = racer.learner
        losses = racer.waiting["loss"]
        event: StepsEvent = {
            "kind": "steps",
            "racer": racer.index,
            "from": learner.step - len(losses) + 1,
            "loss": [_short(v) for v in losses],
            "norm": [_short(v) for v in racer.waiting["norm"]],
            "seconds": round(learner.seconds, 3),
        }
        if learner.step == racer.checked:
            event["metric"] = _short(racer.metric)
        self.channel.send(event)
        racer.waiting = {"loss": [], "norm": []}

    def _look(self, racer: Racer) -> None:
        """Looks inside at some checks and wherever the weights are kept, and keeps them there."""
        step, kept = racer.learner.step, racer.learner.step in racer.keep
        if kept or step % LOOK_EVERY == 0:
            self.channel.send(_look_event(racer.index, racer.learner.probe()))
        if kept:
            self._keep(racer)

    def _keep(self, racer: Racer) -> None:
        """Keeps the weights, once all steps up to them are reported: a race may go on from here."""
        self._say(racer)
        self.channel.keep(f"{racer.index}/{racer.learner.step}", racer.learner.model.state_dict())
        self.channel.keep(f"{racer.index}/state", racer.learner.state())
        self.channel.send({"kind": "kept", "racer": racer.index, "step": racer.learner.step})

    def _end(self, racer: Racer, status: RacerStatus) -> None:
        self._say(racer)
        racer.status = status
        if status == "diverged":
            state = racer.learner.state() | {DIVERGED: torch.tensor(True)}
            self.channel.keep(f"{racer.index}/state", state)
        elif racer.learner.step not in racer.keep:
            self._keep(racer)
        self.channel.send({"kind": "end", "racer": racer.index, "status": status, "step": racer.learner.step})

    def _leave(self, wish: Wish) -> None:
        """Ends the work before the race has ended."""
        if wish.command == "pause":
            for racer in self.running:
                self._say(racer)
                self.channel.keep(f"{racer.index}/state", racer.learner.state())
            self.channel.send({"kind": "paused", "singles": self.singles})
            return
        for racer in self.running:
            self._end(racer, "stopped")
        self.channel.send({"kind": "stopped"})


def _look_event(index: int, probe: Probe) -> LookEvent:
    with np.errstate(divide="ignore"):
        powers = np.log10(probe.norm)
    return {
        "kind": "look",
        "racer": index,
        "step": probe.step,
        "power": [ZERO if p == -np.inf else round(float(p), 2) if np.isfinite(p) else None for p in powers],
        "gates": {gate: [round(float(v), 2) for v in mean] for gate, mean in probe.gates.items()},
    }


def _short(value: float) -> float | None:
    """A number as it is sent: six digits; None where it is not finite."""
    return float(f"{value:.6g}") if np.isfinite(value) else None


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """One network's training. Divergence is a result: status is `done`, `diverged` or `cancelled`.

    steps (N,), loss (N,), norm (N,): each update, norm that of the gradient before clipping. checks
    (M,) and metric (M,): held-out error or accuracy after some steps. snapshots: weights by step.
    """

    experiment: Experiment
    status: str
    passed: bool
    steps: np.ndarray
    loss: np.ndarray
    norm: np.ndarray
    checks: np.ndarray
    metric: np.ndarray
    snapshots: dict[int, dict[str, torch.Tensor]]
    model: RecurrentModel

    def __repr__(self) -> str:
        e, last = self.experiment, f", loss {self.loss[-1]:.3g}" if len(self.loss) else ""
        return f"Run({e.cell} on {e.data}: {self.status} after {len(self.steps)} steps{last})"


@one_thread()
def train(experiment: Experiment, watch: Callable[[Event], None] | None = None) -> Run:
    """Trains the experiment's cell on its data here and now; watch hears of every event.

    Raises unusable.Unusable for a text that nothing can be learned from.
    """
    channel = InMemory(watch)
    carried = Carried(Race((experiment.cell,), (experiment,)), channel)
    carried.run()
    (racer,) = carried.racers
    (course,) = results(channel.events)
    steps = (name.removeprefix("0/") for name in channel.store)
    return Run(
        experiment,
        {"diverged": "diverged", "stopped": "cancelled"}.get(racer.status, "done"),
        racer.status == "passed",
        course.steps,
        course.loss,
        course.norm,
        course.checks,
        course.metric,
        {int(step): channel.store[f"0/{step}"] for step in steps if step != "state"},
        racer.learner.model.eval(),
    )


@one_thread()
def carried_out(race: Race) -> list[Event]:
    """Carries a race out here and now, and returns all that it reports. Raises unusable.Unusable."""
    channel = InMemory()
    Carried(race, channel).run()
    return channel.events


class InMemory:
    """A channel that keeps everything here."""

    def __init__(self, watch: Callable[[Event], None] | None = None) -> None:
        self.watch = watch
        self.asked = Wish()
        self.events: list[Event] = []
        self.store: dict[str, dict[str, torch.Tensor]] = {}

    def send(self, event: Event) -> None:
        self.events.append(event)
        if self.watch:
            self.watch(event)

    def keep(self, name: str, tensors: Tensors) -> None:
        self.store[name] = {key: value.detach().clone() for key, value in tensors.items()}

    def kept(self, name: str) -> dict[str, torch.Tensor] | None:
        return self.store.get(name)

    def wish(self) -> Wish:
        return self.asked
