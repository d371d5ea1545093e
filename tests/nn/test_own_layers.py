"""Layers as people have them: subclassed, hooked, padded, projected, normed, pruned, in half precision."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.utils import prune
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from explorer import trace
from explorer.nn import agreement
from tests.helpers import TORCH_CELLS, largest, random_module

X = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))


def seeded(make, *sizes, **options):
    torch.manual_seed(1)
    return make(*sizes, **options)


class Half(nn.GRU):
    def forward(self, x, hx=None):
        return torch.relu(super().forward(x, hx)[0])


class Renamed(nn.LSTM):
    """A subclass that computes what its layer does."""


def hooked(kind: str) -> nn.Module:
    module = seeded(nn.LSTM, 3, 4)
    if kind == "output":
        module.register_forward_hook(lambda m, args, out: (out[0] * 0.9, out[1]))
    elif kind == "input":
        module.register_forward_pre_hook(lambda m, args: (2 * args[0], *args[1:]))
    else:
        forward = module.forward
        module.forward = lambda *args: (forward(*args)[0] + 1.0, None)
    return module


@pytest.mark.parametrize("module", [seeded(Half, 3, 4), *map(hooked, ("output", "input", "forward"))])
def test_a_module_that_does_something_else_is_refused_with_the_difference(module):
    with pytest.raises(ValueError, match=r"is not what its layer computes: they differ by \d") as refused:
        trace(module, X)
    plain = nn.GRU if isinstance(module, Half) else nn.LSTM
    layer = plain(3, 4)
    layer.load_state_dict(module.state_dict())
    with torch.no_grad():
        own, usual = module(X), layer(X)[0]
    apart = float((usual - (own[0] if isinstance(own, tuple) else own)).abs().max())
    said = float(str(refused.value).split("differ by ")[1].split(". ")[0])
    assert said >= 0.99 * apart > 0.005  # the last states may be further apart


def test_a_subclass_that_computes_the_same_is_traced_and_says_how_close_it_is():
    module = seeded(Renamed, 3, 4, bidirectional=True)
    t = trace(module, X)
    assert t.difference is not None and t.difference <= 1e-6
    assert largest(t.output, module(X)[0].detach()) == pytest.approx(t.difference, abs=1e-6)
    assert trace(seeded(nn.LSTM, 3, 4), X).difference is None


def test_a_hook_on_every_module_counts_too():
    handle = nn.modules.module.register_module_forward_hook(lambda m, a, out: (out[0] + 1.0, out[1]))
    try:
        with pytest.raises(ValueError, match="differ by 1"):
            trace(seeded(nn.GRU, 3, 4), X)
    finally:
        handle.remove()


@pytest.mark.parametrize("cell", TORCH_CELLS)
@pytest.mark.parametrize("given", ["lengths", "packed"])
def test_padded_batches_are_run_as_pytorch_runs_them_packed(cell, given):
    rng = np.random.default_rng(61)
    for case in range(40):
        module = random_module(cell, rng)
        lengths = rng.integers(1, 7, size=3)
        T, rows = int(lengths.max()), module.num_layers * (1 + module.bidirectional)
        x = torch.from_numpy(rng.normal(size=(T, 3, module.input_size)))
        h = [torch.from_numpy(rng.normal(size=(rows, 3, module.hidden_size))) for _ in range(2)]
        state = None if case % 2 else tuple(h) if isinstance(module, nn.LSTM) else h[0]
        packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
        with torch.no_grad():
            output, last = module(packed, state)
        if given == "packed":
            t = trace(module, packed, state)
        else:
            t = trace(module, x.transpose(0, 1) if module.batch_first else x, state, lengths=lengths)
        assert largest(t.output, pad_packed_sequence(output)[0]) <= 1e-10, case
        h_n, c_n = last if isinstance(module, nn.LSTM) else (last, None)
        assert largest(t.h_n, h_n) <= 1e-10, case
        assert c_n is None or largest(t.c_n, c_n) <= 1e-10, case
        for b, length in enumerate(lengths):
            own = None if state is None else [s[:, b] for s in ([*state] if c_n is not None else [state])]
            alone = trace(module, x[:length, b], own if own is None or c_n is not None else own[0])
            one = t.sequence(b)
            assert one.steps == length and largest(one.output, alone.output) <= 1e-10, case
            for a, z in zip(one.layers, alone.layers, strict=True):
                assert all(largest(a.gate[s], z.gate[s]) <= 1e-10 for s in z.gate), case
                assert all(largest(a.states[s], z.states[s]) <= 1e-10 for s in z.states), case


def test_the_padded_case_of_the_issue():
    module = seeded(nn.GRU, 2, 3, bidirectional=True, batch_first=True)
    x = torch.randn(2, 4, 2)
    x[1, 2:] = 0.0
    with torch.no_grad():
        last = module(pack_padded_sequence(x, [4, 2], batch_first=True))[1]
    t = trace(module, x, lengths=[4, 2])
    assert largest(t.layers[1].final[1], last[1, 1]) <= 1e-6
    assert np.isnan(t.layers[1].gate["z"][2:, 1]).all() and not np.isnan(t.layers[1].gate["z"][:, 0]).any()
    with pytest.warns(UserWarning, match=r"1 of 2 sequences end in zeros.*lengths=\[4, 2\]"):
        blind = trace(module, x)
    assert largest(blind.layers[1].final[1], last[1, 1]) > 0.01


def test_zeros_that_are_no_padding_are_not_warned_of():
    batch = torch.randn(5, 3, 2)
    batch[4] = 0.0  # all end alike
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trace(nn.GRU(2, 3), batch)
        trace(nn.GRU(2, 3), batch[:, 0])


@pytest.mark.parametrize(
    ("lengths", "message"),
    [([1, 2, 3], "one for each sequence"), ([0, 2], "from 1 to 6"), ([7, 2], "to 6"), ([0.5, 2], "whole")],
)
def test_lengths_that_do_not_fit_are_refused(lengths, message):
    with pytest.raises(ValueError, match=message):
        trace(nn.GRU(3, 4), torch.ones(6, 2, 3), lengths=lengths)


def norm(module):
    return nn.utils.parametrizations.weight_norm(module, "weight_hh_l0")


def old_norm(module):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.utils.weight_norm(module, "weight_ih_l0")


@pytest.mark.parametrize(
    "change",
    [norm, old_norm, lambda m: prune.l1_unstructured(m, "weight_hh_l0", 0.5)],
    ids=["norm", "old", "prune"],
)
@pytest.mark.parametrize("make", [nn.LSTM, nn.GRU, nn.RNN])
def test_normed_and_pruned_modules_are_traced_with_the_weights_they_use(make, change):
    module = change(seeded(make, 3, 4, num_layers=2))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(1.5)  # what was worked out before is stale
    t = trace(module, X)
    assert largest(t.output, module(X)[0].detach()) <= 1e-6 and t.difference <= 1e-6


def test_weights_that_are_made_anew_in_training_do_not_learn_from_a_trace():
    module = nn.utils.parametrizations.spectral_norm(seeded(nn.GRU, 3, 4), "weight_hh_l0").train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    for given in (module, nn.Sequential(module)):
        trace(given, X)
        assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert module.training


@pytest.mark.parametrize("make", [nn.LSTM, nn.GRU])
def test_under_autocast_a_trace_runs_in_float32_and_says_how_far_the_module_is(make):
    module = seeded(make, 3, 4)
    with (
        torch.autocast("cpu", torch.bfloat16),
        pytest.warns(UserWarning, match="the module runs in bfloat16"),
    ):
        t = trace(nn.Sequential(module), X)["0"]
    assert 0 < t.difference <= 0.02 and largest(t.output, module(X)[0].detach()) <= 1e-6


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("make", [nn.LSTM, nn.GRU])
def test_half_precision_runs_in_float32_and_says_the_difference(make, dtype):
    module = seeded(make, 3, 4).to(dtype)
    with pytest.warns(UserWarning, match="run in float32, where the module runs in"):
        t = trace(module, X.to(dtype))
    own = module(X.to(dtype))[0].detach().float()
    assert t.h.dtype == np.float32 and 0 < t.difference <= 0.02
    assert largest(t.output, own) <= t.difference + 1e-7
    assert f"{t.difference:.2g}" in t.notes[0]
    assert trace(seeded(make, 3, 4), X.to(dtype)).h.shape == (7, 4)  # a half input of a float32 layer


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("both", [False, True])
def test_a_projected_lstm_gives_the_projected_output_and_states(layers, both):
    module = seeded(nn.LSTM, 3, 7, num_layers=layers, bidirectional=both, proj_size=2).double()
    x = torch.randn(5, 4, 3, dtype=torch.float64)
    rows = layers * (1 + both)
    for state in (None, (torch.randn(rows, 4, 2).double(), torch.randn(rows, 4, 7).double())):
        with torch.no_grad():
            output, (h_n, c_n) = module(x, state)
        t = trace(module, x, state)
        assert largest(t.output, output) <= 1e-10
        assert largest(t.h_n, h_n) <= 1e-10 and largest(t.c_n, c_n) <= 1e-10
    assert t.layers[0].gate["f"].shape == (5, 4, 7)


@pytest.mark.parametrize("make", [nn.LSTMCell, nn.GRUCell, nn.RNNCell])
def test_a_cell_alone_is_a_layer_over_time(make):
    cell = seeded(make, 3, 4)
    state = tuple(torch.randn(2, 4) for _ in range(2)) if make is nn.LSTMCell else torch.randn(2, 4)
    x = torch.randn(5, 2, 3)
    t, hx = trace(cell, x, state), state
    for k in range(5):
        hx = cell(x[k], hx)
        assert largest(t.h[k + 1], (hx[0] if isinstance(hx, tuple) else hx).detach()) <= 1e-6
    assert t.difference <= 1e-6 and trace(cell, x[:, 0]).h.shape == (6, 4)


def test_a_trace_is_short_when_it_is_printed():
    t = trace(seeded(nn.LSTM, 3, 4, num_layers=2, bidirectional=True), torch.ones(5, 2, 3))
    assert repr(t) == "Trace(lstm, 2 layers, 2 directions, 5 steps, 2 sequences, 4 units)"
    assert repr(t.layers[1]) == "LayerTrace(lstm, layer 0, reverse, 5 steps, 2 sequences, 4 units)"


def test_a_trace_in_numpy_has_a_name_and_axes_for_every_array(tmp_path):
    t = trace(seeded(nn.LSTM, 3, 4, num_layers=2, bidirectional=True), torch.ones(5, 2, 3))
    arrays, dims = t.to_numpy(), t.dims()
    assert (arrays["gate_f_l1_reverse"] == t.layers[3].gate["f"]).all() and arrays["c_l0"].shape == (6, 2, 4)
    assert dims["c_l0"] == ("row", "sequence", "unit") and dims["pre_i_l0"] == ("step", "sequence", "unit")
    sizes: dict[str, int] = {}
    for name, axes in dims.items():
        for axis, size in zip(axes, arrays[name].shape, strict=True):
            assert sizes.setdefault(axis, size) == size, name
    np.savez(tmp_path / "t.npz", **arrays)


def test_the_last_states_are_pytorch_s():
    module = seeded(nn.LSTM, 3, 4, num_layers=2, bidirectional=True)
    _, (h_n, c_n) = module(X)
    t = trace(module, X)
    assert largest(t.h_n, h_n.detach()) <= 1e-6 and largest(t.c_n, c_n.detach()) <= 1e-6
    assert largest(t.final, torch.cat([h_n[2], h_n[3]]).detach()) <= 1e-6
    assert trace(nn.GRU(3, 4), X).c_n is None


def test_rounding_of_a_gpu_s_matrix_products_has_its_own_bound(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    assert agreement.tf32(torch.device("cuda")) and not agreement.tf32(torch.device("cpu"))
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    assert not agreement.tf32(torch.device("cuda"))


def test_rounding_that_grows_with_the_steps_is_not_taken_for_another_computation():
    class Elman(nn.RNN):
        """Another name, the same layer."""

    module = seeded(Elman, 3, 32)
    with torch.no_grad():
        module.weight_hh_l0.normal_(0.0, 0.5)  # chaos: neighbours part
    x = torch.randn(50, 3)
    with pytest.warns(UserWarning, match="magnifies rounding"):
        t = trace(module, x)
    assert t.difference > 1e-4 and "in float64 not" in t.notes[0]
    module.register_forward_hook(lambda m, args, out: (out[0] + 0.01, out[1]))
    with pytest.raises(ValueError, match="is not what its layer computes"):
        trace(module, x)


def test_a_chaos_in_which_float64_parts_too_is_said_to_be_one_and_a_layer_of_its_own_is_still_refused():
    class Other(nn.RNN):
        def forward(self, x, hx=None):
            output, last = super().forward(x, hx)
            return output * 1.01, last

    for kind in (nn.RNN, Other):
        net, x = nn.Sequential(seeded(kind, 3, 64)), torch.randn(300, 1, 3)
        with torch.no_grad():
            net[0].weight_hh_l0.mul_(6.0)
        if kind is Other:
            with pytest.raises(ValueError, match="is not what its layer computes"):
                trace(net, x)
        else:
            with pytest.warns(UserWarning, match="magnifies rounding: within so many steps also in float64"):
                assert trace(net, x)["0"].steps == 300


@pytest.mark.parametrize("kind", [nn.LSTMCell, nn.GRUCell, nn.RNNCell])
def test_a_cell_runs_over_a_padded_batch_as_its_layer_does(kind):
    cell, x = seeded(kind, 3, 4), torch.randn(5, 2, 3)
    found = trace(cell, x, lengths=[5, 2])
    assert found.difference <= 1e-6 and np.isnan(next(iter(found.layers[0].pre.values()))[2:, 1]).all()
    alone = trace(cell, x[:2, 1])
    assert largest(found.layers[0].h[2:, 1], np.broadcast_to(alone.h[2], (4, 4))) <= 1e-6


def _lazy() -> nn.Module:
    module = nn.LSTM(3, 4)
    return _with_weight(module, nn.parameter.UninitializedParameter())


def _with_weight(module: nn.Module, weight: torch.Tensor) -> nn.Module:
    module._parameters["weight_hh_l0"] = weight
    module._flat_weights = [getattr(module, name) for name in module._flat_weights_names]
    return module


def _fake() -> nn.Module:
    with FakeTensorMode(allow_non_fake_inputs=True):
        return nn.LSTM(3, 4)


def _of(change):
    module = nn.LSTM(3, 4)
    weight = change(module.weight_hh_l0.detach())
    return _with_weight(module, nn.Parameter(weight, requires_grad=False))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.LSTM(3, 4, device="meta"), "on the device `meta`: it has no values yet"),
        (lambda: _of(lambda w: w.to_sparse()), r"sparse.*to_dense"),
        (lambda: _of(lambda w: w.to(torch.complex64)), "complex64: gates are computed with real numbers"),
        (lambda: _of(lambda w: w.to(torch.float8_e4m3fn)), "float8_e4m3fn, whose scale lies elsewhere"),
        (lambda: _of(lambda w: (9 * w).to(torch.int8)), "int8; float64, float32"),
        (_lazy, "has no shape yet: a lazy layer"),
        (_fake, "FakeTensor, which has no values"),
    ],
)
def test_weights_that_are_no_plain_numbers_are_refused_with_what_to_do(make, message, within):
    with pytest.raises(ValueError, match=message):
        trace(nn.Sequential(nn.Identity(), make()) if within else make(), X)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: X.to("meta"), "x is on the device `meta`"),
        (lambda: X.to_sparse(), "x is sparse.*to_dense"),
        (lambda: X.to(torch.complex64), "x is torch.complex64"),
        (lambda: X.numpy().astype(np.complex64), "x holds complex64"),
        (lambda: X.to(torch.float8_e5m2), "x is torch.float8_e5m2"),
        (lambda: torch.quantize_per_tensor(X, 0.1, 0, torch.qint8), "x is quantised.*dequantize"),
        (lambda: "words", "x is a str; it is a tensor"),
        (lambda: None, "x is a NoneType"),
    ],
)
def test_what_is_no_sequence_of_numbers_is_refused_as_what_it_is(make, message):
    with pytest.raises(ValueError, match=message):
        trace(nn.LSTM(3, 4), make())
    with pytest.raises(ValueError, match="the initial state h is on the device `meta`"):
        trace(nn.GRU(3, 4), X, torch.zeros(1, 4, device="meta"))


def test_weights_and_inputs_that_repeat_the_same_numbers_are_traced_as_any_others():
    module = _of(lambda w: w[:1].clone().expand(16, 4))
    x = X[:1].expand(6, 3)
    assert largest(trace(module, x).output, module(x)[0].detach()) <= 1e-6
