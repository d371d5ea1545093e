"""The payload of the stage `units`: a text, every unit's activations over it, and what was measured."""

import hashlib
import json
from typing import Any

import numpy as np

from explorer.cells import CELLS
from explorer.experiment import FEATURES, Display, Experiment
from explorer.figures.signals import cell_name
from explorer.figures.units import saturation_figure
from explorer.i18n import section, t
from explorer.labels import UNKNOWN, label
from explorer.language.correlation import Track
from explorer.language.units import Units
from explorer.stage.payload import Numbers, figure_of, header_for, pack

SHOWN = 600
"""Tokens on the stage: a screen or two of text. More are measured than are shown."""


def build_units(units: Units, experiment: Experiment, display: Display) -> bytes:
    """Returns the payload; the experiment says feature, pattern and shade to open with."""
    numbers, lang = Numbers(), display.lang
    shown = min(len(units.tokens), SHOWN)
    arrays = {
        **{state: array[:shown] for state, array in units.states.items()},
        "lost": (units.zeroed - units.nats[:, None])[:shown],
        "nats": units.nats[:shown],
        "perplexity": np.array([units.perplexity]),
        "without": units.without,
    }
    if units.half_life is not None:
        arrays["half_life"] = units.half_life
    places = {name: numbers.add(array) for name, array in arrays.items()}
    figure = figure_of(saturation_figure(units, display), numbers)
    run: dict[str, Any] = {
        "cell": cell_name(units.cell, lang),
        "tokens": [_token(units, at) for at in range(shown)],
        "steps": shown,
        "units": units.hidden_size,
        "lines": [figure] if CELLS[units.cell].gates else [],
    }
    same = hashlib.sha1(json.dumps([run, units.own, lang]).encode())
    for part in numbers.parts:
        same.update(part.tobytes())
    for track in units.tracks:
        for name, array in _of(track, units, shown).items():
            places[f"{name}.{track.kind}"] = numbers.add(array)
    header = header_for(
        "units",
        lang,
        [run | {"arrays": places}],
        strings=section("stage", lang) | section("units", lang),
        unit=units.token_level,
        starts=[at for at in units.starts if at < shown],
        own=min(units.own, shown),
        measured=units.measured,
        ranked=units.ranked,
        bad=None if units.first_bad is None else units.first_bad + 1,
        keep=_keep(units, display),
        features=[_feature(kind, units, lang) for kind in FEATURES],
        feature=experiment.feature,
        states=list(units.states),
        shade=experiment.shade if experiment.shade in CELLS[units.cell].states else "h",
        pattern=experiment.pattern,
        same=same.hexdigest(),
    )
    return pack(header, numbers.parts)


def _keep(units: Units, display: Display) -> str | None:
    """The share that is kept, in the notation that is read."""
    spec = CELLS[units.cell]
    return f"(1 − {spec.keep})" if spec.keep in display.flips(spec) else spec.keep


def _token(units: Units, at: int) -> dict[str, Any]:
    """A token as the stage reads it; apart says whether something stands between it and the one before.

    Jamo of a syllable stand together: an initial consonant begins one.
    """
    token, known = units.tokens[at], units.known[at]
    shown = label(token) if known else UNKNOWN
    apart = units.token_level == "word" or (units.token_level == "jamo" and "\u1100" <= token[0] <= "\u115f")
    return {"label": shown, "original": label(token), "known": known, "marked": False, "apart": apart}


def _feature(kind: str, units: Units, lang: str) -> dict[str, Any]:
    track = units.track(kind)
    names = [] if track is None else [label(name) for name in track.names]
    return {
        "kind": kind,
        "name": t(f"option.feature.{kind}", lang),
        "there": track is not None,
        "names": names,
    }


def _of(track: Track, units: Units, shown: int) -> dict[str, np.ndarray]:
    arrays = {
        "value": track.values[:shown],
        "mean": units.lost(track),
        "averaged": units.lost(track, "mean"),
    }
    for state, r in track.r.items():
        arrays[f"r.{state}"] = r
        arrays[f"meaning.{state}"] = track.meaning[state].astype(float)
        arrays[f"chance.{state}"] = np.array([track.chance[state]])
    return arrays
