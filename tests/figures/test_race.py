"""Figures of a race: one look for each racer, empty curves, one scale for all, lines where they belong."""

from dataclasses import replace

import numpy as np
import pytest

from explorer.cells import CELLS
from explorer.experiment import Experiment
from explorer.figures.palette import HUES, THEMES
from explorer.figures.race import (
    HIGH,
    LOW,
    MAX_MARKED,
    gates_figure,
    looks,
    loss_figure,
    metric_figure,
    norm_figure,
    power_figure,
)
from explorer.i18n import LANGUAGES, t
from explorer.limits import MAX_RACERS
from explorer.training.race import RACER_FIELDS, Race, race_of

HEADLINE = race_of(Experiment())
CROWD = race_of(
    Experiment(racers="rnn;lstm;lstm bias=fixed keep_bias=1;lstm bias=chrono;gru;gru_reset_before rate=0.001")
)
RACERS = looks(HEADLINE, "en")


def curves(figure, role: str) -> list:
    return [trace for trace in figure.data if trace.meta["role"] == role]


def labels(racers: str, lang: str = "en", **more) -> list[str]:
    return [look.label for look in looks(race_of(Experiment(racers=racers, **more)), lang)]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("race", [HEADLINE, CROWD], ids=["headline", "crowd"])
def test_racers_can_be_told_apart_with_and_without_colour(race, theme):
    found = looks(race, "en")
    assert len({look.label for look in found}) == len(found)
    assert len({look.marker for look in found}) == len(found)
    assert len({(look.hue, look.dash) for look in found}) == len(found)
    assert len({look.colour(theme) for look in found}) == len(found)


def test_a_family_has_one_hue_and_its_first_racer_the_pure_one():
    found = looks(CROWD, "en")
    assert [look.hue for look in found] == ["rnn", "lstm", "lstm", "lstm", "gru", "gru"]
    assert [look.dash for look in found] == ["solid", "solid", "dash", "dot", "solid", "dash"]
    for theme in THEMES:
        assert [found[k].colour(theme) for k in (0, 1, 4)] == [HUES[theme][h] for h in ("rnn", "lstm", "gru")]


def test_as_many_relatives_as_a_race_takes_are_told_apart():
    biases = ";".join(f"lstm bias=fixed keep_bias={k}" for k in range(MAX_RACERS))
    found = looks(race_of(Experiment(racers=biases)), "ko")
    assert len({look.dash for look in found}) == len({look.colour("dark") for look in found}) == MAX_RACERS


def test_a_label_says_what_is_a_racers_own():
    assert labels("rnn;lstm bias=fixed keep_bias=1;gru") == [
        "RNN (tanh)",
        "LSTM · forget bias 1",
        "GRU (reset after product)",
    ]
    assert labels("gru bias=fixed keep_bias=2;gru") == [
        "GRU (reset after product) · keep bias 2",
        "GRU (reset after product)",
    ]
    assert labels("rnn;rnn init=orthogonal rate=0.001")[1] == "RNN (tanh) · orthogonal · lr 0.001"
    assert labels("rnn;rnn max_norm=0 optimiser=sgd")[1] == "RNN (tanh) · no clipping · SGD"
    assert labels("lstm;lstm bias=chrono layers=2")[1] == "LSTM · chrono bias · 2 layers"


def test_a_label_leaves_out_what_all_racers_share():
    assert labels("lstm bias=fixed keep_bias=1;lstm bias=fixed keep_bias=3") == [
        "LSTM · forget bias 1",
        "LSTM · forget bias 3",
    ]
    assert labels("rnn rate=0.1;rnn rate=0.1 init=orthogonal")[0] == "RNN (tanh)"
    assert labels("rnn rate=0.1") == ["RNN (tanh) · lr 0.1"]


def test_a_label_says_the_size_where_sizes_differ():
    rnn, lstm = labels("rnn;lstm", match="parameters")
    assert rnn.endswith(" units") and lstm.endswith(" units") and rnn.split()[-2] > lstm.split()[-2]


def test_equal_labels_are_numbered():
    run = Experiment()
    assert [look.label for look in looks(Race(("lstm", "lstm "), (run, run)), "en")] == ["LSTM", "LSTM #2"]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", RACER_FIELDS)
def test_every_choice_of_a_racers_own_has_a_word(name, lang):
    values = {"init": ("default", "orthogonal", "identity"), "bias": ("default", "fixed", "chrono")}
    values["optimiser"] = ("adam", "rmsprop", "sgd")
    base = Experiment(bias="fixed") if name == "keep_bias" else Experiment()
    other = replace(base, **{name: values[name][1] if name in values else getattr(base, name) * 2})
    for value in values.get(name, (getattr(base, name) * 3,)):
        own = Race((f"lstm {name}=x", "lstm"), (replace(base, **{name: value}), other))
        if own.runs[0] != own.runs[1]:
            assert looks(own, lang)[0].label.count("·") == 1


