"""The landscape of networks that the pages learn."""

import numpy as np
import pytest

from explorer import Experiment
from explorer.dynamics.landscape import space_of
from explorer.dynamics.network import network
from explorer.dynamics.points import fixed_points
from explorer.dynamics.recurrence import states_of
from explorer.lab.learned import from_bundle, inputs, learn
from explorer.nn.tracing import trace
from explorer.training.shipped import families, load


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


def test_the_axes_are_those_of_a_text_that_is_long_enough():
    long = landscape_of(cell="rnn", text="the cat sat on the mat and the dog sat", weights="untrained")
    short = landscape_of(cell="rnn", text="the cat sat", weights="untrained")
    assert np.array_equal(long.space.axes, space_of(long.states[1:]).axes)
    assert (short.space.share > 0).all() and short.steps == 3  # three states have two directions alone


def test_the_tales_lstm_would_rest_where_no_text_leads():
    """Without input its c fills for thousands of steps, to a thousand; a text leads to some twenty."""
    model = from_bundle(load("tales_en", "lstm")).model
    states = states_of(trace(model, list(families()["tales_en"].text)).layers)
    found = fixed_points(model, starts=states[::30], rounds=0)
    assert found.counts == {0: 1} and found.index == 1
    assert np.abs(found.states).max() > 900 > 9 * np.abs(states).max()
    assert len(found.restless) == len(found.pace) and 0.1 < np.median(found.pace) < 1
    assert found.half_lives[0, 0] > 900


def test_an_adding_network_has_one_slow_direction():
    """One direction holds the sum: it carries the states and forgets slowly; all others forget at once."""
    found = landscape_of(cell="lstm", weights="marked", hidden=32)
    sizes = np.abs(found.points.eigenvalues[0])
    assert found.space.share[0] > 0.8
    assert found.points.half_lives[0, 0] > 20 and np.log(0.5) / np.log(sizes[1]) < 3
