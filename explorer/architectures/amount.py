"""LSTM or GRU by the number of sentences to learn from: the experiment behind a claim of the lecture.

Two of the notes say that a GRU does better on little data and an LSTM on much. Here both learn the same
sentences, at equal numbers of units and at equal numbers of weights, over several seeds. Training stops
early: the weights are those of the lowest loss on held-out sentences; what is reported is measured on
a third set that no training and no stopping has seen. Each cell has its better of two learning rates, by
the same held-out loss.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from explorer.data.sources import Batch, source
from explorer.experiment import MATCHES, Experiment
from explorer.i18n import ASSETS
from explorer.training.learner import Learner
from explorer.training.race import race_of

RESULT = ASSETS / "results" / "amount.json"
COUNTS = (50, 200, 500, 1_000, 2_000, 5_000, 20_000)
"""Sentences to learn from."""

SEEDS = range(5)
RIVALS = ("lstm bias=fixed keep_bias=1", "gru")
BASE = Experiment(data="agreement", grammar="en", length=8, size=32, budget=3_000, racers=";".join(RIVALS))
RATES = (0.003, 0.01)
CHECK = 50
PATIENCE = 20
"""Checks without a lower loss after which training stops."""

_TEST_SEED = 5_000


@dataclass(frozen=True)
class Trial:
    """One network: what it learned from, where it was stopped, how it did on sentences of a third set.

    rate: the learning rate, the better of RATES. held_out: the loss that decided, in nats per token.
    nats: cross-entropy per token. accuracy: share of right words where memory decides, chance is 1/2.
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
    nats: float
    accuracy: float


@dataclass(frozen=True)
class Amount:
    """Trials with the date and the command that made them."""

    date: str
    command: str
    trials: tuple[Trial, ...]

    @property
    def counts(self) -> list[int]:
        return sorted({trial.count for trial in self.trials})

    def values(self, name: str, match: str, count: int, quantity: str) -> np.ndarray:
        """Returns a quantity of all seeds (S,) by rising seed."""
        found = [t for t in self.trials if (t.name, t.match, t.count) == (name, match, count)]
        return np.array([getattr(trial, quantity) for trial in sorted(found, key=lambda t: t.seed)])

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=0)


def from_json(text: str) -> Amount:
    """Returns what `Amount.to_json` wrote."""
    record = json.loads(text)
    return Amount(record["date"], record["command"], tuple(Trial(**trial) for trial in record["trials"]))


@cache
def shipped() -> Amount:
    """Returns the stored result."""
    return from_json(RESULT.read_text(encoding="utf-8"))


def trials(
    counts: Sequence[int] = COUNTS, seeds: Sequence[int] = SEEDS, base: Experiment = BASE
) -> Iterator[Trial]:
    """Yields every network's result, the smallest amounts first."""
    for place in places(counts, seeds):
        yield trial(*place, base)


def places(counts: Sequence[int] = COUNTS, seeds: Sequence[int] = SEEDS) -> list[tuple[int, str, int, str]]:
    """Returns what is tried: every (count, match, seed, name)."""
    return list(product(counts, MATCHES, seeds, RIVALS))


def trial(count: int, match: str, seed: int, name: str, base: Experiment = BASE) -> Trial:
    """Returns one network's result, at the learning rate that suits it better."""
    race = race_of(replace(base, sentences=count, match=match, race_seed=seed))
    run = race.runs[race.names.index(name)]
    return min((_trial(name, match, replace(run, rate=rate)) for rate in RATES), key=lambda t: t.held_out)


def _trial(name: str, match: str, run: Experiment) -> Trial:
    learner = Learner(run, source(run, run.grammar))
    held_out = learner.source.held_out()
    best, kept, step = np.inf, dict[str, torch.Tensor](), 0
    while learner.step < run.budget and learner.step < step + CHECK * PATIENCE:
        for _ in range(CHECK):
            learner.advance()
        loss, _ = _measured(learner, held_out)
        if loss < best:
            best, step = loss, learner.step
            kept = {name: value.clone() for name, value in learner.model.state_dict().items()}
    learner.model.load_state_dict(kept)
    nats, accuracy = _measured(learner, _test(run))
    size = (run.hidden, learner.parameters, run.rate)
    return Trial(name, match, run.sentences, run.seed, *size, step, float(best), nats, accuracy)


def _test(run: Experiment) -> Batch:
    """Sentences that are not those of the training, nor those that decide when it stops."""
    return source(replace(run, seed=_TEST_SEED + run.seed, sentences=0), run.grammar).held_out()


@torch.no_grad()
def _measured(learner: Learner, batch: Batch) -> tuple[float, float]:
    """Returns the cross-entropy per token and the share of right words where memory decides."""
    logits = learner.outputs(batch)
    nats = F.cross_entropy(logits.flatten(0, 1), batch.target.flatten(), ignore_index=-1)
    assert batch.judged is not None
    right = (logits.argmax(-1) == batch.target)[batch.judged]
    return nats.item(), right.float().mean().item()


Phrase = tuple[str, dict[str, Any]]


def verdict(found: Amount, match: str) -> list[Phrase]:
    """Returns who does better where memory decides, for each number of sentences.

    Keys of sentences with their values: `lstm_better` or `gru_better` where the medians lie further apart
    than half the wider band, else `near`.
    """
    said: list[Phrase] = []
    for count in found.counts:
        lstm, gru = (found.values(name, match, count, "accuracy") for name in RIVALS)
        apart = float(np.median(gru) - np.median(lstm))
        wins = int((gru > lstm).sum())
        values: Mapping[str, Any] = {
            "count": f"{count:,}",
            "lstm": f"{100 * np.median(lstm):.0f}",
            "gru": f"{100 * np.median(gru):.0f}",
            "wins": wins,
            "seeds": len(gru),
        }
        spread = max(np.ptp(lstm), np.ptp(gru))
        key = "near" if abs(apart) <= spread / 2 else "gru_better" if apart > 0 else "lstm_better"
        said.append((key, dict(values)))
    return said
