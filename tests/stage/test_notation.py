"""Beside a GRU's arithmetic stands the notation it is in, and what that does to PyTorch's weights."""

import numpy as np
import pytest

from explorer import CELLS, Experiment
from explorer.experiment import Display
from explorer.i18n import LANGUAGES, t
from explorer.stage.payload import build, header_of
from tests.helpers import EVERY, walked


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("cell", EVERY)
@pytest.mark.parametrize("notation", ["pytorch", "lecture"])
def test_a_run_says_its_notation_where_there_are_two(cell, notation, lang):
    (run,) = header_of(
        build(walked(Experiment(cell=cell, weights="untrained"), notation), Display(lang, notation))
    )["runs"]
    assert run["notation"] == (t(f"stage.z_{notation}", lang) if CELLS[cell].lecture else "")


def test_in_lecture_notation_the_weights_of_z_have_the_opposite_sign():
    pytorch, lecture = (
        walked(Experiment(cell="gru"), notation).runs[0].trace.weights for notation in ("pytorch", "lecture")
    )
    assert np.array_equal(pytorch.w_ih[pytorch.rows("z")], -lecture.w_ih[lecture.rows("z")])
    assert "opposite sign" in t("stage.z_lecture", "en") and "반대" in t("stage.z_lecture", "ko")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_cell_is_named_after_a_library(lang):
    assert not any("PyTorch" in t(f"cell.{cell}", lang) for cell in CELLS)
