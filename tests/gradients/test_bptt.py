"""Closed-form backpropagation through time, against torch's autograd in float64."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from explorer import CELLS, LayerTrace, RecurrentModel, Trace, bptt, trace
from explorer.cells import LayerWeights, TorchOps
from explorer.gradients import bptt as gradients
from explorer.gradients.bptt import FEWEST, LayerFlow, direct_path, jacobians, readout_gradient
from explorer.limits import FLOAT32_MAX
from explorer.nn.interventions import Clamp, untouched
from explorer.nn.model import LoopLayers
from explorer.nn.tracing import run_layer
from tests.autograd import graph_of, rows_of
from tests.helpers import (
    EVERY,
    TORCH_CELLS,
    VARIANTS,
    largest,
    normal,
    number_model,
    random_layer,
    random_state,
    random_weights,
    rerun,
    word_model,
)

TOLERANCE = 1e-10
WITH_C = [key for key in EVERY if "c" in CELLS[key].states]
SHAPES = [(1, False), (2, False), (3, False), (1, True), (2, True), (3, True)]
WORDS = ("the", "fat", "cat", "sat", "on", "a", "mat")


def small_weights(key: str, D: int, H: int, rng: np.random.Generator, bias: bool = True):
    return random_weights(key, D, H, rng, bias).map(lambda a: 0.6 * a)


def stacked(key: str, rng: np.random.Generator, layers: int, both_ways: bool, steps: int = 0) -> Trace:
    """Returns the trace of a random stack from random initial states; every second one has no biases."""
    T, D, H = (int(n) for n in rng.integers((2, 1, 1), (8, 5, 6)))
    bias, ways = bool(rng.integers(2)), 1 + both_ways
    below, runs = normal(rng, steps or T, D), []
    for level in range(layers):
        level_runs = [
            run_layer(
                key,
                small_weights(key, below.shape[1], H, rng, bias),
                below,
                random_state(key, rng, H),
                layer=level,
                reverse=bool(way),
            )
            for way in range(ways)
        ]
        runs += level_runs
        below = np.concatenate([run.output for run in level_runs], -1)
    return Trace(tuple(runs))


def reached(of: LayerFlow, last: int, ways: int) -> np.ndarray:
    """Where the loss at t depends on h_k (T, T+1), as the docstring has it."""
    T = of.layer.steps
    t, k = np.arange(1, T + 1)[:, None], np.arange(T + 1)[None]
    if of.layer.layer < last and ways == 2:
        return np.ones((T, T + 1), bool)
    return k >= t - 1 if of.layer.reverse else k <= t


# The triangle, the totals, the weights, the inputs


@pytest.mark.parametrize(("layers", "both_ways"), SHAPES)
@pytest.mark.parametrize("key", EVERY)
def test_everything_is_what_autograd_gives(key, layers, both_ways):
    rng = np.random.default_rng(100 + layers + 10 * both_ways)
    for _ in range(4 if layers == 1 else 2):
        run = stacked(key, rng, layers, both_ways)
        dL_dh = normal(rng, *run.output.shape)
        flow = bptt(run, dL_dh)
        dx, expected = rows_of(run, dL_dh)
        assert len(flow.layers) == len(expected) == len(run.layers)
        assert largest(sum(of.x for of in flow.layers if of.layer.layer == 0), dx) <= TOLERANCE
        for of, rows in zip(flow.layers, expected, strict=True):
            there = reached(of, layers - 1, 1 + both_ways)
            assert (rows.states["h"][~there] == 0).all()
            assert tuple(of.norms) == tuple(of.totals) == tuple(rows.states) == CELLS[key].states
            for state, table in rows.states.items():
                norm, total = of.norms[state], of.totals[state]
                np.testing.assert_array_equal(np.isfinite(norm), there)
                assert largest(norm[there], np.linalg.norm(table, axis=-1)[there]) <= TOLERANCE
                assert largest(total, table.sum(0)) <= TOLERANCE
            assert largest(of.total_norm, np.linalg.norm(rows.states["h"].sum(0), axis=-1)) <= TOLERANCE
            weights = of.weight_gradient()
            assert set(rows.weights) <= set(weights)
            for name in rows.weights:
                assert largest(weights[name], rows.weights[name]) <= TOLERANCE, name


@pytest.mark.parametrize("key", EVERY)
def test_vanished_norms_are_right_to_ten_digits(key):
    """Relative to each norm, from 1 down to 1e-6 and less: nothing is lost beside the large ones."""
    rng = np.random.default_rng(140)
    weights = random_weights(key, 3, 8, rng).map(lambda a: 0.3 * a)
    layer = run_layer(key, weights, normal(rng, 24, 3), random_state(key, rng, 8))
    dL_dh = normal(rng, 24, 8)
    of, (rows,) = bptt(layer, dL_dh).layers[0], rows_of(Trace((layer,)), dL_dh)[1]
    there = reached(of, 0, 1)
    for state, table in rows.states.items():
        if state not in CELLS[key].idle:
            expected = np.linalg.norm(table, axis=-1)[there]
            np.testing.assert_allclose(of.norms[state][there], expected, rtol=TOLERANCE)


@pytest.mark.parametrize(("layers", "both_ways"), [(1, False), (2, False), (2, True)])
@pytest.mark.parametrize("key", ["lstm_peephole", "gru", "gru_reset_before"])
def test_a_run_of_several_blocks_is_walked_back_without_a_seam(key, layers, both_ways, monkeypatch):
    rng = np.random.default_rng(150 + layers)
    monkeypatch.setattr(gradients, "AT_ONCE", 0)
    for T in (FEWEST, FEWEST + 1, 3 * FEWEST + 2):
        run = stacked(key, rng, layers, both_ways, T)
        dL_dh = normal(rng, *run.output.shape)
        for of, rows in zip(bptt(run, dL_dh).layers, rows_of(run, dL_dh)[1], strict=True):
            there = reached(of, layers - 1, 1 + both_ways)
            np.testing.assert_array_equal(np.isfinite(of.norm), there)
            for state, table in rows.states.items():
                assert largest(of.norms[state][there], np.linalg.norm(table, axis=-1)[there]) <= TOLERANCE
                assert largest(of.totals[state], table.sum(0)) <= TOLERANCE


@pytest.mark.parametrize("key", EVERY)
def test_a_cell_without_c_has_no_gradient_of_it(key):
    run = stacked(key, np.random.default_rng(0), 1, False)
    flow = bptt(run, np.ones(run.output.shape))
    found = (flow.norm_c, flow.total_c, flow.layers[0].total_norm_c)
    assert all((array is None) == (key not in WITH_C) for array in found)
    if key in WITH_C:
        assert largest(found[2], np.linalg.norm(flow.total_c, axis=-1)) <= TOLERANCE


def test_all_arrays_are_read_only_float64():
    for key in EVERY:
        run = stacked(key, np.random.default_rng(1), 2, True)
        for of in bptt(run, np.ones(run.output.shape)).layers:
            tables = (*of.through.values(), *of.source.values())
            for array in (*of.norms.values(), *of.totals.values(), of.kept, of.pre, of.rec, of.x, *tables):
                assert array is None or (array.dtype == np.float64 and not array.flags.writeable)


# Against PyTorch's own modules


@pytest.mark.parametrize(("layers", "both_ways"), SHAPES)
@pytest.mark.parametrize("key", TORCH_CELLS)
def test_a_module_of_pytorch_gets_the_same_gradients(key, layers, both_ways):
    """Weights, x and the initial states of the fused module, by .grad; a loss at a time for the states."""
    rng = np.random.default_rng(200 + layers + 10 * both_ways)
    for case in range(2):
        module, x, state = _module(key, rng, layers, both_ways, bias=case == 0)
        output, _ = module(x, state if len(state) > 1 else state[0])
        direct = torch.from_numpy(normal(rng, *output.shape))
        (output * direct).sum().backward(retain_graph=True)
        flow = bptt(trace(module, x.detach(), state if len(state) > 1 else state[0]), direct.numpy())
        assert largest(sum(of.x for of in flow.layers[: 1 + both_ways]), x.grad) <= TOLERANCE
        for at, of in enumerate(flow.layers):
            end = f"l{of.layer.layer}{'_reverse' if of.layer.reverse else ''}"
            for name, found in of.weight_gradient().items():
                if hasattr(module, f"{name}_{end}"):
                    assert largest(found, getattr(module, f"{name}_{end}").grad) <= TOLERANCE, (name, end)
            first = -1 if of.layer.reverse else 0
            assert largest(of.total[first], state[0].grad[at]) <= TOLERANCE
            if len(state) > 1:
                assert largest(of.total_c[first], state[1].grad[at]) <= TOLERANCE
        for t in range(len(output)):
            rows = torch.autograd.grad((output[t] * direct[t]).sum(), state, retain_graph=True)
            for at, of in enumerate(flow.layers):
                first = -1 if of.layer.reverse else 0
                for norm, row in zip((of.norm, of.norm_c), rows, strict=False):
                    assert abs(np.nan_to_num(norm[t, first]) - row[at].norm().item()) <= TOLERANCE


def _module(key: str, rng: np.random.Generator, layers: int, both_ways: bool, bias: bool):
    T, D, H = (int(n) for n in rng.integers((1, 1, 1), (9, 5, 7)))
    spec = CELLS[key]
    options = {"num_layers": layers, "bidirectional": both_ways, "bias": bias, **dict(spec.torch_options)}
    module = spec.torch_module(D, H, **options).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.from_numpy(0.6 * normal(rng, *parameter.shape)))
    rows = layers * (1 + both_ways)
    x = torch.from_numpy(normal(rng, T, D)).requires_grad_()
    state = tuple(torch.from_numpy(normal(rng, rows, H)).requires_grad_() for _ in spec.states)
    return module, x, state


@pytest.mark.parametrize("key", TORCH_CELLS)
def test_a_module_started_at_step_k_has_that_state_as_its_leaf(key):
    """The triangle's inside by the fused module alone: h_k goes in as h_0 of the steps after k."""
    rng = np.random.default_rng(7)
    module, x, state = _module(key, rng, 1, False, bias=True)
    run = trace(module, x.detach(), state if len(state) > 1 else state[0])
    dL_dh = normal(rng, *run.output.shape)
    norm = bptt(run, dL_dh).norm
    for k in range(run.steps):
        leaves = tuple(torch.tensor(s[None, k], requires_grad=True) for s in (run.h, run.c) if s is not None)
        output, _ = module(x.detach()[k:], leaves if len(leaves) > 1 else leaves[0])
        for t in range(k, run.steps):
            (row, *_) = torch.autograd.grad(output[t - k] @ torch.tensor(dL_dh[t]), leaves, retain_graph=True)
            assert abs(norm[t, k] - row.norm().item()) <= TOLERANCE
        if k:
            assert norm[k - 1, k] == pytest.approx(np.linalg.norm(dL_dh[k - 1]), abs=TOLERANCE)