def test_curves_are_empty_and_say_whose_they_are():
    for figure in (loss_figure(RACERS, 0.2, "en"), norm_figure(RACERS, [1.0], "en")):
        for role in ("raw", "mean", "broken"):
            assert [trace.meta["racer"] for trace in curves(figure, role)] == [0, 1, 2]
        assert all(len(trace.x) == len(trace.y) == 0 for trace in figure.data)
        assert figure.layout.yaxis.type == "log"
        assert all(trace.opacity < 0.5 for trace in curves(figure, "raw"))
    metric = metric_figure(RACERS, "error", 0.01, 0.2, "en")
    assert [trace.marker.symbol for trace in curves(metric, "metric")] == [racer.marker for racer in RACERS]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_baseline_is_a_dashed_line_with_its_label(lang):
    figure = loss_figure(RACERS, 1 / 6, lang)
    (line,), (label,) = figure.layout.shapes, figure.layout.annotations
    assert line.y0 == line.y1 == 1 / 6 and line.line.dash == "dash" and line.name in HUES["light"]
    assert label.text == t("race.baseline", lang, value="0.167") and label.y == pytest.approx(np.log10(1 / 6))
    assert (label.x, label.xanchor) == (1, "right")
    assert not loss_figure(RACERS, None, lang).layout.shapes


def test_the_metric_has_its_goal_and_chance():
    error = metric_figure(RACERS, "error", 0.01, 1 / 6, "en")
    assert [shape.y0 for shape in error.layout.shapes] == [1 / 6, 0.01]
    assert [note.text for note in error.layout.annotations] == ["baseline 0.167", "goal 0.01"]
    accuracy = metric_figure(RACERS, "accuracy", 0.99, 0.25, "en")
    assert accuracy.layout.yaxis.type == "linear" and accuracy.layout.yaxis.range[1] > 1
    assert [note.text for note in accuracy.layout.annotations] == ["chance 25\u00a0%", "goal 99\u00a0%"]
    assert [note.y for note in accuracy.layout.annotations] == [0.25, 0.99]
    assert len(metric_figure(RACERS, "accuracy", None, 0.25, "en").layout.shapes) == 1


def test_a_band_stands_behind_its_racers_line():
    band = {"step": [25, 50], "low": [0.1, None], "median": [0.2, 0.1], "high": [0.3, 0.2]}
    figure = metric_figure(RACERS, "error", 0.01, 0.2, "en", {1: band})
    roles = [trace.meta["role"] for trace in figure.data]
    assert roles[:3] == ["band_low", "band_high", "band_median"]
    assert figure.data[1].fill == "tonexty" and list(figure.data[1].y) == [0.3, 0.2]
    assert {trace.meta["racer"] for trace in figure.data[:3]} == {1}
    assert (
        figure.layout.meta["bands"]
        and not metric_figure(RACERS, "error", 0.01, 0.2, "en").layout.meta["bands"]
    )


def test_each_threshold_of_clipping_has_one_line():
    figure = norm_figure(RACERS, [1.0, 0.0, 1.0, 5.0], "en")
    assert [shape.y0 for shape in figure.layout.shapes] == [1.0, 5.0]
    assert [note.text for note in figure.layout.annotations] == ["clipped to 1", "clipped to 5"]
    assert not norm_figure(RACERS, [0.0], "en").layout.shapes


def test_heatmaps_of_all_racers_share_one_scale_and_the_past_is_at_the_bottom():
    figures = [power_figure(racer, 100, [3, 60]) for racer in RACERS]
    for figure in figures:
        heat = figure.data[0]
        assert (heat.zmin, heat.zmax) == (LOW, HIGH) == (-12, 1)
        assert figure.layout.yaxis.range[0] < figure.layout.yaxis.range[1]
        assert list(figure.layout.yaxis.ticktext) == ["k = 0", "k = 100"]
        assert [shape.y0 for shape in figure.layout.shapes] == [3, 60]
    assert not power_figure(RACERS[0], 100, range(1, MAX_MARKED + 2)).layout.shapes


@pytest.mark.parametrize("cell", CELLS)
def test_gates_wear_the_hues_of_their_roles(cell):
    racer = replace(RACERS[0], cell=cell)
    spec = CELLS[cell]
    figure = gates_figure(racer, spec.gates, 20, spec.flips, [2])
    assert [trace.name for trace in figure.data] == list(spec.gates)
    for trace in figure.data:
        assert trace.meta["hue"] == spec.roles[trace.name].hue
        assert trace.line.color == HUES["light"][trace.meta["hue"]]
        assert trace.meta["flip"] == (trace.name in spec.flips)
    assert list(figure.layout.xaxis.range) == [0.5, 20.5] and figure.layout.yaxis.range[1] > 1
    assert figure.layout.shapes[0].x0 == 2
