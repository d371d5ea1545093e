"""Deep and both ways: stacks of 1 to 4 layers that name the tag of every token, forward only or both ways.

    tagger = fit("lstm", "en", depth=2, both=True, seed=0)
    found = read(tagger, ("water", "is", "clean"))
    found.change[0, 0, 1, 0]      # another second word: how far layer 1, backward, moves at step 1

Some words are nouns or verbs, and only the next word tells (see exercises.py). A network that reads forward
only has not read it yet. Rows of layers and directions are in the trace's order: first layer first, forward
before backward.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.architectures.timing import Times, measured
from explorer.cells import LayerWeights
from explorer.data.exercises import (
    Tagged,
    examples,
    pieces,
    tag_words,
    tagged_split,
    tags,
    tags_of,
    undecided,
)
from explorer.gradients.bptt import bptt
from explorer.lab.learned import Token, token_of
from explorer.labels import UNKNOWN
from explorer.limits import MAX_LAYERS, MAX_TEXT, MAX_TOKEN, WINDOW
from explorer.nn.initialise import initialise
from explorer.nn.model import RecurrentModel
from explorer.nn.softmax import softmax
from explorer.nn.threads import one_thread
from explorer.nn.tracing import LayerTrace, Trace, trace

SIZE, HIDDEN_SIZE = 16, 16
"""Numbers of a word's vector; units of a layer in one direction."""

LEAST_STEPS, MOST_STEPS, CHECKED = 150, 500, 25
"""Training stops once all that can be right is, looked at every CHECKED steps: deep ones set out slowly."""

RATE, ROWS, DROPPED = 0.02, 32, 0.1
"""Adam's rate; sentences of a step; the share of words that training replaces by <unk>."""

OTHERS = 3
"""Other next words on offer at each step."""

SEEDS = 3
TIMED_STEPS, ROUNDS, TIMED_SECONDS = 8, 5, 1.0
"""Words of a sentence where a training step is timed; the fewest rounds; seconds until the last begins."""


@dataclass(frozen=True)
class Accuracies:
    """Right tags on held-out sentences: of all words, and of those whose tag only the next word tells."""

    every: float
    undecided: float


@dataclass(frozen=True, eq=False)
class Tagger:
    """A trained network, in float64: from tokens to a tag for each."""

    model: RecurrentModel
    lang: str
    depth: int
    both: bool
    seed: int
    steps: int
    seconds: float
    score: Accuracies


@dataclass(frozen=True, eq=False)
class Tagging:
    """A sentence of T words read by a network with K tags; R rows, one for each layer and direction.

    p (T, K): probabilities of the tags. gradient (R, T, T): [r, t-1, k-1] is ||dL_t/dh_k||, the loss the
    cross-entropy of the true tag at t; NaN where it does not depend on the state or t has no true tag.
    others (T-1, OTHERS): words that could come after step t. change (T-1, OTHERS, R, T): with such a word at
    t+1, how far the states of every step move (norm); p_other (T-1, OTHERS, K): the probabilities at t then.
    """

    run: Trace
    p: np.ndarray
    gradient: np.ndarray
    others: tuple[tuple[str, ...], ...]
    change: np.ndarray
    p_other: np.ndarray

    @property
    def rows(self) -> tuple[LayerTrace, ...]:
        return self.run.layers


@dataclass(frozen=True, eq=False)
class TaggedText:
    """What is read of a text of total words: its first WINDOW.

    lang: its language. asked: the true tag of each word, None where it is unknown. undecided: 0-based
    positions.
    """

    lang: str
    words: tuple[str, ...]
    shown: tuple[Token, ...]
    asked: tuple[str | None, ...]
    undecided: tuple[int, ...]
    total: int


@dataclass(frozen=True)
class Price:
    """What a network costs: its weights, and the time of a training step on this machine."""

    depth: int
    both: bool
    parameters: int
    time: Times

    @property
    def milliseconds(self) -> float:
        return self.time.median


# Training.


