"""Figures of dynamics draw the records' own numbers."""

from dataclasses import replace

import numpy as np
import pytest

from explorer import Experiment
from explorer.dynamics.landscape import Landscape
from explorer.dynamics.network import network
from explorer.dynamics.portrait import branches, by_hand, many, portrait
from explorer.figures import dynamics as figures
from explorer.figures.palette import THEMES
from explorer.lab.learned import inputs, learn


@pytest.fixture(scope="module")
def landscape() -> Landscape:
    experiment = Experiment(cell="rnn")
    learned = learn(experiment)
    return network(learned.model, inputs(experiment, learned.model))


@pytest.mark.parametrize("theme", THEMES)
def test_space_holds_the_path_and_every_point(landscape, theme):
    figure = figures.space_figure(landscape, "en", theme)
    path = next(trace for trace in figure.data if trace.meta["role"] == "path")
    assert np.allclose([path.x, path.y, path.z], landscape.space.place(landscape.states).T)
    assert list(path.text[1:]) == [token.label for token in landscape.tokens]
    rows = [row for trace in figure.data if trace.meta["role"] == "points" for row in trace.meta["rows"]]
    assert sorted(rows) == list(range(len(landscape.points)))
    low, high = figure.layout.scene.xaxis.range
    assert low < min(path.x) and max(path.x) < high


def test_a_point_far_from_the_run_does_not_shrink_it(landscape):
    points = landscape.points
    assert figures.in_sight(landscape).all()
    far = points.states.copy()
    far[0] += 50.0 * landscape.space.axes[0]
    shown = replace(landscape, points=replace(points, states=far))
    assert figures.in_sight(shown).tolist() == [False, *[True] * (len(points) - 1)]
    without = replace(points, states=points.states[1:])
    box, same = (figures._box(replace(landscape, points=p)) for p in (replace(points, states=far), without))
    assert np.array_equal(box, same)


def test_a_token_is_written_where_there_is_room_and_the_last_one_always(landscape):
    near = landscape.states.copy()
    near[2], near[4] = near[1] + 1e-3, near[5] - 1e-3
    figure = figures.space_figure(replace(landscape, states=near), "en")
    path = next(trace for trace in figure.data if trace.meta["role"] == "path")
    labels = [token.label for token in landscape.tokens]
    assert list(path.text) == ["", labels[0], "", labels[2], "", labels[4]]


def test_a_pulse_is_an_arrow_to_where_it_led(landscape):
    marked = [replace(token, marked=k % 2 == 1) for k, token in enumerate(landscape.tokens)]
    shown = replace(landscape, tokens=tuple(marked))
    (cone,) = [r for r in figures.space_figure(shown, "en", named=False).data if r.meta["role"] == "pulses"]
    steps = list(cone.meta["steps"])
    assert steps == [k + 1 for k, token in enumerate(marked) if token.marked]
    placed = landscape.space.place(landscape.states)
    assert np.allclose([cone.x, cone.y, cone.z], placed[steps].T)
    ways = placed[steps] - placed[np.array(steps) - 1]
    drawn, far = np.stack([cone.u, cone.v, cone.w], 1), np.linalg.norm(ways, axis=1)
    lengths = np.linalg.norm(drawn, axis=1)
    assert np.allclose(drawn * far[:, None], ways * lengths[:, None])
    assert np.allclose(lengths * cone.sizeref, np.minimum(cone.sizeref, far / 2))
    assert cone.sizeref <= 0.1 * np.ptp(placed, axis=0).max() + 1e-12
    roles = {trace.meta["role"] for trace in figures.space_figure(shown, "en").data}
    assert "pulses" not in roles


@pytest.mark.parametrize("figure", [figures.moves_figure, figures.odds_figure])
def test_steps_are_called_by_tokens_where_these_have_room(landscape, figure):
    def ticks(label: str) -> list:
        called = tuple(replace(token, label=label) for token in landscape.tokens)
        shown = replace(landscape, tokens=called, names=("a", "b"))
        return list(figure(shown, "en").layout.xaxis.ticktext or ())

    steps, most = landscape.steps, figures.ROOM // landscape.steps
    assert ticks("x" * most) == ["x" * most] * steps and not ticks("x" * (most + 1))
    assert not ticks("말" * (most // 2 + 1))
    assert ticks("<b>") == ["&lt;b&gt;"] * steps


def test_the_same_token_has_the_same_hue():
    hues = figures.token_hues(["a", "b", "a"])
    assert hues[0] == hues[2] != hues[1]


def test_eigenvalues_outside_the_circle_stand_out():
    figure = figures.eigen_figure(np.array([1.5 + 0j, 0.2 + 0.3j]), "en")
    values = figure.data[1]
    assert values.marker.color[0] != values.marker.color[1]
    assert list(values.x) == [1.5, 0.2] and figure.layout.xaxis.range[1] > 1.5


def test_the_cobweb_steps_between_the_curve_and_the_diagonal():
    found = portrait(by_hand("rnn", 1, 1.5))
    web = figures.line_figure(found, "en").data[2]
    x, y = np.array(web.x), np.array(web.y)
    assert np.allclose(y[1::2], np.tanh(1.5 * x[1::2])) and np.allclose(x[::2], y[::2])


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_a_plane_has_basins_arrows_nullclines_a_run_and_points(lang):
    found = portrait(by_hand("rnn", 2, 1.5))
    figure = figures.plane_figure(found, lang, "dark")
    kinds = [trace.type for trace in figure.data]
    assert kinds.count("heatmap") == 1 and kinds.count("contour") == 2
    marks = [trace.meta["unstable"] for trace in figure.data if trace.meta and "unstable" in trace.meta]
    assert sorted(marks) == [0] * 4 + [1] * 4 + [2]
    (heads,) = [trace for trace in figure.data if trace.meta and trace.meta["role"] == "heads"]
    foot = np.stack([figure.data[1].x[::3], figure.data[1].y[::3]], -1)
    way = np.stack([heads.x, heads.y], -1) - foot
    angle = np.radians(np.array(heads.marker.angle))
    assert heads.marker.symbol == "arrow" and len(foot) == len(heads.x)
    lengths = np.linalg.norm(way, axis=1, keepdims=True)
    assert np.allclose(way, lengths * np.stack([np.sin(angle), np.cos(angle)], -1), atol=1e-9)
    after = found.recurrence.step(foot) - foot
    assert ((way * after).sum(-1) >= 0.0).all() and np.linalg.matrix_rank(way) == 2
    turning = figures.plane_figure(portrait(by_hand("rnn", 2, 1.5, 30)), lang)
    assert "heatmap" not in [trace.type for trace in turning.data]  # no memory, no basin


def test_a_ghost_is_drawn_open():
    figure = figures.line_figure(portrait(by_hand("rnn", 1, 1.5, 0, 0.22)), "en")
    symbols = [trace.marker.symbol for trace in figure.data if trace.meta and trace.meta["role"] == "point"]
    assert any(symbol.endswith("-open") for symbol in symbols)


def test_branches_and_both_sides_of_the_exponent_are_the_records():
    found = branches("rnn", 0.0)
    drawn = figures.branches_figure(found, 1.5, "en")
    assert sum(len(trace.x) for trace in drawn.data) == len(found.pull)
    chaos = many(2.0)
    apart, back = figures.chaos_figure(chaos, "en").data
    assert np.array_equal(apart.y, chaos.apart)
    assert back.y[-1] == chaos.back[-1] == 0.0 and back.x[-1] == 0
