"""What a network is trained on, as the trainer asks for it: batches, held-out sequences, one to look at."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import torch

from explorer.data.corpora import lecture_sentences
from explorer.data.grammar import FARTHEST, NEAREST, Sentence, respelled, sentences, versions, words
from explorer.data.series import Series, series
from explorer.data.tales import letters, tales
from explorer.data.tasks import (
    ADDING_BASELINE,
    SYMBOL_TASKS,
    adding,
    flip_flop,
    flip_flop_baseline,
    pulses_as_text,
)
from explorer.data.unusable import Unusable
from explorer.experiment import Experiment
from explorer.labels import UNKNOWN, label
from explorer.limits import MAX_BUDGET
from explorer.text import split_sentences, tokenise

ADDING_GOAL, ACCURACY_GOAL = 0.01, 0.99
FLIP_FLOP_GOAL = 0.005
"""Mean squared error on new sequences under which a network counts as holding its three bits."""
HELD_OUT_ROWS = 500
GRAMMAR_HELD_OUT = 200
TEXT_WHOLE = 200
"""Tokens up to which a person's text is learned whole: a tenth of it would be too little to test on."""
TALES_TRAINED, TALES_HELD_OUT = 200_000, 10_000
"""Characters of the tales that are trained on, and of those that are not."""

_SEEDED, _PER_SEED = 1 << 31, 1 << 15
_HELD_OUT, _PROBE, _STOCK, _TALES, _THIRD = (_PER_SEED - k for k in range(1, 6))


@dataclass(frozen=True, eq=False)
class Batch:
    """Sequences side by side.

    x: (T, B, D) float32, or (T, B) int64 token ids. target: (B,) float32 for a number, asked at the last
    step; (T, B, K) float32 for K numbers at every step; (T, B) int64 for classes, -1 where nothing is asked.
    first: the first row (0-based) whose output is asked for. judged: (T, B) bool, the targets that the metric
    counts; None where it counts all.
    """

    x: torch.Tensor
    target: torch.Tensor
    first: int = 0
    judged: torch.Tensor | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Source:
    """Batches to train on and what is known about them beforehand.

    inputs: D, 0 with a vocabulary, where the embedding decides. outputs: K. vocabulary: tokens of a
    language model, <unk> first, else None. symbols, answers: labels of one-hot channels and of the K
    outputs, None where there are none. metric: "error" (mean squared, passed below goal) or "accuracy"
    (passed at goal or above). goal: NaN where there is none. baseline, chance: loss and metric of the
    best guess without memory; for lecture and yours, and for the loss of every text, of a uniform guess
    among the vocabulary. remember: the most steps something must be kept.
    labels, marked: of every step of `probe`, what to show and whether it matters: a marked number, a
    symbol to remember, a token that memory decides.
    held_out_is_training: whether the held-out sequences are those trained on, for want of more.
    everything: whether they are all there are to ask, so that their share of right answers is no estimate.
    together: how many sequences are versions of one.
    third: of a limited number of sentences, 200 that are neither learned from nor held out; else None.
    """

    seed: int
    inputs: int
    outputs: int
    metric: str
    goal: float
    baseline: float
    chance: float
    remember: int
    labels: tuple[str, ...]
    marked: tuple[bool, ...]
    vocabulary: tuple[str, ...] | None = None
    symbols: tuple[str, ...] | None = None
    answers: tuple[str, ...] | None = None
    held_out_is_training: bool = False
    everything: bool = False
    together: int = 1
    training: Callable[[torch.Generator], Batch]
    test: Callable[[torch.Generator], Batch]
    shown: Batch
    third: Batch | None = None

    def batch(self, step: int) -> Batch:
        """Returns the batch of a training step, the same for every network of a seed.

        Raises ValueError for a step under 0 or over MAX_BUDGET.
        """
        if not 0 <= step <= MAX_BUDGET:
            raise ValueError(f"step {step}; it must be 0 to {MAX_BUDGET}")
        return self.training(stream(self.seed, step))

    def held_out(self) -> Batch:
        """Returns 500 sequences, or the held-out text; always the same, not from the training's stream.

        A grammar's 200 sentences (198 of brackets), and tales, are not among those trained on. Copy has 64
        sequences in all, whatever its length, and all of them are trained on. The lecture's three sentences
        and a text of at most TEXT_WHOLE tokens are their own held-out text.
        """
        return self._held_out

    @cached_property
    def _held_out(self) -> Batch:
        return self.test(stream(self.seed, _HELD_OUT))

    @property
    def trials(self) -> int:
        """How many answers a held-out accuracy is estimated from; 0 where it is an error or no estimate."""
        return 0 if self.everything or self.metric == "error" else int(judged(self._held_out).sum())

    @property
    def alone(self) -> bool:
        """Whether there are such answers and none hangs on another: each is of a sequence of its own."""
        return self.trials > 0 and self.together == 1 and bool((judged(self._held_out).sum(0) <= 1).all())

    def probe(self) -> Batch:
        """Returns one sequence (B = 1) to look at, held out like those of `held_out`."""
        return self.shown


