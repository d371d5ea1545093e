"""A language model at work: what it says next, how surprised a text leaves it, where it goes on its own.

    said = generate(model, ("the", "fat"), 20, temperature=0.8, seed=3)
    said.tokens, said.entropy
    score(model, tokens).perplexity

Everything runs in NumPy and float64, whatever the model's dtype: one step of each layer for each token,
by the cell's own `step`, from the state of the token before.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from explorer.cells import CELLS, NumpyOps
from explorer.data.grammar import END
from explorer.experiment import Experiment
from explorer.lab.learned import text_of
from explorer.labels import UNKNOWN
from explorer.limits import FLOAT32_MAX, WINDOW
from explorer.nn.interventions import untouched
from explorer.nn.model import RecurrentModel
from explorer.nn.tracing import run_layer
from explorer.text import tokenise

TOP = 10
"""Most probable next tokens that a score keeps for each step."""

_ROWS = 256  # steps whose logits are in memory at once: 20,000 steps of 20,000 tokens are not

State = tuple[np.ndarray, ...]
"""A stack's state: (layers, H) for each of the cell's states, h first, as `trace` takes it."""


@dataclass(frozen=True, eq=False)
class Step:
    """One token, the distribution it was drawn from, and the state (layers, H) that gave it.

    p (V,): after temperature, top-k and top-p. probability of the token and entropy in nats are those of
    p; a forced token may have probability 0. model_probability and model_entropy are the model's own: a
    softmax of all its logits at temperature 1. state is that before the token is read.
    """

    token: int
    p: np.ndarray
    state: State
    probability: float
    entropy: float
    model_probability: float
    model_entropy: float


@dataclass(frozen=True, eq=False)
class Generation:
    """What a model said after a prompt.

    prompt: the tokens as the model read them; known: whether it knows each that was given. tokens: what
    it said, one for each of steps; a stop token is the last of them, and then stopped_by_end is true.
    """

    prompt: tuple[str, ...]
    known: tuple[bool, ...]
    tokens: tuple[str, ...]
    steps: tuple[Step, ...]
    stopped_by_end: bool

    @property
    def probability(self) -> np.ndarray:
        """The probability (N,) of each token in the distribution it was drawn from."""
        return np.array([step.probability for step in self.steps])

    @property
    def entropy(self) -> np.ndarray:
        """The entropy (N,) in nats of each distribution that was drawn from."""
        return np.array([step.entropy for step in self.steps])


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


def probabilities(
    logits: np.ndarray, *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
) -> np.ndarray:
    """Returns the distribution (V,) to draw from, in float64.

    softmax(logits / temperature); then of the top_k most probable tokens alone (0: of all); then of the
    fewest most probable ones whose mass reaches top_p (Holtzman et al. 2020). Of equals the first comes
    first. Temperature 0 is greedy: all on the first largest logit. A logit of -inf is a token left out.
    Raises ValueError for a setting out of range, for NaN, inf or no finite number among the logits.
    """
    _check_settings(temperature, top_k, top_p)
    logits = np.asarray(logits, dtype=np.float64)
    if logits.ndim != 1 or not logits.size:
        raise ValueError(f"logits have shape {logits.shape}, expected (V,)")
    if not np.isfinite(logits.max()):
        raise ValueError("the logits are not finite: the network has exploded, or no token is left")
    if temperature == 0:
        p = np.zeros(len(logits))
        p[logits.argmax()] = 1.0
        return p
    with np.errstate(over="ignore", under="ignore"):  # a gap past the largest number is probability 0
        p = np.exp((logits - logits.max()) / temperature)
    p /= p.sum()
    if not 0 < top_k < len(p) and top_p == 1:
        return p
    order = np.argsort(-logits, kind="stable")
    if 0 < top_k < len(p):
        p[order[top_k:]] = 0.0
        p /= p.sum()
    if top_p < 1:
        enough = int(np.searchsorted(p[order].cumsum(), top_p)) + 1
        p[order[enough:]] = 0.0
        p /= p.sum()
    return p


def _check_settings(temperature: float, top_k: int, top_p: float) -> None:
    if not (math.isfinite(temperature) and temperature >= 0):
        raise ValueError(f"the temperature is a number from 0, not {temperature!r}")
    if top_k != int(top_k) or top_k < 0:
        raise ValueError(f"top_k is a whole number from 0, where 0 keeps all, not {top_k!r}")
    if not 0 < top_p <= 1:
        raise ValueError(f"top_p is a number above 0 and up to 1, not {top_p!r}")


def generate(
    model: RecurrentModel,
    prompt: Sequence[str],
    count: int,
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
    stop: str | None = None,
    avoid: Sequence[str] = (UNKNOWN,),
    forced: Mapping[int, str] | None = None,
) -> Generation:
    """Lets a model go on after a prompt for up to count tokens, or until it says stop.

    Settings as in `probabilities`; tokens in avoid are never drawn. Same seed, same text; a larger count
    only goes on. forced: step, from 1 at the first token said -> the token that stands there instead:
    what comes before is unchanged, and every step has its own random number, forced or not.
    Raises ValueError for a model without vocabulary or of two directions, an empty prompt, a token or
    step that there is not, settings out of range, and a network that explodes.
    """
    network = _Network(model)
    _check_settings(temperature, top_k, top_p)
    if count < 0:
        raise ValueError(f"count is a whole number from 0, not {count!r}")
    end = None if stop is None else network.id_of(stop)
    instead = {step: network.id_of(token) for step, token in (forced or {}).items()}
    for step in instead:
        if not 1 <= step <= count:
            raise ValueError(f"there is no step {step} to force: the steps said are 1 to {count}")
    left_out = [model.ids[token] for token in avoid if token in model.ids]
    ids = model.encode(prompt)
    state = network.after(ids)
    generator = torch.Generator().manual_seed(seed)
    steps: list[Step] = []
    for at in range(1, count + 1):
        logits = network.read_out(state)
        own = probabilities(logits)
        logits[left_out] = -np.inf
        p = probabilities(logits, temperature=temperature, top_k=top_k, top_p=top_p)
        draw = float(torch.rand((), dtype=torch.float64, generator=generator))
        token = instead.get(at, _drawn(p, draw))
        p.setflags(write=False)
        steps.append(
            Step(token, p, state, float(p[token]), entropy_of(p), float(own[token]), entropy_of(own)),
        )
        if token == end:
            break
        if at < count:
            state = network.read(token, state)
    return Generation(
        prompt=network.named(ids),
        known=tuple(token in model.ids for token in prompt),
        tokens=network.named([step.token for step in steps]),
        steps=tuple(steps),
        stopped_by_end=bool(steps) and steps[-1].token == end,
    )


def _drawn(p: np.ndarray, draw: float) -> int:
    """Returns the token at a draw in [0, 1): the first whose cumulated probability passes it."""
    mass = p.cumsum()
    last = np.searchsorted(mass, mass[-1])  # draw * mass may be rounded up to the whole mass
    return int(min(np.searchsorted(mass, draw * mass[-1], side="right"), last))


def entropy_of(p: np.ndarray) -> float:
    """Returns the entropy of a distribution in nats."""
    some = p[p > 0]
    return float(max(-(some * np.log(some)).sum(), 0.0))


def score(model: RecurrentModel, tokens: Sequence[str]) -> Score:
    """Returns how well a model foresees each next token of a text, as F.cross_entropy counts it.

    A network that explodes gives NaN from there on. Raises ValueError for fewer than two tokens, a model
    without vocabulary or of two directions.
    """
    network = _Network(model)
    ids = _scorable(model, tokens)
    return _score(network, tokens, ids, network.outputs(ids))


def _scorable(model: RecurrentModel, tokens: Sequence[str]) -> np.ndarray:
    if len(tokens) < 2:
        raise ValueError(f"a score needs two tokens, one to foresee the other, not {len(tokens)}")
    return np.array(model.encode(tokens))


def _score(network: "_Network", tokens: Sequence[str], ids: np.ndarray, h: np.ndarray) -> Score:
    nats, top, top_p = (np.concatenate(parts) for parts in zip(*network.judged(h[:-1], ids[1:]), strict=True))
    with np.errstate(over="ignore"):
        running = np.exp(nats.cumsum() / np.arange(1, len(nats) + 1))
        perplexity = float(np.exp(nats.mean()))
    known = tuple(token in network.model.ids for token in tokens)
    return Score(ids, known, nats, top, top_p, perplexity, running)


def free_running(model: RecurrentModel, tokens: Sequence[str], start: int) -> FreeRun:
    """Reads the first start tokens of a text, then what it itself finds most probable, to the same length.

    No token is left out, not even <unk>. Raises ValueError for a start that is not 1 .. T, and as `score`.
    """
    if not 1 <= start <= len(tokens):
        raise ValueError(f"start is a whole number from 1 to {len(tokens)}, not {start!r}")
    network = _Network(model)
    ids = _scorable(model, tokens)
    h = network.outputs(ids)
    return _free_run(network, ids, h, _score(network, tokens, ids, h).top[:, 0], start)


def _free_run(network: "_Network", ids: np.ndarray, h: np.ndarray, forced: np.ndarray, start: int) -> FreeRun:
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
    network = _Network(model)
    ids = _scorable(model, tokens)
    h = network.outputs(ids)
    found = _score(network, tokens, ids, h)
    first = max(1, min(start, len(ids) - most + 1))
    last = min(first + most - 1, len(ids))
    shown = h[first - 1 : last]
    logits = network.log_softmax(shown)
    top, top_p = _most_probable(logits)
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
    tokens = tokenise(text_of(experiment), experiment.units)
    ends = experiment.ending == "on" and experiment.weights != "model" and END in model.ids
    return (*tokens, END) if ends else tokens


def _most_probable(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns ids and probabilities (n, K) of the K = TOP largest of log-probabilities (n, V), or of all V.

    Of equals the first comes first.
    """
    K = min(TOP, logits.shape[1])
    top = np.argpartition(-logits, K - 1, axis=-1)[:, :K]
    top.sort(axis=-1)
    values = np.take_along_axis(logits, top, -1)
    top = np.take_along_axis(top, np.argsort(-values, axis=-1, kind="stable"), -1)
    least = np.take_along_axis(logits, top[:, -1:], -1)
    shared = (logits >= least).sum(-1) != K  # equals at the border, or NaN
    top[shared] = np.argsort(-logits[shared], axis=-1, kind="stable")[:, :K]
    return top, np.exp(np.take_along_axis(logits, top, -1))


