"""Figures of a training race: skeletons with empty traces, which the browser fills as events arrive.

Every trace says in its meta whose it is (`racer`, an index), what it shows (`role`) and its hue; lines and
labels across a plot carry their hue as their name. Colours are set again for each theme in the browser.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

import plotly.graph_objects as go

from explorer.cells import CELLS
from explorer.experiment import Experiment
from explorer.figures.palette import GROUND, HUES, magnitude_scale
from explorer.figures.signals import cell_name, layout
from explorer.i18n import t
from explorer.training.race import Race

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SHADES = (0.0, 0.55, -0.25, 0.3, -0.12, 0.8)
"""Told apart within a family, whose racers share a hue: dashes, and how far the hue goes to the ink's or,
under 0, to the ground's."""

MARKERS = ("circle", "square", "diamond", "triangle-up", "cross", "star")
"""Told apart within a race."""

LOW, HIGH = -12.0, 1.0
"""Powers of ten of a gradient's length that the colours tell apart, the same for all racers."""

MEAN = 25
"""Steps over which a thick line of the loss is a mean."""

MAX_MARKED = 8
"""More lines than this across a heatmap would hide it."""

Band = Mapping[str, Sequence[float | None]]
"""What many seeds did: columns step, low, high, median."""


@dataclass(frozen=True)
class RacerLook:
    """How a racer is named and drawn. label tells it from the others of its race, shade from its family."""

    index: int
    name: str
    label: str
    cell: str
    hue: str
    dash: str
    marker: str
    shade: float = 0.0

    def colour(self, theme: str) -> str:
        """Returns its colour in a theme."""
        other = HUES[theme]["ink"] if self.shade > 0 else GROUND[theme]
        share = abs(self.shade)
        pairs = zip(_channels(HUES[theme][self.hue]), _channels(other), strict=True)
        return "#" + "".join(f"{round((1 - share) * a + share * b):02x}" for a, b in pairs)


def _channels(colour: str) -> list[int]:
    return [int(colour[k : k + 2], 16) for k in (1, 3, 5)]


def looks(race: Race, lang: str) -> tuple[RacerLook, ...]:
    """Returns the look of every racer: a hue by family, a dash within it, a marker and a label of its own."""
    found: list[RacerLook] = []
    labels: list[str] = []
    for index, run in enumerate(race.runs):
        hue = CELLS[CELLS[run.cell].family].hue
        relatives = sum(look.hue == hue for look in found)
        labels.append(_label(race, index, lang))
        same = labels.count(labels[-1])
        found.append(
            RacerLook(
                index,
                race.names[index],
                labels[-1] if same == 1 else f"{labels[-1]} #{same}",
                run.cell,
                hue,
                DASHES[relatives % len(DASHES)],
                MARKERS[index % len(MARKERS)],
                SHADES[relatives % len(SHADES)],
            )
        )
    return tuple(found)


def _label(race: Race, index: int, lang: str) -> str:
    """A racer's cell and, in short, what it was given of its own that not all racers have."""
    run = race.runs[index]
    own = [change.split("=", 1)[0] for change in race.names[index].split()[1:]]
    if len(race.runs) > 1:
        own = [name for name in [*own, "hidden"] if len({getattr(run, name) for run in race.runs}) > 1]
    said = [short for name in dict.fromkeys(own) if (short := _short(name, run, own, lang))]
    return " · ".join([cell_name(run.cell, lang), *said])


def _short(name: str, run: Experiment, own: Sequence[str], lang: str) -> str:
    """One choice in a word or two; nothing where another choice already says it."""
    value = getattr(run, name)
    if name == "init":
        return t("race.own_init_default" if value == "default" else f"option.init.{value}", lang)
    if name == "optimiser":
        return t(f"race.own_{value}", lang)
    if name == "max_norm" and not value:
        return t("race.own_no_clip", lang)
    if name == "bias" and value != "fixed":
        return t(f"race.own_bias_{value}", lang)
    if name in ("bias", "keep_bias"):
        if run.bias != "fixed" or (name == "keep_bias" and "bias" in own):
            return ""
        forget = CELLS[run.cell].keep == "f"
        return t("race.own_forget_bias" if forget else "race.own_keep_bias", lang, value=f"{run.keep_bias:g}")
    return t(f"race.own_{name}", lang, value=f"{value:g}")


def loss_figure(
    racers: Sequence[RacerLook], baseline: float | None, lang: str, theme: str = "light"
) -> go.Figure:
    """Returns the training loss by step, log y: for each racer each step's pale, and a running mean."""
    figure = _figure(t("race.loss", lang), theme, log=True)
    _each_and_mean(figure, racers, theme)
    if baseline is not None:
        _level(figure, baseline, t("race.baseline", lang, value=f"{baseline:.3g}"), "ink", theme, log=True)
    return figure


