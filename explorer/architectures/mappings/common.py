"""What every mapping has: its records, its training, a run over its tokens."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from explorer.architectures.mappings.attention import Attention
from explorer.lab.learned import Input, Token
from explorer.labels import UNKNOWN
from explorer.limits import TOP
from explorer.nn.initialise import initialise
from explorer.nn.model import RecurrentModel
from explorer.nn.softmax import softmax
from explorer.nn.threads import one_thread
from explorer.nn.tracing import Trace, trace

SIZE = 16
"""Numbers of an input's vector."""

HIDDEN_SIZES = {"one_one": 8, "one_many": 24, "many_one": 16, "many_many": 16, "encoder_decoder": 32}
TRAINING_STEPS = {"one_one": 160, "one_many": 200, "many_one": 60, "many_many": 250, "encoder_decoder": 1_300}
RATE, KEEP, ROWS, DROPPED = 0.01, 2.0, 64, 0.1
"""Adam's rate, falling to 0; the keeping gate's first bias; sentences of a training step; the share of words
that training replaces by <unk>."""

HELD_OUT = ("many_one", "many_many", "encoder_decoder")
"""Mappings that are measured on what was not learned: of letters and digits there are no others."""

Problems = tuple[tuple[str, dict[str, Any]], ...]


@dataclass(frozen=True)
class Accuracy:
    """Right answers of one kind: what names it in the locale, guess is the share right without a network."""

    what: str
    right: int
    total: int
    guess: float

    @property
    def share(self) -> float:
        return self.right / self.total


@dataclass(frozen=True, eq=False)
class Network:
    """A trained mapping: one model, or encoder and decoder, in float64.

    held_out: whether the scores are of texts that it did not learn. answers: what the outputs mean, as shown.
    trained: on how many texts; seconds: of the training. attention: the decoder's, if it has any.
    """

    mapping: str
    cell: str
    lang: str
    seed: int
    steps: int
    held_out: bool
    models: tuple[RecurrentModel, ...]
    answers: tuple[str, ...]
    trained: int
    seconds: float
    scores: tuple[Accuracy, ...]
    attention: Attention | None = None

    @property
    def parameters(self) -> int:
        """Numbers that were learned: an encoder's readout is not used."""
        unused = sum(p.numel() for model in self.models[:-1] for p in model.readout.parameters())
        learned = [*self.models, *([self.attention] if self.attention else [])]
        return sum(p.numel() for module in learned for p in module.parameters()) - unused


class Fitted(NamedTuple):
    """What a training came to: the last fields of a Network."""

    models: tuple[RecurrentModel, ...]
    answers: tuple[str, ...]
    trained: int
    seconds: float
    scores: tuple[Accuracy, ...]
    attention: Attention | None = None


@dataclass(frozen=True)
class Said:
    """The best answers at a step, best first, with their probabilities."""

    labels: tuple[str, ...]
    probabilities: tuple[float, ...]

    @property
    def best(self) -> str:
        return self.labels[0]


@dataclass(frozen=True)
class Column:
    """One step of the mapping: what comes in (None: nothing), what comes out (None: nothing), and its worth.

    counts: whether this output is one of the mapping; where not, it is only looked at. asked: the right
    answer where it is known. undecided: whether only the next token tells.
    """

    step: int
    token: Token | None
    said: Said | None
    counts: bool = True
    asked: str | None = None
    undecided: bool = False

    @property
    def wrong(self) -> bool:
        if not self.counts or self.asked is None or self.said is None:
            return False
        return self.said.best != self.asked


@dataclass(frozen=True, eq=False)
class Part:
    """One network's run, the whole of it, and its input; says: whether it has outputs.

    attention (T, S): the decoder's weights over the encoder's steps, each row adds up to 1; None without.
    """

    run: Trace
    given: Input
    model: RecurrentModel
    says: bool = True
    attention: np.ndarray | None = None

    @property
    def first(self) -> int:
        return self.run.first_step

    @property
    def last(self) -> int:
        return self.run.first_step + self.run.steps - 1


