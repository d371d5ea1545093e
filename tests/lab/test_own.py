"""Networks of several layers, both ways, with or without a readout: each walked, changed, walked back."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from explorer import CELLS, Experiment, inspect_file
from explorer.checks.live import flow_error
from explorer.formats.layers import Layers
from explorer.formats.networks import Network, networks_in
from explorer.lab.flow import flow, nudged
from explorer.lab.own import facts_of, own
from explorer.lab.starts import felt
from explorer.lab.walk import run_whole, walk
from explorer.language.reader import Reader
from explorer.nn.tracing import weights_of
from tests.helpers import largest

WORDS = tuple("abcdefg")
ASKED = Experiment(weights="model", model="own-0", cell="lstm", text="abcabdeg", units="char")
PLACES = tuple(product((1, 2), ("forward", "backward")))


def network(
    cell: str = "lstm", both: bool = True, words: bool = True, readout: bool = True
) -> tuple[Network, nn.Module]:
    """Returns two layers of 5 units with what stands around them, and PyTorch's own of the same weights."""
    torch.manual_seed(0)
    module = {"lstm": nn.LSTM, "gru": nn.GRU}[cell](4, 5, 2, bidirectional=both).double()
    rng = np.random.default_rng(0)
    table = rng.normal(size=(len(WORDS), 4)) if words else None
    head = (
        (rng.normal(size=(len(WORDS), 10 if both else 5)), rng.normal(size=len(WORDS))) if readout else None
    )
    return Network(Layers("rnn", cell, weights_of(module)[1]), table, head), module


@pytest.mark.parametrize(("level", "way"), PLACES)
def test_each_layer_and_direction_is_walked_as_it_reads(level, way):
    found, module = network()
    shown = walk(replace(ASKED, level=level, way=way), own(found, WORDS)).runs[0]
    x = torch.tensor(found.embedding[[WORDS.index(token) for token in ASKED.text]])
    output, (h_n, _) = module(x)
    layer = shown.trace.layers[0]
    turn = -1 if way == "backward" else 1
    assert "".join(token.label for token in shown.tokens) == ASKED.text[::turn]
    assert not layer.reverse
    assert largest(layer.final, h_n[2 * (level - 1) + (way == "backward")].detach()) < 1e-12
    if level == 1:
        assert np.array_equal(layer.x, x.numpy()[::turn])
    else:
        own_part = output[:, :5] if way == "forward" else output[:, 5:].flip(0)
        assert largest(layer.output, own_part.detach()) < 1e-12
    assert walk(replace(ASKED, level=level, way=way), own(found, WORDS)).error < 1e-12


@pytest.mark.parametrize(("level", "way"), PLACES)
def test_a_change_is_made_in_the_layer_that_is_shown_and_reaches_what_is_said(level, way):
    found, _ = network()
    asked = replace(ASKED, level=level, way=way, clamp="o", clamp_value=0.0, clamp_from=4)
    before, after = walk(asked, own(found, WORDS)).runs
    layer = after.trace.layers[0]
    assert not layer.gate["o"][3:].any() and (layer.gate["o"][:3] > 0).all()
    assert not np.array_equal(before.top_probabilities, after.top_probabilities)
    whole = run_whole(asked, own(found, WORDS)).whole
    held = [not u.along().gate["o"][3:].any() for u in whole.layers]
    assert held == [k == 2 * (level - 1) + (way == "backward") for k in range(4)]


@pytest.mark.parametrize(("level", "way"), PLACES)
@pytest.mark.parametrize("readout", [True, False])
@pytest.mark.parametrize("loss", ["last_step", "each_step"])
def test_each_layers_gradients_are_those_of_autograd(level, way, readout, loss):
    found, module = network(readout=readout)
    asked = replace(ASKED, level=level, way=way, loss=loss)
    shown = flow(asked, {"lstm": own(found, WORDS)})
    assert flow_error(shown) < 1e-12
    ids = torch.tensor([WORDS.index(token) for token in ASKED.text])
    output, _ = module(torch.tensor(found.embedding)[ids])
    if readout:
        weight, bias = map(torch.tensor, found.readout)
        each = nn.functional.cross_entropy((output @ weight.T + bias)[:-1], ids[1:], reduction="none")
    else:
        each = 0.5 * (output**2).sum(-1)
    end = "_reverse" if way == "backward" else ""
    parameter = getattr(module, f"weight_hh_l{level - 1}{end}")
    row = 0 if way == "backward" else -1  # the last loss in the order in which the layer reads
    (theirs,) = torch.autograd.grad(each.sum() if loss == "each_step" else each[row], [parameter])
    ours = shown.chosen.gradient.layers[0].weight_gradient()["weight_hh"]
    assert largest(ours, theirs) < 1e-12
    assert shown.squares != readout
    assert np.nansum(shown.chosen.each.loss) == pytest.approx(float(each.sum().detach()))


def test_a_push_is_offered_where_the_loss_meets_the_layer_alone():
    found, _ = network(both=False)
    flows = {level: flow(replace(ASKED, level=level), {"lstm": own(found, WORDS)}) for level in (1, 2)}
    assert nudged(flows[1].chosen, 2) is None
    pushed = nudged(flows[2].chosen, 2)
    assert pushed.slope == pytest.approx((pushed.true[-1] - pushed.true[0]) / 2, rel=0.5)


