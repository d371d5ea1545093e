"""Correlations and what chance would give, against NumPy."""

import math

import numpy as np
import pytest

from explorer.language.correlation import chance, correlations
from tests.helpers import largest

RNG = np.random.default_rng(5)


def test_correlations_are_numpys():
    activations, values = RNG.normal(size=(40, 6)), RNG.normal(size=40)
    expected = [np.corrcoef(column, values)[0, 1] for column in activations.T]
    assert largest(correlations(activations, values), expected) <= 1e-14
    assert largest(correlations(1e200 * activations, values), expected) <= 1e-14


def test_what_does_not_vary_or_explodes_has_no_correlation():
    activations = RNG.normal(size=(20, 4))
    activations[:, 1], activations[3, 2], activations[5, 3] = 0.1, np.nan, np.inf
    found = correlations(activations, RNG.normal(size=20))
    assert np.isnan(found).tolist() == [False, True, True, True]
    assert np.isnan(correlations(activations, np.full(20, 0.3))).all()


def test_chance_is_the_quantile_over_all_shifts():
    activations, values = RNG.normal(size=(31, 5)), RNG.normal(size=(31, 2))
    best = [
        max(
            abs(np.corrcoef(unit, np.roll(column, shift))[0, 1])
            for unit in activations.T
            for column in values.T
        )
        for shift in range(1, 31)
    ]
    assert chance(activations, values) == pytest.approx(np.quantile(best, 0.95), abs=1e-12)


def test_noise_stays_about_chance_and_a_signal_is_far_above():
    signal = (np.arange(2000) % 37 < 9) * 1.0
    noise = RNG.normal(size=(2000, 30))
    level = chance(noise, signal[:, None])
    assert 0.03 < level < 0.12
    noise[:, 7] += 2 * signal
    assert abs(correlations(noise, signal)[7]) > 3 * level
    assert math.isnan(chance(noise[:2], signal[:2, None]))
