"""What each unit is worth: a text read, and read again with each unit of the last layer held in turn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from explorer.cells import LayerWeights, TorchOps
from explorer.data.grammar import Sentence
from explorer.language.reader import Reader
from explorer.nn.softmax import cross_entropy
from explorer.nn.tracing import LayerTrace, run_layer

_NUMBERS = 2_000_000  # logits in memory at once


@dataclass(frozen=True, eq=False)
class Ablation:
    """Stretches of N tokens in all, each read from the zero state, by the H units of the last layer.

    states: after each token, symbol -> (N, H), h first; gates likewise. nats (N,): the cross-entropy of
    foreseeing each token, NaN for the first of a stretch; zeroed (N, H): the same with each unit held at 0.
    """

    states: dict[str, np.ndarray]
    gates: dict[str, np.ndarray]
    nats: np.ndarray
    zeroed: np.ndarray

    @property
    def means(self) -> dict[str, np.ndarray]:
        """The mean of each unit's states: state -> (H,)."""
        return {symbol: array.mean(0) for symbol, array in self.states.items()}


def ablated(network: Reader, stretches: Sequence[Sentence]) -> Ablation:
    """Reads stretches side by side; all arrays with their tokens one after another."""
    ids, there, x = _inputs(network, stretches)
    layer = _layer(network, network.layers[-1], x, len(network.layers) - 1)
    zero = {symbol: np.zeros(layer.hidden_size) for symbol in network.spec.states}
    return Ablation(
        {symbol: _flat(layer.signal(symbol), there) for symbol in network.spec.states},
        {symbol: _flat(layer.gate[symbol], there) for symbol in network.spec.gates},
        _flat(_foreseen(network, layer.output, ids), there),
        _flat(_without_each(network, x, ids, zero), there),
    )


def held_at(network: Reader, stretches: Sequence[Sentence], at: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns nats (N, H) with each unit of the last layer held in turn; at: at what, state -> (H,)."""
    ids, there, x = _inputs(network, stretches)
    return _flat(_without_each(network, x, ids, at), there)


def _inputs(network: Reader, stretches: Sequence[Sentence]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns ids and which of them are there (T, B), and what the last layer reads (T, B, D)."""
    lengths = np.array([len(s.tokens) for s in stretches])
    there = np.arange(lengths.max())[:, None] < lengths
    ids = np.zeros(there.shape, dtype=np.int64)
    for column, stretch in enumerate(stretches):
        ids[: len(stretch.tokens), column] = network.model.encode(stretch.tokens)
    x = network.embedding[ids]
    for level, weights in enumerate(network.layers[:-1]):
        x = _layer(network, weights, x, level).output
    return ids, there, x


def _flat(array: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Returns the rows of (T, B, ...) that are there (T, B), one stretch after another."""
    return array.swapaxes(0, 1)[there.T]


def _layer(network: Reader, weights: LayerWeights, x: np.ndarray, level: int) -> LayerTrace:
    zero = np.zeros((x.shape[1], weights.hidden_size))
    return run_layer(network.model.cell, weights, x, (zero,) * len(network.spec.states), layer=level)


def _foreseen(network: Reader, h: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Returns nats (T, B) of foreseeing ids (T, B) from the states h (T, B, H) one step before."""
    before, true = h[:-1].reshape(-1, h.shape[-1]), ids[1:].ravel()
    some = max(1, _NUMBERS // len(network.bias))
    parts = [
        cross_entropy(network.logits(before[at : at + some]), true[at : at + some])
        for at in range(0, len(true), some)
    ]
    nats = np.full(ids.shape, np.nan)
    nats[1:] = np.concatenate([np.empty(0), *parts]).reshape(ids[1:].shape)
    return nats


def _without_each(
    network: Reader, x: np.ndarray, ids: np.ndarray, at: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Returns nats (T, B, H): the last layer over its inputs x (T, B, D), each unit held in turn.

    at: what it is held at, state -> (H,).
    """
    last = network.layers[-1]
    H = last.hidden_size
    some = max(1, _NUMBERS // (H * max(len(network.bias), len(last.blocks) * H)))
    columns = [slice(first, first + some) for first in range(0, ids.shape[1], some)]
    return np.concatenate([_copies(network, x[:, part], ids[:, part], at) for part in columns], 1)


@torch.no_grad()
def _copies(network: Reader, x: np.ndarray, ids: np.ndarray, at: Mapping[str, np.ndarray]) -> np.ndarray:
    """One run of H copies of the network, in PyTorch: it keeps to the threads that the app allows it."""
    last = network.layers[-1]
    (T, B), H = ids.shape, last.hidden_size
    copy = torch.arange(H)
    hold = {symbol: torch.from_numpy(at[symbol])[:, None] for symbol in network.spec.states}
    weights = last.map(lambda array: torch.from_numpy(np.array(array)))
    readout, bias = torch.from_numpy(network.weight), torch.from_numpy(network.bias)
    projected = weights.project(torch.from_numpy(np.array(x, order="C")))
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
        _, _, state = network.spec.step(TorchOps, a, state, weights, touch)
        logits = torch.addmm(bias, state[0], readout.T)
        lost = F.cross_entropy(logits, following[t + 1].repeat(H), reduction="none")
        nats[t + 1] = lost.reshape(H, B).T.numpy()
    return nats