@pytest.mark.parametrize(("layers", "both_ways"), [(1, False), (2, False), (3, False), (2, True)])
@pytest.mark.parametrize("key", VARIANTS)
def test_the_layers_of_a_variant_get_the_same_weight_gradients(key, layers, both_ways):
    rng = np.random.default_rng(300 + layers)
    model = RecurrentModel(key, 3, 4, 1, num_layers=layers, bidirectional=both_ways).double()
    assert isinstance(model.rnn, LoopLayers)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.from_numpy(0.6 * normal(rng, *parameter.shape)))
    x = torch.from_numpy(normal(rng, 6, 3)).requires_grad_()
    output = model.rnn(x[:, None])[0][:, 0]
    dL_dh = normal(rng, *output.shape)
    (output * torch.from_numpy(dL_dh)).sum().backward()
    flow = bptt(trace(model, x.detach().numpy()), dL_dh)
    assert largest(sum(of.x for of in flow.layers[: 1 + both_ways]), x.grad) <= TOLERANCE
    for of in flow.layers:
        end = f"l{of.layer.layer}{'_reverse' if of.layer.reverse else ''}"
        for name, found in of.weight_gradient().items():
            assert largest(found, model.rnn.get_parameter(f"{name}_{end}").grad) <= TOLERANCE


