"""What follows a memory transplant: next-token probabilities, one small chart per state carried."""

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from explorer.figures.palette import FONTS, HUES
from explorer.figures.signals import state_hue
from explorer.i18n import t
from explorer.lab.walk import Outcome
from explorer.labels import plot_label


def carry_name(carry: str, lang: str) -> str:
    """Returns what a transplant carries over, in words: one state alone, or several."""
    return t("ui.carry_one", lang, state=carry) if len(carry) == 1 else ", ".join(carry)


def _hue(carry: str) -> str:
    """Nothing carried stands in the hue of the input, a state in its own, all of them in another."""
    return state_hue(carry) if len(carry) == 1 else "candidate" if carry else "x"


def outcomes_figure(outcomes: Sequence[Outcome], lang: str, theme: str = "light") -> go.Figure:
    """Returns bars of the most probable next tokens, 0 to 100 %, a panel per choice of what is carried."""
    titles = [t("ui.transplant_own", lang), *(carry_name(o.carry, lang) for o in outcomes[1:])]
    figure = make_subplots(1, len(outcomes), subplot_titles=titles, horizontal_spacing=0.08)
    for column, outcome in enumerate(outcomes, 1):
        rows = list(range(len(outcome.labels)))
        figure.add_bar(
            x=outcome.probabilities,
            y=rows,
            orientation="h",
            marker_color=HUES[theme][_hue(outcome.carry)],
            text=[f"{p:.0%}" for p in outcome.probabilities],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="skip",
            row=1,
            col=column,
        )
        figure.update_yaxes(
            tickvals=rows, ticktext=[plot_label(name) for name in outcome.labels], autorange="reversed",
            row=1, col=column,
        )  # fmt: skip
    figure.update_xaxes(range=[0, 1.15], tickvals=[0, 0.5, 1], tickformat=".0%", fixedrange=True)
    figure.update_yaxes(fixedrange=True)
    figure.update_layout(
        title=t("ui.transplant_result", lang),
        template="plotly_white" if theme == "light" else "plotly_dark",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        showlegend=False,
        height=280,
        font={"size": 15, "color": HUES[theme]["ink"], "family": FONTS},
        margin={"l": 10, "r": 20, "t": 80, "b": 10},
    )
    return figure
