"""What a layer costs: weights and multiplications by counting, time by the clock."""

import pytest
import torch

from explorer.architectures.cost import costs, multiplications
from explorer.cells import CELLS
from explorer.nn.model import recurrent_layers


@pytest.mark.parametrize("cell", CELLS)
def test_weights_and_multiplications_are_those_of_the_module(cell):
    (found,) = costs(5, 7, (cell,))
    named = dict(recurrent_layers(cell, 5, 7).named_parameters())
    assert found.parameters == sum(p.numel() for p in named.values())
    matrices = [p for name, p in named.items() if name.startswith("weight")]
    assert found.multiplications == sum(p.numel() for p in matrices)
    assert found.forward.median > 0 and found.training.median > 0
    assert found.forward.spread[0] <= found.forward.median <= found.forward.spread[1]


def test_a_gru_has_three_quarters_of_an_lstm():
    assert multiplications("gru", 16, 64) / multiplications("lstm", 16, 64) == 0.75
    rnn, lstm, gru = costs(16, 8)
    assert gru.parameters / lstm.parameters == 0.75 and lstm.parameters == 4 * rnn.parameters


def test_multiplications_are_what_pytorch_counts_for_a_matrix_product():
    from torch.utils.flop_counter import FlopCounterMode

    x, h = torch.zeros(1, 6), torch.zeros(1, 9)
    with FlopCounterMode(display=False) as counter:
        torch.mm(x, torch.zeros(6, 36)) + torch.mm(h, torch.zeros(9, 36))
    assert counter.get_total_flops() == 2 * multiplications("lstm", 6, 9)  # a product and a sum each
