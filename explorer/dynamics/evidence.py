"""The line along which evidence adds up: a network reads a message and says at its end which of two it is.

After Maheswaranathan et al. 2019: the states line up, and where one stands on that line is the answer so far.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from explorer.dynamics.landscape import Landscape, space_of
from explorer.dynamics.network import network
from explorer.dynamics.recurrence import states_of
from explorer.lab.learned import Input
from explorer.nn.model import RecurrentModel
from explorer.nn.reading import frozen
from explorer.nn.tracing import trace


@dataclass(frozen=True, eq=False)
class Evidence:
    """A landscape over one message, its axes those of all messages' states (N in all).

    odds (T,): log p(first answer) / p(second) after each word of the message. along, all_odds (N,): where
    each state of all messages stands on the first axis, and its log odds. r: their correlation.
    """

    landscape: Landscape
    odds: np.ndarray
    along: np.ndarray
    all_odds: np.ndarray

    @property
    def r(self) -> float:
        return float(np.corrcoef(self.along, self.all_odds)[0, 1])

    @property
    def share(self) -> float:
        """The share of the states' variance that lies along the line."""
        return float(self.landscape.space.share[0])

    @property
    def half_life(self) -> float:
        """Steps in which what fades slowest halves at the calmest stable point; infinite without one."""
        points = self.landscape.points
        rows = np.flatnonzero(points.exact & (points.unstable == 0))
        return float(points.half_lives[rows].max()) if len(rows) else np.inf


def evidence(
    model: RecurrentModel, given: Input, messages: Sequence[Sequence[str]], answers: Sequence[str]
) -> Evidence:
    """Returns how a network of two answers gathers evidence over one message, beside all that it may read."""
    found = network(model, given)
    runs = [trace(model, list(words)) for words in messages]
    states = np.concatenate([states_of(run.layers)[1:] for run in runs])
    space = space_of(states)
    landscape = replace(found, space=space, names=tuple(answers))
    odds = np.concatenate([_odds(run.logits) for run in runs])
    return Evidence(landscape, _odds(found.outputs), frozen(space.place(states)[:, 0]), frozen(odds))


def _odds(logits: np.ndarray | None) -> np.ndarray:
    assert logits is not None
    return frozen(logits[:, 0] - logits[:, 1])
