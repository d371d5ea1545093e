"""Events: what a race writes has the fields that its definition says, no more and no fewer."""

from typing import get_args, get_type_hints

import pytest

from explorer.experiment import Experiment
from explorer.training import events
from explorer.training.events import OVER, Event
from explorer.training.race import race_of
from explorer.training.results import over
from explorer.training.run import Carried, InMemory, Wish

BY_KIND = {kind: one for one in get_args(Event) for kind in get_args(get_type_hints(one)["kind"])}
RACE = race_of(Experiment(length=6, size=4, batch=2, budget=30, racers="rnn;gru"))


class Asking(InMemory):
    """Goes on for some steps, then asks for something else."""

    def __init__(self, command: str) -> None:
        super().__init__()
        self.command, self.looks = command, 0

    def wish(self) -> Wish:
        self.looks += 1
        return Wish(self.command if self.looks > 5 else "go")


@pytest.mark.parametrize("command, last", [("go", "done"), ("stop", "stopped"), ("pause", "paused")])
def test_what_a_race_writes_is_as_defined(command, last):
    channel = Asking(command)
    Carried(RACE, channel).run()
    assert channel.events[-1]["kind"] == last
    for event in channel.events:
        definition = BY_KIND[event["kind"]]
        assert definition.__required_keys__ <= set(event) <= set(get_type_hints(definition))
    kinds = {event["kind"] for event in channel.events}
    assert {"racer", "steps", "look", "kept", last} <= kinds and ("end" in kinds) == (command != "pause")
    ends = {event["status"] for event in channel.events if event["kind"] == "end"}
    assert ends <= set(get_args(events.RacerStatus)) - {"running"}


def test_a_race_has_ended_as_its_last_ending_says_and_not_once_it_is_taken_up_again():
    racer = {"kind": "racer", "racer": 0, "name": "a", "cell": "rnn", "parameters": 1, "step": 0, "budget": 9}
    for end in OVER:
        assert over([racer | {"tokens": 2}, {"kind": end}]) == end
        assert over([{"kind": end}, racer | {"tokens": 2}]) == ""
    assert over([{"kind": "paused", "singles": 0}]) == ""