@one_thread()
def fit(cell: str, lang: str, depth: int, both: bool, seed: int = 0) -> Tagger:
    """Trains a network on the tagged sentences and measures it; about a second for two layers.

    Weights, batches and dropped words depend on the seed alone. Sentences of one length stand side by side,
    so that no pad comes before a backward layer's first word.
    """
    train, held = tagged_split(lang)
    generator = torch.Generator().manual_seed(seed)
    model = _model(cell, lang, depth, both, generator)
    groups = _by_length(train, model, lang)
    weights = torch.tensor([float(words.shape[1]) for words, _, _ in groups])
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    started, steps = time.perf_counter(), 0
    for steps in range(1, MOST_STEPS + 1):
        words, asked, _ = groups[int(torch.multinomial(weights, 1, generator=generator))]
        rows = torch.randint(words.shape[1], (ROWS,), generator=generator)
        unknown = torch.rand(len(words), ROWS, generator=generator) < DROPPED
        _descend(model, optimiser, words[:, rows].masked_fill(unknown, model.ids[UNKNOWN]), asked[:, rows])
        if steps >= LEAST_STEPS and steps % CHECKED == 0 and _knows(model, groups):
            break
    seconds = time.perf_counter() - started
    model = model.double().eval()
    right, undecided_ones = _hits(model, _by_length(held, model, lang))
    score = Accuracies(_share(right), _share(right[undecided_ones]))
    return Tagger(model, lang, depth, both, seed, steps, seconds, score)


def _model(cell: str, lang: str, depth: int, both: bool, generator: torch.Generator) -> RecurrentModel:
    model = RecurrentModel(
        cell,
        SIZE,
        HIDDEN_SIZE,
        len(tags(lang)),
        vocabulary=(UNKNOWN, *tag_words(lang)),
        num_layers=depth,
        bidirectional=both,
    )
    initialise(model, generator, bias="fixed", keep_bias=1.0)
    return model


def _descend(model: RecurrentModel, optimiser: torch.optim.Optimizer, words: Tensor, asked: Tensor) -> None:
    optimiser.zero_grad()
    F.cross_entropy(model(words).flatten(0, 1), asked.flatten()).backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    if torch.isfinite(norm):
        optimiser.step()


_Group = tuple[Tensor, Tensor, Tensor]


def _by_length(sentences: Iterable[Tagged], model: RecurrentModel, lang: str) -> list[_Group]:
    """Returns ids, tags and whether a word is undecided, (T, B) each, of sentences of the same length."""
    names, groups = tags(lang), defaultdict(list)
    for sentence in sentences:
        groups[len(sentence.tokens)].append(sentence)
    return [
        (
            torch.tensor([model.encode(s.tokens) for s in group]).T,
            torch.tensor([[names.index(tag) for tag in s.tags] for s in group]).T,
            torch.tensor([[k in s.undecided for k in range(length)] for s in group]).T,
        )
        for length, group in groups.items()
    ]


@torch.no_grad()
def _hits(model: RecurrentModel, groups: Iterable[_Group]) -> tuple[Tensor, Tensor]:
    """Returns of every word whether its tag is right, and whether it is undecided (N,)."""
    found = [
        ((model(words).argmax(-1) == asked).flatten(), open_.flatten()) for words, asked, open_ in groups
    ]
    right, open_ = zip(*found, strict=True)
    return torch.cat(right), torch.cat(open_)


def _knows(model: RecurrentModel, groups: Iterable[_Group]) -> bool:
    """Returns whether all that can be right is: undecided words only by who reads both ways."""
    right, open_ = _hits(model, groups)
    return bool((right | open_).all() if not _both(model) else right.all())


def _both(model: RecurrentModel) -> bool:
    return len(model.layer_weights()[0]) == 2


def _share(right: Tensor) -> float:
    return right.double().mean().item()


