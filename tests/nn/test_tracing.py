"""A trace against PyTorch's own output, and what a trace promises about its arrays."""

import numpy as np
import pytest
import torch
from torch import nn

from explorer import CELLS, trace
from explorer.nn.tracing import torch_weights
from tests import papers
from tests.helpers import (
    EVERY,
    TORCH_CELLS,
    arrays_of,
    largest,
    normal,
    number_model,
    random_layer,
    random_module,
    random_run,
    rerun,
    word_model,
)

CASES = 200


def errors(module: nn.RNNBase, x: torch.Tensor, state) -> dict[str, float]:
    """Returns the largest difference of a trace from the module's output, h_n and c_n."""
    with torch.no_grad():
        output, last = module(x, state)
    found = trace(module, x, state)
    batched = x.ndim == 3 and module.batch_first
    h_n, c_n = last if isinstance(module, nn.LSTM) else (last, None)
    table = {"output": largest(found.output, output.transpose(0, 1) if batched else output)}
    table["h_n"] = largest(np.stack([u.final for u in found.layers]), h_n)
    if c_n is not None:
        final = [u.c[0] if u.reverse else u.c[-1] for u in found.layers]
        table["c_n"] = largest(np.stack(final), c_n)
    return table


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-10), (torch.float32, 2e-5)])
@pytest.mark.parametrize("cell", TORCH_CELLS)
def test_any_torch_module_is_traced_as_it_runs(cell, dtype, bound):
    rng = np.random.default_rng(51)
    for case in range(CASES):
        module = random_module(cell, rng, dtype)
        x, state = random_run(module, rng)
        scale = max(1.0, float(module(x, state)[0].detach().abs().max()))
        for name, error in errors(module, x, state).items():
            assert error <= bound * scale, (case, name, module)


@pytest.mark.parametrize("cell", TORCH_CELLS)
def test_every_layer_and_direction_agrees_with_stepping_it(cell):
    rng = np.random.default_rng(52)
    for case in range(50):
        module = random_module(cell, rng)
        for layer in trace(module, *random_run(module, rng)).layers:
            stepped = arrays_of(rerun(layer, stepwise=True))
            for name, array in arrays_of(layer).items():
                scale = max(1.0, np.abs(array).max(initial=0.0))
                assert largest(array, stepped[name]) <= 1e-12 * scale, (case, name)


def test_lstm_cell_states_are_those_of_torch_s_own_cell():
    rng = np.random.default_rng(53)
    for _ in range(50):
        module = nn.LSTM(3, 5).double()
        cell = nn.LSTMCell(3, 5).double()
        cell.load_state_dict({name.removesuffix("_l0"): p for name, p in module.state_dict().items()})
        x = torch.from_numpy(normal(rng, 8, 3))
        found = trace(module, x)
        h = c = torch.zeros(5, dtype=torch.float64)
        for t in range(8):
            h, c = cell(x[t], (h, c))
            assert largest(found.c[t + 1], c.detach()) <= 1e-10
            assert largest(found.h[t + 1], h.detach()) <= 1e-10


def test_lstm_gates_are_those_of_the_formula():
    module = nn.LSTM(3, 5).double()
    x = normal(np.random.default_rng(54), 7, 3)
    found = trace(module, x)
    expected = papers.run("lstm", found.weights, x, [np.zeros(5), np.zeros(5)])
    assert all(largest(found.only.signal(s), expected[s]) <= 1e-10 for s in "figoch")


