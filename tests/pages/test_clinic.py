"""The page Clinic under Streamlit's test runner: a card brings its case, real controls treat it."""

import pytest

from explorer.experiment import written
from explorer.i18n import t
from explorer.training.clinic import cases
from tests.pages.app import field, opened, texts


def shown(app, names):
    return {name: written(getattr(app.session_state["experiment"], name)) for name in names}


@pytest.mark.parametrize(("locale", "lang"), [("ko-KR", "ko"), ("en-US", "en")])
def test_a_card_brings_its_case_and_keeps_a_treatment(locale, lang):
    app = opened(locale, page="clinic")
    first = cases()["case1"].changes()
    assert shown(app, first) == first
    app.button(key="ui.next_card").click().run()
    second = cases()["case2"].changes()
    assert shown(app, second) == second and not app.exception
    field(app, "number_input", "max_norm").set_value(1.0).run()
    assert shown(app, second) == second | {"max_norm": "1"}
    field(app, "number_input", "rate").set_value(0.2).run()  # another control stays as well
    assert shown(app, ("rate", "max_norm")) == {"rate": "0.2", "max_norm": "1"}
    app.button(key="as_it_came").click().run()
    assert shown(app, second) == second
    assert t("clinic.treat", lang) in texts(app)


def test_a_gates_bias_is_the_racers_own_and_its_fault_is_not_named_beside_the_curves():
    app = opened(page="clinic", card="case3")
    assert app.number_input(key="own_keep_bias").value == -2.0
    app.number_input(key="own_keep_bias").set_value(3.0).run()
    assert not app.exception
    assert app.session_state["experiment"].racers == "lstm bias=fixed keep_bias=3"
    assert "Mended: 20 of 20" in texts(app)


def test_the_case_of_a_leak_has_its_two_controls():
    app = opened(page="clinic", card="case6")
    assert field(app, "selectbox", "tested").value == "learned"
    field(app, "selectbox", "tested").set_value("apart").run()
    field(app, "number_input", "sentences").set_value(0).run()
    assert shown(app, ("tested", "sentences")) == {"tested": "apart", "sentences": "0"}


def test_a_locked_choice_does_not_turn_the_page_in_a_circle():
    app = opened(page="clinic", card="case2", lock="length")
    assert app.session_state["experiment"].length == 100 and not app.exception
