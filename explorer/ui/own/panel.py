"""A network out of a file on every page that shows one: the way in, and the choices that are its own."""

from collections.abc import Callable

import streamlit as st

from explorer.experiment import Experiment
from explorer.figures.signals import cell_name
from explorer.i18n import t
from explorer.lab.files import first_ids
from explorer.lab.own import Facts
from explorer.limits import DRAWN_UNITS, MAX_SEQUENCE, MAX_UPLOAD_NETWORK, MAX_VOCABULARY_FILE
from explorer.ui import compute, models, state
from explorer.ui.acting import acting
from explorer.ui.brought import File, facts, store
from explorer.ui.files import take_up, uploader
from explorer.ui.own.beside import choose_beside
from explorer.ui.own.taking import take_network, take_numbers, take_words
from explorer.ui.widgets import field, folded

OPENING = "own_opening"
"""Key of the session: whether the way in is open."""

_CLOSING = "own_closing"

PAGES = ("step", "gradients", "language", "dynamics")
"""Where a network of a file is looked at."""

ELSEWHERE = ("architectures", "dynamics")
"""Where views learn networks of their own, and say so beside a network of a file."""

LAYERED = ("step", "gradients")
"""Where one of its layers is shown."""


BESIDE = ("gradients", "dynamics")
"""Where the network beside it is chosen here: on the first page it has a tab."""


def own(experiment: Experiment, page: str, lang: str) -> None:
    """Draws the way in where it was asked for, and what belongs to the network where it is out of a file."""
    if state.showing().on:
        return
    if "weights" not in acting(page, experiment):
        if experiment.own and page in ELSEWHERE and store().has(experiment.model):
            st.caption(
                t("own.elsewhere", lang, name=models.called(experiment.model) or t("own.of_link", lang))
            )
        return
    if page not in PAGES:
        return
    if st.session_state.pop(_CLOSING, False):
        st.session_state["fold_own"] = False
    if st.session_state.get(OPENING):
        _way_in(lang)
    found = facts(experiment)
    file = store().file(experiment.model) if found else None
    if found and file:
        _choices(experiment, page, file, found, lang)
    elif page in LAYERED and (levels := _of_race(experiment)):
        with st.columns([1.5, 8])[0]:
            _level(experiment, levels, lang)


def _way_in(lang: str) -> None:
    with st.container(border=True):
        _taken(
            "own_file",
            t("own.file", lang),
            MAX_UPLOAD_NETWORK,
            lambda raw, name: take_network(raw, name, lang),
            lang,
        )
        st.caption(t("own.file_help", lang))


def _taken(key: str, label: str, most: int, take: Callable[[bytes, str], dict[str, str]], lang: str) -> None:
    """Draws a way in for a file, takes it up, and closes."""

    def read(raw: bytes, name: str) -> dict[str, str]:
        with st.spinner(t("own.reading", lang)):
            return take(raw, name)

    take_up(uploader(label, key, most, lang), key, read, lang, _close)


def _close() -> None:
    st.session_state[OPENING] = False
    st.session_state[_CLOSING] = True


def _choices(experiment: Experiment, page: str, file: File, found: Facts, lang: str) -> None:
    """The row of what is chosen in the file, and a line on what was read of it."""
    draws: list[tuple[float, Callable[[], None]]] = []
    if len(file.networks) > 1:
        draws.append((2.4, lambda: _network(experiment, file, found, lang)))
    if page in LAYERED and len(found.levels) > 1:
        draws.append((1.5, lambda: _level(experiment, found.levels, lang)))
    if page in LAYERED and found.ways > 1:
        draws.append((1.2, lambda: field("way", experiment, lang)))
    if page == "step" and _units(experiment, found) > DRAWN_UNITS:
        draws.append((1.6, lambda: field("order", experiment, lang)))
    if page in BESIDE and (others := models.others(experiment, lang)):
        draws.append((2.2, lambda: choose_beside(experiment, others, lang)))
    brings = "own.bring_words" if found.vocabulary else "own.bring_numbers"
    draws.append((1.6, lambda: folded(t(brings, lang), "own", lambda: _bring(found, lang))))
    with st.container(key="own"):
        widths = [width for width, _ in draws]
        places = st.columns([*widths, max(9.5 - sum(widths), 0.1)], vertical_alignment="bottom", gap="small")
        for place, (_, draw) in zip(places, draws, strict=False):
            with place:
                draw()
        said = told(experiment, file, found, lang)
        if page == "step" and (units := _units(experiment, found)) > DRAWN_UNITS:
            said.append(t("own.drawn", lang, n=DRAWN_UNITS, all=units))
        st.caption(" ".join(said))


