"""A flow: the experiment's gradient, beside those of the compared cells, and its figures."""

import copy
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from explorer import inspect_file
from explorer.experiment import LAST_MOMENT, Display, Experiment
from explorer.figures.flow import MARGIN, losses_figure, paths_figure, total_figure, triangle_figure
from explorer.formats.networks import networks_in
from explorer.gradients.bptt import jacobians
from explorer.gradients.sizes import clipping
from explorer.i18n import t
from explorer.lab.flow import Flow, compared, direct_gradients, flow, forward, left_out, nudged
from explorer.lab.learned import inputs
from explorer.lab.own import own
from explorer.stage.payload import build_flow, header_of
from tests.helpers import learned_once, number_model


def flow_of(**fields) -> Flow:
    experiment = Experiment(**fields)
    learned = {
        cell: learned_once(replace(experiment, cell=cell).model_part()) for cell in compared(experiment.cell)
    }
    return flow(experiment, learned)


def test_the_chosen_cell_comes_first_and_the_three_are_there_once():
    assert compared("gru") == ("gru", "rnn", "lstm")
    assert compared("lstm_peephole") == ("lstm_peephole", "rnn", "lstm", "gru")


def test_a_loss_at_the_last_step_is_the_last_row_of_the_triangle():
    found = flow_of(weights="untrained", stretch=12).chosen
    assert found.loss_step == 11  # nothing follows the last token
    np.testing.assert_allclose(found.total[:12], found.each.norm[10, :12], rtol=1e-12)


def test_a_loss_at_every_step_sums_vectors_of_all_rows():
    found = flow_of(weights="untrained", stretch=12, loss="each_step").chosen
    assert found.total[3] <= np.nansum(found.each.norm[:, 3]) + 1e-12
    assert found.total[3] != pytest.approx(found.each.norm[10, 3])


def test_a_chosen_loss_step_is_kept_and_one_past_the_end_falls_to_the_last():
    assert flow_of(weights="untrained", stretch=12, loss_at=5).chosen.loss_step == 5
    assert flow_of(weights="untrained", stretch=12, loss_at=99).chosen.loss_step == 11


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_chain_is_the_size_of_the_product_of_jacobians(cell):
    found = flow_of(cell=cell, weights="untrained", stretch=9, hidden=6)
    product = np.eye(12 if cell == "lstm" else 6)
    for J in jacobians(found.chosen.trace.layers[0], 4, 7):
        product = J @ product
    main = product[-6:, -6:]
    assert found.chain[6, 3] == pytest.approx(np.linalg.norm(main) / np.sqrt(6), rel=1e-12)
    assert found.chain[6, 7] == pytest.approx(1.0)
    assert np.isnan(found.chain[6, 8])


def test_inputs_are_scaled():
    plain, loud = (flow_of(weights="untrained", input_scale=scale) for scale in (1.0, 3.0))
    np.testing.assert_allclose(loud.chosen.trace.x, 3.0 * plain.chosen.trace.x)


def test_training_brings_the_gradient_of_marked_numbers_to_life():
    experiment = Experiment(weights="marked", hidden=16)
    learned = {"lstm": learned_once(experiment.model_part())}
    start, end = (flow(replace(experiment, moment=moment), learned).chosen for moment in (0, LAST_MOMENT))
    assert end.gradient.layers[0].total_norm_c[0] > 100 * start.gradient.layers[0].total_norm_c[0]


def test_one_word_has_no_loss_and_is_said():
    found = flow_of(text="a", weights="untrained")
    assert found.chosen.loss_step is None
    assert nudged(found.chosen, 1) is None
    assert ("no_loss", {}) in found.problems


@pytest.mark.parametrize("unit", [0, 3])
def test_a_small_push_changes_the_loss_as_the_gradient_says(unit):
    found = nudged(flow_of(weights="untrained", stretch=8).chosen, 4, unit)
    near = np.abs(found.epsilon) < 2e-3
    np.testing.assert_allclose(found.true[near], found.line[near], rtol=0.02, atol=1e-9)


# The law


