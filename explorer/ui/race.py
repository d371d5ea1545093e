"""The training page around its live view: the race's choices, its start, what came of it, the way on."""

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.data.sources import Source, Unusable
from explorer.experiment import END, Experiment
from explorer.figures.race import looks
from explorer.i18n import t
from explorer.lab.learned import notation_for
from explorer.limits import MAX_TEXT
from explorer.stage.race import build_race, facts_of
from explorer.text import Refused, clean, decode, join, plain
from explorer.training import folder as files
from explorer.training.bands import shipped_of
from explorer.training.jobs import QueueFullError
from explorer.training.race import Race, RacerError, preset_changes, preset_of, presets, race_of, racer, split
from explorer.training.results import Result, over, results, table, verdict
from explorer.training.store import load_bundle
from explorer.ui import compute, models, state
from explorer.ui.races import jobs
from explorer.ui.stage import stage
from explorer.ui.text import say
from explorer.ui.widgets import field

RACERS = (
    "rnn",
    "rnn init=orthogonal rate=0.001",
    "rnn_relu init=identity_u rate=0.003",
    "lstm",
    "lstm bias=fixed keep_bias=1",
    "lstm bias=fixed keep_bias=3",
    "lstm bias=chrono",
    "lstm_peephole",
    "lstm_coupled",
    "lstm_no_forget",
    "gru",
    "gru_reset_before",
)
"""Racers on offer; others can be typed."""


def racer_label(name: str, lang: str) -> str:
    """Returns a racer as people read it: its cell, and what is its own."""
    try:
        alone = Race((name,), (racer(name, Experiment()),))
    except RacerError:
        return name
    return looks(alone, lang)[0].label


def choices(experiment: Experiment, lang: str) -> DeltaGenerator:
    """Draws what to try, the presets and the choices of a race; returns the place for its start."""
    words, place = st.columns([3, 2], vertical_alignment="center")
    words.markdown(t("train.try", lang))
    _presets(experiment, lang)
    data, length, racers, more = st.columns([2.1, 0.75, 4.3, 0.85], vertical_alignment="bottom", gap="small")
    with data:
        field("data", experiment, lang)
    with length:
        field("length", experiment, lang)
    with racers:
        _racers(experiment, lang)
    with more, st.popover(t("ui.more", lang), width="stretch"):
        _more(experiment, lang)
    return place


def _presets(experiment: Experiment, lang: str) -> None:
    st.session_state["preset"] = preset_of(experiment)
    st.pills(
        t("train.presets", lang),
        list(presets()),
        key="preset",
        format_func=lambda name: t(f"preset.{name}", lang),
        on_change=_take_preset,
        label_visibility="collapsed",
    )


def _take_preset() -> None:
    name = st.session_state["preset"]
    if name:
        state.apply(preset_changes(name))


def _racers(experiment: Experiment, lang: str) -> None:
    chosen = split(experiment.racers)
    st.session_state["racers"] = chosen
    st.multiselect(
        t("field.racers", lang),
        list(dict.fromkeys([*RACERS, *chosen])),
        key="racers",
        format_func=lambda name: racer_label(name, lang),
        accept_new_options=True,
        on_change=lambda: state.apply({"racers": ";".join(st.session_state["racers"])}),
        help=t("help.racers", lang),
    )


def _more(experiment: Experiment, lang: str) -> None:
    left, right = st.columns(2)
    with left:
        for name in ("size", "match", "layers", "race_seed", "budget", "grammar", "sentences"):
            field(name, experiment, lang)
    with right:
        for name in ("rate", "optimiser", "max_norm", "batch", "truncate"):
            field(name, experiment, lang)


def readable_race(experiment: Experiment, lang: str) -> tuple[Race, Source] | None:
    """Returns the race and its data; where there is none, says why and returns None."""
    try:
        race = race_of(experiment, lang)
        if not race.runs:
            raise RacerError("")
        return race, compute.source_of(race.runs[0])
    except RacerError as bad:
        st.warning(t("train.bad_racer" if str(bad) else "train.no_racer", lang))
        if str(bad):
            st.text(str(bad)[:80])
    except Unusable as refused:
        st.warning(t(f"train.{refused.sentence}", lang, **refused.values))
    return None


