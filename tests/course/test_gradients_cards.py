"""The lesson on gradients: every button works, and every claim is what the figure shows."""

from dataclasses import replace
from functools import cache
from urllib.parse import parse_qsl

import numpy as np
import pytest
import torch

from explorer.experiment import LAST_MOMENT, TABLE, Experiment
from explorer.gradients.bptt import jacobians
from explorer.gradients.sizes import clipping
from explorer.gradients.windows import truncation
from explorer.lab.arrows import arrows
from explorer.lab.flow import CellFlow, Flow, compared, flow
from explorer.limits import FLOAT32_MAX
from explorer.nn.tracing import run_layer
from tests.course.lesson_files import card, pressed, presses
from tests.helpers import learned_once

NAMED = {  # all that a gradient depends on, and where the cursor stands
    "cell", "text", "units", "weights", "hidden", "seed", "init", "gain", "bias", "keep_bias", "notation",
    "stretch", "loss", "loss_at", "input_scale", "moment", "step",
}  # fmt: skip
PRESSES = [pytest.param(query, id=label) for label, query, _ in presses("gradients")]


@cache
def flowed(experiment: Experiment) -> Flow:
    cells = {
        cell: learned_once(replace(experiment, cell=cell).model_part()) for cell in compared(experiment.cell)
    }
    return flow(experiment, cells)


def button(key: str, at: int) -> Flow:
    """Returns the flow of a card's button, counted from 0."""
    return flowed(pressed(card("gradients", key).queries[at]))


def cell(shown: Flow, key: str) -> CellFlow:
    return next(c for c in shown.cells if c.cell == key)


def dL_dh(shown: Flow, key: str = "") -> np.ndarray:
    """Returns ||dL/dh_k|| of a compared cell or the chosen one (T+1,)."""
    return (cell(shown, key) if key else shown.chosen).total


def dL_dc(shown: Flow) -> np.ndarray:
    norms = shown.chosen.gradient.layers[0].total_norm_c
    assert norms is not None
    return norms


def recurrent(shown: Flow) -> np.ndarray:
    return shown.chosen.trace.layers[0].weights.w_hh


def roughly(value: float) -> object:
    """A number told with one digit: half of that digit's place is its precision."""
    return pytest.approx(value, rel=0, abs=0.5 * 10 ** np.floor(np.log10(value)))


# The buttons


@pytest.mark.parametrize("query", PRESSES)
def test_a_button_names_all_that_its_gradient_depends_on(query):
    named = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
    assert named <= set(TABLE) and named >= NAMED
    assert {name for name in TABLE if TABLE[name].group == "flow"} <= NAMED


@pytest.mark.parametrize("query", PRESSES)
def test_a_fixed_bias_names_its_notation(query):
    shown = pressed(query)
    assert shown.bias != "fixed" or shown.notation != "auto"


@pytest.mark.parametrize("query", PRESSES)
def test_a_button_leads_to_a_picture_without_problems(query):
    experiment = pressed(query)
    shown = flowed(experiment)
    assert shown.problems == () and experiment.step <= shown.steps
    for compared_cell in shown.cells:
        assert np.isfinite(compared_cell.total).all() and compared_cell.total.max() > 0


# The claims, in the order of the cards


def test_a_gradient_comes_along_the_chain_to_a_step_without_a_loss():
    every, last = button("bptt", 0), button("bptt", 1)
    assert np.flatnonzero(np.isfinite(every.chosen.gradient.loss)).tolist() == [0, 1, 2, 3, 4]
    assert np.flatnonzero(np.isfinite(last.chosen.gradient.loss)).tolist() == [4]
    assert dL_dh(last)[[5, 1]] == pytest.approx((0.42, 0.03), abs=0.005)


def test_the_chain_rule_holds_along_the_drawn_row():
    last = button("bptt", 1)
    gradient = last.chosen.gradient.layers[0].total
    for k, J in enumerate(jacobians(last.chosen.trace.layers[0], last=5), 1):
        assert np.allclose(gradient[k] @ J, gradient[k - 1])


def test_the_losses_change_the_derivatives_and_no_data():
    last, every = (arrows(button("arrows", at).chosen) for at in (0, 1))
    assert np.flatnonzero(np.isfinite(last.loss)).tolist() == [4] and np.isfinite(every.loss[:5]).all()
    assert last.carried and every.carried and np.array_equal(last.state, every.state)
    for name in ("own", "back", "to_input"):
        here, there = (getattr(found, name)[:4] for found in (last, every))
        assert (here != there).all(), name


