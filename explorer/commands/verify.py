"""Check every cell on random sequences, and all that pages make of them, against references."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from explorer.checks.cells import CASES, CellCheck, check_cells
from explorer.checks.common import TOLERANCE
from explorer.checks.run import TopicCheck, check_topics
from explorer.commands.options import JSON, Option, Verb, whole_number
from explorer.commands.terminal import table_lines
from explorer.limits import MAX_CASES
from explorer.nn.threads import one_thread
from explorer.text import plain


def run_verify(chosen: argparse.Namespace) -> int:
    """Checks everything and prints the largest differences; 1 where something fails."""
    cases = whole_number("--cases", chosen.cases, 1, MAX_CASES)
    with one_thread():
        cells, topics = check_cells(cases), check_topics(cases)
    if chosen.json:
        print(json.dumps(_record(cells, topics), allow_nan=False))
    else:
        print(*table_lines(CELL_HEAD, [_cell_row(check) for check in cells], words=CELL_WORDS), sep="\n")
        print()
        rows = [_topic_row(check) for check in topics]
        print(*table_lines(TOPIC_HEAD, rows, words=TOPIC_WORDS), sep="\n")
    return 0 if _all_ok(cells, topics) else 1


def _all_ok(cells: Sequence[CellCheck], topics: Sequence[TopicCheck]) -> bool:
    return all(check.ok for check in cells) and all(check.ok for check in topics)


VERDICT = f"max |error| <= {TOLERANCE:g}"
CELL_HEAD = (
    "cell",
    "reference",
    "all at once",
    "stepwise",
    "fused module",
    "equations",
    "lecture's equations",
    "gradients",
    VERDICT,
)
CELL_WORDS = ("cell", "reference", VERDICT)
TOPIC_HEAD = ("what pages draw of them", "against", "pages", "error", "verdict")
TOPIC_WORDS = ("what pages draw of them", "against", "pages", "verdict")


def _cell_row(check: CellCheck) -> tuple[str, ...]:
    by_notation = (check.equations.get(name) for name in ("pytorch", "lecture"))
    errors = (check.at_once, check.stepwise, check.fused, *by_notation, check.gradients)
    shown = ("-" if error is None else f"{error:.1e}" for error in errors)
    return (check.cell, check.reference, *shown, _verdict(check.ok))


def _topic_row(check: TopicCheck) -> tuple[str, ...]:
    topic = check.topic
    verdict = f"{_verdict(check.ok)} {check.problem}".rstrip()
    return (topic.what, topic.against, ", ".join(topic.pages), f"{check.difference:.1e}", verdict)


def _verdict(ok: bool) -> str:
    return "ok" if ok else "FAIL"


def _record(cells: Sequence[CellCheck], topics: Sequence[TopicCheck]) -> Any:
    return plain(
        {
            "tolerance": TOLERANCE,
            "ok": _all_ok(cells, topics),
            "cells": [asdict(check) | {"ok": check.ok} for check in cells],
            "topics": [_topic_record(check) for check in topics],
        }
    )


def _topic_record(check: TopicCheck) -> dict[str, Any]:
    topic = check.topic
    told = {name: getattr(topic, name) for name in ("key", "what", "against", "pages")}
    return told | {"error": check.difference, "ok": check.ok, "problem": check.problem}


CASES_OPTION = Option(
    "--cases", {"default": str(CASES), "metavar": "N", "help": f"random sequences per cell (default {CASES})"}
)

VERB = Verb(run_verify, "every cell and all that is made of it against references", (CASES_OPTION, JSON))
