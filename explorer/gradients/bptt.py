"""Backpropagation through time over a trace, in closed form.

    g = bptt(trace(torch.nn.LSTM(8, 16), x), dL_dh)   # dL_dh (T, H): row t-1 is dL_t/dh_t
    g.norm[t - 1, k]                                  # ||dL_t/dh_k||: the loss at t, the state at k

k is the source step, t the loss step. Everything is float64. Sums over losses are sums of vectors.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from explorer.cells import CellSpec, LayerWeights
from explorer.cells.spec import Back, EachUnit
from explorer.limits import FLOAT32_MAX
from explorer.nn.tracing import LayerTrace, Trace

LOSSES = ("last_step", "each_step")
QUIET: Any = {"over": "ignore", "invalid": "ignore"}
"""How NumPy is told that an explosion is a result."""

AT_ONCE = 2**19
"""Bytes of a walk's rows and Jacobians that are held at once: half of a core's cache."""

FEWEST = 4
"""Steps that are held at once though they take more bytes."""

VANISHED = 1e-6
"""A gradient that shrank by this factor from the last to the first state is said to have vanished."""


@dataclass(frozen=True, eq=False)
class LayerFlow:
    """The gradient of one layer and direction. H units, T steps; arrays are read-only float64.

    norm (T, T+1): row t-1, column k is ||dL_t/dh_k||, k as the rows of LayerTrace.h; NaN where the
    loss at t does not depend on h_k; norm_c likewise or None.
    total (T+1, H): dL/dh_k of the summed loss; total_c or None. layer is in PyTorch's notation; local
    are its local_derivatives. All else is of the summed loss too, and worked out when it is asked for.
    """

    norm: np.ndarray
    norm_c: np.ndarray | None
    total: np.ndarray
    total_c: np.ndarray | None
    layer: LayerTrace
    local: dict[str, np.ndarray]

    @property
    @np.errstate(**QUIET)
    def total_norm(self) -> np.ndarray:
        """||dL/dh_k|| (T+1,): the norm of the sum, not the sum of norms."""
        return lengths(self.total)

    @property
    @np.errstate(**QUIET)
    def total_norm_c(self) -> np.ndarray | None:
        """||dL/dc_k|| (T+1,), or None."""
        return None if self.total_c is None else lengths(self.total_c)

    @cached_property
    @np.errstate(**QUIET)
    def _back(self) -> Back:
        after = slice(None, -1) if self.layer.reverse else slice(1, None)
        dc = None if self.total_c is None else self.total_c[after]
        return self.layer.spec.back(self.local, self._weights, self.total[after], dc)

    @cached_property
    def _weights(self) -> LayerWeights:
        return _in_float64(self.layer.weights)

    @cached_property
    @np.errstate(**QUIET)
    def through(self) -> dict[str, np.ndarray]:
        """Gate -> (T, H), the share of dL/dh_{k-1} that came back through it at step k, in row k-1."""
        return {s: _fixed(share) for s, share in self._back.through(self._weights).items()}

    @cached_property
    def kept(self) -> np.ndarray | None:
        """The share (T, H) of dL/dh_{k-1} that came past all gates at step k, in row k-1, or None."""
        return None if self._back.kept is None else _fixed(self._back.kept)

    @cached_property
    def pre(self) -> np.ndarray:
        """dL/d(W x + b) by step (T, G*H)."""
        return _fixed(self._weights.pack(self._back.pre))

    @cached_property
    def rec(self) -> np.ndarray:
        """dL/d(U h + b') by step (T, G*H)."""
        return _fixed(self._weights.pack(self._back.rec))

    @cached_property
    @np.errstate(**QUIET)
    def source(self) -> dict[str, np.ndarray]:
        """Gate -> (T, H), what U was applied to."""
        h_prev, gated = self.local["h_prev"], self._back.gated
        return {s: _fixed(h_prev * gated[s]) if s in gated else h_prev for s in self._weights.blocks}

    @cached_property
    @np.errstate(**QUIET)
    def x(self) -> np.ndarray:
        """dL/dx (T, D)."""
        return _fixed(self._weights.to_input(self._back.pre))

    @np.errstate(**QUIET)
    def weight_gradient(self) -> dict[str, np.ndarray]:
        """Returns dL/dW_ih (G*H, D), dL/dW_hh (G*H, H) and dL/db (G*H,) twice, as PyTorch packs them.

        And dL/dp (P*H,) as `peephole` where there are any.
        """
        found = {
            "weight_ih": self.pre.T @ self.layer.x,
            "weight_hh": recurrent_gradient(self.rec, self.source, self._weights),
            "bias_ih": self.pre.sum(0),
            "bias_hh": self.rec.sum(0),
        }
        if self._weights.peepholes is not None:
            found["peephole"] = self._peephole_gradient()
        return found

    def _peephole_gradient(self) -> np.ndarray:
        peeps, c = self.layer.spec.peeps, self.layer.c
        assert c is not None
        seen = {"c_prev": c[1:], "c": c[:-1]} if self.layer.reverse else {"c_prev": c[:-1], "c": c[1:]}
        parts = [self._back.pre[s] * seen[peeps[s]] for s in self._weights.peephole_blocks]
        return np.concatenate(parts, -1).sum(0)

    @np.errstate(**QUIET)
    def weight_norms(self) -> dict[str, np.ndarray]:
        """Returns how much each step adds to dL/dW_ih and dL/dW_hh: Frobenius norms (T,)."""
        w = self._weights
        by_block = [lengths(self.rec[:, w.rows(s)]) * lengths(self.source[s]) for s in w.blocks]
        return {
            "weight_ih": lengths(self.pre) * lengths(self.layer.x.astype(np.float64, copy=False)),
            "weight_hh": lengths(np.stack(by_block, -1)),
        }


@dataclass(frozen=True, eq=False)
class GradientFlow:
    """The gradient of a trace: one LayerFlow per layer and direction, in the trace's order.

    status: `ok`, `vanished` (dL/dh_0 under 1e-6 of that of the last state a loss reaches), `exploded`
    (past float32's largest number) or `nonfinite`; first_bad is the source step, met going back, at
    which it left float32. Both speak of the first layer.
    A flow of one layer can be used directly: g.norm, g.total, ...
    """

    layers: tuple[LayerFlow, ...]
    loss: np.ndarray | None = None
    """Loss by step (T,), NaN where there is none; None where dL_dh was given."""

    def _one(self) -> LayerFlow:
        if len(self.layers) != 1:
            raise ValueError(f"this flow has {len(self.layers)} layers and directions; use flow.layers[k]")
        return self.layers[0]

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
        """Whether ||dL/dh_k|| is finite (T+1,), in the first layer."""
        return np.isfinite(self.layers[0].total_norm)

    @property
    def first_bad(self) -> int | None:
        """The source step, going back, whose gradient first left float32; None if none did."""
        bad = np.flatnonzero(~(self.layers[0].total_norm <= FLOAT32_MAX))
        return int(bad.max()) if bad.size else None

    @property
    def status(self) -> str:
        norms = self.layers[0].total_norm
        if not self.finite.all():
            return "nonfinite"
        if norms.max() > FLOAT32_MAX:
            return "exploded"
        reached = norms[norms > 0.0]  # a text's last word has no loss: no gradient there
        return "vanished" if reached.size and norms[0] < VANISHED * reached[-1] else "ok"


def bptt(
    trace: Trace | LayerTrace, dL_dh: np.ndarray | None = None, *, loss: str | None = None
) -> GradientFlow:
    """Returns the gradient of losses on the last layer's output with respect to every state before.

    dL_dh (T, H): row t-1 is the direct dL_t/dh_t of the loss at step t, H over both directions. Or
    loss: `last_step` or `each_step`, the cross-entropy of the next token, for the trace of a model with
    a vocabulary (`targets` and `readout` are in the trace). The trace must be unbatched. Raises
    ValueError otherwise. Werbos 1990; Pascanu et al. 2013, eq. 3-5.
    """
    whole = Trace((trace,)) if isinstance(trace, LayerTrace) else trace
    _check(whole.layers[0])
    by_step = None
    if dL_dh is None:
        dL_dh, by_step = readout_gradient(whole, loss or "last_step")
    direct = np.asarray(dL_dh, np.float64)
    if direct.shape != whole.output.shape:
        raise ValueError(f"dL_dh has shape {direct.shape}, expected {whole.output.shape}")
    return GradientFlow(_through_layers(whole, direct), by_step)


def _check(layer: LayerTrace) -> None:
    if layer.x.ndim != 2:
        raise ValueError("a gradient takes the trace of one sequence (T, D), not of a batch")
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
    raised = logits - logits.max(-1, keepdims=True)
    log_p = raised - np.log(np.exp(raised).sum(-1, keepdims=True))
    by_step = np.full(len(logits), np.nan)
    by_step[known] = -log_p[known, targets[known]]
    d_logits = np.zeros_like(logits)
    d_logits[known] = np.exp(log_p[known])
    d_logits[known, targets[known]] -= 1.0
    return d_logits @ trace.readout.astype(np.float64), by_step


def _through_layers(trace: Trace, direct: np.ndarray) -> tuple[LayerFlow, ...]:
    """Walks the layers from the last to the first; a lower one takes dL/dx of those above."""
    levels: dict[int, list[LayerTrace]] = {}
    for layer in trace.layers:
        levels.setdefault(layer.layer, []).append(layer)
    both_ways = any(layer.reverse for layer in trace.layers)
    entering = direct
    flows: list[LayerFlow] = []
    for level in sorted(levels, reverse=True):
        H = levels[level][0].hidden_size
        causal = not both_ways or entering is direct  # else the layer above sees the past and the future
        results = [
            _back_through_time(layer, entering[..., k * H : (k + 1) * H], causal, level > 0)
            for k, layer in enumerate(levels[level])
        ]
        flows = [flow for flow, _ in results] + flows
        if level > 0:
            entering = np.sum([dx for _, dx in results if dx is not None], axis=0)
    return tuple(flows)


def _back_through_time(
    layer: LayerTrace, entering: np.ndarray, causal: bool, needs_x: bool
) -> tuple[LayerFlow, np.ndarray | None]:
    """One layer. entering: dL_t/dh_t by t (T, H); or dL_t/dh_k straight from above, by k and t (T, T, H).

    causal: no loss at t depends on a state after t. Returns the flow, and dL_t/dx_k by k and t (T, T, D)
    or None. A layer against time is walked as one along time, turned round.
    """
    layer = layer.in_notation("pytorch")
    weights = _in_float64(layer.weights)
    local = local_derivatives(layer, weights)
    turn = slice(None, None, -1) if layer.reverse else slice(None)
    steps = {name: value[turn] for name, value in local.items()}
    entering = entering[(turn,) * (entering.ndim - 1)]
    with np.errstate(**QUIET):
        norms, totals, dx = _walk(layer.spec, weights, steps, entering, causal, needs_x)
    norm = [_fixed(table[turn, turn]) for table in norms]
    total = [_fixed(rows[turn]) for rows in totals]
    norm_c, total_c = (norm[1], total[1]) if layer.c is not None else (None, None)
    flow = LayerFlow(norm[0], norm_c, total[0], total_c, layer, local)
    return flow, None if dx is None else dx[turn, turn]


def _walk(
    spec: CellSpec,
    weights: LayerWeights,
    local: dict[str, np.ndarray],
    entering: np.ndarray,
    causal: bool,
    needs_x: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Walks a row for each loss, and one for their sum, from the last step back: D <- D J.

    Returns the norms (states, T, T+1), the sums (states, T+1, H), and dL_t/dx_k (T, T, D) or None.
    D[i, t] is loss t's dL/d(state) after step i of a block, as `jacobians` orders it, c past h; D[i, T]
    that of the sum. A row waits with its loss's own gradient until the walk comes to its step.
    """
    T, H, states = len(entering), weights.hidden_size, len(spec.states)
    above = entering if entering.ndim == 3 else None
    summed = entering if above is None else above.sum(1)
    n = _steps_at_once(T + 1, states * H)
    D = np.zeros((min(n, T) + 1, T + 1, states * H))
    by_state = D.reshape(-1, T + 1, states, H)
    if above is None:
        D[:, :T, :H] = entering
    norm, total = np.empty((states, T, T + 1)), np.empty((states, T + 1, H))
    dx = np.zeros((T, T, weights.input_size)) if needs_x else None
    for high in range(T, 0, -n):
        low = max(high - n, 0)
        J, X = _jacobians(spec, weights, {name: a[low:high] for name, a in local.items()}, needs_x)
        D[high - low] = D[0]
        for k in range(high - 1, low - 1, -1):
            i, live = k - low, slice(k if causal else 0, None)
            after = D[i + 1, live]
            after[-1, :H] += summed[k]
            if above is not None:
                after[:-1, :H] += above[k, live]
            np.matmul(after, J[i], out=D[i, live])
            if dx is not None and X is not None:
                np.matmul(after[:-1], X[i], out=dx[k, live])
        first, at = low if causal else 0, slice(low + 1, high + 1)
        rows = by_state[1 : high - low + 1, first:]
        if states == 2:
            rows[:, :, 1] += rows[:, :, 0] * local["show"][low:high, None]
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
    dh, dc = np.ones((1, states, 1, H)), None
    if states == 2:
        dh[:, 1] = 0.0
        dc = np.concatenate([d["show"], np.ones((n, 1, 1, H))], 1)
    back = spec.back(d, units, dh, dc)
    J = back.h  # (n, state, H, H)
    if back.c is not None:
        J = np.zeros((n, states, H, S))
        J[..., :H] = back.h
        np.einsum("...ii->...i", J[..., H:])[...] = back.c[..., 0, :]
    if back.kept is not None:
        np.einsum("...ii->...i", J[..., :H])[...] += back.kept[..., 0, :]
    X = units.to_input(back.pre).reshape(n, S, -1) if needs_x else None
    return J.reshape(n, S, S), X


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


def _fixed(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array


def local_derivatives(layer: LayerTrace, weights: LayerWeights) -> dict[str, np.ndarray]:
    """Returns every step's local derivatives by name, as CellSpec.local has them, and h_prev: (T, H) each.

    They are pure numbers, row t-1 for step t; layer in PyTorch's notation.
    """
    values = _values(layer)
    with np.errstate(**QUIET):
        local = {**layer.spec.local(values, weights), "h_prev": values["h_prev"]}
    return {name: _fixed(value) for name, value in local.items()}


def _values(layer: LayerTrace) -> dict[str, np.ndarray]:
    """Returns the signals, the pre-activations `pre_s` and the states before (T, H) that `local` reads."""
    before = slice(1, None) if layer.reverse else slice(None, -1)
    values = {s: layer.signal(s) for s in layer.signals}
    values |= {f"pre_{s}": a for s, a in layer.pre.items()}
    values["h_prev"] = layer.h[before]
    if layer.c is not None:
        values["c_prev"] = layer.c[before]
    return {name: value.astype(np.float64, copy=False) for name, value in values.items()}


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
    """Returns dL/dW_hh (G*H, H) from dL/d(U e + b') (T, G*H) and what U was applied to: gate -> (T, H)."""
    return np.concatenate([rec[:, weights.rows(s)].T @ source[s] for s in weights.blocks])


def jacobians(layer: LayerTrace, first: int = 1, last: int | None = None) -> Iterator[np.ndarray]:
    """Yields J_t = d state_t / d state_{t-1} for t = first..last, (S, S), S = H or 2H with c below h.

    Column j is the change of the state at t by unit j of the state before.
    """
    _check(layer)
    layer = layer.in_notation("pytorch")
    if layer.reverse:
        raise ValueError("jacobians are defined along time; this layer runs against it")
    weights = _in_float64(layer.weights)
    local = local_derivatives(layer, weights)
    end, n = last or layer.steps, _steps_at_once(0, weights.hidden_size * len(layer.spec.states))
    for low in range(first - 1, end, n):
        some = {name: a[low : min(low + n, end)] for name, a in local.items()}
        with np.errstate(**QUIET):
            J, _ = _jacobians(layer.spec, weights, some)
        yield from J


@np.errstate(**QUIET)
def direct_path(flow: LayerFlow) -> np.ndarray | None:
    """Returns the part of the gradient that goes past all gates on its way back (T+1, H).

    It enters where a loss meets its state and is then only multiplied by the keeping gate: dL/dc by
    products of forget gates, or a GRU's dL/dh by products of z. None for a plain RNN, which has no such
    path, and for a layer that runs against time.
    """
    layer = flow.layer
    if layer.reverse or not (layer.spec.keep or layer.c is not None):
        return None
    entering = np.array(flow.total)
    entering[:-1] -= sum(flow.through.values()) + (0.0 if flow.kept is None else flow.kept)
    if layer.c is not None:
        entering[1:] *= flow.local["show"]
        entering[0] = 0.0
    gate = (
        layer.gate[layer.spec.keep].astype(np.float64)
        if layer.spec.keep
        else np.ones(flow.through["g"].shape)
    )
    path = entering
    for k in range(layer.steps - 1, -1, -1):
        path[k] += path[k + 1] * gate[k]
    return path
