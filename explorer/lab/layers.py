"""Which layer of a network of several is shown: chosen, and taken out of a run on its own."""

import numpy as np

from explorer.experiment import Experiment
from explorer.nn.model import RecurrentModel
from explorer.nn.tracing import Trace


def place(experiment: Experiment, model: RecurrentModel) -> int:
    """Returns the place of the experiment's layer and direction among those of the model's traces.

    A level that there is not is the last; a way back that there is not is the way forth.
    """
    levels = model.layer_weights()
    ways = len(levels[0])
    level = min(experiment.level, len(levels)) - 1
    return level * ways + (1 if experiment.way == "backward" and ways > 1 else 0)


def backward(experiment: Experiment, model: RecurrentModel) -> bool:
    """Returns whether the experiment's layer reads from the end."""
    return experiment.way == "backward" and len(model.layer_weights()[0]) > 1


def alone(run: Trace, at: int) -> Trace:
    """Returns a run with one of its layers only, what the readout says beside it, in the order it reads.

    The readout's weight is there where it reads this layer alone.
    """
    if len(run.layers) == 1:
        return run
    layer = run.layers[at]
    turn = slice(None, None, -1 if layer.reverse else 1)

    def turned(rows: np.ndarray | None) -> np.ndarray | None:
        return None if rows is None else rows[turn]

    reads_it = layer.layer == run.layers[-1].layer and not run.layers[-1].reverse
    return Trace(
        (layer.along(),),
        tokens=None if run.tokens is None else run.tokens[turn],
        logits=turned(run.logits),
        readout=run.readout if reads_it else None,
        targets=turned(run.targets),
        first_step=run.first_step,
    )
