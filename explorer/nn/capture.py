"""A network's own forward pass, watched: what reached each recurrent layer, and what came out of it.

Everything is left as it was found: hooks, training flags, the state of the random generators.
"""

import random
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from types import MethodType
from typing import Any

import numpy as np
import torch
from torch import nn

from explorer.nn.beneath import Beneath
from explorer.nn.reading import Stack, is_known, is_recurrent, read

_PARALLEL = ("DataParallel", "DistributedDataParallel", "FullyShardedDataParallel")
_STEPPING = {"RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"}
_QUANTISED = ("torch.ao.nn.quant", "torch.nn.quant", "torchao.")


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a recurrent layer or cell within a network.

    stack: its layers with the weights of that moment. args, named: what reached its forward, hooks before it
    included; result: what it gave, hooks after it included. Tensors are copies, on their own device.
    """

    name: str
    module: nn.Module
    stack: Stack
    args: tuple[Any, ...]
    named: Mapping[str, Any]
    result: Any
    steps: tuple["Call", ...] = ()
    """Of a sequence of a cell's steps: these."""

    def detached(self) -> "Call":
        """Returns the same with copies of its tensors, outside any graph."""
        named = copied(dict(self.named))
        return replace(self, args=copied(self.args), named=named, result=copied(self.result))

    @property
    def x(self) -> Any:
        return self.args[0] if self.args else self.named.get("input")

    @property
    def state(self) -> Any:
        return self.args[1] if len(self.args) > 1 else self.named.get("hx")


def plain_network(module: nn.Module) -> nn.Module:
    """Returns the module itself, or the one that was given to torch.compile.

    Raises TypeError for what cannot be watched, in a sentence that says what to do.
    """
    while isinstance(inner := getattr(module, "_orig_mod", None), nn.Module):
        module = inner
    for part in module.modules():
        kind = type(part).__name__
        if isinstance(part, torch.jit.ScriptModule) and (part is module or _steps_itself(part)):
            raise TypeError(
                "a scripted module runs code that cannot be watched: give the network that it was made from,"
                " or open the saved file with `load_weights`"
            )
        if kind in _PARALLEL:
            raise TypeError(f"{kind} runs copies of the network: give the network itself, `net.module`")
        if type(part).__module__.startswith(_QUANTISED) and kind in _STEPPING:
            raise TypeError(
                f"this {kind} is quantised or made ready for it ({type(part).__module__}):"
                " give the network as it was before quantisation"
            )
    return module


def _steps_itself(part: torch.jit.ScriptModule) -> bool:
    """Returns whether a scripted part of a network has recurrent layers, or calls their functions."""
    names = {getattr(inner, "original_name", "") for inner in part.modules()}
    graph = str(getattr(part, "inlined_graph", ""))
    return (
        bool(names & _STEPPING) or re.search(r"aten::(lstm|gru|rnn_(tanh|relu))(_cell)?\b", graph) is not None
    )


def holding_layers(net: nn.Module) -> nn.Module:
    """Returns a network. Raises TypeError where it holds no recurrent layer."""
    found = [part for part in net.modules() if is_recurrent(part)]
    if found and not any(map(is_known, found)):
        read(found[0])  # says why
    if not found:
        raise TypeError(
            f"cannot trace {type(net).__name__}: it holds no nn.RNN, nn.LSTM, nn.GRU and none of their cells;"
            " those in a plain list are not its own, use nn.ModuleList"
        )
    return net


def watched(net: nn.Module, args: Sequence[Any], named: Mapping[str, Any]) -> tuple[list[Call], Any]:
    """Runs net(*args, **named) once, in eval mode and without gradients.

    Returns the calls of recurrent layers in their order, and what the network gave.
    """
    calls: list[Call] = []
    with left_as_it_was(net), torch.no_grad(), _recording(net, calls, copied):
        result = net(*args, **named)
    return calls, result


