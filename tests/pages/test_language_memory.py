"""The view of what a state still knows under Streamlit's test runner."""

import pytest

from tests.pages.app import opened, texts


def warned(app) -> str:
    return "\n".join(w.value for w in app.warning)


@pytest.mark.parametrize("cell", ["rnn", "lstm_peephole", "gru"])
@pytest.mark.parametrize("weights", ["lecture", "untrained"])
def test_the_view_opens(cell, weights):
    app = opened(page="language", view="memory", cell=cell, weights=weights, hidden="8")
    assert "ridge regression" in texts(app)
    assert not app.warning


@pytest.mark.parametrize("locale, says", [("ko-KR", "선형 분류기"), ("en-US", "linear classifier")])
def test_it_speaks_the_language(locale, says):
    assert says in texts(opened(locale, page="language", view="memory", cell="rnn"))


def test_a_network_that_reads_numbers_is_told_apart():
    app = opened(page="language", view="memory", weights="marked")
    assert "numbers" in warned(app)


@pytest.mark.parametrize(
    "text",
    ["<img src=x onerror=alert(1)> **b** $x$ [a](b)", "\u202eabc שלום 👩‍👩‍👧 e\u0301", "x", "w " * 9_000],
    ids=["markup", "marks", "one", "long"],
)
def test_any_text_opens(text):
    opened(page="language", view="memory", cell="rnn", weights="untrained", text=text)


def test_letters_take_more_steps_than_words():
    from explorer.experiment import Experiment
    from explorer.stage.payload import header_of
    from explorer.ui.language.memory import packed_memory

    steps = {}
    for units in ("word", "jamo"):
        header = header_of(
            packed_memory(Experiment(cell="rnn", units=units, hidden=4, weights="untrained"), "ko")
        )
        steps[units] = header["runs"][0]["steps"]
    assert steps == {"word": 12, "jamo": 20}


def test_what_is_asked_is_kept_in_the_payload():
    from explorer.experiment import Experiment
    from explorer.stage.payload import header_of
    from explorer.ui.language.memory import packed_memory

    shown = header_of(packed_memory(Experiment(hidden=4, shade="c", step=3, weights="untrained"), "en"))
    assert shown["state"] == "c"
