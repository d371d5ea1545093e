"""Figures of single units: how often each one's gates are saturated."""

import plotly.graph_objects as go

from explorer.cells import CELLS
from explorer.experiment import Display
from explorer.figures.palette import HUES
from explorer.figures.signals import layout
from explorer.i18n import t
from explorer.language.units import Units

_SYMBOLS = ("circle", "square", "diamond", "triangle-up")


def saturation_figure(units: Units, display: Display) -> go.Figure:
    """Returns a point for each unit and gate: share of tokens under .1 across, over .9 up.

    After Karpathy, Johnson & Li 2015, figure 2. What lecture notation turns round is open where it was
    shut. One trace for each gate, its points in the order of the
    units; no trace for a cell without gates.
    """
    spec, lang, theme = CELLS[units.cell], display.lang, display.theme
    figure = go.Figure(layout=layout(theme))
    for symbol, marker in zip(spec.gates, _SYMBOLS, strict=False):
        hue = spec.roles[symbol].hue
        shut, opened = units.shut[symbol], units.open[symbol]
        if symbol in display.flips(spec):
            shut, opened = opened, shut
        figure.add_scatter(
            x=shut.tolist(),
            y=opened.tolist(),
            name=symbol,
            mode="markers",
            marker={"color": HUES[theme][hue], "size": 8, "symbol": marker, "opacity": 0.75},
            meta={"hue": hue, "gate": symbol},
        )
    ticks = {"range": [-0.04, 1.04], "tickvals": [0, 0.5, 1], "ticktext": ["0", "50 %", "100 %"]}
    figure.update_xaxes(**ticks, title={"text": t("units.shut", lang), "standoff": 4}, showgrid=True)
    figure.update_yaxes(**ticks, title={"text": t("units.open", lang), "standoff": 4}, showgrid=True)
    figure.update_layout(
        meta={"title": t("units.saturation", lang)}, margin={"l": 4, "r": 26, "t": 4, "b": 46}
    )
    return figure
