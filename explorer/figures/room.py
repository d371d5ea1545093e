"""What a class sees of itself on the wall: its guesses beside the model's answer, its race seed by seed."""

import html
import textwrap
from collections.abc import Iterator, Sequence

import plotly.graph_objects as go

from explorer.cells import CELLS
from explorer.data.sources import Source, source
from explorer.figures.frame import frame
from explorer.figures.palette import GRID, HUES
from explorer.i18n import t
from explorer.room.questions import BINS, Question
from explorer.room.race import ClassRace, Offer, Seed

LARGE = 22
"""Points of type on a projector."""

LINE = 30
"""Characters of a line of an answer beside its bar."""


def guess_figure(question: Question, guesses: Sequence[float], lang: str, theme: str = "light") -> go.Figure:
    """Returns how many chose each answer, or a histogram of numbers; the model's answer marked."""
    figure = _wall("", theme)
    tally = question.tally(guesses)
    (_numbers if question.numeric else _choices)(figure, question, tally, lang, theme)
    return figure


def _choices(figure: go.Figure, question: Question, tally: Sequence[int], lang: str, theme: str) -> None:
    ink, right = HUES[theme]["x"], HUES[theme]["candidate"]
    rows = list(range(len(tally)))
    figure.add_bar(
        x=list(tally),
        y=rows,
        orientation="h",
        marker_color=[right if k == question.right else ink for k in rows],
        text=[str(n) for n in tally],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
    )
    words = [_literal(answer[lang]) for answer in question.answers]
    if question.right is not None:
        k = int(question.right)
        words[k] = f"<b>{words[k]}</b><br>{t('room.model_says', lang)}"
    figure.update_xaxes(range=[0, 1.15 * max(1, *tally)], visible=False)
    figure.update_yaxes(tickvals=rows, ticktext=words, autorange="reversed", showgrid=False)


def _numbers(figure: go.Figure, question: Question, tally: Sequence[int], lang: str, theme: str) -> None:
    width = (question.high - question.low) / BINS
    figure.add_bar(
        x=[question.low + (k + 0.5) * width for k in range(BINS)],
        y=list(tally),
        width=0.94 * width,
        marker_color=HUES[theme]["x"],
        hoverinfo="skip",
    )
    top = 1.2 * max(1, *tally)
    ends = [question.low, question.high]
    if question.right is not None:
        ends = [min(ends[0], question.right), max(ends[1], question.right)]
        colour = HUES[theme]["candidate"]
        figure.add_vline(x=question.right, line={"color": colour, "width": 4})
        figure.add_annotation(
            x=question.right,
            y=top,
            yanchor="bottom",
            showarrow=False,
            text=f"<b>{_number(question.right)}</b> · {t('room.model_says', lang)}",
            font={"color": colour},
        )
    pad = 0.03 * (ends[1] - ends[0])
    figure.update_xaxes(range=[ends[0] - pad, ends[1] + pad])
    figure.update_yaxes(range=[0, top], title=t("room.guesses", lang), dtick=max(1, round(top / 5)))


def _number(value: float) -> str:
    return f"{value:.4g}".replace("-", "\N{MINUS SIGN}")


def class_figure(race: ClassRace, lang: str, theme: str = "light") -> go.Figure:
    """Returns the held-out metric of every seed of the class by step: those that passed, did not, run."""
    figure = _wall(t(f"race.metric_{race.source.metric}", lang), theme)
    colours = _colours(race.offer, theme)
    with race.lock:
        seeds = list(race.seeds)
        for name, some in (
            ("on", [s for s in seeds if not s.over]),
            ("not", [s for s in seeds if s.over and s.state != "passed"]),
            ("passed", [s for s in seeds if s.state == "passed"]),
        ):
            colour = colours[name]
            steps, metric = _joined(some)
            figure.add_scatter(
                x=steps,
                y=metric,
                mode="lines",
                name=t(f"room.curves_{name}", lang, n=len([s for s in some if s.checks])),
                line={"color": colour, "width": 2.5},
                hoverinfo="skip",
            )
            ends = [(s.checks[-1][0], s.checks[-1][1]) for s in some if s.over and s.checks]
            figure.add_scatter(
                x=[step for step, _ in ends],
                y=[value for _, value in ends],
                mode="markers",
                marker={"color": colour, "size": 11, "symbol": "circle" if name == "passed" else "x"},
                showlegend=False,
                hoverinfo="skip",
            )
    _levels(figure, race.source, lang, theme)
    _axes(figure, race.offer, race.source, lang)
    return figure


