"""One network that learns: a step, a check on held-out data, and a look at its gradient through time.

Same experiment, same bits: batches depend on seed and step alone, weights on the seed.
"""

import time
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from explorer.data.sources import Batch, Source, judged
from explorer.experiment import Experiment
from explorer.gradients.bptt import bptt, readout_gradient
from explorer.limits import EMBEDDING
from explorer.nn.initialise import initialise
from explorer.nn.model import RecurrentModel
from explorer.nn.tracing import Trace, trace

CHECK_EVERY = 25
"""Steps between two checks on held-out data."""


@dataclass(frozen=True, eq=False)
class Probe:
    """A look inside after some step: one sequence that was never trained on.

    norm (T+1,): ||dL/dh_k|| of its loss, of the top layer, in float64. Of a text that is the loss of the
    tokens that need memory, or of the last one: the sum over all tokens would hide the far ones. Of numbers
    at every step it is the last step's.
    gates: mean over the units of every gate by step, (T,) each.
    """

    step: int
    norm: np.ndarray
    gates: dict[str, np.ndarray]


def build(experiment: Experiment, source: Source) -> RecurrentModel:
    """Returns the network before its first step, in float32."""
    model = RecurrentModel(
        experiment.cell,
        EMBEDDING if source.vocabulary else source.inputs,
        experiment.hidden,
        source.outputs,
        vocabulary=source.vocabulary,
        num_layers=experiment.layers,
    )
    initialise(
        model,
        torch.Generator().manual_seed(experiment.seed),
        scheme=experiment.init,
        gain=experiment.gain,
        bias=experiment.bias,
        keep_bias=experiment.keep_bias,
        longest=experiment.length,
    )
    return model


def optimiser_for(experiment: Experiment, model: nn.Module) -> torch.optim.Optimizer:
    """Returns the optimiser that an experiment names."""
    if experiment.optimiser == "adam":
        return torch.optim.Adam(model.parameters(), lr=experiment.rate, fused=True)
    if experiment.optimiser == "rmsprop":
        return torch.optim.RMSprop(model.parameters(), lr=experiment.rate)
    return torch.optim.SGD(model.parameters(), lr=experiment.rate)


class Learner:
    """A network in training. step counts the updates made; seconds their CPU time, checks excluded."""

    def __init__(self, experiment: Experiment, source: Source) -> None:
        self.experiment, self.source = experiment, source
        self.model = build(experiment, source)
        self.optimiser = optimiser_for(experiment, self.model)
        self.twin = build(experiment, source).double()
        self.step = 0
        self.seconds = 0.0

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self.model.parameters())

    def advance(self) -> tuple[float, float]:
        """Makes one step; returns (loss, norm of its gradient before clipping).

        Where either is not finite, the weights stay as they are: the run has diverged.
        """
        batch = self.source.batch(self.step)
        started = time.thread_time()
        self.optimiser.zero_grad()
        loss = self._backward(batch)
        norm = float(
            nn.utils.clip_grad_norm_(self.model.parameters(), self.experiment.max_norm or float("inf"))
        )
        if np.isfinite(loss) and np.isfinite(norm):
            self.optimiser.step()
        self.step += 1
        self.seconds += time.thread_time() - started
        return loss, norm

    def _backward(self, batch: Batch) -> float:
        window = self.experiment.truncate
        if not window or window >= len(batch.x):
            loss = loss_of(self.outputs(batch), batch)
            loss.backward()
            return loss.item()
        return self._backward_in_windows(batch, window)

    def _backward_in_windows(self, batch: Batch, window: int) -> float:
        """Truncated BPTT: the state runs on, the gradient ends at each window's border."""
        x = self.model.vectors(batch.x)
        asked = _asked(batch)
        total, state = 0.0, None
        for start in range(0, len(x), window):
            piece = slice(start, start + window)
            hidden, state = self.model.rnn(x[piece], state)
            state = _detached(state)
            loss = _piece_loss(self.model, hidden, batch, start, asked)
            if loss is not None:
                loss.backward(retain_graph=self.model.embedding is not None)
                total += loss.item()
        return total

    def outputs(self, batch: Batch) -> torch.Tensor:
        """Returns the readout (T - first, B, K) of the rows that are asked for."""
        hidden, _ = self.model.rnn(self.model.vectors(batch.x))
        return self.model.readout(hidden[batch.first :])

    @torch.no_grad()
    def check(self) -> float:
        """Returns the metric on held-out sequences: mean squared error, or share of right answers."""
        batch = self.source.held_out()
        outputs = self.outputs(batch)
        if self.source.metric == "error":
            return loss_of(outputs, batch).item()
        right = (outputs.argmax(-1) == batch.target[batch.first :])[judged(batch)]
        return right.float().mean().item()

    def passed(self, metric: float) -> bool:
        """Returns whether a metric reaches the goal; never where there is none."""
        goal = self.source.goal
        return metric < goal if self.source.metric == "error" else metric >= goal

    def probe(self) -> Probe:
        """Returns what the gradient of one unseen sequence looks like at this step."""
        batch = self.source.probe()
        self.twin.load_state_dict(self.model.state_dict())
        x = batch.x[:, 0]
        run = trace(self.twin, x.tolist() if x.ndim == 1 else x.double().numpy())
        flow = bptt(run, probe_gradient(run, batch))
        top = run.layers[-1]
        gates = {s: top.gate[s].mean(-1) for s in top.spec.gates}
        return Probe(self.step, flow.layers[-1].total_norm, gates)

    def state(self) -> dict[str, torch.Tensor]:
        """Returns all that the next steps depend on: weights, optimiser, step and seconds."""
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        for index, entries in self.optimiser.state_dict()["state"].items():
            for name, value in entries.items():
                tensors[f"optimiser.{index}.{name}"] = torch.as_tensor(value)
        tensors["progress"] = torch.tensor([self.step, self.seconds], dtype=torch.float64)
        return {name: value.detach().clone() for name, value in tensors.items()}

    def resume(self, tensors: dict[str, torch.Tensor]) -> None:
        """Goes on from a `state`."""
        self.model.load_state_dict(
            {n.removeprefix("model."): v for n, v in tensors.items() if n.startswith("model.")}
        )
        record = self.optimiser.state_dict()
        for name, value in tensors.items():
            if name.startswith("optimiser."):
                _, index, entry = name.split(".", 2)
                record["state"].setdefault(int(index), {})[entry] = value.clone()
        self.optimiser.load_state_dict(record)
        step, self.seconds = tensors["progress"].tolist()
        self.step = int(step)


