"""The cube of memory: three bits learned, and the 27 points that hold and part them."""

import numpy as np
import pytest
import torch

from explorer import Experiment
from explorer.dynamics.cube import cube, learn_cube, token_of_pulses
from explorer.dynamics.landscape import Landscape, falls, signs


@pytest.fixture(scope="module", params=["rnn", "lstm"])
def landscape(request: pytest.FixtureRequest) -> Landscape:
    learned = learn_cube(Experiment(cell=request.param))
    assert learned.fit is not None and learned.fit.passed
    return cube(learned.model)


def test_eight_corners_twelve_edges_six_faces_one_centre(landscape: Landscape):
    points = landscape.points
    assert points.counts == {0: 8, 1: 12, 2: 6, 3: 1}
    assert points.exact.all() and points.index == 1 and not points.lost
    # a point with k unstable directions is undecided about k bits, and every such answer is there once
    said = [signs(answers) for answers in landscape.said]
    assert len(set(said)) == 27
    assert [answers.count("·") for answers in said] == points.unstable.tolist()


def test_a_saddle_parts_the_corners_that_differ_in_its_bits(landscape: Landscape):
    said = [signs(answers) for answers in landscape.said]
    for point in np.flatnonzero(landscape.points.unstable == 1):
        ((one, other),) = landscape.decides[point]
        bit = said[point].split().index("·")
        assert {said[one].split()[bit], said[other].split()[bit]} == {"+", "\N{MINUS SIGN}"}
        for end in (one, other):
            kept = [a for k, a in enumerate(said[end].split()) if k != bit]
            assert kept == [a for k, a in enumerate(said[point].split()) if k != bit]


def test_a_memory_attracts_what_is_near_it(landscape: Landscape):
    corners = landscape.points.stable
    pushed = corners + 0.1 * np.random.default_rng(0).normal(size=corners.shape)
    assert falls(landscape.points, pushed).tolist() == list(range(8))
    assert falls(landscape.points, landscape.points.states[-1:], patience=3).tolist() == [-1]


def test_the_states_are_the_models_own(landscape: Landscape):
    x = torch.from_numpy(landscape.inputs.copy())[:, None]
    by_torch = landscape.model(x)[:, 0].detach().numpy()
    assert np.abs(by_torch - landscape.outputs).max() < 1e-12
    assert np.abs(landscape.answers(landscape.states[1:]) - landscape.outputs).max() < 1e-12
    assert [token.label for token in landscape.tokens] == [
        token_of_pulses(pulses).label for pulses in landscape.inputs
    ]
    placed = landscape.space.place(landscape.states)
    assert placed.shape == (33, 3) and 0.8 < landscape.space.share.sum() <= 1.0


def test_before_training_there_is_no_memory():
    learned = learn_cube(Experiment(cell="lstm", seed=1))
    assert learned.fit is not None and max(learned.moments) <= learned.fit.steps
    assert cube(learned.at(0)).points.counts == {0: 1}
