"""A network watched while it learns: gates and the gradient by distance on a few sequences, now and again.

    with watch(net, probe, every=50, optimizer=optimizer, callback=print) as watched:
        for x, y in data:
            ...
            optimizer.step()
    watched.looks[-1].gates["encoder.lstm"]["f"].mean

The training is not touched: nothing is added to .grad, and random states and training flags are put back.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch import nn

from explorer.gradients.bptt import QUIET, LayerFlow, direct_gradients, flow_of
from explorer.gradients.losses import seeds_of_network
from explorer.nn.capture import holding_layers, plain_network, watched
from explorer.nn.records import LayerTrace, Trace
from explorer.nn.tracing import in_sequences, trace_of

NEAR = 0.1
"""A gate within this of 0 or 1 is said to be shut or open."""


@dataclass(frozen=True)
class Gate:
    """A gate over all units, steps and sequences: mean, standard deviation, the shares shut and open."""

    mean: float
    deviation: float
    shut: float
    open: float


@dataclass(frozen=True, eq=False)
class Look:
    """What was seen after a step of the training.

    gates: layer -> gate -> Gate; gradient: layer -> (T+1,), ||dL/dh|| d steps before the layer's last, the
    mean over the sequences, NaN where there is no step. Layers have the names of their modules, and where one
    has several, `_l0`, `_l0_reverse`, ... after it. seconds: what the look took.
    """

    step: int
    gates: dict[str, dict[str, Gate]]
    gradient: dict[str, np.ndarray]
    seconds: float

    def flat(self) -> dict[str, float]:
        """Returns plain numbers by name, as loggers take them: `lstm/f/mean`, `lstm/gradient/first`, ...

        gradient/first is ||dL/dh_0||, gradient/reach how many steps back it is still a tenth of the largest.
        """
        found: dict[str, float] = {}
        for name, gates in self.gates.items():
            for symbol, gate in gates.items():
                found |= {f"{name}/{symbol}/{what}": value for what, value in vars(gate).items()}
        for name, norms in self.gradient.items():
            known = norms[~np.isnan(norms)]
            found[f"{name}/gradient/first"] = float(known[-1])
            found[f"{name}/gradient/reach"] = float(np.flatnonzero(known >= 0.1 * known.max())[-1])
        return found


@dataclass(eq=False)
class Watch:
    """A context that looks at a network now and again; `looks` are what it saw. See `watch`."""

    net: nn.Module
    probe: tuple[Any, ...]
    every: int
    loss: Callable[[Any], torch.Tensor] | None = None
    callback: Callable[[Look], Any] | None = None
    optimizer: torch.optim.Optimizer | None = None
    looks: list[Look] = field(default_factory=list)
    steps: int = 0
    _hook: Any = field(default=None, repr=False)

    def __enter__(self) -> "Watch":
        if self.optimizer is not None:
            self._hook = self.optimizer.register_step_post_hook(lambda *_: self.step())
        self.look()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if self._hook is not None:
            self._hook.remove()

    def step(self) -> None:
        """Counts a step of the training, and looks where it is time."""
        self.steps += 1
        if self.steps % self.every == 0:
            self.look()

    def look(self) -> Look:
        """Looks now, keeps what it sees and hands it to the callback."""
        begun = time.perf_counter()
        gates: dict[str, dict[str, Gate]] = {}
        gradient: dict[str, np.ndarray] = {}
        for name, trace, seeds in self._runs():
            for of in flow_of(trace, seeds, totals=True).layers:
                own = _name(name, of.layer, trace)
                gates[own] = {s: _gate(of.layer, s) for s in of.layer.spec.gates if s in of.layer.gate}
                gradient[own] = _by_distance(of)
        found = Look(self.steps, gates, gradient, time.perf_counter() - begun)
        self.looks.append(found)
        if self.callback is not None:
            self.callback(found)
        return found

    def _runs(self) -> Iterator[tuple[str, Trace, list[np.ndarray]]]:
        """Yields the layers that the probe goes through, with the loss's direct gradients."""
        if self.loss is not None:
            for name, trace, given in seeds_of_network(self.net, self.probe, {}, self.loss):
                yield name, trace, direct_gradients(trace, given.output, given.h_n, given.c_n)
            return
        net = holding_layers(plain_network(self.net))
        for call in in_sequences(net, watched(net, self.probe, {})[0]):
            trace = trace_of(call)
            yield call.name, trace, direct_gradients(trace, None, _of_the_last_layer(trace), None)


def watch(
    net: nn.Module,
    probe: Any,
    *,
    every: int = 50,
    loss: Callable[[Any], torch.Tensor] | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    callback: Callable[[Look], Any] | None = None,
) -> Watch:
    """Returns a context that looks at a network on a probe, before the first and after every n-th step.

    probe: what its forward takes, a tensor or a tuple of arguments: a few sequences are enough. loss: a
    function of what the network gives; without one the gradient is that of each layer's last state along
    itself. Steps are those of the optimizer, or calls of `step()`. callback takes each Look; its `flat()`
    suits any logger. Raises ValueError for every < 1, TypeError for a network without recurrent layers.
    """
    if every < 1:
        raise ValueError(f"every is 1 or more, not {every}")
    packed = isinstance(probe, nn.utils.rnn.PackedSequence)
    given = probe if isinstance(probe, tuple) and not packed else (probe,)
    return Watch(net, given, every, loss, callback, optimizer)


def _of_the_last_layer(trace: Trace) -> np.ndarray:
    """Returns dL/dh_n (L, ..., H) of a loss that is the length of the last layer's last state."""
    ends = np.zeros(trace.h_n.shape)
    for k, layer in enumerate(trace.layers):
        if layer.layer == trace.layers[-1].layer:
            size = np.linalg.norm(layer.final, axis=-1, keepdims=True)
            ends[k] = layer.final / np.where(size > 0.0, size, 1.0)
    return ends


def _name(name: str, layer: LayerTrace, trace: Trace) -> str:
    if len(trace.layers) == 1:
        return name or "layer"
    return f"{name}_l{layer.layer}{'_reverse' * layer.reverse}".lstrip("_")


def _gate(layer: LayerTrace, symbol: str) -> Gate:
    values = layer.gate[symbol][layer.within]
    shut, opened = values < NEAR, values > 1.0 - NEAR
    return Gate(float(values.mean()), float(values.std()), float(shut.mean()), float(opened.mean()))


@np.errstate(**QUIET)
def _by_distance(of: LayerFlow) -> np.ndarray:
    """Returns the norms (T+1,) by the distance to the layer's last step, the mean over the sequences."""
    norms, layer = of.total_norm.reshape(of.layer.steps + 1, -1), of.layer  # (T+1, B)
    distance = np.arange(layer.steps + 1)[:, None]
    if layer.reverse:
        rows = np.broadcast_to(distance, norms.shape)
        there = rows <= (layer.steps if layer.lengths is None else layer.lengths)
    else:
        rows = (layer.steps if layer.lengths is None else layer.lengths) - distance
        rows = np.broadcast_to(rows, norms.shape)
        there = rows >= 0
    found = np.take_along_axis(norms, np.clip(rows, 0, layer.steps), 0)
    count = there.sum(1)
    return np.where(count > 0, np.where(there, found, 0.0).sum(1) / np.maximum(count, 1), np.nan)
