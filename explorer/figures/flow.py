"""Figures of a flow: the triangle, the total by cell, the paths past and through the gates, the losses."""

from collections.abc import Sequence

import numpy as np

from explorer.cells import CELLS
from explorer.cells.activations import FUNCTIONS
from explorer.experiment import Display
from explorer.figures.palette import HUES, magnitude_scale
from explorer.figures.scales import power_limits, whole_ticks
from explorer.figures.signals import cell_name, line, plain, step_axis
from explorer.figures.sketch import Drawn, Sketch
from explorer.gradients.bptt import lengths
from explorer.i18n import raised, t
from explorer.lab.flow import CellFlow, Flow

FLOOR = -30.0
"""The smallest power of ten that the triangle's colours tell apart."""

DASHES = ("solid", "dash", "dashdot", "longdash")
"""The line of each state of a cell, in their order: h, c, ..."""

MARGIN = 3.0
"""How many decades past the measured values the axis follows a law."""


def named(cell: CellFlow, lang: str) -> str:
    """Returns what a cell is called: behind its network's name where two networks are compared."""
    return " · ".join(filter(None, (cell.title, cell_name(cell.cell, lang))))


def hue_of(cell: CellFlow) -> str:
    """Returns the hue of a cell; of a second network one that no first one has."""
    return "other" if cell.second else CELLS[cell.cell].hue


@Drawn
def triangle_figure(flow: Flow, display: Display, cell: CellFlow | None = None) -> Sketch:
    """Returns a cell's ||dL_t/dh_k|| as a heatmap: source step k across, loss step t down, colour log10.

    The colours are one scale for all cells of the flow. A norm of exactly 0 is left blank; one that is not
    finite gets a cross.
    """
    lang, theme = display.lang, display.theme
    shown = cell or flow.chosen
    norm = shown.each.norm
    low, high = power_limits([_power(one.each.norm) for one in flow.cells], FLOOR)
    sources, losses = _sources(flow), _sources(flow)[1:]
    figure = Sketch(plain(theme))
    figure.add(
        "heatmap",
        z=_power(norm),
        x=sources,
        y=losses,
        zmin=low,
        zmax=high,
        colorscale=magnitude_scale(theme),
        showscale=False,
        xgap=1 if flow.steps <= 32 else 0,
        ygap=1 if flow.steps <= 32 else 0,
        meta={"signal": "norm", "role": "magnitude", "hue": "c"},
    )
    _crosses(figure, norm, sources, losses, theme)
    figure.update_xaxes(**_source_axis(flow))
    figure.update_yaxes(autorange="reversed", showgrid=False, **whole_ticks(flow.steps))
    titles = {"title": named(shown, lang), "heading": t("flow.triangle", lang)}
    figure.update_layout(meta={"range": [low, high], "columns": flow.steps + 1, **titles})
    return figure


@np.errstate(divide="ignore", invalid="ignore")
def _power(norm: np.ndarray) -> np.ndarray:
    return np.where(norm > 0, np.log10(norm), np.nan)


def _crosses(figure: Sketch, norm: np.ndarray, sources: list, losses: list, theme: str) -> None:
    rows, columns = np.nonzero(
        np.isinf(norm) | (np.isnan(norm) & (np.tri(norm.shape[0], norm.shape[1], k=1) > 0))
    )
    if rows.size:
        figure.add(
            "scatter",
            x=[sources[k] for k in columns],
            y=[losses[k] for k in rows],
            mode="markers",
            marker={"symbol": "x-thin", "size": 7, "line": {"width": 2, "color": HUES[theme]["ink"]}},
        )


@Drawn
def total_figure(flow: Flow, display: Display) -> Sketch:
    """Returns ||dL/dh_k|| of the chosen loss for each compared cell, its other states dashed, on a log axis.

    Dotted in each cell's hue: its law, where one loss alone is summed. The axis keeps to the measured
    values and follows a law no further than MARGIN.
    """
    lang, theme = display.lang, display.theme
    figure = Sketch(plain(theme))
    for cell in flow.cells:
        hue = hue_of(cell)
        layer = cell.gradient.layers[0]
        idle = layer.layer.spec.idle
        shown = [(s, values) for s, values in layer.total_norms.items() if s not in idle]
        for k, (state, values) in enumerate(shown):
            name = f"{named(cell, lang)} {state}"
            _log_line(figure, flow, values, name, hue, theme, DASHES[k % len(DASHES)])
    _finished(figure, flow, lang, "flow.total")
    _laws(figure, flow, display)
    return figure


