"""What Python sends to the stage is what `types.d.ts` says: no name more, none less, each of its type."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer import CELLS, Experiment
from explorer.architectures.deep import read, sentence_of
from explorer.data.grammar import Sentence
from explorer.data.pairs import pairs_of
from explorer.data.sources import source
from explorer.dynamics.network import network
from explorer.experiment import Display
from explorer.lab.flow import compared, flow
from explorer.lab.hand import hand, network_of
from explorer.lab.learned import inputs
from explorer.labels import UNKNOWN
from explorer.language.probing import memory, random_words
from explorer.language.saying import saying
from explorer.language.scoring import foresee
from explorer.language.units import units, with_pattern
from explorer.room.questions import number, typed
from explorer.room.race import ClassRace, offers
from explorer.room.room import Room
from explorer.stage import MODULES
from explorer.stage.charts import CHARTS, build_charts
from explorer.stage.deep import build_deep
from explorer.stage.dynamics import build_space
from explorer.stage.generate import build_saying
from explorer.stage.hand import build_hand
from explorer.stage.memory import build_memory
from explorer.stage.pairs import build_pairs
from explorer.stage.payload import build, build_flow, header_of
from explorer.stage.predict import build_prediction
from explorer.stage.race import Facts, build_race, build_raced, facts_of
from explorer.stage.units import build_units
from explorer.text import tokenise
from explorer.training.learner import CHECK_EVERY
from explorer.training.race import race_of
from explorer.training.run import carried_out, train
from explorer.ui.away import taken
from explorer.ui.files import large
from explorer.ui.lesson import opened_cards
from explorer.ui.room.page import companion_data, room_data
from explorer.ui.stage import OnStage
from tests.architectures.test_deep import SENTENCE, untrained
from tests.helpers import learned_once, walked, word_model
from tests.stage.node import TSC, node

WORDS = (UNKNOWN, *'abc"()<> ')
PLAIN = Display("en")
SMALL = Experiment(text="a b c", weights="untrained", hidden=3)
EXPLODING = replace(SMALL, cell="rnn_relu", gain=10.0, text="a b " * 400)
HAND = network_of(Experiment())
RACE = replace(Experiment(), data="adding", length=10, size=4, budget=50, racers="rnn;gru bias=fixed")


def walks() -> Iterator[bytes]:
    for cell in CELLS:
        yield build(walked(replace(SMALL, cell=cell)), PLAIN)
    for change in ({"second": "gru"}, {"swap": 1, "swap_with": "z"}, {"weights": "marked"}, {"cell": "rnn"}):
        yield build(walked(replace(SMALL, **change)), Display("ko", "lecture"))
    yield build(walked(EXPLODING), PLAIN)


def flows() -> Iterator[bytes]:
    for experiment in (SMALL, EXPLODING):
        cells = {cell: replace(experiment, cell=cell) for cell in compared(experiment.cell)}
        yield build_flow(flow(experiment, {c: learned_once(e.model_part()) for c, e in cells.items()}), PLAIN)


def sayings() -> Iterator[bytes]:
    for change in ({"tokens": "20", "top_k": "3", "forced": "4:2"}, {"tokens": "20", "temperature": "0.5"}):
        experiment, _ = Experiment().with_changes(change)
        model = learned_once(experiment.model_part()).model
        yield build_saying(saying(experiment, model), PLAIN)


def pairs() -> Iterator[bytes]:
    for experiment in (Experiment(), Experiment(units="char"), Experiment(text="a b", data="own")):
        yield build_pairs(pairs_of(experiment), experiment, "en")


def predictions() -> Iterator[bytes]:
    for text, free in (("가는 말이 고와야", 1), ("zzz 말이", 0)):
        model = learned_once(Experiment()).model
        yield build_prediction(foresee(model, tokenise(text, "word"), free=free), "en")
    model = learned_once(EXPLODING).model
    yield build_prediction(foresee(model, tokenise(EXPLODING.text, "word")), "en")


def memories() -> Iterator[bytes]:
    for cell in ("lstm", "rnn"):
        model = word_model(cell, WORDS).double()
        yield build_memory([memory(model, random_words(WORDS, 6))], WORDS, "en", "h")


def unit_records() -> Iterator[bytes]:
    text = Sentence(tuple('(ab) "ca" (b)'), (), ())
    for cell in ("lstm", "rnn", "gru"):
        model = word_model(cell, WORDS, H=5).double()
        found = units(model, [text], tuple("ab<" if cell == "rnn" else ""), token_level="char")
        yield build_units(
            with_pattern(found, "ab"), Experiment(view="units", pattern="ab"), Display("ko", "lecture")
        )


def stacks() -> Iterator[bytes]:
    for shown in ("one", "both"):
        taggers = {name: untrained("lstm", 2, name == "both") for name in ("one", "both")}
        sentence = sentence_of(" ".join(SENTENCE), "en", taggers["one"].model)
        assert sentence is not None
        readings = {name: read(tagger, sentence.words) for name, tagger in taggers.items()}
        yield build_deep(sentence, readings, shown, "en")


def spaces() -> Iterator[bytes]:
    for cells, point in ((("rnn",), 1), (("lstm", "gru"), 0)):
        found = []
        for cell in cells:
            experiment = replace(Experiment(), cell=cell)
            learned = learned_once(experiment)
            found.append(network(learned.model, inputs(experiment, learned.model)))
        yield build_space(found, "ko", point)


def charts_alone() -> Iterator[bytes]:
    for key, change in (
        ("dynamics/portrait", {"small": "two"}),
        ("architectures/shapes", {"ask": "packing"}),
    ):
        yield build_charts(CHARTS[key](replace(Experiment(), **change), "ko"), "ko")


def raced() -> Iterator[bytes]:
    race = race_of(RACE)
    for events in ([], carried_out(race)):
        yield build_raced(race, source(race.runs[0]), events, "adding", "pytorch", "en")


PAYLOADS = {
    "Walk": walks,
    "Flow": flows,
    "Generate": sayings,
    "Pairs": pairs,
    "Predict": predictions,
    "Memory": memories,
    "Units": unit_records,
    "Deep": stacks,
    "Space": spaces,
    "Charts": charts_alone,
    "Race": raced,
}


def races() -> Iterator[dict[str, Any]]:
    race = race_of(RACE)
    facts = facts_of(source(race.runs[0]), "adding")
    band = {"step": [25], "low": [0.1], "median": [0.2], "high": [0.3]}
    yield build_race(race, facts, "abc", "en", {"rnn": band}, attempt=3)
    yield build_race(race, Facts("a", "accuracy", np.nan, np.nan, 0.5, ("a",), ()), "", "ko")


def events() -> Iterator[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    train(replace(race_of(RACE).runs[1], budget=CHECK_EVERY), found.append)
    assert {"racer", "steps", "look", "kept", "end", "done"} == {event["kind"] for event in found}
    yield from found
    yield {"kind": "failed", "error": "ValueError"}


def rooms() -> Iterator[tuple[str, Any]]:
    """What a room tells, before and after its question is shown, and what its pages are given."""
    room = Room("BCDF")
    listener = room.listen(room.teach(room.key), lambda: None)
    for question in (typed("q", ["a", "b"], 1), number("q", 0, 1)):
        room.ask(question)
        yield "Question", json.loads(dict(room.news(listener))["question"])
        room.show()
        yield "Question", json.loads(dict(room.news(listener))["question"])
    race = ClassRace(next(iter(offers().values())), None, 1)
    room.start(race)
    told = {name: json.loads(text) for name, text in room.news(listener)}
    yield from (("Raced", told["race"]), ("Counted", {"here": 0, "answered": 0}))
    room.stand("step", {"cell": "gru"})
    yield "View", json.loads(dict(room.news(listener))["view"])
    yield "RoomData", room_data("", "en")
    yield "Away", taken("step", [OnStage("/payload/a", "step", SMALL)], SMALL, "ko")
    yield "Away", taken("course", [], SMALL, "ko")
    yield "Large", large(16, "en")
    yield "CompanionData", companion_data("BCDF", "step", Experiment(card="update"), "ko", 1)


@cache
def sent() -> tuple[tuple[str, Any], ...]:
    """Everything that is sent, each with the name of its type."""
    headers = [(f"{n}Payload<Place>", header_of(p)) for n, made in PAYLOADS.items() for p in made()]
    cards = opened_cards("step", [], None, "en")
    return (
        *headers,
        *(("RaceData", race) for race in races()),
        *(("RaceEvent", event) for event in events()),
        ("HandData", build_hand(hand(HAND, learned_once(HAND.model_part())), "ko")),
        ("Progress", cards),
        ("Progress", cards | {"cards": [["a", "A"]], "card": "a"}),
        *rooms(),
    )


def checked(values: list[tuple[str, Any]], folder: Path) -> None:
    """Has TypeScript compare values, written out, with the types that they are said to have."""
    lines = [f"import type {{ {', '.join(NAMES)} }} from {json.dumps(str(MODULES / 'types.js'))}"]
    lines += [f"const _{n}: {kind} = {json.dumps(v)}" for n, (kind, v) in enumerate(values)]
    file = folder / "sent.ts"
    file.write_text("\n".join(lines) + "\nexport {}\n", encoding="utf-8")
    options = ("--strict", "--noEmit", "--target", "es2023", "--module", "esnext", "--allowJs", "--types", "")
    node(TSC, *options, "--moduleResolution", "bundler", file)


ROOM = ("Question", "Raced", "Counted", "View", "RoomData", "CompanionData", "Away", "Large")
NAMES = (
    "Place",
    "HandData",
    "RaceData",
    "RaceEvent",
    "Progress",
    *ROOM,
    *(f"{name}Payload" for name in PAYLOADS),
)


def test_everything_that_is_sent_has_its_type(tmp_path):
    checked(list(sent()), tmp_path)


def test_a_name_more_a_name_less_and_another_value_are_found(tmp_path):
    name, values = "lang", []
    for kind in ("WalkPayload<Place>", "UnitsPayload<Place>", "RaceData"):
        value = next(value for of, value in sent() if of == kind)
        less = {k: v for k, v in value.items() if k != name}
        values += [(kind, other) for other in (less, value | {"languages": 2}, value | {name: "de"})]
    with pytest.raises(AssertionError) as said:
        checked(values, tmp_path)
    lines = re.findall(r"sent\.ts\((\d+),\d+\): error TS", str(said.value))
    assert {int(line) for line in lines} == set(range(2, 2 + len(values)))  # after the line that imports
