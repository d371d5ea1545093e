"""The page Architectures under Streamlit's test runner: every view opens, in both languages."""

import pytest

from explorer.architectures.amount import comparisons, shipped
from explorer.architectures.feedforward import LENGTHS, TEST_ROWS
from explorer.experiment import ARCHITECTURES
from explorer.figures.counts import share
from explorer.ui.architectures import amount as view
from explorer.ui.architectures import feedforward
from tests.pages.app import opened, texts


@pytest.mark.parametrize("view", ARCHITECTURES)
@pytest.mark.parametrize("locale", ["ko-KR", "en-US"])
def test_every_view_opens(view, locale):
    app = opened(locale, page="architectures", arch=view)
    assert not app.warning


@pytest.mark.parametrize("cell", ["rnn", "gru"])
def test_feed_forward_and_recurrent_say_their_numbers(cell):
    app = opened(page="architectures", arch="feedforward", cell=cell)
    said = texts(app)
    found = feedforward._compared(cell, 0)
    one, unordered, there, far = (
        share(round(right * TEST_ROWS), TEST_ROWS, "en")
        for right in (found.window[0], found.unordered, found.recurrent, found.by_length[-1])
    )
    assert f"The present letter alone: {one}." in said
    assert f"All letters without their order: {unordered}, a guess" in said
    weights = f"{found.recurrent_parameters:,} weights, learned at T = 12"
    assert f"{weights}: {there} there" in said
    assert f"at {LENGTHS[-1]} it is right in {far}" in said


def test_the_amount_of_data_says_its_date_command_and_limits():
    app = opened(page="architectures", arch="amount")
    said = texts(app)
    assert "python -m explorer amount" in said and "What this does not show" in said
    compared = comparisons(shipped())
    assert all(f"- {view.said(one, 'en')}" in said.splitlines() for one in compared)
    assert f"for {compared[0].among} comparisons" in said
    app.toggle(key="amount_run").set_value(True).run()
    assert not app.exception
    assert any(b.key == "start_race" for b in app.button)


@pytest.mark.parametrize(
    "part, says",
    [("", "seeds reach the goal"), ("i", "no input gate"), ("tanh", "h = o · c"), ("f", "no f")],
)
def test_every_part_can_be_switched_off_and_many_seeds_say_what_then(part, says):
    app = opened(page="architectures", arch="variants", without=part)
    assert says in texts(app)
    app.button(key="beside").click().run()
    assert not app.exception


def test_what_a_layer_costs_is_said_in_ratios():
    said = texts(opened(page="architectures", arch="cost", hidden="8"))
    assert "The GRU has 0.75 of the LSTM's weights and 0.75 of its multiplications." in said


def test_a_forecast_says_its_skill_and_numbers_of_ones_own_that_are_none_stay_text():
    app = opened(page="architectures", arch="forecast", series="walk", cell="rnn")
    said = texts(app)
    assert "Skill against persistence" in said and "as often up as down" in said
    assert "| best possible | 0.00 |" in said
    app = opened(page="architectures", arch="forecast", series="yours")
    assert any("These are 0 numbers" in text.value for text in app.text)
    raw = "![x](http://a.example/x.png)"
    app = opened(page="architectures", arch="forecast", series="yours", values=f"1 2 {raw}")
    assert any(raw in text.value for text in app.text) and raw not in " ".join(m.value for m in app.markdown)
    app = opened(page="train", data="series", series="yours", values=f"1 2 {raw}")
    assert any(raw in text.value for text in app.text) and not app.warning