def judged(batch: Batch) -> torch.Tensor:
    """Returns which answers (T - first, B) a share of right ones counts."""
    return (batch.target >= 0 if batch.judged is None else batch.judged)[batch.first :]


def stream(seed: int, number: int) -> torch.Generator:
    """Returns a fresh generator for a seed (0 to 9999) and a number under 32,768: a step or a purpose.

    It is seeded with 2^31 + 32768 seed + number. PyTorch's CPU generator reads only 32 bits of a seed,
    and all of these differ in them, also from the small seeds that weights are drawn from.
    """
    return torch.Generator().manual_seed(_SEEDED + _PER_SEED * seed + number)


def source(experiment: Experiment, lang: str = "en") -> Source:
    """Returns the source of an experiment's data, units, length, batch, text and seed.

    lang is the language of agreement, brackets, honorific and tales, `auto` English. Raises Unusable where
    the length is too short for the test or the text has fewer than two tokens.
    """
    lang = "en" if lang == "auto" else lang
    if experiment.data == "adding":
        return _adding(experiment)
    if experiment.data == "flip_flop":
        return _flip_flop(experiment)
    if experiment.data == "series":
        return _forecast(experiment)
    if experiment.data in SYMBOL_TASKS:
        return _symbols(experiment)
    if experiment.data == "lecture":
        return _lecture(experiment)
    if experiment.data == "yours":
        return _yours(experiment)
    if experiment.data == "tales":
        return _tales(experiment, lang)
    return _grammar(experiment, lang)


def foreseeable(sentences: Sequence[Sequence[int]]) -> tuple[int, float]:
    """Returns how many next tokens a perfect memory of the sentences gets right, and its mean loss.

    Where the same beginning goes on in two ways, nobody can be right both times.
    """
    futures: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for sentence in sentences:
        for at in range(1, len(sentence)):
            futures[tuple(sentence[:at])][sentence[at]] += 1
    right = sum(max(seen.values()) for seen in futures.values())
    total = sum(seen.total() for seen in futures.values())
    nats = sum(n * math.log(seen.total() / n) for seen in futures.values() for n in seen.values())
    return right, nats / total


# The memory tests.


def _long_enough(experiment: Experiment, least: int) -> None:
    if experiment.length < least:
        raise Unusable("unusable.length", least=least, length=experiment.length)


def _adding(experiment: Experiment) -> Source:
    _long_enough(experiment, 2)
    T = experiment.length
    shown = _adding_batch(T, 1, stream(experiment.seed, _PROBE))
    steps = shown.x[:, 0].tolist()
    return Source(
        seed=experiment.seed,
        inputs=2,
        outputs=1,
        metric="error",
        goal=ADDING_GOAL,
        baseline=ADDING_BASELINE,
        chance=ADDING_BASELINE,
        remember=T - 1,
        labels=tuple(f"{value:.2f}" for value, _ in steps),
        marked=tuple(mark > 0 for _, mark in steps),
        training=partial(_adding_batch, T, experiment.batch),
        test=partial(_adding_batch, T, HELD_OUT_ROWS),
        shown=shown,
    )


