"""Lists of views: the lecture takes fifty minutes, a list of one's own comes back, a hostile one is none."""

import base64
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.course.lessons import LESSONS
from explorer.course.places import Place, place_of
from explorer.course.showing import ask_of, card_of, panels_of
from explorer.course.views import BUILT_IN, PAGES, View, lecture, listed, text_of
from explorer.limits import MAX_LIST, MAX_MINUTES, MAX_TITLE, MAX_VIEWS
from explorer.ui.ways import PAGES as FOLDER
from tests.hostile.strings import HOSTILE


def of_lines(lines: str) -> str:
    """Returns a list's text with lines as somebody else may have packed them."""
    deflate = zlib.compressobj(9, wbits=-15)
    packed = deflate.compress(lines.encode()) + deflate.flush()
    return "1." + base64.urlsafe_b64encode(packed).decode()


def test_every_page_but_a_class_s_may_be_in_a_list():
    assert sorted([*PAGES, "room"]) == sorted(path.stem for path in FOLDER.glob("*.py"))


def test_the_lecture_takes_fifty_minutes():
    assert sum(view.minutes for view in lecture()) == 50
    assert listed(BUILT_IN) == lecture()


def test_a_list_of_ones_own_comes_back_from_its_link():
    own = (
        View(place_of("/gradients?cell=rnn&stretch=40&panels=triangle"), 4, "삼각형 & co"),
        View(place_of("/?swap=3&swap_with=그의"), 2),
        View(Place("glossary", ()), 0),
    )
    text = text_of(own)
    assert text.isascii() and not set("&=+/ ?#") & set(text)
    again = listed(text)
    assert [(v.title, v.minutes, v.see.page) for v in again] == [
        (v.title, v.minutes, v.see.page) for v in own
    ]
    assert [v.see.experiment for v in again] == [v.see.experiment for v in own]


def test_the_lecture_itself_fits_into_a_short_link():
    assert len(text_of(lecture())) < 1500


def test_what_an_address_cannot_set_is_left_out():
    (view,) = listed(of_lines("5\ttitle\t/?cell=gru&hidden=1e9&script=<b>"))
    assert view.see.experiment.cell == "gru" and view.see.changes == (("cell", "gru"),)


@pytest.mark.parametrize(
    "line",
    [
        "5\tt\thttps://example.org/?cell=gru",
        "5\tt\t//example.org/",
        "5\tt\tjavascript:alert(1)",
        "5\tt\t/nowhere",
        "5\tt\t/../app.py",
        "-1\tt\t/",
        "1e3\tt\t/",
        "٣\tt\t/",
        "5",
        "",
    ],
)
def test_a_line_that_leads_nowhere_is_no_view(line):
    assert listed(of_lines(line)) == ()


def test_titles_minutes_and_numbers_of_views_have_an_end():
    views = listed(of_lines("\n".join([f"999\t{'가' * 150}\u202e\t/"] * 70)))
    assert len(views) == MAX_VIEWS
    assert {(len(view.title), view.minutes) for view in views} == {(MAX_TITLE, MAX_MINUTES)}


def test_a_list_that_unpacks_to_much_is_none():
    bomb = of_lines("5\t\t/\n" * 2_000_000)
    assert len(bomb) > MAX_LIST  # and a shorter one unpacks to too much
    assert listed(of_lines("5\t\t/\n" * 20_000)) == ()


@given(
    st.text("1.aZ_-=\t\n٣<\u202e\0", max_size=40)
    | st.sampled_from(sorted(HOSTILE.values())).map(lambda s: s[:9000])
)
def test_any_text_is_a_list_or_none(text):
    for given_ in (text, "1." + text):
        assert all(view.see.experiment for view in listed(given_))


@pytest.mark.parametrize("view", lecture(), ids=lambda view: view.key)
def test_a_view_of_the_lecture_has_a_question_and_one_panel_that_leads(view):
    if view.see.page not in LESSONS:
        return
    card = card_of(view.see, "en")
    assert card and ask_of(card)
    panels = panels_of(view.see.page, view.see.experiment, large=True)
    assert 1 <= len(panels) <= 3
    named = dict(view.see.changes).get("panels", "")
    assert not named or named.split(",") == list(panels), "a panel that there is not"
