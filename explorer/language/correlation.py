"""How well each unit tells a feature of a text, and how well the best of them would by chance."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from explorer.data.grammar import Sentence
from explorer.experiment import FEATURES
from explorer.language.features import cue, marked

CHANCE_SHIFTS = 200
"""Shifts of a feature against the text that tell what chance would give."""


@dataclass(frozen=True, eq=False)
class Track:
    """How well each unit tells one feature of a text of N tokens.

    values (N, K): the feature; K is over 1 where it is a choice of K meanings, named by names. decides
    (N,): tokens that the feature decides, such as the mark that closes a quotation. r, by state h or c,
    (H,): the correlation of each unit with the feature, of its meanings the one with the largest |r|, at
    column meaning (H,); NaN for a unit that does not vary. chance, by state: the |r| that the best of
    all units stays under in 95 % of the shifts of the same feature against the text.
    """

    kind: str
    values: np.ndarray
    names: tuple[str, ...]
    decides: np.ndarray
    r: dict[str, np.ndarray]
    meaning: dict[str, np.ndarray]
    chance: dict[str, float]

    def best(self, state: str = "h") -> int:
        """Returns the unit with the largest |r| of a state; the first of equals."""
        return int(np.nan_to_num(np.abs(self.r[state]), nan=-1.0).argmax())


def tracks(
    stretches: Sequence[Sentence], states: dict[str, np.ndarray], own: int, token_level: str
) -> Iterator[Track]:
    """Yields the track of every feature but a pattern that varies in the text."""
    for kind in FEATURES:
        names: tuple[str, ...] = ()
        if kind == "pattern" or (kind == "cue" and not any(s.cues for s in stretches)):
            continue
        if kind == "cue":
            values, decides, names = cue(stretches, token_level)
        else:
            values, decides = marked([s.tokens for s in stretches], token_level, kind)
        if track := track_of(kind, values, decides, names, states, own):
            yield track


def track_of(
    kind: str,
    values: np.ndarray,
    decides: np.ndarray,
    names: tuple[str, ...],
    states: dict[str, np.ndarray],
    own: int,
) -> Track | None:
    """Returns a track measured over all tokens but one's own; None where the feature does not vary."""
    measured = values[own:]
    if not (measured != measured[0]).any():
        return None
    found = {name: _told(state[own:], measured) for name, state in states.items()}
    return Track(
        kind,
        values,
        names,
        decides,
        r={name: r for name, (r, _, _) in found.items()},
        meaning={name: meaning for name, (_, meaning, _) in found.items()},
        chance={name: luck for name, (_, _, luck) in found.items()},
    )


def _told(state: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Returns r and meaning (H,) of a state (N, H) with values (N, M), and chance: see Track."""
    each = np.stack([correlations(state, column) for column in values.T], -1)  # (H, M)
    meaning = np.nan_to_num(np.abs(each), nan=-1.0).argmax(-1)
    return np.take_along_axis(each, meaning[:, None], -1)[:, 0], meaning, chance(state, values)


def correlations(activations: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns Pearson's r (H,) of each unit's activations (N, H) with values (N,).

    NaN where either does not vary or is not finite.
    """
    return _standard(activations).T @ _standard(values[:, None])[:, 0]


def chance(activations: np.ndarray, values: np.ndarray, count: int = CHANCE_SHIFTS) -> float:
    """Returns the |r| that the best unit reaches by chance: the 95 % quantile over shifts of the values.

    values (N, K) are moved round the text by up to count distances, evenly spread; at each the best of
    all units (N, H) and meanings counts. A shifted feature keeps its own rhythm, and so does chance.
    NaN for fewer than three tokens, and where no unit has a correlation.
    """
    N = len(values)
    if N < 3:
        return float("nan")
    shifts = np.unique(np.linspace(1, N - 1, min(count, N - 1)).round().astype(int))
    scaled = _standard(activations)
    around = (np.arange(N)[:, None] - shifts) % N  # (N, S)
    best = np.full(len(shifts), np.nan)
    for column in _standard(values).T:
        r = np.abs(scaled.T @ column[around])  # (H, S)
        best = np.fmax(best, np.fmax.reduce(r, axis=0))
    return float(np.quantile(best, 0.95))


def _standard(columns: np.ndarray) -> np.ndarray:
    """Returns columns with mean 0 and length 1, all NaN where that cannot be."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        largest = np.abs(columns).max(0)
        moved = columns / np.where(largest > 0, largest, 1.0)
        moved = moved - moved.mean(0)
        length = np.linalg.norm(moved, axis=0)
        varies = length > 1e-12 * np.sqrt(len(columns))
        return np.where(varies, moved / length, np.nan)
