"""Any network: its own forward runs once, each layer is traced on what reached it, nothing stays behind."""

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from explorer import bptt, trace
from explorer.nn.records import Trace
from tests.helpers import largest

IDS = torch.tensor([[1, 4, 2, 3, 1], [2, 2, 0, 0, 0]])


class Encoder(nn.Module):
    """Embedding, packing, dropout between layers, a head: what a classifier looks like."""

    def __init__(self, layer=nn.LSTM) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.embedding = nn.Embedding(6, 5, padding_idx=0)
        self.norm = nn.BatchNorm1d(5)
        self.drop = nn.Dropout(0.5)
        self.rnn = layer(5, 4, num_layers=2, bidirectional=True, batch_first=True, dropout=0.3)
        self.seen: Any = None

    def forward(self, ids, lengths=None):
        torch.rand(1), random.random(), np.random.random()
        x = self.drop(self.norm(self.embedding(ids).transpose(1, 2)).transpose(1, 2))
        self.seen = x
        if lengths is not None:
            x = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        output, last = self.rnn(x)
        if lengths is not None:
            output, _ = pad_packed_sequence(output, batch_first=True)
        return output, last


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder(nn.GRU)
        self.head = nn.Linear(8, 2)

    def forward(self, ids, *, lengths=None):
        return self.head(self.encoder(ids, lengths)[0])


class Speller(nn.Module):
    """Two cells that a loop stacks, run over each half of a sequence, and a decoder called step by step."""

    def __init__(self, cell=nn.LSTMCell) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.low, self.high = cell(3, 4), cell(4, 4)
        self.decoder = nn.GRU(4, 4)

    def forward(self, x):
        rows, hx = [], None
        for part in x.split(3):
            low, high = None, None
            for row in part:
                low = self.low(row, low)
                high = self.high(low[0] if isinstance(low, tuple) else low, high)
                rows.append(high[0] if isinstance(high, tuple) else high)
        for row in rows[-2:]:
            _, hx = self.decoder(row[None], hx)
        return torch.stack(rows)


def test_a_layer_within_a_network_is_found_by_its_name_with_what_reached_it():
    net = Classifier()
    traces = trace(net, IDS, lengths=torch.tensor([5, 2]))
    t = traces["encoder.rnn"]
    assert list(traces) == ["encoder.rnn"] and isinstance(t, Trace)
    within = t.layers[0].within
    assert largest(t.x[within], net.encoder.seen.transpose(0, 1).detach()[within]) == 0.0
    net.eval()
    with torch.no_grad():
        output, h_n = net.encoder(IDS, torch.tensor([5, 2]))
        logits = net(IDS, lengths=torch.tensor([5, 2]))
    assert largest(t.output.swapaxes(0, 1), output) <= 1e-6 and largest(t.h_n, h_n) <= 1e-6
    assert t.layers[0].lengths.tolist() == [5, 2] and t.difference <= 1e-6
    assert largest(traces.output, logits) <= 1e-6
    assert "encoder.rnn: Trace(gru, 2 layers, 2 directions, 5 steps, 2 sequences" in repr(traces)


def test_padding_that_a_network_reads_is_warned_of_by_the_layer_s_name():
    net = Encoder()
    net.norm = nn.Identity()
    with pytest.warns(UserWarning, match=r"^rnn: 1 of 2 sequences end in zeros.*lengths=\[5, 2\]"):
        trace(net, IDS)


def test_everything_is_left_as_it_was():
    net = Encoder().train()
    net.drop.eval()
    flags = {name: m.training for name, m in net.named_modules()}
    buffers = {name: b.clone() for name, b in net.named_buffers()}
    torch.manual_seed(7), random.seed(7), np.random.seed(7)
    expected = torch.rand(3).tolist(), random.random(), np.random.random()
    torch.manual_seed(7), random.seed(7), np.random.seed(7)
    trace(net, IDS, torch.tensor([5, 2]))
    assert (torch.rand(3).tolist(), random.random(), np.random.random()) == expected
    assert {name: m.training for name, m in net.named_modules()} == flags
    assert all(torch.equal(b, buffers[name]) for name, b in net.named_buffers())
    assert all(p.grad is None for p in net.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


def test_a_network_that_fails_is_left_as_it_was_too():
    net = Encoder().train()
    with pytest.raises(IndexError):
        trace(net, torch.tensor([[99]]))
    assert all(m.training for m in net.modules())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


@pytest.mark.parametrize("cell", [nn.LSTMCell, nn.GRUCell, nn.RNNCell])
def test_loops_over_cells_become_sequences_and_other_calls_a_list(cell):
    net, x = Speller(cell), torch.randn(6, 2, 3, generator=torch.Generator().manual_seed(5))
    traces = trace(net, x)
    assert list(traces) == ["low", "high", "decoder"]
    assert [len(traces[name]) for name in traces] == [2, 2, 2]
    high = np.concatenate([t.output for t in traces["high"]])
    assert largest(high, net(x).detach()) <= 1e-6
    first, second = traces["low"]
    assert first.steps == second.steps == 3 and (second.h[0] == 0).all()
    assert largest(np.concatenate([first.x, second.x]), x) == 0.0
    assert largest(traces["decoder"][1].h[0], traces["decoder"][0].h[1]) <= 1e-6
    with pytest.raises(KeyError, match="no recurrent layer 'encoder' was called; there are low, high"):
        traces["encoder"]


def test_a_hook_before_a_layer_is_part_of_the_network_and_one_after_it_is_not_the_layer_s():
    net = Encoder()
    handle = net.rnn.register_forward_pre_hook(lambda m, args: (2 * args[0],))
    t = trace(net, IDS[:1])["rnn"]
    assert largest(t.x.swapaxes(0, 1), 2 * net.seen.detach()) <= 1e-6
    handle.remove()
    net.rnn.register_forward_hook(lambda m, args, out: (out[0] * 0.9, out[1]))
    with pytest.raises(ValueError, match=r"rnn \(LSTM\) is not what its layer computes: they differ by"):
        trace(net, IDS[:1])


def test_compiled_networks_and_layers_run_as_they_were_written():
    net, plain = Encoder(), trace(Encoder(), IDS[:1])["rnn"]
    net.rnn.compile()
    for given in (net, torch.compile(net)):
        assert largest(trace(given, IDS[:1])["rnn"].output, plain.output) == 0.0
    within = nn.Sequential(torch.compile(nn.GRU(3, 4)))
    assert list(trace(torch.compile(within), torch.ones(2, 3))) == ["0"]
    layer = nn.GRU(3, 4)
    assert largest(trace(torch.compile(layer), torch.ones(2, 3)).h, trace(layer, torch.ones(2, 3)).h) == 0.0


def quantised() -> nn.Module:
    return torch.ao.nn.quantized.dynamic.LSTM(3, 4)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: torch.jit.script(nn.Sequential(nn.Linear(2, 2))), "scripted module.*give the network"),
        (lambda: nn.DataParallel(Encoder()), r"DataParallel runs copies.*`net.module`"),
        (lambda: nn.Sequential(quantised()), "this LSTM is quantised.*before quantisation"),
        (lambda: torch.ao.nn.quantizable.LSTM(3, 4), "this LSTM is quantised or made ready for it"),
        (lambda: nn.Sequential(nn.Linear(2, 2)), "holds no nn.RNN"),
    ],
)
def test_what_cannot_be_watched_is_refused_with_what_to_do(make, message):
    with pytest.raises(TypeError, match=message):
        trace(make(), torch.ones(2, 2))