def test_without_recurrent_weights_derivatives_still_come_back():
    shown = button("arrows", 2)
    found = arrows(shown.chosen)
    assert not found.carried and (recurrent(shown) == 0).all()
    assert found.to_input[4] > 0.1 and (found.to_input[:4] == 0).all() and (found.back == 0).all()


def test_the_triangle_is_empty_above_and_where_no_word_follows():
    norm = button("triangle", 0).chosen.each.norm
    assert np.isnan(norm[np.triu_indices(6, 2, 7)]).all()
    assert (norm[5] == 0).all() and (norm[:5, 0] > 0).all()


def test_the_chain_over_the_words_is_one_at_the_loss():
    shown = button("triangle", 0)
    assert shown.chain[4, 5] == pytest.approx(1.0)
    product = np.linalg.multi_dot(list(jacobians(shown.chosen.trace.layers[0], 2, 5))[::-1])
    assert shown.chain[4, 1] == pytest.approx(np.linalg.norm(product) / 4)


def test_the_total_of_one_loss_is_its_row():
    for at, row in ((0, 5), (1, 3)):
        shown = button("triangle", at)
        norm = shown.chosen.each.norm[row - 1]
        assert np.allclose(dL_dh(shown)[: row + 1], norm[: row + 1])
        assert (dL_dh(shown)[row + 1 :] == 0).all()
        assert np.isfinite(shown.chosen.each.norm[:5, 1]).all()  # every row is drawn all the same


def test_a_column_adds_up_as_vectors():
    shown = button("triangle", 2)
    assert dL_dh(shown)[1] == pytest.approx(0.61, abs=0.005)
    assert np.nansum(shown.chosen.each.norm[:, 1]) == pytest.approx(0.79, abs=0.005)


def test_doubling_the_sentence_about_squares_the_gradient_at_the_first_word():
    short, long = dL_dh(button("vanishing", 0)), dL_dh(button("vanishing", 1))
    assert short[1] == roughly(7e-7) and long[1] == roughly(4e-13)
    falls = np.log10([short[19] / short[1], long[39] / long[1]])
    assert falls == pytest.approx((6, 12), abs=0.5)
    for norms, last in ((short, 19), (long, 39)):
        assert 0.45 < (norms[1] / norms[last]) ** (1 / (last - 1)) < 0.5
        assert norms[last - 1 :].sum() > norms[1 : last - 1].sum()


def test_a_loss_at_every_step_hides_it():
    for at in range(3):
        shown = button("hiding", at)
        assert shown.steps == (20, 40, 80)[at]
        assert dL_dh(shown)[1] == pytest.approx(0.605, abs=0.0005)
    rows = button("hiding", 1).chosen.each.norm[:, 1]
    assert rows[38] == roughly(4e-13) and rows[0] == rows[:39].max()
    assert Experiment().loss == "last_step"


def test_a_largest_singular_value_under_1_suffices_and_is_not_necessary():
    small, default = button("why", 0), button("why", 1)
    sigma = [np.linalg.norm(recurrent(shown), 2) for shown in (small, default)]
    assert sigma == pytest.approx((0.9, 1.07), abs=0.005)
    norms = dL_dh(small)[:60]
    assert (norms[:-1] <= 0.9 * norms[1:] * (1 + 1e-6)).all()
    for shown in (small, default):
        assert dL_dh(shown)[1] < 1e-6 * dL_dh(shown)[59]
    for shown in (small, default):
        layer = shown.chosen.trace.layers[0]
        first = next(jacobians(layer))
        assert np.allclose(first, np.diag(1 - layer.h[1] ** 2) @ layer.weights.w_hh)


def test_no_gradient_passes_the_grey_dotted_line():
    for at in range(4):
        found = cell(button("why", at), "rnn")
        assert found.law.bound and found.law.expected is not None
        assert (found.total[:60] <= found.law.expected[:60] * (1 + 1e-9)).all()


def test_one_matrix_of_radius_2_explodes_or_vanishes():
    plain, large = button("why", 2), button("why", 3)
    assert np.array_equal(recurrent(plain), recurrent(large))
    assert abs(np.linalg.eigvals(recurrent(plain))).max() == pytest.approx(2.0)
    assert dL_dh(plain)[59] == pytest.approx(0.54, abs=0.005)
    assert dL_dh(plain)[1] == pytest.approx(874, rel=0.01)  # rounding grows along with it
    assert dL_dh(large)[1] == roughly(0.003) and dL_dh(large)[59] > 0.4
    saturated = [(abs(shown.chosen.trace.output) > 0.9).mean() for shown in (plain, large)]
    assert saturated[1] > 0.5 > saturated[0]


