"""RecurrentModel: PyTorch's names, PyTorch's numbers, and no random number drawn by building."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from explorer import CELLS, RecurrentModel, trace
from explorer.nn.model import LoopLayers, recurrent_layers
from tests.helpers import EVERY, TORCH_CELLS, largest, word_model

WORDS = ("<unk>", "a", "b", "c", "d")
SHAPES = [{}, {"num_layers": 2}, {"num_layers": 2, "bidirectional": True}]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", TORCH_CELLS)
def test_a_torch_module_s_state_dict_fits_as_it_is(cell, shape):
    spec = CELLS[cell]
    module = spec.torch_module(8, 16, **shape, **dict(spec.torch_options))
    model = RecurrentModel(cell, 8, 16, 3, **shape)
    assert list(model.rnn.state_dict()) == list(module.state_dict())
    model.rnn.load_state_dict(module.state_dict())
    x = torch.randn(5, 2, 8)
    assert torch.equal(model.rnn(x)[0], module(x)[0])


@pytest.mark.parametrize("cell", EVERY)
def test_state_dict_names_are_embedding_rnn_and_readout(cell):
    names = set(word_model(cell, WORDS, num_layers=2, bidirectional=True).state_dict())
    spec = CELLS[cell]
    stems = ["weight_ih", "bias_ih", *(["weight_hh", "bias_hh"] if spec.recurrent_blocks else [])]
    stems += ["peephole"] if spec.peephole_blocks else []
    ends = ["l0", "l0_reverse", "l1", "l1_reverse"]
    layers = {f"rnn.{stem}_{end}" for stem in stems for end in ends}
    assert names == layers | {"embedding.weight", "readout.weight", "readout.bias"}


@pytest.mark.parametrize("cell", EVERY)
def test_a_layer_has_as_many_weights_as_its_cell_says(cell):
    found = sum(p.numel() for p in recurrent_layers(cell, 10, 20).parameters())
    assert found == CELLS[cell].parameters(10, 20)


def loop_and_torch(cell: str, **shape) -> tuple[LoopLayers, nn.Module]:
    """Returns our loop and PyTorch's fused module of one cell with the same weights, in float64."""
    spec = CELLS[cell]
    module = spec.torch_module(3, 6, **shape, **dict(spec.torch_options)).double()
    loop = LoopLayers(spec, 3, 6, shape.get("num_layers", 1), shape.get("bidirectional", False)).double()
    loop.load_state_dict(module.state_dict())
    return loop, module


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", TORCH_CELLS)
def test_the_loop_equals_pytorch_s_fused_module_in_outputs_and_gradients(cell, shape):
    loop, module = loop_and_torch(cell, **shape)
    x = torch.randn(7, 4, 3, dtype=torch.float64)
    ours, theirs = (x.clone().requires_grad_() for _ in range(2))
    weights = torch.randn(7, 4, 6 * (2 if "bidirectional" in shape else 1), dtype=torch.float64)
    for net, given in ((loop, ours), (module, theirs)):
        (net(given)[0] * weights).sum().backward()
    assert largest(loop(ours)[0].detach(), module(theirs)[0].detach()) <= 1e-12
    assert largest(ours.grad, theirs.grad) <= 1e-10
    reference = dict(module.named_parameters())
    for name, parameter in loop.named_parameters():
        assert largest(parameter.grad, reference[name].grad) <= 1e-10, name


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", EVERY)
def test_a_trace_of_a_model_gives_the_model_s_own_logits(cell, shape):
    model = word_model(cell, WORDS, **shape).double()
    tokens = list("abcdabba")
    ids = torch.tensor(model.encode(tokens))
    found = trace(model, tokens)
    assert largest(found.logits, model(ids[:, None])[:, 0].detach()) <= 1e-10
    assert found.tokens == tuple(tokens)
    assert largest(trace(model, ids).logits, found.logits) == 0.0


@pytest.mark.parametrize("cell", EVERY)
def test_a_uniform_readout_has_the_loss_ln_v(cell):
    model = word_model(cell, WORDS)
    nn.init.zeros_(model.readout.weight)
    nn.init.zeros_(model.readout.bias)
    ids = torch.randint(len(WORDS), (6, 3))
    loss = F.cross_entropy(model(ids).flatten(0, 1), ids.flatten())
    assert loss.item() == pytest.approx(math.log(len(WORDS)), abs=1e-6)


@pytest.mark.parametrize("cell", EVERY)
def test_building_a_model_draws_no_random_number(cell):
    before = torch.get_rng_state()
    RecurrentModel(cell, 8, 16, 5, vocabulary=WORDS, num_layers=2, bidirectional=True)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_sequence_alone_and_in_a_batch_gives_the_same_output():
    for cell in EVERY:
        model = word_model(cell, WORDS).double()
        ids = torch.randint(len(WORDS), (6, 4))
        batch = model(ids).detach()
        for b in range(4):
            assert largest(batch[:, b], model(ids[:, b : b + 1])[:, 0].detach()) <= 1e-12, cell


def test_an_unknown_word_becomes_unk():
    model = word_model("gru", WORDS)
    assert model.encode(["a", "zebra", "d"]) == [1, 0, 4]
    assert np.array_equal(trace(model, ["zebra"]).x, trace(model, ["<unk>"]).x)


def test_a_model_of_numbers_shows_no_tokens():
    model = RecurrentModel("rnn", 2, 3, 1)
    assert model.vocabulary is None
    assert model.display(np.ones((4, 2))) is None


def test_ids_are_shown_as_their_words_and_words_as_labels():
    model = word_model("rnn", ("<unk>", "a" * 100, " "))
    assert model.display([2, 1]) == ("␣", "a" * 23 + "…")
    assert model.display([" ", "b"]) == ("␣", "b")


def test_a_trace_holds_copies_of_the_embedding_and_readout_results():
    model = word_model("lstm", WORDS)
    twin = copy.deepcopy(model)
    found = trace(model, ["a", "b"])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    again = trace(twin, ["a", "b"])
    assert (found.x == again.x).all()
    assert (found.logits == again.logits).all()
