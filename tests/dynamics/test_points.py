"""Fixed points against SciPy's roots, hand-made cases, and what Brouwer's degree demands."""

from itertools import product

import numpy as np
import pytest
import torch
from scipy.optimize import brentq, root
from threadpoolctl import threadpool_info, threadpool_limits

from explorer import CELLS, fixed_points
from explorer.cells import LayerWeights
from explorer.dynamics.points import EXACT
from explorer.dynamics.recurrence import Recurrence
from tests.helpers import normal, random_weights


def one_unit(weight: float, bias: float = 0.0) -> Recurrence:
    """h = tanh(weight h + bias)."""
    weights = LayerWeights(("h",), np.zeros((1, 1)), np.array([[weight]]), np.array([bias]), np.zeros(1))
    return Recurrence(CELLS["rnn"], (weights,), np.zeros(1))


def test_a_memory_is_born_at_weight_one():
    line = np.linspace(-1, 1, 9)[:, None]
    alone = fixed_points(one_unit(0.9), starts=line)
    assert alone.counts == {0: 1} and np.abs(alone.states).max() < 1e-9
    found = fixed_points(one_unit(2.0), starts=line)
    high = brentq(lambda h: np.tanh(2 * h) - h, 0.5, 1.0, xtol=1e-15)
    assert found.counts == {0: 2, 1: 1}
    assert np.allclose(found.states[:, 0], [-high, high, 0.0], atol=1e-9)
    assert np.allclose(found.eigenvalues[:, 0].real, [2 * (1 - high**2)] * 2 + [2.0])
    assert np.allclose(found.half_lives[2], 1.0)  # doubles in one step
    assert np.allclose(np.abs(found.directions[2]), 1.0) and not found.directions[0].size
    assert found.index == 1 and found.bounded
    assert len(found.pace) and not len(found.restless)


def filling(f: float, written: float) -> Recurrence:
    """A unit of an LSTM: c = f c + written, whatever h is."""
    spec = CELLS["lstm"]
    zero = {name: np.zeros(shape) for name, shape in spec.shapes(1, 1).items()}
    weights = spec.weights(zero)
    for block, bias in (("f", np.log(f / (1 - f))), ("i", 30.0), ("g", np.arctanh(written))):
        zero["bias_ih"][weights.rows(block)] = bias
    return Recurrence(spec, (spec.weights(zero),), np.zeros(1))


def test_a_cell_state_that_fills_for_thousands_of_steps_is_found_where_it_would_end():
    f, written, start = 0.9997, 0.5, np.array([[0.0, 1.0], [0.0, 2.0]])
    found = fixed_points(filling(f, written), starts=start)
    end = written / (1 - f)
    assert found.counts == {0: 1} and found.states[0, 1] == pytest.approx(end) and end > 1_600
    left = (end - start[:, 1]) * f**1_000
    assert np.allclose(found.pace, left * (1 - f)) and len(found.restless) == 2
    assert found.half_lives[0, 0] == pytest.approx(np.log(0.5) / np.log(f))


def test_what_would_fill_beyond_all_bounds_is_not_called_a_point():
    found = fixed_points(filling(1 - 1e-6, 0.5), starts=np.array([[0.0, 1.0]]))  # it would end at 500,000
    assert not len(found) and np.allclose(found.restless, 0.5, atol=1e-2)


def test_a_map_that_leads_everything_out_of_bounds_has_no_point_and_says_so():
    net = torch.nn.RNN(1, 3, nonlinearity="relu")
    for name, weight in net.named_parameters():
        torch.nn.init.constant_(weight, 2.0 if name == "weight_hh_l0" else 1.0)
    found = fixed_points(net, starts=np.eye(3))
    assert not len(found) and np.isinf(found.restless).all() and len(found.restless) == 3


def test_numpy_solves_in_one_thread_and_then_in_as_many_as_before(monkeypatch):
    def threads() -> set[int]:
        return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}

    seen, solve = set(), np.linalg.solve
    monkeypatch.setattr(np.linalg, "solve", lambda *a: (seen.update(threads()), solve(*a))[1])
    with threadpool_limits(2, "blas"):
        before = threads()
        fixed_points(one_unit(2.0), starts=np.array([[0.5]]), rounds=0)
        assert (seen, threads()) == ({1}, before) and before != {1}


