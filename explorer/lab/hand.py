"""One unit whose gates are drawn by hand: to hold the sum of two marked numbers, as a network learned to.

The unit is the LSTM without the tanh on its output, its candidate the number that is read:
c_t = f_t c_{t-1} + i_t x_t and h_t = o_t c_t. Only the last h counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from explorer.cells import CELLS
from explorer.experiment import Experiment
from explorer.lab.learned import Learned, inputs
from explorer.lab.walk import clearest_unit, shown_run
from explorer.nn.interventions import Clamp
from explorer.nn.tracing import run_layer, trace

CELL, GATES = "lstm_no_squash", ("f", "i", "o")
HIDDEN = 32

START = 0.5
"""Where every gate stands before somebody draws."""

GUESS = 1.0
"""What is best said without memory."""


@dataclass(frozen=True, eq=False)
class Hand:
    """What is read, numbers (T,) and which are marked (T,); target, the sum of the marked ones.

    learned: gate -> (T,), of the trained network's unit (from 1) whose writing gate tells marks best from the
    rest. said: what those gates say in the place of the hand's; c (T+1,): what they hold. half (T+1,): what
    gates at START hold. answer: what the whole network says.
    """

    numbers: np.ndarray
    marked: np.ndarray
    target: float
    unit: int
    learned: dict[str, np.ndarray]
    c: np.ndarray
    half: np.ndarray
    said: float
    answer: float


def network_of(experiment: Experiment) -> Experiment:
    """Returns the network that has learned the task: an LSTM of the experiment's seed."""
    return Experiment(cell="lstm", weights="marked", hidden=HIDDEN, seed=experiment.seed)


def hand(experiment: Experiment, learned: Learned) -> Hand:
    """Returns the task and how a learned network's gates do in it."""
    model = learned.model
    given = inputs(experiment, model)
    run = trace(model, given.x)
    shown = shown_run(model, run, given, 1)
    place = clearest_unit(shown)
    assert place is not None, "the task marks numbers"
    unit = place[1]
    gates = {symbol: run.gate[symbol][:, unit - 1] for symbol in GATES}
    numbers = np.asarray(given.x)[:, 0]
    c, h = by_hand(gates, numbers)
    marked = np.array([token.marked for token in given.tokens])
    answer = float(shown.value[-1]) if shown.value is not None else float("nan")
    half, _ = by_hand({symbol: np.full(len(numbers), START) for symbol in GATES}, numbers)
    return Hand(numbers, marked, float(numbers[marked].sum()), unit, gates, c, half, float(h[-1]), answer)


def by_hand(gates: Mapping[str, np.ndarray], numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns c (T+1,) and h (T,) of the unit with gates (T,) held at every step, run by the cell itself."""
    spec = CELLS[CELL]
    weights = spec.weights({name: np.zeros(shape) for name, shape in spec.shapes(1, 1).items()})
    drawn = {**gates, "g": numbers}
    changes = [
        Clamp(symbol, float(value), None, step, step)
        for symbol, values in drawn.items()
        for step, value in enumerate(values, 1)
    ]
    zero = tuple(np.zeros(1) for _ in spec.states)
    run = run_layer(CELL, weights, np.asarray(numbers)[:, None], zero, changes)
    return run.states["c"][:, 0], run.h[1:, 0]
