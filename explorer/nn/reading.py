"""The recurrent layers of a module as they are run: weights by layer and direction, and what is special."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy

from explorer.cells import CELLS, CellSpec, LayerWeights

HALF = (torch.float16, torch.bfloat16)
_MODES = {"RNN_TANH": "rnn", "RNN_RELU": "rnn_relu", "LSTM": "lstm", "GRU": "gru"}
_CELLS = {nn.LSTMCell: "lstm", nn.GRUCell: "gru", nn.RNNCell: "rnn"}
_STEMS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "peephole", "weight_hr")


@dataclass(frozen=True)
class Stack:
    """Recurrent layers, ready to run.

    levels: the weights [layer][direction]. projections: (P, H) each, of an LSTM with proj_size; its w_hh is
    then that of PyTorch times the projection, so that it sees h itself. dtype: what the module runs in.
    """

    cell: str
    levels: list[list[LayerWeights]]
    batch_first: bool = False
    projections: list[list[np.ndarray]] = field(default_factory=list)
    dtype: torch.dtype = torch.float32
    start: Mapping[str, Sequence[np.ndarray]] | None = None
    """By name the states (H,) of each layer and direction before the first step; None for zeros."""
    by_step: bool = False
    """Whether it is nn.LSTMCell or the like: the network calls it for each step."""

    @property
    def input_size(self) -> int:
        return self.levels[0][0].input_size

    def projection(self, level: int, way: int) -> np.ndarray | None:
        return self.projections[level][way] if self.projections else None


def stack_of(model: Any) -> Stack:
    """Returns the layers of a model of ours, ready to run from where it starts."""
    projections, start = getattr(model, "projections", []), getattr(model, "start", None)
    return Stack(model.cell, model.layer_weights(), projections=projections, start=start)


def is_recurrent(module: Any) -> bool:
    """Returns whether a module is a recurrent layer or cell of PyTorch, or built on one."""
    return isinstance(module, nn.RNNBase | nn.RNNCellBase)


def is_known(module: nn.Module) -> bool:
    """Returns whether the equations of a recurrent layer or cell are known: it is none of its own."""
    if isinstance(module, nn.RNNBase):
        return module.mode in _MODES
    return isinstance(module, tuple(_CELLS))


def read(module: nn.Module) -> Stack:
    """Returns the layers of nn.RNN, nn.LSTM, nn.GRU or of their cells, with the weights it would use now.

    float16 and bfloat16 are read as float32. Raises ValueError for weights that are nowhere (`meta`) or of
    another kind.
    """
    if isinstance(module, nn.RNNCellBase):
        cell = next((name for kind, name in _CELLS.items() if isinstance(module, kind)), "")
        if not cell:
            raise ValueError(f"{type(module).__name__} is a cell of its own: its equations are unknown")
        if cell == "rnn" and module.nonlinearity == "relu":
            cell = "rnn_relu"
        table = _table(module, [n for n in _STEMS if getattr(module, n, None) is not None])
        levels = [[CELLS[cell].weights(table)]]
        return Stack(cell, levels, dtype=module.weight_hh.dtype, by_step=True)
    assert isinstance(module, nn.RNNBase)
    if module.mode not in _MODES:
        raise ValueError(f"{type(module).__name__} is a layer of its own: its equations are unknown")
    cell = _MODES[module.mode]
    levels, projections = _levels(_table(module, module._flat_weights_names), CELLS[cell])
    dtype = next(module.parameters()).dtype
    return Stack(cell, levels, module.batch_first, projections, dtype)


def torch_weights(module: nn.Module, spec: CellSpec) -> list[list[LayerWeights]]:
    """Returns the weights [layer][direction] of a module that names its parameters as PyTorch does."""
    return _levels(_table(module, [name for name, _ in module.named_parameters()]), spec)[0]


def _table(module: nn.Module, names: list[str]) -> dict[str, np.ndarray]:
    """Returns arrays by name, as the module's forward would find them: pruned, normed or plain."""
    return {name: as_array(_usable(name, getattr(module, name))) for name in names}


def _usable(name: str, value: torch.Tensor) -> torch.Tensor:
    check_numbers(name, value)
    if value.dtype in HALF:
        return value.float()
    if value.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"{name} is {value.dtype}; float64, float32, float16 and bfloat16 can be traced")
    return value


def check_numbers(name: str, value: Any) -> None:
    """Raises ValueError for a tensor that is no array of real numbers, in a sentence on what to do."""
    if not isinstance(value, torch.Tensor):
        return
    if is_lazy(value):
        why = (
            "has no shape yet: a lazy layer takes it from the first input that it reads; run the network once"
        )
    elif type(value).__name__ == "FakeTensor":
        why = "is a FakeTensor, which has no values: make the network outside of FakeTensorMode"
    elif value.is_meta:
        why = "is on the device `meta`: it has no values yet; `to_empty` and load weights first"
    elif value.is_nested:
        why = "is a nested tensor: give a PackedSequence, or a padded batch with `lengths`"
    elif value.is_quantized:
        why = "is quantised: give it as `dequantize()`, or the network as it was before quantisation"
    elif value.layout != torch.strided:
        why = f"is sparse ({value.layout}): give it as `to_dense()`"
    elif value.is_complex():
        why = f"is {value.dtype}: gates are computed with real numbers"
    elif value.dtype.itemsize == 1 and value.is_floating_point():
        why = f"is {value.dtype}, whose scale lies elsewhere: give it as `float()`, scaled"
    else:
        return
    raise ValueError(f"{name} {why}")


def _levels(
    table: Mapping[str, np.ndarray], spec: CellSpec
) -> tuple[list[list[LayerWeights]], list[list[np.ndarray]]]:
    levels: list[list[LayerWeights]] = []
    projections: list[list[np.ndarray]] = []
    while f"weight_ih_l{len(levels)}" in table:
        stem = f"l{len(levels)}"
        ends = [s for s in (stem, f"{stem}_reverse") if f"weight_ih_{s}" in table]
        levels.append([spec.weights(_seeing_h(table, f"_{end}"), f"_{end}") for end in ends])
        if f"weight_hr_{stem}" in table:
            projections.append([table[f"weight_hr_{end}"] for end in ends])
    return levels, projections


def _seeing_h(table: Mapping[str, np.ndarray], end: str) -> Mapping[str, np.ndarray]:
    """Returns the weights of a layer whose recurrence is written in h before its projection."""
    if f"weight_hr{end}" not in table:
        return table
    seen = table[f"weight_hh{end}"].astype(np.float64) @ table[f"weight_hr{end}"]
    return {**table, f"weight_hh{end}": frozen(seen.astype(table[f"weight_hh{end}"].dtype))}


def as_array(value: Any) -> np.ndarray:
    """Returns a read-only copy: what the caller does to its tensors later must not change a trace."""
    if isinstance(value, torch.Tensor):
        value = value.detach()
        value = (value.float() if value.dtype in HALF else value).cpu().numpy()
    return frozen(np.array(value))


def frozen(array: np.ndarray) -> np.ndarray:
    """Returns the array, read-only from now on."""
    array.setflags(write=False)
    return array
