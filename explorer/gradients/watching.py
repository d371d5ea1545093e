"""A network watched while it learns: gates and the gradient by distance on a few sequences, now and again.

    with watch(net, probe, every=50, optimizer=optimizer, callback=print) as watched:
        for x, y in data:
            ...
            optimizer.step()
    watched.looks[-1].gates["encoder.lstm"]["f"].mean

The training is not touched: nothing is added to .grad, and random states and training flags are put back.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch import nn

from explorer.gradients.bptt import QUIET, GradientFlow, LayerFlow, direct_gradients, flow_of
from explorer.gradients.losses import seeds_of_network
from explorer.nn.capture import Call, holding_layers, plain_network, watched
from explorer.nn.records import LayerTrace, Trace
from explorer.nn.tracing import in_chains, in_sequences, trace_of

NEAR = 0.1
"""A gate within this of 0 or 1 is said to be shut or open."""


@dataclass(frozen=True)
class Gate:
    """A gate over all units, steps and sequences: mean, standard deviation, the shares shut and open."""

    mean: float
    deviation: float
    shut: float
    open: float


@dataclass(frozen=True, eq=False, repr=False)
class Look:
    """What was seen after a step of the training.

    gates: layer -> gate -> Gate; gradient: layer -> (T+1,), ||dL/dh|| d steps before the layer's last, the
    mean over the sequences, NaN where there is no step. Layers have the names of their modules, and where one
    has several, `_l0`, `_l0_reverse`, ... after it. Calls that go on from each other's states, as in a
    decoder's loop, are one run; where a layer has several they are `rnn[0]`, `rnn[1]`, ... in the order of
    the calls. seconds: what the look took.
    """

    step: int
    gates: dict[str, dict[str, Gate]]
    gradient: dict[str, np.ndarray]
    seconds: float

    def __repr__(self) -> str:
        return f"Look(after step {self.step}, {self.seconds:.2g} s: {len(self.gates)} layers)"

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


@dataclass(eq=False, repr=False)
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

    def __repr__(self) -> str:
        return f"Watch({type(self.net).__name__}, every {self.every} steps: {len(self.looks)} looks)"

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
        for name, run in self._runs():
            for parts in zip(*(flow.layers for flow in run), strict=True):
                layer = parts[0].layer
                own = _name(name, layer, len(run[0].layers))
                symbols = (s for s in layer.spec.gates if s in layer.gate)
                gates[own] = {s: _gate([of.layer for of in parts], s) for s in symbols}
                gradient[own] = _by_distance(parts)
        found = Look(self.steps, gates, gradient, time.perf_counter() - begun)
        self.looks.append(found)
        if self.callback is not None:
            self.callback(found)
        return found

    def _runs(self) -> Iterator[tuple[str, list[GradientFlow]]]:
        """Yields the runs of each layer that the probe goes through, by name: the flows of their calls."""
        if self.loss is not None:
            seen = list(seeds_of_network(self.net, self.probe, {}, self.loss))
            rows = {id(c): (t, direct_gradients(t, s.output, s.h_n, s.c_n)) for c, t, s in seen}
            calls = [call for call, _, _ in seen]
        else:
            net = holding_layers(plain_network(self.net))
            calls = in_sequences(net, watched(net, self.probe, {})[0])
        by_name: dict[str, list[Call]] = {}
        for call in calls:
            by_name.setdefault(call.name, []).append(call)
        for name, own in by_name.items():
            chains = in_chains(own)
            for k, chain in enumerate(chains):
                if self.loss is None:
                    flows = _of_last_states([trace_of(call) for call in chain])
                else:
                    flows = [flow_of(*rows[id(call)], totals=True) for call in chain]
                yield name if len(chains) == 1 else f"{name}[{k}]", flows


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


def _of_last_states(chain: Sequence[Trace]) -> list[GradientFlow]:
    """Returns the flows of calls that go on from each other, of the size of the very last state."""
    ends: dict[str, Any] = {"dL_dh_n": _of_the_last_layer(chain[-1]), "dL_dc_n": None}
    flows: list[GradientFlow] = []
    for trace in reversed(chain):
        flows.insert(0, flow_of(trace, direct_gradients(trace, None, *ends.values()), totals=True))
        if trace is not chain[0]:
            first = {
                s: np.stack([of.totals[s][0] for of in flows[0].layers]) for s in flows[0].layers[0].totals
            }
            ends = {"dL_dh_n": first["h"], "dL_dc_n": first.get("c")}
    return flows


def _name(name: str, layer: LayerTrace, layers: int) -> str:
    if layers == 1:
        return name or "layer"
    return f"{name}_l{layer.layer}{'_reverse' * layer.reverse}".lstrip("_")


def _gate(layers: Sequence[LayerTrace], symbol: str) -> Gate:
    values = np.concatenate([layer.gate[symbol][layer.within].ravel() for layer in layers])
    shut, opened = values < NEAR, values > 1.0 - NEAR
    return Gate(float(values.mean()), float(values.std()), float(shut.mean()), float(opened.mean()))


@np.errstate(**QUIET)
def _by_distance(run: Sequence[LayerFlow]) -> np.ndarray:
    """Returns the norms (T+1,) by the distance to the run's last step, the mean over the sequences.

    Of several calls each but the first goes on from the last state of the one before.
    """
    rows = [of.total_norm.reshape(of.layer.steps + 1, -1) for of in run]  # (T+1, B) each
    norms = np.concatenate([rows[0], *(part[1:] for part in rows[1:])])
    steps, layer = len(norms) - 1, run[0].layer
    ends = steps if layer.lengths is None else layer.lengths
    distance = np.broadcast_to(np.arange(steps + 1)[:, None], norms.shape)
    at = distance if layer.reverse else ends - distance
    there = distance <= ends
    found = np.take_along_axis(norms, np.clip(at, 0, steps), 0)
    count = there.sum(1)
    return np.where(count > 0, np.where(there, found, 0.0).sum(1) / np.maximum(count, 1), np.nan)