def metric_figure(
    racers: Sequence[RacerLook],
    metric: str,
    goal: float | None,
    chance: float,
    lang: str,
    bands: Mapping[int, Band] | None = None,
    theme: str = "light",
    seen: bool = False,
) -> go.Figure:
    """Returns the metric on held-out data: `error` on log y, or `accuracy` from 0 to 1.

    bands, by a racer's index: what many seeds did, as a pale area behind its line. seen: whether what is held
    out is learned too, for want of more.
    """
    log = metric == "error"
    figure = _figure(t(f"race.metric_{metric}{'_seen' if seen else ''}", lang), theme, log=log)
    for racer in racers:
        if bands and racer.index in bands:
            _band(figure, racer, bands[racer.index], theme)
    for racer in racers:
        _curve(figure, racer, "metric", theme, {"width": 3, "dash": racer.dash}, markers=True)
    name = "baseline" if log else "chance"
    _level(figure, chance, t(f"race.{name}", lang, value=_said(chance, metric)), "ink", theme, log)
    if goal is not None:
        text = t("race.goal", lang, value=_said(goal, metric))
        _level(figure, goal, text, "candidate", theme, log, below=True, left=True)
    if not log:
        figure.update_yaxes(range=[-0.03, 1.03], tickvals=[0, 0.5, 1], ticktext=["0 %", "50 %", "100 %"])
    figure.update_layout(meta={**figure.layout.meta, "bands": bool(bands), "metric": metric})
    return figure


def _said(value: float, metric: str) -> str:
    return f"{value:.3g}" if metric == "error" else f"{100 * value:.3g} %"


def norm_figure(
    racers: Sequence[RacerLook], max_norms: Sequence[float], lang: str, theme: str = "light"
) -> go.Figure:
    """Returns the gradient's length before clipping, log y, drawn as the loss is.

    What lies above a threshold is cut to it: a dashed line at each over 0.
    """
    figure = _figure(t("race.norm", lang), theme, log=True)
    _each_and_mean(figure, racers, theme)
    for threshold in sorted({value for value in max_norms if value > 0}):
        _level(figure, threshold, t("race.clip", lang, value=f"{threshold:g}"), "ink", theme, log=True)
    return figure


def power_figure(racer: RacerLook, T: int, marked: Sequence[int] = (), theme: str = "light") -> go.Figure:
    """Returns log10 ||dL/dh_k|| by training step: k = 0, the far past, at the bottom, k = T at the top.

    Colours run over LOW..HIGH. marked: steps from 1 that matter to the answer, each with a dotted line.
    """
    figure = go.Figure(layout=layout(theme))
    figure.add_heatmap(
        z=[[None]],
        x0=0,
        dx=1,
        y0=0,
        dy=1,
        zmin=LOW,
        zmax=HIGH,
        colorscale=magnitude_scale(theme),
        showscale=False,
        meta={"racer": racer.index, "role": "power", "hue": "c"},
    )
    figure.add_scatter(
        x=[],
        y=[],
        mode="markers",
        marker={"symbol": "x-thin", "size": 6, "line": {"width": 1.5, "color": HUES[theme]["ink"]}},
        meta={"racer": racer.index, "role": "holes", "hue": "ink"},
    )
    figure.update_xaxes(showgrid=False, zeroline=False)
    figure.update_yaxes(
        range=[-0.5, T + 0.5],
        showgrid=False,
        ticklabeloverflow="allow",  # large type is past the edge until the margin has made room
        tickvals=[0, T],
        ticktext=["k = 0", f"k = {T}"],
    )
    if len(marked) <= MAX_MARKED:
        for k in marked:
            _across(figure, k, "ink", theme, "dot")
    figure.update_layout(meta={"title": racer.label, "racer": racer.index, "steps": T})
    return figure


