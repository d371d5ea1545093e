"""LSTMs with a part switched off: the error of each over training, median and band over seeds."""

from math import log10

import plotly.graph_objects as go

from explorer.figures.frame import frame
from explorer.figures.palette import GRID, HUES
from explorer.figures.race import looks
from explorer.i18n import t
from explorer.training.bands import Shipped
from explorer.training.race import Race


def variants_figure(
    race: Race, known: Shipped, chosen: int, baseline: float, goal: float, lang: str, theme: str = "light"
) -> go.Figure:
    """Returns the held-out error by step, log y: medians of all racers, the band of the chosen one."""
    figure = frame(t("variants.error", lang), theme, height=430)
    for look in looks(race, lang):
        band = known.bands[look.name]
        colour = look.colour(theme)
        if look.index == chosen:
            around = [*band["high"], *band["low"][::-1]]
            figure.add_scatter(
                x=[*band["step"], *band["step"][::-1]], y=around, fill="toself", fillcolor=colour,
                opacity=0.18, line={"width": 0}, mode="lines", hoverinfo="skip", showlegend=False,
            )  # fmt: skip
        figure.add_scatter(
            x=band["step"],
            y=band["median"],
            name=look.label,
            mode="lines",
            line={"color": colour, "width": 4 if look.index == chosen else 2, "dash": look.dash},
            hovertemplate="%{x}: %{y:.3g}",
        )
    for value, key in ((baseline, "variants.baseline"), (goal, "variants.goal")):
        figure.add_hline(value, line={"color": HUES[theme]["x"], "width": 1, "dash": "dot"})
        figure.add_annotation(
            text=t(key, lang),
            x=1,
            xref="paper",
            xanchor="right",
            y=log10(value),  # an annotation wants the power, a line does not
            yanchor="bottom",
            showarrow=False,
            font={"size": 13},
        )
    figure.update_xaxes(title_text=t("variants.step", lang), gridcolor=GRID[theme])
    figure.update_yaxes(type="log", dtick=1, title_text=t("variants.mse", lang))
    return figure
