"""Several values held in one run, as a short text: `i=0;o=1 unit=3,4 from=2 to=8`.

Each entry says a symbol and its value, then what differs from the first value that is held: its units (0:
all), the first step and the last at which it is held (0: the end).
"""

import re
from collections.abc import Collection
from dataclasses import replace

from explorer.nn.interventions import Clamp

LARGEST = 1.0
"""No gate and no candidate is larger, and a state that is held is not either."""

_NUMBER = re.compile(r"-?[0-9]{1,2}(\.[0-9]{1,9})?", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,4}", re.ASCII)


def entries(text: str) -> tuple[str, ...]:
    """Returns the entries of a text, each with single spaces, in order."""
    return tuple(" ".join(part.split()) for part in text.split(";") if part.strip())


def held(entry: str, like: Clamp, units: int) -> list[Clamp]:
    """Returns what an entry holds in a layer of so many units, a clamp for each of its units.

    Raises ValueError where it cannot be read, names a unit that there is not, or ends before it begins.
    """
    first, *rest = entry.split()
    symbol, value = _pair(first)
    found = replace(like, symbol=symbol, value=_value(value))
    places: list[int | None] = [like.unit]
    for name, raw in map(_pair, rest):
        if name == "unit":
            places = [_unit(one, units) for one in raw.split(",")]
        elif name == "from":
            found = replace(found, start=max(_whole(raw), 1))
        elif name == "to":
            found = replace(found, end=_whole(raw) or None)
        else:
            raise ValueError(entry)
    if found.end is not None and found.end < found.start:
        raise ValueError(entry)
    return [replace(found, unit=place) for place in places]


def turned(text: str, symbols: Collection[str]) -> str:
    """Returns a text with one minus the value of each entry that holds one of some symbols."""
    return ";".join(_turned(entry) if symbol_of(entry) in symbols else entry for entry in entries(text))


def symbol_of(entry: str) -> str:
    """Returns the symbol that an entry holds, empty for none."""
    return entry.partition("=")[0] if "=" in entry else ""


def _turned(entry: str) -> str:
    first, *rest = entry.split()
    symbol, value = _pair(first)
    try:
        turned = f"{1.0 - _value(value):.9f}".rstrip("0").rstrip(".")
    except ValueError:
        return entry
    return " ".join([f"{symbol}={turned}", *rest])


def _pair(word: str) -> tuple[str, str]:
    name, _, raw = word.partition("=")
    return name, raw


def _value(raw: str) -> float:
    if not _NUMBER.fullmatch(raw) or abs(float(raw)) > LARGEST:
        raise ValueError(raw)
    return float(raw)


def _whole(raw: str) -> int:
    if not _WHOLE.fullmatch(raw):
        raise ValueError(raw)
    return int(raw)


def _unit(raw: str, units: int) -> int | None:
    """Returns a unit from 0 of one that is counted from 1; None for 0, which is all."""
    if _whole(raw) > units:
        raise ValueError(raw)
    return _whole(raw) - 1 if _whole(raw) else None
