"""Lyapunov exponents against products of autograd's Jacobians and cases that can be done by hand."""

import numpy as np
import torch

from explorer import bptt, lyapunov, trace
from explorer.cells import LayerWeights
from explorer.gradients.bptt import jacobians
from explorer.nn.tracing import run_layer


def test_a_rotation_grows_by_its_gain():
    turn = 1.1 * np.array([[0.6, -0.8], [0.8, 0.6]])
    weights = LayerWeights(("h",), np.zeros((2, 1)), turn)
    layer = run_layer("rnn", weights, np.zeros((30, 1)), (np.full(2, 1e-9),))
    found = lyapunov(layer, 2)
    assert np.allclose(found.exponents, np.log(1.1), atol=1e-9)
    assert np.allclose(found.growth[:, 0], np.log(1.1) * np.arange(1, 31), atol=1e-9)


def test_all_exponents_sum_to_the_volumes_growth():
    torch.manual_seed(0)
    run = trace(torch.nn.LSTM(3, 4).double(), torch.randn(40, 3, dtype=torch.float64))
    found = lyapunov(run, 8)
    volume = sum(np.linalg.slogdet(J)[1] for J in jacobians(run.layers[0]))
    assert np.isclose(found.exponents.sum(), volume / 40)
    assert (np.diff(found.exponents) <= 1e-9).all()


def test_the_gradient_grows_at_the_largest_exponent():
    """One matrix seen from both sides: forward for neighbours, transposed for the gradient."""
    torch.manual_seed(0)
    module = torch.nn.RNN(2, 32, bias=False).double()
    with torch.no_grad():
        module.weight_hh_l0.normal_(0.0, 2.0 / np.sqrt(32))
    run = trace(
        module, torch.zeros(400, 2, dtype=torch.float64), 0.1 * torch.ones(1, 32, dtype=torch.float64)
    )
    largest = lyapunov(run).largest
    entering = np.zeros((400, 32))
    entering[-1] = 1.0
    norms = bptt(run, entering).total_norm
    backward = np.log(norms[0] / norms[-1]) / 400
    assert largest > 0.05  # chaos
    assert abs(largest - backward) < 0.02


def test_a_run_that_leaves_the_numbers_has_no_exponent_from_there_on():
    weights = LayerWeights(("h",), np.zeros((2, 1)), 1e200 * np.array([[1.0, -1.0], [1.0, 1.0]]))
    layer = run_layer("rnn_relu", weights, np.zeros((5, 1)), (np.array([1.0, 0.5]),))
    growth = lyapunov(layer).growth[:, 0]
    assert np.isfinite(growth[0]) and np.isnan(growth[-1])
