"""Layers that a network uses without calling them: seen all the same, or told; never left out in silence."""

import copy
import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from explorer import bptt, trace
from tests.helpers import largest

X = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(8))


class Net(nn.Module):
    """forward is a function of (net, x)."""

    def __init__(self, forward, **layers) -> None:
        super().__init__()
        torch.manual_seed(9)
        self.run = forward
        for name, layer in layers.items():
            setattr(self, name, layer())

    def forward(self, x):
        return self.run(self, x)


def lstm(**options):
    return lambda: nn.LSTM(3, 4, **options)


def function(net, x):
    zeros = x.new_zeros(1, x.shape[1], 4)
    return torch._VF.lstm(x, (zeros, zeros), net.rnn._flat_weights, True, 1, 0.0, False, False, False)[0]


def packed(net, x):
    given = pack_padded_sequence(x, [5, 3])
    return nn.LSTM.forward(net.rnn, given)[0].data


def loop(net, x):
    h = x.new_zeros(x.shape[1], 4)
    rows = []
    for row in x:
        h = torch.gru_cell(row, h, net.rnn.weight_ih, net.rnn.weight_hh, net.rnn.bias_ih, net.rnn.bias_hh)
        rows.append(h)
    return torch.stack(rows)


def lstm_loop(net, x):
    h, c = x.new_zeros(x.shape[1], 4), x.new_zeros(x.shape[1], 4)
    for row in x:
        h, c = nn.LSTMCell.forward(net.rnn, row, (h, c))
    return h[None]


SEEN = {
    "forward": (lambda net, x: net.rnn.forward(x)[0], lstm()),
    "of the class": (lambda net, x: nn.LSTM.forward(net.rnn, x)[0], lstm()),
    "batch first": (
        lambda net, x: nn.LSTM.forward(net.rnn, x)[0],
        lstm(batch_first=True, bidirectional=True),
    ),
    "function": (function, lstm()),
    "packed": (packed, lstm(num_layers=2)),
    "gru": (lambda net, x: nn.GRU.forward(net.rnn, x)[0], lambda: nn.GRU(3, 4, bias=False)),
    "relu": (lambda net, x: nn.RNN.forward(net.rnn, x)[0], lambda: nn.RNN(3, 4, nonlinearity="relu")),
    "gru cell": (loop, lambda: nn.GRUCell(3, 4)),
    "lstm cell": (lstm_loop, lambda: nn.LSTMCell(3, 4)),
}


@pytest.mark.parametrize(("forward", "layer"), SEEN.values(), ids=SEEN)
def test_a_layer_that_is_used_past_its_hooks_is_traced_and_has_its_gradient(forward, layer):
    net = Net(forward, rnn=layer).double()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = trace(net, X.double())["rnn"]
    assert found.difference <= 1e-12
    flow = bptt(net, X.double(), loss=lambda y: (y**2).sum())["rnn"]
    (net(X.double()) ** 2).sum().backward()
    for name, gradient in flow.layers[0].weight_gradient().items():
        own = getattr(net.rnn, name, getattr(net.rnn, f"{name}_l0", None))
        assert own is None or largest(gradient, own.grad) <= 1e-10
    assert "forward" not in vars(net.rnn) and not net.rnn._forward_pre_hooks


def test_a_forward_of_its_own_that_is_called_as_such_is_compared_too():
    class Half(nn.GRU):
        def forward(self, x, hx=None):
            return torch.relu(super().forward(x, hx)[0])

    net = Net(lambda net, x: net.rnn.forward(x), rnn=lambda: Half(3, 4))
    net.rnn.forward = net.rnn.forward  # an instance's own stays where it was
    mine = vars(net.rnn)["forward"]
    with pytest.raises(ValueError, match=r"rnn \(Half\) is not what its layer computes"):
        trace(net, X)
    assert vars(net.rnn)["forward"] is mine


UNSEEN = {
    "product": (
        lambda net, x: nn.functional.linear(x, net.rnn.weight_ih_l0),
        "rnn: its weights went into `linear`",
    ),
    "view": (lambda net, x: x @ net.rnn.weight_ih_l0.data[4:8].T, "rnn: its weights went into `matmul`"),
    "made of": (lambda net, x: x @ (net.rnn.weight_ih_l0 * 0.5).T, "rnn: its weights went into `matmul`"),
    "dropped": (
        lambda net, x: nn.LSTM.forward(_halved(net.rnn), x)[0],
        "torch.lstm ran with weights that are none of the network's layers'",
    ),
    "list": (lambda net, x: OTHER[0](x)[0], "none of the network's layers'.*use nn.ModuleList"),
    "another sort": (lambda net, x: _as_tanh(net, x), "torch.rnn_tanh ran with weights that are none"),
}
OTHER = [nn.GRU(3, 4)]


def _halved(rnn):
    other = copy.deepcopy(rnn)
    with torch.no_grad():
        other.weight_hh_l0.mul_(0.5)
    return other


def _as_tanh(net, x):
    return torch.rnn_tanh(x, torch.zeros(1, 2, 4), [w[:4] for w in net.rnn._flat_weights],
                          True, 1, 0.0, False, False, False)[0]  # fmt: skip


@pytest.mark.parametrize(("forward", "message"), UNSEEN.values(), ids=UNSEEN)
def test_what_is_made_of_a_layer_s_weights_by_hand_is_told(forward, message):
    net = Net(lambda net, x: (net.rnn(x)[0], forward(net, x)), rnn=lstm())
    with pytest.warns(UserWarning, match=message):
        assert list(trace(net, X)) == ["rnn"]


def test_a_copy_of_a_layer_that_a_network_makes_runs_its_own_weights():
    net = Net(lambda net, x: (net.rnn(x)[0], _halved(net.rnn)(x)[0]), rnn=lstm())
    with pytest.warns(UserWarning, match="none of the network's layers'"):
        whole, halved = trace(net, X).output
    assert largest(halved, net(X)[1].detach()) == 0.0 and largest(halved, whole) > 0.01


def test_what_people_do_with_weights_beside_a_call_is_not_told():
    def forward(net, x):
        h = net.rnn.weight_hh_l0.new_zeros(1, x.shape[1], 4)
        penalty = sum(p.pow(2).sum() for p in net.parameters())
        return net.head(net.rnn(x, (h, torch.zeros_like(h)))[0]) + 0.0 * penalty

    net = Net(forward, rnn=lstm(), head=lambda: nn.Linear(4, 4))
    nn.utils.parametrizations.orthogonal(net.rnn, "weight_hh_l0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nn.utils.spectral_norm(net.rnn, "weight_ih_l0")
        warnings.simplefilter("error")
        assert trace(net, X)["rnn"].difference <= 1e-6


def test_a_call_that_fails_within_a_network_does_not_hide_those_after_it():
    def forward(net, x):
        try:
            net.rnn(x[..., :1])
        except RuntimeError:
            return nn.LSTM.forward(net.rnn, x)[0]

    assert trace(Net(forward, rnn=lstm()), X)["rnn"].steps == 5
