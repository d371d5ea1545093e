"""The exact interval of a share, against SciPy's."""

import pytest
from scipy.stats import binomtest

from explorer.training.interval import interval


@pytest.mark.parametrize(("k", "n"), [(0, 1), (0, 10), (3, 10), (10, 10), (8, 30), (99, 100), (57, 200)])
def test_the_interval_is_that_of_clopper_and_pearson(k, n):
    expected = binomtest(k, n).proportion_ci(0.95, method="exact")
    assert interval(k, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_none_of_none_says_nothing():
    assert interval(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError):
        interval(2, 1)
