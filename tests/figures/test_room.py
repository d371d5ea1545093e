"""The projector's figures: guesses beside the model's answer, the class's curves by how they ended."""

from explorer.figures.room import class_figure, guess_figure
from explorer.room.questions import BINS, number, typed
from explorer.room.race import ClassRace, offers


def test_the_models_answer_is_marked_and_typed_text_is_no_markup():
    question = typed("q", ["<b>x</b> <a href='//evil'>y</a>", "no"], 1)
    figure = guess_figure(question, [0, 0, 1], "en")
    (bars,) = figure.data
    assert list(bars.x) == [2, 1]
    assert bars.marker.color[1] != bars.marker.color[0]
    first, second = figure.layout.yaxis.ticktext
    assert "<a" not in first and "&lt;b&gt;" in first
    assert "the model" in second and "the model" not in first


def test_numbers_are_a_histogram_with_the_truth_drawn_in():
    figure = guess_figure(number("q", 0, 10, 12.5), [1, 1, 9], "ko", "dark")
    (bars,) = figure.data
    assert len(bars.x) == BINS and sum(bars.y) == 3
    assert figure.layout.shapes[0].x0 == 12.5 and figure.layout.xaxis.range[1] > 12.5
    assert not guess_figure(number("q", 0, 10), [1], "en").layout.shapes
    (said,) = guess_figure(number("q", -9, 1, -6.951), [-2], "en").layout.annotations
    assert said.text == "<b>−6.951</b> · the model"


def test_a_classs_curves_stand_by_how_they_ended():
    race = ClassRace(offers()["temporal_50:gru"], None, 1)
    race.grow(3)
    for seed, state in zip(race.seeds, ("passed", "spent", "running"), strict=True):
        seed.state, seed.checks = state, [(25, 0.3), (50, None if state == "spent" else 0.9)]
    figure = class_figure(race, "en")
    lines = {trace.name: trace for trace in figure.data if trace.mode == "lines"}
    assert list(lines) == ["training (1)", "did not pass (1)", "passed (1)"]
    assert list(lines["passed (1)"].x) == [25, 50, None]
    assert list(lines["did not pass (1)"].y) == [0.3, None, None]
