"""What a run starts from, h_0 and every other state: zero, random, learned or carried; how long it is felt.

All of it is of networks of one layer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from explorer.cells import CELLS
from explorer.data.corpora import TAUGHT
from explorer.data.tasks import adding
from explorer.experiment import BEGINS, Experiment
from explorer.lab.learned import Input, Learned, inputs, read_in_training
from explorer.limits import MARKED_LENGTH, WINDOW
from explorer.nn.model import RecurrentModel
from explorer.nn.tracing import trace

KINDS = BEGINS[1:]
"""What a run may start from in place of zeros."""

FELT_STEPS = 60
"""Steps over which two runs are compared; a shorter text is read again and again."""

GONE = 0.01
"""The share of the first distance under which a start counts as no longer felt."""

ROUNDING = 1e-13
"""A distance under this share of the largest is rounding: no rate is read off it."""

RATE, TRAINING_STEPS, BATCH = 0.1, 80, 16

States = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Start:
    """A run from another start beside the run from zeros, over the same inputs.

    distance: state -> (T+1,), ||s_t - s'_t||; row 0 is the distance of the starts. loss: of the text as it is
    read once from this start, where the network has a loss; NaN where it has none.
    """

    kind: str
    distance: dict[str, np.ndarray]
    loss: float

    def gone(self, state: str) -> int | None:
        """Returns the first step from which on a distance stays under GONE of what it was at first."""
        near = self.distance[state] < GONE * self.distance[state][0]
        far = np.flatnonzero(~near)
        return int(far[-1]) + 1 if far.size and far[-1] + 1 < len(near) else 0 if not far.size else None

    def factor(self, state: str) -> float | None:
        """Returns by how much a distance shrinks a step: a line through its logarithm, down to rounding."""
        values = self.distance[state]
        steps = np.flatnonzero(values > ROUNDING * values.max())
        if len(steps) < 3 or not np.isfinite(values).all():
            return None
        return float(np.exp(np.polyfit(steps, np.log(values[steps]), 1)[0]))


@dataclass(frozen=True, eq=False)
class Starts:
    """Every other start beside zeros, of one network over one sequence; loss: that of zeros."""

    cell: str
    steps: int
    loss: float
    starts: tuple[Start, ...]

    @property
    def states(self) -> tuple[str, ...]:
        """The states whose distances are shown: what the cell says, and its memory beside it."""
        spec = CELLS[self.cell]
        return tuple(dict.fromkeys(("h", spec.memory)))


def first_states(
    kind: str, experiment: Experiment, model: RecurrentModel, given: Input
) -> dict[str, np.ndarray]:
    """Returns h_0 and every other state (H,) of a kind.

    random: standard normal numbers of the experiment's seed. learned: from zeros, the best of TRAINING_STEPS
    of Adam on the loss of what the network was trained on (else of the text), the weights as they are.
    carried: where the same text, read once from zeros, has ended.
    """
    spec, H = CELLS[model.cell], model.hidden_size
    if kind == "random":
        rng = np.random.default_rng(20_000 + experiment.seed)
        return {s: rng.standard_normal(H) for s in spec.states}
    if kind == "carried":
        return {s: a[-1].copy() for s, a in trace(model, given.x).only.states.items()}
    return _learned(model, _loss(experiment, model, given))


def felt(experiment: Experiment, learned: Learned) -> Starts:
    """Compares the run from each start with that from zeros."""
    model = learned.at(experiment.moment)
    once = inputs(experiment, model, learned.sample)
    long = inputs(experiment, model, learned.sample, max(FELT_STEPS, len(once.tokens)))
    x = long.x[:FELT_STEPS]
    plain = trace(model, x).only.states
    loss, found = _loss(experiment, model, once, read=True), []
    zero = {s: np.zeros(model.hidden_size) for s in plain}
    for kind in KINDS:
        start = first_states(kind, experiment, model, once)
        run = trace(model, x, as_state(start)).only.states
        apart = {s: np.linalg.norm(run[s] - plain[s], axis=-1) for s in plain}
        found.append(Start(kind, apart, _value(loss, start)))
    return Starts(model.cell, len(x), _value(loss, zero), tuple(found))


def as_state(states: States) -> object:
    """Returns states (H,) by name as a layer takes them: (1, H), a tuple where there are several."""
    rows = tuple(np.asarray(s)[None] for s in states.values())
    return rows if len(rows) > 1 else rows[0]


Loss = Callable[[tuple[torch.Tensor, ...]], torch.Tensor]
"""From states (H,) in the cell's order, as autograd sees them, to a loss."""