def _adding_batch(length: int, rows: int, generator: torch.Generator) -> Batch:
    return Batch(*adding(length, rows, generator), first=length - 1)


def _flip_flop(experiment: Experiment) -> Source:
    T = experiment.length
    _long_enough(experiment, 2)
    shown = _bits(T, 1, stream(experiment.seed, _PROBE))
    pulses = shown.x[:, 0].tolist()
    return Source(
        seed=experiment.seed,
        inputs=shown.x.shape[-1],
        outputs=shown.target.shape[-1],
        metric="error",
        goal=FLIP_FLOP_GOAL,
        baseline=flip_flop_baseline(T),
        chance=flip_flop_baseline(T),
        remember=T - 1,
        labels=tuple(map(pulses_as_text, pulses)),
        marked=tuple(any(step) for step in pulses),
        training=partial(_bits, T, experiment.batch),
        test=partial(_bits, T, HELD_OUT_ROWS),
        shown=shown,
    )


def _bits(length: int, rows: int, generator: torch.Generator) -> Batch:
    return Batch(*flip_flop(length, rows, generator))


def _forecast(experiment: Experiment) -> Source:
    """Windows of a series cut in time: at every step the next value is asked for.

    baseline and chance: persistence on the held-out windows. The goal is half of it, which no network reaches
    on a random walk.
    """
    T = experiment.length
    _long_enough(experiment, 2)
    whole = series(experiment.series, experiment.seed, experiment.values)
    if not len(whole.starts(T, held_out=True)):
        raise Unusable(
            "unusable.short_series", count=len(whole.values), most=len(whole.values) - whole.cut - 1
        )
    held_out, scale = whole.starts(T, held_out=True), whole.scale(T)
    shown = _counted(whole, T, scale, held_out[-1:])
    test = _counted(whole, T, scale, held_out)
    lag = float(((test.x - test.target) ** 2).mean())
    return Source(
        seed=experiment.seed,
        inputs=1,
        outputs=1,
        metric="error",
        goal=lag / 2.0,
        baseline=lag,
        chance=lag,
        remember=min(whole.period, T - 1),
        labels=tuple(f"{value:.2f}" for value in shown.x[:, 0, 0].tolist()),
        marked=(False,) * T,
        training=partial(_stretches_of, whole, T, scale, experiment.batch),
        test=partial(_always, test),
        shown=shown,
    )


def _counted(whole: Series, length: int, scale: float, starts: np.ndarray) -> Batch:
    """Returns windows, each counted from its own first value, in units of scale."""
    found = whole.windows(starts, length)
    values = torch.tensor((found - found[:1]) / scale, dtype=torch.float32)[..., None]
    return Batch(values[:-1], values[1:])


def _stretches_of(whole: Series, length: int, scale: float, rows: int, generator: torch.Generator) -> Batch:
    """Returns windows of the training part by chance."""
    starts = whole.starts(length, held_out=False)
    return _counted(
        whole, length, scale, starts[torch.randint(len(starts), (rows,), generator=generator).numpy()]
    )


def _symbols(experiment: Experiment) -> Source:
    task = SYMBOL_TASKS[experiment.data]
    _long_enough(experiment, task.least)
    make = partial(_symbol_batch, experiment.data, experiment.length)
    shown = make(1, stream(experiment.seed, _PROBE))
    channels = shown.x[:, 0].argmax(-1).tolist()
    return Source(
        seed=experiment.seed,
        inputs=len(task.symbols),
        outputs=len(task.answers),
        metric="accuracy",
        goal=ACCURACY_GOAL,
        baseline=task.baseline,
        chance=task.chance,
        remember=task.remember(experiment.length),
        labels=tuple(task.symbols[k] for k in channels),
        marked=tuple(k < task.kept for k in channels),
        symbols=task.symbols,
        answers=task.answers,
        held_out_is_training=bool(task.all),
        training=partial(make, experiment.batch),
        test=partial(make, HELD_OUT_ROWS),
        shown=shown,
    )


