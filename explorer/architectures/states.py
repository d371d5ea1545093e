"""What becomes of a state: where the last one stands, over a border of batches, over pads, in NumPy.

Every run is one of PyTorch or of the code that is shown; networks are untrained, of a seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from explorer.architectures.listing import execute
from explorer.architectures.shapes import Sizes
from explorer.cells import CELLS
from explorer.nn.model import LoopLayers, States

STEPS, UNITS = 4, 3
"""Steps and units of the run whose `output` and `h_n` are shown in numbers: all fit on one screen."""

INPUTS, HIDDEN = 4, 8
"""Inputs and units of the runs over borders and pads."""

BATCH_STEPS = 10
"""Steps of each of the two batches in a row."""

WORDS, PADS = 5, 5
"""Steps of the padded sequence: words, and zeros before or after them."""

NUMPY_CELL = """\
import numpy as np

rng = np.random.default_rng({seed})
T, d, H, shift = 10, 4, 8, {shift}
x = rng.random((T, d))
Wx, Wh, b = (rng.random(s) - shift for s in ((H, d), (H, H), (H,)))
h, states = np.zeros(H), []
for x_t in x:
    h = np.tanh(Wx @ x_t + Wh @ h + b)
    states.append(h)
states = np.stack(states)  # (10, 8)
"""
"""The NumPy cell of the lecture; a shift of 0 is the lecture's, of .5 centres the weights."""

SHIFTS = (0.0, 0.5)
SEEDS = 20


@dataclass(frozen=True, eq=False)
class Ends:
    """One run of PyTorch's module: output (T, directions * H), h_n (layers * directions, H).

    same: (step from 1, direction, row of h_n) wherever the numbers of an output are those of h_n.
    """

    output: np.ndarray
    h_n: np.ndarray
    same: tuple[tuple[int, int, int], ...]

    @property
    def directions(self) -> int:
        return self.output.shape[1] // self.h_n.shape[1]


def last_states(cell: str, layers: int, both: bool, seed: int) -> Ends:
    """Returns output and h_n of a small run of PyTorch, and where they are the same numbers."""
    spec = Sizes(cell, 1, STEPS, UNITS, UNITS).spec
    assert spec.torch_module is not None
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        module = spec.torch_module(
            UNITS, UNITS, num_layers=layers, bidirectional=both, **dict(spec.torch_options)
        )
        output, after = module(torch.randn(STEPS, UNITS))
    h_n = (after[0] if isinstance(after, tuple) else after).numpy()
    parts = output.numpy().reshape(STEPS, -1, UNITS)  # (T, directions, H)
    same = [
        (t + 1, way, row)
        for t in range(STEPS)
        for way in range(parts.shape[1])
        for row in range(len(h_n))
        if np.array_equal(parts[t, way], h_n[row])
    ]
    return Ends(output.numpy(), h_n, tuple(same))


@dataclass(frozen=True, eq=False)
class NumpyCell:
    """The lecture's cell as it ran: states (10, 8), radius of Wh, norm ||dh_10/dh_1||."""

    code: str
    states: np.ndarray
    radius: float
    norm: float


def numpy_cell(seed: int, shift: float) -> NumpyCell:
    """Runs NUMPY_CELL and takes the spectral norm of the product of its Jacobians diag(1 - h^2) Wh."""
    code = NUMPY_CELL.format(seed=seed, shift=f"{shift:g}")
    names = execute(code)
    states, Wh = names["states"], names["Wh"]
    product = np.eye(len(Wh))
    for h in states[1:]:
        product = ((1.0 - h**2)[:, None] * Wh) @ product
    radius = float(np.abs(np.linalg.eigvals(Wh)).max())
    return NumpyCell(code, states, radius, float(np.linalg.norm(product, 2)))


@dataclass(frozen=True, eq=False)
class Border:
    """Two batches in a row, each of BATCH_STEPS steps; all arrays (2 * BATCH_STEPS,).

    reset, carried: ||h_t|| with the state set to 0 at the border, and carried over it. stopped, whole:
    ||dL/dh_t|| of L, the sum of the last state, carried over detached and undetached.
    """

    reset: np.ndarray
    carried: np.ndarray
    stopped: np.ndarray
    whole: np.ndarray