@torch.enable_grad()
def _learned(model: RecurrentModel, loss: Loss) -> dict[str, np.ndarray]:
    names = CELLS[model.cell].states
    states = [torch.zeros(model.hidden_size, dtype=torch.float64, requires_grad=True) for _ in names]
    optimiser = torch.optim.Adam(states, lr=RATE)
    best, least = [s.detach().numpy().copy() for s in states], float("inf")
    for _ in range(TRAINING_STEPS):
        value = loss(tuple(states))
        if value.item() < least:
            best, least = [s.detach().numpy().copy() for s in states], value.item()
        gradients = torch.autograd.grad(value, states, allow_unused=True)
        for state, gradient in zip(states, gradients, strict=True):
            state.grad = torch.zeros_like(state) if gradient is None else gradient
        optimiser.step()
    return dict(zip(names, best, strict=True))


@torch.no_grad()
def _value(loss: Loss, states: States) -> float:
    return float(loss(tuple(torch.tensor(s) for s in states.values())))


def _loss(experiment: Experiment, model: RecurrentModel, given: Input, read: bool = False) -> Loss:
    """The loss of what the network was trained on by its start; read: of the sequence in sight alone."""
    x, target, known = _examples(experiment, model, given, read)

    def loss(states: tuple[torch.Tensor, ...]) -> torch.Tensor:
        output = _run(model, x, states)[known]
        return (
            F.mse_loss(output[:, 0], target)
            if target.is_floating_point()
            else F.cross_entropy(output, target)
        )

    return loss


def _run(model: RecurrentModel, x: torch.Tensor, states: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Returns outputs (T, B, K), every sequence from the same states (H,)."""
    embedded = model.vectors(x)
    rows = tuple(s.expand(x.shape[1], -1).contiguous() for s in states)
    if CELLS[model.cell].torch_module is None:
        return model.readout(model.rnn(embedded, [rows])[0])
    layers = tuple(row[None] for row in rows)
    return model.readout(model.rnn(embedded, layers if len(layers) > 1 else layers[0])[0])


def _examples(
    experiment: Experiment, model: RecurrentModel, given: Input, read: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Returns inputs (T, B, ...), what is asked for (N,), and where (T, B), bool."""
    if given.is_text:
        seen = experiment.weights in (*TAUGHT, "yours") and not read
        sentences = read_in_training(experiment) if seen else [tuple(given.x)[:WINDOW]]
        kept = [torch.tensor(model.encode(s)) for s in sentences]
        ids = torch.nn.utils.rnn.pad_sequence(kept, padding_value=-1)
        known = ids[1:] >= 0
        return ids[:-1].clamp(min=0), ids[1:][known], known
    if experiment.weights == "marked" and not read:
        x, target = adding(MARKED_LENGTH, BATCH, torch.Generator().manual_seed(20_000 + experiment.seed))
        return x.double(), target.double(), _last(x)
    x = torch.tensor(given.x)[:, None]
    if given.classes is not None:
        asked = torch.tensor(given.classes)[:, None]
        return x, asked[asked >= 0], asked >= 0
    return x, torch.tensor([given.target], dtype=torch.float64), _last(x)


def _last(x: torch.Tensor) -> torch.Tensor:
    last = torch.zeros(x.shape[:2], dtype=torch.bool)
    last[-1] = True
    return last
