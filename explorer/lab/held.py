"""A layer's run with values held in it, and how far both runs are from what they are checked against."""

from dataclasses import dataclass

from explorer.i18n import t
from explorer.limits import WINDOW
from explorer.nn.holding import entries, held
from explorer.nn.interventions import Clamp
from explorer.nn.records import LayerTrace, Trace
from explorer.nn.references import largest_difference
from explorer.nn.running import rerun
from explorer.nn.witness import departure, unasked


class NotHeldError(ValueError):
    """What cannot be held. problem: a sentence of the locale's table `notice`; values: what fills it."""

    def __init__(self, problem: str, **values: str) -> None:
        super().__init__(t(f"notice.{problem}", "en", **values))
        self.problem, self.values = problem, values


@dataclass(frozen=True, eq=False)
class Held:
    """The run after, or None where nothing is held, and how many entries hold something.

    error: the largest difference, over the steps on the stage, of the run before from its reference, of the
    run after from its witness with the same changes, and of what is held from the number that was asked for.
    """

    after: Trace | None
    count: int
    error: float


def clamps_of(text: str, layer: LayerTrace) -> list[Clamp]:
    """Returns what a text such as `f=1; o=0 unit=3 from=2 to=8` holds in a layer.

    Steps count in the order in which the layer reads, units from 1. Raises NotHeldError for others.
    """
    found: list[Clamp] = []
    for entry in entries(text):
        try:
            more = held(entry, Clamp("", 0.0), layer.hidden_size)
        except ValueError as error:
            raise NotHeldError("bad_hold", raw=entry) from error
        if more[0].symbol not in layer.spec.roles:
            raise NotHeldError("no_such_gate", gate=more[0].symbol)
        found += more
    return found


def hold(run: Trace, at: int, text: str = "") -> Held:
    """Returns a run of one sequence with values held in the layer at a place, and checks both runs."""
    clamps = clamps_of(text, run.layers[at])
    error = largest_difference(_seen(run, at))
    if not clamps:
        return Held(None, 0, error)
    after = rerun(run, clamps, at)
    layer = _seen(after, at)
    return Held(after, len(entries(text)), max(error, departure(layer, clamps), unasked(layer, clamps)))


def _seen(run: Trace, at: int) -> LayerTrace:
    """The steps of a layer on the stage, in the order in which it reads and in PyTorch's notation."""
    return run.layers[at].along().window(1, WINDOW).in_notation("pytorch")
