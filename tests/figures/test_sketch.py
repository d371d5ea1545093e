"""What a stage gets of a figure without Plotly's checks is what Plotly makes of it with them."""

import pytest

from explorer import CELLS
from explorer.experiment import Display, Experiment
from explorer.figures.flow import losses_figure, paths_figure, total_figure, triangle_figure
from explorer.figures.palette import THEMES
from explorer.figures.signals import norms, saturation, signal_heatmap
from explorer.figures.sketch import Sketch
from explorer.figures.unit import unit_figure
from explorer.lab.flow import flow
from explorer.stage.payload import Numbers, figure_of
from tests.helpers import learned_once, walked

TOKENS = ["a", "b", "a", "c"]


def experiment(cell: str, gain: float = 1.0) -> Experiment:
    return Experiment(cell=cell, weights="untrained", text=" ".join(TOKENS), hidden=3, gain=gain)


def sketches(cell: str, theme: str, gain: float = 1.0) -> list[Sketch]:
    shown = experiment(cell, gain)
    layer = walked(shown).runs[0].trace.layers[0]
    found = flow(shown, {cell: learned_once(shown.model_part())})
    return [
        *(signal_heatmap.sketch(layer, symbol, TOKENS, 1, "en", theme) for symbol in layer.signals),
        norms.sketch(layer, 1, "en", theme),
        saturation.sketch(layer, 1, "en", theme),
        unit_figure.sketch(layer, 0, TOKENS, [False, True, False, True], 1, "en", theme),
        *(
            figure.sketch(found, Display("en", theme=theme))
            for figure in (triangle_figure, total_figure, paths_figure, losses_figure)
        ),
    ]


def check(sketch: Sketch) -> None:
    checked = figure_of(sketch.figure(), Numbers())
    checked["layout"].pop("template")
    assert figure_of(sketch, Numbers()) == checked


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("cell", CELLS)
def test_a_sketch_is_what_plotly_makes_of_it(cell, theme):
    for sketch in sketches(cell, theme):
        check(sketch)


def test_crosses_of_what_is_not_finite_are_too():
    drawn = sketches("rnn_relu", "light", gain=1e200)
    assert any(trace.get("mode") == "markers" for sketch in drawn for trace in sketch.data)
    for sketch in drawn:
        check(sketch)


def test_a_stage_gets_no_template():
    assert not any("template" in sketch.layout for sketch in sketches("lstm", "light"))
