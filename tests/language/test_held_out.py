"""Held-out text: its stretches, and the cues that its sentences hold."""

from functools import cache

import numpy as np
import pytest

from explorer.data.sources import source
from explorer.experiment import Experiment
from explorer.language.features import cue
from explorer.language.held_out import held_out


@cache
def grammar(data: str, lang: str, unit: str):
    run = Experiment(data=data, grammar=lang, units=unit, length=8)
    return held_out(run, source(run, lang))


@pytest.mark.parametrize("unit", ["word", "char", "jamo"])
@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("data", ["agreement", "honorific", "brackets"])
def test_a_cue_of_held_out_sentences_decides_its_critical_token(data, lang, unit):
    """Who knows the value at the token before knows the critical token's meaning."""
    said = grammar(data, lang, unit)
    values, decides, names = cue(said, unit)
    assert len(names) == (3 if data == "brackets" else 2)
    assert decides.sum() == sum(len(s.critical) for s in said)
    assert values[np.flatnonzero(decides) - 1].any(-1).all()
    if data == "brackets":
        closing = [s.tokens[at] for s in said for at in s.critical]
        kept = values[np.flatnonzero(decides) - 1].argmax(-1)
        assert [names[k] for k in kept] == closing


def test_stretches_that_go_on_are_one_text():
    text = " ".join(f"word{k} then" for k in range(300))
    run = Experiment(data="yours", text=text, units="char", length=20)
    (found,) = held_out(run, source(run))
    assert "".join(found.tokens) == text[-len(found.tokens) :]
    assert len(found.tokens) == len(text) // 10


def test_numbers_have_no_text():
    run = Experiment(data="adding", length=10)
    assert held_out(run, source(run)) == ()
