"""What stands behind "more" on the page of gradients: one further look, chosen by its question."""

from collections.abc import Callable

import plotly.graph_objects as go
import streamlit as st

from explorer.experiment import Experiment
from explorer.figures import analysis as figures
from explorer.figures.arrows import arrows_figure
from explorer.gradients.jacobian import spectra
from explorer.gradients.sizes import clipping
from explorer.gradients.windows import truncation
from explorer.i18n import raised, t
from explorer.lab.arrows import arrows
from explorer.lab.flow import Flow, nudged
from explorer.ui.charts import show_bare
from explorer.ui.state import theme
from explorer.ui.widgets import field

LEADING = ("arrows",)
"""Looks that stand before the stage: the whole of what it goes through step by step."""


def more(experiment: Experiment, flow: Flow, lang: str) -> None:
    """Draws one further look at the gradient, chosen by its question."""
    with st.columns([1, 1])[0]:
        field("look", experiment, lang)
    if experiment.look:
        _DRAW[experiment.look](experiment, flow, lang)


def _context(flow: Flow) -> dict:
    return {"tokens": [token.label for token in flow.tokens], "first_step": flow.first_step}


def _show(figure: go.Figure, name: str, note: str, lang: str) -> None:
    st.plotly_chart(figure, key=name, theme=None)
    st.markdown(t(f"analysis.{note}_note", lang))


def _arrows(experiment: Experiment, flow: Flow, lang: str) -> None:
    found = arrows(flow.chosen)
    figure = arrows_figure(found, lang=lang, theme=theme(), **_context(flow))
    show_bare(figure, "arrows")
    said = t("arrows.note_recurrent" if found.carried else "arrows.note_forward", lang)
    if found.carried and found.weights is not None:
        said = f"{said} {t('arrows.note_weights', lang, norm=raised(f'{found.weights:.2g}'))}"
    st.markdown(said)


def _why(experiment: Experiment, flow: Flow, lang: str) -> None:
    found = spectra(flow.chosen.trace.layers[0])
    st.markdown(t(f"analysis.{found.sentence}", lang, **found.values))
    _show(figures.spectra_figure(found, lang, theme(), **_context(flow)), "spectra", "spectra", lang)


def _eigenvalues(experiment: Experiment, flow: Flow, lang: str) -> None:
    found = spectra(flow.chosen.trace.layers[0])
    step = _local_step(experiment, flow)
    figure = figures.eigenvalue_figure(found, lang, theme(), step=step, first_step=flow.first_step)
    _show(figure, "eigenvalues", "eigenvalues", lang)


def _nudge(experiment: Experiment, flow: Flow, lang: str) -> None:
    with st.columns([1, 2])[0]:
        field("nudge_unit", experiment, lang)
    found = nudged(flow.chosen, _local_step(experiment, flow), experiment.nudge_unit)
    if found is not None:
        figure = figures.nudge_figure(found, lang, theme(), first_step=flow.first_step)
        _show(figure, "nudge", "nudge", lang)


def _weights(experiment: Experiment, flow: Flow, lang: str) -> None:
    layer = flow.chosen.gradient.layers[0]
    _show(figures.weights_figure(layer, lang, theme(), **_context(flow)), "weights", "weights", lang)


def _truncation(experiment: Experiment, flow: Flow, lang: str) -> None:
    with st.columns([1, 2])[0]:
        field("window", experiment, lang)
    chosen = flow.chosen
    shown = min(experiment.window, flow.steps)
    found = truncation(chosen.trace.layers[0], chosen.entering, shown=shown)
    _show(figures.mask_figure(found, lang, theme(), **_context(flow)), "mask", "mask", lang)
    _show(figures.truncation_figure(found, lang, theme()), "truncation", "truncation", lang)


def _clipping(experiment: Experiment, flow: Flow, lang: str) -> None:
    with st.columns([1, 2])[0]:
        field("clip", experiment, lang)
    found = clipping(flow.chosen.gradient, experiment.clip, flow.chosen.around)
    _show(figures.clipping_figure(found, lang, theme(), **_context(flow)), "clipping", "clipping", lang)


def _local_step(experiment: Experiment, flow: Flow) -> int:
    """The step where the user stands, counted from the first shown."""
    return max(1, min(flow.steps, experiment.step - flow.first_step + 1))


_DRAW: dict[str, Callable[[Experiment, Flow, str], None]] = {
    "arrows": _arrows,
    "why": _why,
    "eigenvalues": _eigenvalues,
    "nudge": _nudge,
    "weights": _weights,
    "truncation": _truncation,
    "clipping": _clipping,
}
