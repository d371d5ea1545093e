"""What a card says of stored results, held against them: `{result: temporal_50 | passed(rnn) = 0; …}`.

A statement compares two values, = < > <= >=. A value is a number, or a quantity of a racer of the result:

    passed(gru)              how many seeds passed; seeds(gru): of how many
    steps(gru)               the median training steps of those that passed; low(gru), high(gru): the band
    most(gru)                the most steps of any seed
    cost(gru)                CPU milliseconds of one training step, by these medians
    metric(gru @ 100)        the median metric after 100 training steps
    solved(gru @ 500 units)  of `amount`: how many seeds solve it; trials(…): of how many
    clear(cell units lstm)   of `amount`: 1 where the comparison of the kind, match and first rival found one
    ahead(cell units lstm)   of `amount`: 1 where the first rival is the better one
    translated(dot @ 4)      of `attention`: how many seeds get nine of ten sentences of four clauses right
"""

import json
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from explorer.architectures import amount
from explorer.training.bands import SHIPPED, Shipped, from_record

_COMPARED = re.compile(r"^(?P<left>.+?) (?P<sign>=|<|>|<=|>=) (?P<right>.+)$")
_QUANTITY = re.compile(r"^(?P<name>[a-z]+)\((?P<of>[^()]+)\)$")
_SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    "=": operator.eq, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip


def record_of(name: str) -> dict[str, Any]:
    """Returns a stored result."""
    return json.loads((SHIPPED / f"{name}.json").read_text(encoding="utf-8"))


def broken(statements: str, record: Mapping[str, Any]) -> list[str]:
    """Returns those statements, parted by `;`, that do not hold. Raises ValueError for no statement."""
    return [text for part in statements.split(";") if not _holds(text := part.strip(), record)]


def _holds(text: str, record: Mapping[str, Any]) -> bool:
    match = _COMPARED.match(text)
    if not match:
        raise ValueError(f"no comparison: {text}")
    return _SIGNS[match["sign"]](_value(match["left"], record), _value(match["right"], record))


def _value(text: str, record: Mapping[str, Any]) -> float:
    match = _QUANTITY.match(text)
    if not match:
        return float(text.replace(",", ""))
    table = _OF_TRIALS if "trials" in record else _OF_RACERS
    if match["name"] not in table:
        raise ValueError(f"no quantity: {text}")
    return table[match["name"]](record, match["of"])


def _of_preset(quantity: Callable[[Shipped, str], float]) -> Callable[[Mapping[str, Any], str], float]:
    def value(record: Mapping[str, Any], of: str) -> float:
        bare = {"seeds": record["seeds"], "date": "", "command": ""}
        return quantity(from_record(bare | {"racers": record["racers"]}), of)

    return value


def _metric(found: Shipped, of: str) -> float:
    racer, _, step = of.rpartition(" @ ")
    band = found.bands[racer]
    value = band["median"][band["step"].index(int(step))]
    assert value is not None
    return value


def _step_cost(found: Shipped, racer: str) -> float:
    return 1000 * found.seconds[racer].median / found.steps[racer].median


def _solved(record: Mapping[str, Any], of: str, column: int) -> float:
    racer, _, place = of.rpartition(" @ ")
    count, match = place.split()
    return amount.from_record(record).solved(racer, match, int(count))[column]


def _comparison(record: Mapping[str, Any], of: str) -> amount.Comparison:
    what, match, first = of.split(" ", 2)
    found = amount.comparisons(amount.from_record(record))
    (one,) = [c for c in found if (c.what, c.match, c.first) == (what, match, first)]
    return one


def _translated(record: Mapping[str, Any], of: str) -> float:
    key, _, clauses = of.partition(" @ ")
    rows = [trial for trial in record["trials"] if trial["key"] == key]
    if not rows:
        raise KeyError(of)
    return sum(trial["sentences"][int(clauses) - 1] >= 0.9 for trial in rows)


_OF_RACERS: Mapping[str, Callable[[Mapping[str, Any], str], float]] = {
    "passed": _of_preset(lambda found, racer: found.passed[racer][0]),
    "seeds": _of_preset(lambda found, racer: found.passed[racer][1]),
    "steps": _of_preset(lambda found, racer: found.steps[racer].median),
    "low": _of_preset(lambda found, racer: found.steps[racer].low),
    "high": _of_preset(lambda found, racer: found.steps[racer].high),
    "most": _of_preset(lambda found, racer: found.most[racer][0]),
    "cost": _of_preset(_step_cost),
    "metric": _of_preset(_metric),
}
_OF_TRIALS: Mapping[str, Callable[[Mapping[str, Any], str], float]] = {
    "solved": lambda record, of: _solved(record, of, 0),
    "trials": lambda record, of: _solved(record, of, 1),
    "clear": lambda record, of: bool(_comparison(record, of).better),
    "ahead": lambda record, of: _comparison(record, of).better == _comparison(record, of).first,
    "translated": lambda record, of: _translated(record, of),
}
