"""What the page says of a walk: notices, what to try, how the weights were learned, the badge of truth."""

from typing import Any

import streamlit as st

from explorer.cells import CELLS
from explorer.experiment import Experiment
from explorer.i18n import t
from explorer.lab.learned import notation_for
from explorer.lab.walk import Walk, clearest_unit
from explorer.ui import compute, state
from explorer.ui.text import say

Problems = tuple[tuple[str, dict[str, Any]], ...]
_GATE = {"weights": "marked", "hidden": "32", "seed": "0"}
_SENTENCE = {"weights": "lecture", "hidden": "16", "step": "1"}


def notices(walk: Walk, lang: str) -> None:
    """Says what could not be done as asked."""
    experiment = walk.experiment
    if experiment.init == "identity" and experiment.cell != "rnn_relu":
        state.notice("identity_relu")
    say_all(walk.problems, lang)


def say_all(problems: Problems, lang: str) -> None:
    """Says what the session noticed and what a walk or flow could not do."""
    for sentence, values in [*st.session_state["notices"], *problems]:
        say(sentence, lang, values)


def try_line(experiment: Experiment, lang: str) -> None:
    """Draws the one line that says what to try, and the way to the gate that visibly works."""
    marked = experiment.weights == "marked"
    words, way = st.columns([4.2, 1], vertical_alignment="center")
    words.markdown(t("ui.try_marked" if marked else f"ui.try_{CELLS[experiment.cell].family}", lang))
    if marked:
        way.button(t("ui.try_back", lang), on_click=state.apply, args=(_SENTENCE,), width="stretch")
        return
    way.button(t("ui.try_gate", lang), on_click=_show_gate, args=(experiment, lang), width="stretch")


def _show_gate(experiment: Experiment, lang: str) -> None:
    """Sets the page to the marked numbers, standing at a mark and the unit whose gate opens most there."""
    cell = {} if CELLS[experiment.cell].write else {"cell": "lstm"}
    asked, _ = experiment.with_changes(_GATE | cell)
    place = clearest_unit(compute.walked(asked, notation_for(asked, lang)).runs[0])
    step, unit = place or (1, 1)
    state.apply(_GATE | cell | {"step": str(step), "unit": str(unit)})


def truth(walk: Walk, lang: str) -> None:
    """Draws the badge of truth and how the weights came to be."""
    badge = t("ui.badge", lang, reference=f"`{walk.reference}`", error=f"`{walk.error:.1e}`")
    st.caption(f":material/verified: {badge}", help=t("ui.badge_help", lang))
    for fit in walk.fits:
        if fit is None:
            st.caption(t("ui.fit_untrained", lang, seed=walk.experiment.seed))
            continue
        values = {"steps": fit.steps, "seconds": f"{fit.seconds:.2f}"}
        if fit.task in ("race", "file"):
            st.caption(t(f"ui.fit_{fit.task}", lang, **values))
            continue
        if fit.task == "adding":
            line = t("ui.fit_adding", lang, loss=f"{fit.loss:.4f}", **values)
        else:
            line = t("ui.fit_language", lang, right=fit.right, total=fit.total, **values)
            if fit.possible != fit.total:
                line += " " + t("ui.fit_limit", lang, possible=fit.possible)
        st.caption(line if fit.passed else f"{line} {t('ui.fit_failed', lang)}")
