"""LSTM or GRU by the number of sentences to learn from: how many networks solve it, and how sure that is."""

from collections.abc import Sequence
from dataclasses import replace
from math import log10
from typing import NamedTuple

import plotly.graph_objects as go

from explorer.architectures.amount import BASE, Amount
from explorer.exact import interval, spread
from explorer.figures.counts import counted
from explorer.figures.frame import frame
from explorer.figures.race import RacerLook, looks
from explorer.i18n import t
from explorer.training.race import race_of

_APART = 0.025
"""Rivals stand side by side at one number of sentences, this far apart on the axis."""


class _Point(NamedTuple):
    """A value with its bounds, and what is said of it."""

    value: float
    low: float
    high: float
    said: str


def rivals(lang: str) -> tuple[RacerLook, ...]:
    """Returns how the rivals look and what they are called."""
    return looks(race_of(replace(BASE, sentences=1)), lang)


def amount_figure(found: Amount, quantity: str, lang: str, theme: str = "light") -> go.Figure:
    """Returns `solved` or `nats` by the number of sentences, at equal units and at equal weights.

    solved: the share of seeds, its line the exact interval of 95 %. nats: medians, the lines a band of seeds.
    """
    panels = [t(f"amount.{match}", lang) for match in found.matches]
    figure = frame(t(f"amount.{quantity}", lang), theme, panels)
    for column, match in enumerate(found.matches, 1):
        for look in rivals(lang):
            tried = [count for count in found.counts if found.solved(look.name, match, count)[1]]
            points = [_point(found, look.name, match, count, quantity, lang) for count in tried]
            at = [log10(count) + _APART * (look.index - 1.5) for count in tried]
            _line(figure, look, at, points, theme, column)
    figure.update_xaxes(
        tickvals=[log10(count) for count in found.counts],
        ticktext=[f"{count:,}" for count in found.counts],
        title_text=t("amount.count", lang),
    )
    if quantity == "solved":
        figure.update_yaxes(range=[-0.04, 1.04], tickformat=".0%")
    figure.update_yaxes(matches="y")
    return figure


def _point(found: Amount, name: str, match: str, count: int, quantity: str, lang: str) -> _Point:
    if quantity == "solved":
        hits, seeds = found.solved(name, match, count)
        low, high = interval(hits, seeds)
        return _Point(hits / seeds, low, high, counted(hits, seeds, lang))
    middle, low, high = spread(found.values(name, match, count, quantity))
    return _Point(middle, low, high, f"{middle:.3f}")


def _line(
    figure: go.Figure, look: RacerLook, at: Sequence[float], points: Sequence[_Point], theme: str, column: int
) -> None:
    colour = look.colour(theme)
    figure.add_scatter(
        x=at,
        y=[point.value for point in points],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [point.high - point.value for point in points],
            "arrayminus": [point.value - point.low for point in points],
            "width": 3,
            "thickness": 1.5,
        },
        name=look.label,
        mode="lines+markers",
        line={"color": colour, "width": 2.5, "dash": look.dash},
        marker={"size": 9, "symbol": look.marker},
        customdata=[point.said for point in points],
        hovertemplate="%{customdata}",
        showlegend=column == 1,
        row=1,
        col=column,
    )
