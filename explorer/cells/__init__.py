"""The cells: one file per family, one registry. Adding a cell is one spec and one line here."""

from explorer.cells.activations import with_activations
from explorer.cells.gru import GRU, GRU_RESET_BEFORE
from explorer.cells.linear import LINEAR
from explorer.cells.lstm import (
    LSTM,
    LSTM_COUPLED,
    LSTM_NO_FORGET,
    LSTM_NO_INPUT,
    LSTM_NO_OUTPUT,
    LSTM_NO_SQUASH,
    LSTM_PEEPHOLE,
)
from explorer.cells.mingru import MINGRU
from explorer.cells.ops import NumpyOps, TorchOps
from explorer.cells.rnn import RNN, RNN_RELU
from explorer.cells.slstm import SLSTM
from explorer.cells.spec import CellSpec, LayerWeights, Signal


class _Registry(dict[str, CellSpec]):
    """The cells by key; one with other functions (see activations) is made when it is asked for."""

    def __missing__(self, key: str) -> CellSpec:
        base, *functions = key.split(":")
        if not functions or base not in self:
            raise KeyError(key)
        return with_activations(self[base], *functions)


CELLS: dict[str, CellSpec] = _Registry(
    (spec.key, spec)
    for spec in (
        RNN,
        RNN_RELU,
        LSTM,
        LSTM_PEEPHOLE,
        LSTM_COUPLED,
        LSTM_NO_FORGET,
        LSTM_NO_INPUT,
        LSTM_NO_OUTPUT,
        LSTM_NO_SQUASH,
        GRU,
        GRU_RESET_BEFORE,
        MINGRU,
        SLSTM,
        LINEAR,
    )
)

__all__ = ["CELLS", "CellSpec", "LayerWeights", "NumpyOps", "Signal", "TorchOps"]
