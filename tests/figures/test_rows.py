"""Which units a heatmap draws where a layer has hundreds."""

from itertools import pairwise

import numpy as np
import pytest

from explorer.figures.rows import rows_of
from explorer.figures.signals import signal_heatmap
from explorer.limits import DRAWN_UNITS
from explorer.nn.tracing import run_layer
from tests.helpers import random_weights


def layer(units: int):
    rng = np.random.default_rng(0)
    return run_layer("gru", random_weights("gru", 3, units, rng), rng.normal(size=(9, 3)), (np.zeros(units),))


def test_all_units_are_drawn_by_number_where_there_is_room():
    assert rows_of(layer(DRAWN_UNITS), "variance") is None


@pytest.mark.parametrize("order", ["variance", "cluster", "number"])
def test_of_hundreds_the_most_varied_are_drawn_in_the_order_that_is_chosen(order):
    run = layer(200)
    rows = rows_of(run, order)
    spread = run.h[1:].std(0)
    assert set(rows) == set(np.argsort(-spread)[:DRAWN_UNITS].tolist())
    if order == "variance":
        assert (np.diff(spread[list(rows)]) <= 0).all()
    if order == "number":
        assert list(rows) == sorted(rows)
    if order == "cluster":
        like = np.corrcoef(run.h[1:].T)
        beside = np.mean([like[a, b] for a, b in pairwise(rows)])
        varied = rows_of(run, "variance")
        assert beside > np.mean([like[a, b] for a, b in pairwise(varied)]) + 0.2


def test_a_heatmap_draws_the_units_it_is_given_and_calls_them_by_their_numbers():
    run = layer(200)
    figure = signal_heatmap(run, "h", ["a"] * 9, 1, "en", units=(150, 3))
    assert np.array_equal(figure.data[0].z, run.h[1:].T[[150, 3]])
    assert figure.layout.meta["units"] == [150, 3]
    assert list(figure.layout.yaxis.ticktext) == ["151", "4"]