# A readout


@pytest.mark.parametrize("loss", ["last_step", "each_step"])
@pytest.mark.parametrize("key", EVERY)
def test_the_loss_of_a_model_with_a_vocabulary(key, loss):
    rng = np.random.default_rng(31)
    for shape in ({}, {"num_layers": 2}, {"bidirectional": True}):
        model = word_model(key, WORDS, H=5, **shape).double()
        ids = rng.integers(0, len(WORDS), int(rng.integers(2, 9))).tolist()
        model.zero_grad()
        logits = model(torch.tensor(ids)[:, None])[:-1, 0]
        by_step = cross_entropy(logits, torch.tensor(ids[1:]), reduction="none")
        (by_step if loss == "each_step" else by_step[-1:]).sum().backward()
        flow = bptt(trace(model, ids), loss=loss)
        expected = np.append(by_step.detach().numpy(), np.nan)
        if loss == "last_step":
            expected[:-2] = np.nan
        np.testing.assert_allclose(flow.loss, expected, atol=TOLERANCE)
        for of in flow.layers:
            end = f"l{of.layer.layer}{'_reverse' if of.layer.reverse else ''}"
            for name, found in of.weight_gradient().items():
                assert largest(found, model.rnn.get_parameter(f"{name}_{end}").grad) <= TOLERANCE
        into_words = np.zeros((len(WORDS), 8))
        np.add.at(into_words, ids, sum(of.x for of in flow.layers if of.layer.layer == 0))
        assert largest(into_words, model.embedding.weight.grad) <= TOLERANCE


def test_the_default_loss_is_that_of_the_last_step():
    run = trace(word_model("gru", WORDS), WORDS)
    np.testing.assert_array_equal(bptt(run).total, bptt(run, loss="last_step").total)
    assert not np.array_equal(bptt(run).total, bptt(run, loss="each_step").total)


