"""Gates drawn by hand: the cell with every gate held against a closed form, and the figure."""

import numpy as np
import pytest

from explorer import Experiment
from explorer.figures.hand import hand_figure
from explorer.figures.palette import THEMES
from explorer.i18n import LANGUAGES
from explorer.lab.hand import GATES, START, by_hand, hand, network_of
from explorer.stage.hand import build_hand
from tests.helpers import learned_once

T = 20


def test_a_unit_by_hand_is_the_sum_of_what_was_written_times_what_was_kept_of_it():
    rng = np.random.default_rng(5)
    numbers, gates = rng.random(T), {symbol: rng.random(T) for symbol in GATES}
    c, h = by_hand(gates, numbers)
    f, i, o = (gates[symbol] for symbol in GATES)
    for t in range(T):
        kept = [i[k] * numbers[k] * np.prod(f[k + 1 : t + 1]) for k in range(t + 1)]
        assert c[t + 1] == pytest.approx(sum(kept), abs=1e-14)
        assert h[t] == pytest.approx(o[t] * sum(kept), abs=1e-14)
    assert c[0] == 0.0


@pytest.fixture(scope="module")
def found():
    asked = network_of(Experiment())
    return hand(asked, learned_once(asked.model_part()))


def test_what_is_said_by_learned_gates_is_what_the_unit_says_with_them(found):
    assert found.said == by_hand(found.learned, found.numbers)[1][-1]
    assert found.target == found.numbers[found.marked].sum() and found.marked.sum() == 2
    write = found.learned["i"]
    assert write[found.marked].min() > write[~found.marked].max()


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("theme", THEMES)
def test_the_figure_starts_with_half_open_gates_and_hides_what_was_learned(found, lang, theme):
    figure = hand_figure(found, lang, theme)
    half = {symbol: np.full(T, START) for symbol in GATES}
    for trace, symbol in zip(figure.data[:3], GATES, strict=True):
        assert (np.array(trace.y) == START).all() and trace.name == symbol
    assert np.allclose(figure.data[3].y, by_hand(half, found.numbers)[0][1:], atol=1e-14)
    assert [trace.visible for trace in figure.data] == [None] * 4 + [False] * 4 + [None]
    assert (np.array(figure.data[5].y) == found.learned["i"]).all()
    sent = build_hand(found, lang, theme)
    assert sent["said"] == found.said and sent["numbers"] == found.numbers.tolist()