def _symbol_batch(name: str, length: int, rows: int, generator: torch.Generator) -> Batch:
    task = SYMBOL_TASKS[name]
    x, target = task.make(length, rows, generator)
    return Batch(x, target, first=len(x) - task.asked)


# Texts.


def _padded(rows: Sequence[Sequence[int]]) -> torch.Tensor:
    """Returns ids (longest, N), -1 after the end of a row."""
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[-1] * (longest - len(row))] for row in rows]).T


def _batch(ids: torch.Tensor, judged: torch.Tensor | None = None) -> Batch:
    """Returns the batch that asks for each next token of ids (T + 1, B), -1 after the end."""
    return Batch(ids[:-1].clamp(min=0), ids[1:], judged=judged)


def _always(batch: Batch, generator: torch.Generator) -> Batch:
    return batch


def _windows(text: torch.Tensor, length: int, rows: int, generator: torch.Generator) -> Batch:
    """Returns stretches of length + 1 tokens from anywhere in a text."""
    starts = torch.randint(0, len(text) - length, (rows,), generator=generator)
    return _from(text, starts, length)


def _from(text: torch.Tensor, starts: torch.Tensor, length: int) -> Batch:
    """Returns the stretches of length + 1 tokens that begin at some places of a text."""
    return _batch(text[starts + torch.arange(length + 1)[:, None]])


def _stretches(text: Sequence[int], length: int) -> list[Sequence[int]]:
    """Returns a text in pieces of length + 1 tokens, the last one shorter; each begins where one ends."""
    return [text[at : at + length + 1] for at in range(0, len(text) - 1, length)]


def _text_source(
    experiment: Experiment,
    vocabulary: tuple[str, ...],
    shown: Batch,
    *,
    training: Callable[[torch.Generator], Batch],
    test: Batch,
    remember: int,
    goal: float = math.nan,
    chance: float | None = None,
    marked: frozenset[int] = frozenset(),
    held_out_is_training: bool = False,
    everything: bool = False,
    together: int = 1,
) -> Source:
    V = len(vocabulary)
    tokens = [vocabulary[k] for k in shown.x[:, 0].tolist()]
    return Source(
        seed=experiment.seed,
        inputs=0,
        outputs=V,
        metric="accuracy",
        goal=goal,
        baseline=math.log(V),
        chance=1.0 / V if chance is None else chance,
        remember=remember,
        labels=tuple(map(label, tokens)),
        marked=tuple(t in marked for t in range(len(tokens))),
        vocabulary=vocabulary,
        held_out_is_training=held_out_is_training,
        everything=everything,
        together=together,
        training=training,
        test=partial(_always, test),
        shown=shown,
    )


def _vocabulary(tokens: set[str]) -> tuple[tuple[str, ...], dict[str, int]]:
    vocabulary = (UNKNOWN, *sorted(tokens - {UNKNOWN}))
    return vocabulary, {token: k for k, token in enumerate(vocabulary)}


def _whole(experiment: Experiment, lines: Sequence[Sequence[str]], known: bool) -> Source:
    """Returns the source that trains on every line at every step, and tests on them too.

    known says whether there is a goal: as many right as the lines allow.
    """
    vocabulary, ids = _vocabulary({token for line in lines for token in line})
    rows = [[ids[token] for token in line] for line in lines]
    batch = _batch(_padded(rows))
    right, _ = foreseeable(rows)
    total = sum(len(line) - 1 for line in lines)
    return _text_source(
        experiment,
        vocabulary,
        _batch(_padded(rows[:1])),
        training=partial(_always, batch),
        test=batch,
        remember=len(batch.x),
        goal=right / total if known else math.nan,
        held_out_is_training=True,
        everything=True,
    )


