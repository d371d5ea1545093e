"""A trace in a notebook: the stage itself by anywidget, else as a page in a frame. Nothing is loaded."""

import base64
import gzip
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from html import escape
from typing import Any

import numpy as np

from explorer.experiment import Display
from explorer.figures.palette import GROUND
from explorer.i18n import t
from explorer.lab.learned import Token
from explorer.lab.walk import ShownRun
from explorer.labels import label
from explorer.limits import WINDOW
from explorer.nn.tracing import LayerTrace, Trace, Traces
from explorer.stage import export
from explorer.stage.payload import Numbers, header_for, pack, run_of

FRAME = 900
"""Height in pixels of the frame in which a page stands where there is no widget."""


def payloads(record: Any, lang: str = "en") -> dict[str, bytes]:
    """Returns a payload for every layer and direction of a trace or of traces, by what it is called.

    Of a batch the first sequence is shown, of a long run the first WINDOW steps; the name says so.
    """
    return {name: _payload(trace, layer, lang) for name, trace, layer in _layers(record, lang)}


def _layers(record: Any, lang: str) -> Iterator[tuple[str, Trace, LayerTrace]]:
    for name, trace in _traces(record):
        batch = trace.x.shape[1] if trace.x.ndim == 3 else 0
        one = trace.sequence(0) if batch else trace
        for layer in one.layers:
            parts = [name] if name else []
            parts.append(t("notebook.layer", lang, n=layer.layer + 1))
            parts += [t("notebook.reverse", lang)] if layer.reverse else []
            parts += [t("notebook.of_batch", lang, n=batch)] if batch > 1 else []
            parts += [t("notebook.window", lang, n=WINDOW, total=one.steps)] if one.steps > WINDOW else []
            yield ", ".join(parts), one, layer


def _traces(record: Any) -> Iterator[tuple[str, Trace]]:
    if isinstance(record, Trace):
        yield "", record
        return
    for name, found in record.items():
        calls = found if isinstance(found, list) else [found]
        for k, trace in enumerate(calls, start=1):
            yield name if len(calls) == 1 else f"{name} ({k})", trace


def _payload(trace: Trace, layer: LayerTrace, lang: str) -> bytes:
    """Returns the payload of one layer, in the order in which it reads."""
    names = trace.tokens or tuple(str(k + 1) for k in range(trace.steps))
    tokens = [Token(label(str(name)), str(name)) for name in names]
    if layer.reverse:
        layer, tokens = _turned(layer), tokens[::-1]
    shown = Trace((layer,)).window(1, min(WINDOW, layer.steps))
    numbers, display = Numbers(), Display(lang)
    run = run_of(ShownRun(shown, tuple(tokens[: shown.steps])), numbers, display)
    return pack(header_for("walk", lang, [run], mode="one", total=trace.steps, target=None), numbers.parts)


def _turned(layer: LayerTrace) -> LayerTrace:
    """Returns a layer that reads from the end as one that reads from the start what is turned round."""

    def back(table: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {symbol: array[::-1] for symbol, array in table.items()}

    states, pre, gate = back(layer.states), back(layer.pre), back(layer.gate)
    return replace(layer, x=layer.x[::-1], reverse=False, states=states, pre=pre, gate=gate)


def page(record: Any, lang: str = "en") -> str:
    """Returns the stage of a trace as one HTML file."""
    return export.html(payloads(record, lang), _title(record))


def _title(record: Any) -> str:
    return repr(record).splitlines()[0]


def framed(record: Any) -> str:
    """Returns a page in a frame, for a notebook without the widget: packed, it takes some 2 MB."""
    packed = base64.b64encode(gzip.compress(page(record).encode(), 9, mtime=0)).decode("ascii")
    inner = f"""<script>
const bytes = Uint8Array.from(atob("{packed}"), (letter) => letter.charCodeAt(0))
const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))
new Response(stream).text().then((text) => {{ document.open(); document.write(text); document.close() }})
</script>"""
    return f'<iframe srcdoc="{escape(inner)}" style="width: 100%; height: {FRAME}px; border: 0"></iframe>'


def bundle(record: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Returns what a notebook shows of a trace; None of what cannot be shown."""
    if not isinstance(record, Trace | Traces) or not any(True for _ in _traces(record)):
        return None
    text = {"text/plain": repr(record)}
    try:
        shown = widget(record)
    except ImportError:
        return text | {"text/html": framed(record)}, {}
    found = shown._repr_mimebundle_()
    data, extra = found if isinstance(found, tuple) else (found, {})
    return text | {k: v for k, v in (data or {}).items() if k != "text/plain"}, extra


def widget(record: Any, lang: str = "en", step: int = 1, unit: int = 1, layer: int = 0) -> Any:
    """Returns the stage of a trace as a widget, whose step, unit and layer can be read and set."""
    return _widget_class()(list(payloads(record, lang).items()), step, unit, layer)


@cache
def _widget_class() -> Any:
    import anywidget
    import traitlets

    class StageWidget(anywidget.AnyWidget):
        """The stage of a trace. step and unit from 1, layer from 0 follow the reader, and lead."""

        _esm = esm()
        names = traitlets.List(traitlets.Unicode()).tag(sync=True)
        payload = traitlets.Bytes().tag(sync=True)
        step = traitlets.Int(1).tag(sync=True)
        unit = traitlets.Int(1).tag(sync=True)
        layer = traitlets.Int(0).tag(sync=True)

        def __init__(self, payloads: list[tuple[str, bytes]], step: int, unit: int, layer: int) -> None:
            self._payloads = payloads
            names = [name for name, _ in payloads]
            super().__init__(names=names, payload=payloads[layer][1], step=step, unit=unit, layer=layer)
            self.on_msg(self._answer)

        @traitlets.observe("layer")
        def _turn(self, change: Any) -> None:
            self.payload = self._payloads[change["new"]][1]

        def _answer(self, _: Any, asked: Any, __: Any) -> None:
            if asked == "plotly":
                self.send("plotly", [_packed_plotly()])

    return StageWidget


@cache
def _packed_plotly() -> bytes:
    return gzip.compress(export.plotly_source().encode(), 6, mtime=0)


@cache
def esm() -> str:
    """Returns the widget's module: the stage's modules within it, each after those that it imports."""
    modules = export.needed_modules()
    ordered: dict[str, str] = {}

    def take(name: str) -> None:
        if name in ordered:
            return
        for other in _IMPORTED.findall(modules[name]):
            take(other)
        ordered[name] = modules[name]

    take("stage.js")
    grounds = {theme: GROUND[theme] for theme in ("light", "dark")}
    given: Mapping[str, Any] = {
        "MODULES": list(ordered.items()),
        "STYLES": export.needed_styles(),
        "GROUNDS": grounds,
        "SCOPE": export.SCOPE,
    }
    lines = [f"const {name} = {json.dumps(value)}" for name, value in given.items()]
    return "\n".join([*lines, (export.MODULES.parent / "widget.js").read_text("utf-8")])


_IMPORTED = re.compile(rf'["\']{re.escape(export.SCOPE)}([\w/.-]+\.js)["\']')
