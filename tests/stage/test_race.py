"""What the live view is sent once: plain JSON, the same id for the same content, every string it asks for."""

import json
import math
import re
import string
from dataclasses import replace

import pytest

from explorer.data.sources import source
from explorer.experiment import Experiment
from explorer.figures.palette import THEMES
from explorer.i18n import LANGUAGES, section
from explorer.stage import MODULES
from explorer.stage.race import Facts, build_race, facts_of
from explorer.training.learner import CHECK_EVERY
from explorer.training.race import race_of
from explorer.training.run import train

EXPERIMENT = Experiment(length=10, size=4, budget=50, racers="rnn;lstm;gru bias=fixed keep_bias=1")
RACE = race_of(EXPERIMENT)
FACTS = facts_of(source(RACE.runs[0]), "adding")
BAND = {"step": [25], "low": [0.1], "median": [0.2], "high": [0.3]}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_data_is_plain_json(lang):
    data = build_race(RACE, FACTS, "abc", lang, {"lstm": BAND}, attempt=3)
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert (data["key"], data["lang"], data["attempt"]) == ("abc", lang, 3)
    assert set(data["themes"]) == set(THEMES)
    assert [racer["name"] for racer in data["racers"]] == list(RACE.names)
    assert [racer["budget"] for racer in data["racers"]] == [50, 50, 50]
    for colours in data["themes"].values():
        assert len(colours["racers"]) == 3 and len(colours["magnitude"]) > 2
    assert len(data["figures"]["power"]) == len(data["figures"]["gates"]) == 3


def test_what_has_no_number_is_null():
    facts = replace(FACTS, goal=math.nan, baseline=math.nan)
    data = build_race(RACE, facts, "abc", "en")
    assert data["facts"]["goal"] is None and data["facts"]["baseline"] is None
    assert not data["figures"]["loss"]["layout"].get("shapes")


def test_the_id_names_the_content_but_not_the_run():
    def id_of(race=RACE, facts=FACTS, key="abc", lang="en", **more):
        return build_race(race, facts, key, lang, **more)["id"]

    assert id_of() == id_of(key="") == id_of(attempt=5)
    others = [
        id_of(lang="ko"),
        id_of(facts=replace(FACTS, title="copy")),
        id_of(race=race_of(replace(EXPERIMENT, budget=60))),
        id_of(bands={"lstm": BAND}),
        id_of(notation="lecture"),
    ]
    assert len({id_of(), *others}) == 6


def test_bands_go_to_the_racers_of_their_names():
    data = build_race(RACE, FACTS, "abc", "en", {"lstm": BAND, "another": BAND}, seeds=39)
    assert data["strings"]["bands"] == "pale: 90\u00a0% band of 39 seeds"
    roles = [trace["meta"] for trace in data["figures"]["metric"]["data"]]
    assert {meta["racer"] for meta in roles if meta["role"].startswith("band")} == {1}


def test_lecture_notation_turns_the_update_gate():
    def flips(notation):
        data = build_race(RACE, FACTS, "abc", "ko", notation=notation)
        return {trace["name"] for trace in data["figures"]["gates"][2]["data"] if trace["meta"]["flip"]}

    assert flips("pytorch") == set() and flips("lecture") == {"z"}


def test_each_racers_threshold_is_drawn():
    race = race_of(replace(EXPERIMENT, racers="rnn;rnn max_norm=5;lstm max_norm=0"))
    shapes = build_race(race, FACTS, "abc", "en")["figures"]["norm"]["layout"]["shapes"]
    assert [shape["y0"] for shape in shapes] == [1.0, 5.0]


def test_facts_are_those_of_the_source():
    assert FACTS.steps == 10 and sum(FACTS.marked) == 2
    assert (FACTS.metric, FACTS.trials) == ("error", 0)
    first = facts_of(source(Experiment(data="first_symbol", length=10)), "first")
    assert (first.metric, first.trials, first.alone) == ("accuracy", 500, True)


def test_events_fit_the_figures():
    """The training's own events name racers, gates and steps as the skeletons do."""
    events: list[dict] = []
    train(replace(RACE.runs[1], budget=CHECK_EVERY), events.append)
    kinds = {event["kind"] for event in events}
    assert {"racer", "steps", "look", "kept", "end", "done"} <= kinds
    look = next(event for event in events if event["kind"] == "look")
    data = build_race(RACE, FACTS, "abc", "en")
    assert [trace["meta"]["gate"] for trace in data["figures"]["gates"][1]["data"]] == sorted(
        look["gates"], key=["f", "i", "o"].index
    )
    assert len(look["power"]) == FACTS.steps + 1
    top = data["figures"]["power"][1]["layout"]["yaxis"]["range"][1]
    assert top == len(look["power"]) - 0.5
    racer = next(event for event in events if event["kind"] == "racer")
    assert {"racer", "step", "budget", "tokens", "parameters"} <= set(racer)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_string_that_the_view_asks_for_is_there(lang):
    strings = section("race", lang)
    code = "".join(path.read_text("utf-8") for path in (MODULES / "train").glob("*.js"))
    asked = set(re.findall(r"strings\.(\w+)", code))
    states = {"idle", "connecting", "queued", "running", "paused", "reconnecting", "lost"}
    ends = {"done", "stopped", "killed", "failed", "shared", "shared_stop"}
    assert asked | states | ends | {"pause", "go", "step", "stop", "by_step", "by_second"} <= set(strings)
    assert {"card_error", "card_accuracy"} <= set(strings)
    parts = {name for text in strings.values() for _, name, _, _ in string.Formatter().parse(text) if name}
    assert parts <= {
        "title", "seconds", "n", "place", "step", "error", "budget", "metric", "goal", "value", "seeds",
            "covered", "low", "high",
    }  # fmt: skip


def test_a_title_from_outside_stays_text():
    facts = Facts("<img src=x onerror=alert(1)>", "error", 0.1, 1.0, 1.0, ("<b>", "b"), (True, False))
    data = build_race(RACE, facts, "abc", "en")
    assert "<" not in json.dumps(data["figures"]).replace("<sup>", "").replace("</sup>", "")
