"""The list of networks on every page: shipped ones, those of this session, and the way back."""

import pytest

from explorer.lab.learned import text_of
from explorer.training.shipped import families
from tests.pages.app import field, opened, texts

PAGES = ("step", "gradients", "language")


@pytest.mark.parametrize("where", PAGES)
@pytest.mark.parametrize("name", families())
def test_every_shipped_network_opens_with_its_own_text(where, name):
    app = opened(page=where, view="predict")
    app.selectbox(key="weights_list").select(f"stored {name}").run()
    assert not app.exception and not app.warning
    family = families()[name]
    assert app.text_input(key="field_text").value == family.text
    assert app.session_state["experiment"].units == family.token_level
    assert app.query_params["model"] == name and "text" not in app.query_params
    shown = app.session_state["experiment"]
    as_cards_say = ("bracket", "c") if name == "brackets" else ("quote", "h")
    assert (shown.feature, shown.shade) == as_cards_say


def test_a_link_needs_to_name_the_network_alone():
    app = opened(page="step", weights="model", model="tales_ko")
    assert app.session_state["experiment"].units == "jamo"
    assert app.text_input(key="field_text").value == families()["tales_ko"].text


def test_the_cell_chooses_the_sibling():
    app = opened(page="step", weights="model", model="tales_en")
    field(app, "selectbox", "cell").select("gru").run()
    assert not app.exception
    assert app.selectbox(key="weights_list").value == "stored tales_en"
    field(app, "selectbox", "cell").select("more cells …").run()
    field(app, "selectbox", "cell").select("lstm_coupled").run()
    assert "had no such cell" in texts(app)
    assert app.selectbox(key="weights_list").value == "untrained"


def test_a_sentence_of_ones_own_is_kept_and_the_way_back_leads_to_the_lecture():
    app = opened(page="step")
    app.text_input(key="field_text").set_value("The cat sat.").run()
    app.selectbox(key="weights_list").select("stored tales_en").run()
    assert app.text_input(key="field_text").value == "The cat sat."
    app.text_input(key="field_text").set_value("").run()
    assert app.text_input(key="field_text").value == families()["tales_en"].text
    app.selectbox(key="weights_list").select("lecture").run()
    assert field(app, "selectbox", "units").value == "word"
    assert app.session_state["experiment"].text == "" and "경마장에" in text_of(
        app.session_state["experiment"]
    )


def test_other_tokens_than_its_own_are_refused_with_a_sentence():
    app = opened(page="step", weights="model", model="tales_en")
    app.query_params["units"] = "word"
    app.run()
    assert "This network reads characters" in texts(app)
    assert app.session_state["experiment"].units == "char"
