"""What a race reports: every event there is, and how one ends. Its writer and all its readers use these.

Events are plain JSON values. The browser reads the same ones: stage/js/types.d.ts names them alike.
"""

from typing import Literal, NotRequired, TypedDict, get_args

RacerStatus = Literal["running", "passed", "spent", "diverged", "stopped"]
"""`spent`: its budget is used up. All but the first are ends."""

Over = Literal["done", "stopped", "killed", "failed"]
"""How a race ends. After `stopped`, `killed` and `failed` it may be taken up again."""

OVER: tuple[Over, ...] = get_args(Over)


class RacerEvent(TypedDict):
    """A racer begins, or goes on from a step. tokens: inputs of a training step, T x B."""

    kind: Literal["racer"]
    racer: int
    name: str
    cell: str
    parameters: int
    step: int
    budget: int
    tokens: int


# `from` is a word of Python's: this one is spelled as a call.
StepsEvent = TypedDict(
    "StepsEvent",
    {
        "kind": Literal["steps"],
        "racer": int,
        "from": int,
        "loss": list[float | None],
        "norm": list[float | None],
        "seconds": float,
        "metric": NotRequired[float | None],
    },
)
"""Steps from one on; seconds of CPU time up to the last of them. None is not finite."""


class LookEvent(TypedDict):
    """A look inside: the gradient's power of ten by source step, each gate's mean by time step."""

    kind: Literal["look"]
    racer: int
    step: int
    power: list[float | None]
    gates: dict[str, list[float]]


class KeptEvent(TypedDict):
    """A racer's weights were kept after a step."""

    kind: Literal["kept"]
    racer: int
    step: int


class EndEvent(TypedDict):
    """A racer has ended after a step."""

    kind: Literal["end"]
    racer: int
    status: RacerStatus
    step: int


class PausedEvent(TypedDict):
    """A worker has left the race, its state kept; singles counts the single steps it has made."""

    kind: Literal["paused"]
    singles: int


class OverEvent(TypedDict):
    """The race itself is over, until it is taken up again; error names what failed."""

    kind: Over
    error: NotRequired[str]


Event = RacerEvent | StepsEvent | LookEvent | KeptEvent | EndEvent | PausedEvent | OverEvent