def test_relu_doubles_at_every_step_until_float32_is_left():
    assert dL_dh(button("exploding", 0))[1] > 1000 * dL_dh(button("exploding", 0))[59]
    shown = button("exploding", 2)
    assert shown.steps == 200 and np.log10(dL_dh(shown)[1]) == pytest.approx(59, abs=0.5)
    assert shown.chosen.gradient.first_bad == 70 and roughly(3e38) == FLOAT32_MAX
    assert np.log2(dL_dh(shown)[50] / dL_dh(shown)[150]) == pytest.approx(100, abs=1)


def test_clipping_leaves_the_share_of_the_far_steps():
    shown = button("exploding", 1)
    assert shown.experiment.look == "clipping"
    found = clipping(shown.chosen.gradient, shown.experiment.clip, shown.chosen.around)
    assert found.factor < 0.01 and found.far_after == pytest.approx(found.far_before)
    far, near = torch.nn.Parameter(torch.zeros(3)), torch.nn.Parameter(torch.zeros(3))
    far.grad, near.grad = torch.full((3,), 1e-3), torch.full((3,), 5.0)
    share = far.grad.norm() / near.grad.norm()
    before = float(near.grad.norm())
    torch.nn.utils.clip_grad_norm_([far, near], 1.0)
    assert float(near.grad.norm()) < before and far.grad.norm() / near.grad.norm() == pytest.approx(share)


def test_a_fresh_lstm_sends_more_and_vanishes_too():
    default, one, three = (button("lstm", at) for at in range(3))
    assert {shown.steps for shown in (default, one, three)} == {50}
    assert dL_dh(default, "rnn")[1] == roughly(3e-16) and dL_dh(default)[1] == roughly(3e-11)
    assert dL_dh(default)[1] / dL_dh(default, "rnn")[1] == pytest.approx(1e5, rel=0.1)
    assert dL_dh(one)[1] == roughly(2e-6) and dL_dh(three)[1] == roughly(0.006)
    f = default.chosen.trace.layers[0].gate["f"]
    assert f.mean() == pytest.approx(0.5, abs=0.1)


def test_the_paths_through_the_gates_add_to_the_dotted_line():
    for at in range(4):
        shown = button("lstm", at)
        law = shown.chosen.law
        assert law.expected is not None and dL_dc(shown)[1] > law.expected[1]
    assert button("lstm", 0).chosen.law.factor.mean() == pytest.approx(0.5, abs=0.005)


def test_an_lstm_can_explode_through_its_gates():
    shown = button("lstm", 3)
    assert shown.steps == 150
    assert dL_dh(shown)[1] > 100 * dL_dh(shown)[149] and shown.chosen.direct[1] < 0.001


def test_the_direct_path_of_a_sum_is_level_where_f_is_1():
    level, half = button("sum", 0), button("sum", 1)
    assert level.steps == half.steps == 60 and level.experiment.cell == "lstm_no_forget"
    direct = level.chosen.direct[1:60]
    assert direct == pytest.approx(np.full(59, 0.084), abs=0.0005)
    assert dL_dc(level)[1] == pytest.approx(0.10, abs=0.005) and dL_dc(level)[59] == direct[58]
    for shown in (level, half):
        assert dL_dh(shown, "rnn")[1] == roughly(3e-19)
    assert half.chosen.direct[1] == roughly(2e-14)
    assert half.chosen.trace.layers[0].gate["f"].mean() == pytest.approx(0.5, abs=0.1)


def test_the_product_of_forget_gates_is_one_path():
    one, chrono, five = (button("paths", at) for at in range(3))
    assert {shown.steps for shown in (one, chrono, five)} == {60}
    assert dL_dc(one)[1] == roughly(6e-6) and one.chosen.direct[1] == roughly(2e-8)
    assert dL_dc(chrono)[1] == roughly(0.004) and chrono.chosen.direct[1] == roughly(0.004)
    assert 0.85 < chrono.chosen.direct[1] / dL_dc(chrono)[1] < 1.15
    assert five.experiment.keep_bias == 5
    assert five.chosen.direct[1] == pytest.approx(0.06, abs=0.005)
    assert dL_dc(five)[1] == pytest.approx(0.59, abs=0.005)
    assert five.chosen.direct[1] / dL_dc(five)[1] == pytest.approx(0.10, abs=0.005)


