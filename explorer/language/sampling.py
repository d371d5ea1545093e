"""What a language model says next: the distribution that it draws from, and where it goes on its own.

said = generate(model, ("the", "fat"), 20, temperature=0.8, seed=3)
said.tokens, said.entropy
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from explorer.labels import UNKNOWN
from explorer.language.reader import Reader, StackState
from explorer.nn.model import RecurrentModel
from explorer.nn.softmax import softmax


@dataclass(frozen=True, eq=False)
class Step:
    """One token, the distribution it was drawn from, and the state (layers, H) that gave it.

    p (V,): after temperature, top-k and top-p. probability of the token and entropy in nats are those of
    p; a forced token may have probability 0. model_probability and model_entropy are the model's own: a
    softmax of all its logits at temperature 1. state is that before the token is read.
    """

    token: int
    p: np.ndarray
    state: StackState
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
    p = softmax(logits, temperature)
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
    network = Reader(model)
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
