"""Measured times: their spread is told, and an order only where nearly all rounds agree."""

import numpy as np
import pytest

from explorer.architectures.cost import Cost
from explorer.architectures.timing import Times, measured, ratio, written
from explorer.figures.cost import cost_figure
from explorer.i18n import LANGUAGES
from explorer.ui.architectures.cost import compared

STEADY, NOISY = Times(np.full(9, 2.0)), Times(np.linspace(1.0, 3.0, 9))


def test_an_order_is_clear_only_where_the_rounds_agree():
    assert ratio(Times(np.linspace(3.0, 4.0, 9)), STEADY).clear
    assert ratio(STEADY, Times(np.linspace(3.0, 4.0, 9))).clear
    assert not ratio(Times(np.linspace(2.02, 2.08, 9)), STEADY).clear  # 1.01 to 1.04 is no order
    assert not ratio(NOISY, STEADY).clear and not ratio(STEADY, STEADY).clear


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_order_is_said_where_none_is_clear(lang):
    clear, unclear = (
        compared("cost.forward_ratio", ratio(times, STEADY), lang)
        for times in (Times(np.full(9, 5.0)), NOISY)
    )
    assert "2.5" in clear and "0.6" in unclear and "1.4" in unclear and "**" not in unclear


def test_rounds_are_paired_so_that_a_busy_moment_meets_both():
    busy = np.array([1.0, 1.0, 9.0, 1.0, 1.0])
    found = ratio(Times(2 * busy), Times(busy))
    assert (found.median, found.low, found.high) == (2.0, 2.0, 2.0)


def test_works_are_done_in_turn_and_the_first_round_does_not_count():
    done = []
    found = measured([lambda: done.append("a"), lambda: done.append("b")], rounds=3)
    assert done == ["a", "b"] * 4 and [len(times.taken) for times in found] == [3, 3]


@pytest.mark.parametrize(
    ("time", "said"), [(124.0, "120"), (0.0123, "0.012"), (1.26, "1.3"), (99.6, "100"), (12_345.0, "12,000")]
)
def test_a_time_is_written_with_two_digits_and_no_exponent(time, said):
    assert written(time) == said


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_numbers_over_the_bars_keep_their_size_and_the_spread_is_drawn(lang):
    slow = Times(120 * np.array([0.9, 1.0, 1.2]))
    figure = cost_figure([Cost(cell, 1000, 900, STEADY, slow) for cell in ("rnn", "lstm", "gru")], lang)
    bars = [trace for trace in figure.data if trace.type == "bar"]
    words = [trace for trace in figure.data if trace.type == "scatter"]
    assert all(bar.text is None for bar in bars)  # a bar shrinks its own words
    low, high = slow.spread
    assert words[-1].textfont.size == 15
    assert words[-1].text[0].startswith("120<br>") and f"{written(low)}–{written(high)}" in words[-1].text[0]
    assert bars[-1].error_y.array[0] == pytest.approx(high - 120)
    assert bars[-1].error_y.arrayminus[0] == pytest.approx(120 - low)
