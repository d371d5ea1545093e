"""A unit over time: every cell's gates and memory are its trace's, marks are shaded in every row."""

import numpy as np
import pytest

from explorer.cells import CELLS
from explorer.figures.unit import unit_figure
from explorer.i18n import LANGUAGES
from explorer.nn.tracing import LayerTrace, run_layer
from tests.helpers import normal, random_weights

T, H = 6, 3
TOKENS = ("the", "<b>fox</b>", "the", "a&b", "x" * 40, "the")
MARKED = (False, True, False, False, True, False)


def layer_of(cell: str) -> LayerTrace:
    rng = np.random.default_rng(4)
    spec = CELLS[cell]
    return run_layer(
        cell, random_weights(cell, 2, H, rng), normal(rng, T, 2), spec.state(lambda: np.zeros(H))
    )


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("cell", CELLS)
def test_rows_are_the_gates_and_the_state_they_serve(cell: str, lang: str):
    layer = layer_of(cell)
    figure = unit_figure(layer, 1, TOKENS, MARKED, 5, lang)
    assert [trace.name for trace in figure.data] == [*CELLS[cell].gates, CELLS[cell].memory]
    for trace in figure.data:
        values = layer.signal(trace.name)[:, 1]
        assert list(trace.y) == [values[0], *values, values[-1]]
        assert list(trace.x) == [4.5, 5, 6, 7, 8, 9, 10, 10.5]
    assert len(figure.layout.meta["names"]) == len(figure.data)


def test_rows_stand_below_each_other_on_one_time_axis_and_gates_reach_from_0_to_1():
    figure = unit_figure(layer_of("lstm"), 0, TOKENS, MARKED, 1, "en")
    axes = [figure.layout[f"yaxis{k or ''}"] for k in ("", 2, 3, 4)]
    ends = [end for axis in axes for end in reversed(axis.domain)]
    assert ends == sorted(ends, reverse=True) and ends[0] == 1 and abs(ends[-1]) < 1e-12
    assert [axis.range is not None and axis.range[0] == 0 for axis in axes] == [True, True, True, False]
    assert {trace.xaxis for trace in figure.data} == {None}


def test_every_row_is_shaded_at_every_mark():
    shapes = unit_figure(layer_of("gru"), 0, TOKENS, MARKED, 1, "en").layout.shapes
    assert {(shape.x0, shape.x1) for shape in shapes} == {(1.5, 2.5), (4.5, 5.5)}
    assert len(shapes) == 2 * 3
