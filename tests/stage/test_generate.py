"""The payload of a saying: what the stage reads is what was computed."""

import numpy as np

from explorer import Experiment
from explorer.experiment import Display
from explorer.i18n import section
from explorer.labels import UNKNOWN
from explorer.language.saying import saying
from explorer.language.scoring import MOST_PROBABLE
from explorer.stage.generate import build_saying, pieces
from explorer.stage.payload import header_of, numbers_of
from explorer.text import tokenise
from tests.helpers import learned_once, word_model


def said(**changes: str):
    experiment, _ = Experiment().with_changes(changes)
    return saying(experiment, learned_once(experiment.model_part()).model)


def array(payload: bytes, place: dict) -> np.ndarray:
    size = int(np.prod(place["shape"]))
    return numbers_of(payload)[place["at"] : place["at"] + size].reshape(place["shape"])


def test_rows_and_probabilities_are_those_of_the_saying():
    found = said(tokens="90", start="20", top_k="3", forced="30:4")
    payload = build_saying(found, Display("en"))
    header = header_of(payload)
    arrays = header["runs"][0]["arrays"]
    assert (header["kind"], header["firstStep"], header["total"], header["prompt"]) == ("generate", 20, 91, 1)
    assert header["forced"] == {"30": 4} and not header["ended"]
    assert np.array_equal(array(payload, arrays["said.p"]), found.probability)
    p, own = (array(payload, arrays[f"ahead.{name}"]) for name in ("p", "own"))
    assert p.shape == (64, MOST_PROBABLE + 1)
    for row, ahead in enumerate(found.ahead):
        assert np.array_equal(p[row, : len(ahead.ids)], ahead.p) and np.isnan(p[row, len(ahead.ids) :]).all()
        assert np.array_equal(own[row, : len(ahead.ids)], ahead.own)
        assert header["ahead"][row]["labels"] == [found.names[k] for k in ahead.ids]


def test_no_string_of_the_view_hides_one_of_the_stage():
    for lang in ("ko", "en"):
        assert not set(section("generate", lang)) & set(section("stage", lang))


def test_jamo_make_syllables_and_grow_letter_by_letter():
    found = said(units="jamo", prompt="말이 ㄱ<", tokens="30", temperature="0")
    text = pieces(found)
    assert [piece["texts"] for piece in text[:4]] == [["ㅁ", "마", "말"], ["ㅇ", "이"], [" "], ["ㄱ"]]
    assert sum(len(piece["texts"]) for piece in text) == found.total
    assert [piece["at"] for piece in text] == list(
        np.cumsum([0, *(len(piece["texts"]) for piece in text)])[:-1]
    )


def test_a_syllable_does_not_join_the_prompt_and_what_was_said():
    words = (UNKNOWN, *tokenise("말", "jamo"))
    experiment, _ = Experiment().with_changes(
        {"units": "jamo", "prompt": "마", "tokens": "1", "forced": "1:3"}
    )
    found = saying(experiment, word_model("gru", words).double())
    assert found.text == "말"
    assert [piece["texts"] for piece in pieces(found)] == [["ㅁ", "마"], ["ㄹ"]]
