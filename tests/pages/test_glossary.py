"""The page Glossary, run by Streamlit's own test runner."""

import re
from urllib.parse import urlencode

import pytest

from explorer.course.glossary import entries, facts, sheets
from explorer.course.lessons import LESSONS
from explorer.course.lessons import opened as opened_card
from explorer.course.places import HOME
from explorer.course.views import BUILT_IN, lecture
from explorer.lab.learned import settled
from explorer.ui.state import at_card
from tests.hostile.strings import HOSTILE
from tests.hostile.test_page import TYPED
from tests.pages.app import opened, texts


def words(app) -> str:
    return "\n".join([texts(app), *(s.value for s in app.subheader)])


@pytest.mark.parametrize("locale, lang", [("ko-KR", "ko"), ("en-US", "en")])
def test_every_entry_cell_and_formula_is_on_the_page_with_its_way(locale, lang):
    app = opened(locale, page="glossary")
    shown = words(app)
    for entry in entries(lang):
        assert entry.meaning in shown and f"**{entry.names[0]}**" in shown
    for block in [block for cell in sheets(lang) for block in cell.blocks] + [f.block for f in facts(lang)]:
        assert block.latex in shown
    ways = set(re.findall(r"\]\(/(\w*)\?([^)]*)\)", shown))
    for part in (*entries(lang), *sheets(lang), *facts(lang)):
        page = "" if part.see.page == HOME else part.see.page
        there = at_card(part.see.experiment, part.see.page)
        if part.see.page in LESSONS:
            assert opened_card(part.see.page, there) == opened_card(part.see.page, part.see.experiment)
        named = settled(there, lang).to_query() or {"weights": "lecture"}
        assert (page, urlencode(named)) in ways, part.key


def searched(app, asked: str):
    app.text_input(key="glossary_search").set_value(asked).run()
    assert not app.exception
    return app


@pytest.mark.parametrize(
    "locale, asked", [("ko-KR", "망각 게이트"), ("en-US", "forget gate"), ("en-US", "망각")]
)
def test_a_search_leaves_what_has_its_words(locale, asked):
    app = searched(opened(locale, page="glossary"), asked)
    shown = words(app)
    assert "$f_t$" in shown and "$z_t$\n" not in shown


def test_at_the_end_of_a_lecture_stand_the_equations_of_its_cells_until_something_is_looked_for():
    """All of it is hundreds of formulas, which a browser sets for seconds."""
    app = opened(page="glossary", lecture=BUILT_IN, at=str(len(lecture())))
    shown, lectured = words(app), [cell for cell in sheets("en") if cell.key in ("rnn", "lstm", "gru")]
    assert all(block.latex in shown for cell in lectured for block in cell.blocks)
    assert not any(entry.meaning in shown for entry in entries("en"))
    assert len(app.markdown) < 30
    (found,) = (entry for entry in entries("en") if entry.key == "f")
    assert found.meaning in words(searched(app, "forget gate"))


def test_what_is_searched_for_is_not_shown_again():
    app = opened(page="glossary")
    whole = words(app)
    for name in TYPED:
        text = HOSTILE[name]
        shown = words(searched(app, text))
        assert len(text.strip()) < 4 or text in whole or text not in shown, name


def test_nothing_found_is_said():
    app = searched(opened(page="glossary"), "qqqq")
    assert any("all these words" in text.value for text in app.text)
    assert not app.subheader
