"""The cube of memory: three bits that a network learns to hold, and the shape that they take inside it.

Three channels pulse +1 or -1 now and then; three outputs say each channel's last pulse. Eight memories are
eight stable points; between them stand the saddles that part them. Sussillo & Barak 2013.
"""

from collections.abc import Sequence

import numpy as np
import torch

from explorer.data.tasks import flip_flop, pulses_as_text
from explorer.dynamics.landscape import Landscape, space_of
from explorer.dynamics.points import fixed_points
from explorer.dynamics.recurrence import states_of
from explorer.experiment import Experiment
from explorer.lab.learned import Learned, Token
from explorer.limits import CUBE_HIDDEN, WINDOW
from explorer.nn.initialise import initialise
from explorer.nn.model import RecurrentModel
from explorer.nn.tracing import trace
from explorer.training.trainer import FLIP_FLOP_LENGTH, Moments, fit_flip_flop

BITS = 3
RUNS = 16
"""Sequences whose states the search starts from: one alone may miss a corner."""

_UNSEEN = 10_000
"""Added to the seed of what no training has seen."""


def learn_cube(experiment: Experiment) -> Learned:
    """Returns a network of CUBE_HIDDEN units that learned to hold three bits, in float64.

    Cell, seed and starting weights are the experiment's.
    """
    generator = torch.Generator().manual_seed(experiment.seed)
    model = RecurrentModel(experiment.cell, BITS, CUBE_HIDDEN, BITS)
    initialise(
        model,
        generator,
        scheme=experiment.init,
        gain=experiment.gain,
        bias=experiment.bias,
        keep_bias=experiment.keep_bias,
        longest=FLIP_FLOP_LENGTH,
    )
    moments: Moments = {}
    fit = fit_flip_flop(model, generator, moments)
    return Learned(model.double().eval(), fit, moments)


def cube(model: RecurrentModel, seed: int = 0, steps: int = WINDOW // 2) -> Landscape:
    """Returns the landscape of a network of three bits over a sequence that it has not seen.

    Its points are those without a pulse; the search starts from states of RUNS runs, whose principal
    directions are the axes.
    """
    x, y = flip_flop(steps, RUNS, torch.Generator().manual_seed(_UNSEEN + seed))
    run = trace(model, x.double().numpy())
    visited = states_of(run.layers)  # (T+1, RUNS, S)
    shown = max(range(RUNS), key=lambda k: len(torch.unique(y[:, k], dim=0)))  # the one with most corners
    states, pulses = visited[:, shown], x[:, shown].double().numpy()
    assert run.logits is not None
    return Landscape(
        model=model,
        tokens=tuple(map(token_of_pulses, pulses)),
        inputs=pulses,
        states=states,
        outputs=run.logits[:, shown],
        points=fixed_points(model, starts=visited),
        space=space_of(visited[1:].reshape(-1, states.shape[-1])),
        wanted=y[:, shown].double().numpy(),
    )


def token_of_pulses(pulses: Sequence[float] | np.ndarray) -> Token:
    """Returns a step's pulses as a token, `+·−`; marked where there is one."""
    shown = pulses_as_text(pulses)
    return Token(shown, shown, marked=any(p != 0 for p in pulses))
