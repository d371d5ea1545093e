"""A network out of somebody's file as every page takes it: what it reads, and what it says, if anything."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from explorer.cells import LayerWeights
from explorer.data.corpora import TAUGHT, sentences_of
from explorer.formats.networks import Network
from explorer.lab.learned import Input, Learned, Token
from explorer.labels import UNKNOWN
from explorer.nn.model import RecurrentModel, States
from explorer.text import clean, join, tokenise
from explorer.training.trainer import Fit

EXAMPLE_IDS = 8
"""Tokens of a vocabulary without names that a text to start from has."""

EXAMPLE_STEPS = 24
"""Steps of the noise that a network of numbers reads where no sequence was given."""


class OwnModel(RecurrentModel):
    """Recurrent layers of a file with the embedding and the readout found beside them, in float64.

    Without a readout there are no outputs, K = 0; without an embedding the inputs are numbers (T, D).
    """

    def __init__(self, network: Network, vocabulary: Sequence[str] | None = None) -> None:
        nn.Module.__init__(self)
        layers = network.layers
        self.layers = layers
        self.start = layers.start
        self.levels = [[w.map(lambda a: a.astype(np.float64)) for w in ways] for ways in layers.levels]
        self.projections = [[p.astype(np.float64) for p in ways] for ways in layers.projections]
        self.cell, self.hidden_size = layers.cell, self.levels[-1][0].hidden_size
        self.num_layers = layers.num_layers
        tokens = None if network.embedding is None else tuple(vocabulary or numbered(network.vocabulary_size))
        self.vocabulary = tokens
        self.ids = {token: k for k, token in enumerate(tokens or ())}
        self.embedding = None if network.embedding is None else _embedding(network.embedding)
        self.readout = _linear(network.readout, self._width())

    def _width(self) -> int:
        last = (
            self.projections[-1] if self.projections else [w.w_ih[: w.hidden_size] for w in self.levels[-1]]
        )
        return sum(map(len, last))

    def layer_weights(self) -> list[list[LayerWeights]]:
        return self.levels

    def forward(self, x: torch.Tensor, state: States | None = None) -> torch.Tensor:
        """Returns the logits by PyTorch's own layers, as `RecurrentModel` does."""
        state = self.layers.states(x.shape[1])
        given = () if state is None else (_double(state),)
        return self.readout(self.layers.module().double()(self.vectors(x), *given)[0])

    def embed(self, x: Any) -> np.ndarray:
        if self.embedding is None:
            return np.asarray(x, np.float64)
        return self.embedding.weight.detach().numpy()[self._ids(x)].copy()


def _double(state: Any) -> Any:
    return state.double() if isinstance(state, torch.Tensor) else type(state)(map(_double, state))


def numbered(count: int) -> tuple[str, ...]:
    """Returns tokens that are called by their ids: of a file without a vocabulary."""
    return tuple(map(str, range(count)))


def _embedding(table: np.ndarray) -> nn.Embedding:
    return nn.Embedding.from_pretrained(torch.tensor(table, dtype=torch.float64))


def _linear(readout: tuple[np.ndarray, np.ndarray] | None, width: int) -> nn.Linear:
    weight, bias = (np.zeros((0, width)), np.zeros(0)) if readout is None else readout
    linear = nn.utils.skip_init(nn.Linear, width, max(1, len(weight)), dtype=torch.float64)
    linear.out_features = len(weight)
    linear.weight.data, linear.bias.data = (torch.tensor(a, dtype=torch.float64) for a in (weight, bias))
    return linear


def own(
    network: Network, vocabulary: Sequence[str] | None = None, numbers: np.ndarray | None = None
) -> Learned:
    """Returns a file's network ready for every page: over text or numbers (T, D), noise if none are given.

    Raises ValueError for numbers of another width.
    """
    model = OwnModel(network, vocabulary).eval()
    fit = Fit("own", 0, 0.0, float("nan"), True)
    if model.embedding is not None:
        return Learned(model, fit)
    width = network.layers.input_size
    if numbers is not None and numbers.shape[1] != width:
        raise ValueError(f"the sequence has {numbers.shape[1]} columns, the network reads {width}")
    return Learned(model, fit, {}, partial(sequence, noise(width) if numbers is None else numbers))


def titled(first: str, second: str) -> tuple[str, str]:
    """Returns what two networks beside each other are called, by their names in their files."""
    one, other = first or "top", second or "top"
    return (one, other) if one != other else (f"{one} (1)", f"{other} (2)")


def noise(width: int, steps: int = EXAMPLE_STEPS) -> np.ndarray:
    """Returns standard normal noise (steps, width), always the same."""
    return np.random.default_rng(0).normal(size=(steps, width))


def sequence(numbers: np.ndarray, length: int) -> Input:
    """Returns numbers (T, D) as an input, repeated to a length (0: as they are); steps are numbered."""
    turns = -(-length // len(numbers)) if length else 1
    x = np.tile(numbers, (turns, 1))[: length or None]
    names = [f"{row[0]:.3g}" for row in x] if x.shape[1] == 1 else [str(k + 1) for k in range(len(x))]
    return Input(x, tuple(Token(name, name) for name in names), asks="nothing")


def digest(data: bytes) -> str:
    """Returns the name by which an uploaded file is kept and referred to."""
    return hashlib.sha256(data).hexdigest()[:16]


@dataclass(frozen=True)
class Facts:
    """What is told of a network of a file: units by level, whether it says tokens; names as in the file.

    read_as: the tensors that were taken as embedding and readout; below: layers put on each other; starts:
    whether it starts from states of its own.
    """

    name: str
    cell: str
    inputs: int
    levels: tuple[int, ...]
    ways: int
    vocabulary: int
    says: bool
    read_as: tuple[str, ...]
    below: tuple[str, ...]
    conventions: tuple[str, ...]
    starts: bool = False

    @property
    def widest(self) -> int:
        return max(self.levels)


def facts_of(network: Network) -> Facts:
    """Returns what is told of a network."""
    layers = network.layers
    return Facts(
        name=layers.name,
        cell=layers.cell,
        inputs=layers.input_size,
        levels=tuple(ways[0].hidden_size for ways in layers.levels),
        ways=layers.directions,
        vocabulary=network.vocabulary_size,
        says=network.readout is not None,
        read_as=network.names,
        below=network.below,
        conventions=layers.conventions,
        starts=layers.start is not None,
    )


def fitting_text(names: Sequence[str], level: str) -> str:
    """Returns a sentence to start from: of those at hand the one whose tokens a vocabulary knows best.

    Where it knows less than half of any, some of its own tokens in their order.
    """
    known = set(names)
    offered = [*(s for weights in TAUGHT for s in sentences_of(weights)), *_PLAIN]
    shares = [np.mean([token in known for token in tokenise(s, level)]) for s in offered]
    best = int(np.argmax(shares))
    if shares[best] >= 0.5:
        return offered[best]
    return join([name for name in names if clean(name) and name != UNKNOWN][:SOME], level)


_PLAIN = ("hello world", "The quick brown fox jumps over the lazy dog.", "the cat sat on the mat")
SOME = 12
"""Tokens of a vocabulary's own that stand for a sentence."""
