"""Figures of a text foreseen: surprise and perplexity by token, and how far a free run strays.

Those by token have one column more than the text has steps: the token after each step, and before them
the first. What is not finite stands at the top as a cross, so that it is not taken for missing data.
"""

from math import log, log10

import numpy as np
import plotly.graph_objects as go

from explorer.figures.decades import MAX_MARKERS
from explorer.figures.palette import HUES
from explorer.figures.signals import layout, line, step_axis
from explorer.i18n import t
from explorer.language.scoring import Foresight

_ROOM = 1.08
"""How far an axis goes past its largest value."""

_MOST = 1e300
"""What is larger stands at the top: an axis cannot go past float64."""

_TICKS = ((1, 2, 5), (1, 3))
"""Where a power of ten has ticks, by how many powers there are; of more, each power itself alone."""


def surprise_figure(found: Foresight, lang: str, theme: str = "light") -> go.Figure:
    """Returns the cross-entropy in nats of each shown token; dotted, that of a guess among all V alike."""
    nats = by_token(found, found.score.nats)
    even = log(found.V)
    top = max(_largest(nats), even) * _ROOM or 1.0
    figure = go.Figure(layout=layout(theme))
    _draw(figure, found, nats, "−ln p", "write", top, theme)
    _even(figure, found, even, t("predict.even_nats", lang, V=found.V, nats=f"{even:.2f}"), theme)
    figure.update_yaxes(range=[-0.04 * top, top], nticks=4)
    return _finished(figure, found, t("predict.surprise", lang))


def perplexity_figure(found: Foresight, lang: str, theme: str = "light") -> go.Figure:
    """Returns the perplexity of the text up to each shown token, on a log axis; dotted, V."""
    running = by_token(found, found.score.running)
    top = max(_largest(running), found.V)
    power = min(1.06 * max(log10(top), 0.1), log10(_MOST) + 1)
    figure = go.Figure(layout=layout(theme))
    _draw(figure, found, running, t("predict.perplexity", lang), "candidate", 10.0**power, theme)
    _even(figure, found, found.V, t("predict.even_perplexity", lang, V=found.V), theme)
    figure.update_yaxes(type="log", range=[-0.06 * power, power], **_ticks(top))
    return _finished(figure, found, t("predict.running", lang))


def distance_figure(found: Foresight, lang: str, theme: str = "light") -> go.Figure:
    """Returns the distance of the two runs' states after each shown step; dotted, where they part."""
    run, steps = found.run, _columns(found)[:-1]
    distance = run.distance[found.first - 1 :]
    top = _largest(distance) * _ROOM or 1.0
    figure = go.Figure(layout=layout(theme))
    if run.parts is not None:
        figure.add_scatter(
            x=[run.parts, run.parts], y=[0.0, top], **(line("x", theme, "dot") | {"mode": "lines"})
        )
    name = "‖<i>h</i>′ − <i>h</i>‖"
    y = np.minimum(np.where(np.isfinite(distance), distance, top), top)
    figure.add_scatter(x=steps, y=y, name=name, **_style("c", steps, theme))
    _crosses(
        figure, [step for step, d in zip(steps, distance, strict=True) if not np.isfinite(d)], top, theme
    )
    figure.update_xaxes(**step_axis(steps, run.tokens[found.first - 1 :]))
    figure.update_yaxes(range=[-0.04 * top, top], nticks=4)
    figure.update_layout(meta={"title": t("predict.distance", lang)})
    return figure


def by_token(found: Foresight, values: np.ndarray) -> np.ndarray:
    """Returns values (T-1,), one for each token after the first, by the columns (n+1,): NaN where none is."""
    padded = np.concatenate([[np.nan], values, [np.nan]])
    return padded[found.first - 1 : found.first + found.steps]


def _largest(values: np.ndarray) -> float:
    return min(float(values[np.isfinite(values)].max(initial=0.0)), _MOST)


def _columns(found: Foresight) -> list[int]:
    return list(range(found.first, found.first + found.steps + 1))


def _draw(
    figure: go.Figure, found: Foresight, values: np.ndarray, name: str, hue: str, top: float, theme: str
) -> None:
    """A line over the tokens that were foreseen; what is not finite stands at the top."""
    columns = _columns(found)
    foreseen = [1 < column <= len(found.tokens) for column in columns]
    bad = np.array(foreseen) & ~np.isfinite(values)
    y = np.minimum(np.where(bad, top, values), top)
    figure.add_scatter(x=columns, y=y, name=name, **_style(hue, columns, theme))
    _crosses(figure, [column for column, one in zip(columns, bad, strict=True) if one], top, theme)


def _style(hue: str, steps: list[int], theme: str) -> dict:
    return line(hue, theme) | ({"mode": "lines"} if len(steps) > MAX_MARKERS else {})


def _crosses(figure: go.Figure, steps: list[int], top: float, theme: str) -> None:
    if steps:
        figure.add_scatter(
            x=steps,
            y=[top] * len(steps),
            mode="markers",
            marker={"symbol": "x", "size": 8, "color": HUES[theme]["ink"]},
        )


def _even(figure: go.Figure, found: Foresight, value: float, name: str, theme: str) -> None:
    columns = _columns(found)
    style = line("x", theme, "dot") | {"mode": "lines"}
    figure.add_scatter(x=columns, y=np.full(len(columns), float(value)), name=name, **style)


def _ticks(top: float) -> dict:
    """Ticks from 1 to a value, few enough to read."""
    powers = int(log10(top))
    parts = _TICKS[powers] if powers < len(_TICKS) else (1,)
    every = max(1, -(-powers // 4))
    at = [m * 10.0**n for n in range(0, powers + 1, every) for m in parts if m * 10.0**n <= top * 1.001]
    return {
        "tickvals": at,
        "ticktext": [f"{v:g}" if v < 1e5 else f"10<sup>{log10(v):.0f}</sup>" for v in at],
    }


def _finished(figure: go.Figure, found: Foresight, title: str) -> go.Figure:
    columns = _columns(found)
    tokens = (*found.read, "")[found.first - 1 : found.first + found.steps]
    figure.update_xaxes(**step_axis(columns, tokens))
    figure.update_layout(meta={"title": title, "columns": len(columns)})
    return figure
