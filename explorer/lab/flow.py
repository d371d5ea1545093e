"""A flow: an experiment carried out and its gradient walked back through time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from explorer.cells import CELLS
from explorer.experiment import Experiment
from explorer.gradients.bptt import (
    GradientFlow,
    bptt,
    direct_path,
    jacobians,
    lengths,
    readout_gradient,
)
from explorer.gradients.laws import Bound, at_rest
from explorer.gradients.pushing import Nudge, nudge, number_loss, token_loss
from explorer.lab.layers import alone, backward, place
from explorer.lab.learned import Input, Learned, Token, inputs, tokens_called
from explorer.lab.walk import softmax
from explorer.limits import FLOW_WORK, MAX_FLOW, WINDOW
from explorer.nn.model import RecurrentModel
from explorer.nn.reading import stack_of
from explorer.nn.running import run_stack
from explorer.nn.tracing import Trace

COMPARED = tuple(key for key, spec in CELLS.items() if spec.lead)
"""The cells whose gradients are drawn together."""


@dataclass(frozen=True, eq=False)
class Law:
    """What a cell's weights alone let expect of the gradient of one loss at t: factor^(t-k) at step k.

    factor (1,) of a plain RNN: sigma_max(W_hh). No |phi'| passes 1, so it is a bound. Of any other cell
    (H,), by unit: sigma(b) of the gate that keeps, in PyTorch's sense, or 1 without one. That is the path
    past all gates at x = h = 0; what comes through the gates is added to it.
    expected (T+1,): the norm at each k, from the cell's own dL/dh_t, or dL/dc_t where there is a c; NaN
    past the loss. None where not exactly one loss is summed.
    """

    bound: bool
    factor: np.ndarray
    expected: np.ndarray | None


@dataclass(frozen=True, eq=False)
class CellFlow:
    """One cell's run and its gradient: of the chosen loss, and of every loss on its own.

    direct (T+1,): the norm of what went past all gates alone, or None. each is `bptt` with a loss at
    every step that has one; its norm is the triangle. entering (T, H) is dL_t/dh_t of the chosen losses, NaN
    where they are not known; target the number to reach, or None for next-token prediction. around: the
    gradients of the embedding, where there is one, and of the readout's weight and bias, of the chosen
    losses; then those of the weights of other layers. Of a network of several layers, all else is about the
    one that is shown, in the order in which it reads.
    """

    cell: str
    trace: Trace
    gradient: GradientFlow
    each: GradientFlow
    direct: np.ndarray | None
    entering: np.ndarray
    target: float | None
    around: tuple[np.ndarray, ...]
    meets: bool = True
    """Whether the losses meet this layer straight, not through others or another direction."""
    title: str = ""
    """What the network is called where another of a file stands beside it."""
    second: bool = False
    """Whether it is that other one."""

    @cached_property
    def summed(self) -> np.ndarray:
        """Whether a step's loss is in the chosen sum (T,); of losses not known, whether one is felt."""
        if self.gradient.loss is None:
            return np.any(self.each.norm > 0.0, 1)
        return ~np.isnan(self.gradient.loss)

    @property
    def loss_step(self) -> int | None:
        """The last step, from 1, whose loss is in the chosen sum; None where there is no loss."""
        return int(np.flatnonzero(self.summed)[-1]) + 1 if self.summed.any() else None

    @property
    def total(self) -> np.ndarray:
        """||dL/dh_k|| of the chosen loss (T+1,)."""
        return self.gradient.total_norm

    @cached_property
    def law(self) -> Law:
        """What was to be expected of this cell's gradient."""
        layer = self.trace.layers[0]
        law = at_rest(layer.spec, layer.weights)
        factor = np.array([law.factor]) if isinstance(law, Bound) else law.by_unit
        return Law(isinstance(law, Bound), factor, self._expected(factor))

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def _expected(self, factor: np.ndarray) -> np.ndarray | None:
        at, layer = self.loss_step, self.gradient.layers[0]
        if at is None or not self.meets or np.count_nonzero(self.summed) != 1:
            return None
        start = layer.totals[layer.layer.spec.memory][at]  # (H,)
        expected = np.full(self.trace.steps + 1, np.nan)
        distance = np.arange(at, -1.0, -1.0)  # t - k
        expected[: at + 1] = lengths(start * factor ** distance[:, None])
        return expected


