"""What if: changes made to a run while it runs. Steps count from 1, units from 0 here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Clamp:
    """Holds a symbol at a value, for one unit or (None) for all, up to a step or (None) to the end."""

    symbol: str
    value: float
    unit: int | None = None
    start: int = 1
    end: int | None = None


@dataclass(frozen=True)
class ZeroUnit:
    """Holds one unit's states at 0, up to a step or (None) to the end."""

    unit: int
    start: int = 1
    end: int | None = None


@dataclass(frozen=True)
class Transplant:
    """Replaces states after a step (0: the initial state) by another run's: state -> (H,), some or all."""

    after: int
    states: Mapping[str, Sequence[float]]


Intervention = Clamp | ZeroUnit | Transplant


def touch_at(
    step: int, changes: Sequence[Intervention], states: Sequence[str] = ("h", "c")
) -> Callable[[str, Any], Any]:
    """Returns the hook that a cell with these states calls with (symbol, value (..., H)) at a step."""
    clamps = [c for c in changes if isinstance(c, Clamp) and _holds(c, step)]
    zeros = [c for c in changes if isinstance(c, ZeroUnit) and _holds(c, step)]
    if not clamps and not zeros:
        return untouched

    def touch(symbol: str, value: Any) -> Any:
        for clamp in clamps:
            if clamp.symbol == symbol:
                value = _put(value, clamp.unit, clamp.value)
        if symbol in states:
            for zero in zeros:
                value = _put(value, zero.unit, 0.0)
        return value

    return touch


def untouched(symbol: str, value: Any) -> Any:
    """The hook that changes nothing."""
    return value


def _holds(change: Clamp | ZeroUnit, step: int) -> bool:
    return change.start <= step and (change.end is None or step <= change.end)


def _put(value: np.ndarray, unit: int | None, number: float) -> np.ndarray:
    changed = np.array(value)
    changed[..., slice(None) if unit is None else unit] = number
    return changed


def transplanted(step: int, states: dict[str, Any], changes: Sequence[Intervention]) -> dict[str, Any]:
    """Returns the states (by name) after a step with any transplant at that step carried out."""
    for change in changes:
        if isinstance(change, Transplant) and change.after == step:
            donor = change.states
            states = {
                name: _donated(value, donor[name]) if name in donor else value
                for name, value in states.items()
            }
    return states


def _donated(value: np.ndarray, donor: Any) -> np.ndarray:
    return np.broadcast_to(np.asarray(donor, value.dtype), value.shape).copy()
