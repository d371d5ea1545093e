"""Losses, batches and networks of one's own: the closed form against loss.backward() in float64."""

import pickle
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from explorer import bptt, trace
from explorer.gradients import bptt as gradients
from tests.helpers import TORCH_CELLS, largest, random_module, random_run

TOLERANCE = 1e-10


def graph(module: nn.RNNBase, x: torch.Tensor, state):
    """Returns leaves of x and the state, and what the module gives on them."""
    x = x.clone().requires_grad_()
    parts = [] if state is None else [*state] if isinstance(state, tuple) else [state]
    leaves = [part.clone().requires_grad_() for part in parts]
    given = None if state is None else tuple(leaves) if isinstance(state, tuple) else leaves[0]
    return x, leaves, module(x, given)


def parts_of(last) -> list[torch.Tensor]:
    return [*last] if isinstance(last, tuple) else [last]


def drawn_loss(output: torch.Tensor, last, rng: np.random.Generator, which: int) -> torch.Tensor:
    """A loss on the output, on the last states, or on both, neither linear nor symmetric."""
    tensors = [output] * (which != 1) + parts_of(last) * (which != 0)
    return sum((torch.from_numpy(rng.normal(size=t.shape)) * torch.sin(t)).sum() for t in tensors)


def weights_agree(flow, module: nn.Module, prefix: str = "") -> None:
    for of in flow.layers:
        end = f"_l{of.layer.layer}{'_reverse' * of.layer.reverse}"
        for name, gradient in of.weight_gradient().items():
            own = getattr(module, f"{name}{end}", None)
            if own is not None:
                assert largest(gradient, own.grad) <= TOLERANCE * max(1.0, float(own.grad.abs().max())), name


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("cell", TORCH_CELLS)
def test_a_loss_of_one_s_own_gives_the_gradients_of_backward(cell, which):
    rng = np.random.default_rng(70 + which)
    for case in range(25):
        module = random_module(cell, rng)
        x, state = random_run(module, rng)
        leaf, leaves, (output, last) = graph(module, x, state)
        loss = drawn_loss(output, last, rng, which)
        g = bptt(trace(module, x, state), loss=loss, output=(output, last))
        loss.backward()
        weights_agree(g, module)
        first = [of for of in g.layers if of.layer.layer == 0]
        dx = sum(of.x for of in first)
        own = leaf.grad.transpose(0, 1) if x.ndim == 3 and module.batch_first else leaf.grad
        assert largest(dx, own) <= TOLERANCE, case
        for of, k in zip(g.layers, range(len(g.layers)), strict=True):
            row = -1 if of.layer.reverse else 0
            for part, s in zip(leaves, of.totals, strict=False):
                assert largest(of.totals[s][row], part.grad[k]) <= TOLERANCE, case


@pytest.mark.parametrize("cell", TORCH_CELLS)
def test_a_row_of_the_triangle_is_what_reads_the_states_of_that_step(cell):
    rng = np.random.default_rng(73)
    for _ in range(12):
        module = random_module(cell, rng)
        t = trace(module, torch.from_numpy(rng.normal(size=(5, module.input_size))))
        rows = {"dL_dh": rng.normal(size=t.output.shape), "dL_dh_n": rng.normal(size=t.h_n.shape)}
        if t.c_n is not None:
            rows["dL_dc_n"] = rng.normal(size=t.c_n.shape)
        seeds = gradients.direct_gradients(t, rows["dL_dh"], rows["dL_dh_n"], rows.get("dL_dc_n"))
        g = bptt(t, **rows)
        for step in range(5):
            only = [np.where(np.arange(5)[:, None] == step, seed, 0.0) for seed in seeds]
            alone = gradients.flow_of(t, only, totals=True)
            for of, part in zip(g.layers, alone.layers, strict=True):
                for s, norm in of.norms.items():
                    assert largest(np.nan_to_num(norm[step]), part.total_norms[s]) <= TOLERANCE
        summed = bptt(t, **rows, totals=True)
        for of, part in zip(g.layers, summed.layers, strict=True):
            assert all(largest(of.totals[s], part.totals[s]) <= TOLERANCE for s in of.totals)