def test_the_readout_gradient_is_the_direct_one():
    run = trace(word_model("lstm", WORDS).double(), WORDS)
    direct, by_step = readout_gradient(run, "each_step")
    assert (direct[-1] == 0).all() and np.isnan(by_step[-1]) and np.isfinite(by_step[:-1]).all()
    np.testing.assert_array_equal(bptt(run, direct).norm, bptt(run, loss="each_step").norm)
    assert bptt(run, direct).loss is None


def test_one_word_has_no_loss_and_no_gradient():
    flow = bptt(trace(word_model("gru", WORDS), WORDS[:1]))
    assert np.isnan(flow.loss).all() and (flow.total == 0).all() and flow.status == "ok"


def test_large_logits_neither_warn_nor_overflow():
    model = word_model("rnn", WORDS).double()
    with torch.no_grad():
        model.readout.weight.mul_(1e5)
    flow = bptt(trace(model, WORDS), loss="each_step")
    assert np.isfinite(flow.loss[:-1]).all() and np.isfinite(flow.total).all()


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("key", EVERY)
def test_a_loss_may_stand_on_any_state(key, reverse):
    """A loss on each state at its step, in turn, and on all at once, against autograd."""
    rng = np.random.default_rng(33)
    layer = next(u for u in (random_layer(key, rng, reverse=reverse) for _ in range(50)) if u.steps >= 3)
    direct = {s: normal(rng, *layer.output.shape) for s in CELLS[key].states}
    _, (graph,), _ = graph_of(Trace((layer,)))
    after = slice(None, -1) if reverse else slice(1, None)
    for given in (*({s: a} for s, a in direct.items()), direct):
        parts = [(torch.stack(graph.states[s][after]) * torch.tensor(a)).sum() for s, a in given.items()]
        leaves = [leaf for column in graph.states.values() for leaf in column]
        found = torch.autograd.grad(sum(parts), leaves, retain_graph=True, allow_unused=True)
        expected = iter(0.0 if a is None else a.numpy() for a in found)
        of = bptt(layer, given).layers[0]
        for state, column in graph.states.items():
            rows = np.stack([np.broadcast_to(next(expected), layer.hidden_size) for _ in column])
            assert largest(of.totals[state], rows) <= TOLERANCE, (state, tuple(given))
            assert largest(of.total_norms[state], np.linalg.norm(rows, axis=-1)) <= TOLERANCE


def test_gradients_by_state_are_refused_where_there_is_no_such_state():
    layer = trace(torch.nn.GRU(2, 3), torch.zeros(4, 2)).only
    with pytest.raises(ValueError, match=r"has the states \('h',\), not \['c'\]"):
        bptt(layer, {"c": np.ones((4, 3))})
    both = trace(torch.nn.GRU(2, 3, bidirectional=True), torch.zeros(4, 2))
    with pytest.raises(ValueError, match=r"dL_dh has shape \(4, 3\), expected \(4, 6\)"):
        bptt(both, {"h": np.ones((4, 3))})


# The split


@pytest.mark.parametrize("both_ways", [False, True])
@pytest.mark.parametrize("key", EVERY)
def test_the_shares_sum_to_the_total(key, both_ways):
    rng = np.random.default_rng(41)
    for _ in range(5):
        run = stacked(key, rng, 1, both_ways)
        dL_dh = normal(rng, *run.output.shape)
        H = run.layers[0].hidden_size
        for at, of in enumerate(bptt(run, dL_dh).layers):
            assert set(of.through) == set(CELLS[key].recurrent_blocks)
            shares = sum(of.through.values()) + (0.0 if of.kept is None else of.kept)
            direct, nothing = dL_dh[:, at * H : (at + 1) * H], np.zeros((1, H))
            if of.layer.reverse:
                before, there = of.total[1:], np.concatenate([direct[1:], nothing])
            else:
                before, there = of.total[:-1], np.concatenate([nothing, direct[:-1]])
            assert largest(before, shares + there) <= TOLERANCE


@pytest.mark.parametrize("key", EVERY)
def test_a_share_is_what_is_left_when_the_other_ways_are_cut(key):
    """The share through a block: autograd with U of every other block cut off from h_{t-1}."""
    rng = np.random.default_rng(42)
    layer = random_layer(key, rng)
    spec, H = CELLS[key], layer.hidden_size
    w = layer.weights.map(torch.tensor)
    dh = torch.from_numpy(normal(rng, H))
    dL_dh = np.zeros((layer.steps, H))
    dL_dh[-1] = dh
    of = bptt(layer, dL_dh).layers[0]
    a = {s: p[-1] for s, p in w.project(torch.tensor(layer.x)).items()}
    shares = dict(of.through) | ({} if of.kept is None else {"kept": of.kept})
    for block, share in shares.items():
        h_prev = torch.tensor(layer.h[-2], requires_grad=True)
        cut = _CutWeights(w, block, h_prev)
        others = [torch.tensor(a[-1]) for s, a in layer.before.items() if s != "h"]
        state = (h_prev if block == "kept" else h_prev.detach(), *others)
        _, _, after = spec.step(TorchOps, a, state, cut, untouched)
        (found,) = torch.autograd.grad(after[0] @ dh, h_prev, allow_unused=True)
        expected = torch.zeros(H) if found is None else found
        assert largest(share[-1], expected) <= TOLERANCE, block


