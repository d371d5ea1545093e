"""What a run starts from: against PyTorch's modules, and a cell whose decay is a closed form."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from explorer import CELLS, Experiment, inspect_file, trace
from explorer.figures.starts import starts_figure
from explorer.formats.networks import networks_in
from explorer.i18n import LANGUAGES
from explorer.lab.learned import inputs, learn
from explorer.lab.own import own
from explorer.lab.starts import FELT_STEPS, KINDS, Start, felt, first_states
from explorer.lab.walk import walk
from tests.helpers import largest, walked

TEXT = "a b c a b b c"
UNTRAINED = Experiment(weights="untrained", hidden=6, text=TEXT)


def network(**changes):
    experiment = Experiment(**(vars(UNTRAINED) | changes))
    learned = learn(experiment)
    return experiment, learned, inputs(experiment, learned.model)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_distances_and_losses_are_those_of_pytorch_s_module_from_both_starts(cell):
    experiment, learned, given = network(cell=cell)
    found, model = felt(experiment, learned), learned.model
    ids = torch.tensor(model.encode(given.x))
    long = model.embedding(ids.repeat(9)[:FELT_STEPS])[:, None]
    with torch.no_grad():
        plain = model.rnn(long)[0][:, 0]
        for start in found.starts:
            begun = first_states(start.kind, experiment, model, given)
            rows = [torch.tensor(s)[None, None] for s in begun.values()]
            hx = tuple(rows) if len(rows) > 1 else rows[0]
            apart = (model.rnn(long, hx)[0][:, 0] - plain).norm(dim=-1).numpy()
            assert largest(start.distance["h"][1:], apart) <= 1e-12
            logits = model.readout(model.rnn(model.embedding(ids[:-1])[:, None], hx)[0][:, 0])
            assert start.loss == pytest.approx(float(F.cross_entropy(logits, ids[1:])), abs=1e-12)
        zeros = F.cross_entropy(model(ids[:-1, None])[:, 0], ids[1:])
        assert found.loss == pytest.approx(float(zeros), abs=1e-12)


def test_a_linear_unit_forgets_its_start_by_its_own_factor_a_step():
    """h = a h + W x: the distance is a^t times the first, of each unit."""
    experiment, learned, given = network(cell="linear", hidden=1)
    a = trace(learned.model, given.x).gate["a"][0, 0]
    start = next(s for s in felt(experiment, learned).starts if s.kind == "random")
    distance = start.distance["h"]
    assert np.allclose(distance[:20], distance[0] * a ** np.arange(20), rtol=1e-9)
    assert start.factor("h") == pytest.approx(a, rel=1e-3)
    assert start.gone("h") == int(np.ceil(np.log(0.01) / np.log(a)))


def test_carried_is_where_the_text_ended_and_learned_lowers_the_loss_as_far_as_its_gradient():
    experiment, learned, given = network(cell="lstm")
    model, ids = learned.model, torch.tensor(learned.model.encode(given.x))
    _, ends = model.rnn(model.embedding(ids)[:, None])
    for ours, theirs in zip(first_states("carried", experiment, model, given).values(), ends, strict=True):
        assert largest(ours, theirs[0, 0].detach().numpy()) <= 1e-12
    found = felt(experiment, learned)
    by_kind = {start.kind: start.loss for start in found.starts}
    assert by_kind["learned"] < 0.95 * found.loss
    assert by_kind["learned"] < min(by_kind["random"], by_kind["carried"])
    assert tuple(by_kind) == KINDS and found.states == ("h", "c")


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("begin", KINDS)
def test_a_run_from_another_start_is_shown_beside_that_from_zeros_and_checked(cell, begin):
    found = walked(Experiment(**(vars(UNTRAINED) | {"cell": cell, "begin": begin})))
    before, after = (run.trace for run in found.runs)
    assert found.changed == ("begin",) and found.error <= 1e-12
    assert (before.h[0] == 0.0).all() and np.abs(after.h[0]).max() > 0.0


def test_a_start_that_is_not_put_in_is_noticed(monkeypatch):
    experiment = Experiment(**(vars(UNTRAINED) | {"begin": "random"}))
    monkeypatch.setattr("explorer.nn.running.transplanted", lambda step, states, changes: states)
    monkeypatch.setattr("explorer.lab.walk.trace", lambda m, x, _=None, **named: trace(m, x, **named))
    assert walk(experiment, learn(experiment)).error > 1e-3


def test_a_start_is_gone_where_its_distance_stays_small():
    def start(*distance):
        return Start("random", {"h": np.array(distance)}, 0.0)

    assert start(1.0, 0.5, 0.001, 0.02, 0.009, 0.0).gone("h") == 4
    assert start(1.0, 0.5, 0.4).gone("h") is None and start(1.0, 0.5, 0.4).factor("h") is not None
    assert start(1.0, 0.25, 0.0625, 1e-17).factor("h") == pytest.approx(0.25)
    assert start(0.0, 0.0, 0.0).factor("h") is None


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_chosen_start_is_bold_in_a_panel_for_each_state(lang):
    experiment, learned, _ = network(cell="lstm")
    figure = starts_figure(felt(experiment, learned), "learned", lang)
    assert [line.line.width for line in figure.data] == [2, 4, 2] * 2
    assert len(figure.layout.annotations) == 2 and all(len(line.x) <= FELT_STEPS + 1 for line in figure.data)


@pytest.mark.parametrize("way", ["forward", "backward"])
def test_every_layer_of_a_file_goes_on_from_where_it_ended_as_pytorch_s_does(way, tmp_path):
    torch.manual_seed(0)
    net, x = torch.nn.LSTM(3, 5, 2, bidirectional=True).double(), torch.randn(7, 3, dtype=torch.float64)
    torch.save(net.state_dict(), tmp_path / "two.pt")
    learned = own(networks_in(inspect_file(tmp_path / "two.pt"))[0], numbers=x.numpy())
    experiment = Experiment(weights="model", model="own-1", level=2, way=way, begin="carried")
    shown = walk(experiment, learned)
    with torch.no_grad():
        again, _ = net(x, net(x)[1])
    wanted = again[:, :5] if way == "forward" else again.flip(0)[:, 5:]
    assert largest(shown.runs[-1].trace.layers[0].h[1:], wanted.numpy()) <= 1e-12
    assert shown.changed == ("begin",) and shown.error < 1e-12 and not shown.problems
    found = felt(experiment, learned)
    assert [start.kind for start in found.starts] == ["random", "carried"] and np.isnan(found.loss)
    assert walk(replace(experiment, begin="learned"), learned).problems == (("one_layer_start", {}),)


def test_the_loss_of_a_text_from_another_start_is_the_whole_network_s(tmp_path):
    torch.manual_seed(0)
    net = torch.nn.ModuleDict(
        {"emb": torch.nn.Embedding(9, 4), "rnn": torch.nn.GRU(4, 6, 2), "out": torch.nn.Linear(6, 9)}
    ).double()
    torch.save(net.state_dict(), tmp_path / "says.pt")
    learned = own(networks_in(inspect_file(tmp_path / "says.pt"))[0])
    experiment = Experiment(weights="model", model="own-1", cell="gru", text="0 3 5 1 8", begin="carried")
    ids = torch.tensor([0, 3, 5, 1, 8])
    with torch.no_grad():
        x = net["emb"](ids)
        logits = net["out"](net["rnn"](x, net["rnn"](x)[1])[0])
    found = next(start for start in felt(experiment, learned).starts if start.kind == "carried")
    assert found.loss == pytest.approx(float(F.cross_entropy(logits[:-1], ids[1:])), abs=1e-6)
