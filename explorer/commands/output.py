"""What commands write and say alike: arrays in files, and how a run stands."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from explorer.commands.options import UsageError
from explorer.lab.learned import Learned, Token
from explorer.lab.walk import WholeRun
from explorer.labels import UNKNOWN
from explorer.nn.tracing import LayerTrace
from explorer.text import plain
from explorer.training.trainer import Fit


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays by name as .npz or .json. Raises UsageError where that cannot be."""
    with written(path):
        if path.suffix.lower() == ".npz":
            with path.open("wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]  # no array is called allow_pickle
        else:
            record = json.dumps(plain(arrays), allow_nan=False, ensure_ascii=False)
            path.write_text(record + "\n", encoding="utf-8")


@contextmanager
def written(path: Path) -> Iterator[None]:
    """Says in a sentence why a file cannot be written."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"--out {str(path)!r} cannot be written: {error.strerror}.") from error


def say_written(path: Path, arrays: Mapping[str, np.ndarray], as_json: bool) -> None:
    """Prints what was written."""
    if as_json:
        shapes = {name: array.shape for name, array in arrays.items()}
        print(json.dumps({"out": str(path), "shapes": shapes}))
    else:
        print(f"Wrote {path}: {arrays['cell']}, {len(arrays['tokens'])} steps, {', '.join(arrays)}")


def note_problems(run: WholeRun) -> None:
    """Says on stderr where no token was known."""
    if not any(token.known for token in run.tokens):
        print("explorer: the model knows none of these tokens; it read <unk> throughout.", file=sys.stderr)


def fitted(fit: Fit | None) -> str:
    """Returns how a network came to be, in words."""
    if fit is None:
        return "untrained"
    if fit.task in ("own", "file"):
        return "weights of the file"
    reached = "goal reached" if fit.passed else "goal not reached"
    return f"trained {fit.steps} steps, loss {fit.loss:.3g}, {reached}"


def layer_named(layer: LayerTrace, learned: Learned) -> str:
    """Returns which layer of several is meant; nothing where there is one."""
    levels = learned.model.layer_weights()
    return f"layer {layer.layer + 1} of {len(levels)}, " if len(levels) > 1 else ""


def shown_token(token: Token) -> str:
    """Returns a token as typed, with what the model read or that it is marked."""
    if token.marked:
        return f"{token.original} *"
    return token.original if token.known else f"{token.original} {UNKNOWN}"
