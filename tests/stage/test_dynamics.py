"""The payload of states and fixed points: numbers, words, and every string that the modules ask for."""

import re
from dataclasses import replace

import numpy as np
import pytest

from explorer import Experiment
from explorer.dynamics.network import network
from explorer.i18n import LANGUAGES, section, t
from explorer.lab.learned import inputs, learn
from explorer.stage import MODULES
from explorer.stage.dynamics import build_space
from explorer.stage.payload import header_of, numbers_of


def landscape_of(cell: str):
    experiment = Experiment(cell=cell)
    learned = learn(experiment)
    return network(learned.model, inputs(experiment, learned.model))


def array(payload: bytes, place: dict) -> np.ndarray:
    size = int(np.prod(place["shape"]))
    return numbers_of(payload)[place["at"] : place["at"] + size].reshape(place["shape"])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_points_and_states_are_the_landscapes(lang):
    landscape = landscape_of("lstm")
    payload = build_space([landscape], lang, point=1)
    header = header_of(payload)
    (run,) = header["runs"]
    assert header["kind"] == "space" and header["point"] == 1 and run["states"] == ["h", "c"]
    assert np.array_equal(array(payload, run["arrays"]["points"]), landscape.points.states)
    assert np.array_equal(array(payload, run["arrays"]["states"]), landscape.states)
    assert np.array_equal(array(payload, run["arrays"]["real"]), landscape.points.eigenvalues.real)
    assert len(run["points"]) == len(landscape.points) == sum(len(g["rows"]) for g in run["groups"])
    assert run["leaves"] == landscape.points.unstable.tolist()
    assert all(text for point in run["points"] for text in point["said"])
    assert str(landscape.points.starts) in run["found"][0]


def test_two_networks_side_by_side_have_one_scale():
    both = [landscape_of("rnn"), landscape_of("gru")]
    ranges = [
        run["lines"][0]["layout"]["yaxis"]["range"] for run in header_of(build_space(both, "en"))["runs"]
    ]
    assert ranges[0] == ranges[1] and ranges[0][1] > max(one.moved.max() for one in both)
    assert (
        ranges[0] != header_of(build_space(both[1:], "en"))["runs"][0]["lines"][0]["layout"]["yaxis"]["range"]
    )


def test_a_point_that_there_is_not_opens_none_and_does_not_change_the_body():
    landscape = landscape_of("rnn")
    many, one, none = (header_of(build_space([landscape], "en", point)) for point in (300, 1, 0))
    assert many["point"] == none["point"] == 0 and one["point"] == 1
    assert many["body"] == one["body"] == none["body"] and one["id"] != none["id"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_string_that_the_modules_ask_for_is_there(lang):
    there = section("stage", lang) | section("space", lang)
    for path in (MODULES / "dynamics").glob("*.js"):
        for name in re.findall(r"\bstrings\.(\w+)", path.read_text("utf-8")):
            assert name in there, name


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_point_out_of_sight_and_states_that_do_not_rest_are_said(lang):
    landscape = landscape_of("rnn")
    points = landscape.points
    far = np.concatenate([points.states[:1] + 100.0 * landscape.space.axes[:1], points.states[1:]])

    def run(pace: float):
        shown = replace(points, states=far, pace=np.array([0.0, pace, pace]))
        return header_of(build_space([replace(landscape, points=shown)], lang))["runs"][0]

    largest = f"{np.abs(far[0]).max():,.0f}"
    assert t("space.far", lang, largest=largest) in run(0.0)["points"][0]["said"]
    some = {"n": 2, "led": 3, "steps": "1,000"}
    assert t("space.restless", lang, speed="0.25", **some) in run(0.25)["found"]
    assert t("space.endless", lang, **some) in run(np.inf)["found"]
    assert not any("1,000" in text for text in run(0.0)["found"])
