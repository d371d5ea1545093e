"""Run a model over a sequence and keep everything: every pre-activation, gate, candidate and state.

    t = trace(torch.nn.LSTM(8, 16), x)      # x (T, 8)
    t.gate["f"]                             # (T, 16), the forget gate at every step
    t.c                                     # (T + 1, 16), row 0 the initial state

    traces = trace(net, ids)                # any network: its own forward runs once
    traces["encoder.lstm"].gate["f"]        # what that layer did in it

Steps are 1..T; `gate[t - 1]` makes `h[t]`.
"""

import copy
import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast, overload

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from explorer.cells import LayerWeights
from explorer.nn.agreement import as_it_comes, distance, refusal, tf32, who
from explorer.nn.capture import Call, holding_layers, left_as_it_was, plain_network, watched
from explorer.nn.interventions import Intervention
from explorer.nn.reading import (
    HALF,
    Stack,
    as_array,
    check_numbers,
    is_recurrent,
    read,
    stack_of,
    torch_weights,
)
from explorer.nn.records import ByName, LayerTrace, Trace
from explorer.nn.running import run_layer, run_stack

__all__ = ["LayerTrace", "Trace", "Traces", "run_layer", "torch_weights", "trace", "weights_of"]


class Traceable(Protocol):
    """What `trace` needs of a model of ours."""

    cell: str

    def layer_weights(self) -> list[list[LayerWeights]]: ...
    def embed(self, x: Any) -> np.ndarray: ...
    def read_out(self, h: np.ndarray) -> np.ndarray: ...
    def readout_weight(self) -> np.ndarray: ...
    def targets(self, x: Any) -> np.ndarray | None: ...
    def display(self, x: Any) -> tuple[str, ...] | None: ...


class LayersOnly:
    """A Traceable without a vocabulary and a readout: recurrent layers alone. x is what they read."""

    def embed(self, x: Any) -> np.ndarray:
        return as_array(x)


@dataclass(frozen=True, eq=False, repr=False)
class Traces(ByName):
    """What each recurrent layer of a network did: name -> Trace, or a list of them where it was called again.

    output: what the network gave. Cells that a loop calls step by step make one trace of all the steps that
    follow from each other.
    """

    output: Any = None


@overload
def trace(  # type: ignore[overload-overlap]
    module: nn.RNNBase | nn.RNNCellBase | LayersOnly | Traceable,
    /,
    x: Any,
    state: Any = None,
    *,
    lengths: Any = None,
    changes: Sequence[Intervention] = (),
    at: int | None = None,
) -> Trace: ...
@overload
def trace(module: nn.Module, /, *inputs: Any, **named: Any) -> Traces: ...
def trace(module: Any, /, *inputs: Any, **named: Any) -> Any:
    """Runs a module over x and returns every gate and state at every step.

    A recurrent layer, `trace(module, x, state=None, *, lengths=None, changes=())`, gives a Trace.
    module: nn.RNN, nn.LSTM, nn.GRU (layers, bidirectional, with or without bias, proj_size; pruned,
    weight_norm, compiled, float16 and bfloat16, on any device), nn.LSTMCell and the like as a layer over
    time, RecurrentModel, or what `load_weights` gives.
    x: (T, D), or a batch as the module's batch_first says; arrays then have shape (T, B, H). A
    PackedSequence, or lengths (B,) beside a padded batch, is run as PyTorch runs it packed. For a
    RecurrentModel with a vocabulary: token strings or ids (T,). state: as PyTorch takes it, h_0 or
    (h_0, c_0, ...), by default zero, or what a file says. changes: interventions on a model of ours, in all
    of its layers or in the one at a place among those of the trace.

    Any other network, `trace(net, *inputs, **named)`, gives Traces: name of the layer -> its Trace. The
    network's own forward runs once on these arguments, without gradients, and each recurrent layer is traced
    on what reached it. Random state and training flags are left as they were.

    Dropout is off. Arrays are NumPy in the module's dtype, float32 or float64; float16 and bfloat16 run in
    float32. The module itself runs once beside it, unless it is a layer of PyTorch as it comes, and
    `Trace.difference` is how far they are apart. Raises ValueError where that is more than rounding (a
    forward or a hook of its own), and for odd shapes; TypeError for modules that cannot be watched.
    """
    if hasattr(module, "layer_weights"):
        return _of_model(cast(Traceable, module), *inputs, **named)
    if not isinstance(module, nn.Module):
        raise TypeError(f"cannot trace {type(module).__name__}; give a network, or nn.RNN, nn.LSTM or nn.GRU")
    net = plain_network(module)
    if is_recurrent(net):
        return _of_layer(net, *inputs, **named)
    return _of_network(net, inputs, named)


