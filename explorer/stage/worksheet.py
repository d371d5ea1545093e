"""A sheet to calculate by hand as one HTML file for A4 paper: two pages of exercises, one of answers.

Equations are MathML, which every browser sets by itself; the file loads nothing and runs nothing.
"""

from collections.abc import Callable, Sequence
from functools import cache
from html import escape

from latex2mathml.converter import convert

from explorer.i18n import t
from explorer.lab.worksheet import CARRIED, Blank, Line, Part, Worksheet
from explorer.stage import MODULES
from explorer.stage.export import document

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

SHEETS = (("lstm",), ("gru", "gradient"))
"""The parts on each page of exercises."""


def html(sheet: Worksheet, lang: str) -> str:
    """Returns the pages of a sheet in a language: two of exercises, one of answers."""
    parts = {part.key: part for part in sheet.parts}
    pages = [
        _page(_head(sheet, lang), [_exercise(parts[key], sheet, lang) for key in keys]) for keys in SHEETS
    ]
    pages.append(_page(_answer_head(sheet, lang), [_answers(part, lang) for part in sheet.parts]))
    title = f"{t('worksheet.title', lang)}: {' '.join(sheet.tokens)}"
    return document(lang, title, _style(), "".join(pages), POLICY)


def network_said(sheet: Worksheet, lang: str) -> str:
    """Returns which network a sheet is of, in words."""
    experiment = sheet.experiment
    kind = t(f"option.weights.{experiment.weights}", lang)
    moment = "" if experiment.weights == "untrained" else t("worksheet.moment", lang, step=experiment.moment)
    return t("worksheet.network", lang, units=experiment.hidden, weights=kind, seed=experiment.seed) + moment


def _page(head: str, bodies: Sequence[str]) -> str:
    return f'<section class="sheet">\n{head}{"".join(bodies)}</section>\n'


def _head(sheet: Worksheet, lang: str) -> str:
    words = {"first": sheet.tokens[0], "second": sheet.tokens[1], "third": sheet.tokens[2]}
    said = escape(t("worksheet.reads", lang, **words))
    return (
        f"<header><h1>{escape(t('worksheet.title', lang))}</h1>"
        f'<p class="name">{escape(t("worksheet.name", lang))}</p></header>\n'
        f'<p dir="auto">{said} {escape(t("worksheet.rules", lang, digits=CARRIED))}</p>\n'
        f'<p class="rules">{_maths(_SIGMA)} · {_maths(_TANH)} · {escape(t("worksheet.by_unit", lang))}</p>\n'
        f'<p class="small">{escape(network_said(sheet, lang))}</p>\n'
    )


_SIGMA = r"\sigma(a)=\frac{1}{1+e^{-a}}"
_TANH = r"\tanh(a) = 2\,\sigma(2a) - 1"


def _answer_head(sheet: Worksheet, lang: str) -> str:
    return (
        f"<header><h1>{escape(t('worksheet.answers', lang))}</h1></header>\n"
        f'<p class="small" dir="auto">{escape(" ".join(sheet.tokens))}. {escape(network_said(sheet, lang))} '
        f"{escape(t('worksheet.answers_how', lang))}</p>\n"
    )


def _exercise(part: Part, sheet: Worksheet, lang: str) -> str:
    return (
        f"<h2>{escape(t(f'worksheet.{part.key}', lang))}</h2>\n"
        f"<p>{escape(t(f'worksheet.{part.key}_how', lang))}</p>\n"
        f"{_table(part, sheet)}{_given(part)}"
        f'<div class="lines">{"".join(_line(line, _blank) for line in part.lines)}</div>\n'
    )


def _answers(part: Part, lang: str) -> str:
    lines = "".join(_line(line, _answer) for line in part.lines)
    return f'<h2>{escape(t(f"worksheet.{part.key}", lang))}</h2>\n<div class="lines">{lines}</div>\n'


def _line(line: Line, number: Callable[[Blank], str]) -> str:
    boxes = "".join(map(number, line.blanks))
    left, right = _maths(line.left), _maths(line.right)
    return (
        f'<p class="line"><span>{left} <span class="eq">=</span> {right}</span><span>= {boxes}</span></p>\n'
    )


def _blank(blank: Blank) -> str:
    return f'<span class="blank" data-blank="{blank.key}"></span>'


def _answer(blank: Blank) -> str:
    return f'<span class="answer" data-answer="{blank.key}">{blank.written}</span>'


def _table(part: Part, sheet: Worksheet) -> str:
    if not part.rows:
        return ""
    tokens = "".join(f'<th dir="auto">{escape(token)}</th>' for token in sheet.tokens)
    above = f"<tr><th></th>{tokens}{'<th></th>' * (len(part.heads) - len(sheet.tokens))}</tr>"
    head = "".join(f"<th>{_maths(head)}</th>" for head in part.heads)
    rows = "".join(
        f'<tr data-row="{row.symbol}{row.unit}"><th>{_maths(f"{row.symbol},{row.unit}")}</th>'
        f"{''.join(f'<td>{number}</td>' for number in row.numbers)}</tr>\n"
        for row in part.rows
    )
    return f'<table data-cell="{part.cell}">{above}<tr><th></th>{head}</tr>\n{rows}</table>\n'


def _given(part: Part) -> str:
    rows = "".join(
        f'<span class="given">{_maths(symbol)} = ({", ".join(f"<b>{n}</b>" for n in numbers)})</span> '
        for symbol, numbers in part.given
    )
    return f'<p class="givens">{rows}</p>\n'


@cache
def _maths(latex: str) -> str:
    return convert(latex)


@cache
def _style() -> str:
    return (MODULES / "course/worksheet.css").read_text("utf-8")
