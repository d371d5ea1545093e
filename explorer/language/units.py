"""Find the unit that does it: what each unit of a network tracks in a text, and what is lost without it.

    found = units(model, held_out(run, source(run)), unit="char")
    found.track("quote").best("c")         # the unit whose c tells most about quotation marks
    found.perplexity, found.without        # and the network's perplexity with each unit held at 0
    found.lost(track), found.lost(track, "mean")   # nats lost with it at 0, and at its own mean

After Karpathy, Johnson & Li 2015 (single units coloured over a text, saturation of gates) and LSTMVis
(Strobelt et al. 2018). The units are those of the last layer, which the readout reads. A feature at a
token is what is so once the token is read, as the state is; the cross-entropy at a token is that of
foreseeing it. Units count from 0 here.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from explorer.cells import CELLS, LayerWeights, TorchOps
from explorer.data.grammar import END, KINDS, Sentence, versions
from explorer.data.sources import Batch, Source, Unusable, source
from explorer.experiment import FEATURES, Experiment
from explorer.i18n import LANGUAGES
from explorer.language.scoring import text_with_end
from explorer.limits import FLOAT32_MAX
from explorer.nn.model import RecurrentModel
from explorer.nn.tracing import LayerTrace, run_layer
from explorer.text import clean, tokenise

SAMPLE = 4000
"""Tokens that are read at most: a chance correlation over so many is a few hundredths."""

OWN = 120
"""Tokens of one's own text that are shown beside held-out text."""

LEAST = 300
"""Tokens that are read of however large a network."""

FEW = 200
"""Measured tokens under which no unit is ranked: over five of them the best by chance has an r of .98."""

SHIFTS = 200
"""Shifts of a feature against the text that tell what chance would give."""

OPEN, SHUT = 0.9, 0.1
"""A gate over OPEN is saturated open, under SHUT saturated shut (Karpathy et al. 2015)."""

_WORK = 2e10  # multiplications for holding every unit, twice: four seconds
_NUMBERS = 2_000_000  # logits in memory at once
_OPENING, _CLOSING = "“「『«", "”」』»"
_ENDS = ".!?…。！？"

Marks = tuple[np.ndarray, np.ndarray]
"""A feature at each token, and whether the feature decides the token: both (N,)."""


@dataclass(frozen=True, eq=False)
class Track:
    """How well each unit tells one feature of a text of N tokens.

    values (N, K): the feature; K is over 1 where it is a choice of K meanings, named by names. decides
    (N,): tokens that the feature decides, such as the mark that closes a quotation. r, by state h or c,
    (H,): the correlation of each unit with the feature, of its meanings the one with the largest |r|, at
    column meaning (H,); NaN for a unit that does not vary. chance, by state: the |r| that the best of
    all units stays under in 95 % of the shifts of the same feature against the text.
    """

    kind: str
    values: np.ndarray
    names: tuple[str, ...]
    decides: np.ndarray
    r: dict[str, np.ndarray]
    meaning: dict[str, np.ndarray]
    chance: dict[str, float]

    def best(self, state: str = "h") -> int:
        """Returns the unit with the largest |r| of a state; the first of equals."""
        return int(np.nan_to_num(np.abs(self.r[state]), nan=-1.0).argmax())


