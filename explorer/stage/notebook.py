"""A record in a notebook: the stage itself by anywidget, else as a page in a frame. Nothing is loaded."""

import base64
import gzip
import json
import re
import sys
from collections.abc import Mapping
from functools import cache
from html import escape
from importlib.util import find_spec
from typing import Any

from explorer.figures.palette import GROUND
from explorer.i18n import raised, t
from explorer.lab.held import NotHeldError, hold
from explorer.nn.records import Trace
from explorer.nn.references import reference_name
from explorer.stage import export
from explorer.stage.records import Part, can_be_shown, parts, payloads, walk_payload

FRAME = 900
"""Height in pixels of the frame in which a page stands where there is no widget."""


def page(record: Any, lang: str = "en") -> str:
    """Returns the stage of a record as one HTML file."""
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
    """Returns what a notebook shows of a record; None of what cannot be shown."""
    if not can_be_shown(record):
        return None
    text = {"text/plain": repr(record)}
    try:
        found = widget(record)._repr_mimebundle_()
    except ImportError:
        return text | {"text/html": framed(record)}, {}
    data, extra = found if isinstance(found, tuple) else (found, {})
    return text | {k: v for k, v in (data or {}).items() if k != "text/plain"}, extra


def alone(record: Any) -> str | None:
    """Returns a page in a frame, or None: of what cannot be shown, and in IPython where it has the widget."""
    if not can_be_shown(record) or ("IPython" in sys.modules and _in_ipython() and _has_widgets()):
        return None
    return framed(record)


def _in_ipython() -> bool:
    return sys.modules["IPython"].get_ipython() is not None


def _has_widgets() -> bool:
    return find_spec("anywidget") is not None


def widget(
    record: Any, lang: str = "en", step: int = 1, unit: int = 1, layer: int = 0, clamp: str = ""
) -> Any:
    """Returns the stage of a record as a widget, whose step, unit, layer and clamp can be read and set.

    step and unit count from 1, layer from 0 among the names on its list. clamp: what is held in that layer of
    a trace, `f=1; o=0 unit=3 from=2 to=8`; empty for nothing.
    """
    return _widget_class()(parts(record, lang), lang, step, unit, layer, clamp)


def shown_with(part: Part, clamp: str = "") -> tuple[bytes, str]:
    """Returns the payload of a part with something held in it, and what its check covers.

    Raises NotHeldError where the layer has nothing of the kind, and for a gradient: it takes a run as it is.
    """
    if not isinstance(part.of, Trace):
        if clamp.strip():
            raise NotHeldError("no_gradient_held")
        return part.payload, ""
    found = hold(part.of, part.at, clamp)
    runs = [part.of] if found.after is None else [part.of, found.after]
    payload = part.payload if found.after is None else walk_payload(runs, part.at, part.lang)
    reference = reference_name(part.of.layers[part.at].cell)
    said = [t("ui.badge", part.lang, reference=reference, error=raised(f"{found.error:.1e}"))]
    said.append(t("ui.covers_changed" if found.count else "ui.covers_one", part.lang))
    if found.count:
        what = t("ui.change_clamp" if found.count == 1 else "ui.change_clamps", part.lang)
        said.append(t("ui.covers_changes", part.lang, what=what))
    return payload, " ".join(said)


@cache
def _widget_class() -> Any:
    import anywidget
    import traitlets

    class StageWidget(anywidget.AnyWidget):
        """The stage of a record. step and unit from 1, layer from 0 follow the reader, and lead.

        clamp is what is held in the layer that is shown; note says how that was checked.
        """

        _esm = esm()
        names = traitlets.List(traitlets.Unicode()).tag(sync=True)
        payload = traitlets.Bytes().tag(sync=True)
        step = traitlets.Int(1).tag(sync=True)
        unit = traitlets.Int(1).tag(sync=True)
        layer = traitlets.Int(0).tag(sync=True)
        clamp = traitlets.Unicode("").tag(sync=True)
        note = traitlets.Unicode("").tag(sync=True)
        hold = traitlets.Unicode("").tag(sync=True)
        example = traitlets.Unicode("").tag(sync=True)

        def __init__(
            self, parts: list[Part], lang: str, step: int, unit: int, layer: int, clamp: str
        ) -> None:
            self._parts, self._lang = parts, lang
            self._made: tuple[Any, Any] = (None, None)
            payload, note = self._with(layer, clamp)
            state = {"step": step, "unit": unit, "layer": layer, "clamp": clamp}
            words = {"hold": t("field.clamp", lang), "example": _example(parts)}
            super().__init__(
                names=[part.name for part in parts], payload=payload, note=note, **state, **words
            )
            self.on_msg(self._answer)

        def _with(self, layer: int, clamp: str) -> Any:
            """Returns payload and note, kept until something else is asked for."""
            if self._made[0] != (layer, clamp):
                try:
                    self._made = (layer, clamp), shown_with(self._parts[layer], clamp)
                except NotHeldError as refused:
                    said = t(f"notice.{refused.problem}", self._lang, **refused.values)
                    raise traitlets.TraitError(said) from refused
            return self._made[1]

        @traitlets.validate("clamp")
        def _clamp_fits(self, proposal: Any) -> Any:
            self._with(self.layer, proposal["value"])
            return proposal["value"]

        @traitlets.validate("layer")
        def _layer_fits(self, proposal: Any) -> Any:
            _ = self._parts[proposal["value"]]
            return proposal["value"]

        @traitlets.observe("layer", "clamp")
        def _turn(self, change: Any) -> None:
            with self.hold_sync():
                try:
                    self.payload, self.note = self._with(self.layer, self.clamp)
                except traitlets.TraitError:  # another layer, which has nothing of the kind to hold
                    self.clamp = ""

        def _answer(self, _: Any, asked: Any, __: Any) -> None:
            if asked == "plotly":
                self.send("plotly", [_packed_plotly()])
            elif isinstance(asked, dict) and isinstance(asked.get("clamp"), str):
                try:
                    self.clamp = asked["clamp"]
                    self.note = self._with(self.layer, self.clamp)[1]
                except traitlets.TraitError as refused:
                    self.note = str(refused)

    return StageWidget


def _example(parts: list[Part]) -> str:
    """Returns what may be held in the first layer, as text; empty for gradients, where nothing can be."""
    run = parts[0].of
    return f"{run.layers[parts[0].at].spec.activations[0]}=1 unit=1 from=2" if isinstance(run, Trace) else ""


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
        "STYLES": {"rx-style-bar": export.BAR, **export.needed_styles()},
        "GROUNDS": grounds,
        "SCOPE": export.SCOPE,
    }
    lines = [f"const {name} = {json.dumps(value)}" for name, value in given.items()]
    return "\n".join([*lines, (export.MODULES.parent / "widget.js").read_text("utf-8")])


_IMPORTED = re.compile(rf'["\']{re.escape(export.SCOPE)}([\w/.-]+\.js)["\']')
