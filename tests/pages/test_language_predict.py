"""The view `predict` of the page of language models under Streamlit's test runner."""

import pytest

from explorer.data.corpora import lecture_sentences
from tests.pages.app import field, opened, texts

VIEW = {"page": "language", "view": "predict"}
SAYS_ONE = {"ko-KR": "토큰이 하나뿐", "en-US": "One token"}


def button(app, key: str):
    return next(b for b in app.button if b.key == key)


@pytest.mark.parametrize("locale", ["ko-KR", "en-US"])
@pytest.mark.parametrize("units", ["word", "char", "jamo"])
def test_the_view_opens(locale, units):
    app = opened(locale, **VIEW, units=units)
    assert field(app, "number_input", "free").value == 1
    assert field(app, "selectbox", "ending").value == "off"


@pytest.mark.parametrize("locale, says", SAYS_ONE.items())
def test_one_token_has_nothing_to_foresee(locale, says):
    app = opened(locale, **VIEW, text="하나")
    assert says in texts(app)
    assert says not in texts(opened(locale, **VIEW))


def test_one_token_that_has_an_end_is_foreseen():
    assert SAYS_ONE["en-US"] not in texts(opened(**VIEW, text="하나", ending="on"))


@pytest.mark.parametrize("locale, says", [("ko-KR", "하나도 없습니다"), ("en-US", "they are all <unk>")])
@pytest.mark.parametrize("ending", ["off", "on"])
def test_a_text_of_unknown_tokens_says_so(locale, says, ending):
    unk = VIEW | {"unknown": "unk", "ending": ending}
    assert says in texts(opened(locale, **unk, text="one two three"))
    assert says not in texts(opened(locale, **unk, text="one 말이 three"))
    assert says not in texts(opened(locale, **VIEW, text="one two three", ending=ending))


def test_a_long_text_says_which_steps_are_shown():
    app = opened(**VIEW, text="가는 말이 " * 50, start="20", free="30")
    assert "100 steps" in texts(app) and "steps 20 to 83" in texts(app)


def test_numbers_are_no_text():
    app = opened(**VIEW, weights="marked")
    assert any("reads numbers" in warning.value for warning in app.warning)


def test_the_lectures_example_is_learned():
    app = opened(**VIEW, units="char", free="3")
    button(app, "predict_cat").click().run()
    assert not app.exception
    asked = {name: app.query_params[name] for name in ("text", "weights", "view")}
    assert asked == {"text": "What will the fat cat sit on", "weights": "yours", "view": "predict"}
    assert not {"units", "free"} & set(app.query_params)
    assert field(app, "selectbox", "units").value == "word"


def test_the_ambiguous_word_is_one_click_away():
    app = opened(**VIEW, weights="untrained")
    button(app, "predict_horse").click().run()
    assert not app.exception
    assert app.query_params["text"] == lecture_sentences()[2] and "weights" not in app.query_params


def test_where_it_runs_free_is_in_the_address():
    app = opened(**VIEW)
    field(app, "number_input", "free").set_value(3).run()
    assert app.query_params["free"] == "3"
    field(app, "number_input", "free").set_value(2000).run()
    assert not app.exception


@pytest.mark.parametrize("cell, family", [("lstm", "tales_en"), ("rnn", "tales_ko"), ("gru", "brackets")])
def test_a_shipped_network_foresees_text(cell, family):
    app = opened(**VIEW, weights="model", model=family, cell=cell, units="char", text="(the cat)")
    assert not any(box.key == "field_ending" for box in app.selectbox)
    assert field(app, "number_input", "free").value == 1


def test_an_explosion_is_no_exception():
    opened(**VIEW, cell="rnn_relu", gain="10", weights="untrained", text="a b " * 700, start="1300")
