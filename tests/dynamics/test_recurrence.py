"""A layer under a constant input against the modules and autograd."""

import numpy as np
import pytest
import torch

from explorer import CELLS, trace
from explorer.dynamics.recurrence import Recurrence, held, states_of
from tests.helpers import EVERY, normal, random_weights, word_model


@pytest.mark.parametrize("key", EVERY)
def test_the_jacobian_is_that_of_differences(key: str):
    rng = np.random.default_rng(1)
    F = Recurrence(CELLS[key], (random_weights(key, 3, 5, rng),), normal(rng, 3))
    s = normal(rng, 4, F.size)
    J = F.jacobian(s)
    for j in range(F.size):
        push = 1e-6 * np.eye(F.size)[j]
        by_difference = (F.step(s + push) - F.step(s - push)) / 2e-6
        assert np.abs(J[..., j] - by_difference).max() < 1e-7


@pytest.mark.parametrize("module", [torch.nn.RNN, torch.nn.LSTM, torch.nn.GRU])
def test_a_stack_steps_as_the_module_does_and_its_jacobian_is_autograds(module: type):
    torch.manual_seed(0)
    layers = module(3, 4, num_layers=2).double()
    x = torch.randn(3, dtype=torch.float64)
    F = held(layers, x.numpy())

    def step(s: torch.Tensor) -> torch.Tensor:
        parts = s.reshape(2, -1, 4)  # layer, state, unit
        states = tuple(parts[:, k, None].contiguous() for k in range(parts.shape[1]))
        after = layers(x[None, None], states if len(states) == 2 else states[0])[1]
        rows = torch.stack(after if isinstance(after, tuple) else (after,), 1)
        return rows[:, :, 0].reshape(-1)

    s = torch.randn(F.size, dtype=torch.float64)
    own, J = F.step_and_jacobian(s.numpy()[None])
    assert np.abs(own[0] - step(s).detach().numpy()).max() < 1e-14
    assert np.abs(J[0] - torch.autograd.functional.jacobian(step, s).numpy()).max() < 1e-14


def test_a_runs_states_are_the_steps_of_the_map():
    layers = torch.nn.LSTM(2, 3, num_layers=2).double()
    x = np.ones((4, 2))
    rows = states_of(trace(layers, x).layers)
    assert np.abs(held(layers, x[0]).step(rows[:-1]) - rows[1:]).max() < 1e-15


def test_a_token_is_its_embedding():
    model = word_model("gru", ("a", "b", "c"))
    token = model.vocabulary[1]
    assert np.array_equal(held(model, token).x, model.embed([token])[0])
    assert not held(model).x.any()


def test_what_has_no_map_is_refused():
    with pytest.raises(ValueError, match="both directions"):
        held(torch.nn.GRU(2, 3, bidirectional=True))
    with pytest.raises(ValueError, match="constant input"):
        held(torch.nn.GRU(2, 3), np.zeros(3))
    with pytest.raises(TypeError):
        held(torch.nn.Linear(2, 3))
