"""Backpropagation through time over a trace, in closed form.

    g = bptt(trace(torch.nn.LSTM(8, 16), x), dL_dh)   # dL_dh (T, H): row t-1 is dL_t/dh_t
    g.norm[t - 1, k]                                  # ||dL_t/dh_k||: the loss at t, the state at k

k is the source step, t the loss step. Everything is float64. Sums over losses are sums of vectors.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.cells import LayerWeights
from explorer.limits import FLOAT32_MAX
from explorer.tracing import LayerTrace, Trace

LOSSES = ("last_step", "each_step")
QUIET: Any = {"over": "ignore", "invalid": "ignore"}
"""How NumPy is told that an explosion is a result."""

BLOCK = 16
"""Steps whose norms are taken at once: few enough to stay in the cache."""

VANISHED = 1e-6
"""A gradient that shrank by this factor from the last to the first state is said to have vanished."""


@dataclass(frozen=True, eq=False)
class LayerFlow:
    """The gradient of one layer and direction. H units, T steps; arrays are read-only float64.

    norm (T, T+1): row t-1, column k is ||dL_t/dh_k||, k as the rows of LayerTrace.h; NaN where the
    loss at t does not depend on h_k; norm_c likewise or None.
    total (T+1, H): dL/dh_k of the summed loss; total_c or None. through: gate -> (T, H), the share of
    dL/dh_{k-1} that came back through that gate at step k, in row k-1; kept (T, H), the share past all
    gates, or None. pre and rec: (T, G*H), dL/d(W x + b) and dL/d(U h + b') of the summed loss;
    source: gate -> (T, H), what U was applied to. x (T, D): dL/dx.
    """

    norm: np.ndarray
    norm_c: np.ndarray | None
    total: np.ndarray
    total_c: np.ndarray | None
    through: dict[str, np.ndarray]
    kept: np.ndarray | None
    pre: np.ndarray
    rec: np.ndarray
    source: dict[str, np.ndarray]
    x: np.ndarray
    layer: LayerTrace

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

    @np.errstate(**QUIET)
    def weight_gradient(self) -> dict[str, np.ndarray]:
        """Returns dL/dW_ih (G*H, D), dL/dW_hh (G*H, H) and dL/db (G*H,) twice, as PyTorch packs them."""
        return {
            "weight_ih": self.pre.T @ self.layer.x,
            "weight_hh": _recurrent_gradient(self.rec, self.source, self.layer.weights),
            "bias_ih": self.pre.sum(0),
            "bias_hh": self.rec.sum(0),
        }

    @np.errstate(**QUIET)
    def weight_norms(self) -> dict[str, np.ndarray]:
        """Returns how much each step adds to dL/dW_ih and dL/dW_hh: Frobenius norms (T,)."""
        w = self.layer.weights
        squared = sum(
            (np.linalg.norm(self.rec[:, w.rows(s)], axis=1) * np.linalg.norm(self.source[s], axis=1)) ** 2
            for s in w.blocks
        )
        return {
            "weight_ih": np.linalg.norm(self.pre, axis=1) * np.linalg.norm(self.layer.x, axis=1),
            "weight_hh": np.sqrt(squared),
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
    T = trace.steps
    levels: dict[int, list[LayerTrace]] = {}
    for layer in trace.layers:
        levels.setdefault(layer.layer, []).append(layer)
    causal = all(not layer.reverse for layer in trace.layers)
    inject: Any = _Direct(direct)
    flows: list[LayerFlow] = []
    for level in sorted(levels, reverse=True):
        H = levels[level][0].hidden_size
        needs_x = level > 0
        results = [
            _back_through_time(layer, inject.part(k * H, (k + 1) * H), T, causal, needs_x)
            for k, layer in enumerate(levels[level])
        ]
        flows = [flow for flow, _ in results] + flows
        if needs_x:
            inject = _Rows(np.sum([dx for _, dx in results if dx is not None], axis=0))
    return tuple(flows)


class _Direct:
    """dL_t/dh_t only: the loss at step t meets the state at step t."""

    def __init__(self, direct: np.ndarray) -> None:
        self.direct = direct

    def part(self, low: int, high: int) -> "_Direct":
        return _Direct(self.direct[:, low:high])

    def add(self, rows: np.ndarray, k: int) -> None:
        rows[k] += self.direct[k]


class _Rows:
    """dL_t/d(output at k) for all t, from the layer above: (T, T rows, H) by step k."""

    def __init__(self, dense: np.ndarray) -> None:
        self.dense = dense

    def part(self, low: int, high: int) -> "_Rows":
        return _Rows(self.dense[:, :, low:high])

    def add(self, rows: np.ndarray, k: int) -> None:
        rows += self.dense[k]


def _back_through_time(
    layer: LayerTrace, inject: Any, T: int, causal: bool, needs_x: bool
) -> tuple[LayerFlow, np.ndarray | None]:
    """One layer: a row for each loss walks back, D[j] (T, H) at step j of a block; C likewise, past h.

    Row t stays zero until the walk reaches step t. Norms and sums are taken of BLOCK steps at once.
    Returns the flow and dL_t/dx_k (T, T, D) or None.
    """
    layer = layer.in_notation("pytorch")
    weights = layer.weights.map(lambda a: a.astype(np.float64))
    local = _local(layer, weights)
    steps = [dict(zip(local, row, strict=True)) for row in zip(*local.values(), strict=True)]
    H, has_c = weights.hidden_size, layer.c is not None
    D = np.zeros((BLOCK + 1, T, H))
    C = np.zeros_like(D) if has_c else None
    norm = np.full((T, T + 1), np.nan)
    norm_c = np.full((T, T + 1), np.nan) if has_c else None
    after, after_c = np.zeros((T, H)), np.zeros((T, H)) if has_c else None
    dx = np.zeros((T, T, weights.input_size)) if needs_x else None
    row_of = 0 if layer.reverse else 1
    walk = np.arange(T) if layer.reverse else np.arange(T)[::-1]
    with np.errstate(**QUIET):
        for block in (walk[at : at + BLOCK] for at in range(0, T, BLOCK)):
            for j, k in enumerate(block.tolist()):
                live = slice(k if causal else 0, None)
                inject.add(D[j], k)
                back = layer.spec.back(steps[k], weights, D[j, live], None if C is None else C[j, live])
                D[j + 1, live] = back.h
                if C is not None:
                    C[j + 1, live] = back.c
                if dx is not None:
                    dx[k, live] = _packed(back.pre, weights) @ weights.w_ih
            size, reached = len(block), slice(block[-1] if causal else 0, None)
            at_h = D[:size, reached]
            norm[reached, block + row_of] = lengths(at_h).T
            after[block] = at_h.sum(1)
            if C is not None and norm_c is not None and after_c is not None:
                at_c = C[:size, reached]
                norm_c[reached, block + row_of] = lengths(at_c + at_h * local["show"][block, None]).T
                after_c[block] = at_c.sum(1)
                C[0] = C[size]
            D[0] = D[size]
        start = T if layer.reverse else 0
        norm[:, start] = lengths(D[0])
        if C is not None and norm_c is not None:
            norm_c[:, start] = lengths(C[0])
        if causal or isinstance(inject, _Direct):  # else the layer above sees the past and the future
            for rows in (norm, norm_c):
                if rows is not None:
                    rows[_out_of_reach(T, layer.reverse)] = np.nan
        flow = _summed(layer, weights, local, norm, norm_c, after, after_c)
    return flow, dx


def _out_of_reach(T: int, reverse: bool) -> np.ndarray:
    """Where the loss in row t-1 cannot depend on the state in column k (T, T+1)."""
    return np.tri(T, T + 1, -1, dtype=bool) if reverse else ~np.tri(T, T + 1, 1, dtype=bool)


def _summed(
    layer: LayerTrace,
    weights: LayerWeights,
    local: dict[str, np.ndarray],
    norm: np.ndarray,
    norm_c: np.ndarray | None,
    after: np.ndarray,
    after_c: np.ndarray | None,
) -> LayerFlow:
    """The flow of the summed loss, all steps at once: after (T, H) is dL/dh_k, after_c dL/dc_k past h_k."""
    back = layer.spec.back(local, weights, after, after_c)
    total = _with_initial(after, back.h, layer.reverse)
    total_c = None
    if after_c is not None:
        total_c = _with_initial(after_c + after * local["show"], back.c, layer.reverse)
    h_prev = local["h_prev"]
    source = {s: h_prev * back.gated[s] if s in back.gated else h_prev for s in weights.blocks}
    pre, rec = _packed(back.pre, weights), _packed(back.rec, weights)
    x = pre @ weights.w_ih
    through = back.through(weights)
    tables = (*through.values(), *source.values())
    for array in (norm, norm_c, total, total_c, back.kept, pre, rec, x, *tables):
        if array is not None:
            array.setflags(write=False)
    return LayerFlow(norm, norm_c, total, total_c, through, back.kept, pre, rec, source, x, layer)


def _with_initial(after: np.ndarray, before: np.ndarray, reverse: bool) -> np.ndarray:
    """Joins the gradients after each step (T, H) with that of the initial state: (T+1, H)."""
    return np.concatenate([after, before[-1:]] if reverse else [before[:1], after])


def _packed(blocks: dict[str, np.ndarray], weights: LayerWeights) -> np.ndarray:
    return np.concatenate([blocks[s] for s in weights.blocks], -1)


def _local(layer: LayerTrace, weights: LayerWeights) -> dict[str, np.ndarray]:
    """Returns every step's local derivatives at once, (T, H) each, and h_prev."""
    values = _values(layer)
    with np.errstate(**QUIET):
        return {**layer.spec.local(values, weights), "h_prev": values["h_prev"]}


def _values(layer: LayerTrace) -> dict[str, np.ndarray]:
    before = slice(1, None) if layer.reverse else slice(None, -1)
    values = {s: layer.signal(s) for s in layer.signals}
    values |= {f"pre_{s}": a for s, a in layer.pre.items()}
    values["h_prev"] = layer.h[before]
    if layer.c is not None:
        values["c_prev"] = layer.c[before]
    return {name: value.astype(np.float64) for name, value in values.items()}


def lengths(rows: np.ndarray) -> np.ndarray:
    """Returns Euclidean norms (...) of rows (..., H); squares that leave float64 are scaled first."""
    norms = np.sqrt(np.einsum("...j,...j->...", rows, rows))
    off = ~((norms > 1e-150) & (norms < 1e150))
    if off.any():
        largest = np.abs(rows[off]).max(axis=1, keepdims=True, initial=0.0)
        scale = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
        scaled = rows[off] / scale
        norms[off] = scale[:, 0] * np.sqrt(np.einsum("ij,ij->i", scaled, scaled))
    return norms


def _recurrent_gradient(rec: np.ndarray, source: dict[str, np.ndarray], weights: LayerWeights) -> np.ndarray:
    return np.concatenate([rec[:, weights.rows(s)].T @ source[s] for s in weights.blocks])


def jacobians(layer: LayerTrace, first: int = 1, last: int | None = None) -> Iterator[np.ndarray]:
    """Yields J_t = d state_t / d state_{t-1} for t = first..last, (S, S), S = H or 2H with c below h.

    Column j is the change of the state at t by unit j of the state before.
    """
    _check(layer)
    layer = layer.in_notation("pytorch")
    if layer.reverse:
        raise ValueError("jacobians are defined along time; this layer runs against it")
    weights = layer.weights.map(lambda a: a.astype(np.float64))
    local = _local(layer, weights)
    H, has_c = weights.hidden_size, layer.c is not None
    eye, none = np.eye(H), np.zeros((H, H))
    for t in range(first, (last or layer.steps) + 1):
        d = {name: value[t - 1] for name, value in local.items()}
        with np.errstate(**QUIET):
            from_h = layer.spec.back(d, weights, eye, none if has_c else None)
            from_c = layer.spec.back(d, weights, none, eye) if has_c else None
        yield np.block([[from_h.h, from_h.c], [from_c.h, from_c.c]]) if from_c else from_h.h


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
    local = _local(layer, layer.weights.map(lambda a: a.astype(np.float64)))
    entering = np.array(flow.total)
    entering[:-1] -= sum(flow.through.values()) + (0.0 if flow.kept is None else flow.kept)
    if layer.c is not None:
        entering[1:] *= local["show"]
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
