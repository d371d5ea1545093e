"""A pickle read as data: its instructions interpreted from a list of those that weights need, nothing made.

What it calls or imports becomes an inert stand-in, but for the few that put tensors, tables and lists
together. Nothing is imported, called or unpickled.
"""

import pickletools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from explorer.formats.source import FLOATS, shown
from explorer.i18n import Refused

MAX_INSTRUCTIONS = 4_000_000
"""Instructions of a pickle: a network of a thousand tensors has some twenty thousand."""


@dataclass(eq=False)
class Named:
    """Something that the pickle imports, by its name."""

    module: str
    name: str


@dataclass(eq=False)
class Inert:
    """Something that the pickle makes: of what, and what it was given. Nothing of it runs."""

    of: Any
    given: tuple[Any, ...] = ()
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Stored:
    """A storage of numbers that a pickle refers to: kind of number, key, count."""

    kind: str
    key: str
    count: int


@dataclass(frozen=True, eq=False)
class View:
    """A tensor on a storage: where it begins, sizes and strides in numbers."""

    stored: Stored
    offset: int
    sizes: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Odd:
    """A tensor that is no array of numbers on a storage: what it is, and its sizes."""

    kind: str
    sizes: tuple[int, ...] = ()


_MARK = object()
_STORAGES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}
KINDS = {"bool": 1, "int8": 1, "uint8": 1, "int16": 2, "int32": 4, "int64": 8} | FLOATS
"""Kinds of numbers of a storage, and their bytes."""

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = {
    "BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "LONG4", "BINFLOAT", "FLOAT", "UNICODE",
    "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES",
    "SHORT_BINBYTES", "BINBYTES8",
}  # fmt: skip
_EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_SET": list}
_FEW = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def interpreted(file: BinaryIO) -> Any:
    """Returns what a pickle stands for, read from where a file is to the pickle's end. Raises Refused."""
    machine = _Machine()
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            if count > MAX_INSTRUCTIONS:
                raise Refused("file_unpacked")
            if opcode.name == "STOP":
                return machine.stack.pop()
            machine.step(opcode.name, argument)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, AttributeError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused("file_damaged") from error
    raise Refused("file_truncated")