@pytest.mark.parametrize("cell", ["rnn", "rnn_relu"])
@pytest.mark.parametrize("gain", [0.5, 1.0, 2.0])
def test_no_gradient_of_a_plain_rnn_passes_its_bound(cell, gain):
    found = flow_of(cell=cell, weights="untrained", init="orthogonal", gain=gain, stretch=30).chosen
    assert found.law.bound and found.law.factor == pytest.approx([gain])
    expected, total = found.law.expected, found.total
    np.testing.assert_allclose(expected[:30] / total[29], gain ** np.arange(29.0, -1.0, -1.0), rtol=1e-4)
    assert (total[:30] <= expected[:30] * (1 + 1e-9)).all() and np.isnan(expected[30])


@pytest.mark.parametrize("bias", ["fixed", "chrono"])
@pytest.mark.parametrize("cell", ["lstm", "lstm_peephole", "lstm_coupled", "gru", "gru_reset_before"])
def test_at_x_and_h_0_the_law_of_the_keeping_gate_is_what_passes_all_gates(cell, bias):
    found = flow_of(
        cell=cell,
        weights="untrained",
        init="orthogonal",
        bias=bias,
        keep_bias=2.0,
        input_scale=0.0,
        stretch=30,
    ).chosen
    assert not found.trace.output.any() and not found.law.bound
    np.testing.assert_allclose(found.law.expected[1:30], found.direct[1:30], rtol=1e-6)
    if bias == "fixed":
        np.testing.assert_allclose(found.law.factor, 1 / (1 + np.exp(-2.0)), rtol=1e-6)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_law_adds_both_biases_of_the_keeping_gate(cell):
    found = flow_of(cell=cell, weights="untrained", seed=2).chosen
    weights, rows = found.trace.layers[0].weights, slice(16, 32)  # f of i f g o, z of r z n
    assert abs(weights.b_ih[rows]).max() > 0.01 and abs(weights.b_hh[rows]).max() > 0.01
    expected = 1 / (1 + np.exp(-(weights.b_ih[rows] + weights.b_hh[rows])))
    np.testing.assert_allclose(found.law.factor, expected, rtol=1e-12)


def test_the_bound_of_a_plain_rnn_is_its_largest_singular_value():
    found = flow_of(cell="rnn", weights="untrained").chosen
    singular = np.linalg.svd(found.trace.layers[0].weights.w_hh, compute_uv=False)
    assert np.ptp(singular) > 0.5
    assert found.law.factor == pytest.approx([singular.max()])


def test_a_number_sends_back_the_slope_of_its_squared_error():
    model = number_model("gru", H=3)
    run = forward(model, np.ones((4, 2)))
    dL_dh, loss = direct_gradients(run, 0.3)
    h = torch.tensor(run.output[-1].copy(), requires_grad=True)
    (model.readout(h)[0] - 0.3).square().backward()
    assert loss[-1] == pytest.approx((run.logits[-1, 0] - 0.3) ** 2)
    np.testing.assert_allclose(dL_dh[-1], h.grad, rtol=1e-12)
    assert not dL_dh[:-1].any() and np.isnan(loss[:-1]).all()


def test_the_law_starts_at_the_cells_own_gradient_at_the_loss():
    found = flow_of(weights="untrained", stretch=20, loss_at=12)
    lstm, rnn, gru = found.cells
    assert lstm.law.expected[12] == pytest.approx(lstm.gradient.layers[0].total_norm_c[12])
    for cell in (rnn, gru):
        assert cell.law.expected[12] == pytest.approx(cell.total[12])
    assert all(np.isnan(cell.law.expected[13:]).all() for cell in found.cells)


def test_a_cell_without_a_forget_gate_should_keep_everything():
    found = flow_of(cell="lstm_no_forget", weights="untrained", stretch=20)
    assert np.ptp(found.chosen.law.expected[:20]) < 1e-12
    assert header_of(build_flow(found, Display("en")))["decays"][0].endswith("Law: 1.".replace(" ", "\xa0"))


def test_a_sum_of_losses_has_no_law_to_draw():
    found = flow_of(weights="untrained", stretch=12, loss="each_step")
    assert all(cell.law.expected is None for cell in found.cells)
    assert not [trace for trace in total_figure(found, Display("en")).data if "law" in trace.meta]
    assert flow_of(text="a", weights="untrained").chosen.law.expected is None


