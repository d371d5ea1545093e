"""Figures of a text foreseen: each value over its token, the baselines, what is not finite at the top."""

import json
import math

import numpy as np
import pytest

from explorer import Experiment
from explorer.figures.palette import THEMES
from explorer.figures.prediction import by_token, distance_figure, perplexity_figure, surprise_figure
from explorer.i18n import LANGUAGES
from explorer.labels import UNKNOWN
from explorer.language.scoring import Foresight, foresee
from tests.helpers import learned_once, word_model

WORDS = (UNKNOWN, *"abcdefghijklm")
FIGURES = (surprise_figure, perplexity_figure, distance_figure)


def found(text: str = "abcdefg", **places: int) -> Foresight:
    return foresee(word_model("lstm", WORDS, H=4).double(), tuple(text), **places)


def exploding(steps: int, **places: int) -> Foresight:
    experiment = Experiment(
        cell="rnn_relu", gain=10.0, weights="untrained", hidden=8, text=" ".join("ab" * steps)
    )
    return foresee(learned_once(experiment).model, tuple("ab" * steps), **places)


@pytest.mark.parametrize("start, most", [(1, 64), (3, 4), (4, 4)])
def test_each_value_stands_over_its_token(start, most):
    whole = found()
    some = found(start=start, most=most)
    shown = surprise_figure(some, "en").data[0]
    assert list(shown.x) == list(range(some.first, some.first + some.steps + 1))
    for token, value in zip(shown.x, shown.y, strict=True):
        if 1 < token <= len(whole.tokens):
            assert value == whole.score.nats[token - 2]
        else:
            assert np.isnan(value)
    running = perplexity_figure(some, "en").data[0]
    assert np.array_equal(running.y, by_token(some, whole.score.running), equal_nan=True)


def test_baselines_are_those_of_an_even_guess():
    even = [figure(found(), "en").data[-1].y for figure in (surprise_figure, perplexity_figure)]
    assert set(even[0]) == {math.log(14)} and set(even[1]) == {14.0}


def test_all_values_and_baselines_are_inside_the_axes():
    for of in (found(), found("aaaaaaaa"), exploding(50), exploding(700, start=1300)):
        for figure in FIGURES:
            shown = figure(of, "en")
            low, high = shown.layout.yaxis.range
            assert math.isfinite(low) and math.isfinite(high)
            for trace in shown.data:
                y = np.array(trace.y, float)
                y = y[~np.isnan(y)]
                y = np.log10(y) if shown.layout.yaxis.type == "log" else y
                assert y.size and (low <= y).all() and (y <= high).all()


def test_the_distance_is_by_step_and_a_dotted_line_stands_where_the_runs_part():
    run = found(start=2, most=5)
    line, distance = distance_figure(run, "en").data
    assert list(distance.x) == [2, 3, 4, 5, 6]
    assert np.array_equal(distance.y, run.run.distance[1:6])
    assert set(line.x) == {run.run.parts}
    together = found("ab", free=2)
    assert together.run.parts is None and len(distance_figure(together, "en").data) == 1


def test_what_is_not_finite_is_marked():
    of = exploding(700, start=1300)
    assert not np.isfinite(of.score.running[-1])
    for figure in FIGURES:
        crosses = [trace for trace in figure(of, "en").data if trace.marker.symbol == "x"]
        assert crosses and not np.isnan(np.array(crosses[0].y, float)).any()


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("theme", THEMES)
def test_figures_are_plain_numbers_in_every_theme_and_language(lang, theme):
    for of in (found(), exploding(700, start=1300)):
        for figure in FIGURES:
            shown = figure(of, lang, theme)
            assert shown.layout.meta["title"]
            json.dumps(shown.layout.to_plotly_json(), allow_nan=False)


def test_a_token_is_never_markup_on_an_axis():
    text = ("<b>", "<img src=x>", "b")
    model = word_model("rnn", (UNKNOWN, *text), H=2).double()
    for figure in FIGURES:
        ticks = figure(foresee(model, text), "en").layout.xaxis.ticktext
        assert "&lt;b&gt;" in ticks and not any("<" in tick for tick in ticks)
