"""The glossary and equation sheet: a page to look things up in, and to print."""

from collections.abc import Sequence

import streamlit as st

from explorer.cells import CELLS
from explorer.course.glossary import (
    GROUPS,
    Block,
    CellSheet,
    Entry,
    Fact,
    entries,
    facts,
    matching,
    sheets,
)
from explorer.course.places import Place
from explorer.i18n import t
from explorer.ui import state
from explorer.ui.ways import followed, mark

_COLUMNS = ("symbol", "pytorch", "lecture", "name", "meaning", "shape", "see")
_PARTS = ("symbols", "equations", "derivatives")


def sheet(lang: str) -> None:
    """Draws every symbol in the three notations, every cell's equations, the derivatives; a search on top."""
    with st.container(key="glossary"):
        asked = _search(lang)
        if state.showing().on and not asked:  # all of it is hundreds of formulas: its cells alone
            _equations([cell for cell in sheets(lang) if CELLS[cell.key].lead], lang)
            followed()
            return
        symbols = matching(entries(lang), asked)
        cells = matching(sheets(lang), asked)
        rules = matching(facts(lang), asked)
        with st.container(key="glossary_count"):
            _count((len(symbols), len(cells), len(rules)), lang)
        _symbols(symbols, lang)
        _equations(cells, lang)
        _derivatives(rules, lang)
        followed()


def _search(lang: str) -> str:
    """Draws the search box and the way to each part, and returns what is asked for; it is not shown again."""
    box, ways = st.columns([1, 2], gap="medium", vertical_alignment="bottom")
    asked = box.text_input(
        t("glossary.search", lang), key="glossary_search", placeholder=t("glossary.examples", lang)
    )
    if state.showing().on:
        return asked
    with ways, st.container(key="glossary_ways"):
        links = " · ".join(f"[{t(f'glossary.{part}', lang)}](#{part})" for part in _PARTS)
        st.markdown(links)
        st.caption(t("glossary.print", lang))
    return asked


def _count(found: tuple[int, int, int], lang: str) -> None:
    if found == tuple(len(whole) for whole in (entries(lang), sheets(lang), facts(lang))):
        st.caption(t("glossary.intro", lang))
    elif any(found):
        symbols, cells, rules = found
        st.caption(t("glossary.found", lang, symbols=symbols, cells=cells, rules=rules))
    else:
        st.text(t("glossary.nothing", lang))


def _symbols(found: Sequence[Entry], lang: str) -> None:
    if not found:
        return
    st.subheader(t("glossary.symbols", lang), anchor="symbols")
    head = [t(f"glossary.{column}", lang) for column in _COLUMNS]
    for group in GROUPS:
        rows = [_cells(entry, lang) for entry in found if entry.group == group]
        if rows:
            lines = [f"#### {t(f'glossary.group_{group}', lang)}", *map(_row, (head, *rows))]
            st.markdown("\n\n".join(lines))


def _cells(entry: Entry, lang: str) -> list[str]:
    """Returns what stands in an entry's row: each cell one paragraph, the note the last."""
    name, other = entry.names
    shape = f"`{entry.shape}`" if entry.shape else "–"
    cells = [entry.symbol, entry.pytorch, entry.lecture, f"**{name}**  \n{other}", entry.meaning, shape]
    return [*cells, mark(entry.see, lang), *filter(None, [entry.note])]


def _row(cells: Sequence[str]) -> str:
    """Returns a row: an item of a list, whose paragraphs stand side by side (glossary.css).

    One element holds all rows of a group: each element of a page costs the server a message.
    """
    return "- " + "\n\n".join(cells).replace("\n", "\n  ")


def _equations(found: Sequence[CellSheet], lang: str) -> None:
    if not found:
        return
    st.subheader(t("glossary.equations", lang), anchor="equations")
    st.caption(t("glossary.equations_about", lang))
    for cell in found:
        with st.container(key=f"glossary_cell_{cell.key}"):
            st.markdown(_titled(f"{cell.name} :small[:gray[{cell.source}]]", cell.see, lang))
            with st.container(horizontal=True, gap="medium"):
                for block in cell.blocks:
                    st.markdown(_block(block), width="content")
            two, one = cell.parameters
            st.markdown(t("glossary.parameters", lang, two=f"${two}$", one=f"${one}$"))


def _derivatives(found: Sequence[Fact], lang: str) -> None:
    if not found:
        return
    st.subheader(t("glossary.derivatives", lang), anchor="derivatives")
    st.caption(t("glossary.derivatives_about", lang))
    for fact in found:
        with st.container(key=f"glossary_fact_{fact.key}"):
            st.markdown(f"{_titled(fact.title, fact.see, lang)}\n\n{_block(fact.block)}")


def _titled(title: str, see: Place, lang: str) -> str:
    return f"#### {title} {mark(see, lang)}"


def _block(block: Block) -> str:
    parts = (f"**{block.title}**" if block.title else "", f"$$\n{block.latex}\n$$", block.note)
    return "\n\n".join(filter(None, parts))