def test_each_cells_law_is_dotted_in_its_hue_and_leaves_room_for_what_is():
    found = flow_of(cell="rnn", weights="untrained", init="orthogonal", gain=4.0, stretch=120, hidden=8)
    drawn = total_figure(found, Display("en"))
    laws = {trace.meta["law"]: trace for trace in drawn.data if "law" in trace.meta}
    assert set(laws) == {"rnn", "lstm", "gru"} and {trace.line.dash for trace in laws.values()} == {"dot"}
    assert drawn.layout.meta["law"] == t("flow.law", "en")
    what_is = np.log10(np.concatenate([trace.y[:120] for trace in drawn.data if "law" not in trace.meta]))
    law = np.log10(np.nanmax(laws["rnn"].y))
    low, high = drawn.layout.yaxis.range
    room = 0.05 * (np.ptp(what_is) + 2 * MARGIN)
    assert law > what_is.max() + 10 and what_is.max() < high < what_is.max() + MARGIN + room
    assert what_is.min() - MARGIN - room < low < what_is.min()


def test_values_of_one_power_of_ten_have_more_than_one_tick_among_them():
    drawn = total_figure(flow_of(weights="untrained", stretch=20, loss="each_step"), Display("en"))
    values = np.concatenate([np.asarray(trace.y, float) for trace in drawn.data])
    ticks = {
        float(text): at
        for text, at in zip(*(drawn.layout.yaxis[k] for k in ("ticktext", "tickvals")), strict=True)
    }
    assert np.allclose(list(ticks), list(ticks.values()))
    assert sum(np.nanmin(values) <= at <= np.nanmax(values) for at in ticks) >= 3


BIAS = "<i>b</i><sub>z</sub>"


@pytest.mark.parametrize(
    "lang, keep, power",
    [("ko", f"1−σ({BIAS})", f"(1−σ({BIAS}))ᵗ⁻ᵏ"), ("en", f"σ({BIAS})", f"σ({BIAS})ᵗ⁻ᵏ")],
)
def test_the_law_is_said_with_its_number_in_the_readers_notation(lang, keep, power):
    found = flow_of(cell="gru", weights="untrained", init="orthogonal", gain=1.5)
    gru, rnn, lstm = (
        text.replace("\xa0", " ")
        for text in header_of(build_flow(found, Experiment().display(lang)))["decays"]
    )
    assert (
        f"{keep} = 0.5." in gru
        and "σ(<i>b</i><sub>f</sub>) = 0.5." in lstm
        and "≤ σ<sub>max</sub>(<i>W</i><sub>hh</sub>) = 1.5." in rnn
    )
    names = [trace.name for trace in total_figure(found, Experiment().display(lang)).data]
    assert f"{t('cell.gru', lang)} {power}" in names


def test_the_stage_gets_every_line_as_numbers():
    """Plotly's JSON has arrays in base64; the stage's readout takes numbers."""
    lines = header_of(build_flow(flow_of(weights="untrained"), Display("en")))["runs"][0]["lines"]
    drawn = [trace["y"] for figure in lines for trace in figure["data"]]
    assert drawn and all(set(y) == {"array"} if isinstance(y, dict) else isinstance(y, list) for y in drawn)


def test_units_with_biases_of_their_own_give_the_law_a_range():
    text = header_of(build_flow(flow_of(bias="chrono", weights="untrained"), Display("en")))["decays"][0]
    factor = flow_of(bias="chrono", weights="untrained").chosen.law.factor
    assert f"{factor.min():.3g} … {factor.max():.3g}.".replace(" ", "\xa0") in text


@pytest.mark.parametrize(
    "change", [{"clamp": "f"}, {"zero": 2}, {"swap": 1, "swap_with": "a"}, {"carry": "h"}]
)
def test_changes_of_the_first_page_are_said_to_be_left_out(change):
    assert left_out(Experiment(**change)) == (("unchanged", {}),)
    assert left_out(Experiment(clamp_value=0.5, swap=1)) == ()


