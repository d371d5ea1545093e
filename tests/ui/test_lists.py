"""A lecture of one's own on the pages: a view joins, gets a title and minutes, moves and goes."""

from explorer.course.places import Place
from explorer.course.showing import PANELS, SIGNALS
from explorer.course.views import BUILT_IN, MAX_VIEWS, View, listed, text_of
from explorer.i18n import strings
from explorer.ui.lists import MINUTES
from tests.pages.app import opened


def views_in(app) -> tuple[View, ...]:
    return listed(app.query_params.get("lecture", ""))


def test_every_panel_has_a_name():
    named = {key.removeprefix("panel_") for key in strings("en")["lecture"] if key.startswith("panel_")}
    assert {name for names in PANELS.values() for name in names} == {*named, *SIGNALS}


def test_a_view_joins_the_list_as_it_stands_and_the_link_holds_it():
    app = opened(cell="gru", step="2", lang="en")
    app.button(key="add_view").click().run()
    (view,) = views_in(app)
    assert view.minutes == MINUTES and view.see.page == "step"
    assert (view.see.experiment.cell, view.see.experiment.step) == ("gru", 2)
    assert "at" not in app.query_params


def test_the_course_page_puts_the_list_in_order():
    views = (View(Place("step", (("cell", "gru"),)), 3, "first"), View(Place("gradients", ()), 5, "second"))
    app = opened(page="course", lang="en", lecture=text_of(views))
    titles = [box for box in app.text_input if box.key.startswith("view_title_")]
    assert [box.value for box in titles] == ["first", "second"]
    titles[0].set_value("renamed").run()
    next(box for box in app.number_input if box.key.startswith("view_minutes_1")).set_value(9).run()
    next(box for box in app.selectbox if box.key.startswith("view_leads_0")).set_value("arithmetic").run()
    next(b for b in app.button if b.key.startswith("view_up_1")).click().run()
    assert [(v.title, v.minutes) for v in views_in(app)] == [("second", 9), ("renamed", 3)]
    assert views_in(app)[1].see.experiment.panels.split(",")[0] == "arithmetic"
    next(b for b in app.button if b.key.startswith("view_away_0")).click().run()
    assert [v.title for v in views_in(app)] == ["renamed"]


def test_what_a_link_cannot_hold_is_not_taken():
    whole = text_of([View(Place("glossary", ()), 1)] * MAX_VIEWS)
    app = opened(lang="en", lecture=whole)
    app.button(key="add_view").click().run()
    assert app.query_params["lecture"] == whole and app.toast


def test_the_built_in_lecture_is_no_list_of_ones_own():
    app = opened(lang="en", lecture=BUILT_IN)
    app.button(key="add_view").click().run()
    assert len(views_in(app)) == 1
