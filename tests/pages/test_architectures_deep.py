"""The view `deep` of the page Architectures under Streamlit's test runner."""

import json
import re

import pytest

from explorer.architectures.deep import held as held_out
from explorer.figures.counts import share as said_share
from explorer.ui.architectures.deep import _tagger
from tests.pages.app import opened, texts

HOSTILE = [
    "<img src=x onerror=alert(1)> **b** $x$ [a](b) now",
    "\u202eabc שלום 👩‍👩‍👧 e\u0301 water",
    "water",
    "water " * 3_000,
    "x" * 19_000,
    "물" * 19_000,
]


def share(cell: str, lang: str, depth: int, both: bool) -> str:
    """Right among the words that only the next one tells, the mean of three seeds, as the page says it."""
    scores = [_tagger(cell, lang, depth, both, seed).score.undecided for seed in range(3)]
    _, held = held_out(lang)
    return said_share(round(sum(scores) / 3 * held), held, lang)


def deep(locale: str = "en-US", **query: str):
    """The view as a reader comes to it within the app: a link there names the reader's language."""
    asked = {"arch": "deep", "cell": "rnn", "grammar": locale[:2]} | query
    return opened(locale, page="architectures", **asked)


@pytest.mark.parametrize(
    "locale, one, both, needs",
    [
        ("en-US", "forward only {}", "both ways {}", "needs the end of the text"),
        ("ko-KR", "순방향만 {}", "양방향 {}", "글의 끝이 있어야"),
    ],
)
def test_it_says_what_was_measured_in_both_languages(locale, one, both, needs):
    said = texts(deep(locale))
    assert one.format(share("rnn", locale[:2], 2, False)) in said
    assert both.format(share("rnn", locale[:2], 2, True)) in said
    assert needs in said


@pytest.mark.parametrize("depth, directions", [("1", "one"), ("1", "both"), ("3", "both"), ("4", "one")])
def test_every_depth_and_direction_opens(depth, directions):
    said = texts(deep(depth=depth, directions=directions))
    assert f"With {depth} layers" in said and "600 sentences" in said


@pytest.mark.parametrize("cell", ["gru", "lstm_peephole"])
def test_other_cells_open(cell):
    assert f"both ways {share(cell, 'en', 1, True)}" in texts(deep(cell=cell, depth="1"))


@pytest.mark.parametrize("text", HOSTILE, ids=["markup", "marks", "one", "long", "word", "pieces"])
def test_any_text_opens(text):
    deep("ko-KR" if text[0] == "물" else "en-US", text=text, depth="1")


def test_a_text_without_a_known_word_gives_way_to_an_example():
    app = deep(text="blorps zonk", depth="1")
    assert "knows no word" in app.warning[0].value
    assert "blorps" not in json.dumps([w.value for w in app.warning])


def test_there_is_one_field_for_the_sentence():
    app = deep(depth="1")
    (choice,) = [box for box in app.selectbox if box.key == "deep_sentence"]
    assert choice.value == choice.options[0]
    choice.set_value(choice.options[1]).run()
    assert not app.exception
    assert app.query_params["text"] == choice.options[1]
    assert not any(box.key == "field_text" for box in app.text_input)
    (choice,) = [box for box in app.selectbox if box.key == "deep_sentence"]
    assert choice.value == choice.options[1]


def test_an_own_sentence_stands_in_the_list():
    app = deep(text="they paint the wall", depth="1")
    (choice,) = [box for box in app.selectbox if box.key == "deep_sentence"]
    assert choice.value == "they paint the wall" == app.query_params["text"]


def test_time_is_measured_again_when_asked():
    app = deep(depth="1")
    (again,) = [button for button in app.button if button.key == "deep_again"]
    again.click().run()
    assert not app.exception
    said = texts(app)
    assert re.search(r"Time of both ways over forward only: (\*\*[\d.]+\*\*|between [\d.]+ and [\d.]+)", said)
