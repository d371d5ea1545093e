"""The payload of states and fixed points: numbers, words, and every string that the modules ask for."""

import re

import numpy as np
import pytest

from explorer import Experiment
from explorer.dynamics.network import network
from explorer.i18n import LANGUAGES, section
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