@pytest.mark.parametrize("cell", TORCH_CELLS)
def test_padded_batches_have_the_gradients_of_packed_ones(cell):
    rng = np.random.default_rng(74)
    for case in range(20):
        module = random_module(cell, rng)
        lengths = torch.from_numpy(rng.integers(1, 6, size=3))
        x = torch.from_numpy(rng.normal(size=(int(lengths.max()), 3, module.input_size)))
        packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
        packed.data.requires_grad_()
        output, last = module(packed)
        loss = drawn_loss(pad_packed_sequence(output)[0], last, rng, 2)
        t = trace(module, packed)
        g = bptt(t, loss=loss, output=(output, last))
        loss.backward()
        weights_agree(g, module)
        apart = largest(sum(of.x for of in g.layers if of.layer.layer == 0)[:, 1], _unpacked(packed)[:, 1])
        assert apart <= TOLERANCE, case
        one = g.sequence(1)
        for of, whole in zip(one.layers, g.layers, strict=True):
            assert of.norm.shape == (lengths[1], lengths[1] + 1)
            assert largest(of.total, whole.total[: lengths[1] + 1, 1]) <= TOLERANCE, case


def _unpacked(packed) -> torch.Tensor:
    return pad_packed_sequence(packed._replace(data=packed.data.grad))[0]


def test_a_batch_has_totals_and_each_of_its_sequences_a_triangle():
    torch.manual_seed(0)
    module = nn.LSTM(3, 4, num_layers=2, batch_first=True).double()
    x, direct = torch.randn(2, 5, 3).double(), np.random.default_rng(1).normal(size=(5, 2, 4))
    t = trace(module, x)
    g = bptt(t, direct)
    for b in range(2):
        alone = bptt(trace(module, x[b]), direct[:, b])
        np.testing.assert_allclose(g.sequence(b).layers[0].norm, alone.layers[0].norm, atol=TOLERANCE)
        assert largest(g.layers[0].total[:, b], alone.layers[0].total) <= TOLERANCE
    with pytest.raises(ValueError, match=r"totals only; of a batch, `sequence\(number\)`"):
        _ = g.layers[0].norm
    with pytest.raises(ValueError, match="not of a batch"):
        alone.sequence(0)
    assert g.status == "ok" and repr(g).startswith("GradientFlow(2 x LayerTrace(lstm, layer 0, 5 steps")


@pytest.mark.parametrize("both", [False, True])
def test_a_projected_lstm_has_the_gradients_of_backward(both):
    torch.manual_seed(2)
    module = nn.LSTM(3, 6, num_layers=2, bidirectional=both, proj_size=2).double()
    x = torch.randn(5, 3).double()
    leaf, _, (output, last) = graph(module, x, None)
    loss = drawn_loss(output, last, np.random.default_rng(3), 2)
    g = bptt(trace(module, x), loss=loss, output=(output, last))
    loss.backward()
    weights_agree(g, module)
    assert largest(sum(of.x for of in g.layers if of.layer.layer == 0), leaf.grad) <= TOLERANCE
    assert {"weight_hr", "weight_hh"} <= g.layers[0].weight_gradient().keys()


def test_a_projected_padded_batch_has_the_gradients_of_the_packed_one():
    module = nn.LSTM(3, 6, num_layers=2, bidirectional=True, proj_size=2).double()
    drawn = torch.randn(5, 3, 3, generator=torch.Generator().manual_seed(4)).double()
    packed = pack_padded_sequence(drawn, [2, 5, 3], enforce_sorted=False)
    output, last = module(packed)
    loss = drawn_loss(pad_packed_sequence(output)[0], last, np.random.default_rng(3), 2)
    g = bptt(trace(module, packed), loss=loss, output=(output, last))
    loss.backward()
    weights_agree(g, module)


def test_weight_gradients_by_step_sum_to_those_of_the_loss():
    rng = np.random.default_rng(75)
    for cell in TORCH_CELLS:
        module = random_module(cell, rng)
        t = trace(module, torch.from_numpy(rng.normal(size=(4, module.input_size))))
        for of in bptt(t, rng.normal(size=t.output.shape)).layers:
            by_step, norms = of.weight_gradient_by_step(), of.weight_norms()
            for name, whole in of.weight_gradient().items():
                assert largest(by_step[name].sum(0), whole) <= TOLERANCE
            for name, norm in norms.items():
                assert largest(np.linalg.norm(by_step[name], axis=(1, 2)), norm) <= TOLERANCE


# Networks


