"""Backpropagation through time over a trace, in closed form.

    g = bptt(trace(torch.nn.LSTM(8, 16), x), dL_dh)   # dL_dh (T, H): row t-1 is dL_t/dh_t
    g.norm[t - 1, k]                                  # ||dL_t/dh_k||: the loss at t, the state at k

    g = bptt(net, ids, loss=lambda y: cross_entropy(y, labels))   # any network, any scalar loss
    g["encoder.lstm"].norm

k is the source step, t the loss step. Everything is float64; totals alone of a float32 layer meet its W_hh in
float32, which changes them less than its rounded gates do. Sums over losses are sums of vectors.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from typing import Any, overload

import numpy as np
import torch
from torch import nn

from explorer.cells import CellSpec, LayerWeights
from explorer.cells.spec import Back, EachUnit, InOneProduct
from explorer.gradients.losses import seeds_of, seeds_of_network
from explorer.limits import FLOAT32_MAX
from explorer.nn.reading import as_array, frozen
from explorer.nn.records import ByName, LayerTrace, Trace
from explorer.nn.softmax import log_softmax
from explorer.shown import Shown

LOSSES = ("last_step", "each_step")
QUIET: Any = {"over": "ignore", "invalid": "ignore", "divide": "ignore"}
"""How NumPy is told that an explosion is a result."""

AT_ONCE = 2**19
"""Bytes of a walk's rows and Jacobians that are held at once: half of a core's cache."""

FEWEST = 4
"""Steps that are held at once though they take more bytes."""

OPERATIONS = 2e10
"""Float64 multiplications and additions of a walk in a second, on a slow core."""

LONG = 10.0
"""Seconds from which it is said how long a triangle takes."""

VANISHED = 1e-6
"""A gradient that shrank by this factor from the last to the first state is said to have vanished."""


@dataclass(frozen=True, eq=False, repr=False)
class LayerFlow:
    """The gradient of one layer and direction. H units, T steps; arrays are read-only float64.

    norms: state -> (T, T+1): row t-1, column k is ||dL_t/ds_k||, k as the rows of LayerTrace.states; NaN
    where the loss at t does not depend on s_k. totals: state -> (T+1, H), dL/ds_k of the summed loss. What a
    state does through the others of its step is in both. layer is in PyTorch's notation; local are its
    local_derivatives. All else is of the summed loss too, and worked out when it is asked for.
    Of a batch, and where totals alone were asked for, there are no norms; a batch axis then stands after
    time, and weight gradients are summed over it. After a projection (proj_size) h is what it is made of.
    """

    norms: dict[str, np.ndarray]
    totals: dict[str, np.ndarray]
    layer: LayerTrace
    local: dict[str, np.ndarray]

    @property
    def norm(self) -> np.ndarray:
        """||dL_t/dh_k|| (T, T+1)."""
        if not self.norms:
            raise ValueError(
                "there are totals only; of a batch, `sequence(number)` of the whole gradient has the triangle"
            )
        return self.norms["h"]

    @property
    def norm_c(self) -> np.ndarray | None:
        """||dL_t/dc_k|| (T, T+1), or None."""
        return self.norms.get("c")

    @property
    def total(self) -> np.ndarray:
        """dL/dh_k (T+1, H)."""
        return self.totals["h"]

    @property
    def total_c(self) -> np.ndarray | None:
        """dL/dc_k (T+1, H), or None."""
        return self.totals.get("c")

    @property
    @np.errstate(**QUIET)
    def total_norms(self) -> dict[str, np.ndarray]:
        """||dL/ds_k|| by state (T+1,): the norm of the sum, not the sum of norms."""
        return {s: lengths(total) for s, total in self.totals.items()}

    @property
    @np.errstate(**QUIET)
    def total_norm(self) -> np.ndarray:
        """||dL/dh_k|| (T+1,)."""
        return lengths(self.total)

    @property
    def total_norm_c(self) -> np.ndarray | None:
        """||dL/dc_k|| (T+1,), or None."""
        return self.total_norms.get("c")

    @cached_property
    @np.errstate(**QUIET)
    def _back(self) -> Back:
        after = slice(None, -1) if self.layer.reverse else slice(1, None)
        totals = {s: total[after] for s, total in self.totals.items()}
        return self.layer.spec.back(self.local, self._weights, totals)

    @cached_property
    def _weights(self) -> LayerWeights:
        return _in_float64(self.layer.weights)

    @cached_property
    @np.errstate(**QUIET)
    def through(self) -> dict[str, np.ndarray]:
        """Gate -> (T, H), the share of dL/dh_{k-1} that came back through it at step k, in row k-1."""
        return {s: frozen(share) for s, share in self._back.through(self._weights).items()}

    @cached_property
    def kept(self) -> np.ndarray | None:
        """The share (T, H) of dL/dh_{k-1} that came past all gates at step k, in row k-1, or None."""
        return frozen(self._back.kept["h"]) if "h" in self._back.kept else None

    @cached_property
    def pre(self) -> np.ndarray:
        """dL/d(W x + b) by step (T, G*H)."""
        return frozen(self._weights.pack(self._back.pre))

    @cached_property
    def rec(self) -> np.ndarray:
        """dL/d(U h + b') by step (T, R*H)."""
        return frozen(self._weights.pack_state(self._back.rec) if self._back.rec else self.pre[:, :0])

    @cached_property
    @np.errstate(**QUIET)
    def source(self) -> dict[str, np.ndarray]:
        """Gate -> (T, H), what U was applied to."""
        applied = self.layer.spec.applied
        return {s: self.local[applied.get(s, "h_prev")] for s in self._weights.seeing}

    @cached_property
    @np.errstate(**QUIET)
    def x(self) -> np.ndarray:
        """dL/dx (T, D)."""
        return frozen(self._weights.to_input(self._back.pre))

    @np.errstate(**QUIET)
    def weight_gradient(self) -> dict[str, np.ndarray]:
        """Returns dL/dW_ih (G*H, D), dL/dW_hh (R*H, H) and dL/db (G*H,), (R*H,), as PyTorch packs them.

        And dL/dp (P*H,) as `peephole`, dL/dW_hr (P, H) as `weight_hr`; without those that the cell does not
        have.
        """
        pre, x = _rows(self.pre), _rows(self.layer.x)
        found = {"weight_ih": pre.T @ x, "bias_ih": pre.sum(0)}
        if self._weights.w_hh is not None:
            source = {s: _rows(value) for s, value in self.source.items()}
            found["weight_hh"] = recurrent_gradient(_rows(self.rec), source, self._weights)
            found["bias_hh"] = _rows(self.rec).sum(0)
        if self._weights.peepholes is not None:
            own = [_rows(self._back.own[s]) for s in self._weights.peephole_blocks]
            found["peephole"] = np.concatenate(own, -1).sum(0)
        if self.layer.projection is not None:
            projection = self.layer.projection.astype(np.float64)
            found["weight_hh"] = found["weight_hh"] @ projection.T
            after = slice(None, -1) if self.layer.reverse else slice(1, None)
            at_output = self.total[after] @ np.linalg.pinv(projection)  # dL/dh = dL/d(output) @ projection
            if self.layer.lengths is not None:  # past its end a state stays: nothing is projected there
                at_output = np.where(self.layer.within[..., None], at_output, 0.0)
            found["weight_hr"] = _rows(at_output).T @ _rows(self.layer.signal("h"))
        return found

    @np.errstate(**QUIET)
    def weight_gradient_by_step(self) -> dict[str, np.ndarray]:
        """Returns what each step adds to dL/dW_ih (T, G*H, D), dL/dW_hh (T, R*H, H) and the biases (T, G*H).

        They sum to `weight_gradient`. Of one sequence. T times as large as the weights.
        """
        _check(self.layer)
        found = {"weight_ih": self.pre[:, :, None] * self.layer.x[:, None], "bias_ih": self.pre}
        if self._weights.w_hh is not None:
            w = self._weights
            by_block = [self.rec[:, w.state_rows(s), None] * self.source[s][:, None] for s in w.seeing]
            found["weight_hh"], found["bias_hh"] = np.concatenate(by_block, 1), self.rec
        if self._weights.peepholes is not None:
            own = [self._back.own[s] for s in self._weights.peephole_blocks]
            found["peephole"] = np.concatenate(own, -1)
        return found

    def window(self, start: int, length: int) -> "LayerFlow":
        """Returns steps start .. start+length-1: their losses, and the states before and after them."""
        steps, states = slice(start - 1, start - 1 + length), slice(start - 1, start + length)
        norms = {s: table[steps, states] for s, table in self.norms.items()}
        totals = {s: rows[states] for s, rows in self.totals.items()}
        local = {name: value[steps] for name, value in self.local.items()}
        return LayerFlow(norms, totals, self.layer.window(start, length), local)

    def along(self) -> "LayerFlow":
        """Returns the flow in the order in which its layer reads: turned round where it runs against time."""
        if not self.layer.reverse:
            return self
        norms = {s: table[::-1, ::-1] for s, table in self.norms.items()}
        totals = {s: rows[::-1] for s, rows in self.totals.items()}
        local = {name: value[::-1] for name, value in self.local.items()}
        return LayerFlow(norms, totals, self.layer.along(), local)

    def __repr__(self) -> str:
        return f"LayerFlow({self.layer!r}{'' if self.norms else ', totals only'})"

    @np.errstate(**QUIET)
    def weight_norms(self) -> dict[str, np.ndarray]:
        """Returns how much each step adds to dL/dW_ih and dL/dW_hh: Frobenius norms (T,)."""
        w = self._weights
        found = {"weight_ih": lengths(self.pre) * lengths(self.layer.x.astype(np.float64, copy=False))}
        if w.seeing:
            by_block = [lengths(self.rec[:, w.state_rows(s)]) * lengths(self.source[s]) for s in w.seeing]
            found["weight_hh"] = lengths(np.stack(by_block, -1))
        return found


@dataclass(frozen=True, eq=False, repr=False)
class GradientFlow(Shown):
    """The gradient of a trace: one LayerFlow per layer and direction, in the trace's order.

    status: `ok`, `vanished` (dL/dh_0 under 1e-6 of that of the last state a loss reaches), `exploded`
    (past float32's largest number) or `nonfinite`; first_bad is the source step, met going back, at
    which it left float32. Both speak of the first layer.
    A flow of one layer can be used directly: g.norm, g.total, ...
    """

    layers: tuple[LayerFlow, ...]
    loss: np.ndarray | None = None
    """Loss by step (T,), NaN where there is none; None where dL_dh was given."""
    alone: Callable[[int], "GradientFlow"] | None = field(default=None, repr=False)
    """Of a batch: what gives the gradient of one sequence."""
    tokens: tuple[str, ...] | None = None
    """The trace's tokens (T,) as shown, or None."""

    def sequence(self, number: int) -> "GradientFlow":
        """Returns the gradient of one sequence of a batch, from 0, with its triangle."""
        if self.alone is None:
            raise ValueError("this is the gradient of one sequence, not of a batch")
        return self.alone(number)

    def __repr__(self) -> str:
        layer = self.layers[0]
        only = "" if layer.norms else ", totals only"
        return f"GradientFlow({len(self.layers)} x {layer.layer!r}{only}: {self.status})"

    def _one(self) -> LayerFlow:
        if len(self.layers) != 1:
            raise ValueError(f"this flow has {len(self.layers)} layers and directions; use flow.layers[k]")
        return self.layers[0]

    @property
    def norms(self) -> dict[str, np.ndarray]:
        return self._one().norms

    @property
    def totals(self) -> dict[str, np.ndarray]:
        return self._one().totals

    @property
    def norm(self) -> np.ndarray:
        return self._one().norm

    @property
    def norm_c(self) -> np.ndarray | None:
        return self._one().norm_c

    @property
    def total(self) -> np.ndarray:
        return self._one().total

    @property
    def total_c(self) -> np.ndarray | None:
        return self._one().total_c

    @property
    def total_norm(self) -> np.ndarray:
        return self._one().total_norm

    @property
    def finite(self) -> np.ndarray:
        """Whether ||dL/dh_k|| is finite (T+1,), in the first layer; of a batch, in every sequence."""
        return np.isfinite(self._reached)

    @property
    def _reached(self) -> np.ndarray:
        norms = self.layers[0].total_norm
        return norms if norms.ndim == 1 else norms.max(-1)

    @property
    def first_bad(self) -> int | None:
        """The source step, going back, whose gradient first left float32; None if none did."""
        bad = np.flatnonzero(~(self._reached <= FLOAT32_MAX))
        return int(bad.max()) if bad.size else None

    @property
    def status(self) -> str:
        norms = self._reached
        if not self.finite.all():
            return "nonfinite"
        if norms.max() > FLOAT32_MAX:
            return "exploded"
        reached = norms[norms > 0.0]  # a text's last word has no loss: no gradient there
        return "vanished" if reached.size and norms[0] < VANISHED * reached[-1] else "ok"


class GradientFlows(ByName):
    """The gradient in each recurrent layer of a network: name -> GradientFlow, or a list of them."""


@overload
def bptt(
    trace: Trace | LayerTrace,
    /,
    dL_dh: Any = None,
    *,
    loss: str | torch.Tensor | None = None,
    output: Any = None,
    dL_dh_n: Any = None,
    dL_dc_n: Any = None,
    totals: bool = False,
) -> GradientFlow: ...
@overload
def bptt(
    trace: nn.Module,
    /,
    *inputs: Any,
    loss: Callable[[Any], torch.Tensor],
    totals: bool = False,
    **named: Any,
) -> GradientFlows: ...
def bptt(trace: Any, /, *inputs: Any, loss: Any = None, totals: bool = False, **named: Any) -> Any:
    """Returns the gradient of losses with respect to every state before: a GradientFlow.

    Of a Trace, `bptt(trace, dL_dh=None, *, loss, output, dL_dh_n, dL_dc_n, totals)`:
    dL_dh (T, H): row t-1 is the direct dL_t/dh_t of the loss at step t on the last layer's output, H over
    both directions; or a table of states, {"h": dL_dh, "c": dL_dc}. dL_dh_n, dL_dc_n (L, H): those of a loss
    on the last states of all layers and directions, as PyTorch's h_n and c_n; they stand in the row of the
    step after which that state is. loss: `last_step` or `each_step`, the cross-entropy of the next token, for
    the trace of a model with a vocabulary (`targets` and `readout` are in the trace); or a scalar tensor of
    your own, with output: what the layer gave in its graph, `out`, `(out, h_n)` or `(out, (h_n, c_n))`;
    autograd goes from the loss to these, the closed form from there. Arrays of a batch have it after time.

    Of a network, `bptt(net, *inputs, loss=...)`: loss takes what the network gives and returns a scalar. It
    runs once, as in `trace`, and gives GradientFlows: name of the layer -> GradientFlow, or a list of them.

    totals: only dL/d(state) of the summed loss, without the triangle of losses and steps: one walk back. A
    batch has totals, and `sequence(number)` gives the whole of one. Raises ValueError for what does not fit.
    Werbos 1990; Pascanu et al. 2013, eq. 3-5.
    """
    if isinstance(trace, nn.Module):
        return _of_network(trace, inputs, named, loss, totals)
    return _of_trace(trace, *inputs, loss=loss, totals=totals, **named)


def _of_trace(
    trace: Trace | LayerTrace,
    dL_dh: Any = None,
    *,
    loss: Any = None,
    output: Any = None,
    dL_dh_n: Any = None,
    dL_dc_n: Any = None,
    totals: bool = False,
) -> GradientFlow:
    whole = Trace((trace,)) if isinstance(trace, LayerTrace) else trace
    if whole.layers[0].changed:
        raise ValueError("a gradient takes a run as its equations made it, not one with interventions")
    by_step = None
    if isinstance(loss, torch.Tensor):
        if dL_dh is not None or dL_dh_n is not None or dL_dc_n is not None:
            raise ValueError("give a loss, or gradients of one, not both")
        given = seeds_of(loss, output, whole)
        dL_dh, dL_dh_n, dL_dc_n = given.output, given.h_n, given.c_n
    elif loss is not None and not isinstance(loss, str):
        raise ValueError("loss is a scalar tensor, or its name; a function of the output goes with a network")
    elif dL_dh is None and dL_dh_n is None and dL_dc_n is None:
        if whole.x.ndim == 3:
            raise ValueError("the trace of a batch has no losses of its own; give dL_dh")
        dL_dh, by_step = readout_gradient(whole, loss or "last_step")
    seeds = direct_gradients(whole, dL_dh, dL_dh_n, dL_dc_n)
    return flow_of(whole, seeds, totals, by_step)


def _of_network(
    net: nn.Module, inputs: Sequence[Any], named: Mapping[str, Any], loss: Any, totals: bool
) -> GradientFlows:
    """Returns each layer's gradient by its name, or a list of them where it was called several times."""
    found: dict[str, list[GradientFlow]] = {}
    for call, trace, s in seeds_of_network(net, inputs, named, loss):
        flow = flow_of(trace, direct_gradients(trace, s.output, s.h_n, s.c_n), totals)
        found.setdefault(call.name, []).append(flow)
    return GradientFlows(found)


def flow_of(
    trace: Trace, seeds: list[np.ndarray], totals: bool = False, loss: np.ndarray | None = None
) -> GradientFlow:
    """Returns the gradient of losses whose direct gradients of each layer's states are seeds (T, ..., S)."""
    if trace.x.ndim == 3:
        alone = partial(_flow_of_one, trace, seeds)
        return GradientFlow(_totals_through_layers(trace, seeds), loss, alone, trace.tokens)
    if totals:
        return GradientFlow(_totals_through_layers(trace, seeds), loss, None, trace.tokens)
    _say_how_long(trace)
    return GradientFlow(_through_layers(trace, seeds), loss, None, trace.tokens)


def _flow_of_one(trace: Trace, seeds: list[np.ndarray], number: int) -> GradientFlow:
    pairs = zip(seeds, trace.layers, strict=True)
    return flow_of(trace.sequence(number), [_of_one(seed, layer, number) for seed, layer in pairs])


def _of_one(seed: np.ndarray, layer: LayerTrace, number: int) -> np.ndarray:
    """Returns one sequence's seeds (t, S), as long as it is: what meets its state past the end moves in."""
    if layer.lengths is None:
        return seed[:, number]
    end = int(layer.lengths[number])
    found = seed[:end, number].copy()
    if not layer.reverse:
        found[-1] += seed[end:, number].sum(0)
    return found


def _say_how_long(trace: Trace) -> None:
    """Warns where the triangle takes more than some seconds: each loss walks through every step before."""
    T = trace.steps
    sizes = (len(u.states) * u.hidden_size for u in trace.layers)
    seconds = sum(2.0 * T * T * S * S for S in sizes) / OPERATIONS
    if seconds > LONG:
        warnings.warn(
            f"the triangle of {T} losses takes about {seconds:.0f} s on one core; totals=True takes one walk",
            stacklevel=4,
        )


def direct_gradients(trace: Trace, dL_dh: Any, dL_dh_n: Any, dL_dc_n: Any) -> list[np.ndarray]:
    """Returns each layer's direct gradients (T, ..., H), or (T, ..., S) where they are of c too."""
    given = dL_dh if isinstance(dL_dh, Mapping) else {} if dL_dh is None else {"h": dL_dh}
    last = trace.layers[-1]
    if unknown := given.keys() - last.states.keys():
        raise ValueError(f"{last.cell} has the states {tuple(last.states)}, not {sorted(unknown)}")
    if dL_dc_n is not None and "c" not in last.states:
        raise ValueError(f"{last.cell} has no cell state")
    top = [k for k, u in enumerate(trace.layers) if u.layer == last.layer]
    found: list[dict[str, np.ndarray]] = [{} for _ in trace.layers]
    for s, rows in given.items():
        parts = np.split(_of_shape(rows, _shape_of(trace, s), f"dL_d{s}"), len(top), -1)
        for k, part in zip(top, parts, strict=True):
            found[k][s] = part if trace.layers[k].lengths is None else _within(part, trace.layers[k])
    for s, ends in (("h", dL_dh_n), ("c", dL_dc_n)):
        if ends is not None:
            wanted = trace.h_n.shape if s == "h" else (len(trace.layers), *trace.layers[0].h.shape[1:])
            for k, row in enumerate(_of_shape(ends, wanted, f"dL_d{s}_n")):
                u = trace.layers[k]
                rows = found[k][s].copy() if s in found[k] else np.zeros((u.steps, *row.shape))
                rows[0 if u.reverse else -1] += row
                found[k][s] = rows
    return [_joined(u, table) for u, table in zip(trace.layers, found, strict=True)]


def _shape_of(trace: Trace, state: str) -> tuple[int, ...]:
    """The shape of direct gradients of a state, over the directions of the last layer."""
    if state == "h":
        return trace.output.shape
    last = [u for u in trace.layers if u.layer == trace.layers[-1].layer]
    return (*trace.output.shape[:-1], len(last) * last[0].hidden_size)


def _of_shape(values: Any, shape: tuple[int, ...], name: str) -> np.ndarray:
    array = as_array(values).astype(np.float64, copy=False)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}")
    return array


