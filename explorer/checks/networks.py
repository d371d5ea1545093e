"""Whole networks: layers and directions, initial states, losses, starting weights, changed runs."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.cells import CELLS, CellSpec, LayerWeights
from explorer.checks.common import (
    ROUGH,
    Case,
    Weights,
    case_of,
    draw_parameters,
    gap,
    largest,
    leaf,
    leaves_of,
    run_again,
    torch_states,
)
from explorer.experiment import Display, Experiment
from explorer.gradients.bptt import bptt
from explorer.lab.flow import Flow, flow
from explorer.lab.learned import Learned, inputs, learn
from explorer.lab.walk import walk
from explorer.nn.initialise import initialise
from explorer.nn.interventions import Clamp, Transplant, ZeroUnit
from explorer.nn.model import RecurrentModel
from explorer.nn.tracing import LayerTrace, Trace, trace
from explorer.nn.witness import departure

T, D, H, V = 6, 3, 4, 5


def model_of(
    cell: str, generator: np.random.Generator, *, words: bool = False, layers: int = 1, both: bool = False
) -> RecurrentModel:
    """Returns a float64 network with random weights; over V words, or over D numbers."""
    vocabulary = tuple("abcdefghij"[:V]) if words else None
    sizes = (D, H, V if words else 1)
    model = RecurrentModel(
        cell, *sizes, vocabulary=vocabulary, num_layers=layers, bidirectional=both
    ).double()
    draw_parameters(model, generator)
    return model


class Stack:
    """Layers and directions by PyTorch's cells or the papers' steps, one after the other, x (T, D) a leaf."""

    def __init__(
        self, cell: str, weights: Sequence[Sequence[LayerWeights]], x: np.ndarray, states: Any
    ) -> None:
        self.spec, self.x = CELLS[cell], leaf(x)
        self.weights: list[Weights] = []
        self.rows: list[list[tuple[Tensor, ...]]] = []
        below: Tensor = self.x
        given = iter(states)
        for level in weights:
            outputs = []
            for way, own in enumerate(level):
                table, order = leaves_of(own), list(range(len(x)))[:: -1 if way else 1]
                rows = torch_states(self.spec, [table] * len(x), below, next(given), order=order)
                self.weights.append(table)
                self.rows.append(rows[::-1] if way else rows)
                outputs.append(torch.cat([row[0] for row in (rows[:0:-1] if way else rows[1:])]))
            below = torch.cat(outputs, -1)
        self.output = below


def stacks(generator: np.random.Generator) -> float:
    """Traces and gradients of two layers in two directions from given states, by the cells one at a time."""
    found = []
    for cell, spec in CELLS.items():
        both = bool(generator.integers(2))
        model = model_of(cell, generator, layers=2, both=both)
        x, count = generator.standard_normal((T, D)), 4 if both else 2
        states = [spec.state(lambda: generator.standard_normal(H)) for _ in range(count)]
        given = tuple(np.stack(parts) for parts in zip(*states, strict=True))
        run = trace(model, x, given if len(given) > 1 else given[0])
        stack = Stack(cell, model.layer_weights(), x, [[leaf(s) for s in parts] for parts in states])
        found.append(gap(run.output, stack.output))
        for layer, rows in zip(run.layers, stack.rows, strict=True):
            for k, symbol in enumerate(spec.states):
                found.append(gap(layer.states[symbol], torch.cat([row[k] for row in rows])))
        found += _sent_back(run, stack, generator)
        if spec.torch_module is not None:
            found.append(_fused(model, x, given, run))
    return largest(found)


def _sent_back(run: Trace, stack: Stack, generator: np.random.Generator) -> Iterator[float]:
    """How far the gradients of all layers are from autograd's: of states, weights and x."""
    dL_dh = generator.standard_normal(run.output.shape)
    ours = bptt(run, dL_dh)
    loss = (stack.output * torch.tensor(dL_dh)).sum()
    leaves = [stack.x, *(s for rows in stack.rows for row in rows for s in row)]
    own = [w for table in stack.weights for w in table.values()]
    found = iter(torch.autograd.grad(loss, [*leaves, *own], allow_unused=True, materialize_grads=True))
    dx = next(found)
    for flow_of in ours.layers:
        totals: dict[str, list[Tensor]] = {s: [] for s in flow_of.totals}
        for _ in range(run.steps + 1):
            for rows in totals.values():
                rows.append(next(found).reshape(1, -1))
        for symbol, rows in totals.items():
            yield gap(flow_of.totals[symbol], torch.cat(rows))
    for flow_of, table in zip(ours.layers, stack.weights, strict=True):
        theirs = {name: next(found) for name in table}
        for name, gradient in flow_of.weight_gradient().items():
            if name in theirs:
                yield gap(gradient, theirs[name])
    first = [flow_of.x for flow_of in ours.layers if flow_of.layer.layer == 0]
    yield gap(sum(first), dx)


