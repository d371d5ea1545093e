"""What stays of a race: its kept steps opened on the other pages, and its files."""

import json
from collections.abc import Mapping

import streamlit as st

from explorer.data.sources import Source
from explorer.experiment import LAST_MOMENT, Experiment
from explorer.i18n import t
from explorer.text import join, plain
from explorer.training import folder as files
from explorer.training.race import Race
from explorer.training.results import Result, table
from explorer.ui import compute, models, state
from explorer.ui.board import jobs
from explorer.ui.files import download
from explorer.ui.stage import stage
from explorer.ui.train.choices import racer_label

OPENS = {
    "step": {},
    "gradients": {},
    "language": {},
    "dynamics": {"scene": "network", "held": "", "second": "", "point": "0"},
}
"""The pages on which a network opens, and what else each is asked for."""


def open_buttons(changes: Mapping[str, str], lang: str) -> None:
    """The way to the other pages, with some fields set."""
    with st.container(horizontal=True):
        for page, own in OPENS.items():
            label, both = t("train.open_in", lang, page=t(f"page.{page}", lang)), {**changes, **own}
            if st.button(label, key=f"open_{page}_{bool(changes)}", on_click=state.apply, args=(both,)):
                shown = state.at_card(st.session_state["experiment"], page)
                st.switch_page(f"pages/{page}.py", query_params=state.address(shown))


def travel(race: Race, source: Source, found: tuple[Result, ...], lang: str) -> None:
    """The kept steps of one racer: opens the network as it was then on the other pages."""
    folder = jobs().folder(race.key)
    assert folder is not None
    st.markdown(f"#### {t('train.travel', lang)}")
    who, when = st.columns([1.6, 3], vertical_alignment="bottom")
    with who:
        chosen = st.selectbox(
            t("train.whose", lang),
            range(len(found)),
            format_func=lambda k: racer_label(found[k].name, lang),
            key="travel_racer",
        )
    kept = files.kept_in(folder, chosen)
    run = race.runs[chosen]
    if not kept:
        return
    with when:
        moment = st.select_slider(
            t("train.moment", lang), kept, value=kept[-1], key=f"travel_{chosen}_{race.key}"
        )
    ways = [_way_to(run, source) for run in race.runs]
    for k, way in enumerate(ways):
        label = models.label_of(racer_label(race.names[k], lang), run.data, "trained", lang)
        models.remember(f"{race.key}.{k}", label, way)
    place = {"weights": "model", "model": f"{race.key}.{chosen}", "moment": str(moment)}
    _look_inside({**ways[chosen], **place}, lang)
    _downloads(race, source, found, chosen, moment, lang)


def _way_to(run: Experiment, source: Source) -> dict[str, str]:
    """The fields that show a run's network over a sequence not trained on, or over a text of one's own."""
    changes = {
        "cell": run.cell,
        "units": run.token_level,
        "moment": str(LAST_MOMENT),
        "step": "1",
        "start": "1",
        "level": "1",
        "hidden": str(run.hidden),
    }
    if source.vocabulary:
        changes["text"] = run.text if run.data == "yours" else join(source.labels, run.token_level)
    return changes


def _look_inside(changes: Mapping[str, str], lang: str) -> None:
    """The chosen network at the chosen moment: its gates and states, or its gradient, on the stage."""
    seen, ways = st.columns([2, 2.4], vertical_alignment="center")
    kind = seen.segmented_control(
        t("train.look", lang),
        ("step", "gradients"),
        key="travel_look",
        default="step",
        format_func=lambda name: t(f"train.look_{name}", lang),
        label_visibility="collapsed",
    )
    with ways:
        open_buttons(changes, lang)
    asked, _ = Experiment().with_changes(changes)
    display = asked.display(lang)
    if kind == "step":
        stage(compute.packed(asked, display), "step", asked)
    elif kind == "gradients":
        stage(compute.packed_flow(asked, display), "gradients", asked)


def _downloads(
    race: Race, source: Source, found: tuple[Result, ...], racer: int, moment: int, lang: str
) -> None:
    left, middle, right, _ = st.columns([1.4, 1.4, 1.6, 2])
    rows = [(r.name, *row) for r in found for row in zip(*table(r, source).values(), strict=True)]
    head = ["racer", *table(found[0], source)]
    lines = [",".join(map(_cell, row)) for row in (head, *rows)]
    with left:
        download(t("train.csv", lang), "\n".join(lines) + "\n", "race.csv", "text/csv", width="stretch")
    record = {
        "race": json.loads(race.to_json()),
        "results": {r.name: table(r, source) | {"status": r.status} for r in found},
    }
    with middle:
        download(
            t("train.json", lang), json.dumps(plain(record)), "race.json", "application/json", width="stretch"
        )
    with right:
        download(
            t("train.model", lang),
            lambda: compute.bundle(race.key, racer, moment),
            f"{race.runs[racer].cell}-{moment}.safetensors",
            "application/octet-stream",
            width="stretch",
        )


def _cell(value: object) -> str:
    return "" if isinstance(value, float) and value != value else str(value)
