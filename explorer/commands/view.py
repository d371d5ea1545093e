"""`python -m explorer view`: any view of the app as a file, from its link."""

import argparse
import json
from typing import TYPE_CHECKING

from explorer.commands.options import JSON, LANG, Option, UsageError, Verb, checked_path, language
from explorer.commands.output import written
from explorer.commands.own import SEQUENCE, VOCABULARY
from explorer.i18n import Refused

if TYPE_CHECKING:
    from explorer.stage.views import View

ENDINGS = (".html", ".npz", ".csv", ".json", ".py")


def run_view(chosen: argparse.Namespace) -> int:
    """Carries out a view and writes it: as a page, its numbers or the script that makes them again."""
    from explorer.stage import taking
    from explorer.stage.views import view  # Plotly takes a while to load

    lang, out = language(chosen.lang), checked_path(chosen.out, ENDINGS)
    try:
        seen = view(_local(chosen.link), lang=lang, network=chosen.network, vocabulary=chosen.vocabulary,
                    sequence=chosen.sequence, beside=chosen.beside)  # fmt: skip
    except Refused as error:
        raise UsageError(error.said(lang)) from error
    except (ValueError, OSError) as error:
        raise UsageError(f"{chosen.link!r} cannot be shown: {error}.") from error
    ending = out.suffix.lower()
    with written(out):
        if ending == ".npz":
            out.write_bytes(taking.npz(seen.payload))
        else:
            out.write_text(_made(seen, ending), encoding="utf-8")
    if chosen.json:
        print(json.dumps({"out": str(out), "title": seen.title}, ensure_ascii=False))
    else:
        print(f"Wrote {out}: {seen.title}")
    return 0


def _made(seen: "View", ending: str) -> str:
    from explorer.stage import taking

    if ending == ".html":
        return seen.to_html()
    if ending == ".py":
        return seen.to_script()
    return {".csv": taking.table, ".json": taking.record}[ending](seen.payload)


def _local(link: str) -> str:
    """A link of the app, whoever serves it, as a place in it."""
    _, found, rest = link.partition("://")
    return "/" + rest.partition("/")[2] if found else link


LINK = Option("link", {"metavar": "LINK", "help": "a link of the app, such as '/gradients?cell=gru'"})
OUT = Option(
    "--out",
    {
        "required": True,
        "metavar": "FILE",
        "help": "the stage as one .html, its numbers as .npz, .csv or .json, or a .py that makes them again",
    },
)
NETWORK = Option(
    "--network",
    {"metavar": "FILE", "help": "a network in place of the link's: kept by Train live, or yours"},
)
BESIDE = Option(
    "--beside",
    {
        "metavar": "FILE",
        "help": "of the network that the link has beside it, if it is another",
    },
)

VERB = Verb(
    run_view,
    "any view of the app as a file, from its link",
    (LINK, OUT, LANG, NETWORK, VOCABULARY, SEQUENCE, BESIDE, JSON),
)