@cache
def held(lang: str) -> tuple[int, int]:
    """Returns how many held-out words there are, and of how many only the next word tells the tag."""
    _, sentences = tagged_split(lang)
    return sum(len(s.tokens) for s in sentences), sum(len(s.undecided) for s in sentences)


@cache
def guess(lang: str) -> Accuracies:
    """Returns what a guess is right in: the tag that each word had most often in training."""
    train, held = tagged_split(lang)
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for sentence in train:
        for word, tag in zip(sentence.tokens, sentence.tags, strict=True):
            seen[word][tag] += 1
    usual = {word: counts.most_common(1)[0][0] for word, counts in seen.items()}
    rows = [
        (usual.get(word) == tag, k in sentence.undecided)
        for sentence in held
        for k, (word, tag) in enumerate(zip(sentence.tokens, sentence.tags, strict=True))
    ]
    return Accuracies(
        float(np.mean([right for right, _ in rows])),
        float(np.mean([right for right, open_ in rows if open_])),
    )


# A sentence.


def offered(lang: str) -> tuple[str, ...]:
    """Returns sentences to start from: those of the tagging exercise that hold an undecided word first."""
    every = examples("many_many", lang)
    return tuple(sorted(every, key=lambda text: not undecided(pieces(text, tag_words(lang)), lang)))


def sentence_of(text: str, lang: str, model: RecurrentModel) -> TaggedText | None:
    """Returns a text as it is read, its first WINDOW words; None where the model knows none of them."""
    every = pieces(_parted(text), tag_words(lang))
    words = every[:WINDOW]
    if not any(word in model.ids for word in words):
        return None
    shown = tuple(token_of(word, model) for word in words)
    return TaggedText(lang, words, shown, tags_of(words, lang), undecided(words, lang), len(every))


def sentence_shown(text: str, lang: str, model: RecurrentModel) -> TaggedText:
    """Returns a text as it is read; the first that is offered in place of one of which nothing is known."""
    found = sentence_of(text, lang, model) or sentence_of(offered(lang)[0], lang, model)
    assert found is not None, "an example is known"
    return found


def _parted(text: str) -> str:
    """A text with a space in every word that is too long to be one: pieces are looked for within it."""
    ends = range(0, MAX_TEXT, MAX_TOKEN)
    return " ".join(word[at : at + MAX_TOKEN] for word in text.split() for at in ends if word[at:])


@np.errstate(over="ignore", invalid="ignore")  # an explosion is a result
def read(tagger: Tagger, words: Sequence[str]) -> Tagging:
    """Returns everything of one run over words, and of a run for each other next word."""
    model = tagger.model
    run = trace(model, list(words))
    assert run.logits is not None
    others = tuple(other_words(words, step, tagger.lang) for step in range(1, len(words)))
    change, p_other = _replaced(model, words, others)
    return Tagging(run, softmax(run.logits), _gradient(run, words, tagger.lang), others, change, p_other)


def _gradient(run: Trace, words: Sequence[str], lang: str) -> np.ndarray:
    """Returns ||dL_t/dh_k|| (R, T, T) of every step's own loss, NaN where there is none."""
    assert run.logits is not None and run.readout is not None
    names, asked = tags(lang), tags_of(words, lang)
    known = [k for k, tag in enumerate(asked) if tag is not None]
    direct = np.zeros_like(run.logits)
    direct[known] = softmax(run.logits[known])
    direct[known, [names.index(asked[k] or "") for k in known]] -= 1.0
    flow = bptt(run, direct @ run.readout)
    norms = np.stack([of.norm[:, :-1] if of.layer.reverse else of.norm[:, 1:] for of in flow.layers])
    norms[:, [k for k in range(len(words)) if k not in known]] = np.nan
    return norms


@cache
def _followers(lang: str) -> tuple[dict[str, Counter[str]], Counter[str]]:
    """What came after each word in training, and how often each word came at all."""
    after: dict[str, Counter[str]] = defaultdict(Counter)
    for sentence in tagged_split(lang)[0]:
        for word, following in zip(sentence.tokens, sentence.tokens[1:], strict=False):
            after[word][following] += 1
    return after, Counter(word for sentence in tagged_split(lang)[0] for word in sentence.tokens)


