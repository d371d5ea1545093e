"""Translation of longer and longer sentences, with attention and without: what passes through 64 numbers.

Toy sentences of one to four clauses, English to Korean: `the small dog sees the big cat and ...`. An encoder
and a decoder with or without attention learn them all mixed, on clauses that are drawn anew at every step. No
who-does-what-to-whom of the tests is ever learned. Every contestant has the same data, seed by seed, the same
number of steps and its better of two learning rates, chosen on other sentences than it is measured on.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.architectures.mappings.attention import Attention, attended
from explorer.exact import SURE, fisher, holm
from explorer.i18n import ASSETS
from explorer.nn.initialise import initialise
from explorer.nn.model import RecurrentModel
from explorer.nn.threads import one_thread

RESULT = ASSETS / "results" / "attention.json"
CELL, SIZE, KEEP = "lstm", 16, 2.0
LEARNED, CLAUSES = (1, 2, 3, 4), (1, 2, 3, 4, 5)
"""Clauses of the sentences that are learned, and of those that are asked: one more."""

STEPS, ROWS, RATES = 2_000, 64, (0.003, 0.01)
TESTED = 100
"""Sentences of every length that choose the rate, and others that are reported."""

SEEDS = range(10)
SOLVED = 0.9
"""From this share of sentences without a wrong word on, a network counts as knowing them."""

ADJECTIVES, NOUNS, VERBS = 4, 10, 6
HELD_OUT = 120
"""Of the 600 triples of who does what to whom."""


@dataclass(frozen=True)
class Contestant:
    """One kind of network: its attention (`` for none) and its units."""

    key: str
    attention: str
    hidden: int


CONTESTANTS = (
    Contestant("none", "", 32),
    Contestant("larger", "", 44),
    Contestant("dot", "dot", 32),
    Contestant("additive", "additive", 32),
)
"""The larger one has more weights than any with attention, so that weights alone are no answer."""


@cache
def _split() -> tuple[Tensor, Tensor]:
    """Triples (n, 3) that may be learned, and those that never are."""
    every = torch.tensor(list(product(range(NOUNS), range(VERBS), range(NOUNS))))
    order = torch.randperm(len(every), generator=torch.Generator().manual_seed(0))
    return every[order[HELD_OUT:]], every[order[:HELD_OUT]]


# Ids. Source: the, and, adjectives, nouns, verbs. Target: start, end, -go, subject and object particles after
# a consonant or a vowel, adjectives, nouns, verbs.

SOURCE, TARGET = 2 + ADJECTIVES + NOUNS + VERBS, 7 + ADJECTIVES + NOUNS + VERBS
START, END = 0, 1


def sentences(count: int, clauses: int, held_out: bool, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Returns ids of sentences (8n-1, B) and of their translations, START first and END last (8n+1, B)."""
    triples = _split()[held_out]
    who, does, whom = triples[torch.randint(len(triples), (clauses, count), generator=generator)].unbind(-1)
    kinds = torch.randint(ADJECTIVES, (2, clauses, count), generator=generator)
    source, target = [], [torch.zeros(count, dtype=torch.long)]
    for k in range(clauses):
        a, b = kinds[:, k]
        the, n, v = torch.zeros_like(a), 2 + ADJECTIVES, 2 + ADJECTIVES + NOUNS
        source += [the, 2 + a, n + who[k], v + does[k], the, 2 + b, n + whom[k]]
        subject, object_ = 3 + who[k] % 2, 5 + whom[k] % 2
        target += [7 + a, 5 + n + who[k], subject, 7 + b, 5 + n + whom[k], object_, 5 + v + does[k]]
        last = k == clauses - 1
        target.append(torch.full((count,), END if last else 2))
        source += [] if last else [torch.ones(count, dtype=torch.long)]
    return torch.stack(source), torch.stack(target)


class Translator(nn.Module):
    """Encoder, decoder and, where there is any, attention."""

    def __init__(self, contestant: Contestant, generator: torch.Generator) -> None:
        super().__init__()
        H = contestant.hidden
        self.encoder = RecurrentModel(CELL, SIZE, H, 1, vocabulary=tuple(map(str, range(SOURCE))))
        self.decoder = RecurrentModel(CELL, SIZE, H, TARGET, vocabulary=tuple(map(str, range(TARGET))))
        for model in (self.encoder, self.decoder):
            initialise(model, generator, bias="fixed", keep_bias=KEEP)
        self.attention = Attention(contestant.attention, H, TARGET) if contestant.attention else None
        if self.attention is not None:
            self.attention.start(generator)

    @property
    def weights(self) -> int:
        """Numbers that are learned: the encoder's readout is not used."""
        return sum(p.numel() for p in self.parameters()) - self.encoder.hidden_size - 1

    def forward(self, source: Tensor, heard: Tensor) -> Tensor:
        """Returns logits (T, B, V) for a source (S, B) and what the decoder hears (T, B)."""
        e, state = self.encoder.rnn(self.encoder.vectors(source))
        return self._say(heard, e, state)[0]

    def _say(self, heard: Tensor, e: Tensor, state: Any) -> tuple[Tensor, Any]:
        h, state = self.decoder.rnn(self.decoder.vectors(heard), state)
        return attended(self.decoder.readout, h, self.attention, e), state

    @torch.no_grad()
    def translated(self, source: Tensor, steps: int) -> Tensor:
        """Returns what it says (steps, B): each word the best, and then heard."""
        e, state = self.encoder.rnn(self.encoder.vectors(source))
        word, said = torch.full(source.shape[1:], START), []
        for _ in range(steps):
            logits, state = self._say(word[None], e, state)
            word = logits[0].argmax(-1)
            said.append(word)
        return torch.stack(said)