def loss_of(outputs: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Returns the mean loss of outputs (T - first, B, K): squared error, or cross-entropy in nats."""
    if batch.target.ndim == 3:
        return F.mse_loss(outputs, batch.target[batch.first :])
    if batch.target.is_floating_point():
        return F.mse_loss(outputs[-1, :, 0], batch.target)
    return F.cross_entropy(outputs.flatten(0, 1), batch.target[batch.first :].flatten(), ignore_index=-1)


def probe_gradient(run: Trace, batch: Batch) -> np.ndarray:
    """Returns dL_t/dh_t (T, H) for the trace of a batch of one, of the losses a Probe is about."""
    assert run.logits is not None and run.readout is not None
    if batch.target.ndim == 3:
        gradient = np.zeros(run.output.shape)
        last = batch.target[-1, 0].double().numpy()
        gradient[-1] = 2.0 / len(last) * (run.logits[-1] - last) @ run.readout
        return gradient
    if batch.target.is_floating_point():
        gradient = np.zeros(run.output.shape)
        gradient[-1] = 2.0 * (run.logits[-1, 0] - float(batch.target[0])) * run.readout[0]
        return gradient
    target = batch.target[:, 0].numpy()
    asked = target >= 0
    if batch.judged is not None:
        asked = batch.judged[:, 0].numpy()
    loss = "last_step" if batch.judged is None and not batch.x.is_floating_point() else "each_step"
    run = replace(run, targets=np.where(asked, target, -1))
    gradient, losses = readout_gradient(run, loss)
    return gradient / np.count_nonzero(~np.isnan(losses))


def _asked(batch: Batch) -> int:
    """How many answers the mean loss is over."""
    if batch.target.ndim == 3:
        return batch.target.numel()
    return len(batch.target) if batch.target.is_floating_point() else int((batch.target >= 0).sum())


def _piece_loss(
    model: RecurrentModel, hidden: torch.Tensor, batch: Batch, start: int, asked: int
) -> torch.Tensor | None:
    """The window's part of the whole mean loss, or None where it holds no loss."""
    if batch.target.ndim == 3:
        part = batch.target[start : start + len(hidden)]
        return F.mse_loss(model.readout(hidden), part, reduction="sum") / asked
    if batch.target.is_floating_point():
        if start + len(hidden) < len(batch.x):
            return None
        return F.mse_loss(model.readout(hidden[-1])[:, 0], batch.target)
    target = batch.target[start : start + len(hidden)]
    if not (target >= 0).any():
        return None
    logits = model.readout(hidden).flatten(0, 1)
    return F.cross_entropy(logits, target.flatten(), ignore_index=-1, reduction="sum") / asked


def _detached(state):  # type: ignore[no-untyped-def]  # a tensor, a tuple or a list of them
    if isinstance(state, torch.Tensor):
        return state.detach()
    return type(state)(map(_detached, state))
