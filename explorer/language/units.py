"""Find the unit that does it: what each unit of a network tracks in a text, and what is lost without it.

    found = units(model, held_out(run, source(run)), token_level="char")
    found.track("quote").best("c")         # the unit whose c tells most about quotation marks
    found.perplexity, found.without        # and the network's perplexity with each unit held at 0
    found.lost(track), found.lost(track, "mean")   # nats lost with it at 0, and at its own mean

After Karpathy, Johnson & Li 2015 (single units coloured over a text, saturation of gates) and LSTMVis
(Strobelt et al. 2018). The units are those of the last layer, which the readout reads. A feature at a
token is what is so once the token is read, as the state is; the cross-entropy at a token is that of
foreseeing it. Units count from 0 here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from explorer.cells import CELLS
from explorer.data.grammar import Sentence
from explorer.data.sources import source
from explorer.data.unusable import Unusable
from explorer.experiment import Experiment
from explorer.i18n import LANGUAGES
from explorer.language.ablation import ablated, held_at
from explorer.language.correlation import Track, track_of, tracks
from explorer.language.features import marked
from explorer.language.held_out import held_out
from explorer.language.reader import Reader
from explorer.language.scoring import text_with_end
from explorer.limits import FLOAT32_MAX
from explorer.nn.model import RecurrentModel

SAMPLE = 4000
"""Tokens that are read at most: a chance correlation over so many is a few hundredths."""

OWN_TOKENS = 120
"""Tokens of one's own text that are shown beside held-out text."""

LEAST = 300
"""Tokens that are read of however large a network."""

FEW = 200
"""Measured tokens under which no unit is ranked: over five of them the best by chance has an r of .98."""

OPEN, SHUT = 0.9, 0.1
"""A gate over OPEN is saturated open, under SHUT saturated shut (Karpathy et al. 2015)."""

_WORK = 2e10  # multiplications for holding every unit, twice: four seconds


@dataclass(frozen=True, eq=False)
class Units:
    """What the H units of a network's last layer do over N tokens, read in stretches from the zero state.

    starts: the first token of each stretch, 0-based. own: how many tokens are shown only; all that is
    measured is measured over the others. states: symbol -> (N, H), after each token.
    first_bad: the first token after which a state is past float32's largest number, else None. open, shut:
    gate -> (H,) share of tokens at which it is over OPEN, under SHUT. half_life (H,): see `half_life`; None
    without a gate that keeps. nats (N,): the cross-entropy of foreseeing each token, NaN for the first of a
    stretch. zeroed (N, H): the same with each unit held at 0. averaged (N, H): with each unit held at the
    mean of its own states over all that is measured, NaN for what is shown only: 0 may be a value that a
    unit never has, and then zeroing does more than taking its information away. tracks: one for each feature
    there is; that of a pattern is added by `with_pattern`. Gates are in PyTorch's notation.
    """

    cell: str
    token_level: str
    tokens: tuple[str, ...]
    known: tuple[bool, ...]
    starts: tuple[int, ...]
    own: int
    states: dict[str, np.ndarray]
    first_bad: int | None
    open: dict[str, np.ndarray]
    shut: dict[str, np.ndarray]
    half_life: np.ndarray | None
    nats: np.ndarray
    zeroed: np.ndarray
    averaged: np.ndarray
    tracks: tuple[Track, ...]

    @property
    def h(self) -> np.ndarray:
        return self.states["h"]

    @property
    def c(self) -> np.ndarray | None:
        return self.states.get("c")

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
    """The unit (from 1) and its state that tell most about a feature of held-out text.

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
    found = units(
        model, held_out(experiment, source(experiment, _lang(experiment))), token_level=experiment.token_level
    )
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
    model: RecurrentModel, held: Sequence[Sentence], own: Sequence[str] = (), *, token_level: str
) -> Units:
    """Returns what the units of a network do over held-out stretches, and over a text of one's own.

    Without held-out stretches the own text is what is measured. No more than SAMPLE tokens of each are
    read, and fewer where the network is large. Raises ValueError for a model without vocabulary or of two
    directions, and for no token at all.
    """
    network, most = Reader(model), affordable(model)
    mine = [Sentence(tuple(own)[:most], (), ())] if own else []
    blocks = [mine, _up_to(held, most)] if held else [mine]
    shown = sum(len(s.tokens) for s in mine) if held else 0
    read = [ablated(network, block) for block in blocks if block]
    if not read:
        raise ValueError("there is no text to read")
    nats, zeroed = (np.concatenate([getattr(r, name) for r in read]) for name in ("nats", "zeroed"))
    states = {s: np.concatenate([r.states[s] for r in read]) for s in network.spec.states}
    averaged = np.full_like(zeroed, np.nan)
    averaged[shown:] = held_at(network, blocks[-1], read[-1].means)
    gates = {s: np.concatenate([r.gates[s] for r in read])[shown:] for s in network.spec.gates}
    keep = network.spec.keep
    stretches = [stretch for block in blocks for stretch in block]
    ends = np.cumsum([len(s.tokens) for s in stretches])
    tokens = tuple(token for s in stretches for token in s.tokens)
    return Units(
        cell=model.cell,
        token_level=token_level,
        tokens=tokens,
        known=tuple(token in model.ids for token in tokens),
        starts=(0, *ends[:-1].tolist()),
        own=shown,
        states=states,
        first_bad=_first_bad(states.values()),
        open={s: saturation(a)[0] for s, a in gates.items()},
        shut={s: saturation(a)[1] for s, a in gates.items()},
        half_life=half_life(gates[keep]) if keep else None,
        nats=nats,
        zeroed=zeroed,
        averaged=averaged,
        tracks=tuple(tracks(stretches, states, shown, token_level)),
    )


def units_in(experiment: Experiment, model: RecurrentModel, run: Experiment | None) -> Units:
    """Returns what a network's units do over the experiment's text, and over held-out text of its training.

    run is that training, None for a network that is learned in a moment: all there is is its own text.
    Where there is held-out text that the network can read, OWN_TOKENS of the own text are shown beside it.
    """
    held = () if run is None else _held_out_of(run, model)
    own = text_with_end(experiment, model)[: OWN_TOKENS if held else None]
    return units(model, held, own, token_level=experiment.token_level)


def _held_out_of(run: Experiment, model: RecurrentModel) -> tuple[Sentence, ...]:
    try:
        data = source(run, _lang(run))
    except Unusable:
        return ()
    there = data.vocabulary == model.vocabulary and not data.held_out_is_training
    return held_out(run, data) if there else ()


def with_pattern(found: Units, pattern: str) -> Units:
    """Returns the same with a track of a string to look for, where it occurs."""
    ends = [*found.starts[1:], len(found.tokens)]
    stretches = [found.tokens[at:end] for at, end in zip(found.starts, ends, strict=True)]
    track = track_of(
        "pattern", *marked(stretches, found.token_level, "pattern", pattern), (), found.states, found.own
    )
    others = tuple(one for one in found.tracks if one.kind != "pattern")
    return replace(found, tracks=(*others, track) if track else others)


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