@dataclass(frozen=True, eq=False)
class Reading:
    """A text read by a network: columns of all steps, the runs behind them, what could not be done as asked.

    text is what was read; handed: the step whose state the decoder starts from, else None.
    """

    network: Network
    text: str
    columns: tuple[Column, ...]
    parts: tuple[Part, ...]
    problems: Problems

    @property
    def handed(self) -> int | None:
        return self.parts[0].last if len(self.parts) == 2 else None

    @property
    def settled(self) -> int:
        """The first step from which on the best answer stays the same."""
        best = [column.said.best if column.said else None for column in self.columns]
        return max((k + 1 for k in range(1, len(best)) if best[k] != best[k - 1]), default=1)

    def at(self, step: int) -> Part:
        """Returns the run that a step belongs to."""
        return self.parts[-1] if self.handed and step > self.handed else self.parts[0]


def starting(
    mapping: str,
    cell: str,
    seed: int,
    vocabularies: Sequence[tuple[Sequence[str], int]],
) -> tuple[list[RecurrentModel], torch.Generator]:
    """Returns models for (vocabulary, outputs), with their first weights, and the generator to go on with."""
    generator = torch.Generator().manual_seed(seed)
    models = [
        RecurrentModel(cell, SIZE, HIDDEN_SIZES[mapping], outputs, vocabulary=vocabulary)
        for vocabulary, outputs in vocabularies
    ]
    for model in models:
        initialise(model, generator, bias="fixed", keep_bias=KEEP)
    return models, generator


@one_thread()
def descend(mapping: str, models: Iterable[nn.Module], loss_at: Callable[[int], Tensor]) -> float:
    """Trains for the mapping's steps with Adam, norm clipped at 1; returns the seconds that it took."""
    parameters = [p for model in models for p in model.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=RATE)
    started = time.perf_counter()
    for step in range(TRAINING_STEPS[mapping]):
        optimiser.param_groups[0]["lr"] = RATE * (1 - step / TRAINING_STEPS[mapping])
        optimiser.zero_grad()
        loss_at(step).backward()
        norm = nn.utils.clip_grad_norm_(parameters, 1.0)
        if torch.isfinite(norm):
            optimiser.step()
    return time.perf_counter() - started


def padded(rows: Iterable[Sequence[int]], value: int) -> Tensor:
    """Returns rows side by side (T, B), the shorter ones filled up behind."""
    return nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], padding_value=value)


def dropped(ids: Tensor, model: RecurrentModel, generator: torch.Generator) -> Tensor:
    """Returns ids with some of the words as if they were unknown: so <unk> learns a vector, too."""
    return ids.masked_fill(torch.rand(ids.shape, generator=generator) < DROPPED, model.ids[UNKNOWN])


def finished(models: Sequence[RecurrentModel]) -> tuple[RecurrentModel, ...]:
    """Returns trained models in float64, for looking at."""
    return tuple(model.double().eval() for model in models)


def said_by(logits: np.ndarray, answers: tuple[str, ...]) -> list[Said]:
    """Returns the best answers of every row of logits (T, K)."""
    shares = softmax(logits)
    best = np.argsort(-shares, axis=1, kind="stable")[:, :TOP]
    return [
        Said(tuple(answers[k] for k in row), tuple(shares[at, row].tolist())) for at, row in enumerate(best)
    ]


def part_of(
    model: RecurrentModel,
    tokens: Sequence[str],
    shown: Sequence[Token],
    answers: tuple[str, ...],
    asked: Sequence[str | None],
) -> Part:
    """Returns a run over tokens, asked for answers by name, None where nothing is asked or known."""
    classes = np.array([answers.index(a) if a in answers else -1 for a in asked])
    run = trace(model, model.encode(tokens))
    return Part(run, Input(list(tokens), tuple(shown), classes=classes, answers=answers), model)


def outputs(part: Part) -> list[Said]:
    """Returns what a run says at every step."""
    assert part.run.logits is not None
    return said_by(part.run.logits, part.given.answers)


def unknown(shown: Sequence[Token]) -> Problems:
    """Returns what to say of words that the network has not learned."""
    count = sum(not token.known for token in shown)
    return (("unknown", {"count": count, "total": len(shown)}),) if count else ()


def usual(seen: Iterable[tuple[Hashable, str]]) -> dict[Hashable, str]:
    """Returns what most often goes with each thing; of equals the first seen."""
    counts: dict[Hashable, Counter[str]] = defaultdict(Counter)
    for thing, what in seen:
        counts[thing][what] += 1
    return {thing: count.most_common(1)[0][0] for thing, count in counts.items()}