def seed_figure(offer: Offer, lang: str, theme: str = "light") -> go.Figure:
    """Returns the place of a seed's curve on a phone: axes, the goal, chance; one line without points.

    layout.meta has the colour of the line while it trains, and how it ended: `passed` or `not`.
    """
    found = source(offer.race(0).runs[0], "en")
    figure = frame(t(f"race.metric_{found.metric}", lang), theme)
    figure.add_scatter(x=[], y=[], mode="lines+markers", line={"width": 2.5}, hoverinfo="skip")
    figure.update_layout(
        height=None,
        autosize=True,
        title={"font": {"size": 13}, "y": 0.98, "yanchor": "top"},
        margin={"l": 8, "r": 12, "t": 26, "b": 8},
        showlegend=False,
        meta=_colours(offer, theme),
    )
    _levels(figure, found, lang, theme)
    _axes(figure, offer, found, lang)
    return figure


def _axes(figure: go.Figure, offer: Offer, found: Source, lang: str) -> None:
    figure.update_xaxes(title=t("room.steps", lang), range=[0, offer.experiment.budget])
    if found.metric == "error":
        figure.update_yaxes(type="log")
    else:
        figure.update_yaxes(range=[0, 1.05], tickformat=".0%")


def _colours(offer: Offer, theme: str) -> dict[str, str]:
    """The colour of a seed's curve: while it trains, and by how it ended."""
    hues, spec = HUES[theme], CELLS[offer.race(0).runs[0].cell]
    return {"on": hues["x"], "not": hues["write"], "passed": hues[CELLS[spec.family].hue]}


def _joined(seeds: Sequence[Seed]) -> tuple[list[int | None], list[float | None]]:
    """The curves of seeds as one line with gaps: Plotly draws one trace faster than a hundred."""
    points = [point for seed in seeds for point in _with_gap(seed)]
    return [step for step, _ in points], [metric for _, metric in points]


def _with_gap(seed: Seed) -> Iterator[tuple[int | None, float | None]]:
    yield from seed.checks
    yield None, None


def _levels(figure: go.Figure, found: Source, lang: str, theme: str) -> None:
    """The goal, and what a guess without memory gets."""
    for value, word in ((found.goal, "room.goal"), (found.chance, "room.chance")):
        if value == value:
            figure.add_hline(
                y=value,
                line={"color": HUES[theme]["ink"], "width": 1.5, "dash": "dot"},
                annotation_text=t(word, lang),
                annotation_position="bottom right",
            )


def _wall(title: str, theme: str) -> go.Figure:
    """A frame in the type of a projector, as large as its place."""
    figure = frame(title, theme)
    figure.update_layout(
        font={"size": LARGE},
        height=None,
        autosize=True,
        title={"font": {"size": LARGE}, "y": 0.99, "yanchor": "top"},
        legend={"font": {"size": LARGE - 2}, "y": 0.93},
        margin={"t": 96 if title else 40, "r": 40},
        showlegend=bool(title),
    )
    figure.update_xaxes(gridcolor=GRID[theme])
    return figure


def _literal(text: str) -> str:
    """An answer as lines that fit beside its bar: what a lecturer typed is text, Plotly would read markup."""
    return "<br>".join(html.escape(line, quote=False) for line in textwrap.wrap(text, LINE)) or " "
