"""`python -m explorer worksheet`: a step of an LSTM, one of a GRU and a gradient to calculate by hand."""

import argparse
import json

from explorer.commands.options import (
    JSON,
    LANG,
    PAGE,
    Option,
    UsageError,
    Verb,
    checked_path,
    experiment_from,
    field_option,
    language,
)
from explorer.commands.output import written
from explorer.commands.terminal import table_lines
from explorer.data.corpora import sentences_of
from explorer.lab.worksheet import SIZES, UnworkableError, Worksheet, sized, worksheet

FIELDS = ("text", "units", "weights", "hidden", "seed", "init", "gain", "bias", "keep_bias", "notation")

_PROBLEMS = {
    "short": "--text needs three tokens: two are read, the third is expected.",
    "saturated": "no two digits can be had of this network by hand: try another --seed.",
}


def run_worksheet(chosen: argparse.Namespace) -> int:
    """Writes the sheets as one HTML file to print, or prints the answers."""
    lang = language(chosen.lang)
    out = None if chosen.out is None else checked_path(chosen.out, (PAGE, ".htm"))
    if chosen.weights in ("marked", "model"):
        raise UsageError("--weights takes a network that reads text and learns here: untrained, lecture, ….")
    if chosen.text is None:
        chosen.text = sentences_of("lecture" if lang == "ko" else "english")[0]
    chosen.hidden, chosen.weights = chosen.hidden or str(SIZES[0]), chosen.weights or "untrained"
    experiment = experiment_from(chosen)
    if experiment.hidden not in SIZES:
        raise UsageError(f"--hidden takes {SIZES[0]} or {SIZES[-1]} here: more is no work for a hand.")
    try:
        sheet = worksheet(sized(experiment), experiment.display(lang).notation)
    except UnworkableError as problem:
        raise UsageError(_PROBLEMS[problem.sentence]) from problem
    if out is not None:
        from explorer.stage.worksheet import html

        with written(out):
            out.write_text(html(sheet, lang), encoding="utf-8")
    _say(sheet, None if out is None else str(out), chosen.json)
    return 0


def _say(sheet: Worksheet, out: str | None, as_json: bool) -> None:
    if as_json:
        answers = {key: blank.value for key, blank in sheet.blanks.items()}
        print(json.dumps({"out": out, "tokens": sheet.tokens, "answers": answers}, ensure_ascii=False))
    elif out:
        print(f"Wrote {out}: {' '.join(sheet.tokens)}, {len(sheet.blanks)} numbers to find")
    else:
        rows = [(key, blank.written) for key, blank in sheet.blanks.items()]
        print(*table_lines(("blank", "answer"), rows, words=("blank",)), sep="\n")


VERB = Verb(
    run_worksheet,
    "a step of an LSTM, one of a GRU and a gradient to calculate by hand, as pages to print",
    (
        *map(field_option, FIELDS),
        Option("--out", {"metavar": "FILE", "help": "write the sheets and their answers to FILE, .html"}),
        LANG,
        JSON,
    ),
)
