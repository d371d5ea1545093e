"""Recurrent layers as a file held them: what `trace` takes, and what is told about them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from explorer.cells import CELLS, LayerWeights
from explorer.nn.model import recurrent_layers
from explorer.nn.tracing import LayersOnly

KIND_BY_BLOCKS = {4: "lstm", 3: "gru", 1: "rnn"}
"""What a layer is, by how many times its units its matrices are large: all that some files tell."""


@dataclass(frozen=True, eq=False, repr=False)
class Layers(LayersOnly):
    """Recurrent layers out of a file, ready for `trace(layers, x)`, x (T, D) or (T, B, D).

    name: where they stand in the file; levels: the weights [layer][direction]; projections: (P, H) each, of
    an LSTM whose output is projected, else none; conventions: on what the file means and does not say. start:
    by name the states (H,) of each layer and direction that the file starts them from; None for zeros.
    """

    name: str
    cell: str
    levels: list[list[LayerWeights]]
    conventions: tuple[str, ...] = ()
    projections: list[list[np.ndarray]] = field(default_factory=list)
    start: dict[str, list[np.ndarray]] | None = None

    def layer_weights(self) -> list[list[LayerWeights]]:
        return self.levels

    @property
    def input_size(self) -> int:
        return self.levels[0][0].input_size

    @property
    def hidden_size(self) -> int:
        return self.levels[0][0].hidden_size

    @property
    def num_layers(self) -> int:
        return len(self.levels)

    @property
    def directions(self) -> int:
        return len(self.levels[0])

    def module(self) -> nn.Module:
        """Returns a module with these weights: nn.RNN, nn.LSTM or nn.GRU where PyTorch has the cell.

        It starts from zeros, or from what it is given: `states(B)` is where the file starts it.
        """
        first = self.levels[0][0]
        if self.projections:
            options: dict[str, Any] = {
                "proj_size": len(self.projections[0][0]),
                "bidirectional": self.directions > 1,
            }
            module: Any = nn.LSTM(
                self.input_size, self.hidden_size, self.num_layers, first.b_ih is not None, **options
            )
        else:
            module = recurrent_layers(
                self.cell, self.input_size, self.hidden_size, self.num_layers, self.directions > 1
            )
        table = self.state_dict()
        for name, parameter in module.named_parameters():
            value = table.get(name, torch.zeros(parameter.shape))
            parameter.data = value.clone()
        if isinstance(module, nn.RNNBase):
            module.flatten_parameters()
        return module.eval()

    def states(self, B: int) -> Any:
        """Returns where the file starts B sequences, as `module()` takes it; None for zeros."""
        if self.start is None:
            return None
        rows = [np.stack(self.start[s]) for s in CELLS[self.cell].states]  # (L, H) each
        wide = [torch.tensor(row)[:, None].expand(-1, B, -1).contiguous() for row in rows]
        if CELLS[self.cell].torch_module is None:
            return [tuple(one[k] for one in wide) for k in range(len(rows[0]))]
        return tuple(wide) if len(wide) > 1 else wide[0]

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Returns the weights by PyTorch's names: weight_ih_l0, weight_hh_l0, ..."""
        found: dict[str, torch.Tensor] = {}
        for level, ways in enumerate(self.levels):
            for way, weights in enumerate(ways):
                end = f"_l{level}{'_reverse' * way}"
                arrays = dict(weights.arrays())
                if self.projections:
                    arrays["weight_hr"] = projection = self.projections[level][way]
                    arrays["weight_hh"] = weights.w_hh @ np.linalg.pinv(projection)
                found |= {f"{stem}{end}": torch.tensor(array) for stem, array in arrays.items()}
        return found

    def __repr__(self) -> str:
        shape = f"{self.input_size} -> {self.hidden_size}"
        layers = f", {self.num_layers} layers" if self.num_layers > 1 else ""
        ways = ", both directions" if self.directions > 1 else ""
        return f"Layers({self.name or 'top'}: {self.cell}, {shape}{layers}{ways})"


def weights_for(
    cell: str, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None, peepholes: Any = None
) -> LayerWeights:
    """Returns a layer's weights in PyTorch's packing, read-only, a missing second bias as zeros."""
    if b_ih is not None and b_hh is None:
        b_hh = np.zeros_like(b_ih)
    if b_hh is not None and b_ih is None:
        b_ih = np.zeros_like(b_hh)
    named = {"weight_ih": w_ih, "weight_hh": w_hh, "bias_ih": b_ih, "bias_hh": b_hh, "peephole": peepholes}
    table = {name: np.ascontiguousarray(array) for name, array in named.items() if array is not None}
    for array in table.values():
        array.setflags(write=False)
    return CELLS[cell].weights(table)
