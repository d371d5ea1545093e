"""The page of the worksheet: sheets to print, one exercise at a time, each number right or not yet."""

import hashlib
import re
from functools import partial

import streamlit as st

from explorer.course.places import HOME, Place
from explorer.experiment import Experiment
from explorer.i18n import LANGUAGES, t
from explorer.lab.learned import text_of
from explorer.lab.worksheet import (
    CARRIED,
    SIZES,
    Blank,
    Line,
    Part,
    UnworkableError,
    Worksheet,
    sized,
    worksheet,
)
from explorer.stage.worksheet import html, network_said
from explorer.ui import compute, state
from explorer.ui.files import download
from explorer.ui.ways import way
from explorer.ui.widgets import locked

_NUMBER = re.compile(r"[-−+]?[0-9]{0,4}[.,]?[0-9]{0,8}", re.ASCII)
_EQUATION, _BOX = 3.6, 1.1


def worksheet_page(experiment: Experiment, lang: str) -> None:
    """Draws the page."""
    asked = sized(experiment)
    st.markdown(f"### {t('worksheet.title', lang)}")
    try:
        with st.spinner(t("ui.learning", lang)):
            sheet = _sheet(asked, experiment.display(lang).notation)
    except UnworkableError as problem:
        st.warning(t(f"worksheet.{problem.sentence}", lang))
        return
    _ways(experiment, sheet, lang)
    part = _chosen(sheet, lang)
    _exercise(part, sheet, lang)


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=compute.BY_VALUE)
def _sheet(asked: Experiment, notation: str) -> Worksheet:
    return worksheet(asked, notation, compute.learned)


def _ways(experiment: Experiment, sheet: Worksheet, lang: str) -> None:
    """Which network the sheet is of, its size, the files to print, and where it runs."""
    first, second, third = sheet.tokens
    with st.container(key="worksheet_words"):
        st.text(t("worksheet.reads", lang, first=first, second=second, third=third))
        own = "" if _is_of(experiment, sheet) else t("worksheet.too_large", lang) + " "
        st.caption(own + network_said(sheet, lang) + " " + t("worksheet.rules", lang, digits=CARRIED))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.session_state["worksheet_units"] = sheet.experiment.hidden
        st.segmented_control(
            t("worksheet.size", lang),
            SIZES,
            key="worksheet_units",
            format_func=lambda size: t("worksheet.units", lang, n=size),
            on_change=_take_size,
            args=(experiment, sheet),
            disabled=locked("hidden"),
            label_visibility="collapsed",
            required=True,
        )
        for code in sorted(LANGUAGES, key=lambda code: code != lang):
            download(
                t("worksheet.file", lang, language=t(f"language.{code}", lang)),
                partial(html, sheet, code),
                f"worksheet-{code}.html",
                "text/html",
                key=f"worksheet_{code}",
                icon=":material/print:",
                type="primary" if code == lang else "secondary",
            )


def _take_size(experiment: Experiment, sheet: Worksheet) -> None:
    size = str(st.session_state["worksheet_units"])
    state.apply({"hidden": size} | ({} if _is_of(experiment, sheet) else _start_of(experiment)))


def _is_of(experiment: Experiment, sheet: Worksheet) -> bool:
    """Whether a sheet is of the experiment's own network, not of a small one in its place."""
    return experiment.hidden in SIZES and experiment.weights == sheet.experiment.weights


def _start_of(experiment: Experiment) -> dict[str, str]:
    return {"weights": "untrained", "text": text_of(experiment)}


def _chosen(sheet: Worksheet, lang: str) -> Part:
    parts = {part.key: part for part in sheet.parts}
    key = st.segmented_control(
        t("worksheet.title", lang),
        list(parts),
        key="worksheet_part",
        format_func=lambda name: t(f"worksheet.{name}", lang),
        default=sheet.parts[0].key,
        label_visibility="collapsed",
        required=True,
        width="stretch",
    )
    return parts[key or sheet.parts[0].key]


def _exercise(part: Part, sheet: Worksheet, lang: str) -> None:
    sigma = "" if part.key == "gradient" else r" $\sigma(a) = 1 / (1 + e^{-a})$"
    st.markdown(t(f"worksheet.{part.key}_how", lang) + sigma)
    printed, calculated = st.columns([1, 1.25], gap="large")
    with printed:
        given = [f"{symbol} = ({', '.join(numbers)})" for symbol, numbers in part.given]
        st.markdown(" &emsp; ".join(f"${one}$" for one in given))
        if part.rows:
            with st.container(key="worksheet_weights"):
                st.markdown(_table(part))
        shown = {"cell": part.cell, "step": "2"}
        way(_place(sheet, shown), lang, t("worksheet.run", lang))
    with calculated:
        right = sum(_line(line, sheet, lang) for line in part.lines)
        total = sum(len(line.blanks) for line in part.lines)
        st.caption(t("worksheet.count", lang, right=right, total=total))


def _place(sheet: Worksheet, changes: dict[str, str]) -> Place:
    """Where the sheet's network runs."""
    return Place(HOME, tuple((sheet.experiment.to_query() | changes).items()))


def _table(part: Part) -> str:
    """The weights as a Markdown table."""
    head = "| | " + " | ".join(f"${head}$" for head in part.heads) + " |"
    rule = "|:--|" + "--:|" * len(part.heads)
    rows = [f"| ${row.symbol},{row.unit}$ | " + " | ".join(row.numbers) + " |" for row in part.rows]
    return "\n".join([head, rule, *rows])


def _line(line: Line, sheet: Worksheet, lang: str) -> int:
    """Draws an equation and the boxes for its numbers; returns how many are right."""
    equation, *boxes = st.columns([_EQUATION, *[_BOX] * len(line.blanks)], vertical_alignment="center")
    equation.markdown(f"${line.left} = {line.right}$")
    right = 0
    for unit, (box, blank) in enumerate(zip(boxes, line.blanks, strict=True), 1):
        with box:
            right += _box(blank, f"{line.key} {unit}", sheet, lang)
    return right


def _box(blank: Blank, name: str, sheet: Worksheet, lang: str) -> bool:
    """Draws the box of one number, and whether what stands in it is right."""
    key = f"blank_{_name(sheet)}_{blank.key}"
    typed = st.session_state.get(key, "")
    number = read(typed)
    right = number is not None and blank.takes(number)
    icon = ":material/check:" if right else ":material/close:" if typed else ":material/edit:"
    said = "right" if right else "empty" if not typed else "wrong" if number is not None else "no_number"
    st.text_input(
        f"{name}: {t(f'worksheet.{said}', lang)}",
        key=key,
        max_chars=12,
        icon=icon,
        label_visibility="collapsed",
        placeholder=f"{0:.{blank.digits}f}",
    )
    return right


def read(typed: str) -> float | None:
    """Returns the number that somebody typed, None for anything else."""
    text = typed.strip()
    if not _NUMBER.fullmatch(text) or not re.search("[0-9]", text):
        return None
    return float(text.replace("−", "-").replace(",", "."))


def _name(sheet: Worksheet) -> str:
    """A name for the sheet's numbers: other numbers, other boxes."""
    return hashlib.sha256(repr(sheet.blanks).encode()).hexdigest()[:8]