def _fused(model: RecurrentModel, x: np.ndarray, given: tuple[np.ndarray, ...], run: Trace) -> float:
    """The output and the last states by PyTorch's fused module."""
    start = tuple(torch.tensor(s)[:, None] for s in given)
    with torch.no_grad():
        output, last = model.rnn(torch.tensor(x)[:, None], start if len(start) > 1 else start[0])
    ends = last if isinstance(last, tuple) else (last,)
    found = [gap(run.output, output[:, 0])]
    for state, symbol in zip(ends, run.spec.states, strict=True):
        ours = [layer.states[symbol][0 if layer.reverse else -1] for layer in run.layers]
        found.append(gap(np.stack(ours), state[:, 0]))
    return largest(found)


def modules(generator: np.random.Generator) -> float:
    """Traces of PyTorch's layers, with a projection and over padded batches, by the module itself, packed."""
    found = []
    for kind, options in ((nn.RNN, {}), (nn.GRU, {}), (nn.LSTM, {}), (nn.LSTM, {"proj_size": 2})):
        net = kind(D, H, num_layers=2, bidirectional=True, dtype=torch.float64, **options)
        draw_parameters(net, generator)
        x, lengths = torch.tensor(generator.standard_normal((T, 3, D))), torch.tensor([T, 2, 4])
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
        with torch.no_grad():
            alone, output = net(x[:, 0])[0], nn.utils.rnn.pad_packed_sequence(net(packed)[0])[0]
        found.append(gap(trace(net, x[:, 0]).output, alone))
        ours = trace(net, x, lengths=lengths).output
        there = np.arange(T)[:, None] < lengths.numpy()
        found.append(gap(ours[there], output.numpy()[there]))
    return largest(found)


# What is changed in a run


def changes(generator: np.random.Generator) -> float:
    """Held gates and units, transplants, replaced words, starts, notation: by cells with other weights."""
    found: list[float] = []
    for spec in CELLS.values():
        case = case_of(spec, T, D, H, generator)
        start, unit = int(generator.integers(2, T)), int(generator.integers(H))
        found += _held(spec, case, start, None if generator.integers(2) else unit, generator)
        found.append(_held_together(spec, case, start, int(generator.integers(start, T)), generator))
        found.append(_zeroed(spec, case, start, unit))
        found += [_transplanted(spec, case, after, generator) for after in (0, start)]
    return largest([*found, _replaced(generator), _carried(generator), *_notation(generator)])


