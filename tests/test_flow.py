"""A flow: the experiment's gradient, beside those of the compared cells, and its figures."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from explorer.experiment import END, Experiment
from explorer.figures.flow import losses_figure, paths_figure, total_figure, triangle_figure
from explorer.flow import Flow, compared, flow, nudged
from explorer.gradients import jacobians
from explorer.i18n import t
from explorer.learned import learn


def flow_of(**fields) -> Flow:
    experiment = Experiment(**fields)
    learned = {
        cell: learned_once(replace(experiment, cell=cell).model_part()) for cell in compared(experiment.cell)
    }
    return flow(experiment, learned)


learned_once = cache(learn)


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
    start, end = (flow_of(weights="marked", hidden=32, moment=moment).chosen for moment in (0, END))
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


@pytest.mark.parametrize("lang", ["ko", "en"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_are_drawn_for_an_explosion_too(lang, theme):
    found = flow_of(cell="rnn_relu", init="identity", gain=9.0, weights="untrained", stretch=200, seed=1)
    for figure in (triangle_figure, total_figure, paths_figure, losses_figure):
        drawn = figure(found, lang, theme)
        assert drawn.data
        assert drawn.layout.meta["columns"] == 201


@pytest.mark.parametrize("lang, name", [("ko", "(1−z)"), ("en", "z")])
def test_the_straight_path_of_a_gru_is_named_in_the_readers_notation(lang, name):
    drawn = paths_figure(flow_of(cell="gru", weights="untrained"), lang)
    names = [trace.name for trace in drawn.data if trace.name]
    assert t("flow.direct", lang, gate=name) in names


def test_the_same_experiment_gives_the_same_bits():
    first = flow_of(seed=3, stretch=10)
    learned_once.cache_clear()
    second = flow_of(seed=3, stretch=10)
    assert np.array_equal(first.chosen.each.norm, second.chosen.each.norm, equal_nan=True)