@dataclass(frozen=True, eq=False)
class Flow:
    """An experiment's gradients. cells holds the chosen cell first, then those it is compared with.

    chain (T, T+1): row t-1, column k is ||ds_t/ds_k||_F / sqrt(H), s the cell's memory: c where there
    is one, else h; NaN where k > t or, in long runs, not computed (then the last row alone is).
    """

    experiment: Experiment
    tokens: tuple[Token, ...]
    first_step: int
    total: int
    cells: tuple[CellFlow, ...]
    chain: np.ndarray
    problems: tuple[tuple[str, dict[str, Any]], ...]

    @property
    def squares(self) -> bool:
        """Whether nothing is asked for: a loss is then half the square of what the last layer gives."""
        return _says_nothing(self.chosen.trace)

    @property
    def chosen(self) -> CellFlow:
        return self.cells[0]

    @property
    def beside(self) -> CellFlow | None:
        """The cell whose triangle stands beside: a gated one beside a plain RNN, that beside any other.

        Beside a network out of a file that is the second one, where there is one.
        """
        if second := next((cell for cell in self.cells if cell.second), None):
            return second
        plain = self.chosen.trace.spec.plain
        return next((cell for cell in self.cells[1:] if cell.trace.spec.plain != plain), None)

    @property
    def steps(self) -> int:
        return len(self.tokens)


def compared(cell: str) -> tuple[str, ...]:
    """Returns the cells of a flow: the chosen one, then the others it is compared with."""
    return (cell, *(other for other in COMPARED if other != cell))


def flow(
    experiment: Experiment,
    learned: Mapping[str, Learned],
    second: Learned | None = None,
    titles: tuple[str, str] = ("", ""),
) -> Flow:
    """Carries out an experiment forward and back on the learned weights of each compared cell.

    second: the network beside one out of a file, titles: what both are called.
    """
    problems: list[tuple[str, dict[str, Any]]] = []
    model = learned[experiment.cell].at(experiment.moment)
    given = inputs(experiment, model, learned[experiment.cell].sample, experiment.stretch)
    other = None if second is None else second.at(experiment.moment)
    if other is not None and backward(experiment, model) != backward(experiment, other):
        problems.append(("beside_one_way", {}))
        other = None
    total, first = len(given.tokens), 1
    most = min(_most_steps(one) for one in (model, other) if one is not None)
    if total > most:
        first = min(experiment.start, total - most + 1)
        problems.append(("window", {"first": first, "last": first + most - 1, "total": total}))
    if backward(experiment, model):
        given, first_read = given.turned(), max(total - most - first + 2, 1)
    else:
        first_read = first
    cells = []
    for cell in (cell for cell in compared(experiment.cell) if cell in learned):
        by = learned[cell].at(experiment.moment)
        own = inputs(experiment, by, learned[cell].sample, experiment.stretch)
        cells.append(_cell_flow(cell, experiment, by, own, (first_read, most)))
    if other is not None and second is not None:
        own = inputs(experiment, other, second.sample, experiment.stretch)
        found = _cell_flow(other.cell, experiment, other, own, (first_read, most))
        cells = [replace(cells[0], title=titles[0]), replace(found, title=titles[1], second=True)]
    if cells[0].gradient.loss is not None and not np.isfinite(cells[0].gradient.loss).any():
        problems.append(("no_loss", {}))
    return Flow(
        experiment=experiment,
        tokens=given.tokens[first - 1 : first - 1 + most],
        first_step=first,
        total=total,
        cells=tuple(cells),
        chain=_chain(cells[0].trace),
        problems=tuple(problems),
    )


def _most_steps(model: RecurrentModel) -> int:
    """Returns the steps of a triangle that a page waits for."""
    states = len(CELLS[model.cell].states)
    return steps_within([states * w.hidden_size for level in model.layer_weights() for w in level])


def steps_within(sizes: Sequence[int]) -> int:
    """Returns how many steps of layers with so many states are walked back within the work of a page."""
    return max(2, min(MAX_FLOW, int((FLOW_WORK / (2 * sum(S * S for S in sizes))) ** 0.5)))


def steps_shown(gradient: GradientFlow, at: int = 0) -> int:
    """Returns how many steps of a layer `flow_given` shows."""
    one = gradient.layers[at]
    return min(one.layer.steps, steps_within([len(one.totals) * one.layer.hidden_size]))


