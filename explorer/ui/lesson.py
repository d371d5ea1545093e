"""The lesson beside the figure: one card at a time, its buttons set the page."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import streamlit as st

from explorer.cells import CELLS, CellSpec
from explorer.cells.equations import latex, unfolded
from explorer.course.lessons import Ask, Card, Show, cards, opened
from explorer.course.showing import ask_of
from explorer.experiment import Experiment
from explorer.figures.signals import cell_name
from explorer.i18n import t
from explorer.nn.tracing import LayerTrace
from explorer.ui import guess, state
from explorer.ui.stage import progress


def lesson(name: str, experiment: Experiment, layer: LayerTrace | None, lang: str) -> None:
    """Draws the card the reader is at, among those that concern the cell; layer is the one on the page."""
    if state.showing().on:
        _question(name, experiment, lang)
    if state.showing().hides("lesson"):
        return
    spec = CELLS[experiment.cell]
    relevant = [card for card in cards(name, lang) if card.concerns(spec)]
    if state.following():
        _follow(relevant, layer.spec if layer else spec, lang)
        return
    at = [card.key for card in relevant].index(opened(name, experiment))
    card = relevant[at]
    with st.container(border=True, key="lesson"):
        st.caption(t("ui.lesson_numbered", lang, n=at + 1, total=len(relevant)))
        progress(f"progress_{name}", opened_cards(name, relevant, card.key, lang), partial(_turn_to, name))
        st.markdown(f"#### {card.title}")
        for k, part in enumerate(card.parts):
            _part(part, name, card.key, k, experiment, layer, lang)
        _turn(relevant, at, lang)


def _question(name: str, experiment: Experiment, lang: str) -> None:
    """In a lecture: the card's question, large, its choices below it, its answer beside it once asked for."""
    key = opened(name, experiment)
    ask = ask_of(next(card for card in cards(name, lang) if card.key == key))
    if ask is None:
        return
    with st.container(key="question"):
        said, answered = st.columns([1.2, 1], gap="large")
        with said:
            st.markdown(ask.question)
            guess.choices(guess.Guess(name, key, ask), lang)
        with answered:
            guess.answer(guess.Guess(name, key, ask))


def _ask(ask: Ask, page: str, card: str, lang: str) -> None:
    st.markdown(f"**{ask.question}**")
    if (state.showing().guess or page == guess.CLINIC) and ask.choices:
        guess.choices(guess.Guess(page, card, ask), lang)
        guess.answer(guess.Guess(page, card, ask))
        return
    with st.expander(t("ui.reveal", lang)):
        st.markdown(ask.answer)


def _follow(relevant: Sequence[Card], spec: CellSpec, lang: str) -> None:
    """In a class that follows: every card to read, one element each. The browser shows the lecturer's."""
    with st.container(border=True, key="lesson"), st.container(key="read"):
        for n, card in enumerate(relevant, 1):
            with st.container(key=f"read_{card.key}"):
                number = t("ui.lesson_numbered", lang, n=n, total=len(relevant))
                st.markdown("\n\n".join([f":small[{number}]", f"#### {card.title}", *_read(card, spec)]))


def _read(card: Card, spec: CellSpec) -> Iterator[str]:
    """A card's text, equations and question as Markdown, without what sets the page or gives the answer."""
    for part in card.parts:
        match part:
            case str():
                yield part
            case Ask():
                yield f"**{part.question}**"
            case ("equations", symbols):
                yield from (f"$$\n{equation}\n$$" for equation in _written(spec, symbols))


def _turn(relevant: Sequence[Card], at: int, lang: str) -> None:
    back, on = st.columns(2)
    for place, label, to in ((back, "ui.previous_card", at - 1), (on, "ui.next_card", at + 1)):
        inside = 0 <= to < len(relevant)
        place.button(
            t(label, lang),
            key=label,
            disabled=not inside,
            width="stretch",
            on_click=state.open_card,
            args=(relevant[to].key if inside else "",),
        )


def _turn_to(name: str, key: str) -> None:
    """Opens a card that the browser names, if there is one."""
    if any(card.key == key for card in cards(name, state.language())):
        state.open_card(key)


def opened_cards(name: str, some: Sequence[Card], here: str | None, lang: str) -> dict[str, Any]:
    """Returns what the row of dots needs; here is the card that is open, None where it only counts."""
    strings = {key: t(f"stage.{key}", lang) for key in ("as_table", "close")}
    strings["opened"] = t("ui.cards_opened", lang)
    return {"lesson": name, "cards": [[c.key, c.title] for c in some], "card": here, "strings": strings}


def _part(
    part: str | tuple[str, str] | Show | Ask,
    page: str,
    card: str,
    at: int,
    experiment: Experiment,
    layer: LayerTrace | None,
    lang: str,
) -> None:
    match part:
        case str():
            st.markdown(part)
        case Show(label, changes):
            st.button(
                label,
                key=f"show_{card}_{at}",
                on_click=state.apply,
                args=({**dict(changes), "card": card},),
                disabled=bool({field for field, _ in changes} & set(state.showing().lock)),
                width="stretch",
            )
        case Ask():
            _ask(part, page, card, lang)
        case ("notes", words):
            with st.expander(t("ui.for_readers", lang)):
                st.markdown(words)
        case ("equations", symbols):
            _equations(layer.spec if layer else CELLS[experiment.cell], symbols)
        case ("table", "shapes") if layer is not None:
            _shapes(layer, lang)
        case ("table", "parameters") if layer is not None:
            _parameters(experiment, layer, lang)


def _equations(spec: CellSpec, symbols: str) -> None:
    for equation in _written(spec, symbols):
        st.latex(equation)


def _written(spec: CellSpec, symbols: str) -> Iterator[str]:
    """The equations of symbols in LaTeX, as far as the cell has them."""
    table = dict(spec.equations)
    wanted = [s for s in table if not s.startswith("pre_")] if symbols == "all" else symbols.split()
    for symbol in wanted:
        if symbol in table:
            yield rf"{symbol}_t = {latex(unfolded(symbol, table))}"


def _shapes(layer: LayerTrace, lang: str) -> None:
    rows = {name: array.shape for name, array in layer.weights.arrays().items()}
    rows |= {"x_t": layer.x.shape[1:], ", ".join(f"{s}_t" for s in layer.signals): (layer.hidden_size,)}
    _table({t("ui.quantity", lang): list(rows), t("ui.shape", lang): [_shape(s) for s in rows.values()]})


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def _parameters(experiment: Experiment, layer: LayerTrace, lang: str) -> None:
    D, H = layer.weights.input_size, experiment.hidden
    specs = list(CELLS.values())
    _table(
        {
            t("field.cell", lang): [cell_name(spec.key, lang) for spec in specs],
            t("ui.two_biases", lang): [f"{spec.parameters(D, H):,}" for spec in specs],
            t("ui.one_bias", lang): [f"{spec.parameters(D, H, biases=1):,}" for spec in specs],
        }
    )


def _table(columns: dict[str, list[str]]) -> None:
    st.table(columns, hide_index=True)
