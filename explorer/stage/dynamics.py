"""The payload of the stage on which states and fixed points stand in space."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from explorer.dynamics.landscape import Landscape, signs
from explorer.dynamics.points import LONG, FixedPoints
from explorer.figures.dynamics import (
    NAMES,
    answers_figure,
    eigen_figure,
    in_sight,
    moves_figure,
    odds_figure,
    space_figure,
)
from explorer.figures.signals import cell_name
from explorer.i18n import raised, section, t
from explorer.labels import label
from explorer.stage.payload import Numbers, figure_of, header_for, pack

SHOWN = 4
"""Directions that lead away whose steps to double are named."""


def build_space(
    landscapes: Sequence[Landscape], lang: str, point: int = 0, titles: Sequence[str] = ()
) -> bytes:
    """Returns the payload of one landscape, or two side by side; point opens that point, from 1, if there.

    titles: what networks of files are called.
    """
    numbers = Numbers()
    top = max(float(landscape.moved.max()) for landscape in landscapes)  # two side by side: one scale
    runs = [_run(landscape, lang, numbers, top) for landscape in landscapes]
    for run, title in zip(runs, titles, strict=False):
        run["cell"] = f"{title} · {run['cell']}"
    header = header_for(
        "space",
        lang,
        runs,
        mode="space",
        strings=section("stage", lang) | section("space", lang),
        point=point if point <= len(landscapes[0].points) else 0,
        push=_push(landscapes[0]),
        body=_digest(runs, numbers),
    )
    return pack(header, numbers.parts)


def _digest(runs: list[dict[str, Any]], numbers: Numbers) -> str:
    """Names all but the chosen point, so that choosing one redraws nothing."""
    digest = hashlib.sha1(json.dumps(runs, ensure_ascii=False).encode())
    for part in numbers.parts:
        digest.update(part.tobytes())
    return digest.hexdigest()


def _push(landscape: Landscape) -> float:
    """How far the slider pushes at most: across the states."""
    placed = landscape.space.place(landscape.states)
    return float(np.ptp(placed, axis=0).max()) or 1.0


def _run(landscape: Landscape, lang: str, numbers: Numbers, top: float) -> dict[str, Any]:
    points, F = landscape.points, landscape.recurrence
    bits = landscape.wanted is not None
    leaves = [len(rows) for rows in points.directions]
    directions = np.concatenate([*points.directions, np.empty((0, F.size))])
    arrays = {
        "states": landscape.states,
        "points": points.states.reshape(-1, F.size),
        "mean": landscape.space.mean[None],
        "axes": landscape.space.axes,
        "directions": directions,
        "real": points.eigenvalues.real,
        "imaginary": points.eigenvalues.imag,
        "x": F.x[None],
    }
    if len(F.layers) == 1:
        arrays |= F.layers[0].arrays()
    lines = _line(landscape, lang, top)
    first = points.eigenvalues[0] if len(points) else np.empty(0, complex)
    return {
        "cell": cell_name(F.spec.key, lang),
        "tokens": [asdict(token) for token in landscape.tokens],
        "steps": landscape.steps,
        "units": F.layers[0].hidden_size,
        "inputs": F.layers[0].input_size,
        "states": list(F.spec.states),
        "blocks": F.layers[0].blocks,
        "recurrentBlocks": F.layers[0].seeing,
        "peepholeBlocks": F.layers[0].peephole_blocks,
        "equations": F.spec.equations if len(F.layers) == 1 else None,
        "arrays": {name: numbers.add(array) for name, array in arrays.items()},
        "space": figure_of(space_figure(landscape, lang, named=not bits), numbers),
        "eigen": figure_of(eigen_figure(first, lang), numbers),
        "lines": [figure_of(lines, numbers)],
        "heatmaps": [],
        "leaves": leaves,
        "points": [_point(landscape, row, bits, lang) for row in range(len(points))],
        "groups": _groups(points, bits, lang),
        "found": _found(points, lang),
    }


def _line(landscape: Landscape, lang: str, top: float) -> Any:
    """What is drawn by step: the answers of bits, the odds of two answers, else how far the state moved."""
    if landscape.wanted is not None:
        return answers_figure(landscape, lang)
    return odds_figure(landscape, lang) if landscape.names else moves_figure(landscape, lang, top=top)


def _point(landscape: Landscape, row: int, bits: bool, lang: str) -> dict[str, Any]:
    """What is said of a point: its name, what the network answers there, what fades, what it parts."""
    points = landscape.points
    unstable, exact = int(points.unstable[row]), bool(points.exact[row])
    said = [_is(unstable, exact, lang)]
    if not in_sight(landscape)[row]:
        said.append(t("space.far", lang, largest=f"{np.abs(points.states[row]).max():,.0f}"))
    if not exact:
        said.append(t("space.moves", lang, speed=raised(f"{np.sqrt(points.speed[row]):.2g}")))
    said.append(t("space.half_life", lang, steps=_half_life(points, row)))
    if unstable:
        said.append(t("space.leaving", lang, steps=_doublings(points, row)))
    ends = [
        t(
            "space.parts",
            lang,
            one=_name(landscape, one, bits, lang),
            other=_name(landscape, other, bits, lang),
        )
        for one, other in landscape.decides[row]
        if one >= 0 and other >= 0
    ]
    return {
        "name": _name(landscape, row, bits, lang),
        "title": t("space.answers", lang, name=_name(landscape, row, bits, lang)),
        "unstable": unstable,
        "exact": exact,
        "said": said,
        "parts": ends if bits or len(ends) < 4 else [],
    }


def _is(unstable: int, exact: bool, lang: str) -> str:
    if not exact:
        return t("space.is_slow", lang, n=unstable)
    return t("space.is_stable", lang) if unstable == 0 else t("space.is_saddle", lang, n=unstable)


def _name(landscape: Landscape, row: int, bits: bool, lang: str) -> str:
    """The answer there: signs of bits, or the most probable next token, or a number."""
    answers = landscape.said[row]
    if bits:
        return signs(answers).replace(" ", "")
    if landscape.names:
        return f"{row + 1}: {landscape.names[int(answers.argmax())]}"
    if landscape.model.vocabulary is not None:
        return f"{row + 1}: {label(landscape.model.vocabulary[int(answers.argmax())])}"
    return f"{row + 1}: {answers[0]:.2f}" if len(answers) == 1 else f"{row + 1}"


def _half_life(points: FixedPoints, row: int) -> str:
    """Steps to one half of what fades slowest."""
    inside = np.abs(points.eigenvalues[row]) <= 1.0
    return f"{points.half_lives[row][inside].max(initial=0.0):.3g}"


def _doublings(points: FixedPoints, row: int) -> str:
    """Steps to the double of what grows, the fastest first, a few."""
    outside = np.abs(points.eigenvalues[row]) > 1.0
    return ", ".join(f"{value:.3g}" for value in np.sort(points.half_lives[row][outside])[:SHOWN])


def _groups(points: FixedPoints, bits: bool, lang: str) -> list[dict[str, Any]]:
    """The points by kind: what the kind is called, and which rows are of it."""
    found = []
    for exact in (True, False):
        for unstable in sorted(set(points.unstable[points.exact == exact].tolist())):
            rows = np.flatnonzero((points.unstable == unstable) & (points.exact == exact)).tolist()
            named = bits and exact and unstable < len(NAMES) and len(points.stable) > 1
            key = f"kind_{NAMES[unstable]}" if named else "kind_exact" if exact else "kind_slow"
            name = t(f"space.{key}", lang, n=len(rows), k=unstable)
            found.append({"name": name, "rows": rows, "unstable": unstable, "exact": exact})
    return found


def _found(points: FixedPoints, lang: str) -> list[str]:
    """How the search went: from how many starts, what was lost, and whether the degree adds up."""
    said = [t("space.searched", lang, starts=points.starts, lost=points.lost)]
    if len(points.restless):
        said.append(_restless(points, lang))
    if points.bounded:
        key = "index_whole" if points.index == 1 else "index_short"
        said.append(t(f"space.{key}", lang, index=points.index))
    return said


def _restless(points: FixedPoints, lang: str) -> str:
    """How many led states have not come to rest, and how far the middle one of them still moves."""
    pace = float(np.median(points.restless))
    key, speed = ("restless", f"{pace:.2g}") if np.isfinite(pace) else ("endless", "")
    n, led = len(points.restless), len(points.pace)
    return t(f"space.{key}", lang, n=n, led=led, steps=f"{LONG:,}", speed=speed)
