"""Whether a trace is what the module itself computes: a subclass or a hook may do something else."""

from typing import Any

import numpy as np
import torch
from torch import nn

from explorer.nn.capture import Call
from explorer.nn.reading import HALF, Stack, as_array
from explorer.nn.records import LayerTrace, Trace

BOUNDS = {torch.float64: 1e-9, torch.float32: 1e-4, torch.float16: 0.05, torch.bfloat16: 0.2}
"""Largest difference that is rounding, for outputs up to 1: runs of some hundred steps keep well within."""

TF32 = 5e-3
"""The same for float32 on a GPU whose matrix products keep ten bits (TF32)."""

_FORWARDS = {kind: kind.forward for kind in (nn.RNN, nn.LSTM, nn.GRU)}
_GLOBAL = ("_global_forward_hooks", "_global_forward_pre_hooks")


def as_it_comes(module: nn.Module) -> bool:
    """Returns whether a module is a layer of PyTorch that nothing was done to: it computes nothing else.

    No subclass, hook, forward or compilation of its own, plain parameters, float32 or float64 on the CPU.
    """
    kind, own = type(module), vars(module)
    hooks = (own[name] for name in ("_forward_hooks", "_forward_pre_hooks"))
    everywhere = (getattr(nn.modules.module, name) for name in _GLOBAL)
    parameter = own["_parameters"].get("weight_hh_l0")  # asked of the module, a parametrised one would learn
    return (
        kind in _FORWARDS
        and kind.forward is _FORWARDS[kind]  # type: ignore[index]
        and "forward" not in own
        and not any(hooks)
        and not any(everywhere)
        and own.get("_compiled_call_impl") is None
        and isinstance(parameter, nn.Parameter)
        and parameter.dtype not in HALF
        and parameter.device.type == "cpu"
    )


def tf32(device: torch.device) -> bool:
    """Returns whether cuDNN's recurrent layers may round float32 to TF32 on a device."""
    return device.type == "cuda" and bool(torch.backends.cudnn.enabled and torch.backends.cudnn.allow_tf32)


def distance(call: Call, trace: Trace) -> tuple[float, float]:
    """Returns the largest |trace - what the module gave|, of output and last states, and what is rounding.

    Raises ValueError for other shapes.
    """
    if call.stack.by_step:
        pairs = _of_cell(call.result, trace.layers[0])
    else:
        pairs = _of_layer(call.result, trace, call.stack)
    for name, ours, own in pairs:
        if ours.shape != own.shape:
            raise ValueError(f"{who(call)} gives {name} of shape {own.shape}, not {ours.shape}. {_DO}")
    apart = max((_apart(ours, own) for _, ours, own in pairs), default=np.inf)
    scale = max(1.0, *(float(np.abs(own[np.isfinite(own)]).max(initial=0.0)) for _, _, own in pairs))
    return apart, bound(call) * scale


def refusal(call: Call, apart: float) -> ValueError:
    """Returns the error for a module that computes something else than its layer, with the difference."""
    return ValueError(f"{who(call)} is not what its layer computes: they differ by {apart:.3g}. {_DO}")


def who(call: Call) -> str:
    return f"{call.name or 'the module'} ({type(call.module).__name__})"


_DO = (
    "A forward or a hook of its own changes it; take the hook away, or trace the network that calls the plain"
    " layer"
)


def bound(call: Call) -> float:
    """Returns the largest difference that is rounding, for outputs up to 1."""
    device = next((p.device for p in call.module.parameters()), torch.device("cpu"))
    within = BOUNDS.get(call.stack.dtype, BOUNDS[torch.float32])
    return max(within, TF32) if tf32(device) else within


Pair = tuple[str, np.ndarray, np.ndarray]


def _of_layer(result: Any, trace: Trace, stack: Stack) -> list[Pair]:
    output, last = result if isinstance(result, tuple) and len(result) == 2 else (result, None)
    if isinstance(output, nn.utils.rnn.PackedSequence):
        output, _ = nn.utils.rnn.pad_packed_sequence(output, total_length=trace.steps)
    elif isinstance(output, torch.Tensor) and output.ndim == 3 and stack.batch_first:
        output = output.transpose(0, 1)
    if not isinstance(output, torch.Tensor):
        return []
    pairs = [("an output", trace.output, as_array(output))]
    finals = {"h": trace.h_n, "c": trace.c_n}
    lasts = last if isinstance(last, tuple) else (last,)
    named = zip(finals.items(), lasts, strict=False)
    pairs += [(f"{s}_n", ours, as_array(own)) for (s, ours), own in named if isinstance(own, torch.Tensor)
              and ours is not None]  # fmt: skip
    return pairs


def _of_cell(result: Any, layer: LayerTrace) -> list[Pair]:
    """result: the state after every step, (T, B, H), h or (h, c)."""
    rows = result if isinstance(result, tuple) else (result,)
    pairs = [(s, layer.signal(s), as_array(own)) for s, own in zip(layer.states, rows, strict=False)]
    if layer.lengths is None:
        return pairs
    there = layer.within[..., None]  # the cell itself was run on, past the ends of shorter sequences
    return [(s, ours, np.where(there, own, ours)) for s, ours, own in pairs]


def _apart(ours: np.ndarray, own: np.ndarray) -> float:
    both = np.isfinite(ours) & np.isfinite(own)
    with np.errstate(invalid="ignore"):
        if not np.array_equal(ours[~both].astype(own.dtype), own[~both], equal_nan=True):
            return np.inf
        return float(np.abs(ours[both].astype(np.float64) - own[both]).max(initial=0.0))