class _Machine:
    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        if name in _VALUES:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            self.stack.append(_EMPTY[name]())
        elif name in _FEW:
            self.stack.append(self.last(_FEW[name]))
        elif (do := getattr(self, f"do_{name.lower()}", None)) is not None:
            do(argument)
        else:
            raise Refused("pickle_instruction", name=name)

    def last(self, count: int) -> tuple[Any, ...]:
        if len(self.stack) < count:
            raise IndexError("stack")
        found = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        if any(part is _MARK for part in found):
            raise ValueError("mark")
        return found

    def since_mark(self) -> list[Any]:
        for at in range(len(self.stack) - 1, -1, -1):
            if self.stack[at] is _MARK:
                found = self.stack[at + 1 :]
                del self.stack[at:]
                return found
        raise ValueError("mark")

    def do_proto(self, argument: Any) -> None: ...
    def do_frame(self, argument: Any) -> None: ...

    def do_mark(self, argument: Any) -> None:
        self.stack.append(_MARK)

    def do_pop(self, argument: Any) -> None:
        self.stack.pop()

    def do_pop_mark(self, argument: Any) -> None:
        self.since_mark()

    def do_dup(self, argument: Any) -> None:
        self.stack.append(self.stack[-1])

    def do_tuple(self, argument: Any) -> None:
        self.stack.append(tuple(self.since_mark()))

    def do_empty_tuple(self, argument: Any) -> None:
        self.stack.append(())

    def do_list(self, argument: Any) -> None:
        self.stack.append(self.since_mark())

    def do_frozenset(self, argument: Any) -> None:
        self.stack.append(self.since_mark())

    def do_dict(self, argument: Any) -> None:
        self.stack.append(_pairs(self.since_mark()))

    def do_memoize(self, argument: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def do_put(self, argument: Any) -> None:
        self.memo[int(argument)] = self.stack[-1]

    do_binput = do_long_binput = do_put

    def do_get(self, argument: Any) -> None:
        self.stack.append(self.memo[int(argument)])

    do_binget = do_long_binget = do_get

    def do_append(self, argument: Any) -> None:
        (value,) = self.last(1)
        self._extend([value])

    def do_appends(self, argument: Any) -> None:
        self._extend(self.since_mark())

    do_additems = do_appends

    def _extend(self, values: list[Any]) -> None:
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(values)

    def do_setitem(self, argument: Any) -> None:
        self._set(list(self.last(2)))

    def do_setitems(self, argument: Any) -> None:
        self._set(self.since_mark())

    def _set(self, values: list[Any]) -> None:
        target = self.stack[-1]
        table = target.items if isinstance(target, Inert) else target
        if isinstance(table, dict):
            table.update(_pairs(values))

    def do_global(self, argument: Any) -> None:
        module, _, name = argument.partition(" ")
        self.stack.append(Named(module, name))

    def do_stack_global(self, argument: Any) -> None:
        module, name = self.last(2)
        self.stack.append(Named(str(module), str(name)))

    def do_reduce(self, argument: Any) -> None:
        made_by, given = self.last(2)
        self.stack.append(_called(made_by, given if isinstance(given, tuple) else ()))

    def do_newobj(self, argument: Any) -> None:
        made_by, given = self.last(2)
        self.stack.append(_called(made_by, given if isinstance(given, tuple) else ()))

    def do_newobj_ex(self, argument: Any) -> None:
        made_by, given, _ = self.last(3)
        self.stack.append(_called(made_by, given if isinstance(given, tuple) else ()))

    def do_obj(self, argument: Any) -> None:
        made_by, *given = self.since_mark()
        self.stack.append(_called(made_by, tuple(given)))

    def do_inst(self, argument: Any) -> None:
        module, _, name = argument.partition(" ")
        self.stack.append(_called(Named(module, name), tuple(self.since_mark())))

    def do_build(self, argument: Any) -> None:
        (state,) = self.last(1)
        if isinstance(self.stack[-1], Inert):
            self.stack[-1].state = state

    def do_binpersid(self, argument: Any) -> None:
        (given,) = self.last(1)
        self.stack.append(_stored(given))


def _pairs(values: Sequence[Any]) -> dict[Any, Any]:
    keys = values[::2]
    return {key: value for key, value in zip(keys, values[1::2], strict=True) if _plain(key)}


def _plain(key: Any) -> bool:
    return isinstance(key, str | int | float | bool | bytes) or key is None


def _called(made_by: Any, given: tuple[Any, ...]) -> Any:
    """Returns what a call stands for, of the few that put tensors together; else a stand-in."""
    name = f"{made_by.module}.{made_by.name}" if isinstance(made_by, Named) else ""
    if name == "collections.OrderedDict":
        pairs = given[0] if given and isinstance(given[0], list) else []
        return {key: value for key, value in (pair for pair in pairs if len(pair) == 2) if _plain(key)}
    if name in ("torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor"):
        return _view(*given[:4])
    if name in ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"):
        return given[0]
    if name == "torch._tensor._rebuild_from_type_v2":
        return _called(given[0], given[2])
    if name in _ODD:
        kind, at = _ODD[name]
        return Odd(kind or _name_of(given[6]), _sizes(given[at] if at is not None else ()))
    if name == "torch._utils._rebuild_sparse_tensor":
        return Odd("sparse", _sizes(next((p for p in given[1] if isinstance(p, tuple)), ())))
    if name == "torch.Size":
        return tuple(given[0]) if given and isinstance(given[0], list | tuple) else ()
    return Inert(made_by, given)


_ODD: dict[str, tuple[str, int | None]] = {
    "torch._utils._rebuild_meta_tensor_no_storage": ("meta", 1),
    "torch._utils._rebuild_qtensor": ("quantised", 2),
    "torch._utils._rebuild_tensor_v3": ("", 2),
    "torch._utils._rebuild_wrapper_subclass": ("wrapped", 2),
    "torch._utils._rebuild_nested_tensor": ("nested", None),
}
"""What puts such a tensor together: its kind, or that of a type that it is given, and where its sizes are."""


def _name_of(given: Any) -> str:
    return shown(given.name) if isinstance(given, Named) else "unknown"


def _sizes(given: Any) -> tuple[int, ...]:
    found = tuple(given) if isinstance(given, list | tuple) else ()
    if not all(type(n) is int and n >= 0 for n in found):
        raise ValueError("sizes")
    return found


def _view(stored: Any, offset: Any, sizes: Any, strides: Any) -> View:
    numbers = (offset, *sizes, *strides)
    if not isinstance(stored, Stored) or not all(type(n) is int and n >= 0 for n in numbers):
        raise ValueError("tensor")
    if len(sizes) != len(strides):
        raise ValueError("tensor")
    return View(stored, offset, tuple(sizes), tuple(strides))


def _stored(given: Any) -> Any:
    if not isinstance(given, tuple) or len(given) < 5 or given[0] != "storage":
        return Inert(None)
    _, kind, key, _, count, *view = given
    if not isinstance(kind, Named) or type(count) is not int or count < 0 or any(view):
        raise ValueError("storage")
    return Stored(_STORAGES.get(kind.name, shown(kind.name)), str(key), count)