@contextmanager
def _recording(
    net: nn.Module, calls: list[Call], keep: Callable[[Any], Any], *, in_graph: bool = False
) -> Iterator[Beneath]:
    """Appends every call of a recurrent layer of net; what reaches it and what it gives goes through keep.

    Also where its forward is called as such, or PyTorch's function on its weights. Warns of what was done
    with a layer's weights and is none of these. in_graph: whether the layer reads what was kept, and the
    network a copy of it, to write in as it likes.
    """
    begun: dict[nn.Module, list[tuple[Stack, tuple[Any, ...], dict[str, Any]]]] = {}
    under_way: list[nn.Module] = []

    def opened(module: nn.Module, args: tuple[Any, ...]) -> None:
        under_way.append(module)

    def before(module: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if module not in names:  # a copy that the network made of a layer: its function is seen beneath
            under_way.pop()
            return None
        kept = keep(args), keep(named)
        begun.setdefault(module, []).append((_as_run(_read(names[module], module), module), *kept))
        return kept if in_graph else None

    def after(module: nn.Module, args: tuple[Any, ...], named: dict[str, Any], result: Any) -> Any:
        if module not in names:
            return None
        under_way.pop()
        return ended(module, *begun[module].pop(), result)

    def ended(module: nn.Module, stack: Stack, args: Any, named: dict[str, Any], result: Any) -> Any:
        kept = keep(result)
        calls.append(Call(names[module], module, stack, args, named, kept))
        return keep(kept) if in_graph else result

    def straight(module: nn.Module, forward: Callable[..., Any], args: Any, named: dict[str, Any]) -> Any:
        """A forward that is called as such; or within a call that the hooks see."""
        if begun.get(module):
            try:
                return forward(*args, **named)
            except BaseException:
                begun[module].pop(), under_way.pop()
                raise
        under_way.append(module)
        try:
            kept = keep(args), keep(named)
            stack = _as_run(_read(names[module], module), module)
            given = kept if in_graph else (args, named)
            return ended(module, stack, *kept, forward(*given[0], **given[1]))
        finally:
            under_way.pop()

    def taken(module: nn.Module, stack: Stack, given: Any, run: Callable[[Any, Any], Any]) -> Any:
        kept = keep(given)
        return ended(module, _as_run(stack, module), kept, {}, run(*(kept if in_graph else given)))

    layers = {m: _written(n) for n, m in net.named_modules() if is_recurrent(m)}
    names = {m: name for m, name in layers.items() if is_known(m)}
    for module in (m for m in layers if m not in names):
        what = "a layer of its own, whose equations are unknown"
        warnings.warn(f"{layers[module]} ({type(module).__name__}) is {what}: it is not traced", stacklevel=6)
    beneath = Beneath(names, lambda: bool(under_way), taken)
    with ExitStack() as stack:
        for module in names:
            hooks = (
                module.register_forward_pre_hook(opened, prepend=True),
                module.register_forward_pre_hook(before, with_kwargs=True),
                module.register_forward_hook(after, with_kwargs=True),
            )
            for hook in hooks:
                stack.callback(hook.remove)
            stack.enter_context(_in_place_of_forward(module, straight))
        with beneath:
            yield beneath
    for note in beneath.notes:
        warnings.warn(note, stacklevel=6)


@contextmanager
def _in_place_of_forward(module: nn.Module, run: Callable[..., Any]) -> Iterator[None]:
    own = vars(module).get("forward")
    vars(module)["forward"] = _Forward(module, module.forward, run)
    try:
        yield
    finally:
        vars(module).pop("forward")
        if own is not None:
            vars(module)["forward"] = own


class _Forward:
    """A layer's forward as its network calls it. A copy of the layer has its own again."""

    def __init__(self, module: nn.Module, forward: Callable[..., Any], run: Callable[..., Any]) -> None:
        self.module, self.forward, self.run = module, forward, run

    def __call__(self, *args: Any, **named: Any) -> Any:
        return self.run(self.module, self.forward, args, named)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        other = memo.get(id(self.module))
        return self.forward if other is None else MethodType(type(other).forward, other)


def _read(name: str, module: nn.Module) -> Stack:
    try:
        return read(module)
    except ValueError as error:
        raise ValueError(f"{name} ({type(module).__name__}): {error}" if name else str(error)) from error


def _as_run(stack: Stack, module: nn.Module) -> Stack:
    """Returns a stack with the dtype that autocast runs its module in, where it does."""
    kind = next(module.parameters()).device.type
    if stack.dtype != torch.float32 or not torch.is_autocast_enabled(kind):
        return stack
    return replace(stack, dtype=torch.get_autocast_dtype(kind))


def _written(name: str) -> str:
    """Returns a module's name as in the network's code, without what torch.compile puts around it."""
    return ".".join(part for part in name.split(".") if part != "_orig_mod")


@contextmanager
def recorded(net: nn.Module, calls: list[Call]) -> Iterator[Beneath]:
    """Appends every call of a recurrent layer of net, with tensors of the graph: gradients flow through them.

    Yields what sees what is done beneath the calls.

    What reaches a layer, and what it gives, are tensors of their own: nothing else shares their gradients,
    and what the network writes in place later does not reach them.
    """
    with left_as_it_was(net), _recording(net, calls, copied_in_graph, in_graph=True) as beneath:
        yield beneath


def copied_in_graph(value: Any) -> Any:
    """Returns copies of tensors, and of tuples, lists and tables of them, that gradients flow through."""
    if isinstance(value, torch.Tensor):
        return _copy_in_graph(value) if value.is_floating_point() else value
    if type(value) in (tuple, list):
        return type(value)(map(copied_in_graph, value))
    if isinstance(value, dict):
        return {key: copied_in_graph(part) for key, part in value.items()}
    if isinstance(value, nn.utils.rnn.PackedSequence):
        return value._replace(data=copied_in_graph(value.data))
    return value


def _copy_in_graph(tensor: torch.Tensor) -> torch.Tensor:
    with torch.enable_grad():  # a network that runs a layer without gradients still hands its output on
        return _itself(tensor).clone().requires_grad_()


def _itself(tensor: torch.Tensor) -> torch.Tensor:
    """Returns a tensor. Raises ValueError for one that has no numbers of its own, as within vmap."""
    if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        raise ValueError(
            "a recurrent layer is called within vmap, grad or another transform of torch.func, where a tensor"
            " has no numbers of its own: trace the network outside of it, on a batch"
        )
    return tensor


def copied(value: Any) -> Any:
    """Returns tensors, and tuples, lists and tables of them, detached and copied; all else as it is."""
    if isinstance(value, torch.Tensor):
        return _itself(value).detach().clone()
    if isinstance(value, nn.utils.rnn.PackedSequence):
        return value  # its tensors are nobody's to write
    if isinstance(value, tuple | list):
        return type(value)(map(copied, value)) if type(value) in (tuple, list) else value
    if isinstance(value, dict):
        return {key: copied(part) for key, part in value.items()}
    return value


@contextmanager
def left_as_it_was(net: nn.Module) -> Iterator[None]:
    """Puts a network into eval mode, uncompiled, and everything back afterwards, random states included."""
    modules = list(net.modules())
    training = [module.training for module in modules]
    compiled = [getattr(module, "_compiled_call_impl", None) for module in modules]
    generators = _random_states()
    try:
        with _eager(any(compiled) or any(hasattr(module, "_orig_mod") for module in modules)):
            for module in modules:
                module.training = False
            yield
    finally:
        for module, flag in zip(modules, training, strict=True):
            module.training = flag
        for restore in generators:
            restore()


@contextmanager
def _eager(needed: bool) -> Iterator[None]:
    """Has what torch.compile made run as it was written."""
    if not (needed or "torch._dynamo" in sys.modules) or not hasattr(torch.compiler, "set_stance"):
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


def _random_states() -> list[Callable[[], Any]]:
    """Returns what puts every generator back where it is now."""
    cpu, python, numpy = torch.random.get_rng_state(), random.getstate(), np.random.get_state()
    states: list[Callable[[], Any]] = [
        lambda: torch.random.set_rng_state(cpu),
        lambda: random.setstate(python),
        lambda: np.random.set_state(numpy),
    ]
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        cuda = torch.cuda.get_rng_state_all()
        states.append(lambda: torch.cuda.set_rng_state_all(cuda))
    return states
