"""Intervals and tests of counts, against SciPy; and how often nothing is called a difference."""

import numpy as np
import pytest
from scipy import stats

from explorer.exact import bounds, coverage, fisher, holm, interval, percents, rank, spread, together

COUNTS = [(0, 1), (1, 1), (0, 10), (3, 10), (10, 10), (29, 30), (14, 200), (199, 200), (310, 500)]


@pytest.mark.parametrize("hits, trials", COUNTS)
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_an_interval_is_scipys(hits, trials, level):
    found = stats.binomtest(hits, trials).proportion_ci(level, method="exact")
    assert interval(hits, trials, level) == pytest.approx((found.low, found.high), abs=1e-9)


def test_bounds_are_said_in_percent_and_rounded_outwards():
    assert percents(14, 200) == ("3", "12")  # 3.88 to 11.47, more than 5 apart
    assert percents(495, 500) == ("97.6", "99.7")  # 97.68 to 99.67
    assert percents(500, 500) == ("99.2", "100")
    assert percents(0, 1) == ("0", "98")


@pytest.mark.parametrize("hits, trials", [(-1, 3), (4, 3), (0, 0)])
def test_no_count_has_no_interval(hits, trials):
    with pytest.raises(ValueError, match="no count"):
        interval(hits, trials)


def test_every_table_of_ten_and_twelve_has_scipys_probability():
    for a in range(11):
        for b in range(13):
            theirs = stats.fisher_exact([[a, 10 - a], [b, 12 - b]]).pvalue
            assert fisher(a, 10, b, 12) == pytest.approx(theirs, rel=1e-9)


def test_two_tables_together_are_all_pairs_of_tables_counted_one_by_one():
    tables = [(5, 6, 2, 7), (3, 4, 1, 3)]
    chance: dict[int, float] = {}
    for a in range(7):
        for b in range(5):
            both = stats.hypergeom(13, 7, 6).pmf(a) * stats.hypergeom(7, 4, 4).pmf(b)
            chance[a + b] = chance.get(a + b, 0) + both
    wanted = sum(p for p in chance.values() if p <= chance[8] * (1 + 1e-9))
    assert together(tables) == pytest.approx(wanted, rel=1e-9)
    assert together([(3, 10, 3, 10)]) == fisher(3, 10, 3, 10) == 1


def test_holm_is_the_papers():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0] and holm([]) == []


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_between_two_equal_cells_no_winner_is_named_in_19_of_20_cases(share):
    generator = np.random.default_rng(0)
    named = 0
    for _ in range(1_000):
        counts = generator.binomial(10, share, size=(4, 2))
        named += min(holm([fisher(int(a), 10, int(b), 10) for a, b in counts])) < 0.05
    assert named <= 50


def test_cells_far_apart_are_told_apart():
    assert fisher(10, 10, 0, 10) < 1e-4 and fisher(10, 10, 3, 10) < 0.01


def test_of_many_seeds_the_second_from_either_end_bounds_the_band():
    assert [rank(n) for n in (1, 10, 28, 29, 30, 39, 49, 99)] == [1, 1, 1, 2, 2, 2, 2, 5]
    assert spread(np.arange(1, 31)[::-1]) == (15.5, 2, 29)
    assert coverage(39) == pytest.approx(0.9) and coverage(30) == pytest.approx(27 / 31)
    assert coverage(1) == 0 and coverage(0) == 0


@pytest.mark.parametrize("count", [10, 30])
def test_a_further_seed_lies_within_as_often_as_is_said(count):
    drawn = np.random.default_rng(0).lognormal(size=(20_000, count + 1))
    within = [low <= new <= high for *known, new in drawn for _, low, high in [spread(known)]]
    assert np.mean(within) == pytest.approx(coverage(count), abs=0.01)


def test_a_share_that_is_no_number_has_no_bounds():
    low, high = bounds(np.array([[0.5, np.nan]]), 100)
    assert (low[0, 0], high[0, 0]) == interval(50, 100) and np.isnan([low[0, 1], high[0, 1]]).all()