@dataclass(frozen=True, eq=False)
class Units:
    """What the H units of a network's last layer do over N tokens, read in stretches from the zero state.

    starts: the first token of each stretch, 0-based. own: how many tokens are shown only; all that is
    measured is measured over the others. h, c (N, H): the states after each token; c None without one.
    first_bad: the first token after which a state is past float32's largest number, else None. open, shut:
    gate -> (H,) share of tokens at which it is over OPEN, under SHUT. half_life (H,): see `half_life`; None
    without a gate that keeps. nats (N,): the cross-entropy of foreseeing each token, NaN for the first of a
    stretch. zeroed (N, H): the same with each unit held at 0. averaged (N, H): with each unit held at the
    mean of its own states over all that is measured, NaN for what is shown only: 0 may be a value that a
    unit never has, and then zeroing does more than taking its information away. tracks: one for each feature
    there is; that of a pattern is added by `with_pattern`.
    """

    cell: str
    unit: str
    tokens: tuple[str, ...]
    known: tuple[bool, ...]
    starts: tuple[int, ...]
    own: int
    h: np.ndarray
    c: np.ndarray | None
    first_bad: int | None
    open: dict[str, np.ndarray]
    shut: dict[str, np.ndarray]
    half_life: np.ndarray | None
    nats: np.ndarray
    zeroed: np.ndarray
    averaged: np.ndarray
    tracks: tuple[Track, ...]

    @property
    def hidden_size(self) -> int:
        return self.h.shape[1]

    @property
    def perplexity(self) -> float:
        """exp of the mean cross-entropy; NaN where no token has one before it, and after an explosion."""
        return float(_perplexity(self.nats[self._foreseen])[()])

    @property
    def without(self) -> np.ndarray:
        """The perplexity (H,) with each unit held at 0."""
        return _perplexity(self.zeroed[self._foreseen])

    @property
    def _foreseen(self) -> np.ndarray:
        """The measured tokens (N,) that have a token before them."""
        there = np.arange(len(self.tokens)) >= self.own
        there[list(self.starts)] = False
        return there

    @property
    def measured(self) -> int:
        """How many tokens all that is measured is measured over."""
        return len(self.tokens) - self.own

    @property
    def ranked(self) -> bool:
        """Whether there are enough of them to say which unit tells most."""
        return self.measured >= FEW

    def track(self, kind: str) -> Track | None:
        """Returns the track of a feature, None where the text has none."""
        return next((track for track in self.tracks if track.kind == kind), None)

    def lost(self, track: Track, at: str = "zero") -> np.ndarray:
        """Returns (H, 2): the mean rise of cross-entropy without each unit, in nats for each token:

        of the tokens that the feature decides, and of all others. NaN where there are none. at says what
        each unit is held at: zero, or its own mean.
        """
        held = {"zero": self.zeroed, "mean": self.averaged}[at]
        rise, there = held - self.nats[:, None], self._foreseen
        return np.stack([_mean(rise[there & track.decides]), _mean(rise[there & ~track.decides])], -1)


@dataclass(frozen=True)
class BestUnit:
    """The unit (from 1) and its state, h or c, that tell most about a feature of held-out text.

    r, chance: see Track. perplexity: of the network, and with this unit held at 0 (without).
    """

    feature: str
    unit: int
    state: str
    r: float
    chance: float
    perplexity: float
    without: float


def best_units(model: RecurrentModel, experiment: Experiment) -> tuple[BestUnit, ...]:
    """Returns the best unit for every feature that the held-out text of a training has."""
    found = units(model, held_out(experiment, source(experiment, _lang(experiment))), unit=experiment.units)
    rows = []
    for track in found.tracks:
        r, state, k = max(
            ((float(track.r[state][k]), state, k) for state in track.r for k in [track.best(state)]),
            key=lambda one: abs(one[0]),
        )
        without = float(found.without[k])
        rows.append(BestUnit(track.kind, k + 1, state, r, track.chance[state], found.perplexity, without))
    return tuple(rows)


def _lang(experiment: Experiment) -> str:
    return experiment.grammar if experiment.grammar in LANGUAGES else "en"


