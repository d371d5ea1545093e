"""The view `mappings`: five ways from inputs to outputs, each drawn unrolled and stepped through."""

import streamlit as st

from explorer.architectures.bottleneck import CONTESTANTS, LEARNED, Result, apart, shipped
from explorer.architectures.mappings import (
    MOST_SAID,
    Column,
    Network,
    Part,
    Reading,
    fit,
    read,
    told,
)
from explorer.data.exercises import examples, tag_words, translation_words
from explorer.experiment import Display, Experiment
from explorer.figures.bottleneck import length_figure
from explorer.figures.counts import counted, share
from explorer.figures.mappings import unrolled_figure
from explorer.i18n import strings, t
from explorer.lab.walk import Walk
from explorer.stage.mappings import build_mapped
from explorer.ui import report, state
from explorer.ui.aside import aside
from explorer.ui.charts import drawn, show_bare
from explorer.ui.spoken import choose_sentence, reads
from explorer.ui.stage import stage
from explorer.ui.text import say
from explorer.ui.widgets import field, locked, views

INPUT = "mapping_text"
"""Key of the input of this view: what stands in it becomes the text of the bar."""


@st.cache_resource(max_entries=64, show_spinner=False)
def _network(mapping: str, cell: str, grammar: str, seed: int, attend: str) -> Network:
    return aside(fit, mapping, cell, grammar, seed, attend)


@st.cache_resource(max_entries=16, show_spinner=False)
def _reading(mapping: str, cell: str, grammar: str, seed: int, attend: str, text: str, lang: str) -> Reading:
    return read(told(_network(mapping, cell, grammar, seed, attend), lang), text)


@st.cache_resource(max_entries=16, show_spinner=False)
def _packed(
    mapping: str, cell: str, grammar: str, seed: int, attend: str, text: str, second: bool, start: int,
    display: Display,
) -> tuple[Walk, bytes]:  # fmt: skip
    reading = _reading(mapping, cell, grammar, seed, attend, text, display.lang)
    return build_mapped(reading, second, start, display)


def draw(experiment: Experiment, lang: str) -> None:
    """Draws the mapping's choice, the text, the drawing, what it shows, the stage, and how right it is."""
    views("mapping", experiment, lang)
    mapping = experiment.mapping
    pair = mapping == "encoder_decoder"
    st.markdown(f"{t(f'mappings.good_{mapping}', lang)} {t(f'mappings.ask_{mapping}', lang)}")
    grammar = reads(experiment, lang)
    key = (mapping, experiment.cell, grammar, experiment.seed, experiment.attend if pair else "")
    with st.spinner(t("ui.learning", lang)):
        reading = _reading(*key, experiment.text, lang)
    if pair:
        _sentence(reading, experiment, lang)
    else:
        _text(reading, lang)
    _say(reading, lang)
    looks = bool(pair and experiment.attend)
    if not looks:
        _drawing(reading, lang)
    part = reading.at(experiment.step)
    if reading.handed:
        _parts(reading, part, lang)
    second, display = part is not reading.parts[0], experiment.display(lang)
    walk, payload = _packed(*key, experiment.text, second, experiment.start, display)
    for sentence, values in walk.problems:
        say(sentence, lang, values)
    stage(payload)
    report.truth(walk, lang)
    if looks:  # where it looks leads
        _drawing(reading, lang)
    _scores(reading.network, key[-1], lang)
    if pair:
        _by_length(lang)


def _by_length(lang: str) -> None:
    """What many seeds made of longer and longer sentences, with attention and without."""
    found = shipped()
    st.plotly_chart(drawn(length_figure, found, lang, state.theme()), key="by_clauses", theme=None)
    st.markdown(t("bottleneck.note", lang, **_counted(found, lang)))
    clear = [(key, clauses) for (key, clauses), is_so in apart(found).items() if is_so]
    if clear:
        said = {key: ", ".join(str(n) for k, n in clear if k == key) or "–" for key in ("dot", "additive")}
        st.markdown(t("bottleneck.apart", lang, **said))
    values = {"steps": f"{found.steps:,}", "seeds": found.seeds, "date": found.date}
    st.caption(t("bottleneck.source", lang, command=found.command, **values))


