"""What each unit is worth: a text read once, and once more with each unit of the last layer held at 0."""

from collections.abc import Sequence
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

    h, c (N, H): the states after each token; c None without one. gates: symbol -> (N, H). nats (N,): the
    cross-entropy of foreseeing each token, NaN for the first of a stretch; zeroed (N, H): the same with
    each unit held at 0.
    """

    h: np.ndarray
    c: np.ndarray | None
    gates: dict[str, np.ndarray]
    nats: np.ndarray
    zeroed: np.ndarray


def ablated(network: Reader, stretches: Sequence[Sentence]) -> Ablation:
    """Reads stretches side by side; all arrays with their tokens one after another."""
    lengths = np.array([len(s.tokens) for s in stretches])
    there = np.arange(lengths.max())[:, None] < lengths  # (T, B)
    ids = np.zeros(there.shape, dtype=np.int64)
    for column, stretch in enumerate(stretches):
        ids[: len(stretch.tokens), column] = network.model.encode(stretch.tokens)

    def flat(array: np.ndarray) -> np.ndarray:
        return array.swapaxes(0, 1)[there.T]

    *below, last = network.layers
    x = network.embedding[ids]
    for level, weights in enumerate(below):
        x = _layer(network, weights, x, level).output
    layer = _layer(network, last, x, len(below))
    return Ablation(
        flat(layer.signal("h")),
        None if layer.c is None else flat(layer.signal("c")),
        {symbol: flat(layer.gate[symbol]) for symbol in network.spec.gates},
        flat(_foreseen(network, layer.output, ids)),
        flat(_without_each(network, last, x, ids)),
    )


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


def _without_each(network: Reader, last: LayerWeights, x: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Returns nats (T, B, H): the last layer over its inputs x (T, B, D), each unit held at 0 in turn."""
    H = last.hidden_size
    some = max(1, _NUMBERS // (H * max(len(network.bias), len(last.blocks) * H)))
    columns = [slice(at, at + some) for at in range(0, ids.shape[1], some)]
    return np.concatenate([_copies(network, last, x[:, part], ids[:, part]) for part in columns], 1)


@torch.no_grad()
def _copies(network: Reader, last: LayerWeights, x: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """One run of H copies of the network, in PyTorch: it keeps to the threads that the app allows it."""
    (T, B), H = ids.shape, last.hidden_size
    copy, hold = torch.arange(H), network.spec.states
    weights = last.map(lambda array: torch.from_numpy(np.array(array)))
    readout, bias = torch.from_numpy(network.weight), torch.from_numpy(network.bias)
    projected = weights.project(torch.from_numpy(np.array(x, order="C")))
    following = torch.from_numpy(np.array(ids, order="C"))
    state = tuple(torch.zeros(H * B, H, dtype=torch.float64) for _ in hold)

    def touch(symbol: str, value: torch.Tensor) -> torch.Tensor:
        if symbol not in hold:
            return value
        value = value.reshape(H, B, H)
        value[copy, :, copy] = 0.0  # the unit of each copy
        return value.reshape(H * B, H)

    nats = np.full((T, B, H), np.nan)
    for t in range(T - 1):
        a = {symbol: part[t].repeat(H, 1) for symbol, part in projected.items()}
        _, _, state = network.spec.step(TorchOps, a, state, weights, touch)
        logits = torch.addmm(bias, state[0], readout.T)
        lost = F.cross_entropy(logits, following[t + 1].repeat(H), reduction="none")
        nats[t + 1] = lost.reshape(H, B).T.numpy()
    return nats