def border(cell: str, seed: int) -> Border:
    """Runs two batches in a row, each way to treat the state between them."""
    layers, generator = _layers(cell, seed)
    x = torch.randn(2 * BATCH_STEPS, INPUTS, dtype=torch.float64, generator=generator)
    runs = {way: _over_border(layers, x, way) for way in ("reset", "detached", "whole")}
    norms = {way: np.array([float(h.detach().norm()) for h in states]) for way, states in runs.items()}
    return Border(norms["reset"], norms["detached"], _sent_back(runs["detached"]), _sent_back(runs["whole"]))


def _over_border(layers: LoopLayers, x: torch.Tensor, way: str) -> list[torch.Tensor]:
    """h_t (H,) at every step, as autograd sees them."""
    seen, state = [], None
    for t, x_t in enumerate(x):
        if t == BATCH_STEPS and way == "reset":
            state = None
        if t == BATCH_STEPS and way == "detached" and state is not None:
            state = [tuple(s.detach() for s in layer) for layer in state]
        state = _step(layers, x_t, state)
        seen.append(state[0][0])
    return seen


def _step(layers: LoopLayers, x_t: torch.Tensor, state: States | None) -> States:
    return layers(x_t[None, None], state)[1]


def _sent_back(states: Sequence[torch.Tensor]) -> np.ndarray:
    """||dL/dh_t|| of L the sum of the last state; 0 where no path leads there."""
    found = torch.autograd.grad(states[-1].sum(), states, allow_unused=True)
    return np.array([0.0 if gradient is None else float(gradient.norm()) for gradient in found])


@dataclass(frozen=True, eq=False)
class Padding:
    """A sequence padded before or after its words, masked or not: ||h_t|| (PADS + WORDS,) of each.

    off: ||h - h*|| / ||h*||, where h is the last state and h* that of the words alone.
    """

    before: bool
    masked: bool
    norm: np.ndarray
    off: float

    @property
    def pads(self) -> tuple[int, int]:
        """The first and the last step that is a pad."""
        return (1, PADS) if self.before else (WORDS + 1, WORDS + PADS)


def paddings(cell: str, seed: int) -> tuple[Padding, ...]:
    """Runs a sequence with zeros before and after it, unmasked and masked: a masked step keeps the state."""
    layers, generator = _layers(cell, seed)
    words = torch.randn(WORDS, INPUTS, dtype=torch.float64, generator=generator)
    pads = torch.zeros(PADS, INPUTS, dtype=torch.float64)
    alone = _masked(layers, words, [True] * WORDS)[-1]
    runs = []
    for before in (True, False):
        x = torch.cat((pads, words) if before else (words, pads))
        is_word = [False] * PADS + [True] * WORDS
        for masked in (False, True):
            runs_at = (is_word if before else is_word[::-1]) if masked else [True] * len(x)
            h = _masked(layers, x, runs_at)
            off = float(np.linalg.norm(h[-1] - alone) / np.linalg.norm(alone))
            runs.append(Padding(before, masked, np.linalg.norm(h, axis=-1), off))
    return tuple(runs)


@torch.no_grad()
def _masked(layers: LoopLayers, x: torch.Tensor, mask: Sequence[bool]) -> np.ndarray:
    """h_t (T, H); where the mask is off the state stays as it was, as Keras does it."""
    zero = torch.zeros(1, HIDDEN, dtype=x.dtype)
    state: States = [tuple(zero for _ in layers.spec.states)]
    seen = []
    for x_t, on in zip(x, mask, strict=True):
        if on:
            state = _step(layers, x_t, state)
        seen.append(state[0][0][0].numpy())
    return np.stack(seen)


def _layers(cell: str, seed: int) -> tuple[LoopLayers, torch.Generator]:
    """One layer of a cell with PyTorch's default weights, float64, and the generator after them."""
    generator = torch.Generator().manual_seed(seed)
    layers = LoopLayers(CELLS[cell], INPUTS, HIDDEN, 1, False).double()
    bound = HIDDEN**-0.5
    with torch.no_grad():
        for parameter in layers.parameters():
            parameter.uniform_(-bound, bound, generator=generator)
    return layers, generator
