"""Figures of what a state still knows: the same axes for both triangles, marks for what is no number."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from explorer.exact import interval
from explorer.figures.memory import accuracy_figure, forgetting_figure, gradient_figure, vanishing_figure
from explorer.figures.palette import THEMES
from explorer.i18n import LANGUAGES
from explorer.labels import UNKNOWN
from explorer.language.probing import Memory, Probed, memory, random_words
from tests.helpers import word_model

WORDS = (UNKNOWN, *"abcdef")
FIGURES = (forgetting_figure, vanishing_figure, accuracy_figure, gradient_figure)


@cache
def found() -> Memory:
    return memory(word_model("lstm", WORDS, H=8).double(), random_words(WORDS, 5))


def with_norm(norm: np.ndarray) -> Memory:
    old = found().readings["h"]
    return replace(found(), readings={"h": Probed(old.accuracy, old.guess, norm)})


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("symbol", ["h", "c"])
def test_both_triangles_stand_over_the_same_axes(lang, theme, symbol):
    left, right = (figure(found(), symbol, lang, theme) for figure in FIGURES[:2])
    for axis in ("xaxis", "yaxis"):
        assert left.layout[axis].range == right.layout[axis].range
        assert left.layout[axis].tickvals == right.layout[axis].tickvals
    assert (left.data[0].zmin, left.data[0].zmax) == (0.0, 1.0)
    assert left.layout.yaxis.range[0] > left.layout.yaxis.range[1]  # t runs down
    assert left.layout.meta["title"] != right.layout.meta["title"]


def test_a_triangle_shows_what_was_read_and_nothing_above_its_edge():
    z = forgetting_figure(found(), "h", "en").data[0].z
    np.testing.assert_array_equal(z, found().readings["h"].accuracy)
    assert np.isnan(np.asarray(z)[np.triu_indices(5, 1)]).all()


def test_the_gradient_is_drawn_by_its_power_of_ten():
    shown, norm = vanishing_figure(found(), "c", "en").data[0], found().readings["c"].norm
    lower = np.tril_indices(5)
    np.testing.assert_allclose(10 ** np.asarray(shown.z)[lower], norm[lower], rtol=1e-12)
    least = min(reading.norm[lower].min() for reading in found().readings.values())  # of all states
    assert shown.zmin == pytest.approx(np.log10(least))


def test_a_zero_is_blank_and_what_is_not_finite_gets_a_cross():
    norm = np.where(np.tri(5) > 0, 1.0, np.nan)
    norm[3, 1], norm[4, 0], norm[4, 2] = 0.0, np.inf, np.nan
    figure = vanishing_figure(with_norm(norm), "h", "en")
    assert np.isnan(figure.data[0].z[3][1])
    assert set(zip(figure.data[1].x, figure.data[1].y, strict=True)) == {(1, 5), (3, 5)}


def test_the_lines_are_the_means_by_distance():
    accuracy = accuracy_figure(found(), "h", "en")
    z = found().readings["h"].accuracy
    assert accuracy.data[0].y[2] == pytest.approx(np.mean([z[2, 0], z[3, 1], z[4, 2]]))
    assert accuracy.data[1].y[4] == pytest.approx(found().baseline[0])
    share, tested = accuracy.data[0].y[2], found().tested
    low, high = interval(round(share * tested), tested)
    assert share - accuracy.data[0].error_y.arrayminus[2] == pytest.approx(low)
    assert share + accuracy.data[0].error_y.array[2] == pytest.approx(high)
    gradient = gradient_figure(found(), "h", "en").data[0]
    norm = found().readings["h"].norm
    assert gradient.y[3] == pytest.approx(np.log10([norm[3, 0], norm[4, 1]]).mean())


def test_a_gradient_of_zero_by_distance_is_marked_at_the_foot():
    norm = np.where(np.tri(5) > 0, 1.0, np.nan)
    norm[4, 0] = 0.0
    figure = gradient_figure(with_norm(norm), "h", "en")
    assert list(figure.data[1].x) == [4]
    assert np.isfinite(figure.data[0].y).all()
