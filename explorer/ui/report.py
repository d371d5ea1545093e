"""What the page says of a walk: notices, how the weights were learned, the badge of truth."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from explorer.checks.coverage import TOPICS
from explorer.checks.live import PointsError
from explorer.data.corpora import sentences_of
from explorer.experiment import Experiment
from explorer.i18n import raised, t
from explorer.lab.learned import new_tokens
from explorer.lab.walk import Walk
from explorer.labels import label
from explorer.nn.references import reference_name
from explorer.ui import compute, state
from explorer.ui.text import say

LISTED = 8
"""New words that are named: more are a line of their own."""

Problems = tuple[tuple[str, dict[str, Any]], ...]


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


def taught(experiment: Experiment, lang: str) -> bool:
    """Says which tokens the examples do not have and whether they were learned, and offers the other.

    Returns whether there was something to say.
    """
    new = new_tokens(experiment)
    if not new:
        return False
    learns = experiment.unknown == "learn"
    fit = compute.learned(experiment.model_part()).fit
    values = {"n": len(new), "tokens": _listed(new), "count": len(sentences_of(experiment.weights))}
    if learns and fit is not None:
        values |= {"steps": fit.steps, "right": fit.right, "total": fit.total}
    with st.container(horizontal=True, vertical_alignment="center", key="taught"):
        st.text(t(f"taught.{experiment.unknown}", lang, **values), width="stretch")
        other = "unk" if learns else "learn"
        st.button(t(f"taught.choose_{other}", lang), on_click=state.apply, args=({"unknown": other},))
    return True


def _listed(tokens: Sequence[str]) -> str:
    shown = ", ".join(label(token) for token in tokens[:LISTED])
    return f"{shown}, …" if len(tokens) > LISTED else shown


def _covered(walk: Walk, lang: str) -> str:
    """What the badge speaks for: the runs on the stage, and each change."""
    said = t(f"ui.covers_{walk.mode}", lang)
    if walk.changed:
        what = ", ".join(t(f"ui.change_{name}", lang) for name in walk.changed)
        said += " " + t("ui.covers_changes", lang, what=what)
    return said


def truth(walk: Walk, lang: str) -> None:
    """Draws the badge of truth and how the weights came to be."""
    badge = t("ui.badge", lang, reference=f"`{walk.reference}`", error=raised(f"{walk.error:.1e}"))
    st.caption(f":material/verified: {badge} {_covered(walk, lang)}", help=t("ui.badge_help", lang))
    elsewhere("step", lang, ("cells", "changes") if walk.changed else ("cells",))
    for fit in walk.fits:
        if fit is None:
            st.caption(t("ui.fit_untrained", lang, seed=walk.experiment.seed))
            continue
        values = {"steps": fit.steps, "seconds": f"{fit.seconds:.2f}"}
        if fit.task in ("race", "file", "own"):
            st.caption(t(f"ui.fit_{fit.task}", lang, **values))
            continue
        if fit.task == "adding":
            line = t("ui.fit_adding", lang, loss=f"{fit.loss:.4f}", **values)
        else:
            line = t("ui.fit_language", lang, right=fit.right, total=fit.total, **values)
            if fit.possible != fit.total:
                line += " " + t("ui.fit_limit", lang, possible=fit.possible)
        st.caption(line if fit.passed else f"{line} {t('ui.fit_failed', lang)}")


def elsewhere(page: str, lang: str, now: tuple[str, ...] = ()) -> None:
    """Says what of a page only `verify` holds against something independent: all but what is checked now."""
    topics = [topic.key for topic in TOPICS if page in topic.pages and topic.key not in now]
    st.caption(t("verified.elsewhere", lang, topics="; ".join(t(f"verified.{key}", lang) for key in topics)))


def gradients_checked(error: float | None, lang: str) -> None:
    """Draws the badge of a page of gradients: those on the screen against autograd."""
    if error is None:
        st.caption(t("verified.now_flow_not_finite", lang))
    else:
        st.caption(f":material/verified: {t('verified.now_flow', lang, error=raised(f'{error:.1e}'))}")
    elsewhere("gradients", lang)


def points_checked(cell: str, error: PointsError | None, lang: str) -> None:
    """Draws the badge of fixed points: those on the screen put into PyTorch's cell again."""
    if error is None:
        return
    values = {"moved": raised(f"{error.moved:.1e}"), "error": raised(f"{error.jacobian:.1e}")}
    said = t("verified.now_points", lang, reference=f"`{reference_name(cell)}`", **values)
    st.caption(f":material/verified: {said}")
