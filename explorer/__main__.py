"""The command line: the same work without a browser.

    python -m explorer trace --cell gru --text "the fat cat sat" --out t.npz
    python -m explorer trace --cell gru --text "the fat cat sat" --out t.html
    python -m explorer gradients --cell gru --text "the fat cat sat" --out g.npz
    python -m explorer train --data adding --length 100 --cells rnn,lstm,gru --seeds 0:10 --out run.json
    python -m explorer generate --model tales_en --cell gru --prompt "The fox" --temperature 0.8 --tokens 60
    python -m explorer dynamics --cell lstm --scene cube
    python -m explorer ship --only tales_en
    python -m explorer verify

A verb is one file in explorer/commands, with a function that takes the parsed options and returns the
exit status, and one line in VERBS. Exit status: 0 done, 1 a check failed, 2 something that was asked for
cannot be had, 130 interrupted.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from typing import NoReturn

from explorer.commands import amount, dynamics, generate, gradients, ship, trace, train, verify
from explorer.commands.options import UsageError, Verb

VERBS: dict[str, Verb] = {
    "trace": trace.VERB,
    "gradients": gradients.VERB,
    "train": train.VERB,
    "generate": generate.VERB,
    "dynamics": dynamics.VERB,
    "amount": amount.VERB,
    "ship": ship.VERB,
    "verify": verify.VERB,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Carries out one command and returns its exit status; a refusal is a sentence on stderr."""
    try:
        given = sys.argv[1:] if argv is None else argv
        chosen = _parser().parse_args(given)
        chosen.command = shlex.join(("python", "-m", "explorer", *given))
        return VERBS[chosen.verb].run(chosen)
    except UsageError as error:
        print(f"explorer: {error}", file=sys.stderr)
        return 2


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see `{self.prog} --help`.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m explorer", description="See inside recurrent networks.")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, verb in VERBS.items():
        added = verbs.add_parser(name, help=verb.help, description=verb.help, allow_abbrev=False)
        for option in verb.options:
            added.add_argument(option.flag, **option.settings)
    return parser


def _run() -> int:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot show Hangul shows ?
    try:
        status = main()
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader has seen enough, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(_run())
