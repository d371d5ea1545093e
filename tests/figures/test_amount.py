"""LSTM or GRU by the number of sentences: shares with their intervals, bands, and what was not tried."""

from dataclasses import replace

import numpy as np
import pytest

from explorer.architectures.amount import RIVALS
from explorer.exact import interval, spread
from explorer.figures.amount import amount_figure, rivals
from explorer.i18n import LANGUAGES
from tests.architectures.test_amount import made

SOLVED = dict(zip(RIVALS, (3, 5, 8, 10), strict=True))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_point_is_the_share_of_seeds_with_its_exact_interval(lang):
    found = made(SOLVED)
    figure = amount_figure(found, "solved", lang)
    assert len(figure.data) == 8 and len({look.label for look in rivals(lang)}) == 4
    for drawn, hits in zip(figure.data, [*SOLVED.values()] * 2, strict=True):
        low, high = interval(hits, 10)
        assert list(drawn.y) == [hits / 10] * 2 and str(hits) in drawn.customdata[0]
        assert drawn.y[0] - drawn.error_y.arrayminus[0] == pytest.approx(low)
        assert drawn.y[0] + drawn.error_y.array[0] == pytest.approx(high)
    xs = np.array([drawn.x for drawn in figure.data[:4]])
    assert (np.diff(xs, axis=0) > 0).all() and np.abs(xs - np.log10([500, 1_000])).max() < 0.05


def test_a_loss_has_the_band_of_the_seeds():
    found = made(SOLVED)
    trials = tuple(replace(t, nats=1 + t.seed / 10) for t in found.trials)
    drawn = amount_figure(replace(found, trials=trials), "nats", "en").data[0]
    middle, low, high = spread(1 + np.arange(10) / 10)
    assert drawn.y[0] == middle and drawn.y[0] + drawn.error_y.array[0] == pytest.approx(high)
    assert drawn.y[0] - drawn.error_y.arrayminus[0] == pytest.approx(low)


def test_what_was_not_tried_is_not_drawn():
    found = made(SOLVED)
    trials = tuple(t for t in found.trials if t.match == "units" and (t.name, t.count) != (RIVALS[0], 500))
    figure = amount_figure(replace(found, trials=trials), "solved", "en")
    assert [len(drawn.x) for drawn in figure.data] == [1, 2, 2, 2]
