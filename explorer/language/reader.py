"""A language model that reads token by token, in NumPy and float64 whatever the model's dtype.

One step of each layer for each token, by the cell's own `step`, from the state of the token before.
"""

from collections.abc import Sequence

import numpy as np

from explorer.cells import CELLS, NumpyOps
from explorer.nn.interventions import untouched
from explorer.nn.model import RecurrentModel
from explorer.nn.reading import stack_of
from explorer.nn.tracing import run_layer

StackState = tuple[np.ndarray, ...]
"""A stack's state: (layers, H) for each of the cell's states, h first, as `trace` takes it."""


class Reader:
    """A language model's weights in float64, and its step. Raises ValueError for a model that is none."""

    def __init__(self, model: RecurrentModel) -> None:
        if model.embedding is None or model.vocabulary is None:
            raise ValueError("the model has no vocabulary: it reads numbers, not text")
        stack = model.layer_weights()
        if len(stack[0]) > 1:
            raise ValueError("the model reads in both directions: what is to come is known to it")
        self.model, self.vocabulary, self.spec = model, model.vocabulary, CELLS[model.cell]
        self.layers = [layer.map(lambda array: array.astype(np.float64)) for (layer,) in stack]
        self.embedding, self.weight, self.bias = (
            tensor.detach().double().numpy()
            for tensor in (model.embedding.weight, model.readout.weight, model.readout.bias)
        )

    @property
    def start(self) -> list[list[np.ndarray]]:
        """By state and layer the numbers (H,) before the first token: zeros, or what a file says."""
        own = stack_of(self.model).start
        zeros = [np.zeros(layer.hidden_size) for layer in self.layers]
        return [[np.asarray(row, np.float64) for row in own[s]] if own else zeros for s in self.spec.states]

    def id_of(self, token: str) -> int:
        if token not in self.model.ids:
            raise ValueError(f"the model's vocabulary has no token {token!r}")
        return self.model.ids[token]

    def named(self, ids: Sequence[int] | np.ndarray) -> tuple[str, ...]:
        return tuple(self.vocabulary[int(k)] for k in ids)

    def after(self, ids: Sequence[int]) -> StackState:
        """Returns the state after a prompt, from where the network starts."""
        if not ids:
            raise ValueError("the prompt is empty: there is no state to go on from")
        state: StackState = tuple(map(np.stack, self.start))
        for token in ids:
            state = self.read(token, state)
        return state

    @np.errstate(over="ignore", invalid="ignore")  # an explosion is a result
    def read(self, token: int, state: StackState) -> StackState:
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

    def read_out(self, state: StackState) -> np.ndarray:
        """Returns the logits (V,) of the next token."""
        return self.logits(state[0][-1])

    def outputs(self, ids: np.ndarray) -> np.ndarray:
        """Returns the last layer's state h (T, H) after each token of a text."""
        x = self.embedding[ids]
        for level, weights in enumerate(self.layers):
            begun = tuple(rows[level] for rows in self.start)
            x = run_layer(self.model.cell, weights, x, begun, layer=level).output
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
    def logits(self, h: np.ndarray) -> np.ndarray:
        """Returns the logits (..., V) of the next token after states h (..., H) of the last layer."""
        return h @ self.weight.T + self.bias
