"""The command line: the same work without a browser.

    python -m explorer trace --cell gru --text "the fat cat sat" --out t.npz
    python -m explorer trace --cell gru --text "the fat cat sat" --out t.html
    python -m explorer gradients --cell gru --text "the fat cat sat" --out g.npz
    python -m explorer train --data adding --length 100 --cells rnn,lstm,gru --seeds 0:10 --out run.json
    python -m explorer generate --model tales_en --cell gru --prompt "The fox" --temperature 0.8 --tokens 60
    python -m explorer dynamics --cell lstm --scene cube
    python -m explorer view "/language?view=predict&text=the+cat" --out view.html
    python -m explorer inspect model.onnx
    python -m explorer ship --only tales_en
    python -m explorer verify
    python -m explorer app

Installed, it is also called rnn-explorer. Exit status: 0 done, 1 a check failed, 2 something that was
asked for cannot be had, 130 interrupted.
"""

import os
import sys
from collections.abc import Sequence

from explorer.extras import Missing, needed


def main(argv: Sequence[str] | None = None) -> int:
    """Carries out one command and returns its exit status; a missing package is a sentence on stderr."""
    try:
        with needed():
            from explorer.commands.verbs import carry_out

            return carry_out(sys.argv[1:] if argv is None else argv)
    except Missing as missing:
        print(f"explorer: {missing}", file=sys.stderr)
        return 2


def run() -> int:
    """Carries out the command of this process: what rnn-explorer does."""
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
    sys.exit(run())