def other_words(words: Sequence[str], step: int, lang: str) -> tuple[str, ...]:
    """Returns OTHERS other words for the place after a step (from 1), the likeliest in training first.

    Before them stand those that give the word at the step another tag.
    """
    after, count = _followers(lang)
    tag, before, rest = tags_of(words, lang)[step - 1], list(words[:step]), list(words[step + 1 :])

    def order(other: str) -> tuple[bool, int, int, str]:
        then = tags_of([*before, other, *rest], lang)[step - 1]
        return then in (tag, None), -after[words[step - 1]][other], -count[other], other

    return tuple(sorted((w for w in tag_words(lang) if w != words[step]), key=order)[:OTHERS])


class _Rows:
    """A model over sentences of one length side by side: ids (T, B)."""

    def __init__(self, model: RecurrentModel) -> None:
        self.model, self.cell = model, model.cell

    def layer_weights(self) -> list[list[LayerWeights]]:
        return self.model.layer_weights()

    def embed(self, x: np.ndarray) -> np.ndarray:
        assert self.model.embedding is not None
        return self.model.embedding.weight.detach().numpy()[x]

    def read_out(self, h: np.ndarray) -> np.ndarray:
        return self.model.read_out(h)

    def readout_weight(self) -> np.ndarray:
        return self.model.readout_weight()

    def targets(self, x: np.ndarray) -> None:
        return None

    def display(self, x: np.ndarray) -> None:
        return None


def _replaced(
    model: RecurrentModel, words: Sequence[str], others: Sequence[Sequence[str]]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns (change, p_other) of a Tagging.

    The sentence stands in as many rows as it is changed: then the same numbers go the same way through the
    processor, and a state that does not depend on the word is the same to the last bit.
    """
    steps = len(words) - 1
    ids = np.array(model.encode(words))
    as_it_stands = np.repeat(ids[:, None], steps, axis=1)
    layers = len(model.layer_weights()) * len(model.layer_weights()[0])
    change = np.zeros((steps, OTHERS, layers, len(words)))
    p_other = np.zeros((steps, OTHERS, model.readout.out_features))
    if not steps:
        return change, p_other
    rows, at = _Rows(model), np.arange(steps)
    before = trace(rows, as_it_stands)
    for k in range(OTHERS):
        changed = as_it_stands.copy()
        changed[at + 1, at] = model.encode([words_[k] for words_ in others])
        after = trace(rows, changed)
        for r, (one, other) in enumerate(zip(before.layers, after.layers, strict=True)):
            change[:, k, r] = np.linalg.norm(other.output - one.output, axis=-1).T
        assert after.logits is not None
        p_other[:, k] = softmax(after.logits[at, at])
    return change, p_other


# What it costs.


def prices(cell: str, lang: str) -> tuple[Price, ...]:
    """Measures a training step of every depth, forward only and both ways, on this machine, now."""
    generator = torch.Generator().manual_seed(0)
    kinds = [(depth, both) for depth in range(1, MAX_LAYERS + 1) for both in (False, True)]
    models = [_model(cell, lang, depth, both, generator) for depth, both in kinds]
    optimisers = [torch.optim.Adam(model.parameters(), lr=RATE) for model in models]
    words = torch.randint(len(tag_words(lang)), (TIMED_STEPS, ROWS), generator=generator)
    asked = torch.randint(len(tags(lang)), (TIMED_STEPS, ROWS), generator=generator)
    works = [
        partial(_descend, model, optimiser, words, asked)
        for model, optimiser in zip(models, optimisers, strict=True)
    ]
    taken = measured(works, ROUNDS, TIMED_SECONDS)
    return tuple(
        Price(depth, both, sum(p.numel() for p in model.parameters()), times)
        for (depth, both), model, times in zip(kinds, models, taken, strict=True)
    )