def _lecture(experiment: Experiment) -> Source:
    return _whole(experiment, [tokenise(line, experiment.token_level) for line in lecture_sentences()], True)


def _yours(experiment: Experiment) -> Source:
    """Returns the source of a person's text.

    A text of at most TEXT_WHOLE tokens and no longer than `length` is learned line by line, a line
    ending where one ends in the text or where a sentence does. Of any other, windows of `length`
    tokens; of more than TEXT_WHOLE tokens the last tenth is held out. The vocabulary is the whole text's.
    """
    pieces = split_sentences(experiment.text)
    tokens = tokenise(" ".join(pieces), experiment.token_level)
    if len(tokens) < 2:
        raise Unusable("unusable.text", tokens=len(tokens))
    if len(tokens) <= min(TEXT_WHOLE, experiment.length):
        lines = [line for piece in pieces if len(line := tokenise(piece, experiment.token_level)) > 1]
        return _whole(experiment, lines or [tokens], False)
    vocabulary, ids = _vocabulary(set(tokens))
    text = [ids[token] for token in tokens]
    held = len(text) // 10 if len(text) > TEXT_WHOLE else 0
    kept, test = (text[:-held], text[-held:]) if held else (text, text)
    T = min(experiment.length, len(kept) - 1)
    stretches = _stretches(test, T)
    return _text_source(
        experiment,
        vocabulary,
        _batch(_padded(stretches[:1])),
        training=partial(_windows, torch.tensor(kept), T, experiment.batch),
        test=_batch(_padded(stretches)),
        remember=T,
        held_out_is_training=not held,
        everything=not held,
    )


def _tales(experiment: Experiment, lang: str) -> Source:
    """Returns the source of windows of `length` tokens out of tales; the tales held out are others.

    The vocabulary is that of all tales there can be.
    """
    token_level, T = experiment.token_level, experiment.length
    vocabulary, ids = _vocabulary(set(letters(lang, token_level)))
    trained = tales(lang, TALES_TRAINED, stream(experiment.seed, _TALES))
    known = set(trained)
    others = [
        tale for tale in tales(lang, TALES_HELD_OUT, stream(experiment.seed, _HELD_OUT)) if tale not in known
    ]
    rows = [tokenise(f"{tale} ", token_level) for tale in trained]
    text = torch.tensor([ids[token] for row in rows for token in row])
    begins = torch.tensor([0, *map(len, rows[:-1])]).cumsum(0)
    stretches = _stretches([ids[token] for token in tokenise(" ".join(others), token_level)], T)
    return _text_source(
        experiment,
        vocabulary,
        _batch(_padded(stretches[:1])),
        training=partial(_tale_windows, text, begins[begins < len(text) - T], T, experiment.batch),
        test=_batch(_padded(stretches)),
        remember=T,
    )


def _tale_windows(
    text: torch.Tensor, begins: torch.Tensor, length: int, rows: int, generator: torch.Generator
) -> Batch:
    """Returns stretches of length + 1 tokens, every other one from where a tale begins, as a reader does."""
    starts = torch.randint(0, len(text) - length, (rows,), generator=generator)
    starts[::2] = begins[torch.randint(len(begins), (len(starts[::2]),), generator=generator)]
    return _from(text, starts, length)


# Sentences with something to remember.

_Group = tuple[Sentence, ...]
"""The versions of one sentence."""


