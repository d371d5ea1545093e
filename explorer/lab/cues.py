"""Cue words: which words of a sentence decide what a network foresees later, measured by replacing each."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from explorer.lab.learned import Input
from explorer.labels import UNKNOWN
from explorer.limits import CUE_SHARE, CUE_WORK
from explorer.nn.interventions import Intervention
from explorer.nn.model import RecurrentModel
from explorer.nn.reading import stack_of
from explorer.nn.running import run_stack
from explorer.nn.softmax import softmax


def moved(
    model: RecurrentModel, tokens: Sequence[str], changes: Sequence[Intervention] = (), at: int | None = None
) -> np.ndarray | None:
    """Returns (T, T): row k, column t is how much of the prediction at step t another word at step k moves.

    That is the part of the probability that goes elsewhere (total variation), the mean over each other word
    of the vocabulary; 0 where t < k. None where nothing is predicted, of a file without a readout, and where
    it takes more than CUE_WORK steps of the cell.
    """
    steps, ids = len(tokens), model.encode(tokens)
    words = [k for token, k in model.ids.items() if token != UNKNOWN]
    if steps * steps * len(words) > CUE_WORK or model.embedding is None or not len(model.readout_weight()):
        return None
    rows = [(k, word) for k in range(steps) for word in words if word != ids[k]]
    read = np.tile(np.array(ids)[:, None], len(rows) + 1)  # (T, B): the sentence itself, then each replaced
    for column, (k, word) in enumerate(rows, 1):
        read[k, column] = word
    x = model.embedding.weight.detach().numpy()[read]
    stack = stack_of(model)
    said = softmax(model.read_out(run_stack(stack, x, changes=changes, at=at)[-1].output))
    apart = np.abs(said[:, 1:] - said[:, :1]).sum(-1) / 2  # (T, B - 1)
    replaced = np.array([k for k, _ in rows])
    return np.stack([apart[:, replaced == k].mean(1) for k in range(steps)])


def cued(
    model: RecurrentModel, given: Input, changes: Sequence[Intervention] = (), at: int | None = None
) -> Input:
    """Returns a text with its cue words named: token.cue is the most that one moves a later prediction.

    Later is after the word's own step, and before the last, after which nothing comes. Only shares of
    CUE_SHARE and more are named; none in a network that reads both ways, to which all is earlier.
    """
    if not given.is_text or len(given.tokens) < 3 or any(len(level) > 1 for level in model.layer_weights()):
        return given
    found = moved(model, given.x, changes, at)
    if found is None:
        return given
    later = np.triu(found, 1)[:, :-1].max(1)
    named = np.where(later >= CUE_SHARE, later, 0.0).tolist()
    tokens = tuple(replace(token, cue=share) for token, share in zip(given.tokens, named, strict=True))
    return replace(given, tokens=tokens)