def flow_given(gradient: GradientFlow, at: int = 0) -> Flow:
    """Returns what `bptt` gave as a flow: one layer of it, in the order in which it reads.

    Of a long run the last steps, see `steps_shown`. Raises ValueError for a gradient without a triangle: of
    a batch, or of totals only.
    """
    one = gradient.layers[at]
    turned, one = one.layer.reverse, one.along()
    T, length = one.norm.shape[0], steps_shown(gradient, at)
    first = T - length + 1
    shown, layer = slice(first - 1, T), one.window(first, length)
    loss, tokens = gradient.loss, tokens_called(gradient.tokens, T)
    if turned:
        loss, tokens = None if loss is None else loss[::-1], tokens[::-1]
    own = GradientFlow((layer,), None if loss is None else loss[shown])
    run, path = Trace((layer.layer,), first_step=first), direct_path(layer)
    direct, meets = None if path is None else lengths(path), len(gradient.layers) == 1
    entering = np.full((length, layer.layer.hidden_size), np.nan)
    cell = CellFlow(layer.layer.cell, run, own, own, direct, entering, None, (), meets)
    return Flow(Experiment(cell=cell.cell), tokens[shown], first, T, (cell,), _chain(run), ())


def left_out(experiment: Experiment) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Returns what to say of an experiment's changes to its run, which a flow does not carry out."""
    changed = experiment.clamp or experiment.zero or (experiment.swap and experiment.swap_with)
    return (("unchanged", {}),) if changed or experiment.carry or experiment.begin != "zero" else ()


def _cell_flow(
    cell: str, experiment: Experiment, model: RecurrentModel, given: Input, window: tuple[int, int]
) -> CellFlow:
    """window: the first step, along the text, and how many there are at most."""
    first, most = window
    whole = forward(model, given.x, experiment.input_scale)
    if given.classes is not None:
        whole = replace(whole, targets=given.classes)
    whole, at = whole.window(first, most), place(experiment, model)
    run = alone(whole, at)
    turn = slice(None, None, -1 if whole.layers[at].reverse else 1)
    dL_dh, loss = direct_gradients(whole, given.target)
    chosen = chosen_rows(experiment, loss[turn])
    summed = bptt(whole, np.where(chosen[turn, None], dL_dh, 0.0))
    gradient = GradientFlow((summed.layers[at].along(),), np.where(chosen, loss[turn], np.nan))
    each = GradientFlow((bptt(whole, dL_dh).layers[at].along(),), loss[turn])
    path = direct_path(gradient.layers[0])
    direct = None if path is None else lengths(path)
    ids = None if model.embedding is None else np.array(model.encode(given.x))[first - 1 :][:most]
    masked = replace(summed, loss=np.where(chosen[turn], loss, np.nan))
    around = _around(masked, whole, given.target, ids, experiment.input_scale, at)
    entering = _entering(whole, summed, np.where(chosen[turn, None], dL_dh, 0.0), at)[turn].copy()
    meets = run.readout is not None or len(whole.layers) == 1
    return CellFlow(cell, run, gradient, each, direct, entering, given.target, around, meets)


def _entering(whole: Trace, flow: GradientFlow, dL_dh: np.ndarray, at: int) -> np.ndarray:
    """Returns what meets a layer's h at each step (T, H): of the loss, or of the layers above it."""
    layer = whole.layers[at]
    ways = [k for k, one in enumerate(whole.layers) if one.layer == layer.layer]
    above = [k for k, one in enumerate(whole.layers) if one.layer == layer.layer + 1]
    output = sum(flow.layers[k].x for k in above) if above else dL_dh  # (T, outputs of the level)
    own = np.split(np.asarray(output), len(ways), -1)[ways.index(at)]
    return own if layer.projection is None else own @ layer.projection.astype(np.float64)


@np.errstate(over="ignore", under="ignore", invalid="ignore")
def _around(
    gradient: GradientFlow,
    run: Trace,
    target: float | None,
    ids: np.ndarray | None,
    scale: float,
    at: int,
) -> tuple[np.ndarray, ...]:
    """Returns the gradients of the summed losses for what stands around a layer: see CellFlow."""
    assert run.logits is not None and gradient.loss is not None
    others = [flow for k, flow in enumerate(gradient.layers) if k != at]
    found = tuple(array for flow in others for array in flow.weight_gradient().values())
    if run.logits.shape[1]:
        found = (*_of_readout(gradient.loss, run, target), *found)
    if ids is None:
        return found
    by_token = np.zeros((ids.max() + 1, run.x.shape[1]))
    first = sum(flow.x for flow in gradient.layers if flow.layer.layer == run.layers[0].layer)
    np.add.at(by_token, ids, scale * np.asarray(first))
    return (by_token, *found)