def units(
    model: RecurrentModel,
    held: Sequence[Sentence],
    own: Sequence[str] = (),
    *,
    unit: str,
    notation: str = "pytorch",
) -> Units:
    """Returns what the units of a network do over held-out stretches, and over a text of one's own.

    Without held-out stretches the own text is what is measured. unit is that of the tokens. notation
    `lecture` reads a GRU's z the other way round. No more than SAMPLE tokens of each are read, and fewer
    where the network is large. Raises ValueError for a model without
    vocabulary or of two directions, and for no token at all.
    """
    network, most = _Network(model), affordable(model)
    mine = [Sentence(tuple(own)[:most], (), ())] if own else []
    blocks = [mine, _up_to(held, most)] if held else [mine]
    shown = sum(len(s.tokens) for s in mine) if held else 0
    read = [network.read(block) for block in blocks if block]
    if not read:
        raise ValueError("there is no text to read")
    h, nats, zeroed = (np.concatenate([getattr(r, name) for r in read]) for name in ("h", "nats", "zeroed"))
    c = np.concatenate([r.c for r in read]) if read[0].c is not None else None
    averaged = np.full_like(zeroed, np.nan)
    averaged[shown:] = network.held(blocks[-1], read[-1].means)
    gates = {s: np.concatenate([r.gates[s] for r in read])[shown:] for s in network.spec.gates}
    seen = gates | ({s: 1.0 - gates[s] for s in network.spec.flips} if notation == "lecture" else {})
    keep = network.spec.keep
    stretches = [stretch for block in blocks for stretch in block]
    ends = np.cumsum([len(s.tokens) for s in stretches])
    states = {"h": h} if c is None else {"h": h, "c": c}
    tokens = tuple(token for s in stretches for token in s.tokens)
    return Units(
        cell=model.cell,
        unit=unit,
        tokens=tokens,
        known=tuple(token in model.ids for token in tokens),
        starts=(0, *ends[:-1].tolist()),
        own=shown,
        h=h,
        c=c,
        first_bad=_first_bad(states.values()),
        open={s: saturation(a)[0] for s, a in seen.items()},
        shut={s: saturation(a)[1] for s, a in seen.items()},
        half_life=half_life(gates[keep]) if keep else None,
        nats=nats,
        zeroed=zeroed,
        averaged=averaged,
        tracks=tuple(_tracks(stretches, states, shown, unit)),
    )


def units_in(
    experiment: Experiment, model: RecurrentModel, run: Experiment | None, notation: str = "pytorch"
) -> Units:
    """Returns what a network's units do over the experiment's text, and over held-out text of its training.

    run is that training, None for a network that is learned in a moment: all there is is its own text.
    Where there is held-out text that the network can read, OWN tokens of the own text are shown beside it.
    """
    held = () if run is None else _held_out_of(run, model)
    own = text_with_end(experiment, model)[: OWN if held else None]
    return units(model, held, own, unit=experiment.units, notation=notation)


def _held_out_of(run: Experiment, model: RecurrentModel) -> tuple[Sentence, ...]:
    try:
        data = source(run, _lang(run))
    except Unusable:
        return ()
    there = data.vocabulary == model.vocabulary and not data.held_out_is_training
    return held_out(run, data) if there else ()


def affordable(model: RecurrentModel) -> int:
    """Returns how many tokens of a text are read: SAMPLE, fewer for a large network, never under LEAST."""
    H, V = model.hidden_size, len(model.ids)
    each = H * (len(CELLS[model.cell].blocks) * H * H + V * H)
    return int(min(max(_WORK / max(each, 1), LEAST), SAMPLE))


def _up_to(stretches: Iterable[Sentence], most: int) -> list[Sentence]:
    """Returns the first stretches of at most that many tokens; of the first one a part if it must be."""
    taken: list[Sentence] = []
    for stretch in stretches:
        room = most - sum(len(s.tokens) for s in taken)
        if len(stretch.tokens) > room:
            return taken or [Sentence(stretch.tokens[:room], (), ())]
        taken.append(stretch)
    return taken


def _first_bad(states: Iterable[np.ndarray]) -> int | None:
    bad = np.any([~(np.abs(state) <= FLOAT32_MAX).all(-1) for state in states], axis=0)
    return int(bad.argmax()) if bad.any() else None


def _mean(rows: np.ndarray) -> np.ndarray:
    return rows.mean(0) if len(rows) else np.full(rows.shape[1:], np.nan)


@np.errstate(over="ignore")
def _perplexity(nats: np.ndarray) -> np.ndarray:
    return np.exp(_mean(nats))


# Measures of a unit.


