"""The frame of a figure that stands alone on a page, drawn by the server."""

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from explorer.figures.palette import FONTS, GRID, HUES

HEIGHT = 400


def frame(title: str, theme: str, panels: Sequence[str] = (), height: int = HEIGHT) -> go.Figure:
    """Returns an empty figure: title, legend under it, panels side by side, nothing to drag."""
    figure = make_subplots(1, max(len(panels), 1), subplot_titles=panels or None, horizontal_spacing=0.11)
    ink, top = HUES[theme]["ink"], 124 if panels else 110
    figure.update_annotations(font={"size": 15, "color": ink})
    figure.update_layout(
        template="plotly_white" if theme == "light" else "plotly_dark",
        title={
            "text": title,
            "x": 0,
            "xref": "paper",
            "y": 1 - 16 / height,
            "font": {"size": 18},
        },
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"size": 15, "color": ink, "family": FONTS},
        height=height,
        margin={"l": 16, "r": 16, "t": top, "b": 16},
        legend={
            "orientation": "h",
            "x": 0,
            "yref": "container",
            "y": 1 - 36 / height,
            "yanchor": "top",
            "font": {"size": 14},
        },
        showlegend=True,
        dragmode=False,
        bargap=0.2,
    )
    figure.update_xaxes(fixedrange=True, automargin=True, gridcolor=GRID[theme], zeroline=False)
    figure.update_yaxes(fixedrange=True, automargin=True, gridcolor=GRID[theme], zeroline=False)
    return figure
