"""Both branches of a fork: what was chosen beside what would have been said, and where they part.

found = branches(experiment, model)
found.apart          # ||h - h'|| / ||h'|| by step: 0 up to the fork, then not
"""

from dataclasses import dataclass, replace

import numpy as np

from explorer.experiment import Experiment
from explorer.gradients.bptt import bptt
from explorer.lab.flow import readout_losses
from explorer.labels import label
from explorer.language.saying import saying
from explorer.nn.model import RecurrentModel
from explorer.nn.tracing import LayerTrace, trace

MOST = 12
"""Said tokens that are compared, from the fork on."""

BEFORE = 3
"""Steps before the fork that are shown."""


@dataclass(frozen=True, eq=False)
class Branch:
    """One way on, over the steps that are shown: its tokens, the top layer's gates, its gradient.

    gates: symbol -> (N,), the mean over units. gradient (N-1,): ||dL/dh_k||, L the loss of the last token.
    """

    tokens: tuple[str, ...]
    gates: dict[str, np.ndarray]
    gradient: np.ndarray


@dataclass(frozen=True, eq=False)
class Branches:
    """The last fork of a saying: as it was chosen, and as it would have gone on. Steps count from 1.

    apart (N,): ||h - h'|| / ||h'|| of the top layer. first: the first step that is shown; fork: the step that
    reads what was chosen. parted: the first step whose states differ, None where both say the same.
    """

    chosen: Branch
    other: Branch
    apart: np.ndarray
    first: int
    fork: int
    parted: int | None

    @property
    def steps(self) -> range:
        return range(self.first, self.first + len(self.apart))


def branches(experiment: Experiment, model: RecurrentModel) -> Branches | None:
    """Returns both branches of the last fork; None without a fork, or where nothing can be compared."""
    taken = saying(experiment, model)
    if not taken.forced:
        return None
    number = max(taken.forced)
    kept = ";".join(f"{step}:{k}" for step, k in sorted(taken.forced.items()) if step < number)
    left = saying(replace(experiment, forced=kept), model)
    fork = len(taken.typed) + number  # the step that reads the token of the fork
    last = min(fork + MOST - 1, taken.total, left.total)
    if last <= fork:
        return None
    first = max(1, fork - BEFORE)
    found = [_branch(model, (one.typed + one.said)[:last], first) for one in (taken, left)]
    (ours, chosen), (theirs, other) = found
    size = np.linalg.norm(theirs.h[first:], axis=1)
    apart = np.linalg.norm(ours.h[first:] - theirs.h[first:], axis=1) / np.where(size > 0, size, 1.0)
    parted = np.flatnonzero(apart)
    return Branches(chosen, other, apart, first, fork, first + int(parted[0]) if parted.size else None)


def _branch(model: RecurrentModel, tokens: tuple[str, ...], first: int) -> tuple[LayerTrace, Branch]:
    """Runs the tokens and walks back from the loss of the last one, which is said at the step before it."""
    run = trace(model, tokens)
    dL_dh, _ = readout_losses(run)
    entering = np.zeros_like(dL_dh)
    entering[-2] = dL_dh[-2]
    layer = run.layers[-1]
    norm = bptt(run, entering).layers[-1].total_norm
    gates = {symbol: layer.gate[symbol][first - 1 :].mean(-1) for symbol in layer.spec.gates}
    return layer, Branch(tuple(map(label, tokens[first - 1 :])), gates, norm[first:-1])
