"""How surprised a text leaves a language model, and what becomes of it where the model reads its own words.

score(model, tokens).perplexity
foresee(model, tokens, free=4).run.parts
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from explorer.data.grammar import END
from explorer.experiment import Experiment
from explorer.lab.learned import text_of
from explorer.language.reader import Reader
from explorer.limits import FLOAT32_MAX, WINDOW
from explorer.nn.model import RecurrentModel
from explorer.nn.softmax import log_softmax
from explorer.text import tokenise

MOST_PROBABLE = 10
"""Most probable next tokens that a score keeps for each step."""

_ROWS = 256  # steps whose logits are in memory at once: 20,000 steps of 20,000 tokens are not


@dataclass(frozen=True, eq=False)
class Score:
    """How well a model foresaw each next token of a text of T tokens.

    ids (T,): the tokens as the model read them; known: whether it knows each. nats (T-1,): -log of the
    probability of each next token. top and top_p (T-1, K): ids and probabilities of the K = 10 most
    probable next tokens, or of all V, the most probable first. running (T-1,): the perplexity so far.
    """

    ids: np.ndarray
    known: tuple[bool, ...]
    nats: np.ndarray
    top: np.ndarray
    top_p: np.ndarray
    perplexity: float
    running: np.ndarray


@dataclass(frozen=True, eq=False)
class FreeRun:
    """A text beside what a model makes of it when it must read its own words, all of T tokens.

    tokens: as the model read them. forced: its most probable token at each place after the first, the
    true text before it. free: the text up to `start`, then its own most probable tokens, each read in
    turn; a network that explodes says nothing more, and free ends there. parts: the first step, from 1,
    at which free is not the text; None where they agree. distance (T,): ||h - h'|| of the last layer's
    states after the same step of the two runs: 0 until they part, NaN where free has ended.
    """

    tokens: tuple[str, ...]
    forced: tuple[str, ...]
    free: tuple[str, ...]
    start: int
    parts: int | None
    distance: np.ndarray


@dataclass(frozen=True, eq=False)
class Foresight:
    """A text of T tokens foreseen: the whole in numbers, n of its steps closely, and a run free of it.

    tokens: as given; vocabulary: the V tokens that may come; score: of the whole text. first: the first
    of the n steps, from 1. top and top_p (n, K): ids and probabilities of the K = 10 most probable next
    tokens after each step, the most probable first; p (n,): the probability of the true one, NaN where
    the text ends; rank (n,): its place among all V, from 1, or 0 where there is none. run: the text up to
    the last of the steps, running free. bad_step: the first of the steps whose state left the range of
    float32, or None.
    """

    tokens: tuple[str, ...]
    vocabulary: tuple[str, ...]
    score: Score
    first: int
    top: np.ndarray
    top_p: np.ndarray
    p: np.ndarray
    rank: np.ndarray
    run: FreeRun
    bad_step: int | None

    @property
    def steps(self) -> int:
        return len(self.p)

    @property
    def V(self) -> int:
        return len(self.vocabulary)

    @property
    def read(self) -> tuple[str, ...]:
        """The tokens (T,) as the model read them."""
        return tuple(self.vocabulary[int(k)] for k in self.score.ids)


def score(model: RecurrentModel, tokens: Sequence[str]) -> Score:
    """Returns how well a model foresees each next token of a text, as F.cross_entropy counts it.

    A network that explodes gives NaN from there on. Raises ValueError for fewer than two tokens, a model
    without vocabulary or of two directions.
    """
    network = Reader(model)
    ids = _scorable(model, tokens)
    return _score(network, tokens, ids, network.outputs(ids))


def _scorable(model: RecurrentModel, tokens: Sequence[str]) -> np.ndarray:
    if len(tokens) < 2:
        raise ValueError(f"a score needs two tokens, one to foresee the other, not {len(tokens)}")
    return np.array(model.encode(tokens))


def _score(network: Reader, tokens: Sequence[str], ids: np.ndarray, h: np.ndarray) -> Score:
    nats, top, top_p = (
        np.concatenate(parts) for parts in zip(*_judged(network, h[:-1], ids[1:]), strict=True)
    )
    with np.errstate(over="ignore"):
        running = np.exp(nats.cumsum() / np.arange(1, len(nats) + 1))
        perplexity = float(np.exp(nats.mean()))
    known = tuple(token in network.model.ids for token in tokens)
    return Score(ids, known, nats, top, top_p, perplexity, running)


def _judged(
    network: Reader, h: np.ndarray, true: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yields nats (n,), top ids and their probabilities (n, K) of some steps at a time, in order."""
    for at in range(0, len(h), _ROWS):
        logits = log_softmax(network.logits(h[at : at + _ROWS]))
        nats = -np.take_along_axis(logits, true[at : at + _ROWS, None], -1)[:, 0]
        yield nats, *_best(logits)