def _within(rows: np.ndarray, layer: LayerTrace) -> np.ndarray:
    """Past the end of a sequence its output is 0, whatever the state: no gradient comes from there."""
    return np.where(layer.within[..., None], rows, 0.0)


def _joined(layer: LayerTrace, by_state: dict[str, np.ndarray]) -> np.ndarray:
    """Returns seeds (T, ..., H) or (T, ..., S) of a layer from those of its states."""
    h = by_state.get("h")
    if h is not None and layer.projection is not None:
        h = h @ layer.projection.astype(np.float64)
    nothing = np.zeros((layer.steps, *layer.x.shape[1:-1], layer.hidden_size))
    first = nothing if h is None else h
    if not by_state.keys() - {"h"}:
        return first
    rest = (by_state.get(s, nothing) for s in layer.states if s != "h")
    return np.concatenate([first, *rest], -1)


def _check(layer: LayerTrace) -> None:
    if layer.x.ndim != 2:
        raise ValueError("this takes the trace of one sequence (T, D), not of a batch: see `sequence`")
    if layer.changed:
        raise ValueError("a gradient takes a run as its equations made it, not one with interventions")


@np.errstate(**QUIET)
def readout_gradient(trace: Trace, loss: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns (dL_t/dh_t (T, H), L_t (T,)) of the cross-entropy of the next token.

    `last_step` keeps the last loss only. Raises ValueError for a trace without readout or targets.
    """
    if loss not in LOSSES:
        raise ValueError(f"unknown loss {loss!r}; choose one of {LOSSES}")
    if trace.logits is None or trace.readout is None or trace.targets is None:
        raise ValueError("this trace has no readout with targets; give dL_dh")
    logits, targets = trace.logits.astype(np.float64), trace.targets
    known = np.flatnonzero(targets >= 0)
    if loss == "last_step":
        known = known[-1:]
    log_p = log_softmax(logits)
    by_step = np.full(len(logits), np.nan)
    by_step[known] = -log_p[known, targets[known]]
    d_logits = np.zeros_like(logits)
    d_logits[known] = np.exp(log_p[known])
    d_logits[known, targets[known]] -= 1.0
    return d_logits @ trace.readout.astype(np.float64), by_step


def _levels(trace: Trace) -> list[list[int]]:
    """Returns the places of each level's directions in the trace's layers, the last level first."""
    levels: dict[int, list[int]] = {}
    for k, layer in enumerate(trace.layers):
        levels.setdefault(layer.layer, []).append(k)
    return [levels[level] for level in sorted(levels, reverse=True)]


def _through_layers(trace: Trace, seeds: list[np.ndarray]) -> tuple[LayerFlow, ...]:
    """Walks the layers from the last to the first; a lower one takes dL/dx of those above."""
    both_ways = any(layer.reverse for layer in trace.layers)
    above: np.ndarray | None = None
    flows: dict[int, LayerFlow] = {}
    levels = _levels(trace)
    for level in levels:
        causal = not both_ways or above is None  # else the layer above sees the past and the future
        entering = [None] * len(level) if above is None else np.split(above, len(level), -1)
        needs_x = level is not levels[-1]
        results = [
            _back_through_time(trace.layers[k], seeds[k], part, causal, needs_x)
            for k, part in zip(level, entering, strict=True)
        ]
        flows |= {k: flow for k, (flow, _) in zip(level, results, strict=True)}
        if needs_x:
            above = np.sum([dx for _, dx in results if dx is not None], axis=0)
    return tuple(flows[k] for k in range(len(trace.layers)))


def _totals_through_layers(trace: Trace, seeds: list[np.ndarray]) -> tuple[LayerFlow, ...]:
    """The same for the summed loss alone, and for a batch at once."""
    above: np.ndarray | None = None
    flows: dict[int, LayerFlow] = {}
    levels = _levels(trace)
    for level in levels:
        entering = [None] * len(level) if above is None else np.split(above, len(level), -1)
        for k, part in zip(level, entering, strict=True):
            flows[k] = _summed_through_time(trace.layers[k], seeds[k], part)
        if level is not levels[-1]:
            above = np.sum([flows[k].x for k in level], axis=0)
    return tuple(flows[k] for k in range(len(trace.layers)))


def _summed_through_time(layer: LayerTrace, seeds: np.ndarray, above: np.ndarray | None) -> LayerFlow:
    """One layer, the summed loss: seeds (T, ..., H or S), above (T, ..., H or P) from the layers above."""
    layer = layer.in_notation("pytorch")
    weights = _in_float64(layer.weights)
    local = local_derivatives(layer, weights)
    if above is not None:
        seeds = seeds.copy()
        seeds[..., : layer.hidden_size] += _to_h(above, layer)
    turn = slice(None, None, -1) if layer.reverse else slice(None)
    steps = {name: value[turn] for name, value in local.items()}
    within = None if layer.lengths is None else layer.within[turn]
    with np.errstate(**QUIET):
        totals = _walk_totals(layer.spec, weights, steps, seeds[turn], within, _single(layer.weights))
    return LayerFlow({}, {s: frozen(rows[turn]) for s, rows in totals.items()}, layer, local)


def _single(weights: LayerWeights) -> np.ndarray | None:
    """Returns W_hh of a layer in float32: its gates have no more digits."""
    return weights.w_hh if weights.w_hh is not None and weights.w_hh.dtype == np.float32 else None


def _to_h(above: np.ndarray, layer: LayerTrace) -> np.ndarray:
    """Returns dL/dh from dL/d(output), where a projection is between them."""
    return above if layer.projection is None else above @ layer.projection.astype(np.float64)


def _walk_totals(
    spec: CellSpec,
    weights: LayerWeights,
    local: dict[str, np.ndarray],
    seeds: np.ndarray,
    within: np.ndarray | None,
    single: np.ndarray | None,
) -> dict[str, np.ndarray]:
    """Returns dL/d(state) of the summed loss by state (T+1, ..., H), from the last step back.

    single: W_hh, where it is float32: the gradient meets it so. within (T, B): whether a sequence has the
    step; where not, its state and the gradient stay as they are.
    """
    T, H = len(seeds), weights.hidden_size
    weights = InOneProduct(**vars(weights), single=single)
    total = {s: np.zeros((T + 1, *seeds.shape[1:-1], H)) for s in spec.states}
    for k, s in enumerate(spec.states[: seeds.shape[-1] // H]):
        total[s][1:] = seeds[..., k * H : (k + 1) * H]
    shown = [(later, earlier, f"{later}/{earlier}") for later, earlier in spec.within]
    D = {s: rows[T] for s, rows in total.items()}
    for k in range(T - 1, -1, -1):
        at = {name: value[k] for name, value in local.items()}
        for later, earlier, slope in shown:
            D[earlier] += D[later] * at[slope]
        back, after = spec.back(at, weights, D), D
        D = {s: rows[k] for s, rows in total.items()}
        for s, row in D.items():
            came = back.whole(s)
            row += came if within is None else np.where(within[k][..., None], came, after[s])
    return total


def _back_through_time(
    layer: LayerTrace, seeds: np.ndarray, above: np.ndarray | None, causal: bool, needs_x: bool
) -> tuple[LayerFlow, np.ndarray | None]:
    """One layer. seeds: dL_t/dh_t by t (T, H), of all states, the others after h, (T, S); above: dL_t/dh_k
    straight from the layers above, by k and t (T, T, H), or None.

    causal: no loss at t depends on a state after t. Returns the flow, and dL_t/dx_k by k and t (T, T, D)
    or None. A layer against time is walked as one along time, turned round.
    """
    layer = layer.in_notation("pytorch")
    weights = _in_float64(layer.weights)
    local = local_derivatives(layer, weights)
    turn = slice(None, None, -1) if layer.reverse else slice(None)
    steps = {name: value[turn] for name, value in local.items()}
    turned = None if above is None else _to_h(above, layer)[turn, turn]
    with np.errstate(**QUIET):
        norms, totals, dx = _walk(layer.spec, weights, steps, seeds[turn], turned, causal, needs_x)
    by_loss = {s: frozen(table[turn, turn]) for s, table in zip(layer.states, norms, strict=True)}
    total = {s: frozen(rows[turn]) for s, rows in zip(layer.states, totals, strict=True)}
    flow = LayerFlow(by_loss, total, layer, local)
    return flow, None if dx is None else dx[turn, turn]


def _walk(
    spec: CellSpec,
    weights: LayerWeights,
    local: dict[str, np.ndarray],
    seeds: np.ndarray,
    above: np.ndarray | None,
    causal: bool,
    needs_x: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Walks a row for each loss, and one for their sum, from the last step back: D <- D J.

    Returns the norms (states, T, T+1), the sums (states, T+1, H), and dL_t/dx_k (T, T, D) or None.
    D[i, t] is loss t's dL/d(states) after step i of a block, as `jacobians` orders them, each past the others
    of its step; D[i, T] that of the sum. A row waits with its loss's own gradient until the walk comes to its
    step.
    """
    T, H, states = len(seeds), weights.hidden_size, len(spec.states)
    n, at_state = _steps_at_once(T + 1, states * H), {s: k for k, s in enumerate(spec.states)}
    D = np.zeros((min(n, T) + 1, T + 1, states * H))
    by_state = D.reshape(-1, T + 1, states, H)
    given = slice(0, seeds.shape[-1])
    if causal:
        D[:, :T, given] = seeds
    norm, total = np.empty((states, T, T + 1)), np.empty((states, T + 1, H))
    dx = np.zeros((T, T, weights.input_size)) if needs_x else None
    for high in range(T, 0, -n):
        low = max(high - n, 0)
        J, X = _jacobians(spec, weights, {name: a[low:high] for name, a in local.items()}, needs_x)
        D[high - low] = D[0]
        for k in range(high - 1, low - 1, -1):
            i, live = k - low, slice(k if causal else 0, None)
            after = D[i + 1, live]
            after[-1, given] += seeds[k]
            if not causal:
                after[k, given] += seeds[k]
            if above is not None:
                after[:-1, :H] += above[k, live]
                after[-1, :H] += above[k].sum(0)
            np.matmul(after, J[i], out=D[i, live])
            if dx is not None and X is not None:
                np.matmul(after[:-1], X[i], out=dx[k, live])
        first, at = low if causal else 0, slice(low + 1, high + 1)
        rows = by_state[1 : high - low + 1, first:]
        for later, earlier in spec.within:
            shown = rows[:, :, at_state[later]] * local[f"{later}/{earlier}"][low:high, None]
            rows[:, :, at_state[earlier]] += shown
        norm[:, first:, at] = lengths(rows[:, :-1]).T
        total[:, at] = rows[:, -1].swapaxes(0, 1)
    norm[..., 0], total[:, 0] = lengths(by_state[0, :-1]).T, by_state[0, -1]
    if causal:
        np.copyto(norm, np.nan, where=~np.tri(T, T + 1, 1, dtype=bool))
    return norm, total, dx


def _steps_at_once(rows: int, S: int) -> int:
    """Returns the steps whose Jacobians, and rows after each of them, are held at once."""
    return max(FEWEST, AT_ONCE // (8 * S * (rows + S)))


def _jacobians(
    spec: CellSpec, weights: LayerWeights, local: dict[str, np.ndarray], needs_x: bool = False
) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns n steps' d state_t / d state_{t-1} (n, S, S) and d state_t / dx_t (n, S, D) or None.

    They are what `back` makes of all units at once, the gradient 1 in the unit's own place and 0 elsewhere.
    """
    units = EachUnit(**vars(weights))
    d = {name: value[:, None, None] for name, value in local.items()}  # (n, state, 1, H)
    n, H, states = len(local["h_prev"]), weights.hidden_size, len(spec.states)
    S = states * H
    back = spec.back(d, units, in_full(spec, d, _each_state(spec.states, H)))
    alone = states == 1 and "h" in back.mixed
    J = back.mixed["h"] if alone else np.zeros((n, states, H, S))
    for k, s in enumerate(spec.states):
        part = J[..., k * H : (k + 1) * H]
        if not alone and s in back.mixed:
            part[...] = back.mixed[s]
        if s in back.kept:
            np.einsum("...ii->...i", part)[...] += back.kept[s][..., 0, :]
    X = units.to_input(back.pre).reshape(n, S, -1) if needs_x else None
    return J.reshape(n, S, S), X


@cache
def _each_state(states: tuple[str, ...], H: int) -> dict[str, np.ndarray]:
    """Returns each state's gradient (1, state, 1, H): 1 where its own turn is, 0 at that of the others."""
    each = frozen(np.eye(len(states))[:, None, :, None, None] * np.ones(H))
    return dict(zip(states, each, strict=True))


def in_full(spec: CellSpec, local: dict[str, np.ndarray], direct: dict[str, Any]) -> dict[str, Any]:
    """Returns dL/d(state) with what each state does through the others of its step, from those without."""
    found = dict(direct)
    for later, earlier in spec.within:
        found[earlier] = found[earlier] + found[later] * local[f"{later}/{earlier}"]
    return found


def step_jacobians(
    spec: CellSpec, weights: LayerWeights, values: dict[str, np.ndarray], needs_x: bool = False
) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns d state / d state_prev (n, S, S), and d state / dx (n, S, D) or None, of n steps at once.

    values: every quantity of the cell's equations by name (n, H), states before as `h_prev`, `c_prev`; the
    steps need not follow each other. In float64, in PyTorch's notation.
    """
    with np.errstate(**QUIET):
        local = {**spec.local(values, weights), "h_prev": values["h_prev"]}
        return _jacobians(spec, weights, local, needs_x)


def _in_float64(weights: LayerWeights) -> LayerWeights:
    return weights.map(lambda a: a.astype(np.float64, copy=False))


def _rows(array: np.ndarray) -> np.ndarray:
    """Returns the rows of all steps and sequences (N, ...)."""
    return array.reshape(-1, array.shape[-1])


def local_derivatives(layer: LayerTrace, weights: LayerWeights) -> dict[str, np.ndarray]:
    """Returns every step's local derivatives by name, as CellSpec.local has them, and h_prev: (T, H) each.

    They are pure numbers, row t-1 for step t, 0 past the end of a sequence; layer in PyTorch's notation.
    """
    values = _values(layer)
    with np.errstate(**QUIET):
        local = {**layer.spec.local(values, weights), "h_prev": values["h_prev"]}
    if layer.lengths is not None:
        there = layer.within[..., None]
        local = {name: np.where(there, value, 0.0) for name, value in local.items()}
    return {name: frozen(value) for name, value in local.items()}


def _values(layer: LayerTrace) -> dict[str, np.ndarray]:
    """Returns the signals, the pre-activations `pre_s` and the states before (T, H) that `local` reads."""
    values = {s: layer.signal(s) for s in layer.signals} | {"x": layer.x}
    values |= {f"pre_{s}": a for s, a in layer.pre.items()}
    values |= {f"{s}_prev": a for s, a in layer.before.items()}
    return _InFloat64(values)


class _InFloat64(dict[str, np.ndarray]):
    """Arrays by name, each float64 when it is asked for: a step's derivatives need few of them."""

    def __getitem__(self, name: str) -> np.ndarray:
        return super().__getitem__(name).astype(np.float64, copy=False)


def lengths(rows: np.ndarray) -> np.ndarray:
    """Returns Euclidean norms (...) of rows (..., H); squares that leave float64 are scaled first."""
    norms = np.sqrt(np.einsum("...j,...j->...", rows, rows))
    off = ~((norms > 1e-150) & (norms < 1e150))
    if off.any():
        off[off] = rows[off].any(axis=1)  # nothing is off where all is 0
        largest = np.abs(rows[off]).max(axis=1, keepdims=True, initial=0.0)
        scale = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
        scaled = rows[off] / scale
        norms[off] = scale[:, 0] * np.sqrt(np.einsum("ij,ij->i", scaled, scaled))
    return norms


def recurrent_gradient(rec: np.ndarray, source: dict[str, np.ndarray], weights: LayerWeights) -> np.ndarray:
    """Returns dL/dW_hh (R*H, H) from dL/d(U e + b') (T, R*H) and what U was applied to: gate -> (T, H)."""
    return np.concatenate([rec[:, weights.state_rows(s)].T @ source[s] for s in weights.seeing])


def jacobians(
    layer: LayerTrace, first: int = 1, last: int | None = None, *, back: bool = False
) -> Iterator[np.ndarray]:
    """Yields J_t = d state_t / d state_{t-1} for t = first..last, (S, S), S = H for each state, h first.

    Column j is the change of the state at t by unit j of the state before. back: from the last to the first.
    """
    _check(layer)
    layer = layer.in_notation("pytorch")
    if layer.reverse:
        raise ValueError("jacobians are defined along time; this layer runs against it")
    weights = _in_float64(layer.weights)
    local = local_derivatives(layer, weights)
    end, n = last or layer.steps, _steps_at_once(0, weights.hidden_size * len(layer.spec.states))
    lows = range(first - 1, end, n)
    for low in reversed(lows) if back else lows:
        some = {name: a[low : min(low + n, end)] for name, a in local.items()}
        with np.errstate(**QUIET):
            J, _ = _jacobians(layer.spec, weights, some)
        yield from J[::-1] if back else J


@np.errstate(**QUIET)
def direct_path(flow: LayerFlow) -> np.ndarray | None:
    """Returns the part of the gradient that goes past all gates on its way back (T+1, H).

    It enters where a loss meets its state, every gate as it stands, and is then only multiplied by the
    keeping gate: dL/dc by products of forget gates, or a GRU's dL/dh by products of z. None for a plain RNN,
    which has no such path, and for a layer that runs against time.
    """
    layer, memory = flow.layer, flow.layer.spec.memory
    if layer.reverse or layer.spec.plain:
        return None
    entering = np.array(flow.total)
    entering[:-1] -= sum(flow.through.values()) + (0.0 if flow.kept is None else flow.kept)
    if memory != "h":
        entering[1:] *= _shown(flow, memory)
        entering[0] = 0.0
    keep = layer.spec.keep
    gate = layer.gate[keep].astype(np.float64) if keep else np.ones((layer.steps, layer.hidden_size))
    path = entering
    for k in range(layer.steps - 1, -1, -1):
        path[k] += path[k + 1] * gate[k]
    return path


def _shown(flow: LayerFlow, memory: str) -> np.ndarray:
    """Returns dh/d(memory) of each step (T, H) with every gate held: without what its peephole sees of it."""
    peeping = [gate for gate, seen in flow.layer.spec.peeps.items() if seen == memory]
    through = sum(flow.local[f"h/{gate}"] * flow._weights.peephole(gate) for gate in peeping)
    return flow.local[f"h/{memory}"] - through
