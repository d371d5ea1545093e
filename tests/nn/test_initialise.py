"""Starting weights: the ranges and shapes that each scheme promises."""

import math

import numpy as np
import pytest
import torch

from explorer import CELLS, RecurrentModel, trace
from explorer.nn.initialise import initialise
from tests.helpers import EVERY, number_model, word_model

H = 24


def blocks(model: RecurrentModel, name: str) -> dict[str, torch.Tensor]:
    """Returns a packed weight of the first layer by block, none where the cell has no such weight."""
    spec = CELLS[model.cell]
    names = spec.recurrent_blocks if name.endswith("hh") else spec.blocks
    if not names:
        return {}
    return dict(zip(names, model.rnn.get_parameter(f"{name}_l0").detach().chunk(len(names)), strict=True))


def made(cell: str, seed: int = 0, size: int = H, **options) -> RecurrentModel:
    return number_model(cell, H=size, seed=seed, **options)


@pytest.mark.parametrize("cell", EVERY)
def test_the_default_is_uniform_within_one_over_root_h_as_in_pytorch(cell):
    bound = 1.0 / math.sqrt(H)
    for name, parameter in made(cell).rnn.named_parameters():
        values = parameter.detach().abs()
        assert values.max() <= bound, name
        assert values.max() > 0.8 * bound, name


@pytest.mark.parametrize("cell", EVERY)
@pytest.mark.parametrize("gain", [0.9, 1.5])
def test_orthogonal_makes_every_recurrent_block_gain_times_a_rotation(cell, gain):
    model = made(cell, scheme="orthogonal", gain=gain)
    for block in blocks(model, "weight_hh").values():
        torch.testing.assert_close(
            block.T @ block, gain**2 * torch.eye(H, dtype=block.dtype), atol=1e-5, rtol=0
        )
    assert not blocks(model, "bias_ih")[CELLS[cell].blocks[0]].any()
    assert not any(bias.any() for bias in blocks(model, "bias_hh").values())


@pytest.mark.parametrize("cell", EVERY)
def test_identity_makes_every_recurrent_block_gain_times_one(cell):
    model = made(cell, scheme="identity", gain=0.5)
    for block in blocks(model, "weight_hh").values():
        assert torch.equal(block, 0.5 * torch.eye(H, dtype=block.dtype))
    assert 0.0005 < model.rnn.weight_ih_l0.std() < 0.002
    assert not any(bias.any() for name in ("bias_ih", "bias_hh") for bias in blocks(model, name).values())


def test_an_identity_relu_layer_remembers_without_input():
    model = made("rnn_relu", scheme="identity")
    start = torch.arange(H, dtype=torch.float64)[None]
    found = trace(model, np.zeros((40, 2)), start)
    assert (found.h == start.numpy()).all()


@pytest.mark.parametrize("cell", EVERY)
def test_gain_scales_the_recurrent_weights_and_no_others(cell):
    one, three = made(cell).rnn.state_dict(), made(cell, gain=3.0).rnn.state_dict()
    for name, value in one.items():
        factor = 3.0 if name.startswith("weight_hh") else 1.0
        torch.testing.assert_close(three[name], factor * value, rtol=1e-6, atol=0)


@pytest.mark.parametrize("cell", [key for key in EVERY if CELLS[key].keep])
@pytest.mark.parametrize(("bias", "gate"), [(0.0, 0.5), (1.0, 0.731), (2.0, 0.881), (3.0, 0.953)])
def test_a_fixed_bias_sets_the_keeping_gate_at_rest(cell, bias, gate):
    model = made(cell, bias="fixed", keep_bias=bias)
    found = trace(model, np.zeros((1, 2)))
    scale = np.exp(found.states["m"][1]) if "m" in found.states else 1.0  # of a stabilised gate
    assert scale * found.gate[CELLS[cell].keep][0] == pytest.approx(np.full(H, gate), abs=5e-4)


@pytest.mark.parametrize("cell", ["lstm", "lstm_peephole"])
def test_chrono_draws_forget_biases_as_ln_of_uniform_and_input_biases_as_minus_them(cell):
    size, longest = 400, 100
    model = made(cell, size=size, bias="chrono", longest=longest)
    ih, hh = blocks(model, "bias_ih"), blocks(model, "bias_hh")
    spans = ih["f"].exp()
    assert torch.equal(ih["i"], -ih["f"])
    assert spans.min() >= 1.0 - 1e-6
    assert spans.max() <= longest - 1 + 1e-3
    spread = math.sqrt(98**2 / 12 / size)  # of the mean of U[1, 99]
    assert spans.mean() == pytest.approx(50.0, abs=5 * spread)
    assert spans.max() > 95
    assert spans.min() < 5
    assert not hh["f"].any()
    assert not hh["i"].any()
    assert ih["o"].abs().max() <= 1.0 / math.sqrt(size)


@pytest.mark.parametrize(("cell", "keep"), [("gru", "z"), ("gru_reset_before", "z"), ("lstm_coupled", "f")])
def test_chrono_reaches_the_one_gate_that_both_keeps_and_writes(cell, keep):
    ih = blocks(made(cell, bias="chrono", longest=50), "bias_ih")
    assert ih[keep].min() >= 0.0
    assert ih[keep].max() <= math.log(49) + 1e-6
    assert ih[keep].std() > 0.1


def test_chrono_of_a_very_short_text_is_still_a_number():
    ih = blocks(made("lstm", bias="chrono", longest=1), "bias_ih")
    assert ih["f"].abs().max() <= 1e-5


@pytest.mark.parametrize("cell", ["rnn", "rnn_relu", "lstm_no_forget"])
def test_a_cell_without_a_keeping_gate_takes_no_fixed_bias(cell):
    plain, fixed = made(cell).state_dict(), made(cell, bias="fixed", keep_bias=5.0).state_dict()
    assert all(torch.equal(plain[name], fixed[name]) for name in plain)


@pytest.mark.parametrize("scheme", ["default", "orthogonal", "identity", "identity_u"])
def test_the_generator_alone_decides_the_weights(scheme):
    def weights(seed: int) -> dict[str, torch.Tensor]:
        model = word_model("lstm", ("a", "b"))
        initialise(model, torch.Generator().manual_seed(seed), scheme=scheme, bias="chrono")
        return model.state_dict()

    torch.manual_seed(1)
    first = weights(5)
    torch.manual_seed(2)
    before, again = torch.get_rng_state(), weights(5)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["readout.weight"], weights(6)["readout.weight"])


def test_every_layer_and_direction_is_filled():
    model = RecurrentModel("lstm_peephole", 3, 4, 2, num_layers=2, bidirectional=True)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(math.nan)
    initialise(model, torch.Generator().manual_seed(0), scheme="orthogonal", bias="fixed", keep_bias=2.0)
    assert all(torch.isfinite(p).all() for p in model.parameters())
    assert (model.rnn.bias_ih_l1_reverse[4:8] == 2.0).all()