def asked(experiment: Experiment, source: Source, lang: str) -> None:
    """Says what the data asks for, how long something must be kept, and what a guess without memory gets."""
    said = [t(f"asks.{experiment.data}", lang)]
    share, loss = f"{100 * source.chance:.0f} %", f"{source.baseline:.3g}"
    if experiment.data not in ("lecture", "yours"):
        said.append(t("train.remember", lang, remember=source.remember))
    if source.metric == "error":
        said.append(t("train.baseline_error", lang, chance=f"{source.chance:.3g}"))
    elif not source.vocabulary:
        said.append(t("train.baseline_accuracy", lang, chance=share, baseline=loss))
    else:
        if experiment.data not in ("lecture", "yours"):
            said.append(t("train.guess", lang, chance=share))
        said.append(t("train.uniform", lang, baseline=loss))
    if source.held_out_is_training:
        said.append(t("train.same", lang))
    st.caption(" ".join(said))


def start(race: Race, lang: str) -> str | None:
    """Draws the way to start the race; returns the key of the stored or running one, if any."""
    board = jobs()
    folder = board.folder(race.key)
    where = None if folder is None else board.state(race.key).state
    ended = "" if folder is None else over(files.events_in(folder))
    begin, again = st.columns(2, gap="small")
    label = "train.go_on" if ended in ("stopped", "killed", "failed") else "train.start"
    begin.button(
        t(label, lang),
        key="start_race",
        type="primary",
        disabled=where not in (None, "over") or ended == "done",
        on_click=_submit,
        args=(race, False),
        width="stretch",
    )
    again.button(
        t("train.again", lang),
        key="race_again",
        disabled=ended == "",
        on_click=_submit,
        args=(race, True),
        width="stretch",
    )
    return race.key if board.folder(race.key) is not None else None


def _submit(race: Race, again: bool) -> None:
    try:
        jobs().submit(race, again)
        st.session_state["take"] = st.session_state.get("take", 0) + 1
    except QueueFullError:
        st.session_state["race_full"] = True


def say_full(lang: str) -> None:
    """Says that the queue is full, if it was."""
    if st.session_state.pop("race_full", False):
        st.warning(t("train.full", lang))


def view(experiment: Experiment, race: Race, source: Source, key: str | None, lang: str) -> dict[str, Any]:
    """Returns what the live view needs: the race's figures and words; key is None until it is started."""
    facts = facts_of(source, t(f"option.data.{experiment.data}", lang))
    take = st.session_state.get("take", 0)
    notation = notation_for(experiment, lang)
    known = shipped_of(race)
    bands = known.bands if known else None
    return build_race(race, facts, key or "", lang, bands, notation=notation, attempt=take)


def after(race: Race, source: Source, lang: str) -> None:
    """Draws what a race that is over has shown, the way to its snapshots, and what can be kept of it."""
    folder = jobs().folder(race.key)
    if folder is None or jobs().state(race.key).state != "over":
        return
    events = files.events_in(folder)
    found = results(events)
    if not found or not over(events):
        return
    st.markdown(f"#### {t('train.verdict', lang)}")
    for sentence, values in verdict(found, source):
        words = {name: _named(name, value, lang) for name, value in values.items()}
        st.markdown("- " + t(f"verdict.{sentence}", lang, **words))
    st.caption(t("train.one_seed", lang))
    _ten_seeds(race, lang)
    _travel(race, source, found, lang)


def _named(name: str, value: Any, lang: str) -> str:
    """Returns a value of a sentence, racers as people read them."""
    if name == "others":
        return ", ".join(racer_label(other, lang) for other in value)
    return racer_label(value, lang) if name in ("name", "first", "quick") else value


def _ten_seeds(race: Race, lang: str) -> None:
    """What ten other seeds did: how many passed, in how many steps."""
    known = shipped_of(race)
    if known is None:
        return
    st.caption(t("train.band", lang, date=known.date, command=known.command))
    columns: dict[str, list[str]] = {
        t(f"train.column_{name}", lang): [] for name in ("racer", "passed", "steps", "seconds")
    }
    for name in race.names:
        passed, of = known.passed[name]
        row = (
            racer_label(name, lang),
            f"{passed} / {of}",
            _pair(known.steps[name]),
            _pair(known.seconds[name]),
        )
        for column, value in zip(columns.values(), row, strict=True):
            column.append(value)
    st.table(columns, hide_index=True)


def _pair(values: tuple[float, float]) -> str:
    return " / ".join(f"{value:,}" for value in values)


def uploads(experiment: Experiment, lang: str) -> None:
    """Draws the ways in: a text of one's own, a network that was kept."""
    text, network = st.columns(2)
    with text:
        raw = st.file_uploader(t("train.text_file", lang), type="txt", key="text_file", max_upload_size=1)
        if raw is not None and raw.file_id != st.session_state.get("text_taken"):
            st.session_state["text_taken"] = raw.file_id
            _take_text(raw.getvalue(), lang)
    with network:
        raw = st.file_uploader(t("train.upload", lang), key="model_file", max_upload_size=5)
        if raw is not None and raw.file_id != st.session_state.get("model_taken"):
            st.session_state["model_taken"] = raw.file_id
            _take_network(raw.getvalue(), lang)
    if experiment.weights == "model" and experiment.model:
        _open_buttons({}, lang)