def test_scripted_parts_that_are_not_recurrent_run_as_they_are():
    net = nn.Sequential(torch.jit.script(nn.Linear(3, 3)), nn.GRU(3, 4))
    x = torch.randn(5, 2, 3)
    assert largest(trace(net, x)["1"].output, net(x)[0].detach()) <= 1e-6
    with pytest.raises(TypeError, match=r"scripted module.*give the network"):
        trace(nn.Sequential(torch.jit.script(nn.GRU(3, 4)), nn.Identity()), x)


class Transformed(nn.Module):
    def __init__(self, transform) -> None:
        super().__init__()
        self.rnn, self.cell, self.transform = nn.GRU(3, 4), nn.GRUCell(3, 4), transform

    def forward(self, x):
        return self.transform(self, x)


@pytest.mark.parametrize(
    "transform",
    [
        lambda net, x: torch.vmap(lambda row: net.cell(row[None], torch.zeros(1, 4)))(x[0]),
        lambda net, x: torch.func.grad(lambda y: net.rnn(y)[0].sum())(x),
    ],
)
def test_a_layer_within_a_transform_is_refused_with_what_to_do(transform):
    with pytest.raises(ValueError, match=r"within vmap, grad or another transform.*outside of it"):
        trace(Transformed(transform), torch.ones(5, 2, 3))


class OwnCell(nn.RNNCellBase):
    def __init__(self) -> None:
        super().__init__(3, 4, True, 1)

    def forward(self, x):
        return torch.tanh(x @ self.weight_ih.T)


def test_a_cell_of_its_own_beside_others_is_told_and_the_others_are_traced():
    net = Transformed(lambda net, x: net.rnn(x)[0] + net.cell(x))
    net.cell = OwnCell()
    with pytest.warns(
        UserWarning, match=r"^cell \(OwnCell\) is a layer of its own, whose equations are unknown"
    ):
        assert list(trace(net, torch.ones(5, 2, 3))) == ["rnn"]
    with pytest.raises(ValueError, match="OwnCell is a cell of its own"):
        trace(nn.Sequential(OwnCell()), torch.ones(5, 2, 3))
    net.rnn, net.cell = nn.GRU(3, 4, device="meta"), nn.Identity()
    with pytest.raises(ValueError, match=r"^rnn \(GRU\): weight_ih_l0 is on the device `meta`"):
        trace(net, torch.ones(5, 2, 3))


def test_a_forward_with_arguments_of_its_own_is_named():
    class Own(nn.GRU):
        def forward(self, x, lengths):
            return super().forward(pack_padded_sequence(x, lengths))

    net = Transformed(lambda net, x: net.rnn(x, [5, 2]))
    net.rnn = Own(3, 4)
    with pytest.raises(ValueError, match=r"^rnn \(Own\): .*Own has a forward of its own \(x, lengths\)"):
        trace(net, torch.ones(5, 2, 3))
    with pytest.raises(ValueError, match="the sequence is empty"):
        trace(nn.GRU(3, 4), torch.zeros(0, 2, 3))


def test_a_network_s_own_names_of_arguments_are_left_to_it():
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(3, 4)

        def forward(self, x, module, trace):
            return {"states": self.rnn(x)[0] * (module + trace)}

    net = Named()
    assert trace(net, torch.ones(2, 3), module=1, trace=1)["rnn"].steps == 2
    flow = bptt(net, torch.ones(2, 3), module=1, trace=1, loss=lambda y: y["states"].sum())["rnn"]
    assert (flow.layers[0].total[-1] == 2.0).all()


def test_a_network_that_calls_no_recurrent_layer_says_so():
    class Idle(Encoder):
        def forward(self, x):
            return x

    with pytest.raises(ValueError, match="Idle called none of its recurrent layers"):
        trace(Idle(), torch.ones(2, 2))
