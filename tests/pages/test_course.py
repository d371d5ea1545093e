"""The course page under Streamlit's test runner: its stops with their figures, the lecture as links."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

import pytest
from streamlit.testing.v1 import AppTest

from explorer.course.questions import questions
from explorer.course.stops import stops
from explorer.course.views import lecture
from explorer.i18n import t
from explorer.lab.learned import text_of
from explorer.ui.ways import ICONS
from tests.pages.app import PAGES, field, opened, texts


@pytest.mark.parametrize("locale, lang", [("ko-KR", "ko"), ("en-US", "en")])
def test_every_stop_has_its_question_and_its_way(locale, lang):
    app = opened(locale, page="course")
    said = texts(app)
    assert all(t(f"course.ask_{stop.key}", lang) in said for stop in stops())
    links = [link.proto.label for link in app.get("page_link")]
    assert all(t(f"course.view_{view.key}", lang) in links for view in lecture())
    assert all(t(f"course.question_{key}", lang) in links for key in questions())
    assert len(app.get("plotly_chart")) == len(stops())


def test_a_miniature_is_drawn_again_without_being_computed_again(monkeypatch):
    app = opened(page="course")
    first = [chart.proto.SerializeToString() for chart in app.get("plotly_chart")]
    monkeypatch.setattr("explorer.ui.course._MINIATURES", {})
    app.run()
    assert not app.exception
    assert [chart.proto.SerializeToString() for chart in app.get("plotly_chart")] == first


def test_worksheet_and_clinic_stand_at_the_stops_that_they_belong_to():
    app = opened("en-US", page="course")
    links = [link.proto for link in app.get("page_link")]
    pages, icons = [link.page for link in links], {(link.page, link.icon) for link in links}
    path = pages[pages.index("gradients", pages.index("worksheet")) :]
    assert "clinic" in path and pages.count("worksheet") == 2 == pages.count("clinic")
    assert [icon for page, icon in icons if page == "clinic"] == [ICONS["clinic"]]


def test_a_second_stop_is_reached_like_the_first_whatever_was_chosen_on_the_way():
    app = opened("en-US", page="course")
    first = {"clamp": "f", "clamp_value": "1", "holds": "i=0", "card": "update"}
    for page, query in (("step", first), ("course", first), ("step", {"cell": "rnn", "swap": "3"})):
        app.switch_page(str(PAGES / f"{page}.py"))
        app.query_params.clear()
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
    experiment = app.session_state["experiment"]
    assert (experiment.cell, experiment.swap, experiment.clamp, experiment.text) == ("rnn", 3, "", "")
    assert field(app, "text_input", "text").value == text_of(experiment)


def turned(app: AppTest, page: str, query: Mapping[str, str]) -> AppTest:
    """Turns the page as a link does, with what the widgets hold by then."""
    app.switch_page(str(PAGES / f"{page}.py"))
    app.query_params.clear()
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def test_a_link_followed_in_haste_leads_where_it_says_whatever_the_widgets_still_show():
    app = opened("en-US", page="step", weights="marked")
    place = {"cell": "rnn", "weights": "lecture", "swap": "3"}
    app.selectbox("weights_list").set_value("english")
    experiment = turned(app, "gradients", place).session_state["experiment"]
    assert {name: str(getattr(experiment, name)) for name in place} == place
    assert app.selectbox("weights_list").value == "lecture"


def test_a_choice_made_while_the_page_is_turned_in_the_navigation_is_kept():
    app = opened("en-US", page="step", weights="marked")
    away = next(link.proto for link in app.get("page_link") if link.proto.page == "gradients")
    app.selectbox("weights_list").set_value("english")
    turned(app, "gradients", dict(parse_qsl(away.query_string)))
    assert app.session_state["experiment"].weights == "english"
