"""Losses of your own: autograd goes from the loss to what the recurrent layers gave, and no further.

What reaches a layer from there is its direct gradient; through its steps the closed form goes on.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from explorer.nn.capture import Call, holding_layers, plain_network, recorded
from explorer.nn.reading import as_array
from explorer.nn.records import Trace
from explorer.nn.tracing import in_sequences, trace_of


@dataclass(frozen=True, eq=False)
class Seeds:
    """Direct gradients or None: of the output (T, ..., H) or a table of states; of the last (L, ..., H)."""

    output: Any = None
    h_n: Any = None
    c_n: Any = None


def seeds_of(loss: torch.Tensor, output: Any, trace: Trace) -> Seeds:
    """Returns the direct gradients of a scalar loss on what a layer gave: out, (out, h_n), (out, (h_n, c_n)).

    Raises ValueError for a loss that is no scalar, or that depends on none of these.
    """
    if output is None:
        raise ValueError(
            "a loss tensor goes with output=, what the layer gave in its graph: `out, h_n = lstm(x)`"
        )
    leaves = _leaves(output)
    found = _gradients(loss, leaves)
    if all(gradient is None for gradient in found):
        raise ValueError(
            "this loss does not depend on this output: give the tensors that it was computed from"
        )
    return _seeds(output, found, trace, trace.batch_first)


def _gradients(loss: torch.Tensor, leaves: Sequence[torch.Tensor]) -> list[torch.Tensor | None]:
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
        raise ValueError("a loss is a tensor of one number: take its sum or its mean")
    if not loss.requires_grad:
        return [None for _ in leaves]
    asked = [leaf for leaf in leaves if leaf.requires_grad]
    given = iter(torch.autograd.grad(loss, asked, retain_graph=True, allow_unused=True) if asked else ())
    return [next(given) if leaf.requires_grad else None for leaf in leaves]


def _leaves(output: Any) -> list[torch.Tensor]:
    """Returns the tensors that a layer gave: its output, and its last states where they are there."""
    if isinstance(output, PackedSequence):
        return [output.data]
    if isinstance(output, torch.Tensor):
        return [output]
    return [leaf for part in output for leaf in _leaves(part)]


def _seeds(output: Any, found: Sequence[torch.Tensor | None], trace: Trace, batch_first: bool) -> Seeds:
    first = output if isinstance(output, torch.Tensor | PackedSequence) else output[0]
    direct, *ends = found
    if isinstance(first, PackedSequence) and direct is not None:
        packed = PackedSequence(direct, first.batch_sizes, first.sorted_indices, first.unsorted_indices)
        direct, _ = pad_packed_sequence(packed, total_length=trace.steps)
    elif direct is not None and direct.ndim == 3 and batch_first:
        direct = direct.transpose(0, 1)
    rows = [None if end is None else as_array(end) for end in (*ends, None, None)]
    return Seeds(None if direct is None else as_array(direct), rows[0], rows[1])


def seeds_of_network(
    net: nn.Module, inputs: Sequence[Any], named: Mapping[str, Any], loss: Callable[[Any], torch.Tensor]
) -> Iterator[tuple[Call, Trace, Seeds]]:
    """Runs a network once, in eval mode, and yields each call, its trace and the loss's direct gradients.

    Calls of cells that follow from each other are one trace; its seeds are what reaches a state past the
    step that it goes into.
    """
    if not callable(loss):
        raise ValueError(
            "loss is a function of what the network gives, to a scalar: bptt(net, x, loss=lambda y: ...)"
        )
    net = holding_layers(plain_network(net))
    calls: list[Call] = []
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.backends.cudnn.flags(enabled=False),
        recorded(net, calls) as beneath,
    ):
        value = loss(net(*inputs, **named))
        leaves = [leaf for call in calls for leaf in (*_leaves(call.result), *_states(call))]
        gradients = _gradients(value, leaves)
    if beneath.twice:
        raise ValueError(
            "this loss holds a gradient (`create_graph=True`), as a gradient penalty does: what it asks of a"
            " layer goes through its derivative too; take that part out of the loss"
        )
    if calls and all(gradient is None for gradient in gradients):
        raise ValueError(
            "this loss does not depend on what the recurrent layers gave: a `detach`, `no_grad`, `item` or"
            " a reentrant checkpoint between them cuts it off"
        )
    found = dict(zip(map(id, leaves), gradients, strict=True))
    for call in in_sequences(net, calls):
        trace = trace_of(call.detached())
        if call.stack.by_step:
            yield call, trace, _seeds_of_steps(call.steps, found, trace)
        else:
            own = [found[id(leaf)] for leaf in _leaves(call.result)]
            yield call, trace, _seeds(call.result, own, trace, call.stack.batch_first)


def _states(call: Call) -> list[torch.Tensor]:
    """Returns the states that a cell's step began with, in their own tensors."""
    if not call.stack.by_step or call.state is None:
        return []
    return _leaves(call.state)


def _seeds_of_steps(steps: Sequence[Call], found: Mapping[int, Any], trace: Trace) -> Seeds:
    """What reaches each state after its step, less what came back through the next step's state."""
    names = trace.layers[0].states
    rows = {s: np.zeros((trace.steps, *trace.layers[0].h.shape[1:])) for s in names}
    for k, call in enumerate(steps):
        onward = steps[k + 1] if k + 1 < len(steps) else None
        after = _leaves(call.result)
        before = [None] * len(after) if onward is None else _states(onward)
        for s, state, taken in zip(names, after, before, strict=True):
            for leaf, sign in ((state, 1.0), (taken, -1.0)):
                gradient = None if leaf is None else found[id(leaf)]
                if gradient is not None:
                    rows[s][k] += sign * as_array(gradient)
    return Seeds(rows)