def _laws(figure: Sketch, flow: Flow, display: Display) -> None:
    """Adds each cell's law to a finished figure of what is."""
    lang, theme = display.lang, display.theme
    low, high = _powers([np.asarray(trace["y"], float) for trace in figure.data])
    laws = [(cell, expected) for cell in flow.cells if (expected := cell.law.expected) is not None]
    if not laws:
        return
    for cell, expected in laws:
        symbol = law_symbol(cell, display)
        power = f"({symbol})ᵗ⁻ᵏ" if "−" in symbol else f"{symbol}ᵗ⁻ᵏ"
        name = f"{named(cell, lang)} {power}"
        hue = hue_of(cell)
        shown = np.where(np.isfinite(expected) & (expected > 0), expected, np.nan)
        figure.add(
            "scatter",
            x=_sources(flow),
            y=shown,
            name=name,
            mode="lines",
            line={"color": HUES[theme][hue], "width": 1.5, "dash": "dot"},
            meta={"law": hue},
        )
    least, most = _powers([expected for _, expected in laws])
    low, high = min(low, max(least, low - MARGIN)), max(high, min(most, high + MARGIN))
    room = 0.04 * max(high - low, 1.0)
    figure.update_yaxes(range=[low - room, high + room], **_ticks(low, high))
    figure.update_layout(meta={**figure.layout["meta"], "law": t("flow.law", lang)})


def law_symbol(cell: CellFlow, display: Display) -> str:
    """Returns a cell's law for one step in the reader's notation."""
    spec = cell.trace.spec
    if cell.law.bound:
        return "≤ σ<sub>max</sub>(<i>W</i><sub>hh</sub>)"
    if spec.keep is None:
        return "1"
    keeps = FUNCTIONS.get(spec.roles[spec.keep].activation, FUNCTIONS["sigmoid"])  # exp: of a log sigmoid
    at_rest = f"{keeps.short}(<i>b</i><sub>{spec.keep}</sub>)"
    return f"1−{at_rest}" if spec.keep in display.flips(spec) else at_rest


@Drawn
def paths_figure(flow: Flow, display: Display) -> Sketch:
    """Returns how the chosen cell's gradient came back: past all gates alone, and its last hop by gate."""
    lang, theme = display.lang, display.theme
    figure = Sketch(plain(theme))
    layer = flow.chosen.gradient.layers[0]
    whole = layer.total_norms[layer.layer.spec.memory]
    _log_line(figure, flow, whole, t("flow.sum", lang), "ink", theme, "solid")
    if flow.chosen.direct is not None:
        straight = t("flow.direct", lang, gate=_keeping(flow, display))
        _log_line(figure, flow, flow.chosen.direct, straight, "c", theme, "dash")
    roles = layer.layer.spec.roles
    for gate, share in layer.through.items():
        values = np.append(lengths(share), np.nan)
        _log_line(figure, flow, values, t("flow.through", lang, gate=gate), roles[gate].hue, theme, "dot")
    return _finished(figure, flow, lang, "flow.paths")


def _keeping(flow: Flow, display: Display) -> str:
    """What multiplies the straight path, in the reader's notation."""
    spec = flow.chosen.trace.spec
    return f"(1−{spec.keep})" if spec.keep in display.flips(spec) else spec.keep or "1"


