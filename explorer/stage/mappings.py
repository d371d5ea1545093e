"""The payload of a mapping: one of its networks stepped through, a decoder's with its attention."""

from dataclasses import asdict
from typing import Any

from explorer.architectures.mappings import Reading, walk_of
from explorer.experiment import Display, Experiment
from explorer.figures.mappings import attention_figure
from explorer.i18n import t
from explorer.lab.walk import Walk
from explorer.stage.payload import Numbers, figure_of, pack_walk, run_of


def build_mapped(reading: Reading, second: bool, start: int, display: Display) -> tuple[Walk, bytes]:
    """Returns the walk through a part of a reading, the second or the first, and its payload."""
    network, lang = reading.network, display.lang
    walk = walk_of(reading.parts[second], Experiment(cell=network.cell, start=start))
    numbers = Numbers()
    run = run_of(walk.runs[0], numbers, display) | _attended(reading, second, numbers, lang)
    words = {"next_token": t(f"mappings.says_{network.mapping}", lang)}
    return walk, pack_walk(walk, [run], numbers, lang, words)


def _attended(reading: Reading, second: bool, numbers: Numbers, lang: str) -> dict[str, Any]:
    """A decoder's attention: its weights (T, S), the tokens they are of, their heatmap; else nothing."""
    encoder, part = reading.parts[0], reading.parts[second]
    if part.attention is None:
        return {}
    said = [column.said.best for column in reading.columns if column.said is not None]
    read = [token.label for token in encoder.given.tokens]
    figure = attention_figure.sketch(said, read, part.first, lang)
    return {
        "attention": {
            "weights": numbers.add(part.attention),
            "said": said,
            "tokens": [asdict(token) for token in encoder.given.tokens],
            "figure": figure_of(figure, numbers),
        }
    }