def test_words_without_a_readout_are_walked_and_none_of_them_is_a_cue():
    found, module = network(both=False, readout=False)
    shown = walk(replace(ASKED, text=" ".join(ASKED.text), units="word"), own(found, WORDS)).runs[0]
    x = torch.tensor(found.embedding[[WORDS.index(token.label) for token in shown.tokens]])
    assert len(shown.tokens) == len(ASKED.text) and not any(token.cue for token in shown.tokens)
    assert largest(shown.trace.layers[0].final, module(x)[1][0][0].detach()) < 1e-12


def test_numbers_are_read_without_a_vocabulary_and_noise_where_none_are_given():
    found, module = network("gru", words=False, readout=False)
    asked = replace(ASKED, cell="gru", text="", level=2)
    numbers = np.random.default_rng(1).normal(size=(6, 4))
    shown = walk(asked, own(found, numbers=numbers))
    assert (
        largest(shown.runs[0].trace.layers[0].output, module(torch.tensor(numbers))[0][:, :5].detach())
        < 1e-12
    )
    assert (shown.total, shown.runs[0].top_ids) == (6, None)
    assert walk(asked, own(found)).total == 24
    assert flow_error(flow(asked, {"gru": own(found, numbers=numbers)})) < 1e-12
    with pytest.raises(ValueError, match="3 columns, the network reads 4"):
        own(found, numbers=numbers[:, :3])


def test_layers_of_different_sizes_on_each_other_are_one_network():
    low, high = nn.LSTM(4, 6).double(), nn.LSTM(6, 3).double()
    levels = [*weights_of(low)[1], *weights_of(high)[1]]
    x = np.random.default_rng(1).normal(size=(6, 4))
    theirs = high(low(torch.tensor(x))[0])[0].detach()
    for level, units in ((1, 6), (2, 3)):
        asked = replace(ASKED, text="", level=level)
        learned = own(Network(Layers("a + b", "lstm", levels)), numbers=x)
        shown = walk(asked, learned).runs[0].trace.layers[0]
        assert shown.hidden_size == units
        assert flow_error(flow(asked, {"lstm": learned})) < 1e-12
    assert largest(shown.output, theirs) < 1e-12


@pytest.mark.parametrize("file", ["keras_functions.keras", "keras2.h5"])
def test_on_the_pages_every_function_of_keras_is_what_keras_gave(file):
    pytest.importorskip("h5py")
    files = Path(__file__).parents[1] / "formats" / "files"
    x = np.load(files / "keras_outputs.npz")["x"]
    given = np.load(files / f"{Path(file).stem}_outputs.npz")
    shown = [one for one in networks_in(inspect_file(files / file)) if not one.below]
    assert len(shown) == len(given.files)
    for one in shown[:: 1 if len(shown) < 9 else 4]:
        of, cell = given[one.layers.name][0], one.layers.cell
        asked = Experiment(weights="model", model="own-0", cell=cell)
        learned = own(one, None, x[0].astype(np.float64))
        found = walk(asked, learned)
        assert largest(found.runs[0].trace.output, of) <= 1e-5 * max(1.0, np.abs(of).max()), one.layers
        assert found.error <= 1e-12 * max(1.0, np.abs(of).max()), one.layers
        assert flow_error(flow(asked, {cell: learned})) <= 1e-9, one.layers


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_file_that_starts_from_states_of_its_own_is_started_there_everywhere(cell):
    found, module = network(cell, both=False)
    rng = np.random.default_rng(1)
    start = {s: [rng.normal(size=5) for _ in range(2)] for s in CELLS[cell].states}
    begun = replace(found, layers=replace(found.layers, start=start))
    ids = [WORDS.index(token) for token in ASKED.text]
    x = torch.tensor(found.embedding[ids])
    given = tuple(torch.tensor(np.stack(rows)) for rows in start.values())
    output = module(x, given if len(given) > 1 else given[0])[0].detach().numpy()
    assert largest(output, module(x)[0].detach().numpy()) > 0.01  # it matters
    learned, asked = own(begun, WORDS), replace(ASKED, cell=cell, level=2)
    shown = walk(asked, learned)
    assert largest(shown.runs[0].trace.layers[0].output, output) < 1e-12 and shown.error < 1e-12
    assert not shown.changed and facts_of(begun).starts and not facts_of(found).starts
    logits = output @ found.readout[0].T + found.readout[1]
    assert largest(learned.model(torch.tensor(ids)[:, None])[:, 0].detach().numpy(), logits) < 1e-12
    reader = Reader(learned.model)
    assert largest(reader.outputs(np.array(ids)), output) < 1e-12
    assert largest(reader.after(ids)[0][-1], output[-1]) < 1e-12
    back = flow(asked, {cell: learned})
    assert largest(back.chosen.trace.layers[0].output, output) < 1e-12 and flow_error(back) < 1e-9
    cleared = walk(replace(asked, begin="cleared"), learned)
    assert cleared.changed == ("begin",)
    assert largest(cleared.runs[-1].trace.layers[0].output, module(x)[0].detach().numpy()) < 1e-12
    assert walk(replace(asked, begin="cleared"), own(found, WORDS)).changed == ()
    assert "cleared" in {one.kind for one in felt(asked, learned).starts}