def _of_readout(loss: np.ndarray, run: Trace, target: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Returns dL/dV and dL/db of the readout, of the losses that are summed: the finite ones."""
    assert run.logits is not None
    chosen = ~np.isnan(loss)
    if target is None:
        d_logits = softmax(run.logits)
        rows = np.flatnonzero(chosen)
        if run.targets is not None:
            d_logits[rows, run.targets[rows]] -= 1.0
    else:
        d_logits = np.zeros(run.logits.shape)
        d_logits[:, 0] = 2.0 * (run.logits[:, 0] - target)  # the first output alone: see Input
    d_logits = np.where(chosen[:, None], d_logits, 0.0)  # (T, V)
    return d_logits.T @ run.output, d_logits.sum(0)


def nudged(cell: CellFlow, step: int, unit: int = 0) -> Nudge | None:
    """Returns what a push of the state after a step does to the last chosen loss; None without a loss.

    The state is c where there is one, else h; steps past the loss count as the one before it. The push
    is along the gradient, or along one unit, from 1.
    """
    at = cell.loss_step
    if at is None or not cell.meets or cell.trace.readout is None:
        return None
    one = np.zeros_like(cell.entering)
    one[at - 1] = cell.entering[at - 1]
    layer = cell.trace.layers[0]
    loss = token_loss(cell.trace, at) if cell.target is None else number_loss(cell.trace, at, cell.target)
    state = layer.spec.memory
    along = unit - 1 if 0 < unit <= layer.hidden_size else None
    return nudge(layer, loss, bptt(cell.trace, one), max(0, min(step, at - 1)), (state, along))


def forward(model: RecurrentModel, x: Any, scale: float = 1.0) -> Trace:
    """Returns the trace of a model over tokens or numbers, its inputs scaled."""
    stack = stack_of(model)
    bare = Trace(run_stack(stack, model.embed(x) * scale), tokens=model.display(x))
    return replace(
        bare,
        logits=model.read_out(bare.output),
        readout=model.readout_weight(),
        targets=model.targets(x),
    )


def _says_nothing(run: Trace) -> bool:
    """Whether a network has no readout: its logits are of no token."""
    return run.logits is not None and not run.logits.shape[1]


def direct_gradients(run: Trace, target: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Returns (dL_t/dh_t (T, H), L_t (T,)), a loss of its own at each step that has one, else 0 and NaN.

    Cross-entropy of the next token; or, for a number, the squared error of the last output. Where there is no
    readout, half of the square of what the last layer gives at the step.
    """
    if _says_nothing(run):
        output = run.output.astype(np.float64)
        return output, 0.5 * (output**2).sum(-1)
    if target is None:
        return readout_losses(run)
    assert run.logits is not None and run.readout is not None
    loss = np.full(run.steps, np.nan)
    dL_dh = np.zeros(run.output.shape)
    error = float(run.logits[-1, 0]) - target
    loss[-1] = error**2
    dL_dh[-1] = 2.0 * error * run.readout[0]
    return dL_dh, loss


def readout_losses(run: Trace) -> tuple[np.ndarray, np.ndarray]:
    """Returns the same for next-token prediction; all zero where no token follows."""
    if run.targets is None or not (run.targets >= 0).any():
        return np.zeros(run.output.shape), np.full(run.steps, np.nan)
    return readout_gradient(run, "each_step")


def chosen_rows(experiment: Experiment, loss: np.ndarray) -> np.ndarray:
    """Returns which losses (T,) the experiment sums: all, the one at loss_at, or the last."""
    there = np.isfinite(loss) | np.isinf(loss)
    if experiment.loss == "each_step" or not there.any():
        return there
    at = experiment.loss_at - 1
    row = at if 0 <= at < len(loss) and there[at] else int(np.flatnonzero(there)[-1])
    return np.arange(len(loss)) == row


def _chain(run: Trace) -> np.ndarray:
    layer, T = run.layers[0], run.steps
    H = layer.hidden_size
    size = H * len(layer.spec.states)
    at = H * layer.spec.states.index(layer.spec.memory)
    main = slice(at, at + H)
    chain = np.full((T, T + 1), np.nan)
    first = 0 if T * size <= WINDOW * WINDOW else T - 1
    products = np.broadcast_to(np.eye(size)[main], (T - first, H, size)).copy()
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for k, factor in zip(range(T, 0, -1), jacobians(layer, back=True), strict=True):
            live = max(first, k - 1)
            of = products[live - first :]
            chain[live:, k] = _size(of[..., main])
            products[live - first :] = of @ factor
        chain[first:, 0] = _size(products[..., main])
    return chain


def _size(matrices: np.ndarray) -> np.ndarray:
    """Frobenius norm over sqrt(H): 1 for an orthogonal matrix."""
    return lengths(matrices.reshape(len(matrices), -1)) / np.sqrt(matrices.shape[-1])
