"""LSTMs with a part switched off: what a line on a log axis is called stands at its line."""

from math import log10

import pytest

from explorer.experiment import Experiment
from explorer.figures.variants import variants_figure
from explorer.i18n import LANGUAGES, t
from explorer.training.bands import shipped_of
from explorer.training.race import preset_changes, race_of


@pytest.mark.parametrize("lang", LANGUAGES)
def test_goal_and_baseline_are_named_at_their_lines(lang):
    race = race_of(Experiment().with_changes(preset_changes("parts"))[0])
    figure = variants_figure(race, shipped_of(race), 0, 0.167, 0.01, lang)
    assert figure.layout.yaxis.type == "log"
    lines = [shape.y0 for shape in figure.layout.shapes]
    notes = {note.text: note for note in figure.layout.annotations}
    for value, key in ((0.167, "baseline"), (0.01, "goal")):
        note = notes[t(f"variants.{key}", lang)]
        assert value in lines and note.y == log10(value)
        assert note.yanchor == "bottom" and not note.showarrow