def _held(
    spec: CellSpec, case: Case, start: int, unit: int | None, generator: np.random.Generator
) -> Iterator[float]:
    """A gate held at a value is one whose weights are 0, and whose bias its function makes that value of."""
    for symbol in spec.activations:
        value = float(generator.uniform(0.1, 0.9))
        clamp = Clamp(symbol, value, unit, start)
        run = case.run(spec.key, changes=[clamp])
        yield departure(run, [clamp])
        held = run.gate[symbol] if unit is None else run.gate[symbol][:, unit]
        yield largest(
            [
                float(np.abs(held[start - 1 :] - value).max()),
                gap(_before(run, start), _plain(spec, case, start)),
            ]
        )
        inverse = _INVERSE.get(spec.roles[symbol].activation)
        if symbol in spec.blocks and inverse is not None and case.weights.b_ih is not None:
            other = _with_bias(case.weights, symbol, inverse(value), unit)
            state = [torch.tensor(s[start - 1]) for s in run.states.values()]
            rest = T - start + 1
            rows = torch_states(spec, [leaves_of(other)] * rest, case.x[start - 1 :], state)
            for k, s in enumerate(spec.states):
                yield gap(run.states[s][start:], torch.cat([row[k] for row in rows[1:]]))


def _held_together(spec: CellSpec, case: Case, start: int, end: int, generator: np.random.Generator) -> float:
    """Every gate of a unit held at once, from a step to a step: cells of other weights for those steps."""
    weights, clamps = case.weights, []
    for k, symbol in enumerate(spec.activations):
        inverse = _INVERSE.get(spec.roles[symbol].activation)
        if symbol in spec.blocks and inverse is not None:
            value, unit = float(generator.uniform(0.1, 0.9)), None if k % 2 else k % H
            clamps.append(Clamp(symbol, value, unit, start, end))
            weights = _with_bias(weights, symbol, inverse(value), unit)
    run = case.run(spec.key, changes=clamps)
    by_step = [weights if start <= step <= end else case.weights for step in range(1, T + 1)]
    rows = torch_states(spec, list(map(leaves_of, by_step)), case.x, [torch.tensor(s) for s in case.state])
    apart = [gap(run.states[s], torch.cat([row[k] for row in rows])) for k, s in enumerate(spec.states)]
    return largest([departure(run, clamps), *apart])


_INVERSE = {
    "sigmoid": lambda v: math.log(v / (1.0 - v)),
    "tanh": math.atanh,
    "relu": lambda v: v,
    "identity": lambda v: v,
}


def _with_bias(weights: LayerWeights, block: str, bias: float, unit: int | None) -> LayerWeights:
    """Returns weights by which a block's pre-activation is a number whatever is read, of a unit or of all."""
    changed: dict[str, Any] = {}
    for name, rows in (
        ("w_ih", weights.blocks),
        ("b_ih", weights.blocks),
        ("w_hh", weights.seeing),
        ("b_hh", weights.seeing),
    ):
        if (array := getattr(weights, name)) is None or block not in rows:
            continue
        changed[name] = np.array(array)
        part = changed[name].reshape(len(rows), H, -1)[rows.index(block)]
        part[slice(None) if unit is None else unit] = bias if name == "b_ih" else 0.0
    if block in weights.peephole_blocks and weights.peepholes is not None:
        changed["peepholes"] = np.array(weights.peepholes)
        own = changed["peepholes"].reshape(-1, H)[weights.peephole_blocks.index(block)]
        own[slice(None) if unit is None else unit] = 0.0
    return replace(weights, **changed)


def _before(run: LayerTrace, start: int) -> np.ndarray:
    return run.h[:start]


def _plain(spec: CellSpec, case: Case, start: int) -> np.ndarray:
    """h (start, H) before a change, by the cells as they are."""
    _, rows = run_again(case.run(spec.key))
    return torch.cat([row[0] for row in rows[:start]]).detach().numpy()


def _zeroed(spec: CellSpec, case: Case, start: int, unit: int) -> float:
    """A unit held at 0: its states set to 0 after each step of the cell."""
    run = case.run(spec.key, changes=[ZeroUnit(unit, start)])
    mask = np.where(np.arange(H) == unit, 0.0, 1.0)
    rows = [tuple(torch.tensor(s)[None] for s in case.state)]
    for t in range(T):
        after = torch_states(spec, [leaves_of(case.weights)], case.x[t : t + 1], rows[-1])[1]
        rows.append(tuple(s * torch.tensor(mask) for s in after) if t + 1 >= start else after)
    return largest(
        [gap(run.states[s], torch.cat([row[k] for row in rows])) for k, s in enumerate(spec.states)]
    )


