"""The stage's payload: one binary message with the records and figures of a walk, sent once.

Layout, little-endian: 4 bytes length of a JSON header, the header, padding to 8 bytes, float64 numbers.
In the header an array is {"at": first number, "shape": [...]}; figures leave their numbers out where
they are a run's arrays.
"""

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from explorer.cells import CELLS
from explorer.cells.spec import CellSpec, Signal
from explorer.data.corpora import glosses
from explorer.experiment import Display
from explorer.figures.flow import (
    law_symbol,
    losses_figure,
    named,
    paths_figure,
    total_figure,
    triangle_figure,
)
from explorer.figures.palette import (
    EMPTY,
    GRID,
    GROUND,
    HUES,
    THEMES,
    gate_scale,
    magnitude_scale,
    signed_scale,
)
from explorer.figures.rows import rows_of
from explorer.figures.scales import shared_limits
from explorer.figures.signals import cell_name, norms, saturation, signal_heatmap, signal_name
from explorer.figures.sketch import spec_of
from explorer.figures.unit import unit_figure
from explorer.gradients.sizes import decay
from explorer.i18n import raised, section, t
from explorer.lab.flow import CellFlow, Flow
from explorer.lab.walk import ShownRun, Walk

MAX_READOUT = 4096
"""Weights of a readout up to which it is sent: 32 kB."""


ROUNDING = {4: 1e-5, 8: 1e-9}
"""How far a number may be from what its equation gives of the others, by the bytes of the run's numbers."""


@dataclass
class Numbers:
    """Collects arrays into one block; an array given twice is stored once."""

    parts: list[np.ndarray] = field(default_factory=list)
    places: dict[bytes, dict[str, Any]] = field(default_factory=dict)
    size: int = 0

    def add(self, array: np.ndarray) -> dict[str, Any]:
        flat = np.ascontiguousarray(array, dtype="<f8")
        digest = hashlib.sha1(repr(flat.shape).encode() + flat.tobytes()).digest()
        if digest not in self.places:
            self.places[digest] = {"at": self.size, "shape": list(flat.shape)}
            self.parts.append(flat.ravel())
            self.size += flat.size
        return self.places[digest]


def build(walk: Walk, display: Display) -> bytes:
    """Returns the payload of a walk."""
    numbers = Numbers()
    rows = rows_of(walk.runs[0].trace.layers[0], walk.experiment.order)
    rows = rows if len({run.trace.layers[0].hidden_size for run in walk.runs}) == 1 else None
    runs = [run_of(run, numbers, display, walk.runs, rows) for run in walk.runs]
    for run, title in zip(runs, walk.titles, strict=False):
        run["cell"] = f"{title} · {run['cell']}"
    return pack_walk(walk, runs, numbers, display.lang, _asked(walk, display.lang))


def pack_walk(
    walk: Walk, runs: list[dict[str, Any]], numbers: Numbers, lang: str, words: Mapping[str, str]
) -> bytes:
    """Returns the payload of a walk whose runs are built; words: what is called otherwise than elsewhere."""
    header = header_for(
        "walk",
        lang,
        runs,
        mode=walk.mode,
        firstStep=walk.runs[0].trace.first_step,
        total=walk.total,
        target=walk.target,
        strings=section("stage", lang) | dict(words),
    )
    return pack(header, numbers.parts)


def _asked(walk: Walk, lang: str) -> dict[str, str]:
    """What the number is called that the network is to say: a sum, unless it is a bit or a series' next."""
    if walk.asks == "sum":
        return {}
    if walk.asks == "next":
        return {"sum": t("stage.next_value", lang), "target": t("stage.true_value", lang)}
    return {"sum": t("stage.bit", lang), "target": t("stage.last_pulse", lang)}


