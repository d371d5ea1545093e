"""The view `cost`: weights, multiplications and time of the three cells, measured now."""

import streamlit as st

from explorer.architectures import cost
from explorer.architectures.cost import ROUNDS, ROWS, STEPS, Cost
from explorer.architectures.timing import Ratio, ratio
from explorer.experiment import Experiment
from explorer.figures.cost import cost_figure
from explorer.i18n import t
from explorer.limits import EMBEDDING
from explorer.stage.charts import build_charts, cost_charts
from explorer.ui.aside import aside
from explorer.ui.charts import drawn
from explorer.ui.stage import shows
from explorer.ui.state import theme


@st.cache_resource(max_entries=16, show_spinner=False)
def _costs(hidden_size: int) -> tuple[Cost, ...]:
    return aside(cost.costs, EMBEDDING, hidden_size)


def draw(experiment: Experiment, lang: str) -> None:
    """Draws four panels of bars and what follows from these numbers."""
    words, way = st.columns([4.2, 1], vertical_alignment="center")
    sizes = {"inputs": EMBEDDING, "hidden": experiment.hidden, "rows": ROWS, "steps": STEPS}
    words.caption(t("cost.sizes", lang, **sizes))
    if way.button(t("cost.again", lang), key="measure_cost", width="stretch"):
        _costs.clear()
    found = _costs(experiment.hidden)
    shows("architectures", experiment, lambda: build_charts(cost_charts(found), lang))
    st.plotly_chart(drawn(cost_figure, found, lang, theme()), key="cost", theme=None)
    _, lstm, gru = found
    counted = {
        "weights": f"{gru.parameters / lstm.parameters:.2f}",
        "work": f"{gru.multiplications / lstm.multiplications:.2f}",
    }
    st.markdown(t("cost.counted", lang, **counted))
    for name in ("forward", "training"):
        st.markdown(
            "- " + compared(f"cost.{name}_ratio", ratio(getattr(gru, name), getattr(lstm, name)), lang)
        )
    st.caption(t("cost.rounds", lang, rounds=ROUNDS) + " " + t("cost.note", lang))


def compared(key: str, found: Ratio, lang: str, **named: str) -> str:
    """Says how many times as long something takes, and which is quicker only where the rounds agree."""
    values = {name: f"{getattr(found, name):.2g}" for name in ("median", "low", "high")}
    verdict = t("cost.clear" if found.clear else "cost.unclear", lang, **values)
    return f"{t(key, lang, **named)} {verdict}"
