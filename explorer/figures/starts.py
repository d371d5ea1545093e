"""How long a start is felt: the distance of a run from the one that starts from zeros, step by step."""

import numpy as np
import plotly.graph_objects as go

from explorer.figures.decades import Decades, powers
from explorer.figures.frame import frame
from explorer.i18n import t
from explorer.lab.starts import ROUNDING, Starts

STYLES = {
    "random": ("write", "dot"),
    "learned": ("candidate", "dash"),
    "carried": ("keep", "solid"),
    "cleared": ("x", "longdash"),
}
"""The hue and the dash of each start."""


def starts_figure(starts: Starts, chosen: str, lang: str, theme: str = "light") -> go.Figure:
    """Returns ||s_t - s'_t|| by step, a panel for each state, the chosen start bold.

    A line ends where the runs are as near as rounding lets them be.
    """
    panels = [f"‖<i>{s}</i><sub>t</sub> − <i>{s}</i>′<sub>t</sub>‖" for s in starts.states]
    figure = frame(t("starts.title", lang), theme, panels, height=330)
    for column, state in enumerate(starts.states, 1):
        lines = {start.kind: _line(start.distance[state]) for start in starts.starts}
        scale = Decades.over(lines.values())
        for kind, power in lines.items():
            hue, dash = STYLES[kind]
            name, place = t(f"option.begin.{kind}", lang), {"row": 1, "col": column}
            scale.draw(
                figure, range(len(power)), power, name, hue, theme, dash, place, column == 1, markers=False
            )
            figure.data[-1].line.width = 4 if kind == chosen else 2
        figure.update_yaxes(**scale.axis(), col=column)
    figure.update_xaxes(title_text=t("shapes.step", lang), showgrid=False, rangemode="tozero")
    return figure


def _line(distance: np.ndarray) -> np.ndarray:
    """The logarithm of a distance up to where it is rounding."""
    far = np.flatnonzero(~(distance <= ROUNDING * np.nanmax(distance)))
    return powers(distance[: far[-1] + 1]) if far.size else powers(distance[:1])
