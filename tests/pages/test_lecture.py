"""The app as a lecture and as a link wants it: what is drawn, what is hidden, locked or covered."""

from urllib.parse import parse_qsl

import pytest
from streamlit.testing.v1 import AppTest

from explorer.course.places import place_of
from explorer.course.showing import ask_of, card_of
from explorer.course.views import BUILT_IN, View, lecture, text_of
from explorer.experiment import TABLE
from explorer.i18n import t
from tests.pages.app import field, opened, texts

QUICK = [k for k, view in enumerate(lecture(), 1) if view.see.page in ("step", "gradients", "glossary")]


@pytest.mark.parametrize("locale, lang", [("ko-KR", "ko"), ("en-US", "en")])
@pytest.mark.parametrize("at", QUICK)
def test_a_view_of_the_lecture_is_drawn_alone_under_its_question(at, locale, lang):
    view = lecture()[at - 1]
    app = opened(locale, view.see.page, **dict(view.see.changes), lecture=BUILT_IN, at=str(at))
    ways = [link.proto.label for link in app.get("page_link") if link.proto.label.startswith("lecture_")]
    assert ways == [
        name
        for name, there in (
            ("lecture_back", at > 1),
            ("lecture_on", at < len(lecture())),
            ("lecture_leave", True),
        )
        if there
    ]
    assert not app.selectbox and "lang" not in app.session_state["experiment"].to_query()
    card = card_of(view.see, lang)
    if card:
        ask = ask_of(card)
        assert ask.question in texts(app) and ask.answer in texts(app)
        assert t("ui.next_card", lang) not in [button.label for button in app.button]


def containers(app: AppTest) -> set[str]:
    """Returns the keys of all containers that have one."""
    found, left = set(), [app._tree[k] for k in app._tree.children]
    while left:
        block = left.pop()
        found.add(getattr(getattr(block, "proto", None), "id", "").rpartition("-")[2])
        left += getattr(block, "children", {}).values()
    return found


@pytest.mark.parametrize("card", ["lstm", "vanishing"])
def test_a_way_is_the_address_that_its_page_writes(card):
    """Else the page writes another one, and Back has a step in which nothing happens."""
    places = ("/?cell=rnn&card=recurrence", f"/gradients?cell=lstm&weights=untrained&hidden=4&card={card}")
    own = text_of([View(place_of(address), 3) for address in places])
    ways = {one.proto.label: one.proto for one in opened(cell="rnn", lecture=own, at="1").get("page_link")}
    asked = dict(parse_qsl(ways["lecture_on"].query_string))
    app = opened(page="gradients", **asked)
    assert {name: app.query_params[name] for name in app.query_params} == asked
    assert app.session_state["experiment"].card == card


def test_a_plain_link_covers_nothing_and_asks_as_it_did():
    plain = containers(opened(cell="lstm", card="forget"))
    assert "figure" in plain and not any(key.startswith(("covered", "answer")) for key in plain)
    asked = containers(opened(cell="lstm", card="forget", guess="1"))
    assert {"covered_step_forget", "answer_step_forget"} <= asked and "figure" not in asked


def test_a_link_hides_and_locks_choices():
    app = opened(cell="lstm", hide="text", lock="cell,weights", lang="en")
    assert field(app, "selectbox", "cell").disabled and app.selectbox(key="weights_list").disabled
    assert not field(app, "selectbox", "units").disabled
    assert not any(box.key == "field_text" for box in app.text_input)
    assert [app.query_params[name] for name in ("hide", "lock")] == ["text", "cell,weights"]
    with_bar = {link.proto.label for link in app.get("page_link")}
    without = {link.proto.label for link in opened(hide="navigation,bar", lang="en").get("page_link")}
    assert t("page.train", "en") in with_bar - without


WITH_CHOICES = [
    {"page": "step", "second": "gru"},
    {"page": "gradients"},
    {"page": "train"},
    {"page": "clinic"},
    {"page": "worksheet"},
    {"page": "language", "view": "generate"},
    {"page": "dynamics", "scene": "portrait"},
    {"page": "dynamics", "scene": "network"},
    {"page": "architectures", "arch": "order"},
    {"page": "architectures", "arch": "mappings"},
    {"page": "architectures", "arch": "deep"},
    {"page": "architectures", "arch": "shapes"},
]
KINDS = ("selectbox", "text_input", "number_input", "slider", "select_slider", "multiselect", "pills")
OPEN = {"lang", "worksheet_part", "changes"}
"""What is no field of the experiment; nor are the numbers that one calculates by hand."""


@pytest.mark.parametrize("query", WITH_CHOICES, ids=lambda query: " ".join(query.values()))
def test_a_link_locks_every_choice_of_a_page(query):
    app = opened(**query, lock=",".join(TABLE))
    found = [widget for kind in (*KINDS, "segmented_control") for widget in app.get(kind)]
    free = {widget.key for widget in found if not widget.proto.disabled}
    assert {key for key in free if not key.startswith("blank_")} <= OPEN and len(found) > len(free)


def test_a_button_of_a_card_that_would_move_a_locked_choice_cannot_be_pressed():
    app = opened(cell="lstm", card="forget", lock="cell")
    shows = [button for button in app.button if (button.key or "").startswith("show_forget")]
    assert shows and all(button.disabled for button in shows)


def test_no_button_of_a_page_moves_a_locked_choice():
    app = opened(cell="lstm", weights="untrained", lock="weights", lang="en")
    app = next(button for button in app.button if button.label == t("ui.try_gate", "en")).click().run()
    found = app.session_state["experiment"]
    assert (found.weights, found.hidden) == ("untrained", 32)


def test_what_an_address_says_wrongly_of_the_lecture_is_said():
    app = opened(lecture="1.AAAA", at="3", lang="en")
    said = "\n".join(w.value for w in app.warning) + texts(app)
    assert t("showing.lecture", "en") in said
    assert "lecture" not in app.query_params


def test_a_lecture_and_the_glossary_have_style_sheets_of_their_own():
    def style(page="step", **query):
        (sheet,) = [one.value for one in opened(page=page, **query).get("html") if "<style>" in one.value]
        return sheet

    plain, lecture, glossary = style(), style(lecture=BUILT_IN, at="1"), style("glossary")
    every = plain.removesuffix("</style>")
    assert lecture.startswith(every) and glossary.startswith(every)
    assert "html:root" in lecture and "html:root" not in plain + glossary
    assert ".st-key-glossary h3" in glossary and ".st-key-glossary h3" not in plain + lecture


def test_formulas_are_typeset_out_of_sight_a_view_before_the_glossary():
    places = ("/?weights=untrained&cell=rnn", "/?weights=untrained&cell=gru", "/glossary")
    own = text_of([View(place_of(address), 1) for address in places])
    ahead = [
        any("sigma" in text.value for text in opened(weights="untrained", lecture=own, at=at).markdown)
        for at in ("1", "2")
    ]
    assert ahead == [False, True]
