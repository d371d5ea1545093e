"""What a run starts from, h_0 and every other state: zero, random, learned or carried; how long it is felt.

Of several layers each starts so. What is learned is learned for networks of one layer that are trained here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from explorer.cells import CELLS
from explorer.data.corpora import TAUGHT
from explorer.data.tasks import adding
from explorer.experiment import BEGINS, Experiment
from explorer.lab.layers import place
from explorer.lab.learned import Input, Learned, inputs, read_in_training
from explorer.limits import MARKED_LENGTH, WINDOW
from explorer.nn.interventions import Transplant
from explorer.nn.model import RecurrentModel
from explorer.nn.softmax import cross_entropy
from explorer.nn.tracing import trace

KINDS = BEGINS[1:-1]
"""What any run may start from in place of zeros."""

FELT_STEPS = 60
"""Steps over which two runs are compared; a shorter text is read again and again."""

GONE = 0.01
"""The share of the first distance under which a start counts as no longer felt."""

ROUNDING = 1e-13
"""A distance under this share of the largest is rounding: no rate is read off it."""

RATE, TRAINING_STEPS, BATCH = 0.1, 80, 16

States = Mapping[str, np.ndarray]

EveryState = dict[str, list[np.ndarray]]
"""By name the states (H,) of each layer and direction, in the order of a trace."""


@dataclass(frozen=True)
class Begun(Transplant):
    """The start of a run: that of the layer which is changed, and in `every` that of each layer."""

    every: EveryState = field(default_factory=dict)


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
    """Every other start beside zeros, of a layer of one network over one sequence; loss: that of zeros."""

    cell: str
    steps: int
    loss: float
    starts: tuple[Start, ...]

    @property
    def states(self) -> tuple[str, ...]:
        """The states whose distances are shown: what the cell says, and its memory beside it."""
        spec = CELLS[self.cell]
        return tuple(dict.fromkeys(("h", spec.memory)))


def kinds_for(model: RecurrentModel) -> tuple[str, ...]:
    """Returns what a network's run may start from in place of zeros, or of where its file starts it."""
    alone = sum(map(len, model.layer_weights())) == 1 and hasattr(model, "rnn")
    kinds = tuple(kind for kind in KINDS if alone or kind != "learned")
    return kinds if getattr(model, "start", None) is None else (*kinds, "cleared")


def begun(kind: str, experiment: Experiment, model: RecurrentModel, given: Input) -> Begun:
    """Returns the start of a kind, of every layer. Raises ValueError for one that the network has not."""
    if kind not in kinds_for(model):
        raise ValueError(kind)
    every = every_state(kind, experiment, model, given)
    at = place(experiment, model)
    return Begun(0, {s: rows[at].tolist() for s, rows in every.items()}, every)


def first_states(
    kind: str, experiment: Experiment, model: RecurrentModel, given: Input
) -> dict[str, np.ndarray]:
    """Returns the start (H,) of the layer that is shown: see `every_state`."""
    at = place(experiment, model)
    return {s: rows[at] for s, rows in every_state(kind, experiment, model, given).items()}


def every_state(kind: str, experiment: Experiment, model: RecurrentModel, given: Input) -> EveryState:
    """Returns h_0 and every other state of each layer, of a kind.

    random: standard normal numbers of the experiment's seed. learned: from zeros, the best of TRAINING_STEPS
    of Adam on the loss of what the network was trained on (else of the text), the weights as they are.
    carried: where the same text, read once, has ended. cleared: zeros, where a file starts its network from
    other states.
    """
    if kind == "random":
        rng = np.random.default_rng(20_000 + experiment.seed)
        layers = [
            {s: rng.standard_normal(w.hidden_size) for s in CELLS[model.cell].states}
            for ways in model.layer_weights()
            for w in ways
        ]
    elif kind == "cleared":
        layers = [
            {s: np.zeros(w.hidden_size) for s in CELLS[model.cell].states}
            for ways in model.layer_weights()
            for w in ways
        ]
    elif kind == "carried":
        runs = (layer.along() for layer in trace(model, given.x).layers)
        layers = [{s: a[-1].copy() for s, a in run.states.items()} for run in runs]
    else:
        layers = [_learned(model, _loss(experiment, model, given))]
    return {s: [layer[s] for layer in layers] for s in CELLS[model.cell].states}


def felt(experiment: Experiment, learned: Learned) -> Starts:
    """Compares the run of the layer that is shown from each start with that from zeros."""
    model = learned.at(experiment.moment)
    once = inputs(experiment, model, learned.sample)
    long = inputs(experiment, model, learned.sample, max(FELT_STEPS, len(once.tokens)))
    x, at = long.x[:FELT_STEPS], place(experiment, model)
    plain = _states(model, x, at, None)
    found = []
    for kind in kinds_for(model):
        every = every_state(kind, experiment, model, once)
        run = _states(model, x, at, every)
        apart = {s: np.linalg.norm(run[s] - plain[s], axis=-1) for s in plain}
        found.append(Start(kind, apart, _read_loss(model, once, every)))
    return Starts(model.cell, len(x), _read_loss(model, once, None), tuple(found))


def _states(model: RecurrentModel, x: Any, at: int, every: EveryState | None) -> States:
    """The states of a layer from a start of every layer, in the order in which it reads."""
    return trace(model, x, every).layers[at].along().states


def _read_loss(model: RecurrentModel, given: Input, every: EveryState | None) -> float:
    """The mean loss of a sequence as it is read once from a start; NaN where nothing is asked for."""
    if not model.readout.out_features or given.asks == "nothing":
        return float("nan")
    run = trace(model, given.x, every)
    assert run.logits is not None
    if given.target is not None:
        return float((run.logits[-1, 0] - given.target) ** 2)
    asked = run.targets if given.classes is None else given.classes
    rows = np.flatnonzero(asked >= 0) if asked is not None else np.empty(0, int)
    if not rows.size or asked is None:
        return float("nan")
    return float(cross_entropy(run.logits[rows], asked[rows]).mean())


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


def _loss(experiment: Experiment, model: RecurrentModel, given: Input) -> Loss:
    """The loss of what the network was trained on by its start."""
    x, target, known = _examples(experiment, model, given)

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
    experiment: Experiment, model: RecurrentModel, given: Input
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Returns inputs (T, B, ...), what is asked for (N,), and where (T, B), bool."""
    if given.is_text:
        seen = experiment.weights in (*TAUGHT, "yours")
        sentences = read_in_training(experiment) if seen else [tuple(given.x)[:WINDOW]]
        kept = [torch.tensor(model.encode(s)) for s in sentences]
        ids = torch.nn.utils.rnn.pad_sequence(kept, padding_value=-1)
        known = ids[1:] >= 0
        return ids[:-1].clamp(min=0), ids[1:][known], known
    if experiment.weights == "marked":
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
