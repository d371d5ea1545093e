"""What a network does with its recurrent layers beneath their calls: PyTorch's own functions, watched.

`nn.LSTM.forward(layer, x)`, or `torch.lstm_cell` on a layer's weights, passes by every hook: it is taken down
as a call of that layer. What else a forward makes of the weights, by a matrix product of its own, is noted.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence
from torch.overrides import TorchFunctionMode

from explorer.nn.reading import Stack, read

_LAYERS = {"lstm": "LSTM", "gru": "GRU", "rnn_tanh": "RNN_TANH", "rnn_relu": "RNN_RELU"}
_CELLS = {
    "lstm_cell": nn.LSTMCell,
    "gru_cell": nn.GRUCell,
    "rnn_tanh_cell": nn.RNNCell,
    "rnn_relu_cell": nn.RNNCell,
}
_PRODUCTS = {
    *(
        "linear",
        "matmul",
        "mm",
        "mv",
        "bmm",
        "addmm",
        "addmv",
        "baddbmm",
        "addbmm",
        "einsum",
        "tensordot",
        "inner",
    ),
    *("bilinear", "multi_dot", "chain_matmul", "__matmul__", "__rmatmul__"),
}
_MADE_OF = {
    *(
        "cat",
        "concat",
        "concatenate",
        "stack",
        "hstack",
        "vstack",
        "mul",
        "__mul__",
        "__rmul__",
        "multiply",
        "add",
    ),
    *(
        "__add__",
        "sub",
        "__sub__",
        "div",
        "dropout",
        "to",
        "type",
        "float",
        "double",
        "half",
        "bfloat16",
        "clone",
    ),
    *("contiguous", "reshape", "cpu", "cuda"),
}
"""What makes a new tensor of weights that then goes into a product."""

_REMEMBERED = 64
"""Tensors made of weights that are kept, to know what is a view of them."""

Take = Callable[[nn.Module, Stack, tuple[Any, ...], Callable[[Any, Any], Any]], Any]
"""Takes a call down: the layer, its stack, (x, state) and what runs them; returns what the network gets."""


class Beneath(TorchFunctionMode):
    """While it is on, notes and takes down what happens outside of the layers' own calls.

    names: the layers and their names. quiet(): whether a call of a layer is under way. notes: sentences, in
    their order, on what was done with a layer and not traced. twice: whether a gradient was taken that has
    one itself.
    """

    def __init__(self, names: Mapping[nn.Module, str], quiet: Callable[[], bool], take: Take) -> None:
        super().__init__()
        self.names, self.quiet, self.take = names, quiet, take
        self.notes: dict[str, None] = {}
        self.twice = False
        self._made: list[torch.Tensor] = []
        self._places = [(name, *_place(p)) for m, name in names.items() for p in m.parameters() if _plain(p)]

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kind, named = getattr(func, "__name__", ""), kwargs or {}
        if kind in ("grad", "backward") and named.get("create_graph"):
            self.twice = True
        if not self.quiet():
            if (kind in _LAYERS or kind in _CELLS) and getattr(torch, kind, None) is func:
                return self._run(kind, func, args, named)
            if kind in _PRODUCTS:
                for name in self._of_weights(args, named):
                    self.notes[
                        f"{name}: its weights went into `{kind}` outside of a call of the layer: {_NOT}"
                    ] = None
            elif kind in _MADE_OF and (names := list(self._of_weights(args, named))):
                made = func(*args, **named)
                for tensor in filter(_plain, _tensors((made,))):
                    if len(self._made) < _REMEMBERED:
                        self._made.append(tensor)
                        self._places.append((names[0], *_place(tensor)))
                return made
        return func(*args, **named)

    def _run(self, kind: str, func: Any, args: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """Runs one of PyTorch's recurrent functions: as a call of the layer whose weights it was given."""
        module = next((m for m in self.names if self._is_of(m, kind, args, named)), None)
        if module is None:
            self.notes[
                f"torch.{kind} ran with weights that are none of the network's layers': {_NOT} {_LIST}"
            ] = None
            return func(*args, **named)
        if kind in _CELLS:
            x, state, *weights = args
            return self.take(module, read(module), (x, state), lambda x, hx: func(x, hx, *weights))
        packed = _is_packed(args)
        rest = args[3:] if packed else args[2:]

        def run(x: Any, hx: Any) -> Any:
            given = (x.data, x.batch_sizes, hx) if packed else (x, hx)
            output, *ends = func(*given, *rest)
            output = PackedSequence(output, x.batch_sizes) if packed else output
            return output, tuple(ends) if kind == "lstm" else ends[0]

        first = (PackedSequence(args[0], args[1]), args[2]) if packed else (args[0], args[1])
        stack = replace(read(module), batch_first=not packed and bool(args[8]))
        output, last = self.take(module, stack, first, run)
        output = output.data if isinstance(output, PackedSequence) else output
        return (output, *last) if kind == "lstm" else (output, last)

    def _is_of(self, module: nn.Module, kind: str, args: Sequence[Any], named: Mapping[str, Any]) -> bool:
        if named or isinstance(module, nn.RNNBase) != (kind in _LAYERS):
            return False
        if isinstance(module, nn.RNNBase):
            given = args[3] if _is_packed(args) else args[2]
            return module.mode == _LAYERS[kind] and _same(given, module._flat_weights)
        weights = (getattr(module, n, None) for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        tanh = (
            kind != "rnn_relu_cell"
            if not isinstance(module, nn.RNNCell)
            else (kind == f"rnn_{module.nonlinearity}_cell")
        )
        given = [w for w in args[2:] if w is not None]
        return (
            isinstance(module, _CELLS[kind]) and tanh and _same(given, [w for w in weights if w is not None])
        )

    def _of_weights(self, args: Sequence[Any], named: Mapping[str, Any]) -> Iterator[str]:
        """Yields the names of the layers whose weights are among some arguments, or what was made of them."""
        for tensor in _tensors((*args, *named.values())):
            if _plain(tensor):
                storage, start, _ = _place(tensor)
                yield from (n for n, s, low, high in self._places if s == storage and low <= start < high)


_NOT = "what that computes is not traced."
_LIST = "Layers in a plain list are not the network's: use nn.ModuleList."


def _is_packed(args: Sequence[Any]) -> bool:
    """Whether they are (data, batch_sizes, hx, weights, ...), not (x, hx, weights, ...)."""
    return len(args) > 3 and isinstance(args[3], list | tuple)


def _same(given: Sequence[Any], own: Sequence[Any]) -> bool:
    return len(given) == len(own) and all(
        a is b or _place(a) == _place(b) for a, b in zip(given, own, strict=True)
    )


def _plain(tensor: Any) -> bool:
    """Whether a tensor lies in a storage of its own device, or of none."""
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor
    return (
        type(tensor) in (torch.Tensor, nn.Parameter)
        and tensor.layout == torch.strided
        and not wrapped(tensor)
    )


def _place(tensor: torch.Tensor) -> tuple[int, int, int]:
    """Returns its storage, and where in it the tensor begins and ends."""
    start = tensor.storage_offset()
    return int(tensor.untyped_storage()._cdata), int(start), int(start) + max(tensor.numel(), 1)


def _tensors(values: Sequence[Any]) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)