def test_a_memory_that_no_start_came_to_is_found_where_it_completes_a_parallelogram():
    """Three units that do not hear each other hold eight memories; the search begins at seven of them."""
    weights = LayerWeights(("h",), np.zeros((3, 1)), 2.0 * np.eye(3), np.array([0.1, 0.0, -0.1]), np.zeros(3))
    corners = np.array(list(product((-0.9, 0.9), repeat=3)))
    found = fixed_points(Recurrence(CELLS["rnn"], (weights,), np.zeros(1)), starts=corners[:-1])
    assert found.counts == {0: 8, 1: 12, 2: 6, 3: 1} and found.index == 1


def test_a_ghost_is_a_slow_point_not_a_fixed_one():
    """Just past the end of a memory the state still lingers where the memory was."""
    edge = np.sqrt(0.5)  # where the slope of tanh(2 h + b) on the diagonal is 1
    last = 2.0 * edge - np.arctanh(edge)  # the bias at which the upper memory ends is minus this
    found = fixed_points(one_unit(2.0, -last - 1e-4), starts=np.linspace(-1, 1, 9)[:, None])
    slow = found.states[~found.exact]
    assert found.counts == {0: 1} and len(slow) == 1
    assert EXACT < found.speed[~found.exact][0] < 1e-7
    assert abs(slow[0, 0] - edge) < 1e-2
    assert found.index == 1  # the memory and the saddle met, and both are gone


@pytest.mark.parametrize("key", ["rnn", "lstm", "gru", "gru_reset_before"])
def test_every_root_that_scipy_finds_is_found(key: str):
    rng = np.random.default_rng(3)
    weights = random_weights(key, 2, 4, rng).map(lambda a: 0.7 * a)
    F = Recurrence(CELLS[key], (weights,), normal(rng, 2))
    found = fixed_points(F, starts=2.0 * normal(rng, 64, F.size), rounds=3)
    assert found.exact.any() and (found.speed[found.exact] < EXACT).all()
    searches = [root(lambda s: F.step(s[None])[0] - s, start) for start in normal(rng, 40, F.size)]
    roots = [of.x for of in searches if np.abs(F.step(of.x[None])[0] - of.x).max() < 1e-10]
    near = [point for point in roots if np.abs(point).max() < 4.0]  # further out all gates are shut
    assert near
    for point in near:
        assert np.abs(found.states[found.exact] - point).max(-1).min() < 1e-6
    assert found.index == 1


def test_eigenvalues_and_directions_are_those_of_the_jacobian():
    turn = np.array([[0.0, -1.5], [1.5, 0.0]])
    weights = LayerWeights(("h",), np.zeros((2, 1)), turn, np.zeros(2), np.zeros(2))
    found = fixed_points(Recurrence(CELLS["rnn"], (weights,), np.zeros(1)), starts=np.full((1, 2), 0.1))
    assert len(found) == 1 and found.unstable.tolist() == [2]
    assert np.allclose(np.abs(found.eigenvalues[0]), 1.5)
    assert np.allclose(found.directions[0] @ found.directions[0].T, np.eye(2))
    assert found.index == 1  # a pair that turns changes no sign


def test_no_rest_is_said_and_no_state_gives_no_point():
    """h = relu(h + 1) goes on for ever: nothing is fixed, nothing is slow."""
    weights = LayerWeights(("h",), np.zeros((1, 1)), np.eye(1), np.ones(1), np.zeros(1))
    F = Recurrence(CELLS["rnn_relu"], (weights,), np.zeros(1))
    found = fixed_points(F, starts=np.array([[0.5], [np.inf]]))
    assert len(found) == 0 and found.starts == found.lost > 0 and found.restless.tolist() == [1.0]
    assert found.counts == {} and found.directions == () and not found.bounded


def test_a_module_is_searched_from_where_random_inputs_lead_it():
    torch.manual_seed(0)
    found = fixed_points(torch.nn.LSTM(3, 5))
    assert found.starts >= 128 and found.counts == {0: 1}  # a fresh network remembers nothing


def test_the_same_search_finds_the_same_bits():
    torch.manual_seed(1)
    module = torch.nn.GRU(2, 6)
    a, b = fixed_points(module), fixed_points(module)
    assert np.array_equal(a.states, b.states)