class _CutWeights:
    """Weights through whose block alone h_{t-1} is seen by autograd; through none for `kept`."""

    def __init__(self, weights, block: str, h_prev: torch.Tensor) -> None:
        self.weights, self.block, self.h_prev = weights, block, h_prev
        self.hidden_size, self.peephole = weights.hidden_size, weights.peephole

    def recurrent(self, h: torch.Tensor) -> dict:
        return {s: self.recurrent_block(s, h) for s in self.weights.seeing}

    def recurrent_block(self, s: str, h: torch.Tensor) -> torch.Tensor:
        if s == self.block:
            h = h.detach() / self.h_prev.detach() * self.h_prev  # r * h_{t-1} for a reset before
        return self.weights.recurrent_block(s, h.detach() if self.block == "kept" else h)


# Jacobians and the straight way


@pytest.mark.parametrize("key", EVERY)
def test_jacobians_are_those_of_autograd_and_their_product_that_of_the_whole_run(key):
    rng = np.random.default_rng(51)
    for _ in range(4):
        layer = random_layer(key, rng)
        spec, H = CELLS[key], layer.hidden_size
        w, x = layer.weights.map(torch.tensor), torch.tensor(layer.x)
        projected = w.project(x)

        def run(packed, first, last, spec=spec, w=w, projected=projected, H=H):
            state = tuple(packed.split(H))
            for t in range(first, last):
                a = {s: p[t] for s, p in projected.items()}
                _, _, state = spec.step(TorchOps, a, state, w, untouched)
            return torch.cat(state)

        states = np.concatenate(list(layer.states.values()), -1)
        found = list(jacobians(layer))
        assert len(found) == layer.steps
        product = np.eye(states.shape[1])
        for t, J in enumerate(found):
            expected = torch.autograd.functional.jacobian(
                lambda s, t=t: run(s, t, t + 1), torch.tensor(states[t])
            )
            assert largest(J, expected) <= TOLERANCE
            product = J @ product
        whole = torch.autograd.functional.jacobian(
            lambda s, T=layer.steps: run(s, 0, T), torch.tensor(states[0])
        )
        assert largest(product, whole) <= TOLERANCE
        some = list(jacobians(layer, 2, layer.steps - 1)) if layer.steps > 2 else []
        assert len(some) == max(layer.steps - 2, 0)
        assert all(largest(a, b) <= 1e-14 for a, b in zip(some, found[1:-1], strict=len(some) > 0))