def _of_model(
    model: Traceable,
    x: Any,
    state: Any = None,
    *,
    lengths: Any = None,
    changes: Sequence[Intervention] = (),
    at: int | None = None,
) -> Trace:
    stack = stack_of(model)
    array, ends = _as_input(model.embed(x), stack, lengths)
    layers = run_stack(stack, array, state, changes, ends, at)
    if isinstance(model, LayersOnly):
        return Trace(layers)
    bare = Trace(layers, tokens=model.display(x))
    return replace(
        bare,
        logits=model.read_out(bare.output),
        readout=model.readout_weight(),
        targets=model.targets(x),
    )


def _of_layer(
    module: nn.Module,
    x: Any,
    state: Any = None,
    *,
    lengths: Any = None,
    changes: Sequence[Intervention] = (),
) -> Trace:
    plain = as_it_comes(module)
    with nullcontext() if plain else left_as_it_was(module):  # what makes its weights may learn in training
        stack = read(module)
    array, ends = _as_input(x, stack, lengths)
    _warn_of_padding(array, ends, stack, "")
    state = _of_one_layer(state, stack)
    if changes or plain:
        return _made(stack, array, state, ends, x, changes)
    calls = _own_calls(module, stack, array, ends, state)
    call = _joined(calls)[0] if stack.by_step else calls[-1]
    found = _made(call.stack, array, state, ends, x)
    return _compared(
        call, found, lambda: _of_layer(copy.deepcopy(module).double(), x, state, lengths=lengths)
    )


def _of_one_layer(state: Any, stack: Stack) -> Any:
    """Returns a state as a layer takes it (1, ..., H), where a cell's own (..., H) was given."""
    if not stack.by_step or state is None:
        return state
    return tuple(as_array(s)[None] for s in state) if isinstance(state, tuple) else as_array(state)[None]


def _own_calls(
    module: nn.Module, stack: Stack, x: np.ndarray, lengths: np.ndarray | None, state: Any
) -> list[Call]:
    """Runs the module itself over x (T, ..., D), a cell step by step, in its own dtype and on its device."""
    like = next(module.parameters())
    tensor = torch.tensor(x).to(like.device, like.dtype)
    hx = None if state is None else _tensors(state, like)
    if stack.by_step:
        calls: list[Call] = []
        hx = None if hx is None else tuple(s[0] for s in hx) if isinstance(hx, tuple) else hx[0]
        for row in tensor:
            made, hx = watched(module, (row,) if hx is None else (row, hx), {})
            calls += made
        return calls
    given: Any = tensor
    if lengths is not None:
        given = nn.utils.rnn.pack_padded_sequence(tensor, torch.tensor(lengths), enforce_sorted=False)
    elif stack.batch_first and tensor.ndim == 3:
        given = tensor.transpose(0, 1)
    return watched(module, (given,) if hx is None else (given, hx), {})[0]


def _tensors(state: Any, like: torch.Tensor) -> Any:
    if isinstance(state, tuple | list):
        return tuple(_tensors(part, like) for part in state)
    return torch.as_tensor(np.array(as_array(state))).to(like.device, like.dtype)


def _of_network(net: nn.Module, inputs: Sequence[Any], named: Mapping[str, Any]) -> Traces:
    calls, output = watched(holding_layers(net), inputs, named)
    found: dict[str, list[Trace]] = {}
    for call in in_sequences(net, calls):
        found.setdefault(call.name, []).append(trace_of(call))
    return Traces(found, output)


def in_sequences(net: nn.Module, calls: Sequence[Call]) -> list[Call]:
    """Returns a network's calls with those of cells joined to sequences; in the order of their first steps.

    Raises ValueError where there are none.
    """
    if not calls:
        raise ValueError(f"{type(net).__name__} called none of its recurrent layers on these inputs")
    by_cell: dict[nn.Module, list[Call]] = {}
    for call in calls:
        if call.stack.by_step:
            by_cell.setdefault(call.module, []).append(call)
    found = []
    for call in calls:
        if not call.stack.by_step:
            found.append(call)
        elif call.module in by_cell:
            found += _joined(by_cell.pop(call.module))
    return found


def _joined(calls: Sequence[Call]) -> list[Call]:
    """Returns sequences: a step belongs to the one before it whose state it starts from."""
    return [_as_one(run) for run in _following(calls, lambda call: call.result)]


