"""Shares and spreads as people read them: no share of few trials without its interval."""

import numpy as np
import pytest

from explorer.architectures.feedforward import LENGTHS, TEST_ROWS, WINDOWS, Compared
from explorer.exact import Spread, bounds, interval
from explorer.figures.counts import counted, share, spread_of
from explorer.figures.feedforward import length_figure, window_figure
from explorer.i18n import LANGUAGES


def test_a_count_is_told_with_its_interval_rounded_outwards():
    assert counted(8, 10, "en") == "8 of 10 (44 to 98\u00a0%)"
    assert counted(8, 10, "ko") == "10개 중 8개 (44–98\u00a0%)"
    assert share(70, 500, "en") == "14\u00a0% (11 to 18\u00a0%)"
    assert (
        share(495, 500, "en", "**") == "**99.0\u00a0%** (97.6 to 99.7\u00a0%)"
    )  # both to the digit that tells them apart
    low, high = interval(70, 500)
    assert 0.11 < low < 0.12 and 0.17 < high < 0.18
    assert counted(10, 10, "en").endswith("(69 to 100\u00a0%)") and share(0, 10, "en").startswith(
        "0\u00a0% (0 to 31"
    )


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_spread_is_told_with_its_middle_first(lang):
    said = spread_of(Spread(1075.0, 300.0, 2275.0), lang, ",.0f")
    assert said.startswith("1,075 (300") and said.endswith("2,275)")


def test_what_is_measured_by_window_and_by_length_has_its_interval():
    window, lengths = np.linspace(0.5, 1, len(WINDOWS)), np.linspace(1, 0.3, len(LENGTHS))
    found = Compared("gru", window, window, 0.5, 1.0, lengths, (1,) * len(WINDOWS), 1)
    for figure, shares in ((window_figure(found, "en"), window), (length_figure(found, "en"), lengths)):
        low, high = bounds(shares, TEST_ROWS)
        drawn = figure.data[0]
        np.testing.assert_allclose(drawn.y - np.array(drawn.error_y.arrayminus), low)
        np.testing.assert_allclose(drawn.y + np.array(drawn.error_y.array), high)
