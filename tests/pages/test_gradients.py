"""The page Gradients through time under Streamlit's test runner."""

import pytest

from explorer.cells import CELLS
from tests.pages.app import field, opened


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_opens(cell):
    opened(page="gradients", cell=cell, stretch="12")


@pytest.mark.parametrize("weights", ["yours", "untrained", "marked"])
@pytest.mark.parametrize("loss", ["last_step", "each_step"])
def test_every_kind_of_weights_and_loss_opens(weights, loss):
    opened(page="gradients", weights=weights, loss=loss, stretch="25")


@pytest.mark.parametrize("locale, says", [("ko-KR", "손실"), ("en-US", "Loss")])
def test_knobs_speak_the_language(locale, says):
    app = opened(locale, page="gradients")
    assert field(app, "selectbox", "loss").label == says


def test_one_word_has_no_loss_and_the_page_says_so():
    app = opened(page="gradients", text="하나", weights="untrained")
    assert any("no loss" in text.value for text in app.text)


@pytest.mark.parametrize("locale, says", [("ko-KR", "적용되지 않습니다"), ("en-US", "does not apply here")])
def test_changes_of_the_first_page_are_said_not_to_apply(locale, says):
    app = opened(locale, page="gradients", zero="3")
    assert sum(says in text.value for text in app.text) == 1
    assert not any(says in text.value for text in opened(locale, page="gradients").text)


def test_a_moment_of_training_is_in_the_address():
    app = opened(page="gradients")
    slider = next(s for s in app.select_slider if s.key == "field_moment")
    slider.set_value(4).run()
    assert not app.exception
    assert app.query_params["moment"] == "4"


def test_a_moment_that_was_not_kept_falls_to_the_one_before():
    app = opened(page="gradients", moment="5")
    slider = next(s for s in app.select_slider if s.key == "field_moment")
    assert slider.value == 4


@pytest.mark.parametrize(
    "name, raw", [("stretch", "201"), ("loss", "sum"), ("input_scale", "inf"), ("moment", "-1")]
)
def test_a_tampered_address_is_said(name, raw):
    app = opened(page="gradients", **{name: raw})
    assert any(raw in text.value for text in app.text)