class _Network:
    """A language model's weights in float64, and its step. Raises ValueError for a model that is none."""

    def __init__(self, model: RecurrentModel) -> None:
        if model.embedding is None or model.vocabulary is None:
            raise ValueError("the model has no vocabulary: it reads numbers, not text")
        stack = model.layer_weights()
        if len(stack[0]) > 1:
            raise ValueError("the model reads in both directions: it needs the end of a text to begin it")
        self.model, self.vocabulary, self.spec = model, model.vocabulary, CELLS[model.cell]
        self.layers = [layer.map(lambda array: array.astype(np.float64)) for (layer,) in stack]
        self.embedding, self.weight, self.bias = (
            tensor.detach().double().numpy()
            for tensor in (model.embedding.weight, model.readout.weight, model.readout.bias)
        )

    def id_of(self, token: str) -> int:
        if token not in self.model.ids:
            raise ValueError(f"the model's vocabulary has no token {token!r}")
        return self.model.ids[token]

    def named(self, ids: Sequence[int] | np.ndarray) -> tuple[str, ...]:
        return tuple(self.vocabulary[int(k)] for k in ids)

    def after(self, ids: Sequence[int]) -> State:
        """Returns the state after a prompt, from zero."""
        if not ids:
            raise ValueError("the prompt is empty: there is no state to go on from")
        state: State = tuple(np.zeros((len(self.layers), self.model.hidden_size)) for _ in self.spec.states)
        for token in ids:
            state = self.read(token, state)
        return state

    @np.errstate(over="ignore", invalid="ignore")  # an explosion is a result
    def read(self, token: int, state: State) -> State:
        """Returns the state after one more token."""
        x, rows = self.embedding[token], []
        for level, weights in enumerate(self.layers):
            before = tuple(part[level] for part in state)
            _, _, after = self.spec.step(NumpyOps, weights.project(x), before, weights, untouched)
            rows.append(after)
            x = after[0]
        states = tuple(np.stack(part) for part in zip(*rows, strict=True))
        for array in states:
            array.setflags(write=False)
        return states

    @np.errstate(over="ignore", invalid="ignore")
    def read_out(self, state: State) -> np.ndarray:
        """Returns the logits (V,) of the next token."""
        return self.weight @ state[0][-1] + self.bias

    def outputs(self, ids: np.ndarray) -> np.ndarray:
        """Returns the last layer's state h (T, H) after each token of a text, from zero."""
        x, zero = self.embedding[ids], np.zeros(self.model.hidden_size)
        for level, weights in enumerate(self.layers):
            x = run_layer(self.model.cell, weights, x, (zero,) * len(self.spec.states), layer=level).output
        return x

    def greedy(self, ids: Sequence[int], count: int) -> list[int]:
        """Returns the most probable next token, read in turn, up to count times; fewer if it explodes."""
        said: list[int] = []
        state = self.after(ids)
        for _ in range(count):
            logits = self.read_out(state)
            if not np.isfinite(logits.max()):
                break
            said.append(int(logits.argmax()))
            state = self.read(said[-1], state)
        return said

    @np.errstate(over="ignore", invalid="ignore")
    def log_softmax(self, h: np.ndarray) -> np.ndarray:
        """Returns log-probabilities (n, V) of the next token after states h (n, H)."""
        logits = h @ self.weight.T + self.bias
        logits -= logits.max(-1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(-1, keepdims=True))
        return logits

    def judged(self, h: np.ndarray, true: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yields nats (n,), top ids and their probabilities (n, K) of some steps at a time, in order."""
        for at in range(0, len(h), _ROWS):
            logits = self.log_softmax(h[at : at + _ROWS])
            nats = -np.take_along_axis(logits, true[at : at + _ROWS, None], -1)[:, 0]
            yield nats, *_most_probable(logits)