@dataclass(frozen=True)
class Trial:
    """One network: right words and sentences without a wrong word, shares by number of clauses."""

    key: str
    seed: int
    weights: int
    rate: float
    words: tuple[float, ...]
    sentences: tuple[float, ...]


def trial(key: str, seed: int, steps: int = STEPS) -> Trial:
    """Returns one network's result, at the learning rate that suits it better."""
    contestant = next(one for one in CONTESTANTS if one.key == key)
    chosen, measured = (_test(seed, part) for part in (1, 2))
    learned = {rate: _learned(contestant, seed, rate, steps) for rate in RATES}
    rate = max(RATES, key=lambda rate: sum(_right(learned[rate], chosen)[0][: len(LEARNED)]))
    words, whole = _right(learned[rate], measured)
    return Trial(key, seed, learned[rate].weights, rate, words, whole)


def trial_record(key: str, seed: int, steps: int = STEPS) -> dict[str, Any]:
    """Returns one trial as plain values."""
    return asdict(trial(key, seed, steps))


@one_thread()
def _learned(contestant: Contestant, seed: int, rate: float, steps: int) -> Translator:
    """Trains with Adam, the rate falling to 0, the norm clipped at 1; data of a seed are those of all."""
    model = Translator(contestant, torch.Generator().manual_seed(seed))
    data = torch.Generator().manual_seed(10_000 + seed)
    optimiser = torch.optim.Adam(model.parameters(), lr=rate)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = rate * (1 - step / steps)
        clauses = LEARNED[int(torch.randint(len(LEARNED), (), generator=data))]
        source, target = sentences(ROWS, clauses, held_out=False, generator=data)
        loss = F.cross_entropy(model(source, target[:-1]).flatten(0, 1), target[1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    return model


def _test(seed: int, part: int) -> list[tuple[Tensor, Tensor]]:
    """Sentences of every length, of triples that are never learned; part 1 chooses, part 2 is reported."""
    generator = torch.Generator().manual_seed(100_000 * part + seed)
    return [sentences(TESTED, clauses, held_out=True, generator=generator) for clauses in CLAUSES]


def _right(model: Translator, tests: Sequence[tuple[Tensor, Tensor]]) -> tuple[tuple[float, ...], ...]:
    """Shares of right words and of sentences without a wrong one, by length."""
    hits = [model.translated(source, len(target) - 1) == target[1:] for source, target in tests]
    return (
        tuple(round(float(hit.double().mean()), 4) for hit in hits),
        tuple(round(float(hit.all(0).double().mean()), 4) for hit in hits),
    )


# What is stored of all, and what it says.


def settings() -> str:
    """Returns a short name of all that a trial depends on beside its contestant and its seed."""
    return sha256(
        repr((CELL, SIZE, KEEP, LEARNED, CLAUSES, STEPS, ROWS, RATES, TESTED)).encode()
    ).hexdigest()[:8]


def places(seeds: Sequence[int] = SEEDS) -> dict[str, tuple[str, int]]:
    """Returns what is tried, every (contestant, seed), by a name for a file; seed after seed."""
    return {f"{one.key}-{seed}": (one.key, seed) for seed, one in product(seeds, CONTESTANTS)}


@dataclass(frozen=True)
class Result:
    """Trials with the date and the command that made them."""

    date: str
    command: str
    steps: int
    trials: tuple[Trial, ...]

    @property
    def seeds(self) -> int:
        return len({trial.seed for trial in self.trials})

    def of(self, key: str) -> list[Trial]:
        """Returns a contestant's trials by rising seed."""
        return sorted((trial for trial in self.trials if trial.key == key), key=lambda trial: trial.seed)

    def shares(self, key: str, what: str) -> np.ndarray:
        """Returns shares (seeds, lengths) of right `words` or `sentences`."""
        return np.array([getattr(trial, what) for trial in self.of(key)])

    def solved(self, key: str, clauses: int) -> tuple[int, int]:
        """Returns how many seeds translate nearly all sentences of so many clauses, of how many."""
        found = self.shares(key, "sentences")[:, CLAUSES.index(clauses)] >= SOLVED
        return int(found.sum()), len(found)


def from_record(record: Mapping[str, Any]) -> Result:
    """Returns what a stored result holds."""
    trials = (Trial(**one | {k: tuple(one[k]) for k in ("words", "sentences")}) for one in record["trials"])
    return Result(record["date"], record["command"], record["steps"], tuple(trials))


@cache
def shipped() -> Result:
    """Returns the stored result."""
    return from_record(json.loads(RESULT.read_text(encoding="utf-8")))


def apart(found: Result) -> dict[tuple[str, int], bool]:
    """Returns where attention solves clearly more seeds than more weights do: by contestant and clauses.

    Fisher's exact test, adjusted for all these comparisons (Holm).
    """
    asked = [(one.key, clauses) for one in CONTESTANTS if one.attention for clauses in CLAUSES]
    pairs = [(found.solved(key, clauses), found.solved("larger", clauses)) for key, clauses in asked]
    chances = holm([fisher(*own, *other) for own, other in pairs])
    return {
        at: chance < SURE and own[0] > other[0]
        for at, chance, (own, other) in zip(asked, chances, pairs, strict=True)
    }
