"""Numbers that a class may guess and the model answers: found out when the answer is shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite, log10

from explorer.experiment import Experiment
from explorer.room.questions import Question, UnaskableError, about
from explorer.room.room import Room
from explorer.ui import compute

LEAST_POWER, MOST_POWER = -12.0, 2.0
"""Powers of ten of a gradient that a class may guess: the colours of a race tell about as many apart."""


@dataclass(frozen=True)
class Truth:
    """A number: its range in a room, None where it cannot be asked there, and what it is, None if unknown."""

    range: Callable[[Room], tuple[float, float] | None]
    found: Callable[[Room], float | None]


def question_about(name: object, room: Room) -> Question:
    """Returns the question of a name. Raises UnaskableError where it cannot be asked in a room now."""
    truth = TRUTHS.get(str(name))
    ends = None if truth is None else truth.range(room)
    if ends is None:
        raise UnaskableError("about")
    return about(str(name), *ends)


def found_out(room: Room) -> float | None:
    """Returns what the room's question is about. It may have to compute."""
    with room.lock:
        question = room.question
    return TRUTHS[question.about].found(room) if question and question.about else None


def _seeds(room: Room) -> tuple[float, float] | None:
    return (0.0, float(len(room.race.seeds))) if room.race else None


def _passed(room: Room) -> float | None:
    return float(room.race.passed) if room.race and room.race.over else None


def _budget(room: Room) -> tuple[float, float] | None:
    return (0.0, float(room.race.offer.experiment.budget)) if room.race else None


def _median(room: Room) -> float | None:
    return room.race.median_step if room.race and room.race.over else None


def _on_gradients(room: Room) -> tuple[float, float] | None:
    return (LEAST_POWER, MOST_POWER) if room.view and room.view["page"] == "gradients" else None


def _first_power(room: Room) -> float | None:
    """The power of ten of ||dL/dh_1|| in the view that is shown."""
    if room.view is None:
        return None
    experiment, _ = Experiment().with_changes(room.view["query"])
    norm = float(compute.flowed(experiment).chosen.total[1])
    return round(log10(norm), 2) if norm > 0 and isfinite(norm) else None


TRUTHS: Mapping[str, Truth] = {
    "seeds": Truth(_seeds, _passed),
    "steps": Truth(_budget, _median),
    "gradient": Truth(_on_gradients, _first_power),
}
