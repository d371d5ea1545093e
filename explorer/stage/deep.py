"""The payload of a sentence read by a stack of layers: states, tags, another next word, gradients."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from explorer.architectures.deep import OTHERS, TaggedText, Tagging
from explorer.data.exercises import tags
from explorer.figures.deep import HUE, NETWORKS, layer_figure
from explorer.i18n import section, t
from explorer.labels import label
from explorer.stage.payload import Numbers, figure_of, header_for, pack

FLOOR = -12.0
"""The smallest power of ten that the colours of a gradient tell apart."""


def build_deep(sentence: TaggedText, readings: dict[str, Tagging], shown: str, lang: str) -> bytes:
    """Returns the payload of a sentence read by both networks, `one` and `both`; shown: the one in full.

    Arrays: h.r (T, H) of row r, after each step; change.k (T-1, R*T) and gradient (T, R*T), by the step they
    are about; p.name (T, K) and other.name.k (T-1, K) of both networks, k the other next word.
    """
    numbers, reading = Numbers(), readings[shown]
    T, rows = len(sentence.words), reading.rows
    arrays: dict[str, np.ndarray] = {f"h.{r}": layer.output for r, layer in enumerate(rows)}
    arrays["gradient"] = reading.gradient.swapaxes(0, 1).reshape(T, -1)
    for k in range(OTHERS):
        arrays[f"change.{k}"] = reading.change[:, k].reshape(T - 1, len(rows) * T)
    for name in NETWORKS:
        arrays[f"p.{name}"] = readings[name].p
        for k in range(OTHERS):
            arrays[f"other.{name}.{k}"] = readings[name].p_other[:, k]
    labels = [token.label for token in sentence.shown]
    others = [other for other in readings.values() if other is not reading]
    figures = [layer_figure(reading, r, labels, lang, beside=others) for r in range(len(rows))]
    names = tags(sentence.lang)
    run = {
        "tokens": [asdict(token) for token in sentence.shown],
        "steps": T,
        "units": rows[0].hidden_size,
        "arrays": {name: numbers.add(array) for name, array in arrays.items()},
        "heatmaps": [figure_of(figure, numbers) for figure in figures],
        "lines": [],
        "rows": [{"layer": layer.layer + 1, "reverse": layer.reverse} for layer in rows],
        "tags": [t(f"mappings.tag_{name}", lang) for name in names],
        "asked": [-1 if tag is None else names.index(tag) for tag in sentence.asked],
        "undecided": list(sentence.undecided),
        "others": [[label(word) for word in words] for words in reading.others],
    }
    header = header_for(
        "deep",
        lang,
        [run],
        strings=section("stage", lang) | section("deep", lang),
        shown=shown,
        networks=[{"name": name, "hue": HUE[name], "label": _name(name, lang)} for name in NETWORKS],
        powers=_powers(reading.gradient),
        most=_most(reading.change),
        bad=_first_bad(reading),
    )
    return pack(header, numbers.parts)


def _name(name: str, lang: str) -> str:
    return t(f"option.directions.{name}", lang)


def _powers(gradient: np.ndarray) -> list[float]:
    """The range of powers of ten that the colours of the gradient stand for."""
    seen = gradient[np.isfinite(gradient) & (gradient > 0)]
    if not seen.size:
        return [-1.0, 0.0]
    high = float(np.log10(seen.max()))
    return [min(max(float(np.log10(seen.min())), FLOOR), high - 1.0), high]


def _most(change: np.ndarray) -> float:
    finite = change[np.isfinite(change)]
    return float(finite.max(initial=0.0)) or 1.0


def _first_bad(reading: Tagging) -> int | None:
    found: Sequence[int] = [bad for layer in reading.rows if (bad := layer.first_bad_step) is not None]
    return min(found, default=None)