def _transplanted(spec: CellSpec, case: Case, after: int, generator: np.random.Generator) -> float:
    """Another run's states after a step: two runs of the cells, the second from the donor's."""
    donor = dict(zip(spec.states, spec.state(lambda: generator.standard_normal(H)), strict=True))
    carried = {s: donor[s].tolist() for s in spec.states[: int(generator.integers(1, len(spec.states) + 1))]}
    run = case.run(spec.key, changes=[Transplant(after, carried)])
    _, rows = run_again(case.run(spec.key))
    planted = [
        torch.tensor(donor[s])[None] if s in carried else rows[after][k] for k, s in enumerate(spec.states)
    ]
    rest = torch_states(spec, [leaves_of(case.weights)] * (T - after), case.x[after:], planted)
    whole = [*rows[:after], *rest]
    return largest(
        [gap(run.states[s], torch.cat([row[k] for row in whole])) for k, s in enumerate(spec.states)]
    )


def _replaced(generator: np.random.Generator) -> float:
    """A replaced word: the network's own module over the text with that word in its place."""
    cell, at = str(generator.choice(list(CELLS))), int(generator.integers(1, 4))
    asked = Experiment(cell=cell, text="a b c d", weights="untrained", hidden=H, swap=at, swap_with="c")
    found = learn(asked)
    words = ["a", "b", "c", "d"]
    words[at - 1] = "c"
    assert found.model.embedding is not None
    with torch.no_grad():
        x = found.model.embedding(torch.tensor(found.model.encode(words)))
        h = found.model.rnn(x[:, None])[0][:, 0]
    done = walk(asked, found)
    shown = done.runs[-1]
    p = torch.softmax(found.model.readout(h), -1)
    assert shown.top_ids is not None and shown.top_probabilities is not None
    ours = [shown.top_probabilities[t] for t in range(4)]
    theirs = [p[t][torch.tensor(shown.top_ids[t].copy())] for t in range(4)]
    return largest([gap(shown.trace.output, h), done.error, *map(gap, ours, theirs)])


def _carried(generator: np.random.Generator) -> float:
    """A start that is carried on: the network's own module over the text twice, without a break."""
    cell = str(generator.choice(list(CELLS)))
    asked = Experiment(cell=cell, text="a b c d", weights="untrained", hidden=H, begin="carried")
    found = learn(asked)
    assert found.model.embedding is not None
    with torch.no_grad():
        x = found.model.embedding(torch.tensor(found.model.encode(["a", "b", "c", "d"] * 2)))
        h = found.model.rnn(x[:, None])[0][:, 0]
    return gap(walk(asked, found).runs[-1].trace.output, h[4:])


def _notation(generator: np.random.Generator) -> Iterator[float]:
    """Lecture notation: z is one minus z, its weights are negated; held at v it is held at 1 - v."""
    for spec in CELLS.values():
        if spec.lecture is None:
            continue
        layer = case_of(spec, T, D, H, generator).run(spec.key)
        other = layer.in_lecture_notation()
        for symbol, gate in layer.gate.items():
            flipped = symbol in spec.flips
            yield gap(other.gate[symbol], 1.0 - gate if flipped else gate)
            pre = other.weights.project(layer.x)[symbol]
            yield gap(pre, (-1.0 if flipped else 1.0) * layer.weights.project(layer.x)[symbol])
        yield gap(other.h, layer.h)
        asked = Experiment(cell=spec.key, clamp="z", clamp_value=0.25)
        yield abs(Display("ko", "lecture").meant(asked).clamp_value - 0.75)
        yield abs(Display("ko", "pytorch").meant(asked).clamp_value - 0.25)


