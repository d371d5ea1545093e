"""RecurrentModel: an embedding or plain inputs, recurrent layers, a readout. One class for every cell."""

from collections.abc import Sequence
from itertools import repeat
from typing import Any

import numpy as np
import torch
from torch import nn

from explorer.cells import CELLS, CellSpec, LayerWeights, TorchOps
from explorer.labels import UNKNOWN, label
from explorer.nn.interventions import untouched
from explorer.nn.tracing import torch_weights

States = list[tuple[torch.Tensor, ...]]


class LoopLayers(nn.Module):
    """Stacked layers of any cell, step by step, for cells that PyTorch does not have.

    Parameters carry PyTorch's names and packing, peepholes as `peephole_l0` (3*H,): i, f, o.
    forward: x (T, B, D), state -> (output (T, B, H * directions), state after the last step), state a
    list with one tuple of (B, H) for each layer and direction, or None for zeros.
    """

    def __init__(
        self,
        spec: CellSpec,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bidirectional: bool,
    ) -> None:
        super().__init__()
        self.spec, self.hidden_size = spec, hidden_size
        self.ends = ("", "_reverse") if bidirectional else ("",)
        self.num_layers = num_layers
        for level in range(num_layers):
            columns = input_size if level == 0 else hidden_size * len(self.ends)
            for end in self.ends:
                for name, shape in spec.shapes(columns, hidden_size).items():
                    self.register_parameter(f"{name}_l{level}{end}", nn.Parameter(torch.empty(shape)))

    def forward(self, x: torch.Tensor, state: States | None = None) -> tuple[torch.Tensor, States]:
        before = iter(state) if state else repeat(None)
        after: States = []
        for level in range(self.num_layers):
            outputs = []
            for end in self.ends:
                output, last = self._run(x, f"l{level}{end}", next(before), bool(end))
                outputs.append(output)
                after.append(last)
            x = torch.cat(outputs, -1)
        return x, after

    def _run(
        self, x: torch.Tensor, end: str, state: tuple[torch.Tensor, ...] | None, reverse: bool
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        table = dict(self.named_parameters())
        weights = self.spec.weights(table, f"_{end}")
        projected = weights.project(x)
        if state is None:
            zero = x.new_zeros(x.shape[1], self.hidden_size)
            state = tuple(zero for _ in self.spec.states)
        outputs: list[torch.Tensor] = []
        steps = range(x.shape[0])
        for t in reversed(steps) if reverse else steps:
            a = {s: p[t] for s, p in projected.items()}
            _, _, state = self.spec.step(TorchOps, a, state, weights, untouched)
            outputs.append(state[0])
        return torch.stack(outputs[::-1] if reverse else outputs), state


def recurrent_layers(
    cell: str, input_size: int, hidden_size: int, num_layers: int = 1, bidirectional: bool = False
) -> nn.Module:
    """Returns PyTorch's fused module where there is one, else LoopLayers; weights uninitialised.

    Time comes first: x (T, B, D). Building draws no random numbers.
    """
    spec = CELLS[cell]
    if spec.torch_module is None:
        return LoopLayers(spec, input_size, hidden_size, num_layers, bidirectional)
    return spec.torch_module(
        input_size,
        hidden_size,
        num_layers=num_layers,
        bidirectional=bidirectional,
        device="meta",
        **dict(spec.torch_options),
    ).to_empty(device="cpu")


class RecurrentModel(nn.Module):
    """A recurrent network with an optional vocabulary and a linear readout.

    With a vocabulary, inputs are token ids (T, B) through an embedding (V, D) and the readout gives
    V logits; without one, inputs are numbers (T, B, input_size). state_dict names are PyTorch's:
    embedding.weight, rnn.weight_ih_l0, ..., readout.weight, readout.bias. Weights are uninitialised:
    see `initialise`.
    """

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        output_size: int,
        *,
        vocabulary: Sequence[str] | None = None,
        num_layers: int = 1,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        self.cell, self.hidden_size = cell, hidden_size
        self.vocabulary = None if vocabulary is None else tuple(vocabulary)
        self.ids = {token: k for k, token in enumerate(self.vocabulary or ())}
        self.embedding = (
            None if vocabulary is None else nn.utils.skip_init(nn.Embedding, len(vocabulary), input_size)
        )
        self.rnn = recurrent_layers(cell, input_size, hidden_size, num_layers, bidirectional)
        directions = 2 if bidirectional else 1
        self.readout = nn.utils.skip_init(nn.Linear, hidden_size * directions, output_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Returns logits (T, B, V) for ids (T, B), or outputs (T, B, K) for numbers (T, B, D)."""
        return self.readout(self.rnn(self.vectors(x))[0])

    def vectors(self, x: torch.Tensor) -> torch.Tensor:
        """Returns what the first layer reads (T, B, D): the rows of ids (T, B), or the numbers themselves."""
        return x if self.embedding is None else self.embedding(x)

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """Returns token ids; a token outside the vocabulary becomes <unk>."""
        return [self.ids.get(token, self.ids.get(UNKNOWN, 0)) for token in tokens]

    # What `trace` asks for.

    def layer_weights(self) -> list[list[LayerWeights]]:
        return torch_weights(self.rnn, CELLS[self.cell])

    def embed(self, x: Any) -> np.ndarray:
        """Returns the inputs (T, D) of the first layer for tokens, ids or numbers."""
        dtype = self.readout.weight.dtype
        if self.embedding is None:
            return np.asarray(x, dtype=str(dtype).removeprefix("torch."))
        return self.embedding.weight.detach().numpy()[self._ids(x)].copy()

    def _ids(self, x: Any) -> list[int]:
        return self.encode(x) if len(x) and isinstance(x[0], str) else list(map(int, x))

    @property
    def states(self) -> tuple[str, ...]:
        """What each layer carries from step to step: h, and c or more beside it."""
        return CELLS[self.cell].states

    def targets(self, x: Any) -> np.ndarray | None:
        """Returns the id of the next token after each step (T,), -1 after the last; None for numbers."""
        return None if self.embedding is None else np.array([*self._ids(x)[1:], -1])

    def readout_weight(self) -> np.ndarray:
        """Returns the readout's weight (V, H)."""
        return self.readout.weight.detach().numpy().copy()

    @np.errstate(over="ignore", invalid="ignore")  # an explosion is a result
    def read_out(self, h: np.ndarray) -> np.ndarray:
        """Returns logits (T, V) for outputs h (T, H)."""
        weight, bias = (p.detach().numpy() for p in (self.readout.weight, self.readout.bias))
        return h @ weight.T + bias

    def display(self, x: Any) -> tuple[str, ...] | None:
        """Returns the tokens to show for x, or None where x holds numbers."""
        if self.vocabulary is None:
            return None
        if len(x) and isinstance(x[0], str):
            return tuple(label(token) for token in x)
        return tuple(label(self.vocabulary[int(k)]) for k in x)
