"""LSTM or GRU by the number of sentences to learn from: the experiment behind a claim of the lecture.

Two of the notes say that a GRU does better on little data and an LSTM on much. Here both learn the same
sentences, at equal numbers of units and at equal numbers of weights, each with PyTorch's biases and with a
keep bias of 1, over many seeds. Each has its better of two learning rates and its best moment of training.
Both are chosen on held-out sentences by the quantity that is reported: the accuracy where memory decides, and
apart from it the cross-entropy. What is reported is measured on a third set. No sentence of it, nor of those
that choose, is learned from.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from hashlib import sha256
from itertools import product
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from explorer.data.sources import Batch, source
from explorer.exact import SURE, Table, holm, together
from explorer.experiment import MATCHES, Experiment
from explorer.i18n import ASSETS
from explorer.training.learner import Learner
from explorer.training.race import race_of
from explorer.training.trainer import copied

RESULT = ASSETS / "results" / "amount.json"
COUNTS = (200, 500, 1_000, 2_000, 5_000)
"""Sentences to learn from. After 200 most networks guess, after 2,000 nearly all know.

The stored result ends there: 5,000 were never measured.
"""

SEEDS = range(10)
KEEP = " bias=fixed keep_bias=1"
RIVALS = ("lstm", "gru", f"lstm{KEEP}", f"gru{KEEP}")
BASE = Experiment(data="agreement", grammar="en", length=8, size=32, budget=3_000, racers=";".join(RIVALS))
RATES = (0.003, 0.01)
CHECK = 50
SOLVED = 0.9
"""From this share of right words on a network counts as knowing them: nearly all lie near 1/2 or near 1."""

PATIENCE = 20
"""Checks without a lower loss and without a higher accuracy after which training stops."""


@dataclass(frozen=True)
class Trial:
    """One network: what it learned from, where it was stopped, how it did on sentences of a third set.

    accuracy: share of right words where memory decides, chance is 1/2, of the rate and the step with the
    highest such share on held-out sentences, held_out; among equals the lowest loss. nats: cross-entropy per
    token, of the rate and the step with the lowest on held-out sentences; loss_accuracy is theirs.
    """

    name: str
    match: str
    count: int
    seed: int
    hidden: int
    parameters: int
    rate: float
    step: int
    held_out: float
    accuracy: float
    loss_rate: float
    loss_step: int
    held_out_nats: float
    nats: float
    loss_accuracy: float

    @property
    def solved(self) -> bool:
        return self.accuracy >= SOLVED


@dataclass(frozen=True)
class Amount:
    """Trials with the date and the command that made them."""

    date: str
    command: str
    trials: tuple[Trial, ...]

    @property
    def counts(self) -> list[int]:
        return sorted({trial.count for trial in self.trials})

    @property
    def matches(self) -> list[str]:
        """What was tried of equal units and equal weights."""
        return [match for match in MATCHES if any(trial.match == match for trial in self.trials)]

    def values(self, name: str, match: str, count: int, quantity: str) -> np.ndarray:
        """Returns a quantity of all seeds (S,) by rising seed."""
        found = [t for t in self.trials if (t.name, t.match, t.count) == (name, match, count)]
        return np.array([getattr(trial, quantity) for trial in sorted(found, key=lambda t: t.seed)])

    def solved(self, name: str, match: str, count: int) -> tuple[int, int]:
        """Returns how many seeds know the word that needs memory, of how many."""
        found = self.values(name, match, count, "solved")
        return int(found.sum()), len(found)


def from_record(record: Mapping[str, Any]) -> Amount:
    """Returns what a stored result holds."""
    return Amount(record["date"], record["command"], tuple(Trial(**trial) for trial in record["trials"]))


@cache
def shipped() -> Amount:
    """Returns the stored result."""
    return from_record(json.loads(RESULT.read_text(encoding="utf-8")))


PAIRS = {
    "cell": ((RIVALS[0], RIVALS[1]), (RIVALS[2], RIVALS[3])),
    "bias": ((RIVALS[0], RIVALS[2]), (RIVALS[1], RIVALS[3])),
}
"""Who is compared with whom: the cells from the same start, and each cell from its two starts."""


@dataclass(frozen=True)
class Comparison:
    """Two rivals at equal units or at equal weights: (solved, seeds) of each, by the number of sentences.

    what: `cell` or `bias`, in which they differ. chance: how probable counts that differ as much are between
    two that are the same, over all numbers of sentences together and exact; adjusted for `among` comparisons.
    The two of a pair share their data, seed by seed, so that in truth it is rather less.
    """

    what: str
    match: str
    first: str
    second: str
    counts: tuple[Table, ...]
    chance: float
    among: int

    @property
    def better(self) -> str:
        """The one that solves it more often, `` where no clear difference is found."""
        if self.chance >= SURE:
            return ""
        ahead = sum(hits / trials - other / others for hits, trials, other, others in self.counts)
        return self.first if ahead > 0 else self.second


def comparisons(found: Amount) -> list[Comparison]:
    """Returns every pair of PAIRS at equal units and at equal weights, judged together."""
    asked = [(what, m, *pair) for m in found.matches for what, pairs in PAIRS.items() for pair in pairs]
    counts = [
        tuple(
            (*found.solved(a, match, n), *found.solved(b, match, n))
            for n in found.counts
            if found.solved(a, match, n)[1] and found.solved(b, match, n)[1]
        )
        for _, match, a, b in asked
    ]
    chances = holm([together(tables) for tables in counts])
    rows = zip(asked, counts, chances, strict=True)
    return [Comparison(*names, tables, chance, len(asked)) for names, tables, chance in rows]


def settings() -> str:
    """Returns a short name of all that a trial depends on beside its place."""
    race = race_of(replace(BASE, sentences=1)).to_json()
    return sha256(repr((race, RATES, CHECK, PATIENCE)).encode()).hexdigest()[:8]


def places(
    counts: Sequence[int] = COUNTS, seeds: Sequence[int] = SEEDS
) -> dict[str, tuple[int, str, int, str]]:
    """Returns what is tried, every (count, match, seed, name), by a name for a file; seed after seed."""
    found = product(seeds, MATCHES, counts, RIVALS)
    return {
        f"{name.replace(' ', '_')}-{match}-{count}-{seed}": (count, match, seed, name)
        for seed, match, count, name in found
    }


def trial_record(count: int, match: str, seed: int, name: str) -> dict[str, Any]:
    """Returns one trial as plain values."""
    return asdict(trial(count, match, seed, name))


@dataclass
class _Best:
    """The best moment of a training so far: what was measured there, and the weights."""

    measure: tuple[float, ...] = (-np.inf, -np.inf)
    step: int = 0
    weights: dict[str, torch.Tensor] | None = None

    def see(self, measure: tuple[float, ...], learner: Learner) -> None:
        if measure > self.measure:
            self.measure, self.step, self.weights = measure, learner.step, copied(learner.model)


def trial(count: int, match: str, seed: int, name: str, base: Experiment = BASE) -> Trial:
    """Returns one network's result, at the learning rate that suits it better."""
    race = race_of(replace(base, sentences=count, match=match, race_seed=seed))
    run = race.runs[race.names.index(name)]
    learned = [(rate, *_learned(replace(run, rate=rate))) for rate in RATES]
    rate, learner, exact, _ = max(learned, key=lambda found: found[2].measure)
    loss_rate, loss_learner, _, low = max(learned, key=lambda found: found[3].measure)
    _, accuracy = _third(learner, exact)
    nats, loss_accuracy = _third(loss_learner, low)
    return Trial(
        name, match, count, seed, run.hidden, learner.parameters,
        rate, exact.step, exact.measure[0], accuracy,
        loss_rate, low.step, -low.measure[0], nats, loss_accuracy,
    )  # fmt: skip