# Losses


def losses(generator: np.random.Generator) -> float:
    """A page's gradients by autograd through a whole network: states, embedding, readout, paths, chain."""
    found: list[float] = []
    for cell in CELLS:
        loss = ("last_step", "each_step")[int(generator.integers(2))]
        asked = Experiment(
            cell=cell, text="a b c a d", weights="untrained", hidden=H, loss=loss, input_scale=1.5
        )
        model = model_of(cell, generator, words=True)
        found += _flow_apart(flow(asked, {cell: Learned(model, None)}), model)
    asked = Experiment(cell="gru", weights="marked", stretch=T)
    model = RecurrentModel("gru", 2, H, 1).double()
    draw_parameters(model, generator)
    found += _flow_apart(flow(asked, {"gru": Learned(model, None)}), model)
    return largest(found)


def _flow_apart(ours: Flow, model: RecurrentModel) -> Iterator[float]:
    one = ours.chosen
    (weights,), *_ = model.layer_weights()
    readout, bias = leaf(model.readout.weight.detach()), leaf(model.readout.bias.detach())
    given, scale = inputs(ours.experiment, model, None, ours.experiment.stretch), ours.experiment.input_scale
    around: list[Tensor] = [readout, bias]
    x: Tensor
    if model.embedding is None:
        x = leaf(given.x * scale)
    else:
        ids = torch.tensor(model.encode(given.x))
        table = leaf(model.embedding.weight.detach())
        around, x = [table, *around], table[ids] * scale
    own, zero = leaves_of(weights), torch.zeros(H, dtype=torch.float64)
    start = [(zero + 0.0).requires_grad_() for _ in CELLS[one.cell].states]
    rows = torch_states(CELLS[one.cell], [own] * ours.steps, x, start)
    output = torch.cat([row[0] for row in rows[1:]]) @ readout.T + bias
    if one.target is not None:
        each = (output[-1:, 0] - one.target) ** 2
        chosen = each.sum()
    else:
        each = F.cross_entropy(output[:-1], ids[1:], reduction="none")
        chosen = each.sum() if ours.experiment.loss == "each_step" else each[-1]
    states = [row[0] for row in rows[1:]]
    memory = CELLS[one.cell].states.index(CELLS[one.cell].memory)
    options: dict[str, Any] = {"retain_graph": True, "allow_unused": True, "materialize_grads": True}
    totals = torch.autograd.grad(chosen, states, **options)
    yield gap(one.total[1:], torch.stack([g.norm() for g in totals]))
    for gradient, theirs in zip(one.around, torch.autograd.grad(chosen, around, **options), strict=True):
        yield gap(gradient, theirs[: len(gradient)])
    for name, theirs in zip(own, torch.autograd.grad(chosen, list(own.values()), **options), strict=True):
        yield gap(one.gradient.layers[0].weight_gradient()[name], theirs)
    assert one.each.loss is not None
    yield gap(one.each.loss[~np.isnan(one.each.loss)], each)
    last = torch.autograd.grad(each[-1], states[: one.loss_step], **options)
    yield gap(
        one.each.norm[(one.loss_step or 1) - 1, 1 : (one.loss_step or 1) + 1],
        torch.stack([g.norm() for g in last]),
    )
    yield from _expected(one, CELLS[one.cell].memory)
    kept = [row[memory] for row in rows]
    for k in (1, ours.steps - 1):
        J = [torch.autograd.grad(kept[-1][0, j], kept[k], **options)[0] for j in range(H)]
        if len(CELLS[one.cell].states) == 1:
            yield abs(ours.chain[-1, k] - float(torch.cat(J).norm()) / math.sqrt(H))