def test_row_0_is_the_initial_state_and_gate_t_minus_1_makes_h_t():
    module = nn.GRU(2, 3).double()
    h_0 = torch.randn(1, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    t = trace(module, np.ones((4, 2)), h_0)
    assert (t.h[0] == h_0[0].numpy()).all()
    assert t.h.shape == (5, 3)
    assert t.gate["z"].shape == (4, 3)
    remade = (1 - t.gate["z"][2]) * t.gate["n"][2] + t.gate["z"][2] * t.h[2]
    assert largest(t.h[3], remade) <= 1e-12


def test_a_reverse_layer_stands_in_time_order_with_its_initial_state_at_row_t():
    module = nn.LSTM(2, 3, bidirectional=True).double()
    states = [torch.from_numpy(normal(np.random.default_rng(k), 2, 3)) for k in (1, 2)]
    x = normal(np.random.default_rng(3), 6, 2)
    forward, backward = trace(module, x, tuple(states)).layers
    assert (forward.reverse, backward.reverse) == (False, True)
    assert (backward.h[6] == states[0][1].numpy()).all()
    assert (backward.c[6] == states[1][1].numpy()).all()
    assert (backward.final == backward.h[0]).all()
    remade = backward.gate["f"][2] * backward.c[3] + backward.gate["i"][2] * backward.gate["g"][2]
    assert largest(backward.c[2], remade) <= 1e-12  # step 3 goes from row 3 to row 2


def test_stacked_layers_read_what_the_layer_below_puts_out():
    module = nn.GRU(2, 3, num_layers=2, bidirectional=True).double()
    t = trace(module, normal(np.random.default_rng(4), 5, 2))
    assert [(u.layer, u.reverse) for u in t.layers] == [(0, False), (0, True), (1, False), (1, True)]
    below = np.concatenate([t.layers[0].output, t.layers[1].output], axis=1)
    assert all((u.x == below).all() for u in t.layers[2:])


@pytest.mark.parametrize("name", ["h", "c", "pre", "gate", "weights"])
def test_a_trace_of_many_layers_asks_which_one_is_meant(name):
    t = trace(nn.LSTM(2, 3, num_layers=2), np.ones((4, 2)))
    with pytest.raises(ValueError, match=r"2 layers and directions; use trace\.layers\[k\]"):
        getattr(t, name)


@pytest.mark.parametrize("cell", EVERY)
@pytest.mark.parametrize("lecture", [False, True])
def test_no_array_of_a_trace_can_be_written(cell, lecture):
    t = trace(number_model(cell), np.ones((3, 2), np.float32))
    layer = t.in_lecture_notation().only if lecture else t.only
    arrays = arrays_of(layer) | layer.weights.arrays() | {"logits": t.logits}
    assert [name for name, array in arrays.items() if array.flags.writeable] == []


def test_inputs_of_upper_bidirectional_layers_cannot_be_written_either():
    t = trace(nn.LSTM(2, 3, num_layers=2, bidirectional=True), np.ones((4, 2)))
    assert not any(u.x.flags.writeable for u in t.layers)


@pytest.mark.parametrize("make", [lambda: nn.LSTM(2, 5).double(), lambda: number_model("lstm")])
def test_what_happens_to_the_module_or_the_input_later_leaves_a_trace_alone(make):
    module, x = make(), np.ones((3, 2))
    t = trace(module, x)
    before = {name: a.copy() for name, a in (arrays_of(t.only) | t.weights.arrays()).items()}
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(9.0)
    x[:] = 7.0  # still the caller's own to write
    after = arrays_of(t.only) | t.weights.arrays()
    assert all((after[name] == before[name]).all() for name in before)


@pytest.mark.parametrize("cell", EVERY)
def test_a_window_is_a_slice_with_the_state_carried_in(cell):
    words = ("<unk>", "a", "b")
    whole = trace(word_model(cell, words), list("abba" * 30))
    part = whole.window(40, 16)
    assert part.first_step == 40
    assert part.tokens == whole.tokens[39:55]
    assert (part.h == whole.h[39:56]).all()
    assert (part.logits == whole.logits[39:55]).all()
    for name, array in arrays_of(part.only).items():
        rows = 17 if name in CELLS[cell].states else 16
        assert (array == arrays_of(whole.only)[name][39 : 39 + rows]).all(), name
    assert largest(rerun(part.only, stepwise=True).h, part.h) <= 1e-5
    assert part.window(3, 2).first_step == 42


def test_a_trace_keeps_the_module_s_dtype():
    for dtype, name in ((torch.float32, "float32"), (torch.float64, "float64")):
        t = trace(nn.GRU(2, 3).to(dtype), np.ones((4, 2)))
        assert {str(a.dtype) for a in arrays_of(t.only).values()} == {name}


def test_dropout_is_off_in_a_trace():
    module = nn.LSTM(2, 3, num_layers=2, dropout=0.5)
    x = torch.ones(6, 2)
    assert largest(trace(module, x).output, module.eval()(x)[0].detach()) <= 1e-6


@pytest.mark.parametrize(
    ("module", "x", "state", "message"),
    [
        (nn.GRU(3, 4), torch.ones(2, 5), None, r"x has shape \(2, 5\); expected \(T, 3\)"),
        (nn.GRU(3, 4), torch.ones(3), None, r"x has shape \(3,\)"),
        (nn.GRU(3, 4), torch.ones(0, 3), None, "the sequence is empty"),
        (nn.GRU(3, 4, device="meta"), torch.ones(2, 3), None, "weight_ih_l0 is on the device `meta`"),
        (nn.GRU(3, 4), torch.ones(2, 3), torch.ones(4), r"shape \(4,\), expected \(1, 4\)"),
        (nn.LSTM(3, 4), torch.ones(2, 3), torch.ones(1, 4), r"states \('h', 'c'\); got 1"),
        (number_model("rnn"), np.ones((4, 3)), None, r"x has shape \(4, 3\); expected \(T, 2\)"),
        (number_model("rnn"), np.ones((0, 2)), None, "the sequence is empty"),
        (word_model("rnn", ("a",)), (), None, "the sequence is empty"),
    ],
)
def test_what_cannot_be_traced_is_refused_in_a_sentence(module, x, state, message):
    with pytest.raises(ValueError, match=message):
        trace(module, x, state)


@pytest.mark.parametrize("module", [nn.Linear(3, 4), np.tanh])
def test_what_is_not_recurrent_is_refused_by_name(module):
    with pytest.raises(TypeError, match=f"cannot trace {type(module).__name__}"):
        trace(module, torch.ones(2, 3))


@pytest.mark.parametrize("stepwise", [False, True])
def test_an_explosion_is_a_result_with_its_first_bad_step(stepwise):
    module = nn.RNN(1, 2, nonlinearity="relu", bias=False).double()
    with torch.no_grad():
        module.weight_hh_l0.copy_(3.0 * torch.eye(2))
        module.weight_ih_l0.fill_(1.0)
    layer = trace(module, np.eye(1000, 1)).only  # h_t = 3^(t-1), float32 ends at 3^80.8
    layer = rerun(layer, stepwise=True) if stepwise else layer
    assert layer.first_bad_step == 82
    assert not np.isfinite(layer.h).all()
    assert trace(nn.GRU(1, 2), np.ones((5, 1))).only.first_bad_step is None


def test_an_unknown_signal_is_a_key_error_that_names_the_cell():
    layer = random_layer("gru", np.random.default_rng(5))
    with pytest.raises(KeyError, match="gru has no signal 'f'"):
        layer.signal("f")


def test_weights_are_found_by_pytorch_s_names_layer_by_layer():
    module = nn.LSTM(2, 3, num_layers=3, bidirectional=True, bias=False)
    stack = torch_weights(module, CELLS["lstm"])
    assert [len(directions) for directions in stack] == [2, 2, 2]
    assert (stack[1][1].w_hh == module.weight_hh_l1_reverse.detach().numpy()).all()
    assert stack[0][0].b_ih is None
