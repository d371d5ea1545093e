"""The verbs of the command line.

A verb is one file beside this one, with a function that takes the parsed options and returns the exit
status, and one line in VERBS.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from explorer.commands import (
    amount,
    app,
    dynamics,
    generate,
    gradients,
    inspect,
    ship,
    site,
    trace,
    train,
    verify,
    view,
    worksheet,
)
from explorer.commands.options import UsageError, Verb, language

VERBS: dict[str, Verb] = {
    "trace": trace.VERB,
    "gradients": gradients.VERB,
    "train": train.VERB,
    "generate": generate.VERB,
    "dynamics": dynamics.VERB,
    "worksheet": worksheet.VERB,
    "amount": amount.VERB,
    "view": view.VERB,
    "inspect": inspect.INSPECT,
    "convert": inspect.CONVERT,
    "ship": ship.VERB,
    "site": site.VERB,
    "verify": verify.VERB,
    "app": app.VERB,
}


def carry_out(given: Sequence[str]) -> int:
    """Carries out one command and returns its exit status; a refusal is a sentence on stderr."""
    try:
        chosen = _parsed(given)
        if "lang" in chosen:
            language(chosen.lang)
        chosen.command = shlex.join(("python", "-m", "explorer", *given))
        return VERBS[chosen.verb].run(chosen)
    except UsageError as error:
        print(f"explorer: {error}", file=sys.stderr)
        return 2


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see `{self.prog} --help`.")


def _parsed(given: Sequence[str]) -> argparse.Namespace:
    parser = _parser()
    chosen, rest = parser.parse_known_args(given)
    if rest and not VERBS[chosen.verb].passes_on:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    chosen.rest = rest
    return chosen


def _parser() -> argparse.ArgumentParser:
    name = "rnn-explorer" if Path(sys.argv[0]).stem == "rnn-explorer" else "python -m explorer"
    parser = _Parser(prog=name, description="See inside recurrent networks.")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, verb in VERBS.items():
        added = verbs.add_parser(name, help=verb.help, description=verb.help, allow_abbrev=False)
        for option in verb.options:
            added.add_argument(option.flag, **option.settings)
    return parser