def _expected(one: Any, memory: str) -> Iterator[float]:
    """The dotted line of the law: the gradient at the loss, times the factor once for each step back."""
    expected, at = one.law.expected, one.loss_step
    if expected is None:
        return
    start = one.gradient.layers[0].totals[memory][at]
    for k in range(at + 1):
        yield abs(
            expected[k]
            - math.sqrt(
                sum(
                    (g * f ** (at - k)) ** 2
                    for g, f in zip(start, np.broadcast_to(one.law.factor, start.shape), strict=True)
                )
            )
        )


# Starting weights


def starts(generator: np.random.Generator) -> float:
    """What is said of starting weights: their range, W'W, and biases, rows counted as PyTorch packs them."""
    found: list[float] = []
    for spec in CELLS.values():
        gain, keep = float(generator.uniform(0.5, 2.0)), float(generator.uniform(-3.0, 3.0))
        seed = int(generator.integers(1_000))
        found += _scheme(spec, "orthogonal", gain, seed)
        found += _scheme(spec, "identity", gain, seed)
        found += _in_range(spec, seed)
        if spec.keep:
            found += _biases(spec, keep, seed)
    return largest(found)


def _started(spec: CellSpec, seed: int, **options: Any) -> dict[str, Tensor]:
    model = RecurrentModel(spec.key, D, H, 1, num_layers=2)
    initialise(model, torch.Generator().manual_seed(seed), **options)
    table = {name: p.detach().double() for name, p in model.rnn.named_parameters()}
    return {name.removesuffix("_l1"): p for name, p in table.items() if name.endswith("_l1")}


def _scheme(spec: CellSpec, scheme: str, gain: float, seed: int) -> Iterator[float]:
    own = _started(spec, seed, scheme=scheme, gain=gain)
    for block in own["weight_hh"].split(H) if "weight_hh" in own else ():
        square = block.T @ block if scheme == "orthogonal" else block
        eye = torch.eye(H, dtype=torch.float64) * (gain**2 if scheme == "orthogonal" else gain)
        yield gap(square, eye) * ROUGH
    for name, bias in own.items():
        if name.startswith("bias"):
            yield float(bias.abs().max())
    if scheme == "identity":
        yield 0.0 if float(own["weight_ih"].abs().max()) < 0.01 else np.inf


def _in_range(spec: CellSpec, seed: int) -> Iterator[float]:
    """U(-1/sqrt(H), 1/sqrt(H)): nothing outside, and a fifth of it beyond four fifths, within chance."""
    own = torch.cat([p.flatten() for p in _started(spec, seed).values()]) * math.sqrt(H)
    yield 0.0 if float(own.abs().max()) <= 1.0 + 1e-6 else np.inf
    share, n = float((own.abs() > 0.8).double().mean()), len(own)
    yield 0.0 if abs(share - 0.2) < 5.0 * math.sqrt(0.16 / n) else np.inf


def _biases(spec: CellSpec, keep: float, seed: int) -> Iterator[float]:
    fixed = _started(spec, seed, bias="fixed", keep_bias=keep)
    yield float((_at_rest(spec, fixed, spec.keep or "") - keep).abs().max()) * ROUGH
    longest = 50
    chrono = _started(spec, seed, bias="chrono", longest=longest)
    drawn = _at_rest(spec, chrono, spec.keep or "")
    inside = (drawn >= 0.0) & (drawn <= math.log(longest - 1.0) + 1e-6)
    yield 0.0 if bool(inside.all()) and float(drawn.max()) > 0.0 else np.inf
    if spec.write:
        yield float((_at_rest(spec, chrono, spec.write) + drawn).abs().max()) * ROUGH


def _at_rest(spec: CellSpec, own: dict[str, Tensor], block: str) -> Tensor:
    """Both biases of a block, or the units' own weights, H of each in the order of packing."""
    if block not in spec.blocks:
        return own["peephole"].split(H)[spec.peephole_blocks.index(block)]
    total = own["bias_ih"].split(H)[spec.blocks.index(block)].clone()
    if block in spec.recurrent_blocks:
        total += own["bias_hh"].split(H)[spec.recurrent_blocks.index(block)]
    return total