@pytest.mark.parametrize("lang", ["ko", "en"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_are_drawn_for_an_explosion_too(lang, theme):
    found = flow_of(cell="rnn_relu", init="identity", gain=9.0, weights="untrained", stretch=200, seed=1)
    for figure in (triangle_figure, total_figure, paths_figure, losses_figure):
        drawn = figure(found, Display(lang, theme=theme))
        assert drawn.data
        assert drawn.layout.meta["columns"] == 201


@pytest.mark.parametrize("lang, name", [("ko", "(1−z)"), ("en", "z")])
def test_the_straight_path_of_a_gru_is_named_in_the_readers_notation(lang, name):
    drawn = paths_figure(flow_of(cell="gru", weights="untrained"), Experiment().display(lang))
    names = [trace.name for trace in drawn.data if trace.name]
    assert t("flow.direct", lang, gate=name) in names


def test_the_same_experiment_gives_the_same_bits():
    first = flow_of(seed=3, stretch=10)
    learned_once.cache_clear()
    second = flow_of(seed=3, stretch=10)
    assert np.array_equal(first.chosen.each.norm, second.chosen.each.norm, equal_nan=True)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "lstm_peephole"])
@pytest.mark.parametrize("loss", ["last_step", "each_step"])
def test_the_clipping_factor_is_that_of_clip_grad_norm_over_the_whole_network(cell, loss):
    experiment = Experiment(cell=cell, weights="untrained", loss=loss, stretch=9, init="orthogonal", gain=2.0)
    model = copy.deepcopy(learned_once(experiment.model_part()).at(LAST_MOMENT))
    ids = torch.tensor(model.encode(inputs(experiment, model, length=9).x))
    losses = torch.nn.functional.cross_entropy(model(ids[:, None])[:-1, 0], ids[1:], reduction="none")
    (losses.sum() if loss == "each_step" else losses[-1]).backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 0.01)
    chosen = flow_of(**asdict(experiment)).chosen
    found = clipping(chosen.gradient, 0.01, chosen.around)
    assert found.norm == pytest.approx(float(norm), rel=1e-12)
    assert found.factor == pytest.approx(0.01 / (float(norm) + 1e-6), rel=1e-12)
    assert clipping(chosen.gradient, 0.01).norm < 0.999 * found.norm


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_the_clipping_factor_of_a_number_to_reach_is_that_of_clip_grad_norm_(cell):
    experiment = Experiment(cell=cell, weights="marked", hidden=8, moment=0)
    learned = learned_once(experiment.model_part())
    model = copy.deepcopy(learned.at(0))
    given = inputs(experiment, model)
    (model(torch.tensor(given.x)[:, None])[-1, 0, 0] - given.target).square().backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    chosen = flow(experiment, {cell: learned}).chosen
    assert clipping(chosen.gradient, 1.0, chosen.around).norm == pytest.approx(float(norm), rel=1e-9)


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_beside_curves_of_all_losses_the_rate_says_that_it_is_of_one(lang):
    for loss, alone in (("each_step", True), ("last_step", False)):
        found = flow_of(cell="rnn", weights="untrained", stretch=20, loss=loss)
        lines = header_of(build_flow(found, Display(lang)))["decays"]
        says = t("flow.alone", lang, step=19)
        assert all((says in line) == alone for line in lines)


def test_a_second_network_of_a_file_is_differentiated_beside_the_first_as_it_is_alone(tmp_path):
    learned, x = [], np.random.default_rng(0).normal(size=(6, 3))
    for seed, H in ((0, 4), (1, 5)):
        torch.manual_seed(seed)
        torch.save(torch.nn.GRU(3, H, bidirectional=not seed).state_dict(), tmp_path / "a.pt")
        learned.append(own(networks_in(inspect_file((tmp_path / "a.pt").read_bytes()))[0], numbers=x))
    asked = Experiment(weights="model", model="own-1", cell="gru")
    both = flow(asked, {"gru": learned[0]}, learned[1], ("one", "two"))
    alone = flow(asked, {"gru": learned[1]})
    assert [cell.title for cell in both.cells] == ["one", "two"] and both.beside is both.cells[1]
    np.testing.assert_array_equal(both.cells[1].each.norm, alone.cells[0].each.norm)
    names = {trace["name"] for trace in total_figure.sketch(both, Display("en")).data}
    assert {"one · GRU (reset after product) h", "two · GRU (reset after product) h"} <= names
    other_way = flow(replace(asked, way="backward"), {"gru": learned[0]}, learned[1], ("one", "two"))
    assert len(other_way.cells) == 1 and ("beside_one_way", {}) in other_way.problems