def test_chrono_opens_f_and_closes_i():
    gates = button("paths", 1).chosen.trace.layers[0].gate
    assert gates["f"].mean() > 0.8 and gates["i"].mean() < 0.2


def test_the_grus_bias_keeps_in_both_notations():
    default, pytorch, lecture = (button("gru", at) for at in range(3))
    assert dL_dh(default)[1] == roughly(3e-12)
    assert dL_dh(pytorch)[1] == roughly(0.03)
    layer = pytorch.chosen.trace.layers[0].in_notation("pytorch")
    assert layer.gate["z"].mean() == pytest.approx(0.95, abs=0.005)
    assert pytorch.chosen.direct[1] > 0.9 * dL_dh(pytorch)[1]
    assert np.array_equal(dL_dh(pytorch), dL_dh(lecture))
    assert pytorch.experiment.keep_bias == lecture.experiment.keep_bias == 3
    assert np.array_equal(dL_dh(lecture, "lstm"), dL_dh(pytorch, "lstm"))


def test_training_revives_the_gated_cells():
    before, after = button("training", 0), button("training", 1)
    assert (before.experiment.moment, after.experiment.moment) == (0, LAST_MOMENT)
    assert before.steps == after.steps == 40
    for key in ("rnn", "lstm", "gru"):
        assert dL_dh(before, key)[1] < 1e-6 * dL_dh(before, key)[40]
    assert dL_dc(before)[1] < 1e-6 * dL_dc(before)[40]
    assert dL_dc(after)[1] > 0.9 * dL_dc(after)[40]
    assert dL_dh(after, "gru")[1] > 0.01 * dL_dh(after, "gru")[40]
    assert dL_dh(after, "rnn")[1] < 1e-10 * dL_dh(after, "rnn")[40]
    for key, passed in (("rnn", False), ("lstm", True), ("gru", True)):
        fit = learned_once(replace(after.experiment, cell=key).model_part()).fit
        assert fit is not None and fit.passed == passed


def test_the_start_keeps_the_gradient_and_relu_alone_does_not():
    default, identity, long, larger = (button("relu", at) for at in range(4))
    assert dL_dh(default)[1] == roughly(2e-25) and dL_dh(default, "rnn")[1] == roughly(3e-19)
    assert dL_dh(identity, "rnn")[1] > 0.8 * dL_dh(identity, "rnn")[59]
    assert dL_dh(long)[[199, 1]] == pytest.approx((0.53, 0.40), abs=0.005)
    assert (default.steps, long.steps, larger.steps) == (60, 200, 60)
    assert dL_dh(larger)[1] == roughly(2e4)
    assert dL_dh(larger, "rnn")[1] < 1  # tanh holds it back


def test_what_lies_beyond_the_border_is_nothing_in_the_rnn_and_something_in_the_lstm():
    rnn, lstm = button("truncation", 0), button("truncation", 1)
    assert rnn.experiment.step == lstm.experiment.step == 39 == 59 - 20
    assert dL_dh(rnn)[39] == roughly(2e-7) and dL_dh(lstm)[39] == roughly(0.008)


def test_chunks_leave_a_staircase_and_a_window_a_band():
    rnn, lstm = button("truncation", 0), button("truncation", 2)
    assert (lstm.experiment.look, lstm.experiment.window) == ("truncation", 20)
    kept = []
    for shown in (rnn, lstm):
        found = truncation(shown.chosen.trace.layers[0], shown.chosen.entering, shown=20)
        t, k = np.ogrid[:60, :60]
        assert np.array_equal(found.disjoint.mask, (k <= t) & (t // 20 == k // 20))
        assert np.array_equal(found.sliding.mask, (k <= t) & (t - k < 20))
        kept.append(found.sliding.ratio[found.windows.tolist().index(20)])
    assert kept[0] == pytest.approx(1, abs=1e-6) and kept[1] < 0.99


def test_the_state_goes_on_across_the_border():
    layer = button("truncation", 1).chosen.trace.layers[0]
    rest = run_layer(layer.cell, layer.weights, layer.x[39:], (layer.h[39], layer.c[39]))
    assert np.allclose(rest.h[1:], layer.h[40:])


def test_a_saturated_tanh_remembers_and_passes_no_gradient():
    shown = button("forgetting", 0)
    assert dL_dh(shown)[1] < 1e-70 < 1e-3 < dL_dh(shown)[59]
    h = shown.chosen.trace.layers[0].h
    assert h.shape[1] == 16 and shown.steps == 60
    assert (np.sign(h[1:]) == np.sign(h[1])).all() and (abs(h[60]) > 0.99).all()