def build_flow(flow: Flow, display: Display) -> bytes:
    """Returns the payload of a flow."""
    numbers, lang = Numbers(), display.lang
    chosen, beside = flow.chosen, flow.beside
    triangles = [chosen] if beside is None else [chosen, beside]
    arrays = {"norm": chosen.each.norm, "chain": flow.chain}
    if beside is not None:
        arrays["beside"] = beside.each.norm
    figures = (total_figure, paths_figure, losses_figure)
    run = {
        "cell": named(chosen, lang),
        "tokens": [asdict(token) for token in flow.tokens],
        "steps": flow.steps,
        "units": flow.steps,
        "arrays": {name: numbers.add(array) for name, array in arrays.items()},
        "heatmaps": [figure_of(triangle_figure.sketch(flow, display, cell), numbers) for cell in triangles],
        "lines": [figure_of(figure.sketch(flow, display), numbers) for figure in figures],
    }
    header = header_for(
        "flow",
        lang,
        [run],
        firstStep=flow.first_step,
        total=flow.total,
        lossRow=_loss_row(flow),
        state=chosen.trace.spec.memory,
        bad=_first_bad(flow),
        decays=[_decay(cell, display) for cell in flow.cells],
    )
    return pack(header, numbers.parts)


def _loss_row(flow: Flow) -> int:
    """The row of the triangle to open at: the last loss that the experiment sums."""
    return (flow.chosen.loss_step or flow.steps) - 1


def _decay(cell: CellFlow, display: Display) -> str:
    """How fast the last chosen loss's own gradient fades in a cell, and what its law let expect."""
    lang = display.lang
    row = (cell.loss_step or cell.trace.steps) - 1
    found, factor = decay(cell.each.norm[row]), cell.law.factor
    least, most = (raised(f"{value:.3g}") for value in (factor.min(), factor.max()))
    is_so = t(f"analysis.{found.sentence}", lang, **found.values)
    symbol = law_symbol(cell, display)
    law = symbol if symbol == least else f"{symbol} = {least if least == most else f'{least} … {most}'}"
    expected = t("flow.expected", lang, law=law).replace(" ", "\N{NO-BREAK SPACE}")
    summed = np.count_nonzero(cell.summed) > 1
    alone = t("flow.alone", lang, step=row + cell.trace.first_step) + " " if summed else ""
    return f"{named(cell, lang)}: {alone}{is_so} {expected}"


def _first_bad(flow: Flow) -> int | None:
    bad = flow.chosen.gradient.first_bad
    return None if bad is None else bad + flow.first_step - 1


