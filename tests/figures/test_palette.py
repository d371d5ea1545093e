"""Hues can be told apart: the cells' from the signals', and from each other also by colour-blind readers."""

from itertools import combinations

import numpy as np
import pytest

from explorer.cells import CELLS
from explorer.figures.palette import GROUND, HUES, THEMES

_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
"""Oklab (Ottosson 2020) from linear RGB."""

VISIONS = {
    "all": np.eye(3),
    "no red": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "no green": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "no blue": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
"""Linear RGB as seen without one kind of cone (Machado et al. 2009, severity 1)."""


def linear(colour: str) -> np.ndarray:
    c = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def distance(a: str, b: str, vision: np.ndarray) -> float:
    """In Oklab, where .02 is just seen and black to white is 1."""
    one, other = (_LAB @ np.cbrt(_LMS @ np.clip(vision @ linear(c), 0, 1)) for c in (a, b))
    return float(np.linalg.norm(one - other))


def contrast(a: str, b: str) -> float:
    dark, light = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (a, b))
    return (light + 0.05) / (dark + 0.05)


CELL_HUES = sorted({spec.hue for spec in CELLS.values()})
SIGNAL_HUES = sorted({signal.hue for spec in CELLS.values() for signal in spec.signals} | {"x"})


def test_no_cell_has_the_hue_of_a_signal():
    assert not set(CELL_HUES) & set(SIGNAL_HUES)
    assert len({CELLS[cell].hue for cell in ("rnn", "lstm", "gru")}) == 3


@pytest.mark.parametrize("theme", THEMES)
def test_a_cell_is_not_taken_for_a_signal(theme: str):
    hues = HUES[theme]
    near = {(c, s): distance(hues[c], hues[s], VISIONS["all"]) for c in CELL_HUES for s in SIGNAL_HUES}
    assert min(near.values()) > 0.08, min(near, key=lambda pair: near[pair])


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("vision", VISIONS)
def test_cells_are_told_apart_also_without_one_kind_of_cone(theme: str, vision: str):
    hues = HUES[theme]
    near = {
        pair: distance(*(hues[cell] for cell in pair), VISIONS[vision]) for pair in combinations(CELL_HUES, 2)
    }
    assert min(near.values()) > 0.1, min(near, key=lambda pair: near[pair])


@pytest.mark.parametrize("theme", THEMES)
def test_every_hue_can_be_read_on_the_ground(theme: str):
    for hue in (*CELL_HUES, *SIGNAL_HUES):
        assert contrast(HUES[theme][hue], GROUND[theme]) > 4.5, hue
