"""Number fields show what they hold, and a number outlives a run as it was given."""

import pytest

from explorer.experiment import TABLE, TYPES, Experiment, written
from tests.pages.app import field, opened, unfolded

PAGES = [("train", {}), ("step", {"bias": "fixed"}), ("gradients", {"look": "clipping"})]


@pytest.mark.parametrize("rate", ["0.0000125", "0.001", "0.123456789", "2.5"])
def test_a_learning_rate_outlives_a_run(rate):
    app = unfolded(opened(page="train", rate=rate), "race")
    shown = field(app, "number_input", "rate")
    assert shown.value == float(rate) and shown.proto.format % shown.value == f"{float(rate):.9g}"
    field(app, "number_input", "length").set_value(50).run()
    assert not app.exception
    assert (app.query_params["rate"], app.query_params["length"]) == (rate, "50")


def test_a_learning_rate_moves_by_a_step_of_its_own():
    app = unfolded(opened(page="train", rate="0.001"), "race")
    assert field(app, "number_input", "rate").increment().run().session_state["experiment"].rate == 0.002


@pytest.mark.parametrize("page, change", PAGES)
def test_every_number_field_shows_what_it_holds_to_the_ninth_digit(page, change):
    app = opened(page=page, **change)
    for fold in ("bar", "race"):
        unfolded(app, fold)
    drawn = {w.key.removeprefix("field_"): w for w in app.number_input}
    assert {name for name in drawn if TYPES[name] is float}
    for name, widget in drawn.items():
        entry, least = TABLE[name], TYPES[name](TABLE[name].low)
        assert (widget.min, widget.max, widget.step) == (entry.low, entry.high, entry.step)
        for value in (least, getattr(Experiment(), name), least + TYPES[name](entry.step)):
            assert float(widget.proto.format % value) == pytest.approx(value, rel=1e-9)
            assert float(written(value)) == pytest.approx(value, rel=1e-9)
