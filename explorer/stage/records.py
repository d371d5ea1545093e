"""Records as the stage shows them: a part for each layer and direction of a trace or of a gradient."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from explorer.experiment import Display
from explorer.gradients.bptt import GradientFlow
from explorer.i18n import t
from explorer.lab.flow import flow_given, steps_shown
from explorer.lab.learned import tokens_called
from explorer.lab.walk import ShownRun
from explorer.limits import WINDOW
from explorer.nn.records import ByName, LayerTrace, Trace
from explorer.stage.payload import Numbers, build_flow, header_for, pack, run_of

Record = Trace | GradientFlow | ByName


@dataclass(frozen=True, eq=False)
class Part:
    """One layer and direction of the trace or gradient of one sequence: its name, and its place in it."""

    name: str
    of: Trace | GradientFlow
    at: int
    lang: str

    @cached_property
    def payload(self) -> bytes:
        """What the stage draws, in the order in which the layer reads."""
        if isinstance(self.of, Trace):
            return walk_payload([self.of], self.at, self.lang)
        return build_flow(flow_given(self.of, self.at), Display(self.lang))


def can_be_shown(record: Any) -> bool:
    """Returns whether the stage shows a record; of a gradient of totals only, nothing steps."""
    if not isinstance(record, Record):
        return False
    named = [one for _, one in _named(record)]
    return bool(named) and not any(map(_totals_only, named))


def _totals_only(one: Trace | GradientFlow) -> bool:
    return isinstance(one, GradientFlow) and one.alone is None and not one.layers[0].norms


def parts(record: Record, lang: str = "en") -> list[Part]:
    """Returns every layer and direction of a record, its name saying what is left out.

    Of a batch the first sequence is shown; of a long trace the first WINDOW steps, of a long gradient the
    last. Raises ValueError for a gradient of totals only.
    """
    return [part for name, one in _named(record) for part in _parts(name, one, lang)]


def payloads(record: Record, lang: str = "en") -> dict[str, bytes]:
    """Returns the payload of every part of a record, by its name."""
    return {part.name: part.payload for part in parts(record, lang)}


def _parts(name: str, one: Trace | GradientFlow, lang: str) -> Iterator[Part]:
    layer = _layer(one, 0)
    batch = layer.x.shape[1] if layer.x.ndim == 3 else 0
    alone = one.sequence(0) if batch else one
    for at in range(len(alone.layers)):
        said = [name] if name else []
        said += _place(_layer(alone, at), lang)
        said += [t("notebook.of_batch", lang, n=batch)] if batch > 1 else []
        said += _window(alone, at, lang)
        yield Part(", ".join(said), alone, at, lang)


def _layer(one: Trace | GradientFlow, at: int) -> LayerTrace:
    found = one.layers[at]
    return found if isinstance(found, LayerTrace) else found.layer


def _place(layer: LayerTrace, lang: str) -> Iterator[str]:
    yield t("notebook.layer", lang, n=layer.layer + 1)
    if layer.reverse:
        yield t("notebook.reverse", lang)


def _window(one: Trace | GradientFlow, at: int, lang: str) -> Iterator[str]:
    total = _layer(one, at).steps
    length = min(WINDOW, total) if isinstance(one, Trace) else steps_shown(one, at)
    if length < total:
        first = 1 if isinstance(one, Trace) else total - length + 1
        yield t("notebook.window", lang, first=first, last=first + length - 1, total=total)


def _named(record: Record) -> Iterator[tuple[str, Trace | GradientFlow]]:
    """Yields traces or gradients by the name of their layer, empty where there is one alone."""
    if not isinstance(record, ByName):
        yield "", record
        return
    for name, found in record.calls.items():
        for k, one in enumerate(found, start=1):
            yield name if len(found) == 1 else f"{name} ({k})", one


def walk_payload(runs: Sequence[Trace], at: int, lang: str) -> bytes:
    """Returns the payload of a layer of one run, or of two: before a change and after."""
    shown = [_shown_run(run, at) for run in runs]
    numbers, display = Numbers(), Display(lang)
    made = [run_of(run, numbers, display, shown) for run in shown]
    mode = "changed" if len(runs) > 1 else "one"
    header = header_for("walk", lang, made, mode=mode, total=runs[0].steps, target=None)
    return pack(header, numbers.parts)


def _shown_run(run: Trace, at: int) -> ShownRun:
    """Returns the steps of a layer that the stage shows, in the order in which it reads."""
    layer = run.layers[at]
    tokens = tokens_called(run.tokens, run.steps)
    seen = Trace((layer.along(),)).window(1, min(WINDOW, run.steps))
    return ShownRun(seen, (tokens[::-1] if layer.reverse else tokens)[: seen.steps])