def _learned(run: Experiment) -> tuple[Learner, _Best, _Best]:
    """Trains a network; returns it with its best moments by accuracy and by loss."""
    learner = Learner(run, source(run, run.grammar))
    held_out = learner.source.held_out()
    exact, low, better = _Best(), _Best(), 0
    while learner.step < min(run.budget, better + CHECK * PATIENCE):
        for _ in range(CHECK):
            learner.advance()
        loss, accuracy = _measured(learner, held_out)
        if accuracy > exact.measure[0] or -loss > low.measure[0]:
            better = learner.step
        exact.see((accuracy, -loss), learner)
        low.see((-loss, accuracy), learner)
    return learner, exact, low


def _third(learner: Learner, best: _Best) -> tuple[float, float]:
    assert best.weights is not None and learner.source.third is not None
    learner.model.load_state_dict(best.weights)
    return _measured(learner, learner.source.third)


@torch.no_grad()
def _measured(learner: Learner, batch: Batch) -> tuple[float, float]:
    """Returns the cross-entropy per token and the share of right words where memory decides."""
    logits = learner.outputs(batch)
    nats = F.cross_entropy(logits.flatten(0, 1), batch.target.flatten(), ignore_index=-1)
    assert batch.judged is not None
    right = (logits.argmax(-1) == batch.target)[batch.judged]
    return nats.item(), right.double().mean().item()
