"""The course: every stop and view of the lecture is a place that there is, and fifty minutes are fifty."""

import pytest

from explorer.course.lessons import cards
from explorer.course.places import Place, place_of
from explorer.course.stops import stops
from explorer.course.views import lecture
from explorer.i18n import LANGUAGES, t
from explorer.ui.ways import PAGES


@pytest.mark.parametrize("stop", [*stops(), *lecture()], ids=lambda stop: stop.key)
def test_every_stop_is_a_place_in_the_app(stop):
    assert (PAGES / f"{stop.see.page}.py").exists()
    assert stop.see.experiment


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_stop_has_its_words(lang):
    for stop in stops():
        assert all(t(f"course.{part}_{stop.key}", lang) for part in ("stop", "about", "ask"))
    assert all(t(f"course.view_{view.key}", lang) for view in lecture())


def test_a_place_is_an_address():
    assert place_of("/gradients?cell=rnn&clamp=") == Place("gradients", (("cell", "rnn"), ("clamp", "")))
    assert place_of("/").page == "step"
    with pytest.raises(ValueError):
        _ = place_of("/?cell=transformer").experiment


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_card_of_every_lesson_is_at_exactly_one_stop(lang):
    found = [(stop.lesson, card) for stop in stops() for card in stop.cards or _keys(stop.lesson, lang)]
    lessons = {stop.lesson for stop in stops()}
    assert sorted(found) == sorted((lesson, key) for lesson in lessons for key in _keys(lesson, lang))


def _keys(lesson: str, lang: str) -> list[str]:
    return [card.key for card in cards(lesson, lang)]
