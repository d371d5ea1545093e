"""The card beside the figure: the address names it, it stays or turns with what is pressed."""

import pytest
from streamlit.testing.v1 import AppTest

from explorer.course.lessons import cards
from tests.pages.app import field, opened


def card(app: AppTest, lesson: str, lang: str = "en") -> str:
    """The key of the card that is open, by its heading."""
    (heading,) = (m.value for m in app.markdown if m.value.startswith("#### "))
    return next(c.key for c in cards(lesson, lang) if heading == f"#### {c.title}")


def said(app: AppTest) -> str | None:
    """The card that the address names."""
    named = app.query_params.get("card")
    return named[0] if isinstance(named, list) else named


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_a_link_opens_its_card_and_the_address_follows_the_reader(locale):
    app = opened(locale, card="forget", cell="lstm")
    assert card(app, "step", locale[:2]) == "forget" and said(app) == "forget"
    app.button(key="ui.next_card").click().run()
    assert card(app, "step", locale[:2]) == "input" and said(app) == "input"
    again = opened(locale, card="input")
    assert card(again, "step", locale[:2]) == "input"


def test_a_card_of_dynamics_opens_by_its_name_and_turns():
    app = opened(page="dynamics", scene="portrait", cell="rnn", card="chaos")
    assert card(app, "dynamics") == "chaos" and said(app) == "chaos"
    app.button(key="ui.next_card").click().run()
    assert card(app, "dynamics") == "line" and said(app) == "line"


def test_a_card_that_leads_needs_no_address():
    app = opened()
    assert card(app, "step") == "recurrence" and said(app) is None
    app.button(key="ui.next_card").click().run()
    app.button(key="ui.previous_card").click().run()
    assert card(app, "step") == "recurrence" and said(app) is None


def test_a_button_of_a_card_leaves_its_card_open():
    app = opened(page="language", view="generate", card="teacher")
    assert card(app, "language") == "teacher"
    show = next(b for b in app.button if (b.key or "").startswith("show_teacher"))
    show.click().run()
    assert card(app, "language") == "teacher" and said(app) == "teacher"


def test_a_card_that_the_new_cell_does_not_have_gives_way():
    app = opened(card="forget")
    field(app, "selectbox", "cell").set_value("rnn").run()
    assert card(app, "step") == "recurrence"


def test_another_view_of_a_page_opens_its_card():
    app = opened(page="language", view="predict", card="teacher")
    app.segmented_control(key="field_view").set_value("generate").run()
    assert card(app, "language") == "sampling"


def test_a_preset_opens_its_card():
    app = opened(page="train")
    app.button_group(key="preset").select("copy_40").run()
    assert card(app, "train") == "start"


def test_a_card_that_there_is_not_is_no_error():
    app = opened(card="<b>no such card")
    assert card(app, "step") == "recurrence"