def free_running(model: RecurrentModel, tokens: Sequence[str], start: int) -> FreeRun:
    """Reads the first start tokens of a text, then what it itself finds most probable, to the same length.

    No token is left out, not even <unk>. Raises ValueError for a start that is not 1 .. T, and as `score`.
    """
    if not 1 <= start <= len(tokens):
        raise ValueError(f"start is a whole number from 1 to {len(tokens)}, not {start!r}")
    network = Reader(model)
    ids = _scorable(model, tokens)
    h = network.outputs(ids)
    return _free_run(network, ids, h, _score(network, tokens, ids, h).top[:, 0], start)


def _free_run(network: Reader, ids: np.ndarray, h: np.ndarray, forced: np.ndarray, start: int) -> FreeRun:
    """A run free of a text; h (T, H) are the states of the text, forced (T-1,) the ids foreseen along it."""
    said = network.greedy(ids[:start].tolist(), len(ids) - start)
    free = np.concatenate([ids[:start], np.array(said, dtype=ids.dtype)])
    apart = np.flatnonzero(free != ids[: len(free)])
    distance = np.full(len(ids), np.nan)
    padded = np.concatenate([free, ids[len(free) :]])  # the same shape gives the same bits until they part
    with np.errstate(over="ignore", invalid="ignore"):
        distance[: len(free)] = np.linalg.norm(network.outputs(padded) - h, axis=-1)[: len(free)]
    parts = int(apart[0]) + 1 if apart.size else None
    return FreeRun(network.named(ids), network.named(forced), network.named(free), start, parts, distance)


def foresee(
    model: RecurrentModel, tokens: Sequence[str], *, free: int = 1, start: int = 1, most: int = WINDOW
) -> Foresight:
    """Returns a text foreseen, its steps from start closely, most of them at most, and a run free of it.

    The run reads the text up to step free, then itself; free gives way to the first and the last of the
    steps. Where start leaves fewer than most steps, it gives way. Raises ValueError as `score`.
    """
    network = Reader(model)
    ids = _scorable(model, tokens)
    h = network.outputs(ids)
    found = _score(network, tokens, ids, h)
    first = max(1, min(start, len(ids) - most + 1))
    last = min(first + most - 1, len(ids))
    shown = h[first - 1 : last]
    logits = log_softmax(network.logits(shown))
    top, top_p = _best(logits)
    true = ids[first : last + 1, None]
    p, rank = np.full(len(shown), np.nan), np.zeros(len(shown), dtype=int)
    of_true = np.take_along_axis(logits[: len(true)], true, -1)
    before = (logits[: len(true)] == of_true) & (np.arange(logits.shape[1]) < true)
    p[: len(true)] = np.exp(of_true[:, 0])
    rank[: len(true)] = 1 + ((logits[: len(true)] > of_true) | before).sum(-1)
    bad = ~(np.abs(shown).max(-1, initial=0.0) <= FLOAT32_MAX)
    return Foresight(
        tokens=tuple(tokens),
        vocabulary=network.vocabulary,
        score=found,
        first=first,
        top=top,
        top_p=top_p,
        p=p,
        rank=rank,
        run=_free_run(network, ids[:last], h[:last], found.top[: last - 1, 0], max(first, min(free, last))),
        bad_step=first + int(bad.argmax()) if bad.any() else None,
    )


def text_with_end(experiment: Experiment, model: RecurrentModel) -> tuple[str, ...]:
    """Returns the tokens of an experiment's text; with its end, where the model was to learn that."""
    tokens = tokenise(text_of(experiment), experiment.token_level)
    ends = experiment.ending == "on" and experiment.weights != "model" and END in model.ids
    return (*tokens, END) if ends else tokens


def _best(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns ids and probabilities (n, K) of the MOST_PROBABLE largest log-probabilities (n, V), or all V.

    Of equals the first comes first.
    """
    K = min(MOST_PROBABLE, logits.shape[1])
    top = np.argpartition(-logits, K - 1, axis=-1)[:, :K]
    top.sort(axis=-1)
    values = np.take_along_axis(logits, top, -1)
    top = np.take_along_axis(top, np.argsort(-values, axis=-1, kind="stable"), -1)
    least = np.take_along_axis(logits, top[:, -1:], -1)
    shared = (logits >= least).sum(-1) != K  # equals at the border, or NaN
    top[shared] = np.argsort(-logits[shared], axis=-1, kind="stable")[:, :K]
    return top, np.exp(np.take_along_axis(logits, top, -1))