def test_jacobians_of_a_long_run_are_those_of_its_parts(monkeypatch):
    layer = trace(torch.nn.LSTM(2, 3).double(), normal(np.random.default_rng(52), 11, 2)).only
    whole = list(jacobians(layer))
    monkeypatch.setattr(gradients, "AT_ONCE", 0)
    for first, last in ((1, None), (1, FEWEST), (3, FEWEST + 3), (11, 11)):
        found = list(jacobians(layer, first, last))
        expected = whole[first - 1 : last]
        assert len(found) == len(expected)
        assert all(largest(a, b) <= 1e-14 for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("key", EVERY)
def test_the_direct_path_is_the_product_of_the_keeping_gate(key):
    rng = np.random.default_rng(61)
    layer = run_layer(
        key,
        small_weights(key, 2, 4, rng),
        normal(rng, 9, 2),
        random_state(key, rng, 4),
    )
    dL_dh = np.zeros((9, 4))
    dL_dh[-1] = normal(rng, 4)
    flow = bptt(layer, dL_dh)
    path = direct_path(flow.layers[0])
    if CELLS[key].plain:
        assert path is None
        return
    end = dL_dh[-1] * shown_by_hand(layer)[-1]
    keep = CELLS[key].keep
    gate = layer.gate[keep] if keep else np.ones((9, 4))
    for k in range(10):
        assert largest(path[k], end * gate[k:].prod(0)) <= TOLERANCE


def shown_by_hand(layer) -> np.ndarray:
    """Returns dh/d(memory) by step (T, H), every gate held: 1 where the memory is h itself."""
    if layer.c is None:
        return np.ones(layer.output.shape)
    o, c = layer.gate.get("o", 1.0), layer.c[1:]
    if layer.cell == "lstm_no_squash":
        return np.broadcast_to(o, c.shape)
    if layer.cell == "slstm":
        return o / layer.states["n"][1:]
    return o / np.cosh(c) ** 2


@pytest.mark.parametrize("key", ["lstm", "gru", "lstm_no_forget"])
def test_the_direct_path_of_losses_at_every_step_is_the_sum_of_those_of_each(key):
    rng = np.random.default_rng(62)
    run = stacked(key, rng, 1, False)
    dL_dh = normal(rng, *run.output.shape)
    alone = [np.where(np.arange(run.steps)[:, None] == t, dL_dh, 0.0) for t in range(run.steps)]
    parts = [direct_path(bptt(run, part).layers[0]) for part in alone]
    assert largest(direct_path(bptt(run, dL_dh).layers[0]), np.sum(parts, axis=0)) <= TOLERANCE


def test_with_the_gates_blind_to_the_state_the_direct_path_of_c_is_all():
    rng = np.random.default_rng(63)
    for key in WITH_C:
        seeing = small_weights(key, 2, 4, rng)
        blind = replace(seeing, w_hh=np.zeros_like(seeing.w_hh))
        if blind.peepholes is not None:
            blind = replace(blind, peepholes=np.zeros(12))
        layer = run_layer(key, blind, normal(rng, 8, 2), random_state(key, rng, 4))
        flow = bptt(layer, normal(rng, 8, 4))
        assert largest(direct_path(flow.layers[0]), flow.total_c) <= TOLERANCE
        assert (flow.total[0] == 0).all()


# What each step adds to the weights


@pytest.mark.parametrize("key", EVERY)
def test_a_step_adds_the_outer_product_of_its_own(key):
    rng = np.random.default_rng(71)
    run = stacked(key, rng, 1, False)
    of = bptt(run, normal(rng, *run.output.shape)).layers[0]
    w, summed = of.layer.weights, of.weight_gradient()
    parts = {"weight_ih": np.einsum("tg,td->tgd", of.pre, of.layer.x)}
    if w.seeing:
        by_block = [(of.rec[:, w.state_rows(s)], of.source[s]) for s in w.seeing]
        parts["weight_hh"] = np.concatenate([np.einsum("tg,th->tgh", *pair) for pair in by_block], 1)
    assert set(of.weight_norms()) == set(parts)
    for name, norms in of.weight_norms().items():
        assert largest(parts[name].sum(0), summed[name]) <= TOLERANCE
        assert largest(norms, np.sqrt((parts[name] ** 2).sum((1, 2)))) <= TOLERANCE


@pytest.mark.parametrize("key", EVERY)
@pytest.mark.parametrize("size", [1e-200, 1e-170, 1e170, 1e200])
def test_what_a_step_adds_has_a_norm_where_squares_leave_float64(key, size):
    rng = np.random.default_rng(72)
    layer = run_layer(
        key,
        small_weights(key, 2, 4, rng),
        normal(rng, 6, 2),
        random_state(key, rng, 4),
    )
    dL_dh = normal(rng, 6, 4)
    one, other = (bptt(layer, scale * dL_dh).layers[0].weight_norms() for scale in (1.0, size))
    for name, norms in one.items():
        assert (norms > 0.0).all()
        np.testing.assert_allclose(other[name] / size, norms, rtol=1e-12)


# Central differences: no autograd and no formula


@pytest.mark.parametrize("key", EVERY)
def test_central_differences_agree(key):
    """Of the forward pass alone, at 1e-6; kinks of the ReLU do not come up in these cases."""
    rng, step = np.random.default_rng(81), 1e-6
    for _ in range(3):
        layer = random_layer(key, rng)
        dL_dh = normal(rng, *layer.output.shape)
        of = bptt(layer, dL_dh).layers[0]

        def loss(changed: LayerTrace, dL_dh=dL_dh) -> float:
            return float((rerun(changed).output * dL_dh).sum())

        def slope(name: str, index, layer=layer, loss=loss) -> float:
            both = []
            for sign in (1, -1):
                array = (layer.x if name == "x" else layer.states[name]).copy()
                array[index] += sign * step
                moved = {"x": array} if name == "x" else {"states": {**layer.states, name: array}}
                both.append(loss(replace(layer, **moved)))
            return (both[0] - both[1]) / (2 * step)

        H, D = layer.hidden_size, layer.x.shape[1]
        t, unit, column = int(rng.integers(layer.steps)), int(rng.integers(H)), int(rng.integers(D))
        for state, total in of.totals.items():
            assert total[0, unit] == pytest.approx(slope(state, (0, unit)), abs=1e-5, rel=1e-5)
        assert of.x[t, column] == pytest.approx(slope("x", (t, column)), abs=1e-5, rel=1e-5)
        for name, stem in (
            ("w_ih", "weight_ih"),
            ("w_hh", "weight_hh"),
            ("b_ih", "bias_ih"),
            ("b_hh", "bias_hh"),
        ):
            array = getattr(layer.weights, name)
            if array is None:
                continue
            index = tuple(int(rng.integers(n)) for n in array.shape)
            both = []
            for sign in (1, -1):
                moved = array.copy()
                moved[index] += sign * step
                both.append(loss(replace(layer, weights=replace(layer.weights, **{name: moved}))))
            expected = (both[0] - both[1]) / (2 * step)
            assert of.weight_gradient()[stem][index] == pytest.approx(expected, abs=1e-5, rel=1e-5)


# Notation, dtype, windows


@pytest.mark.parametrize("key", EVERY)
def test_lecture_notation_gives_the_same_gradients(key):
    rng = np.random.default_rng(91)
    run = stacked(key, rng, 2, False)
    dL_dh = normal(rng, *run.output.shape)
    ours, theirs = bptt(run, dL_dh), bptt(run.in_lecture_notation(), dL_dh)
    for a, b in zip(ours.layers, theirs.layers, strict=True):
        assert largest(a.total, b.total) <= TOLERANCE and largest(a.x, b.x) <= TOLERANCE
        assert largest(np.nan_to_num(a.norm), np.nan_to_num(b.norm)) <= TOLERANCE
        for name, found in a.weight_gradient().items():
            assert largest(found, b.weight_gradient()[name]) <= TOLERANCE
    layers = run.layers[0], run.in_lecture_notation().layers[0]
    for a, b in zip(*map(jacobians, layers), strict=True):
        assert largest(a, b) <= TOLERANCE


def test_a_float32_trace_is_differentiated_in_float64():
    model = torch.nn.GRU(3, 4)
    x = torch.from_numpy(normal(np.random.default_rng(92), 12, 3)).float()
    dL_dh = np.ones((12, 4))
    rough, exact = bptt(trace(model, x), dL_dh), bptt(trace(model.double(), x.double()), dL_dh)
    assert rough.total.dtype == np.float64
    assert largest(rough.total, exact.total) < 1e-5


def test_a_window_is_differentiated_from_the_state_carried_in():
    rng = np.random.default_rng(93)
    run = trace(number_model("lstm", 2, 4), normal(rng, 9, 2))
    dL_dh = normal(rng, 9, 4)
    whole, part = bptt(run, dL_dh).norm[3:, 4:], bptt(run.window(4, 6), dL_dh[3:]).norm[:, 1:]
    np.testing.assert_allclose(part, whole, atol=TOLERANCE)


def test_gradients_do_not_change_the_trace_or_what_was_given():
    run = stacked("lstm", np.random.default_rng(94), 2, True)
    dL_dh = normal(np.random.default_rng(95), *run.output.shape)
    before, h = dL_dh.copy(), [layer.h.copy() for layer in run.layers]
    flow = bptt(run, dL_dh)
    np.testing.assert_array_equal(dL_dh, before)
    assert all(np.array_equal(layer.h, kept) for layer, kept in zip(run.layers, h, strict=True))
    again = bptt(run, dL_dh)
    assert all(np.array_equal(a.total, b.total) for a, b in zip(flow.layers, again.layers, strict=True))


# Explosion and vanishing


def exploding(T: int) -> Trace:
    model = number_model("rnn_relu", 2, 6, scheme="identity", gain=3.0)
    return trace(model, normal(np.random.default_rng(0), T, 2))


def at_the_end(run: Trace) -> np.ndarray:
    dL_dh = np.zeros(run.output.shape)
    dL_dh[-1] = 1.0
    return dL_dh


@pytest.mark.parametrize("T", [200, 260, 500])
def test_an_explosion_is_a_result_with_its_first_bad_step(T):
    """Six units that stay positive multiply by 3 a step: sqrt(6) 3^80 is the first past 3.4e38."""
    run = exploding(T)
    flow = bptt(run, at_the_end(run))
    assert (flow.status, flow.first_bad) == ("exploded", T - 80)
    norms = flow.total_norm
    assert norms[T - 80] > FLOAT32_MAX >= norms[T - 79 :].max()
    assert flow.finite.all() and largest(norms, flow.norm[-1]) <= 1e-12 * norms.max()
    assert norms[T - 40] == pytest.approx(np.sqrt(6) * 3.0**40)
    of = flow.layers[0]
    assert np.isfinite(of.total).all() and set(of.weight_norms()) == {"weight_ih", "weight_hh"}
    assert len(list(jacobians(run.only))) == T and direct_path(of) is None


def test_past_float64_it_is_called_nonfinite_without_a_warning():
    run = exploding(900)
    assert not np.isfinite(run.h).all()
    flow = bptt(run, at_the_end(run))
    assert flow.status == "nonfinite" and flow.first_bad is not None and not flow.finite.all()
    of = flow.layers[0]
    assert len(of.weight_gradient()) == 4 and len(of.weight_norms()) == 2
    assert len(list(jacobians(run.only))) == 900


@pytest.mark.parametrize("key", EVERY)
def test_huge_weights_raise_no_warning(key):
    rng = np.random.default_rng(5)
    weights = random_weights(key, 2, 4, rng).map(lambda a: 1e60 * a)
    layer = run_layer(key, weights, normal(rng, 40, 2), random_state(key, rng, 4))
    flow = bptt(layer, 1e200 * normal(rng, 40, 4))
    assert flow.status in ("exploded", "nonfinite") and flow.first_bad is not None
    of = flow.layers[0]
    assert of.total_norm.shape == (41,) and set(of.weight_norms()) <= {"weight_ih", "weight_hh"}
    assert set(of.weight_gradient()) == set(CELLS[key].shapes(2, 4))
    assert len(list(jacobians(layer))) == 40
    direct_path(of)


def test_a_default_rnn_has_vanished_after_sixty_steps():
    run = trace(number_model("rnn", 16, 32), normal(np.random.default_rng(2), 60, 16))
    flow = bptt(run, at_the_end(run))
    assert flow.status == "vanished" and flow.first_bad is None and flow.finite.all()
    short = run.window(55, 6)
    assert bptt(short, at_the_end(short)).status == "ok"


@pytest.mark.parametrize(("share", "status"), [(3e-6, "ok"), (3e-7, "vanished")])
def test_a_millionth_of_what_the_loss_gave_is_vanished(share, status):
    """Of a tanh at rest the gradient over ten steps is w^10 to rounding."""
    weights = LayerWeights(("h",), np.zeros((1, 1)), np.array([[share**0.1]]), None, None)
    layer = run_layer("rnn", weights, np.zeros((10, 1)), (np.zeros(1),))
    dL_dh = np.zeros((10, 1))
    dL_dh[-1] = 1.0
    flow = bptt(layer, dL_dh)
    assert flow.layers[0].total_norm[[0, 10]] == pytest.approx([share, 1.0])
    assert flow.status == status


def test_a_loss_before_the_last_step_can_vanish_too():
    """The last word has no next one: the gradient starts a step earlier and is measured from there."""
    model = word_model("rnn", WORDS, H=32)
    flow = bptt(trace(model, WORDS * 10))
    assert (flow.total[-1] == 0).all() and flow.status == "vanished"


# Refusals


def test_jacobians_of_a_batch_are_refused():
    run = trace(torch.nn.GRU(2, 3), torch.zeros(4, 5, 2))
    with pytest.raises(ValueError, match="batch"):
        next(jacobians(run.only))


@pytest.mark.parametrize("shape", [(4, 2), (3, 3), (4,), (4, 3, 1)])
def test_a_wrong_shape_is_refused(shape):
    run = trace(torch.nn.GRU(2, 3), torch.zeros(4, 2))
    with pytest.raises(ValueError, match=r"expected \(4, 3\)"):
        bptt(run, np.zeros(shape))


def test_an_unknown_loss_and_a_missing_readout_are_refused():
    words = trace(word_model("gru", WORDS), WORDS)
    with pytest.raises(ValueError, match="unknown loss 'every_step'"):
        bptt(words, loss="every_step")
    for run in (trace(torch.nn.GRU(2, 3), torch.zeros(4, 2)), trace(number_model("gru"), np.zeros((4, 2)))):
        with pytest.raises(ValueError, match="no readout"):
            bptt(run)


@pytest.mark.parametrize("name", ["norm", "norm_c", "total", "total_c", "total_norm"])
def test_a_flow_of_more_layers_has_no_triangle_of_its_own(name):
    run = trace(torch.nn.LSTM(2, 3, num_layers=2), torch.zeros(4, 2))
    flow = bptt(run, np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"2 layers and directions; use flow\.layers"):
        getattr(flow, name)
    assert flow.layers[0].norm.shape == (4, 5)


def test_jacobians_against_time_are_refused():
    run = trace(torch.nn.GRU(2, 3, bidirectional=True), torch.zeros(4, 2))
    with pytest.raises(ValueError, match="along time"):
        next(jacobians(run.layers[1]))
    assert direct_path(bptt(run, np.ones((4, 6))).layers[1]) is None


def test_a_run_with_interventions_is_refused():
    layer = trace(torch.nn.LSTM(2, 3), torch.randn(4, 2), changes=[Clamp("f", 1.0)]).layers[0]
    with pytest.raises(ValueError, match="interventions"):
        bptt(layer, np.ones((4, 3)))