def gates_figure(
    racer: RacerLook,
    gates: Sequence[str],
    T: int,
    flips: Sequence[str] = (),
    marked: Sequence[int] = (),
    theme: str = "light",
) -> go.Figure:
    """Returns each gate's mean over the units by time step, 0 to 1, of the latest look.

    flips: gates that the reader's notation shows as one minus PyTorch's. marked: as in `power_figure`.
    """
    figure = go.Figure(layout=layout(theme))
    roles = CELLS[racer.cell].roles
    for gate in gates:
        hue = roles[gate].hue
        figure.add_scatter(
            x=[],
            y=[],
            name=gate,
            mode="lines",
            line={"color": HUES[theme][hue], "width": 2.5},
            meta={"racer": racer.index, "role": "gate", "gate": gate, "hue": hue, "flip": gate in flips},
        )
    if len(marked) <= MAX_MARKED:
        for step in marked:
            figure.add_vline(step, line=_line("ink", theme, "dot"), name="ink")
    ticks = sorted({1, -(-T // 2), T})
    figure.update_xaxes(range=[0.5, T + 0.5], tickvals=ticks, showgrid=False, zeroline=False)
    figure.update_yaxes(range=[-0.04, 1.04], tickvals=[0, 0.5, 1])
    figure.update_layout(meta={"title": racer.label, "racer": racer.index, "steps": T})
    return figure


def _figure(title: str, theme: str, log: bool) -> go.Figure:
    figure = go.Figure(layout=layout(theme))
    figure.update_xaxes(showgrid=False, zeroline=False, rangemode="tozero")
    figure.update_yaxes(type="log" if log else "linear")
    figure.update_layout(meta={"title": title})
    return figure


def _each_and_mean(figure: go.Figure, racers: Sequence[RacerLook], theme: str) -> None:
    """Adds each racer's every step, pale, then the running means, then the crosses."""
    for racer in racers:
        _curve(figure, racer, "raw", theme, {"width": 1.2}, opacity=0.35)
    for racer in racers:
        _curve(figure, racer, "mean", theme, {"width": 3, "dash": racer.dash})
    _broken(figure, racers, theme)


def _curve(
    figure: go.Figure,
    racer: RacerLook,
    role: str,
    theme: str,
    line: dict[str, Any],
    opacity: float | None = None,
    markers: bool = False,
) -> None:
    """Adds an empty curve of a racer; markers are those of a curve with few points."""
    figure.add_scatter(
        x=[],
        y=[],
        name=racer.label,
        mode="lines+markers" if markers else "lines",
        line={"color": racer.colour(theme), "shape": "linear", **line},
        marker={"size": 6, "symbol": racer.marker, "color": racer.colour(theme)},
        opacity=opacity,
        connectgaps=False,
        meta={"racer": racer.index, "role": role, "hue": racer.hue},
    )


def _broken(figure: go.Figure, racers: Sequence[RacerLook], theme: str) -> None:
    """Adds the crosses that stand where a racer's numbers ceased to be finite; none yet."""
    for racer in racers:
        figure.add_scatter(
            x=[],
            y=[],
            mode="markers",
            cliponaxis=False,
            marker={"symbol": "x-thin", "size": 13, "line": {"width": 3.5, "color": racer.colour(theme)}},
            meta={"racer": racer.index, "role": "broken", "hue": racer.hue},
        )


def _band(figure: go.Figure, racer: RacerLook, band: Band, theme: str) -> None:
    """Adds the pale area between low and high, and the median as a thin line."""
    common: dict[str, Any] = {"mode": "lines", "x": list(band["step"]), "hoverinfo": "skip"}
    for role, column in (("band_low", "low"), ("band_high", "high")):
        figure.add_scatter(
            y=list(band[column]),
            line={"width": 0, "color": racer.colour(theme)},
            fill="tonexty" if column == "high" else None,
            meta={"racer": racer.index, "role": role, "hue": racer.hue},
            **common,
        )
    figure.add_scatter(
        y=list(band["median"]),
        line={"width": 1, "color": racer.colour(theme), "dash": racer.dash},
        opacity=0.6,
        meta={"racer": racer.index, "role": "band_median", "hue": racer.hue},
        **common,
    )


def _level(
    figure: go.Figure,
    y: float,
    text: str,
    hue: str,
    theme: str,
    log: bool = False,
    below: bool = False,
    left: bool = False,
) -> None:
    """Adds a dashed line across the plot, its label inside at one end. y is what the line says, no power.

    A goal's label stands at the left: nobody is there at the start.
    """
    if log and y <= 0:
        return
    _across(figure, y, hue, theme)
    figure.add_annotation(
        x=0.005 if left else 1,
        xref="paper",
        xanchor="left" if left else "right",
        y=log10(y) if log else y,  # an annotation wants the power, a shape does not
        yanchor="top" if below else "bottom",
        text=text,
        showarrow=False,
        borderpad=1,
        bgcolor=GROUND[theme],
        font={"color": HUES[theme][hue]},
        name=hue,
    )


def _across(figure: go.Figure, y: float, hue: str, theme: str, dash: str = "dash") -> None:
    figure.add_hline(y, line=_line(hue, theme, dash), layer="above", name=hue)


def _line(hue: str, theme: str, dash: str) -> dict[str, Any]:
    return {"color": HUES[theme][hue], "width": 1.4, "dash": dash}