def _take_text(raw: bytes, lang: str) -> None:
    try:
        text = decode(raw)
    except Refused as refused:
        say(refused.sentence, lang, refused.values)
        return
    st.session_state["later"] = {"data": "yours", "text": clean(text[:MAX_TEXT])}
    st.rerun()


def _take_network(raw: bytes, lang: str) -> None:
    try:
        bundle = load_bundle(raw)
        run = bundle.experiment
        data = compute.source_of(run)
        fits = bundle.model.vocabulary or (data.inputs == bundle.model.rnn.input_size and not data.vocabulary)
        if run.layers > 1 or not fits or run.hidden != bundle.model.hidden_size:
            raise Refused("not_shown")
        key = jobs().adopt(bundle, raw)
    except (Refused, Unusable) as refused:
        say(refused.sentence, lang, refused.values)
        return
    own = {"cell": run.cell, "units": run.units, "moment": str(END), "step": "1"}
    models.remember(
        f"{key}.0", _network_label(t(f"cell.{run.cell}", lang), run.data, lang, "train.loaded"), own
    )
    st.session_state["later"] = {"weights": "model", "model": f"{key}.0", **own}
    st.rerun()


def _open_buttons(changes: Mapping[str, str], lang: str) -> None:
    """The way to the other pages, with some fields set."""
    with st.container(horizontal=True):
        for page in ("step", "gradients", "language"):
            label = t("train.open_in", lang, page=t(f"page.{page}", lang))
            if st.button(label, key=f"open_{page}_{bool(changes)}", on_click=state.apply, args=(changes,)):
                st.switch_page(f"pages/{page}.py", query_params=state.address(st.session_state["experiment"]))


def _travel(race: Race, source: Source, found: tuple[Result, ...], lang: str) -> None:
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
    if run.layers == 1:
        ways = [_way_to(run, source) for run in race.runs]
        for k, way in enumerate(ways):
            label = _network_label(racer_label(race.names[k], lang), run.data, lang, "train.trained")
            models.remember(f"{race.key}.{k}", label, way)
        place = {"weights": "model", "model": f"{race.key}.{chosen}", "moment": str(moment)}
        _look_inside({**ways[chosen], **place}, lang)
    else:
        st.caption(t("train.one_layer", lang))
    _downloads(race, found, chosen, moment, lang)


def _way_to(run: Experiment, source: Source) -> dict[str, str]:
    """The fields that show a run's network over a sequence not trained on, or over a text of one's own."""
    changes = {
        "cell": run.cell,
        "units": run.units,
        "moment": str(END),
        "step": "1",
        "start": "1",
        "hidden": str(run.hidden),
    }
    if source.vocabulary:
        changes["text"] = run.text if run.data == "yours" else join(source.labels, run.units)
    return changes


def _network_label(name: str, data: str, lang: str, how: str) -> str:
    return t(how, lang, name=name, data=t(f"option.data.{data}", lang))


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
        _open_buttons(changes, lang)
    asked, _ = Experiment().with_changes(changes)
    notation = notation_for(asked, lang)
    if kind == "step":
        stage(compute.packed(asked, notation, lang))
    elif kind == "gradients":
        stage(compute.packed_flow(asked, lang))


def _downloads(race: Race, found: tuple[Result, ...], racer: int, moment: int, lang: str) -> None:
    left, middle, right, _ = st.columns([1.4, 1.4, 1.6, 2])
    rows = [(r.name, *row) for r in found for row in zip(*table(r).values(), strict=True)]
    head = ["racer", *table(found[0])]
    lines = [",".join(map(_cell, row)) for row in (head, *rows)]
    left.download_button(
        t("train.csv", lang), "\n".join(lines) + "\n", "race.csv", "text/csv", width="stretch"
    )
    record = {
        "race": json.loads(race.to_json()),
        "results": {r.name: table(r) | {"status": r.status} for r in found},
    }
    middle.download_button(
        t("train.json", lang), json.dumps(plain(record)), "race.json", "application/json", width="stretch"
    )
    right.download_button(
        t("train.model", lang),
        lambda: compute.bundle(race.key, racer, moment),
        f"{race.runs[racer].cell}-{moment}.safetensors",
        "application/octet-stream",
        width="stretch",
    )


def _cell(value: object) -> str:
    return "" if isinstance(value, float) and value != value else str(value)
