"""How an address wants the app shown: taken, refused or left out, and written as it came."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.course.showing import NAMES, PANELS, SIGNALS, Showing, panels_of, showing_of, stage_of
from explorer.course.views import BUILT_IN
from explorer.experiment import TABLE, Experiment
from explorer.stage import MODULES
from tests.hostile.strings import HOSTILE

VALUES = st.text("1.a,٣<\u202e\0", max_size=12) | st.sampled_from(
    [BUILT_IN, "1", "0", "3", "13", "cell,text", "bar,lesson", "٣"]
)


def test_no_name_is_a_field_too():
    assert not {*NAMES, "lang"} & set(TABLE)


def test_an_address_of_its_own_says_nothing():
    assert showing_of({"cell": "gru"}) == (Showing(), ())
    assert Showing().to_query() == {}


@pytest.mark.parametrize(
    ("query", "refused"),
    [
        ({"lecture": BUILT_IN, "at": "4"}, ()),
        ({"lecture": BUILT_IN}, ()),
        ({"guess": "1", "hide": "bar,cell", "lock": "text,weights"}, ()),
        ({"lecture": "1.AAAA", "at": "1"}, ("lecture", "at")),
        ({"lecture": BUILT_IN, "at": "14"}, ("at",)),
        ({"lecture": BUILT_IN, "at": "٣"}, ("at",)),
        ({"at": "1"}, ("at",)),
        ({"guess": "yes"}, ("guess",)),
        ({"hide": "bar,everything"}, ("hide",)),
        ({"lock": "bar"}, ("lock",)),
    ],
)
def test_what_cannot_be_shown_is_said_and_the_rest_is_taken(query, refused):
    shown, found = showing_of(query)
    assert found == refused
    kept = {name: value for name, value in query.items() if name not in refused}
    assert shown.to_query() == kept | ({"hide": "bar"} if "hide" in refused else {})


@given(st.dictionaries(st.sampled_from(NAMES), VALUES | st.sampled_from(sorted(HOSTILE.values()))))
def test_any_address_is_shown_somehow_and_comes_back(query):
    shown, _ = showing_of(query)
    assert showing_of(shown.to_query()) == (shown, ())


def test_a_lecture_hides_every_choice_and_a_link_those_it_names():
    lecture = Showing(BUILT_IN, 1)
    assert lecture.on and lecture.guesses and all(map(lecture.hides, ("navigation", "bar", "lesson", "cell")))
    link = Showing(hide=("cell", "bar"))
    assert [link.hides(name) for name in ("cell", "bar", "text", "lesson")] == [True, True, False, False]
    assert Showing(hide=("choices",)).hides("text") and not Showing(hide=("choices",)).hides("lesson")


def test_panels_are_those_that_the_stages_have():
    there = set()
    for path in MODULES.rglob("*.js"):
        there |= set(re.findall(r'"data-panel": "(\w+)"', path.read_text("utf-8")))
    marked = there | {*SIGNALS, "valve", "loss", "metric", "norm"}
    assert {name for names in PANELS.values() for name in names} == marked


def test_a_view_without_panels_has_those_of_its_stage_in_a_lecture_and_all_of_it_elsewhere():
    plain = Experiment()
    assert panels_of("step", plain) == ()
    assert panels_of("step", plain, large=True) == PANELS["step"][:3]
    named = Experiment(panels="arithmetic,nonsense,c,arithmetic,h,maps")
    assert panels_of("step", named) == panels_of("step", named, large=True) == ("arithmetic", "c", "h")
    assert panels_of("glossary", named, large=True) == ()
    assert stage_of("language", Experiment(view="units")) == "units"
