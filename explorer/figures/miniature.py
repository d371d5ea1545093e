"""Miniatures of the course: one small figure for each stop, from records of the real pages."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.architectures.amount import RIVALS, Amount
from explorer.cells import CELLS
from explorer.figures.palette import FONTS, GRID, HUES, gate_scale, magnitude_scale, signed_scale
from explorer.labels import plot_label
from explorer.nn.tracing import LayerTrace

HEIGHT = 170


def state_miniature(layer: LayerTrace, tokens: Sequence[str], theme: str) -> go.Figure:
    """Returns the hidden state, units x steps (H, T), on a scale symmetric about 0."""
    figure = _figure(theme)
    values = layer.signal("h").T
    most = np.abs(values).max() or 1.0
    _heatmap(figure, values, signed_scale(theme), -most, most)
    return _tokens(figure, tokens)


def gates_miniature(layer: LayerTrace, tokens: Sequence[str], theme: str) -> go.Figure:
    """Returns the keeping gate, units x steps (H, T), from 0 to 1."""
    spec = layer.spec
    assert spec.keep is not None
    figure = _figure(theme)
    scale = gate_scale(spec.roles[spec.keep].hue, theme)
    _heatmap(figure, layer.gate[spec.keep].T, scale, 0.0, 1.0)
    return _tokens(figure, tokens)


def triangle_miniature(norm: np.ndarray, theme: str) -> go.Figure:
    """Returns the triangle of ||dL_t/dh_k||, norm (T, T+1), on powers of ten."""
    figure = _figure(theme)
    with np.errstate(divide="ignore", invalid="ignore"):
        powers = np.log10(norm)
    finite = powers[np.isfinite(powers)]
    _heatmap(figure, powers, magnitude_scale(theme), float(finite.min()), float(finite.max()))
    return figure


def totals_miniature(totals: Mapping[str, np.ndarray], theme: str) -> go.Figure:
    """Returns ||dL/dh_k|| of each cell by step, totals (T+1,) each, on powers of ten."""
    figure = _figure(theme)
    for cell, total in totals.items():
        figure.add_scatter(y=total, mode="lines", line=_line(CELLS[cell].hue, theme))
    figure.update_yaxes(type="log", visible=True, nticks=4, exponentformat="power", tickfont={"size": 12})
    return figure


def race_miniature(bands: Mapping[str, Mapping[str, Sequence[float | None]]], theme: str) -> go.Figure:
    """Returns the median error of each racer by training step, of a stored result."""
    figure = _figure(theme)
    for name, band in bands.items():
        hue = CELLS[name.split()[0]].hue
        figure.add_scatter(x=band["step"], y=band["median"], mode="lines", line=_line(hue, theme))
    figure.update_yaxes(type="log", visible=True, nticks=3, tickfont={"size": 12})
    return figure


def next_miniature(names: Sequence[str], probabilities: Sequence[float], theme: str) -> go.Figure:
    """Returns the most probable next tokens as bars, each as long as its probability (0..1)."""
    figure = _figure(theme)
    rows = list(range(len(names)))
    figure.add_bar(
        x=list(probabilities),
        y=rows,
        orientation="h",
        marker_color=HUES[theme]["h"],
        text=[f"{p:.0%}" for p in probabilities],
        textposition="outside",
        cliponaxis=False,
    )
    figure.update_yaxes(
        visible=True,
        autorange="reversed",
        tickvals=rows,
        ticktext=[plot_label(name) for name in names],
        automargin=True,
    )
    figure.update_xaxes(range=[0, 1.15])
    return figure


def memory_miniature(line: np.ndarray, after: np.ndarray, points: np.ndarray, theme: str) -> go.Figure:
    """Returns one unit's next state, after (N,), over this one, line (N,), and where both are the same.

    points (P,): the fixed points, from -1 to 1.
    """
    figure = _figure(theme)
    figure.add_scatter(x=line, y=line, mode="lines", line={"color": HUES[theme]["x"], "width": 1.5})
    figure.add_scatter(x=line, y=after, mode="lines", line=_line("c", theme))
    figure.add_scatter(x=points, y=points, mode="markers", marker={"size": 10, "color": HUES[theme]["keep"]})
    return figure


def amount_miniature(found: Amount, theme: str) -> go.Figure:
    """Returns the share of seeds that solve it by the number of sentences, at equal units; dashed: kept."""
    figure = _figure(theme)
    for name in RIVALS:
        tried = {count: found.solved(name, "units", count) for count in found.counts}
        shares = {count: hits / seeds for count, (hits, seeds) in tried.items() if seeds}
        line = _line(CELLS[name.split()[0]].hue, theme) | {"dash": "dash" if " " in name else "solid"}
        figure.add_scatter(x=list(shares), y=list(shares.values()), mode="lines+markers", line=line)
    figure.update_xaxes(type="log")
    figure.update_yaxes(visible=True, range=[-0.05, 1.05], tickformat=".0%", nticks=3, tickfont={"size": 12})
    return figure


def _figure(theme: str) -> go.Figure:
    return go.Figure(
        layout={
            "template": "plotly_white" if theme == "light" else "plotly_dark",
            "height": HEIGHT,
            "margin": {"l": 4, "r": 4, "t": 4, "b": 22},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"size": 13, "color": HUES[theme]["ink"], "family": FONTS},
            "showlegend": False,
            "xaxis": {"visible": False, "fixedrange": True},
            "yaxis": {"visible": False, "fixedrange": True, "gridcolor": GRID[theme]},
        }
    )


def _heatmap(figure: go.Figure, values: np.ndarray, scale: list, low: float, high: float) -> None:
    figure.add_heatmap(
        z=values, zmin=low, zmax=high, colorscale=scale, showscale=False, hoverinfo="skip", xgap=1, ygap=1
    )
    figure.update_yaxes(autorange="reversed")


def _tokens(figure: go.Figure, tokens: Sequence[str]) -> go.Figure:
    labels = [plot_label(token) for token in tokens]
    figure.update_xaxes(visible=True, tickvals=list(range(len(labels))), ticktext=labels, showgrid=False)
    return figure


def _line(hue: str, theme: str) -> dict:
    return {"color": HUES[theme][hue], "width": 3}