def in_chains(calls: Sequence[Call]) -> list[list[Call]]:
    """Returns the calls of a layer in runs: each goes on from the state that the one before it gave.

    A layer of two directions, a packed or projected one begins anew each time, as do cells, which are joined.
    """

    def given(call: Call) -> Any:
        stack, result = call.stack, call.result
        again = stack.by_step or stack.projections or len(stack.levels[0]) > 1
        return (
            None
            if again or not isinstance(result, tuple) or isinstance(call.x, PackedSequence)
            else result[1]
        )

    return _following(calls, given)


def _following(calls: Sequence[Call], given: Callable[[Call], Any]) -> list[list[Call]]:
    runs: list[list[Call]] = []
    for call in calls:
        follows = (run for run in reversed(runs) if _same(call.state, given(run[-1])))
        run = next(follows, None) if call.state is not None else None
        runs.append([call]) if run is None else run.append(call)
    return runs


def _same(state: Any, result: Any) -> bool:
    if isinstance(state, torch.Tensor) and isinstance(result, torch.Tensor):
        return state is result or (state.shape == result.shape and torch.equal(state, result))
    if isinstance(state, tuple | list) and isinstance(result, tuple | list):
        return len(state) == len(result) and all(map(_same, state, result))
    return False


def _as_one(run: Sequence[Call]) -> Call:
    first = run[0]
    x = torch.stack([call.x for call in run])
    state = first.state
    if state is not None:
        state = tuple(s[None] for s in state) if isinstance(state, tuple | list) else state[None]
    results = [call.result if isinstance(call.result, tuple) else (call.result,) for call in run]
    columns = tuple(map(torch.stack, zip(*results, strict=True)))
    return replace(first, args=(x, state), named={}, result=columns, steps=tuple(run))


def trace_of(call: Call) -> Trace:
    """Returns the trace of one call on what reached the layer, compared with what it gave."""
    try:
        array, ends = _as_input(call.x, call.stack, None)
        _warn_of_padding(array, ends, call.stack, call.name)
        found = _made(call.stack, array, call.state, ends, call.x)
    except ValueError as error:
        raise ValueError(f"{who(call)}: {error}{_own_arguments(call.module)}") from error
    return _compared(call, found, lambda: _again(call))


def _own_arguments(module: nn.Module) -> str:
    """A sentence on a layer whose forward takes other arguments than PyTorch's, or nothing."""
    own: Any = next(kind for kind in type(module).__mro__ if "forward" in vars(kind))
    if own.__module__.startswith("torch.nn.modules"):
        return ""
    given = ", ".join(list(inspect.signature(own.forward).parameters)[1:])
    return (
        f". {own.__name__} has a forward of its own ({given}): trace the network that calls the plain layer"
    )


def _made(
    stack: Stack,
    x: np.ndarray,
    state: Any,
    lengths: np.ndarray | None,
    given: Any,
    changes: Sequence[Intervention] = (),
) -> Trace:
    """given: x as the layer took it."""
    batch_first = stack.batch_first and not isinstance(given, nn.utils.rnn.PackedSequence)
    return Trace(run_stack(stack, x, state, changes, lengths), batch_first=batch_first and x.ndim == 3)


def _compared(call: Call, found: Trace, again: Callable[[], Any]) -> Trace:
    """again: the same in float64, raising ValueError where it differs."""
    apart, allowed = distance(call, found)
    notes = []
    if not apart <= allowed:
        agrees = _agrees(call, again)
        if not (agrees or as_it_comes(call.module)):
            raise refusal(call, apart)
        where = "in float32" if agrees else "within so many steps also in float64"
        notes.append(
            f"a run that magnifies rounding: {where} outputs differ by {apart:.2g}"
            + ", in float64 not" * agrees
        )
    if call.stack.dtype in HALF:
        kind = str(call.stack.dtype).removeprefix("torch.")
        notes.append(f"run in float32, where the module runs in {kind}: outputs differ by {apart:.2g}")
    elif tf32(next(call.module.parameters()).device):
        notes.append(
            f"TF32 is on, so that the GPU's own output differs by {apart:.2g};"
            " torch.backends.cudnn.allow_tf32 = False makes it exact"
        )
    for note in notes:
        warnings.warn(f"{call.name or type(call.module).__name__}: {note}", stacklevel=5)
    return replace(found, difference=apart, notes=tuple(notes))


