"""Every topic of the coverage but the cells' own, carried out."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from explorer.checks.common import largest
from explorer.checks.coverage import TOPICS, Topic

CASES_A_ROUND = 20
"""A round of a topic goes through all cells; of so many cases of a cell it makes one."""


@dataclass(frozen=True)
class TopicCheck:
    """The largest difference of one topic over all rounds; NaN fails. problem: why there is none."""

    topic: Topic
    difference: float
    problem: str = ""

    @property
    def ok(self) -> bool:
        return self.difference <= self.topic.tolerance


def check_topics(cases: int, seed: int = 0) -> tuple[TopicCheck, ...]:
    """Checks all topics but the cells, which `check_cells` does, in rounds by the number of cases."""
    rounds = max(1, cases // CASES_A_ROUND)
    return tuple(check_topic(topic, rounds, seed) for topic in TOPICS if topic.module != "cells")


def check_topic(topic: Topic, rounds: int = 1, seed: int = 0) -> TopicCheck:
    """Checks one topic, each round with a generator of its own."""
    measure: Callable[[np.random.Generator], float] = getattr(
        import_module(f"explorer.checks.{topic.module}"), topic.function
    )
    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # what is broken may explode
            found = [measure(np.random.default_rng((seed, number))) for number in range(rounds)]
    except Exception as error:  # what cannot be checked has failed, whatever the reason
        return TopicCheck(topic, float("nan"), f"{type(error).__name__}: {error}")
    return TopicCheck(topic, largest(found))
