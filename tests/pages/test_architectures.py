"""The page Architectures under Streamlit's test runner: every view opens, in both languages."""

import pytest

from explorer.architectures.feedforward import LENGTHS
from explorer.experiment import ARCHITECTURES
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
    assert f"The present letter alone: {100 * found.window[0]:.0f} %" in said
    assert f"All letters without their order: {100 * found.unordered:.0f} %" in said
    weights = f"{found.recurrent_parameters:,} weights, learned at T = 12"
    assert f"{weights}: {100 * found.recurrent:.0f} % there" in said
    assert f"at {LENGTHS[-1]} it is right in {100 * found.by_length[-1]:.0f} %" in said


def test_the_amount_of_data_says_its_date_command_and_limits():
    app = opened(page="architectures", arch="amount")
    said = texts(app)
    assert "python -m explorer amount" in said and "What this does not show" in said
    assert len([line for line in said.splitlines() if line.startswith("- ") and "sentences" in line]) == 14
    app.toggle(key="amount_run").set_value(True).run()
    assert not app.exception
    assert any(b.key == "start_race" for b in app.button)


@pytest.mark.parametrize(
    "part, says",
    [("", "10 of 10 seeds reach the goal"), ("i", "no input gate"), ("tanh", "h = o · c"), ("f", "no f")],
)
def test_every_part_can_be_switched_off_and_ten_seeds_say_what_then(part, says):
    app = opened(page="architectures", arch="variants", without=part)
    assert says in texts(app)
    app.button(key="beside").click().run()
    assert not app.exception


def test_what_a_layer_costs_is_said_in_ratios():
    said = texts(opened(page="architectures", arch="cost", hidden="8"))
    assert "The GRU has 0.75 of the LSTM's weights and 0.75 of its multiplications." in said