def _counted(found: Result, lang: str) -> dict[str, str]:
    """How many seeds solve the longest sentences that were learned, by contestant."""
    return {one.key: counted(*found.solved(one.key, LEARNED[-1]), lang) for one in CONTESTANTS}


def _drawing(reading: Reading, lang: str) -> None:
    """The mapping unrolled, what it shows, and how right it is."""
    show_bare(unrolled_figure(reading, lang, state.theme()), "unrolled")
    _note(reading, lang)
    _right(reading.network, lang)


def _sentence(reading: Reading, experiment: Experiment, lang: str) -> None:
    """The sentence that is translated, one on offer or one's own, and the decoder's attention."""
    grammar = reading.network.lang
    hint = t("mappings.words", lang, words=", ".join(translation_words(grammar)))
    label, on_offer = t(f"mappings.input_translated_{grammar}", lang), examples("encoder_decoder", grammar)
    chosen, choice = st.columns([2.4, 1], vertical_alignment="bottom")
    with chosen:
        choose_sentence(label, on_offer, reading.text, INPUT, hint)
    with choice:
        field("attend", experiment, lang)


def _text(reading: Reading, lang: str) -> None:
    """The text that is read, and others on offer."""
    mapping, grammar = reading.network.mapping, reading.network.lang
    hint = t("mappings.words", lang, words=", ".join(tag_words(grammar))) if mapping == "many_many" else None
    st.session_state[INPUT] = reading.text
    typed, offered = st.columns([1, 2.4], vertical_alignment="bottom", gap="small")
    typed.text_input(
        t(f"mappings.input_{mapping}", lang), key=INPUT, on_change=_take, help=hint, disabled=locked("text")
    )
    with offered, st.container(horizontal=True, gap="small"):
        for text in examples(mapping, grammar):
            st.button(text, key=f"read {text}", on_click=state.apply, args=({"text": text, "step": "1"},))


def _take() -> None:
    """Gives the experiment what was typed here."""
    state.take_text(st.session_state[INPUT])


def _say(reading: Reading, lang: str) -> None:
    """Says what could not be read as typed, literally."""
    if reading.problems:
        with st.container(border=True, gap="xsmall"):
            for sentence, values in reading.problems:
                st.text(strings(lang)["mappings"][sentence].format(**values))


def _note(reading: Reading, lang: str) -> None:
    """What the drawing shows, in the numbers of this run."""
    mapping, columns, model = reading.network.mapping, reading.columns, reading.network.models[0]
    numbers = model.hidden_size * len(model.states)
    if mapping == "one_one":
        count = reading.parts[0].run.weights.w_hh.size
        st.markdown(t("mappings.note_one_one", lang, count=count))
    elif mapping == "one_many":
        st.markdown(t("mappings.note_one_many", lang, numbers=numbers))
    elif mapping == "many_one":
        kind = "note_many_one" if reading.settled > 1 else "note_many_one_first"
        values = {"settled": reading.settled, "total": len(columns), "answer": _best(columns[-1])}
        st.markdown(t(f"mappings.{kind}", lang, **values))
    elif mapping == "many_many":
        _note_on_tags(reading, lang)
    else:
        step = reading.handed or 0
        if reading.network.attention is None:
            st.markdown(t("mappings.note_encoder_decoder", lang, numbers=numbers, step=step))
        else:
            every = step * model.hidden_size
            st.markdown(t("mappings.note_attention", lang, handed=numbers, steps=step, numbers=every))
        if reading.parts[1].run.steps == MOST_SAID:
            st.markdown(t("mappings.note_no_end", lang, limit=MOST_SAID))