@dataclass(frozen=True)
class _GrammarSource:
    """Sentences of one kind, language, token level and distance, as batches of ids."""

    kind: str
    lang: str
    token_level: str
    distance: int
    ids: dict[str, int]

    def groups(self, count: int, generator: torch.Generator) -> list[_Group]:
        size = versions(self.kind)
        drawn = sentences(self.kind, self.lang, count * size, generator, self.distance)
        return [drawn[at : at + size] for at in range(0, len(drawn), size)]

    def spelled(self, groups: Iterable[_Group]) -> list[Sentence]:
        return [sentence for group in groups for sentence in respelled(group, self.token_level)]

    def distinct(
        self, count: int, generator: torch.Generator, known: Collection[frozenset[Sentence]] = ()
    ) -> dict[frozenset[Sentence], _Group]:
        """Returns that many different groups, none of them known."""
        found: dict[frozenset[Sentence], _Group] = {}
        while len(found) < count:
            drawn = {frozenset(g): g for g in self.groups(count - len(found), generator)}
            found |= {key: group for key, group in drawn.items() if key not in known}
        return found

    def new(self, rows: int, known: Collection[frozenset[Sentence]], generator: torch.Generator) -> Batch:
        """Returns a batch of sentences out of no known group."""
        return self.batch(self.stock(rows, known, generator))

    def stock(
        self, count: int, known: Collection[frozenset[Sentence]], generator: torch.Generator
    ) -> list[Sentence]:
        """Returns that many sentences out of no known group; of a large number, some may be equal."""
        made: list[Sentence] = []
        while len(made) < count:
            drawn = self.groups(-(-(count - len(made)) // versions(self.kind)), generator)
            made += self.spelled(g for g in drawn if frozenset(g) not in known)
        return made[:count]

    def some(self, rows: int, stock: Sequence[Sentence], generator: torch.Generator) -> Batch:
        """Returns a batch of sentences out of a stock, by chance."""
        return self.batch(
            [stock[k] for k in torch.randint(len(stock), (rows,), generator=generator).tolist()]
        )

    def batch(self, some: Sequence[Sentence]) -> Batch:
        """Returns sentences as a batch; judged are the targets that memory decides."""
        longest = max(len(sentence.tokens) for sentence in some)
        judged = torch.zeros(longest - 1, len(some), dtype=torch.bool)
        at = [(place - 1, column) for column, s in enumerate(some) for place in s.critical]
        judged[tuple(torch.tensor(at).T)] = True
        return _batch(_padded([[self.ids[token] for token in s.tokens] for s in some]), judged)


def _grammar(experiment: Experiment, lang: str) -> Source:
    """Returns the source of sentences with something to remember: new ones every step, or so many.

    The distance is `length`, or the nearest that the grammar has, in words. Of `sentences` to learn from,
    a step takes a batch by chance; where they are `tested` themselves, the metric is of 200 of them.
    """
    kind, size = experiment.data, versions(experiment.data)
    distance = min(max(experiment.length, NEAREST), FARTHEST)
    vocabulary, ids = _vocabulary(set(words(kind, lang, experiment.token_level)))
    grammar = _GrammarSource(kind, lang, experiment.token_level, distance, ids)
    held_out = grammar.distinct(GRAMMAR_HELD_OUT // size, stream(experiment.seed, _HELD_OUT))
    test = grammar.spelled(held_out.values())
    training = partial(grammar.new, experiment.batch, frozenset(held_out))
    third, measured = None, test
    if experiment.sentences:
        others = grammar.distinct(GRAMMAR_HELD_OUT // size, stream(experiment.seed, _THIRD), held_out)
        stock = grammar.stock(experiment.sentences, held_out | others, stream(experiment.seed, _STOCK))
        training = partial(grammar.some, experiment.batch, stock)
        third = grammar.batch(grammar.spelled(others.values()))
        if experiment.tested == "learned":
            measured = stock[:GRAMMAR_HELD_OUT]
    found = _text_source(
        experiment,
        vocabulary,
        grammar.batch(test[:1]),
        training=training,
        test=grammar.batch(measured),
        remember=max(at - cue for s in test for at, cue in zip(s.critical, s.cues, strict=True)),
        goal=ACCURACY_GOAL,
        chance=1.0 / size,
        marked=frozenset(test[0].critical),
        held_out_is_training=measured is not test,
        everything=measured is not test and experiment.sentences <= GRAMMAR_HELD_OUT,
        together=size,
    )
    return replace(found, third=third)