def _again(call: Call) -> None:
    """Runs a call's layer once more, in float64. Raises ValueError where it differs there too."""
    calls, _ = watched(copy.deepcopy(call.module).double(), _doubled(call.args), _doubled(dict(call.named)))
    x, lengths = _as_input(calls[-1].x, calls[-1].stack, None)
    apart, allowed = distance(calls[-1], _made(calls[-1].stack, x, calls[-1].state, lengths, calls[-1].x))
    if not apart <= allowed:
        raise refusal(call, apart)


def _agrees(call: Call, again: Callable[[], Any]) -> bool:
    """Whether a float32 layer that differs does not in float64: then rounding grew with the steps."""
    if call.stack.dtype != torch.float32 or call.stack.by_step:
        return False
    try:
        again()
    except (RuntimeError, TypeError, ValueError):  # what cannot be copied or run so is not looked at again
        return False
    return True


def _doubled(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.double() if value.is_floating_point() else value
    if isinstance(value, nn.utils.rnn.PackedSequence):
        return value.double()
    if type(value) is tuple:
        return tuple(map(_doubled, value))
    return {key: _doubled(part) for key, part in value.items()} if isinstance(value, dict) else value


def _as_input(x: Any, stack: Stack, lengths: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns x (T, D) or (T, B, D), and the lengths (B,) of a padded batch or None."""
    w = stack.levels[0][0]
    batch_first = stack.batch_first
    if isinstance(x, nn.utils.rnn.PackedSequence):
        if lengths is not None:
            raise ValueError("a PackedSequence has its lengths with it: leave out `lengths`")
        x, lengths = nn.utils.rnn.pad_packed_sequence(x)
        batch_first = False
    check_numbers("x", x)
    if not isinstance(x, torch.Tensor | np.ndarray | list | tuple | np.generic):
        raise ValueError(
            f"x is a {type(x).__name__}; it is a tensor or an array of numbers (T, {w.input_size})"
        )
    array = as_array(x)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"x holds {array.dtype}; it is a tensor or an array of numbers (T, {w.input_size})")
    array = array.astype(w.w_ih.dtype, copy=False)
    if array.ndim not in (2, 3) or array.shape[-1] != w.input_size:
        raise ValueError(f"x has shape {array.shape}; expected (T, {w.input_size}) or a batch of it")
    array = array.swapaxes(0, 1) if array.ndim == 3 and batch_first else array
    return array, None if lengths is None else _checked_lengths(lengths, array)


def _checked_lengths(lengths: Any, x: np.ndarray) -> np.ndarray:
    found = as_array(lengths)
    if x.ndim != 3 or found.shape != x.shape[1:2] or not np.issubdtype(found.dtype, np.integer):
        raise ValueError(f"lengths are whole numbers, one for each sequence of a batch; x is {x.shape}")
    if found.min(initial=1) < 1 or found.max(initial=1) > len(x):
        raise ValueError(f"lengths are from 1 to {len(x)}, the steps of x")
    return found.astype(np.int64)


def _warn_of_padding(x: np.ndarray, lengths: np.ndarray | None, stack: Stack, name: str) -> None:
    """Warns where the sequences of a batch end in zeros, and some in more of them than others."""
    if lengths is not None or x.ndim != 3 or stack.by_step or not x.size:
        return
    there: np.ndarray = (x != 0.0).any(-1)  # (T, B)
    ends = len(x) - there[::-1].argmax(0)
    ends[~there.any(0)] = len(x)
    padded: np.ndarray = ends < len(x) - (1 if x.shape[-1] == 1 else 0)
    if padded.any() and len(np.unique(ends)) > 1:
        where = f"{name}: " if name else ""
        warnings.warn(
            f"{where}{padded.sum()} of {len(ends)} sequences end in zeros, which were read as steps like"
            f" others; if that is padding, give lengths={ends.tolist()} or a PackedSequence",
            stacklevel=5,
        )


def weights_of(module: nn.Module | Traceable) -> tuple[str, list[list[LayerWeights]]]:
    """Returns the cell and the weights [layer][direction] of a layer or model that `trace` takes.

    Raises TypeError and ValueError as `trace` does.
    """
    if hasattr(module, "layer_weights"):
        model = cast(Traceable, module)
        return model.cell, model.layer_weights()
    if not is_recurrent(module):
        raise TypeError(
            f"cannot trace {type(module).__name__}; give nn.RNN, nn.LSTM, nn.GRU or RecurrentModel"
        )
    stack = read(cast(nn.Module, module))
    return stack.cell, stack.levels