def _words(runs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether tokens are words: a letter of a word means nothing."""
    return any(len(token["original"]) > 1 for run in runs for token in run["tokens"])


def header_for(kind: str, lang: str, runs: list[dict[str, Any]], **rest: Any) -> dict[str, Any]:
    """Returns what every payload says, and the rest: kind names the stage, mode a class of its style.

    A run has at least tokens, steps, units, arrays and lines; firstStep is 1 and total the first run's
    steps unless the rest says otherwise.
    """
    return {
        "kind": kind,
        "lang": lang,
        "mode": kind,
        "strings": section("stage", lang),
        "gloss": glosses(lang) if _words(runs) else {},
        "firstStep": 1,
        "total": runs[0]["steps"],
        "runs": runs,
        "themes": {theme: theme_of(theme) for theme in THEMES},
    } | rest


def pack(header: dict[str, Any], parts: list[np.ndarray]) -> bytes:
    """Returns header and numbers as one message; the header gains an id that names its content."""
    blob = b"".join(part.tobytes() for part in parts)
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":"))
    digest = hashlib.sha1(text.encode() + blob).hexdigest()
    encoded = json.dumps(header | {"id": digest}, ensure_ascii=False, separators=(",", ":")).encode()
    return struct.pack("<I", len(encoded)) + encoded + b" " * (-(4 + len(encoded)) % 8) + blob


def header_of(payload: bytes) -> dict[str, Any]:
    """Returns the JSON header of a payload."""
    (length,) = struct.unpack_from("<I", payload)
    return json.loads(payload[4 : 4 + length])


def numbers_of(payload: bytes) -> np.ndarray:
    """Returns the block of numbers of a payload."""
    (length,) = struct.unpack_from("<I", payload)
    return np.frombuffer(payload, "<f8", offset=4 + length + -(4 + length) % 8)


def run_of(
    run: ShownRun,
    numbers: Numbers,
    display: Display,
    compared: Sequence[ShownRun] = (),
    rows: Sequence[int] | None = None,
) -> dict[str, Any]:
    """Returns a run as the stage reads it: arrays, figures, the cell's equations and drawing.

    The figures keep one scale with those of the runs that it is compared with. rows: the units that heatmaps
    draw, see `figures.rows`; of more than can be drawn the most varied ones where none are given.
    """
    lang, layer = display.lang, run.trace.layers[0].in_notation(display.notation)
    beside = [other.trace.layers[0] for other in compared if other is not run]
    limits = shared_limits([layer, *beside])
    rows = rows_of(layer, "variance") if rows is None else rows
    arrays = {**layer.states, "x": layer.x}
    arrays |= {f"gate.{s}": a for s, a in layer.gate.items()}
    arrays |= {f"pre.{s}": a for s, a in layer.pre.items()}
    arrays |= layer.weights.arrays()
    for name in ("top_probabilities", "value"):
        if (array := getattr(run, name)) is not None:
            arrays[name] = array
    if run.readout is not None and run.readout[0].size <= MAX_READOUT:
        arrays |= {"readout.weight": run.readout[0], "readout.bias": run.readout[1]}
    labels = [token.label for token in run.tokens]
    shaded = [token.marked or token.cue > 0 for token in run.tokens]
    first = run.trace.first_step
    charts = [
        signal_heatmap.sketch(layer, s, labels, first, lang, limits=limits[s], units=rows)
        for s in layer.signals
    ]
    lines = [norms.sketch(layer, first, lang, beside=beside)]
    lines += [saturation.sketch(layer, first, lang)] if layer.spec.gates else []
    return {
        "cell": cell_name(layer.cell, lang),
        "notation": t(f"stage.z_{layer.notation}", lang) if CELLS[layer.cell].lecture else "",
        "tokens": [asdict(token) for token in run.tokens],
        "steps": layer.steps,
        "units": layer.hidden_size,
        "inputs": layer.weights.input_size,
        "blocks": layer.weights.blocks,
        "recurrentBlocks": layer.weights.seeing,
        "peepholeBlocks": layer.weights.peephole_blocks,
        "badStep": _bad_step(run),
        "rounding": ROUNDING[layer.h.dtype.itemsize],
        **_spec(layer.spec, lang),
        "arrays": {name: numbers.add(array) for name, array in arrays.items()},
        "readout": _readout(run),
        "outputs": list(run.names) if "readout.weight" in arrays else [],
        "rows": None if run.ids is None else run.ids.tolist(),
        "heatmaps": [figure_of(chart, numbers) for chart in charts],
        "lines": [figure_of(line, numbers) for line in lines],
        "valve": figure_of(unit_figure.sketch(layer, 0, labels, shaded, first, lang), numbers),
    }


def _bad_step(run: ShownRun) -> int | None:
    bad = run.trace.layers[0].first_bad_step
    return None if bad is None else bad + run.trace.first_step - 1


def _signal(signal: Signal, lang: str) -> dict[str, str]:
    return {
        "symbol": signal.symbol,
        "role": signal.role,
        "hue": signal.hue,
        "name": signal_name(signal, lang),
    }


def _spec(spec: CellSpec, lang: str) -> dict[str, Any]:
    return {
        "signals": [_signal(signal, lang) for signal in spec.signals],
        "equations": spec.equations,
        "diagram": asdict(spec.diagram),
    }


def _readout(run: ShownRun) -> dict[str, Any] | None:
    if run.top_ids is None:
        return None
    return {"top": [[run.names[k] for k in row] for row in run.top_ids.tolist()]}


def figure_of(figure: Any, numbers: Numbers) -> dict[str, Any]:
    """Returns a figure as plain JSON; numbers of a heatmap or of one unit are left to the run's arrays."""
    traces, layout = spec_of(figure)
    for trace in traces:
        if trace["type"] == "heatmap":
            del trace["z"]
        elif "signal" in trace.get("meta", ()):
            del trace["y"]
        elif isinstance(trace.get("y"), np.ndarray):
            trace["y"] = {"array": numbers.add(trace["y"])}
    return json.loads(json.dumps({"data": traces, "layout": layout}, default=_plain))


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else str(value)


def theme_of(theme: str) -> dict[str, Any]:
    """Returns the colours of a theme."""
    hues = HUES[theme]
    return {
        "hues": hues,
        "ground": GROUND[theme],
        "empty": EMPTY[theme],
        "grid": GRID[theme],
        "gates": {hue: gate_scale(hue, theme) for hue in hues},
        "signed": signed_scale(theme),
        "magnitude": magnitude_scale(theme),
    }
