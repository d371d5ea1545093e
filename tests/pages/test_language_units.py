"""The view of single units under Streamlit's test runner."""

import pytest

from explorer.cells import CELLS
from explorer.experiment import Display, Experiment
from explorer.stage.payload import header_of
from explorer.training.shipped import families
from explorer.ui.language.units import packed_units
from tests.pages.app import opened, texts


def view(locale: str = "en-US", **query: str):
    return opened(locale, page="language", view="units", **query)


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_opens(cell):
    assert "Tokens measured: 5" in texts(view(cell=cell, weights="untrained"))


@pytest.mark.parametrize("locale, says", [("ko-KR", "순위를 매길 수 없습니다"), ("en-US", "cannot rank")])
def test_few_tokens_are_said_to_be_few_and_rank_nothing(locale, says):
    app = view(locale)
    assert any(says in warning.value for warning in app.warning)
    experiment = Experiment(view="units")
    assert not header_of(packed_units(experiment, Display("en")))["ranked"]
    app.button(key="units_much").click().run()
    assert not any(says in warning.value for warning in app.warning)
    assert [app.query_params[name] for name in ("model", "shade")] == ["brackets", "c"]


def test_a_network_of_numbers_is_refused_in_words():
    app = view(weights="marked")
    assert any("reads numbers" in warning.value for warning in app.warning)
    assert "Tokens measured" not in texts(app)


@pytest.mark.parametrize(
    "query",
    [
        {"feature": "pattern", "pattern": "말"},
        {"feature": "cue", "shade": "c", "cell": "gru"},
        {"units": "jamo", "unit": "64", "step": "9999"},
    ],
)
def test_choices_are_taken_from_the_address(query):
    app = view(weights="untrained", **query)
    assert all(app.query_params[name] == value for name, value in query.items())


HOSTILE = (
    "<script>alert(1)</script> **b** $x$",
    "\u202eabc \u200f",
    "👩\u200d👩\u200d👧 🇰🇷",
    "하나",
    '"' * 40,
    "가" * 20_000,
)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("units", ["word", "char"])
def test_hostile_text_opens(text, units):
    assert "Tokens measured" in texts(view(text=text, units=units, hidden="4"))


def test_a_stored_network_is_measured_on_held_out_text():
    name, family = next(iter(families().items()))
    app = view(weights="model", model=name, cell=family.cells[0], units=family.token_level, text=family.text)
    assert "held-out text" in texts(app) and not app.warning


def test_the_tab_opens_on_a_network_that_has_read_enough_and_gives_ones_own_back():
    app = opened("en-US", page="language", view="predict", cell="gru", seed="3")
    view = next(w for w in app.segmented_control if w.key == "field_view")
    view.set_value("units").run()
    assert not app.exception and not app.warning
    assert (app.query_params["model"], app.query_params["feature"]) == ("brackets", "bracket")
    next(w for w in app.segmented_control if w.key == "field_view").set_value("predict").run()
    assert not app.exception and "model" not in app.query_params
    assert (app.query_params["cell"], app.query_params["seed"]) == ("gru", "3")


def test_the_tab_keeps_a_sentence_of_ones_own():
    app = opened("en-US", page="language", view="predict", text="그의 말이 법이다")
    next(w for w in app.segmented_control if w.key == "field_view").set_value("units").run()
    assert app.query_params["text"] == "그의 말이 법이다" and "model" not in app.query_params