class Tagger(nn.Module):
    """An embedding, dropout, two layers one above the other, a head on the output and the last state."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.embedding, self.drop = nn.Embedding(9, 4), nn.Dropout(0.5)
        self.low = nn.GRU(4, 5, bidirectional=True, batch_first=True)
        self.high = nn.LSTM(10, 3, num_layers=2, batch_first=True)
        self.head = nn.Linear(3, 2)

    def forward(self, ids):
        output, (h_n, c_n) = self.high(self.drop(self.low(self.embedding(ids))[0]))
        return self.head(output), self.head(h_n + c_n)


class Decoder(nn.Module):
    """A loop over a cell whose next input is made of its last state: what attention and generation do."""

    def __init__(self, cell) -> None:
        super().__init__()
        torch.manual_seed(6)
        self.cell, self.head, self.back = cell(4, 3), nn.Linear(3, 2), nn.Linear(3, 2)

    def forward(self, x):
        hx, fed, rows = None, torch.zeros(len(x[0]), 2, dtype=x.dtype), []
        for row in x:
            hx = self.cell(torch.cat([row, fed], -1), hx)
            h = hx[0] if isinstance(hx, tuple) else hx
            fed = torch.tanh(self.back(h))
            rows.append(self.head(h))
        return torch.stack(rows) if not isinstance(hx, tuple) else torch.stack(rows) + hx[1].sum()


def summed(y) -> torch.Tensor:
    parts = y if isinstance(y, tuple) else (y,)
    return sum(torch.sin(part * (k + 1.3)).sum() for k, part in enumerate(parts))


def test_every_layer_of_a_network_has_the_gradients_of_backward():
    net = Tagger().double().train()
    ids = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]])
    flows = bptt(net, ids, loss=summed)
    assert all(m.training for m in net.modules()) and all(p.grad is None for p in net.parameters())
    net.eval()
    summed(net(ids)).backward()
    assert list(flows) == ["low", "high"]
    weights_agree(flows["low"], net.low)
    weights_agree(flows["high"], net.high)
    assert flows["high"].sequence(1).layers[0].norm.shape == (4, 5)
    assert bptt(net, ids, loss=summed, totals=True)["low"].layers[0].norms == {}


@pytest.mark.parametrize("make", [nn.LSTMCell, nn.GRUCell, nn.RNNCell])
def test_a_loop_over_a_cell_has_the_gradients_of_backward(make):
    net = Decoder(make).double()
    x = torch.randn(5, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    flow = bptt(net, x, loss=summed)["cell"]
    summed(net(x)).backward()
    for name, gradient in flow.layers[0].weight_gradient().items():
        assert largest(gradient, getattr(net.cell, name).grad) <= TOLERANCE, name
    assert flow.layers[0].layer.steps == 5


def test_frozen_networks_have_gradients_too():
    net = Tagger().double().requires_grad_(False)
    flows = bptt(net, torch.tensor([[1, 2]]), loss=summed)
    assert np.abs(flows["low"].layers[0].total).max() > 0.0
    assert not any(p.requires_grad for p in net.parameters())


class Writing(nn.Module):
    """Writes in place into what its layer gave."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.rnn = nn.GRU(3, 4)

    def forward(self, x):
        output, h_n = self.rnn(x)
        output[1:].mul_(2.0)
        output[0] = 0.0
        h_n.mul_(3.0)
        return output, h_n


