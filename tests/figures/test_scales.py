"""What is compared has one scale: two cells, before and after, triangles, layers, kinds of memory."""

from dataclasses import replace

import numpy as np
import pytest

from explorer import Experiment
from explorer.cells import CELLS
from explorer.experiment import Display
from explorer.figures.memory import vanishing_figure
from explorer.figures.scales import axis_over, power_limits, shared_limits, whole_ticks
from explorer.figures.signals import norms
from explorer.lab.flow import compared, flow
from explorer.labels import UNKNOWN
from explorer.language.probing import memory, random_words
from explorer.nn.tracing import LayerTrace, run_layer
from explorer.stage.payload import build, build_flow, header_of
from tests.helpers import learned_once, normal, random_weights, walked, word_model

SMALL = Experiment(text="a b c", weights="untrained", hidden=3)


def layer_of(cell: str, size: float = 1.0) -> LayerTrace:
    rng = np.random.default_rng(2)
    weights = random_weights(cell, 2, 3, rng).map(lambda a: size * a)
    return run_layer(cell, weights, normal(rng, 5, 2), CELLS[cell].state(lambda: np.zeros(3)))


def reach(layer: LayerTrace, symbol: str) -> float:
    return float(np.abs(layer.signal(symbol)).max())


def test_alone_every_signal_has_a_scale_of_its_own():
    layer = layer_of("lstm")
    limits = shared_limits([layer])
    assert limits["f"] == (0.0, 1.0)
    assert {s: limits[s][1] for s in "gch"} == {s: reach(layer, s) for s in "gch"}


def test_two_runs_of_a_cell_share_by_symbol():
    layers = [layer_of("lstm"), layer_of("lstm", 3.0)]
    limits = shared_limits(layers)
    for symbol in "gch":
        assert limits[symbol] == pytest.approx((-1, 1) * np.array(max(reach(one, symbol) for one in layers)))
    assert limits["c"] != limits["h"]


def test_two_cells_share_candidates_and_memories():
    lstm, gru = layer_of("lstm"), layer_of("gru")
    limits = shared_limits([lstm, gru])
    assert limits["g"] == limits["n"] and limits["g"][1] == max(reach(lstm, "g"), reach(gru, "n"))
    assert limits["c"] == limits["h"] and limits["c"][1] == max(reach(lstm, "c"), reach(gru, "h"))


def test_what_is_not_finite_stretches_no_scale():
    assert power_limits([np.array([-3.0, np.nan]), np.array([np.inf, -40.0])], -30.0) == (-30.0, -3.0)
    assert power_limits([np.array([np.nan])], -30.0) == (-1.0, 0.0)
    assert axis_over(np.array([0.0, 2.0, np.inf]))["range"] == pytest.approx([0.0, 2.12])
    assert axis_over(np.array([1e-9, 1.0]))["type"] == "log"
    assert "range" not in axis_over(np.array([0.0, np.nan]))


@pytest.mark.parametrize(
    "change", [{"second": "gru"}, {"second": "slstm"}, {"clamp": "i", "clamp_value": 1.0}]
)
def test_runs_on_the_stage_have_one_scale(change: dict):
    runs = header_of(build(walked(replace(SMALL, **change)), Display("en")))["runs"]
    assert len(runs) == 2
    scales = [{map["data"][0]["name"] if "name" in map["data"][0] else map["data"][0]["meta"]["signal"]:
               map["layout"]["meta"]["range"] for map in run["heatmaps"]} for run in runs]  # fmt: skip
    for symbol in set(scales[0]) & set(scales[1]):
        assert scales[0][symbol] == scales[1][symbol]
    axes = [run["lines"][0]["layout"]["yaxis"] for run in runs]
    assert axes[0]["range"] == axes[1]["range"] and axes[0]["type"] == axes[1]["type"]


def test_norms_beside_each_other_have_one_axis_and_keep_their_own_numbers():
    one, other = layer_of("lstm"), layer_of("lstm", 3.0)
    figures = norms(one, 1, "en", beside=[other]), norms(other, 1, "en", beside=[one])
    assert figures[0].layout.yaxis.range == figures[1].layout.yaxis.range
    assert list(figures[0].data[0].y) == list(np.linalg.norm(one.signal("h"), axis=-1))


@pytest.mark.parametrize(("cell", "beside"), [("rnn", "lstm"), ("lstm", "rnn"), ("gru", "rnn")])
def test_a_triangle_has_one_of_another_kind_of_cell_beside_it_on_its_scale(cell: str, beside: str):
    experiment = replace(SMALL, cell=cell)
    cells = {c: learned_once(replace(experiment, cell=c).model_part()) for c in compared(cell)}
    found = flow(experiment, cells)
    assert found.beside is not None and found.beside.cell == beside
    (run,) = header_of(build_flow(found, Display("en")))["runs"]
    first, second = run["heatmaps"]
    assert first["layout"]["meta"]["range"] == second["layout"]["meta"]["range"]
    assert first["layout"]["meta"]["title"] != second["layout"]["meta"]["title"]
    assert {(h["data"][0]["zmin"], h["data"][0]["zmax"]) for h in (first, second)} == {
        tuple(first["layout"]["meta"]["range"])
    }
    assert "beside" in run["arrays"]


def test_a_cell_alone_has_one_triangle():
    found = flow(SMALL, {"lstm": learned_once(SMALL.model_part())})
    (run,) = header_of(build_flow(found, Display("en")))["runs"]
    assert found.beside is None and len(run["heatmaps"]) == 1 and "beside" not in run["arrays"]


def test_all_states_and_kinds_of_a_memory_have_one_scale():
    words = (UNKNOWN, *"abcd")
    model = word_model("lstm", words).double()
    one, other = memory(model, random_words(words, 6)), memory(model, random_words(words, 4))
    scales = {
        tuple(vanishing_figure(of, symbol, "en", beside=[one, other]).layout.meta["range"])
        for of in (one, other)
        for symbol in of.readings
    }
    assert len(scales) == 1


def test_an_axis_over_few_steps_has_a_tick_at_each_and_none_between():
    assert [whole_ticks(count) for count in (3, 8, 9)] == [{"dtick": 1}, {"dtick": 1}, {"nticks": 8}]
    found = flow(SMALL, {"lstm": learned_once(SMALL.model_part())})
    (triangle,) = header_of(build_flow(found, Display("en")))["runs"][0]["heatmaps"]
    assert triangle["layout"]["yaxis"]["dtick"] == 1
