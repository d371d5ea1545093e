"""A forecast beside the truth and beside what needs no learning; and why it lags, where it does."""

import plotly.graph_objects as go

from explorer.architectures.forecast import FIRST, Forecast
from explorer.figures.frame import frame
from explorer.figures.palette import HUES
from explorer.figures.signals import line
from explorer.i18n import t

HEIGHT = 340
DOTS = 500
"""Pairs of values that are drawn: more hide each other."""


def forecast_figure(found: Forecast, lang: str, theme: str = "light") -> go.Figure:
    """Returns the last window of held-out time, in the series' units: one step ahead, then a free run."""
    figure = frame(t("forecast.title", lang), theme, height=380)
    rows = slice(max(0, found.known - FIRST), None)
    lines = {
        "truth": (found.truth, "ink", "solid"),
        "last": (found.last, "write", "dot"),
        "season": (found.season, "candidate", "dash"),
        "network": (found.network, "keep", "solid"),
    }
    for name, (values, hue, dash) in lines.items():
        if values is None:
            continue
        label = t(f"forecast.{name}", lang, period=found.period)
        style = line(hue, theme, dash) | {"mode": "lines"}
        figure.add_scatter(
            x=found.time[rows], y=values[rows], name=label, hovertemplate="%{x}: %{y:.3f}", **style
        )
        figure.data[-1].line.width = 3 if name == "network" else 2
    border = float(found.time[found.known]) - 0.5
    figure.add_vline(border, line={"color": HUES[theme]["ink"], "width": 2})
    for name, anchor, shift in (("ahead", "right", -6), ("freely", "left", 6)):
        figure.add_annotation(
            x=border, y=1, yref="paper", yanchor="bottom", xanchor=anchor, xshift=shift,
            text=t(f"forecast.{name}", lang), showarrow=False, font={"size": 14},
        )  # fmt: skip
    figure.update_xaxes(title_text=t("forecast.time", lang), showgrid=False)
    return figure


def lag_figure(found: Forecast, lang: str, theme: str = "light") -> go.Figure:
    """Returns squared errors of the forecast against the truth so many steps back, that of persistence 1."""
    figure = frame(t("forecast.lag", lang), theme, height=HEIGHT)
    nearest = int(found.lag.argmin())
    figure.add_bar(
        x=list(range(len(found.lag))), y=found.lag, showlegend=False, hovertemplate="%{x}: %{y:.3f}",
        marker_color=[HUES[theme]["keep" if k == nearest else "x"] for k in range(len(found.lag))],
    )  # fmt: skip
    figure.update_xaxes(title_text=t("forecast.back", lang), title_font={"size": 15}, dtick=1, showgrid=False)
    return figure


def follows_figure(found: Forecast, lang: str, theme: str = "light") -> go.Figure:
    """Returns what followed each last value, and what was forecast; the dotted line is the value itself."""
    figure = frame(t("forecast.follows", lang), theme, height=HEIGHT)
    every = max(1, len(found.pairs) // DOTS)
    last, follows, said = found.pairs[::every].T
    for name, values, hue, size in (("next", follows, "ink", 4), ("said", said, "keep", 5)):
        figure.add_scatter(
            x=last, y=values, mode="markers", name=t(f"forecast.{name}", lang), hoverinfo="skip",
            marker={"size": size, "color": HUES[theme][hue], "opacity": 0.35 if name == "next" else 0.8},
        )  # fmt: skip
    ends = [float(last.min()), float(last.max())]
    figure.add_scatter(
        x=ends, y=ends, name=t("forecast.same", lang), hoverinfo="skip",
        **(line("write", theme, "dot") | {"mode": "lines"}),
    )  # fmt: skip
    title = t("forecast.last_value", lang)
    figure.update_xaxes(title_text=title, title_font={"size": 15}, showgrid=False)
    return figure