def correlations(activations: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns Pearson's r (H,) of each unit's activations (N, H) with values (N,).

    NaN where either does not vary or is not finite.
    """
    return _standard(activations).T @ _standard(values[:, None])[:, 0]


def chance(activations: np.ndarray, values: np.ndarray, count: int = SHIFTS) -> float:
    """Returns the |r| that the best unit reaches by chance: the 95 % quantile over shifts of the values.

    values (N, K) are moved round the text by up to count distances, evenly spread; at each the best of
    all units (N, H) and meanings counts. A shifted feature keeps its own rhythm, and so does chance.
    NaN for fewer than three tokens, and where no unit has a correlation.
    """
    N = len(values)
    if N < 3:
        return float("nan")
    shifts = np.unique(np.linspace(1, N - 1, min(count, N - 1)).round().astype(int))
    scaled = _standard(activations)
    around = (np.arange(N)[:, None] - shifts) % N  # (N, S)
    best = np.full(len(shifts), np.nan)
    for column in _standard(values).T:
        r = np.abs(scaled.T @ column[around])  # (H, S)
        best = np.fmax(best, np.fmax.reduce(r, axis=0))
    return float(np.quantile(best, 0.95))


def _standard(columns: np.ndarray) -> np.ndarray:
    """Returns columns with mean 0 and length 1, all NaN where that cannot be."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        largest = np.abs(columns).max(0)
        moved = columns / np.where(largest > 0, largest, 1.0)
        moved = moved - moved.mean(0)
        length = np.linalg.norm(moved, axis=0)
        varies = length > 1e-12 * np.sqrt(len(columns))
        return np.where(varies, moved / length, np.nan)


def half_life(gate: np.ndarray) -> np.ndarray:
    """Returns after how many steps (H,) half of what a unit held is left on the direct path.

    gate (N, H) is the share that is kept at each step: f, or a GRU's z in PyTorch's notation. What is left
    after n steps is their product, about exp(n mean log f): not the mean of f to the n.
    """
    with np.errstate(divide="ignore"):
        return np.log(2.0) / np.abs(np.log(gate).mean(0))


def saturation(gate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the shares (H,) of steps at which a gate (N, H) is over OPEN, and under SHUT."""
    return (gate > OPEN).mean(0), (gate < SHUT).mean(0)


def zeroed(model: RecurrentModel, stretches: Sequence[Sentence]) -> np.ndarray:
    """Returns the cross-entropy (N, H) of foreseeing each token with each unit of the last layer held at 0.

    One run of H copies of the network. NaN for the first token of a stretch.
    """
    return _Network(model).read(stretches).zeroed


# The network, over several stretches side by side.


@dataclass(frozen=True, eq=False)
class _Read:
    h: np.ndarray
    c: np.ndarray | None
    gates: dict[str, np.ndarray]
    nats: np.ndarray
    zeroed: np.ndarray

    @property
    def means(self) -> dict[str, np.ndarray]:
        """The mean of each unit's states: state -> (H,)."""
        return {"h": self.h.mean(0)} | ({} if self.c is None else {"c": self.c.mean(0)})


class _Network:
    """A language model's weights in float64. Raises ValueError for a model that is none."""

    def __init__(self, model: RecurrentModel) -> None:
        if model.embedding is None:
            raise ValueError("the model has no vocabulary: it reads numbers, not text")
        stack = model.layer_weights()
        if len(stack[0]) > 1:
            raise ValueError("the model reads in both directions: what is to come is known to it")
        self.model, self.spec = model, CELLS[model.cell]
        *self.below, self.top = [layer.map(lambda array: array.astype(np.float64)) for (layer,) in stack]
        self.embedding, self.weight, self.bias = (
            tensor.detach().double().numpy()
            for tensor in (model.embedding.weight, model.readout.weight, model.readout.bias)
        )

    def read(self, stretches: Sequence[Sentence]) -> _Read:
        """Reads stretches, each from the zero state; all arrays with their tokens one after another."""
        ids, there, x = self._inputs(stretches)
        layer = self._layer(self.top, x, len(self.below))
        zero = {symbol: np.zeros(self.top.hidden_size) for symbol in self.spec.states}
        return _Read(
            _flat(layer.signal("h"), there),
            None if layer.c is None else _flat(layer.signal("c"), there),
            {symbol: _flat(layer.gate[symbol], there) for symbol in self.spec.gates},
            _flat(self._foreseen(layer.output, ids), there),
            _flat(self._without_each(x, ids, zero), there),
        )

    def held(self, stretches: Sequence[Sentence], at: dict[str, np.ndarray]) -> np.ndarray:
        """Returns nats (N, H) with each unit of the last layer held in turn; at: at what, state -> (H,)."""
        ids, there, x = self._inputs(stretches)
        return _flat(self._without_each(x, ids, at), there)

    def _inputs(self, stretches: Sequence[Sentence]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns ids and which of them are there (T, B), and what the last layer reads (T, B, D)."""
        lengths = np.array([len(s.tokens) for s in stretches])
        there = np.arange(lengths.max())[:, None] < lengths
        ids = np.zeros(there.shape, dtype=np.int64)
        for column, stretch in enumerate(stretches):
            ids[: len(stretch.tokens), column] = self.model.encode(stretch.tokens)
        x = self.embedding[ids]
        for level, weights in enumerate(self.below):
            x = self._layer(weights, x, level).output
        return ids, there, x

    def _layer(self, weights: LayerWeights, x: np.ndarray, level: int) -> LayerTrace:
        zero = np.zeros((x.shape[1], weights.hidden_size))
        return run_layer(self.model.cell, weights, x, (zero,) * len(self.spec.states), layer=level)

    def _foreseen(self, h: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Returns nats (T, B) of foreseeing ids (T, B) from the states h (T, B, H) one step before."""
        before, true = h[:-1].reshape(-1, h.shape[-1]), ids[1:].ravel()
        some = max(1, _NUMBERS // len(self.bias))
        parts = [self._nats(before[at : at + some], true[at : at + some]) for at in range(0, len(true), some)]
        nats = np.full(ids.shape, np.nan)
        nats[1:] = np.concatenate([np.empty(0), *parts]).reshape(ids[1:].shape)
        return nats

    @np.errstate(over="ignore", invalid="ignore")  # an explosion is a result
    def _nats(self, h: np.ndarray, true: np.ndarray) -> np.ndarray:
        logits = h @ self.weight.T + self.bias  # (n, V)
        logits -= logits.max(-1, keepdims=True)
        return np.log(np.exp(logits).sum(-1)) - np.take_along_axis(logits, true[:, None], -1)[:, 0]

    def _without_each(self, x: np.ndarray, ids: np.ndarray, at: dict[str, np.ndarray]) -> np.ndarray:
        """Returns nats (T, B, H): the last layer over its inputs x (T, B, D), each unit held in turn.

        at: what it is held at, state -> (H,).
        """
        H = self.top.hidden_size
        some = max(1, _NUMBERS // (H * max(len(self.bias), len(self.top.blocks) * H)))
        columns = [slice(first, first + some) for first in range(0, ids.shape[1], some)]
        return np.concatenate([self._copies(x[:, part], ids[:, part], at) for part in columns], 1)

    @torch.no_grad()
    def _copies(self, x: np.ndarray, ids: np.ndarray, at: dict[str, np.ndarray]) -> np.ndarray:
        """In PyTorch: its matrix products keep to the threads that the app allows them."""
        (T, B), H = ids.shape, self.top.hidden_size
        copy = torch.arange(H)
        hold = {symbol: torch.from_numpy(at[symbol])[:, None] for symbol in self.spec.states}
        top = self.top.map(lambda array: torch.from_numpy(np.array(array)))
        readout, bias = torch.from_numpy(self.weight), torch.from_numpy(self.bias)
        projected = top.project(torch.from_numpy(np.array(x, order="C")))
        following = torch.from_numpy(np.array(ids, order="C"))
        state = tuple(torch.zeros(H * B, H, dtype=torch.float64) for _ in hold)

        def touch(symbol: str, value: torch.Tensor) -> torch.Tensor:
            if symbol not in hold:
                return value
            value = value.reshape(H, B, H)
            value[copy, :, copy] = hold[symbol]  # the unit of each copy
            return value.reshape(H * B, H)

        nats = np.full((T, B, H), np.nan)
        for t in range(T - 1):
            a = {symbol: part[t].repeat(H, 1) for symbol, part in projected.items()}
            _, _, state = self.spec.step(TorchOps, a, state, top, touch)
            logits = torch.addmm(bias, state[0], readout.T)
            lost = cross_entropy(logits, following[t + 1].repeat(H), reduction="none")
            nats[t + 1] = lost.reshape(H, B).T.numpy()
        return nats


def _flat(array: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Returns the rows of (T, B, ...) that are there (T, B), one stretch after another."""
    return array.swapaxes(0, 1)[there.T]


# Features of a text.


def features(tokens: Sequence[str], unit: str, kind: str, pattern: str = "") -> Marks:
    """Returns a feature of a stretch of text once each token is read, and the tokens it decides.

    quote: 1 inside quotation marks; decides what closes one. A straight mark opens and closes in turn.
    bracket: how many brackets and paired quotation marks are open; decides what closes one.
    position: which token of its sentence it is, from 1, 0 for white space between two; decides the end.
    word: which letter or jamo of its word it is, from 1, 0 outside; decides what follows a word.
    pattern: 1 within the string; decides its tokens after the first, or the only one.
    Raises KeyError for another kind.
    """
    return _FEATURES[kind](tokens, unit, pattern)


def _quote(tokens: Sequence[str], unit: str, pattern: str) -> Marks:
    depth, closes = _depth(tokens, _OPENING, _CLOSING, '"')
    return (depth > 0).astype(float), closes


def _bracket(tokens: Sequence[str], unit: str, pattern: str) -> Marks:
    return _depth(tokens, "([{" + _OPENING, ")]}" + _CLOSING, "")


def _depth(tokens: Sequence[str], opening: str, closing: str, straight: str) -> Marks:
    depth, closes = np.zeros(len(tokens)), np.zeros(len(tokens), dtype=bool)
    paired, within = 0, False
    for at, token in enumerate(tokens):
        for char in token:
            if char in opening:
                paired += 1
            elif char in closing and paired:
                paired -= 1
                closes[at] = True
            elif char in straight:
                closes[at] |= within
                within = not within
        depth[at] = paired + within
    return depth, closes


def _position(tokens: Sequence[str], unit: str, pattern: str) -> Marks:
    quoted, _ = _quote(tokens, unit, pattern)
    place, ends = np.zeros(len(tokens)), np.zeros(len(tokens), dtype=bool)
    count, over = 0, False
    for at, token in enumerate(tokens):
        closing = at > 0 and (token[-1:] in ")]}" + _CLOSING or (token == '"' and quoted[at - 1] > 0))
        if over and not (token.isspace() or closing):
            count, over = 0, False
        if not token.isspace() or not over:
            count += 1
            place[at] = count
        ends[at] = token == END or token.rstrip(")]}\"'" + _CLOSING)[-1:] in tuple(_ENDS)
        over = over or bool(ends[at])
    return place, ends


def _word(tokens: Sequence[str], unit: str, pattern: str) -> Marks:
    place, follows = np.zeros(len(tokens)), np.zeros(len(tokens), dtype=bool)
    if unit == "word":
        return place, follows
    count = 0
    for at, token in enumerate(tokens):
        letter = len(token.strip("<>")) == len(token) and unicodedata.category(token[0])[0] in "LMN"
        follows[at] = count > 0 and not letter
        count = count + 1 if letter else 0
        place[at] = count
    return place, follows


def _pattern(tokens: Sequence[str], unit: str, pattern: str) -> Marks:
    within, decides = np.zeros(len(tokens)), np.zeros(len(tokens), dtype=bool)
    gap = " " if unit == "word" else ""
    wanted = gap.join(tokenise(clean(pattern), unit))
    text = gap.join(tokens)
    of = np.repeat(np.arange(len(tokens)), [len(token) + len(gap) for token in tokens])  # its token
    at = text.find(wanted) if wanted else -1
    while at >= 0:
        first, last = of[at], of[at + len(wanted) - 1]
        within[first : last + 1] = 1.0
        decides[min(first + 1, last) : last + 1] = True
        at = text.find(wanted, at + 1)
    return within, decides


_FEATURES = {
    "quote": _quote,
    "bracket": _bracket,
    "position": _position,
    "word": _word,
    "pattern": _pattern,
}


def cue(stretches: Sequence[Sentence], unit: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Returns what must be remembered after each token (N, M), the critical tokens (N,), and M names.

    From a cue up to its critical token the cue's meaning holds, the inner one where they are nested. Two
    meanings are one column, +1 and -1; of more, each has a column of its own, 1 where it holds. Cues that
    decide the same tokens mean the same, and a meaning is named by the token that it most often decides.
    """
    pairs = [
        (n, at, to, _whole(s, at, unit), _whole(s, to, unit))
        for n, s in enumerate(stretches)
        for at, to in zip(s.cues, s.critical, strict=True)
    ]
    groups = _joined([((0, cued), (1, decided)) for _, _, _, cued, decided in pairs])
    counts = [Counter(decided for *_, decided in pairs if (1, decided) in group) for group in groups]
    named = [count.most_common(1)[0][0] for count in counts]
    order = sorted(range(len(groups)), key=named.__getitem__)
    table = np.eye(len(order)) if len(order) != 2 else np.array([[1.0], [-1.0]])
    columns = [np.zeros((len(s.tokens), table.shape[1])) for s in stretches]
    decides = [np.zeros(len(s.tokens), dtype=bool) for s in stretches]
    for n, at, to, cued, _ in sorted(pairs, key=lambda pair: pair[1]):
        meaning = next(rank for rank, k in enumerate(order) if (0, cued) in groups[k])
        columns[n][at:to] = table[meaning]
        decides[n][to] = True
    return np.concatenate(columns), np.concatenate(decides), tuple(named[k] for k in order)


def _whole(stretch: Sentence, at: int, unit: str) -> str:
    """Returns the word that a token belongs to, without the tokens that part words."""
    tokens = stretch.tokens
    if unit == "word":
        return tokens[at]
    first = last = at
    while first > 0 and tokens[first - 1] != " ":
        first -= 1
    while last < len(tokens) and tokens[last] not in (" ", END):
        last += 1
    return unicodedata.normalize("NFC", "".join(tokens[first:last]))


def _joined(links: Sequence[tuple[tuple[int, str], tuple[int, str]]]) -> list[set[tuple[int, str]]]:
    """Returns the connected parts of a graph."""
    parts: list[set[tuple[int, str]]] = []
    for link in links:
        touched = [part for part in parts if part & set(link)]
        parts = [part for part in parts if part not in touched] + [set(link).union(*touched)]
    return parts


def with_pattern(found: Units, pattern: str) -> Units:
    """Returns the same with a track of a string to look for, where it occurs."""
    ends = [*found.starts[1:], len(found.tokens)]
    stretches = [found.tokens[at:end] for at, end in zip(found.starts, ends, strict=True)]
    states = {"h": found.h} if found.c is None else {"h": found.h, "c": found.c}
    track = _track("pattern", *_marked(stretches, found.unit, "pattern", pattern), (), states, found.own)
    others = tuple(one for one in found.tracks if one.kind != "pattern")
    return replace(found, tracks=(*others, track) if track else others)


def _marked(stretches: Sequence[Sequence[str]], unit: str, kind: str, pattern: str = "") -> Marks:
    """Returns a feature (N, 1) of several stretches, and the tokens (N,) that it decides."""
    marks = [features(tokens, unit, kind, pattern) for tokens in stretches]
    values, decides = (np.concatenate(parts) for parts in zip(*marks, strict=True))
    return values[:, None], decides


def _tracks(
    stretches: Sequence[Sentence], states: dict[str, np.ndarray], own: int, unit: str
) -> Iterator[Track]:
    """Yields the track of every feature but a pattern that varies in the text."""
    for kind in FEATURES:
        names: tuple[str, ...] = ()
        if kind == "pattern" or (kind == "cue" and not any(s.cues for s in stretches)):
            continue
        if kind == "cue":
            values, decides, names = cue(stretches, unit)
        else:
            values, decides = _marked([s.tokens for s in stretches], unit, kind)
        if track := _track(kind, values, decides, names, states, own):
            yield track


def _track(
    kind: str,
    values: np.ndarray,
    decides: np.ndarray,
    names: tuple[str, ...],
    states: dict[str, np.ndarray],
    own: int,
) -> Track | None:
    """Returns a track measured over all tokens but one's own; None where the feature does not vary."""
    measured = values[own:]
    if not (measured != measured[0]).any():
        return None
    found = {name: _told(state[own:], measured) for name, state in states.items()}
    return Track(
        kind,
        values,
        names,
        decides,
        r={name: r for name, (r, _, _) in found.items()},
        meaning={name: meaning for name, (_, meaning, _) in found.items()},
        chance={name: luck for name, (_, _, luck) in found.items()},
    )


def _told(state: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Returns r and meaning (H,) of a state (N, H) with values (N, M), and chance: see Track."""
    each = np.stack([correlations(state, column) for column in values.T], -1)  # (H, M)
    meaning = np.nan_to_num(np.abs(each), nan=-1.0).argmax(-1)
    return np.take_along_axis(each, meaning[:, None], -1)[:, 0], meaning, chance(state, values)


# Held-out text.


def held_out(experiment: Experiment, data: Source) -> tuple[Sentence, ...]:
    """Returns the held-out text of a network's data as stretches; none where the data is no text.

    Stretches of which each begins where the one before ends are one text. Sentences that differ only in
    what must be remembered know their cues: that is where they first differ.
    """
    if data.vocabulary is None:
        return ()
    rows = list(_rows(data.held_out(), data.vocabulary))
    if len(rows) > 1 and all(a.tokens[-1] == b.tokens[0] for a, b in pairwise(rows)):
        return (Sentence((rows[0].tokens[0], *chain(*(row.tokens[1:] for row in rows))), (), ()),)
    if experiment.data not in KINDS:
        return tuple(rows)
    size = versions(experiment.data)
    groups = [rows[at : at + size] for at in range(0, len(rows), size)]
    return tuple(sentence for group in groups if len(group) == size for sentence in _with_cues(group))


def _rows(batch: Batch, vocabulary: Sequence[str]) -> Iterator[Sentence]:
    for column, (x, target) in enumerate(zip(batch.x.T.tolist(), batch.target.T.tolist(), strict=True)):
        ids = [x[0], *(k for k in target if k >= 0)]
        judged = [] if batch.judged is None else batch.judged[:, column].nonzero().flatten().tolist()
        yield Sentence(tuple(vocabulary[k] for k in ids), tuple(at + 1 for at in judged), ())


def _with_cues(group: Sequence[Sentence]) -> Iterator[Sentence]:
    """Yields the versions of a sentence with their cues: the last one opened is the first one closed."""
    places = range(min(len(s.tokens) for s in group))
    differ = [at for at in places if len({s.tokens[at] for s in group}) > 1]
    for sentence in group:
        if len(sentence.critical) == 1:
            yield Sentence(sentence.tokens, sentence.critical, (differ[0],))
            continue
        opened: list[int] = []
        cues = []
        for at in differ:
            if at in sentence.critical:
                cues.append(opened.pop())
            else:
                opened.append(at)
        yield Sentence(sentence.tokens, sentence.critical, tuple(cues))
