"""The cells: one file per family, one registry. Adding a cell is one spec and one line here."""

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

CELLS: dict[str, CellSpec] = {
    spec.key: spec
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
}

__all__ = ["CELLS", "CellSpec", "LayerWeights", "NumpyOps", "Signal", "TorchOps"]
