"""The landscape of any network: learned on a page, stored, or trained in a race."""

import numpy as np

from explorer.cells import CELLS
from explorer.dynamics.landscape import Landscape, space_of
from explorer.dynamics.points import STARTS, fixed_points
from explorer.dynamics.recurrence import held, states_of
from explorer.lab.learned import Input
from explorer.limits import MAX_SEARCHED, WINDOW
from explorer.nn.model import RecurrentModel
from explorer.nn.reading import frozen
from explorer.nn.tracing import trace

LARGE = 64
"""Numbers of a state over which the search begins at fewer places: its matrices cost with their cube."""

READ = 400
"""Tokens or rows of a network's own kind that are read to see where its states are."""

TEXT = 8
"""Tokens of a text whose own states span the space: tokens in random order lead elsewhere."""


def unsearched(model: RecurrentModel) -> tuple[str, dict[str, int]] | None:
    """Returns why a page searches no points of a network: a sentence of the locale and what fills it."""
    levels = model.layer_weights()
    if any(len(ways) > 1 for ways in levels):
        return "both_ways", {}
    states = len(CELLS[model.cell].states) * sum(w.hidden_size for ways in levels for w in ways)
    return ("wide", {"states": states, "limit": MAX_SEARCHED}) if states > MAX_SEARCHED else None


def network(model: RecurrentModel, given: Input, constant: str = "", seed: int = 0) -> Landscape:
    """Returns the landscape of a network over its input, its first WINDOW steps.

    The points are those under a constant input: a token's embedding, or nothing at all where it is empty. The
    search starts from the states of the input and of READ tokens in random order. The axes are the principal
    directions of a text's states; of all these states where the text is shorter than TEXT tokens, or none.
    Raises ValueError for a network that reads in both directions, or a token that the network does not know.
    """
    if constant and constant not in model.ids:
        raise ValueError(constant)
    F = held(model, constant or None)
    run = trace(model, given.x[:WINDOW])
    states = states_of(run.layers)
    generator = np.random.default_rng(seed)
    wandered = _wandered(model, run.x, generator)
    count = STARTS if F.size <= LARGE else STARTS // 4
    others = generator.choice(len(wandered), min(count, len(wandered)), replace=False)
    starts = np.concatenate([states, wandered[others]])[-count:]
    found = fixed_points(F, starts=starts, generator=generator, rounds=2 if F.size <= LARGE else 1)
    told = model.vocabulary is not None and len(run.x) >= TEXT
    assert run.logits is not None
    return Landscape(
        model=model,
        tokens=given.tokens[:WINDOW],
        inputs=run.x,
        states=states,
        outputs=run.logits,
        points=found,
        space=space_of(states[1:] if told else np.concatenate([states, wandered])),
    )


def _wandered(model: RecurrentModel, x: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The states (READ, S) of random tokens read one after the other, or of the input's rows shuffled."""
    if model.vocabulary is None:
        read = x[generator.integers(len(x), size=READ)]
    else:
        read = generator.integers(len(model.vocabulary), size=READ).tolist()
    return frozen(states_of(trace(model, read).layers)[1:])