def _note_on_tags(reading: Reading, lang: str) -> None:
    unsure = next((column for column in reading.columns if column.undecided), None)
    if unsure is None or unsure.said is None:
        st.markdown(t("mappings.note_decided", lang))
        return
    view = t("option.arch.deep", lang)
    first, second = (f"{100 * p:.0f}" for p in unsure.said.probabilities[:2])
    both = {"answer": _best(unsure), "share": first, "other": unsure.said.labels[1], "rest": second}
    values = {"step": unsure.step, "view": f"**{view}**"} | both
    words, way = st.columns([4.2, 1], vertical_alignment="center")
    words.markdown(t("mappings.note_undecided", lang, **values))
    way.button(view, key="to_deep", on_click=state.apply, args=({"arch": "deep"},), width="stretch")


def _best(column: Column) -> str:
    """The answer, one of our own names."""
    return f"**{column.said.best}**" if column.said else ""


def _parts(reading: Reading, shown: Part, lang: str) -> None:
    """Which of the two networks is on the stage: the one that the step belongs to."""
    st.caption(t("mappings.part", lang))
    with st.container(horizontal=True, gap="small"):
        for name, part in zip(("encoder", "decoder"), reading.parts, strict=True):
            label = t(f"mappings.{name}_steps", lang, first=part.first, last=part.last)
            step = {"step": str(part.first)}
            st.button(
                label,
                key=f"to_{name}",
                on_click=state.apply,
                args=(step,),
                type="primary" if part is shown else "secondary",
            )


def _right(network: Network, lang: str) -> None:
    """How right the network is, in one line."""
    lines = []
    for row, score in enumerate(network.scores):
        values = {"what": t(f"mappings.score_{score.what}", lang), "right": _share(network, row, lang)}
        values["guess"] = f"{100 * score.guess:.1f}"
        lines.append(t("mappings.score_line", lang, **values))
    st.caption(f"{t('mappings.right_now', lang)} {' · '.join(lines)}")


def _share(network: Network, row: int, lang: str, mark: str = "") -> str:
    """One of its shares of right answers; with its interval where it is an estimate."""
    score = network.scores[row]
    if network.held_out:
        return share(score.right, score.total, lang, mark)
    return f"{mark}{100 * score.share:.1f} %{mark}"


def _scores(network: Network, attend: str, lang: str) -> None:
    """How right the network is beside two other seeds and a guess, and on what."""
    mapping, seed = network.mapping, network.seed
    cell, grammar = network.cell, network.lang
    quick = mapping != "encoder_decoder"
    more: list[Network] = []
    st.markdown(f"**{t('mappings.scores' if network.held_out else 'mappings.scores_learned', lang)}**")
    if quick or st.toggle(t("mappings.seeds", lang), key="mapping_seeds"):
        with st.spinner(t("ui.learning", lang)):
            more = [_network(mapping, cell, grammar, (seed + k) % 10_000, attend) for k in (1, 2)]
    names = [t("mappings.kind", lang), t("mappings.here", lang, seed=seed)]
    if more:
        names.append(t("mappings.others", lang, first=more[0].seed, second=more[1].seed))
    lines = [f"| {' | '.join([*names, t('mappings.guess', lang)])} |", "|---" * (len(names) + 1) + "|"]
    for row, score in enumerate(network.scores):
        cells = [t(f"mappings.score_{score.what}", lang)]
        cells.append(f"{score.right:,} / {score.total:,} = {_share(network, row, lang, '**')}")
        if more:
            cells.append(", ".join(_share(other, row, lang) for other in more))
        lines.append(f"| {' | '.join([*cells, f'{100 * score.guess:.1f} %'])} |")
    st.markdown("\n".join(lines))
    counts = {"trained": f"{network.trained:,}", "total": f"{network.scores[0].total:,}"}
    data = t(f"mappings.data_{mapping}", lang, **counts)
    numbers = f"{network.parameters:,}"
    fitted = {"steps": f"{network.steps:,}", "seconds": f"{network.seconds:.1f}", "numbers": numbers}
    st.caption(f"{data} {t('mappings.trained', lang, **fitted)}")