def test_a_network_that_writes_in_place_has_the_gradients_of_backward():
    net = Writing().double()
    x = torch.randn(5, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    flow = bptt(net, x, loss=summed)["rnn"]
    summed(net(x)).backward()
    weights_agree(flow, net.rnn)


@pytest.mark.parametrize("cut", [lambda y: y[0].detach().sum(), lambda y: torch.ones(())])
def test_a_loss_that_is_cut_off_from_the_layers_is_refused(cut):
    with pytest.raises(ValueError, match="does not depend on what the recurrent layers gave"):
        bptt(Writing(), torch.ones(3, 3), loss=cut)


def test_the_gradient_of_a_batch_can_be_kept_and_opened_again():
    g = bptt(trace(nn.GRU(3, 4), torch.ones(5, 2, 3)), np.ones((5, 2, 4)))
    again = pickle.loads(pickle.dumps(g)).sequence(1)
    np.testing.assert_array_equal(again.norm, g.sequence(1).norm)


def test_a_layer_that_is_called_again_gives_a_list():
    class Twice(Tagger):
        def forward(self, ids):
            return super().forward(ids[:, :2])[1], super().forward(ids[:, 2:])[0]

    net = Twice().double().eval()
    ids = torch.tensor([[1, 2, 3, 4]])
    flows = bptt(net, ids, loss=summed)
    summed(net(ids)).backward()
    both = [flow.layers[0].weight_gradient()["weight_hh"] for flow in flows["high"]]
    assert len(both) == 2 and largest(sum(both), net.high.weight_hh_l0.grad) <= TOLERANCE


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": torch.ones(3), "output": torch.ones(4, 3)}, "a tensor of one number"),
        ({"loss": torch.ones(())}, "goes with output="),
        ({"loss": torch.ones(()), "output": torch.ones(4, 3)}, "does not depend on this output"),
        ({"loss": torch.ones(()), "dL_dh_n": np.ones((1, 3))}, "not both"),
        ({"loss": torch.sum}, "goes with a network"),
        ({"dL_dc_n": np.ones((1, 3))}, "gru has no cell state"),
        ({"dL_dh_n": np.ones((2, 3))}, r"dL_dh_n has shape \(2, 3\), expected \(1, 3\)"),
    ],
)
def test_a_loss_that_does_not_fit_is_refused_in_a_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        bptt(trace(nn.GRU(2, 3), torch.ones(4, 2)), **options)


def test_a_batch_without_a_loss_and_a_network_without_one_are_refused():
    with pytest.raises(ValueError, match="no losses of its own"):
        bptt(trace(nn.GRU(2, 3), torch.ones(4, 2, 2)))
    with pytest.raises(ValueError, match="loss is a function"):
        bptt(Tagger(), torch.tensor([[1]]), loss=None)
    with pytest.raises(TypeError, match="holds no nn"):
        bptt(nn.Linear(2, 2), torch.ones(2), loss=torch.sum)


def test_a_triangle_that_takes_long_says_so_before(monkeypatch):
    t = trace(nn.GRU(2, 3), torch.ones(4, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bptt(t, np.ones((4, 3)))
    monkeypatch.setattr(gradients, "OPERATIONS", 20.0)
    with pytest.warns(UserWarning, match=r"the triangle of 4 losses takes about 14 s.*totals=True"):
        bptt(t, np.ones((4, 3)))


def test_a_loss_that_holds_a_gradient_is_refused_and_one_that_took_one_is_not():
    net, x = nn.Sequential(nn.GRU(3, 4)), torch.randn(5, 2, 3)

    def loss(y, **options):
        (slope,) = torch.autograd.grad(y[0].pow(2).sum(), y[0], retain_graph=True, **options)
        return (slope * y[0]).sum()

    assert bptt(net, x, loss=loss)["0"].layers[0].total.any()
    with pytest.raises(ValueError, match=r"holds a gradient \(`create_graph=True`\).*take that part out"):
        bptt(net, x, loss=lambda y: loss(y, create_graph=True))


@pytest.mark.parametrize("gain", [0.05, 1.0, 6.0])
@pytest.mark.parametrize("make", [nn.LSTM, nn.GRU, nn.RNN])
def test_totals_of_a_float32_layer_are_within_its_rounding_however_small_or_large_they_get(make, gain):
    torch.manual_seed(5)
    module = make(3, 24)
    with torch.no_grad():
        module.weight_hh_l0.mul_(gain)
    if make is nn.RNN:
        module.nonlinearity, module.mode = "relu", "RNN_RELU"  # it explodes past float32's largest number
    x = torch.randn(90, 2, 3)
    t = trace(module, x)
    seeds = np.zeros(t.output.shape)
    seeds[-1, 0], seeds[-1, 1] = 1.0, 1e-60
    summed = bptt(t, seeds).layers[0]
    for number in range(2):
        whole = bptt(t.sequence(number), seeds[:, number]).layers[0]
        alone = bptt(t.sequence(number), seeds[:, number], totals=True).layers[0]
        for s, total in whole.totals.items():
            size = np.abs(total).max(-1, keepdims=True)
            for found in (summed.totals[s][:, number], alone.totals[s]):
                assert np.isfinite(found).all() and (np.abs(found - total) <= 3e-7 * 90 * size).all()
                assert not np.array_equal(found, total)  # in float32, in a fraction of the time
