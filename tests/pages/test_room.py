"""The class's page and the companion of every page, on the server's side: what they are given and take."""

import json

import pytest

from explorer.cells import CELLS
from explorer.course.lessons import Ask, cards
from explorer.experiment import Experiment
from explorer.ui.room.page import companion_data
from tests.pages.app import opened


def companion(app) -> dict | None:
    """The data of the companion, if the page has one."""
    for element in app.get("bidi_component"):
        if element.proto.component_name.endswith("room_companion"):
            return json.loads(element.proto.json)
    return None


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_the_page_opens_without_a_room_and_shows_no_choices(locale):
    app = opened(locale, page="room")
    assert not app.selectbox and companion(app) is None


@pytest.mark.parametrize("page", ["step", "glossary"])
def test_a_room_in_the_address_goes_with_the_session(page):
    app = opened(page=page, room="ab2c", cell="gru")
    assert app.query_params["room"] == "AB2C"
    assert companion(app)["code"] == "AB2C"


@pytest.mark.parametrize("code", ["../x", "<b>", "가나다라", "A" * 9, ""])
def test_what_is_no_code_is_no_room(code):
    app = opened(room=code)
    assert "room" not in app.query_params and companion(app) is None


def test_a_view_of_the_room_is_taken_up_on_its_page():
    app = opened(room="AB2C", cell="gru")
    app.session_state["followed"] = ("glossary", {"cell": "rnn", "step": "3", "weights": "untrained"})
    app.run()
    assert not app.exception
    assert app.session_state["page"] == "glossary"
    assert app.query_params == {"cell": "rnn", "step": "3", "weights": "untrained", "room": "AB2C"}


def test_a_page_that_there_is_not_leaves_the_session_where_it_is():
    app = opened(room="AB2C")
    app.session_state["followed"] = ("../../etc", {"cell": "rnn", "weights": "untrained"})
    app.run()
    assert not app.exception and app.session_state["experiment"].cell == "lstm"


def test_the_companion_is_told_the_view_as_an_address_has_it():
    data = companion_data("AB2C", "step", Experiment(cell="gru", step=3), "en", 2)
    assert data["view"] == {"page": "step", "query": {"cell": "gru", "step": "3"}} and data["went"] == 2


def test_a_class_that_follows_holds_every_card_of_the_page_and_no_answer():
    app = opened(page="step", room="AB2C", cell="gru", card="gru_update", weights="untrained")
    assert app.button(key="ui.next_card")
    app.session_state["room_following"] = True
    app.run()
    assert not app.exception and not [b for b in app.button if str(b.key).startswith("show_")]
    titles = [card.title for card in cards("step", "en") if card.concerns(CELLS["gru"])]
    text = "\n".join(shown.value for shown in app.markdown)
    assert all(f"#### {title}" in text for title in titles) and "$$" in text
    answers = [p.answer for card in cards("step", "en") for p in card.parts if isinstance(p, Ask)]
    assert not [answer for answer in answers if answer in text]
