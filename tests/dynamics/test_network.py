"""The landscape of networks that the pages learn."""

import numpy as np
import pytest

from explorer import Experiment
from explorer.dynamics.network import network
from explorer.lab.learned import inputs, learn
from explorer.nn.tracing import trace


def landscape_of(held: str = "", **choices: object):
    experiment = Experiment(**choices)  # type: ignore[arg-type]
    learned = learn(experiment)
    return network(learned.model, inputs(experiment, learned.model, learned.sample), held)


def test_the_lectures_network_is_searched_without_input_and_under_a_token():
    free, read = landscape_of(cell="gru"), landscape_of("말이", cell="gru")
    assert free.points.counts and read.points.counts
    assert not free.recurrence.x.any()
    assert np.array_equal(read.recurrence.x, free.model.embed(["말이"])[0])
    run = trace(free.model, [token.original for token in free.tokens])
    assert np.array_equal(free.states, run.h) and np.array_equal(free.outputs, run.logits)
    still = read.points.states[:1]
    again = trace(read.model, ["말이"] * 3, state=still).h  # the network itself stays there
    assert np.abs(again - still).max() < 1e-8


def test_a_token_that_the_network_does_not_know_is_refused():
    with pytest.raises(ValueError, match="unheard"):
        landscape_of("unheard", cell="rnn")


def test_an_adding_network_has_one_slow_direction():
    """One direction holds the sum: it carries the states and forgets slowly; all others forget at once."""
    found = landscape_of(cell="lstm", weights="marked", hidden=32)
    sizes = np.abs(found.points.eigenvalues[0])
    assert found.space.share[0] > 0.8
    assert found.points.half_lives[0, 0] > 20 and np.log(0.5) / np.log(sizes[1]) < 3