def _network(experiment: Experiment, file: File, found: Facts, lang: str) -> None:
    names = [one.name for one in file.networks]
    st.session_state["own_stack"] = found.name
    by_name = {one.name: one for one in file.networks}
    st.selectbox(
        t("field.stack", lang), names, key="own_stack", format_func=lambda name: _called(by_name[name], lang),
        on_change=_take_stack,
    )  # fmt: skip


def _called(found: Facts, lang: str) -> str:
    """A network's name in the list: with its cell and sizes."""
    name = t("own.stacked", lang, names=found.name) if found.below else found.name or t("own.top", lang)
    return f"{name} · {cell_name(found.cell, lang)} {found.inputs} → {_sizes(found)}"


def _sizes(found: Facts) -> str:
    return ", ".join(map(str, found.levels))


def _take_stack() -> None:
    """Another network of the file reads what it reads: its own text, or numbers."""
    name, experiment = st.session_state["own_stack"], st.session_state["experiment"]
    file = store().file(experiment.model)
    chosen = next((one for one in file.networks if one.name == name), None) if file else None
    if chosen is None:
        return
    text = first_ids(chosen.vocabulary)
    changes = {"stack": name, "level": "1", "way": "forward", "step": "1", "unit": "1", "start": "1"}
    state.apply(changes | {"words": "", "numbers": "", "text": text})


def _of_race(experiment: Experiment) -> tuple[int, ...]:
    """The units of each layer of a network of a race with several; none of any other."""
    run = compute.trained_on(experiment)
    return () if run is None or run.layers == 1 else (run.hidden,) * run.layers


def _level(experiment: Experiment, levels: tuple[int, ...], lang: str) -> None:
    st.session_state["own_level"] = min(experiment.level, len(levels))
    st.selectbox(
        t("field.level", lang), range(1, len(levels) + 1), key="own_level",
        format_func=lambda k: t("own.level", lang, k=k, n=len(levels), units=levels[k - 1]),
        on_change=lambda: state.apply({"level": str(st.session_state["own_level"]), "unit": "1"}),
    )  # fmt: skip


def _units(experiment: Experiment, found: Facts) -> int:
    return found.levels[min(experiment.level, len(found.levels)) - 1]


def _bring(found: Facts, lang: str) -> None:
    if found.vocabulary:
        _taken(
            "own_words",
            t("own.words", lang),
            MAX_VOCABULARY_FILE,
            lambda raw, name: take_words(raw, found, name),
            lang,
        )
        st.caption(t("own.words_help", lang, count=f"{found.vocabulary:,}"))
    else:
        _taken(
            "own_numbers",
            t("own.numbers", lang),
            MAX_SEQUENCE,
            lambda raw, name: take_numbers(raw, found, name),
            lang,
        )
        st.caption(t("own.numbers_help", lang, columns=found.inputs))


def told(experiment: Experiment, file: File, found: Facts, lang: str) -> list[str]:
    """Returns what is to be said of a network: what was read of the file as what, and what was not."""
    ways = t("own.both_ways", lang) if found.ways > 1 else ""
    cell = cell_name(found.cell, lang)
    said = [t("own.is", lang, kind=file.kind, cell=cell, inputs=found.inputs, sizes=_sizes(found), ways=ways)]
    if found.below:
        said.append(t("own.is_stacked", lang))
    if found.vocabulary:
        names = " · ".join(f"`{name}`" for name in found.read_as)
        said.append(t("own.read_as" if found.says else "own.read_as_input", lang, names=names))
        said.append("" if experiment.words else t("own.by_number", lang, last=f"{found.vocabulary - 1:,}"))
    elif not experiment.numbers:
        said.append(t("own.noise", lang))
    if not found.says:
        said.append(t("own.says_nothing", lang))
    if experiment.way == "backward":
        said.append(t("own.backward", lang))
    rest = [name for name in file.rest if name not in found.read_as]
    if rest:
        more = ", …" if len(rest) > _LISTED else "."
        said.append(t("own.left_alone", lang, names=", ".join(f"`{name}`" for name in rest[:_LISTED]) + more))
    if file.wide:
        said.append(t("own.wide", lang, names=", ".join(f"`{name}`" for name in file.wide)))
    unsaid = [key for begins, key in _UNSAID.items() if any(begins in text for text in found.conventions)]
    said += [t(f"own.{key}", lang) for key in unsaid]
    return [sentence for sentence in said if sentence]


_UNSAID = {
    "runs against time": "against_time",
    "does not say": "unsaid_functions",
    "are joined by": "joined",
    "starts from constant": "own_start",
    "differs within a batch": "own_starts",
}
"""What is to be told on a page of what the formats tell in code: a part of the sentence -> its key."""


_LISTED = 3
