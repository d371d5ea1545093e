"""What stands behind a gradient, against autograd, brute force and cases that can be done by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer import CELLS, LayerTrace, bptt, trace
from explorer.cells import LayerWeights, TorchOps
from explorer.figures.analysis import clipping_figure
from explorer.gradients.bptt import jacobians, readout_gradient, recurrent_gradient
from explorer.gradients.common import half_life
from explorer.gradients.jacobian import spectra
from explorer.gradients.laws import Bound, Keep
from explorer.gradients.pushing import nudge, number_loss, token_loss
from explorer.gradients.sizes import clipping, decay, saturation
from explorer.gradients.windows import loss_rows, truncation
from explorer.limits import WINDOW
from explorer.nn.interventions import Clamp, untouched
from explorer.nn.tracing import run_layer
from tests.helpers import (
    EVERY,
    largest,
    normal,
    number_model,
    random_layer,
    random_state,
    random_weights,
    word_model,
)

T, D, H = 9, 3, 4


def layer_of(key: str, seed: int = 0, scale: float = 0.6, steps: int = T) -> LayerTrace:
    rng = np.random.default_rng(seed)
    weights = random_weights(key, D, H, rng).map(lambda a: scale * a)
    return run_layer(key, weights, normal(rng, steps, D), random_state(key, rng, H))


def relu(w_hh: np.ndarray, x: np.ndarray, h_0: np.ndarray) -> LayerTrace:
    weights = LayerWeights(("h",), np.ones((len(w_hh), x.shape[1])), w_hh)
    return run_layer("rnn_relu", weights, x, (h_0,))


def last_loss(steps: int = T, seed: int = 1, at: int | None = None) -> np.ndarray:
    dL_dh = np.zeros((steps, H))
    dL_dh[(at or steps) - 1] = normal(np.random.default_rng(seed), H)
    return dL_dh


# Spectra


@pytest.mark.parametrize("key", EVERY)
def test_singular_values_of_steps_and_of_their_product_are_those_of_the_matrices(key):
    layer = layer_of(key)
    of = spectra(layer)
    product: np.ndarray | float = 1.0
    for t, J in enumerate(jacobians(layer)):
        product = J if t == 0 else J @ product
        assert np.allclose(of.singular[t], np.linalg.svd(J)[1], atol=1e-12)
        whole = np.linalg.svd(product)[1]
        there = whole > 1e-10 * whole[0]
        assert np.allclose(10.0 ** of.product[t][there], whole[there], rtol=1e-5)
        eigenvalues = of.eigenvalues[t]
        assert np.isclose(eigenvalues.sum(), np.trace(J)) and np.isclose(eigenvalues.prod(), np.linalg.det(J))
        assert (np.diff(np.abs(eigenvalues)) <= 1e-12).all()


def test_small_singular_values_of_a_long_product_keep_their_digits():
    factors = np.array([0.9, 0.3, 0.01])
    Q = np.linalg.qr(normal(np.random.default_rng(3), 3, 3))[0]
    layer = relu(Q * factors @ Q.T, np.full((60, 1), 1e3), np.full(3, 1e3))  # every slope is 1
    walked = np.arange(1.0, 61.0)[:, None] * np.log10(factors)
    assert largest(spectra(layer).product, walked) < 1e-9  # down to 1e-120, beside 1e-3


def test_a_product_past_float64_is_still_a_number():
    layer = relu(1e16 * np.eye(2), np.full((37, 1), 1e-300), np.full(2, 1e-300))
    assert largest(spectra(layer).product[-1], 16.0 * 37) < 1e-9


def test_a_dead_unit_makes_the_product_exactly_singular():
    layer = relu(np.eye(2), np.zeros((3, 1)), np.array([1.0, -1.0]))
    of = spectra(layer)
    assert of.product[-1].tolist() == [0.0, -np.inf]
    nothing = spectra(relu(np.eye(2), np.full((3, 1), -1.0), np.zeros(2)))
    assert np.isneginf(nothing.product).all()


def test_a_state_that_is_not_finite_is_nan_from_its_step_on():
    layer = relu(1e160 * np.eye(2), np.ones((5, 1)), np.ones(2))
    of = spectra(layer)
    bad = int(np.flatnonzero(~np.isfinite(layer.h).all(-1))[0])
    assert np.isfinite(of.singular[: bad - 1]).all() and np.isnan(of.singular[bad - 1 :]).all()
    assert np.isfinite(of.product[: bad - 1]).all() and np.isnan(of.product[bad - 1 :]).all()
    assert isinstance(of.law, Bound) and of.law.factor == pytest.approx(1e160)


@pytest.mark.parametrize("key", ["rnn", "rnn_relu"])
def test_no_step_stretches_more_than_the_bound(key):
    of = spectra(layer_of(key))
    assert isinstance(of.law, Bound) and of.recurrent is not None
    assert (of.singular[:, 0] <= of.law.sigma_max * of.law.steepest + 1e-12).all()
    assert (of.law.slope <= of.law.steepest).all()
    assert of.law.radius == pytest.approx(np.abs(of.recurrent).max())
    assert of.sentence == ("law_vanish" if of.law.factor < 1 else "law_open")


def test_spectral_radius_0_goes_with_a_bound_over_1():
    weights = LayerWeights(("h",), np.zeros((2, 1)), 1.5 * np.array([[1.0, 1.0], [-1.0, -1.0]]))
    of = spectra(run_layer("rnn", weights, np.zeros((4, 1)), (np.zeros(2),)))
    assert isinstance(of.law, Bound) and of.law.radius < 1e-7
    assert of.law.factor == pytest.approx(3.0) and of.sentence == "law_open"


def test_the_keeping_gate_decays_by_the_mean_of_its_logarithm():
    layer = layer_of("lstm", steps=10)
    f = np.full((10, H), 0.99)
    f[4] = 0.01
    keep = spectra(replace(layer, gate=layer.gate | {"f": f})).law
    assert isinstance(keep, Keep) and np.allclose(keep.by_unit, (0.99**9 * 0.01) ** 0.1)
    assert keep.half_life == pytest.approx(1.476, abs=1e-3)  # 6 steps by the mean of f


def test_without_a_forget_gate_the_direct_path_does_not_decay():
    of = spectra(layer_of("lstm_no_forget"))
    assert isinstance(of.law, Keep) and of.law.factor == 1.0 and of.law.half_life is None
    assert of.recurrent is None and of.sentence == "law_kept"


def test_notation_changes_nothing():
    layer = layer_of("gru")
    one, two = spectra(layer), spectra(layer.in_lecture_notation())
    assert largest(one.product, two.product) < 1e-12
    assert isinstance(one.law, Keep) and one.law.factor == pytest.approx(two.law.factor)


@pytest.mark.parametrize("options", [{"batched": True}, {"reverse": True}])
def test_batches_and_runs_against_time_are_refused(options):
    layer = random_layer("gru", np.random.default_rng(0), **options)
    for of in (spectra, lambda u: loss_rows(u, np.zeros((u.steps, u.hidden_size)))):
        with pytest.raises(ValueError, match="this takes"):
            of(layer)


# The straight line


@pytest.mark.parametrize("key", EVERY)
@pytest.mark.parametrize("step", [0, 1, 4, T])
def test_the_straight_line_is_the_slope_of_the_true_change(key, step):
    layer, dL_dh = layer_of(key), last_loss()
    flow = bptt(layer, dL_dh)
    directions = [(s, unit) for s in CELLS[key].states for unit in (None, 2)]
    for direction in directions:
        of = nudge(layer, lambda h: h @ dL_dh[-1], flow, step, direction, np.array([-1e-5, 0.0, 1e-5]))
        measured = (of.true[-1] - of.true[0]) / 2e-5
        assert measured == pytest.approx(of.slope, rel=1e-5, abs=1e-9), direction
        if direction[1] is None:
            assert of.slope == pytest.approx(np.linalg.norm(flow.totals[direction[0]][step]))


def test_the_true_change_is_that_of_a_run_from_the_pushed_state():
    layer, dL_dh = layer_of("gru"), last_loss()
    of = nudge(layer, lambda h: (h**2).sum(-1), bptt(layer, dL_dh), 5, ("h", 1))
    assert len(of.epsilon) == 65 and (of.epsilon == -of.epsilon[::-1]).all()
    for epsilon, true in list(zip(of.epsilon, of.true, strict=True))[::16]:
        pushed = layer.h[5] + epsilon * np.eye(H)[1]
        end = run_layer("gru", layer.weights, layer.x[5:], (pushed,)).h[-1]
        assert true == pytest.approx((end**2).sum() - (layer.h[-1] ** 2).sum(), abs=1e-12)


def test_a_loss_in_the_middle_is_run_to_its_own_step():
    model = word_model("lstm", ("a", "b", "c", "d"), H=5).double()
    run = trace(model, ("a", "b", "c", "b", "d", "a"))
    rows, by_step = readout_gradient(run, "each_step")
    for step in (3, 5):  # the last word has no loss
        flow = bptt(run, np.where(np.arange(6)[:, None] == step - 1, rows, 0.0))
        of = nudge(run.layers[0], token_loss(run, step), flow, 1, ("c", None))
        assert of.loss_step == step and of.loss == pytest.approx(by_step[step - 1])
        small = np.abs(of.epsilon) < 0.01
        assert np.allclose(of.true[small], of.line[small], atol=1e-4 * of.slope)
        assert of.agrees is not None and not of.lost
    with pytest.raises(ValueError, match="no token"):
        token_loss(run, 6)


def test_number_loss_is_the_squared_error_of_the_readout():
    run = trace(number_model("gru"), normal(np.random.default_rng(2), 6, 2))
    loss = number_loss(run, 6, 0.3)
    assert loss(run.output[-1:])[0] == pytest.approx((run.logits[-1, 0] - 0.3) ** 2)


def test_where_the_line_holds_is_where_both_sides_are_within_a_tenth():
    layer = layer_of("rnn")
    of = nudge(layer, lambda h: h.sum(-1), bptt(layer, np.eye(T)[:, -1:] * np.ones(H)), T)
    assert of.agrees == of.epsilon[-1]  # a linear loss at its own step
    bent = replace(of, true=of.line + 0.4 * of.slope * of.epsilon**2)
    assert bent.agrees == of.epsilon[of.epsilon <= 0.25].max()
    assert replace(of, true=np.full_like(of.line, np.nan)).agrees is None


def test_a_push_that_drowns_in_rounding_says_so():
    layer = layer_of("rnn", scale=0.02, steps=40)
    dL_dh = last_loss(40)
    of = nudge(layer, lambda h: h @ dL_dh[-1], bptt(layer, dL_dh), 0)
    assert of.lost and of.agrees is None and 0.0 < of.slope < 1e-30


def test_a_push_without_gradient_or_with_an_explosion_is_a_result():
    layer = layer_of("rnn_relu")
    none = nudge(layer, lambda h: h.sum(-1), bptt(layer, np.zeros((T, H))), 2)
    assert none.slope == 0.0 and none.agrees is None
    boom = relu(1e100 * np.eye(2), np.ones((6, 1)), np.ones(2))
    flow = bptt(boom, np.eye(6)[:, -1:] * np.ones(2))
    assert not np.isfinite(nudge(boom, lambda h: h.sum(-1), flow, 0).true).any()


def test_a_push_refuses_several_losses_later_steps_strange_states_and_changed_runs():
    layer = layer_of("gru")
    one = bptt(layer, last_loss(at=4))
    with pytest.raises(ValueError, match="one loss"):
        nudge(layer, lambda h: h.sum(-1), bptt(layer, np.ones((T, H))), 1)
    with pytest.raises(ValueError, match=r"0\.\.4"):
        nudge(layer, lambda h: h.sum(-1), one, 5)
    with pytest.raises(ValueError, match="no state 'c'"):
        nudge(layer, lambda h: h.sum(-1), one, 1, ("c", None))
    held = trace(number_model("gru"), np.ones((6, 2)), changes=[Clamp("z", 1.0)]).only
    with pytest.raises(ValueError, match="interventions"):
        nudge(held, lambda h: h.sum(-1), bptt(held, np.eye(6)[:, -1:] * np.ones(5)), 1)
    as_it_is = bptt(replace(held, changed=False), np.eye(6)[:, -1:] * np.ones(5))
    with pytest.raises(ValueError, match="interventions"):
        nudge(held, lambda h: h.sum(-1), as_it_is, 1)
    for of in (spectra, lambda u: loss_rows(u, np.ones((6, 5))), lambda u: truncation(u, np.ones((6, 5)))):
        with pytest.raises(ValueError, match="interventions"):
            of(held)


# Truncation


def torch_gradient(layer: LayerTrace, dL_dh: np.ndarray, starts) -> np.ndarray:
    """dL/dW_hh where the loss at t (from 1) sees steps from starts(t) on; the state before is a constant.

    dL/dW_ih for a cell without W_hh.
    """
    weights = layer.weights.map(torch.tensor)
    of = watched(weights)
    total = torch.zeros(())
    for t in range(1, layer.steps + 1):
        first = starts(t)
        state = tuple(torch.tensor(a[first - 1]) for a in layer.states.values())
        for k in range(first, t + 1):
            a = weights.project(torch.tensor(layer.x[k - 1]))
            _, _, state = layer.spec.step(TorchOps, a, state, weights, untouched)
        total = total + state[0] @ torch.tensor(dL_dh[t - 1])
    total.backward()
    return of.grad.numpy()


def watched(weights: LayerWeights) -> torch.Tensor:
    return (weights.w_ih if weights.w_hh is None else weights.w_hh).requires_grad_()


def chunked(layer: LayerTrace, dL_dh: np.ndarray, w: int) -> np.ndarray:
    """dL/dW_hh of one run whose state is detached at the border of every w steps, as people train."""
    weights = layer.weights.map(torch.tensor)
    of = watched(weights)
    state, total = tuple(map(torch.tensor, layer.initial)), torch.zeros(())
    for k in range(layer.steps):
        if k % w == 0:
            state = tuple(s.detach() for s in state)
        _, _, state = layer.spec.step(
            TorchOps, weights.project(torch.tensor(layer.x[k])), state, weights, untouched
        )
        total = total + state[0] @ torch.tensor(dL_dh[k])
    total.backward()
    return of.grad.numpy()


def compared(part: np.ndarray, full: np.ndarray) -> tuple[float, float]:
    sizes = np.linalg.norm(part), np.linalg.norm(full)
    return sizes[0] / sizes[1], (part * full).sum() / (sizes[0] * sizes[1])


@pytest.mark.parametrize("key", EVERY)
def test_what_each_loss_sends_to_each_step_adds_up_to_the_gradient(key):
    layer, dL_dh = layer_of(key), normal(np.random.default_rng(5), T, H)
    rows, flow = loss_rows(layer, dL_dh), bptt(layer, dL_dh).layers[0]
    spec, gradient = CELLS[key], flow.weight_gradient()
    assert rows.shape == (T, T, len(spec.recurrent_blocks or spec.blocks) * H)
    if spec.recurrent_blocks:
        summed, whole = recurrent_gradient(rows.sum(0), flow.source, layer.weights), gradient["weight_hh"]
    else:
        summed, whole = rows.sum(0).T @ layer.x, gradient["weight_ih"]
    assert largest(summed, whole) < 1e-12
    alone = bptt(layer, np.where(np.arange(T)[:, None] == 5, dL_dh, 0.0)).layers[0]
    assert largest(rows[5], alone.rec if spec.recurrent_blocks else alone.pre) < 1e-12
    assert not rows[np.triu_indices(T, 1)].any()  # k > t


@pytest.mark.parametrize("key", EVERY)
def test_truncated_gradients_are_those_of_a_detached_run(key):
    layer, dL_dh, windows = layer_of(key), normal(np.random.default_rng(6), T, H), (1, 2, 4, T)
    of = truncation(layer, dL_dh, windows)
    gradient = bptt(layer, dL_dh).layers[0].weight_gradient()
    full = gradient.get("weight_hh", gradient["weight_ih"])
    for n, w in enumerate(windows):
        for cut, part in (
            (of.disjoint, chunked(layer, dL_dh, w)),
            (of.sliding, torch_gradient(layer, dL_dh, lambda t, w=w: max(t - w + 1, 1))),
        ):
            assert (cut.ratio[n], cut.cosine[n]) == pytest.approx(compared(part, full), rel=1e-10), w
    assert of.disjoint.ratio[-1] == pytest.approx(1.0) and of.sliding.cosine[-1] == pytest.approx(1.0)


def test_masks_are_a_staircase_and_a_band():
    of = truncation(layer_of("rnn", steps=7), normal(np.random.default_rng(0), 7, H), shown=3)
    for t in range(1, 8):
        for k in range(1, 8):
            assert of.disjoint.mask[t - 1, k - 1] == (k <= t and (k - 1) // 3 == (t - 1) // 3)
            assert of.sliding.mask[t - 1, k - 1] == (0 <= t - k < 3)


def test_long_runs_are_truncated_but_not_itemised():
    layer = layer_of("rnn", steps=WINDOW + 36)
    dL_dh = np.ones((WINDOW + 36, H))
    of = truncation(layer, dL_dh)
    assert len(of.windows) == 64 and of.windows[0] == 1 and of.windows[-1] == 100
    assert of.sliding.ratio[-1] == pytest.approx(1.0)
    with pytest.raises(ValueError, match="at most"):
        loss_rows(layer, dL_dh)


def test_a_truncated_gradient_of_nothing_or_of_an_explosion_has_no_cosine():
    none = truncation(layer_of("gru"), np.zeros((T, H)))
    boom = truncation(relu(1e100 * np.eye(2), np.ones((6, 1)), np.ones(2)), np.ones((6, 2)))
    assert np.isnan(none.sliding.cosine).all() and np.isnan(boom.disjoint.ratio).any()
    with pytest.raises(ValueError, match="at least one"):
        truncation(layer_of("gru"), np.zeros((T, H)), (0, 1))
    with pytest.raises(ValueError, match="expected"):
        loss_rows(layer_of("gru"), np.zeros((T, H + 1)))


# Clipping, decay, saturation


@pytest.mark.parametrize("threshold", [0.01, 1e6])
@pytest.mark.parametrize("bias", [True, False])
def test_clipping_is_pytorchs(threshold, bias):
    module = torch.nn.LSTM(D, H, bias=bias, dtype=torch.float64)
    x, dL_dh = normal(np.random.default_rng(7), T, D), normal(np.random.default_rng(8), T, H)
    (module(torch.tensor(x))[0] * torch.tensor(dL_dh)).sum().backward()
    before = module.weight_hh_l0.grad.clone()
    norm = torch.nn.utils.clip_grad_norm_(module.parameters(), threshold)
    flow = bptt(trace(module, x), dL_dh)
    of = clipping(flow, threshold)
    assert of.norm == pytest.approx(float(norm))
    assert np.allclose(before.numpy() * of.factor, module.weight_hh_l0.grad.numpy(), atol=1e-14)
    steps = [np.linalg.norm(np.outer(flow.layers[0].rec[k], flow.layers[0].source["i"][k])) for k in range(T)]
    assert np.allclose(of.before, steps) and np.allclose(of.after, np.array(steps) * of.factor)
    assert of.far_before == pytest.approx(sum(steps[: T // 2]) / sum(steps))
    assert of.far_after == pytest.approx(of.far_before)


@pytest.mark.parametrize("key", ["mingru", "linear"])
def test_without_a_recurrent_matrix_clipping_and_truncation_look_at_the_other(key):
    layer = layer_of(key)
    flow = bptt(layer, last_loss()).layers[0]
    of = clipping(flow, 1.0)
    assert of.weight == truncation(layer, last_loss()).weight == "weight_ih"
    assert np.array_equal(of.before, flow.weight_norms()["weight_ih"])
    assert "W<sub>ih</sub>" in clipping_figure(of, "en").layout.yaxis.title.text


def test_clipping_counts_the_peepholes_too():
    layer = layer_of("lstm_peephole")
    flow = bptt(layer, last_loss()).layers[0]
    squares = sum((g**2).sum() for g in flow.weight_gradient().values())
    assert flow.weight_gradient()["peephole"].any()
    assert clipping(flow, 1.0).norm == pytest.approx(np.sqrt(squares))


def test_clipping_counts_what_else_the_network_learns():
    flow = bptt(layer_of("gru"), last_loss()).layers[0]
    own, rest = clipping(flow, 1.0).norm, [np.full((2, 3), 2.0), np.ones(1)]
    assert clipping(flow, 1.0, rest).norm == pytest.approx(np.sqrt(own**2 + 25.0))


def test_clipping_nothing_and_an_explosion():
    none = clipping(bptt(layer_of("rnn"), np.zeros((T, H))), 1.0)
    assert none.norm == 0.0 and none.factor == 1.0 and none.far_before is None
    boom = clipping(bptt(relu(1e100 * np.eye(2), np.ones((6, 1)), np.ones(2)), np.ones((6, 2))), 1.0)
    assert not np.isfinite(boom.norm) and boom.far_after is None and not np.isfinite(boom.after).all()


def test_decay_reads_the_factor_of_a_straight_line():
    of = decay(0.5 ** (np.arange(20)[::-1] / 1.3))
    assert of.half_life == pytest.approx(1.3) and of.factor == pytest.approx(0.5 ** (1 / 1.3))
    assert of.sentence == "decay_halves" and of.values["steps"] == of.half_life
    grows = decay(2.0 ** np.arange(20)[::-1])
    assert grows.sentence == "decay_doubles" and grows.half_life is None
    assert grows.values["steps"] == pytest.approx(1.0)
    assert decay(np.ones(5)).sentence == "decay_steady"


def test_decay_ends_at_the_loss_and_takes_no_zeros_or_infinities():
    row = np.array([0.125, 0.25, 0.5, 1.0, np.nan, np.nan])
    assert decay(row).half_life == pytest.approx(1.0)  # a row of the triangle: NaN after the loss
    assert decay(np.nan_to_num(row)).half_life == pytest.approx(1.0)  # a total: 0 after the last loss
    assert decay(np.array([0.0, 0.25, 0.5])).sentence == "decay_zero"
    assert decay(np.array([np.inf, 4.0, 2.0])).sentence == "decay_nonfinite"
    assert decay(np.array([np.nan, 4.0, 2.0])).sentence == "decay_nonfinite"
    for short in ([], [1.0], [np.nan, np.nan], [0.0, 0.0]):
        assert decay(np.array(short)).sentence == "decay_short" and decay(np.array(short)).values == {}


def test_decay_of_a_real_row_is_the_slope_of_its_logarithm():
    layer = layer_of("rnn", steps=30)
    row = bptt(layer, np.ones((30, H))).norm[19]
    slope = -np.polyfit(np.arange(21), np.log(row[:21]), 1)[0]
    assert decay(row).factor == pytest.approx(np.exp(slope))


@pytest.mark.parametrize("factor, steps", [(0.5, 1.0), (0.0, 0.0), (1.0, None), (1.2, None), (None, None)])
def test_half_life(factor, steps):
    assert half_life(factor) == steps


def test_saturation_is_the_share_of_units_past_a_tenth_of_the_end():
    layer = layer_of("rnn", scale=2.0)
    share = saturation(layer).share["h"]
    assert np.allclose(share, [(abs(h) > 0.9).mean() for h in layer.h[1:]]) and share.max() > 0.0
    for key, symbol in (("lstm", "g"), ("gru", "n")):
        assert set(saturation(layer_of(key)).share) == {symbol}
    assert saturation(layer_of("rnn_relu")).share == {}


def test_records_are_read_only():
    layer = layer_of("lstm")
    of, flow = spectra(layer), bptt(layer, last_loss())
    of_push = nudge(layer, lambda h: h.sum(-1), flow, 2)
    for array in (of.product, of.singular, of_push.true, clipping(flow, 1.0).after):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0.0
