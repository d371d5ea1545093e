"""Data forward and derivatives backward: what passes along each arrow against autograd, and the drawing."""

import numpy as np
import pytest
import torch
from torch import nn

from explorer import CELLS
from explorer.figures.arrows import BACK, DATA, MOST, arrows_figure, short
from explorer.figures.drawing import drawn
from explorer.figures.palette import HUES
from explorer.i18n import LANGUAGES, t
from explorer.lab.arrows import Arrows, arrows
from explorer.lab.flow import CellFlow
from tests.lab.test_flow import flow_of


def of(**fields) -> tuple[CellFlow, Arrows]:
    found = flow_of(weights="untrained", text="a b c d e f", **fields).chosen
    return found, arrows(found)


@pytest.mark.parametrize("loss", ["last_step", "each_step"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_what_passes_along_an_arrow_is_what_autograd_finds(cell, loss):
    flow, found = of(cell=cell, loss=loss, hidden=5)
    layer = flow.trace.layers[0].in_notation("pytorch")
    step = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}[cell](layer.x.shape[1], 5).double()
    weights = layer.weights
    own = (weights.w_ih, weights.w_hh, weights.b_ih, weights.b_hh)
    for parameter, array in zip(step.parameters(), own, strict=True):
        parameter.data = torch.tensor(array)
    x = torch.tensor(np.array(layer.x), requires_grad=True)
    state, seen, summed = None, [], torch.zeros(())
    for k, x_k in enumerate(x):
        state = step(x_k[None], state)
        h = state[0] if cell == "lstm" else state
        h.retain_grad()
        seen.append(h)
        summed = summed + h[0] @ torch.tensor(flow.entering[k])
    summed.backward()
    grads = np.array([np.zeros(5) if h.grad is None else h.grad[0].numpy() for h in seen])
    np.testing.assert_allclose(found.state[1:], [h.detach().norm() for h in seen], rtol=1e-12)
    np.testing.assert_allclose(found.back[1:], np.linalg.norm(grads - flow.entering, axis=1), atol=1e-12)
    np.testing.assert_allclose(found.to_input, x.grad.norm(dim=1), atol=1e-12)
    assert found.weights == pytest.approx(float(step.weight_hh.grad.norm()), rel=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_a_network_is_feed_forward_where_no_step_needs_the_one_before(cell):
    _, found = of(cell=cell, init="identity_u", gain=0.0)
    assert found.carried != CELLS[cell].plain
    assert of(cell=cell)[1].carried


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_arrow_is_drawn_once_and_a_derivative_of_0_not_at_all(lang):
    flow, found = of(cell="rnn")
    figure = arrows_figure(found, flow.trace.tokens, 1, lang)
    by_hue = dict.fromkeys((DATA, BACK), 0)
    for arrow in (a for a in figure.layout.annotations if a.showarrow):
        by_hue[DATA if arrow.arrowcolor == HUES["light"][DATA] else BACK] += 1
    steps = found.steps
    assert by_hue == {DATA: 3 * steps - 1, BACK: 1 + (steps - 2) + (steps - 1)}  # one loss, at step T - 1
    assert {trace.name for trace in figure.data} == {t("arrows.data", lang), t("arrows.derivatives", lang)}
    assert short(found.own[steps - 2]) in {a.text for a in figure.layout.annotations}


def test_of_a_long_run_the_end_is_drawn():
    assert drawn(range(1, 7), MOST) == [1, 2, 3, 4, 5, 6]
    assert drawn(range(1, 41), MOST) == [1, None, 37, 38, 39, 40]