@Drawn
def losses_figure(flow: Flow, display: Display) -> Sketch:
    """Returns L_t at every step that has a loss; those that the chosen loss sums are filled.

    Where losses are not known, only their gradients: ||dL_t/dh_t|| at every step.
    """
    lang, theme = display.lang, display.theme
    each, chosen = flow.chosen.each.loss, flow.chosen.gradient.loss
    figure = Sketch(plain(theme))
    steps = _sources(flow)[1:]
    summed = 0.0
    if each is not None and chosen is not None:
        inside = np.isfinite(chosen)
        summed = float(chosen[inside].sum())
        symbols = ["circle" if inside_t else "circle-open" for inside_t in inside]
        marker = {"symbol": symbols, "size": 9 if flow.steps <= 60 else 4}
        figure.add(
            "scatter",
            x=steps,
            y=each,
            name="L",
            **(line("h", theme) | {"mode": "markers", "marker": marker}),
        )
    else:
        direct = np.diagonal(flow.chosen.each.norm, 1)
        marker = {"size": 9 if flow.steps <= 60 else 4}
        named = "‖d<i>L</i><sub>t</sub>/d<i>h</i><sub>t</sub>‖"
        look = line("h", theme) | {"mode": "markers", "marker": marker}
        figure.add("scatter", x=steps, y=direct, name=named, **look)
    figure.update_xaxes(**_source_axis(flow))
    figure.update_yaxes(rangemode="tozero", nticks=4, exponentformat="power")
    if chosen is None:
        title = t("flow.entering", lang)
    else:
        named = "flow.losses_square" if flow.squares else "flow.losses"
        title = t(named, lang, sum=raised(f"{summed:.3g}"))
    figure.update_layout(meta={"title": title, "columns": flow.steps + 1})
    return figure


def _log_line(
    figure: Sketch, flow: Flow, values: np.ndarray, name: str, hue: str, theme: str, dash: str
) -> None:
    """A line that skips zeros; where a value is not finite, a cross stands at the top."""
    shown = np.where(np.isfinite(values) & (values > 0), values, np.nan)
    mode = "lines" if flow.steps > 40 else "lines+markers"
    figure.add("scatter", x=_sources(flow), y=shown, name=name, **(line(hue, theme, dash) | {"mode": mode}))
    bad = np.flatnonzero(np.isinf(values))
    if bad.size:
        top = float(np.nanmax(shown)) if np.isfinite(shown).any() else 1.0
        figure.add(
            "scatter",
            x=[_sources(flow)[k] for k in bad],
            y=[top] * bad.size,
            mode="markers",
            marker={"symbol": "x-thin", "size": 8, "line": {"width": 2, "color": HUES[theme][hue]}},
        )


def _finished(figure: Sketch, flow: Flow, lang: str, title: str) -> Sketch:
    figure.update_xaxes(**_source_axis(flow))
    low, high = _powers([np.asarray(trace["y"], float) for trace in figure.data])
    figure.update_yaxes(type="log", **_ticks(low, high))
    figure.update_layout(meta={"title": t(title, lang), "columns": flow.steps + 1})
    return figure


def _powers(arrays: Sequence[np.ndarray]) -> tuple[float, float]:
    """Returns the smallest and largest power of ten of what is finite and over 0; 0 and 1 of nothing."""
    values = np.concatenate([*arrays, np.empty(0)])
    powers = np.log10(values[np.isfinite(values) & (values > 0)])
    return (float(powers.min()), float(powers.max())) if powers.size else (0.0, 1.0)


def _ticks(low: float, high: float, most: int = 5) -> dict:
    """Powers of ten to put ticks at, a handful; in a range that has not two of them at 1, 2 and 5 of each."""
    if high - low < 2 and low > -4 and high < 4:
        at = [m * 10.0**p for p in range(int(np.floor(low)), int(np.ceil(high)) + 1) for m in (1, 2, 5)]
        return {"tickvals": at, "ticktext": [f"{value:g}" for value in at]}
    first, last = int(np.floor(low)), int(np.ceil(high))
    powers = range(first, last + 1, max(1, -(-(last - first) // most)))
    return {
        "tickvals": [10.0**p for p in powers],
        "ticktext": [f"10<sup>{p}</sup>".replace("-", "−") for p in powers],
    }


def _sources(flow: Flow) -> list[int]:
    """Source steps k: the state before the first shown step, then each step's."""
    return list(range(flow.first_step - 1, flow.first_step + flow.steps))


def _source_axis(flow: Flow) -> dict:
    labels: Sequence[str] = ("h₀" if flow.first_step == 1 else "…", *(token.label for token in flow.tokens))
    return step_axis(_sources(flow), labels)
