"""The payload of the stage on which forgetting stands beside vanishing."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from explorer.figures.counts import share
from explorer.figures.decades import ten_to
from explorer.figures.memory import accuracy_figure, forgetting_figure, gradient_figure, vanishing_figure
from explorer.i18n import section, t
from explorer.labels import label
from explorer.language.probing import Finding, Memory, finding
from explorer.stage.payload import Numbers, figure_of, header_for, pack


def build_memory(
    memories: Sequence[Memory], vocabulary: Sequence[str], lang: str, state: str, bare: bool = False
) -> bytes:
    """Returns the payload of one network's memories, a run for each kind of sequence.

    state is shown first, where the cell has it. bare: whether the network is untrained.
    """
    numbers = Numbers()
    runs = [_run(memory, memories, vocabulary, lang, numbers) for memory in memories]
    states = list(memories[0].readings)
    header = header_for(
        "memory",
        lang,
        runs,
        strings=section("stage", lang) | section("memory", lang),
        states=states,
        state=state if state in states else states[0],
        bare=bare,
    )
    return pack(header, numbers.parts)


def _run(
    memory: Memory, beside: Sequence[Memory], vocabulary: Sequence[str], lang: str, numbers: Numbers
) -> dict[str, Any]:
    arrays = {"ids": memory.ids, "baseline": memory.baseline, "guessed": memory.baseline_by_distance}
    heatmaps, lines, said = [], [], {}
    for symbol, reading in memory.readings.items():
        arrays |= {
            f"accuracy.{symbol}": reading.accuracy,
            f"norm.{symbol}": reading.norm,
            f"guess.{symbol}": reading.guess,
            f"read.{symbol}": reading.accuracy_by_distance,
            f"arrives.{symbol}": reading.norm_by_distance,
        }
        heatmaps.append(forgetting_figure(memory, symbol, lang))
        heatmaps.append(vanishing_figure(memory, symbol, lang, beside=beside))
        lines += [figure(memory, symbol, lang) for figure in (accuracy_figure, gradient_figure)]
        said[symbol] = _sentences(memory, finding(memory, symbol), symbol, lang)
    shown = {int(k) for k in memory.ids} | _ids(memory)
    return {
        "kind": memory.kind,
        "tokens": [asdict(token) for token in memory.tokens],
        "steps": memory.steps,
        "units": memory.steps,
        "arrays": {name: numbers.add(array) for name, array in arrays.items()},
        "heatmaps": [figure_of(figure, numbers) for figure in heatmaps],
        "lines": [figure_of(figure, numbers) for figure in lines],
        "names": {str(k): label(vocabulary[k]) for k in sorted(shown)},
        "tested": memory.tested,
        "about": t(f"memory.about_{memory.kind}", lang, n=memory.choices),
        "notice": None if memory.bad is None else t("memory.overflow", lang, step=memory.bad),
        "said": said,
    }


def _ids(memory: Memory) -> set[int]:
    guesses = np.concatenate([reading.guess.ravel() for reading in memory.readings.values()])
    return {int(k) for k in np.unique(guesses) if k >= 0}


def _sentences(memory: Memory, found: Finding, symbol: str, lang: str) -> list[str]:
    """What is found over a distance, in numbers; then what it means."""
    if found.verdict == "nonfinite":
        return [t("memory.nonfinite", lang)]
    values = {
        "d": found.distance,
        "s": symbol,
        "n": memory.tested,
        "right": share(round(found.accuracy * memory.tested), memory.tested, lang),
        "guess": _share(found.baseline),
        "left": _size(found.shrunk, lang),
    }
    return [t("memory.numbers", lang, **values), t(f"memory.{found.verdict}", lang, **values)]


def _size(ratio: float, lang: str) -> str:
    """What is left of a size, in words: a part of it, in percent while that says much, or times as much."""
    if ratio >= 10.0:
        return t("memory.fold", lang, n=f"{ratio:,.0f}" if ratio < 1e5 else _power(ratio))
    return t("memory.part", lang, n=_power(ratio) if 0.0 < ratio < 0.001 else f"{_percent(100.0 * ratio)} %")


def _share(value: float) -> str:
    """Returns a share as the triangles beside it say it: below a tenth with one decimal."""
    return f"{value:.{0 if value >= 0.0995 else 1}%}".replace("%", " %")


def _percent(share: float) -> str:
    return f"{share:.2g}" if share < 10.0 else f"{share:.0f}"


def _power(ratio: float) -> str:
    return ten_to(float(np.log10(ratio)))
