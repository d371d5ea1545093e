"""A packed batch: the grid that is read column by column, and what reading the pads changes."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.architectures.packing import Packing
from explorer.figures.drawing import Drawing
from explorer.figures.frame import frame
from explorer.figures.palette import EMPTY, GRID, HUES, magnitude_scale
from explorer.i18n import t
from explorer.labels import plot_label

HALF, LOW = 0.46, 0.42
"""Half of a box's width and height; boxes are 1 apart."""


def grid_of_packing(found: Packing, sentences: Sequence[str], lang: str, theme: str = "light") -> go.Figure:
    """Returns the batch, the longest sequence on top: each word with its place in `data`, pads dotted.

    Below each column is its entry of `batch_sizes`; the frame around a column is what is read at once.
    """
    rows, steps = found.place.shape
    figure = frame(t("packing.grid", lang, read=found.read, padded=found.padded), theme, height=300)
    hues, drawing = HUES[theme], Drawing()
    for y, (row, places) in enumerate(zip(found.rows, found.place, strict=True)):
        words = [*sentences[row].split(), *[t("packing.pad", lang)] * steps]
        drawing.text(-0.6, y, f"x[{row}]", hues["x"], 14, "right")
        for x, place in enumerate(places):
            pad = place < 0
            fill, dash = ("rgba(0,0,0,0)", "dot") if pad else (EMPTY[theme], "solid")
            drawing.box((x - HALF, x + HALF), (y - LOW, y + LOW), GRID[theme], 1.5, fill, dash)
            said = plot_label(words[x])
            named = said if pad else f"{said}<br>data[{place}]"
            drawing.text(x, y, named, hues["x" if pad else "ink"], 13)
    for x, size in enumerate(found.batch_sizes):
        drawing.box((x - 0.49, x + 0.49), (-0.47, int(size) - 0.53), hues["keep"], 3, layer="above")
        drawing.text(x, rows - 0.3, str(size), hues["keep"], 15)
    drawing.text(-0.6, rows - 0.3, "batch_sizes", hues["keep"], 14, "right")
    drawing.put_on(figure)
    figure.update_layout(showlegend=False, hovermode=False, margin={"l": 0, "r": 0, "t": 46, "b": 0})
    figure.update_xaxes(visible=False, range=[-1.75, steps - 0.4])
    figure.update_yaxes(visible=False, range=[rows + 0.05, -0.6])
    return figure


def packing_figure(found: Packing, lang: str, theme: str = "light") -> go.Figure:
    """Returns ||h - h*|| / ||h*|| of the padded run's states off the packed by direction, step and row."""
    panels = [t(f"packing.{way}", lang) for way in ("forward", "backward")]
    figure = frame(t("packing.off", lang), theme, panels, height=290)
    steps = found.place.shape[1]
    top = float(np.nanmax([found.forward, found.backward]))
    for column, values in enumerate((found.forward, found.backward), 1):
        figure.add_heatmap(
            z=values, zmin=0, zmax=top, colorscale=magnitude_scale(theme), showscale=False, xgap=3, ygap=3,
            text=[["" if np.isnan(v) else f"{100 * v:.0f} %" for v in row] for row in values],
            texttemplate="%{text}", textfont={"size": 14}, hoverinfo="skip", row=1, col=column,
        )  # fmt: skip
        figure.add_vline(steps - 0.5, line={"color": HUES[theme]["ink"], "width": 2}, row=1, col=column)
    figure.update_xaxes(
        tickvals=list(range(steps + 1)), ticktext=[*map(str, range(1, steps + 1)), "h_n"], showgrid=False
    )
    figure.update_xaxes(title_text=t("shapes.step", lang))
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_yaxes(
        tickvals=list(range(len(found.rows))), ticktext=[f"x[{row}]" for row in found.rows], col=1
    )
    figure.update_yaxes(showticklabels=False, col=2)
    figure.update_layout(margin={"t": 84}, showlegend=False)
    return figure
