"""The page Worksheet under Streamlit's test runner: numbers are typed and graded, files are offered."""

from urllib.parse import parse_qs

import pytest

from explorer.experiment import Experiment
from explorer.lab.worksheet import sized, worksheet
from explorer.ui.worksheet import read
from tests.pages.app import opened, texts, unfolded


def boxes(app):
    return {box.key.split("_", 2)[2]: box for box in app.text_input if box.key.startswith("blank_")}


def test_what_is_typed_is_right_or_not_yet_by_the_running_network():
    app = opened(page="worksheet", hidden="2", weights="untrained", seed="3")
    blanks = worksheet(sized(Experiment(hidden=2, weights="untrained", seed=3))).blanks
    assert set(boxes(app)) == {key for key in blanks if key.startswith("lstm")}
    boxes(app)["lstm_f_1"].set_value(f"{blanks['lstm_f_1'].value:.2f}")
    boxes(app)["lstm_f_2"].set_value(f"{blanks['lstm_f_2'].value + 0.05:.2f}")
    boxes(app)["lstm_g_1"].set_value("two")
    app.run()
    assert not app.exception
    said = {key: box.label.split(": ")[1] for key, box in boxes(app).items()}
    assert (said["lstm_f_1"], said["lstm_f_2"], said["lstm_g_1"]) == ("right", "not yet", "not a number")
    assert said["lstm_h_1"] == "empty" and "1 of 12 are right" in texts(app)
    app.button_group(key="worksheet_part").set_value("gradient").run()
    assert set(boxes(app)) == {key for key in blanks if key.startswith("gradient")}
    (link,) = (one.proto for one in app.get("page_link") if one.proto.label == "Show this step in the app")
    assert parse_qs(link.query_string)["hidden"] == ["2"] and parse_qs(link.query_string)["step"] == ["2"]


def test_a_large_network_gives_a_small_one_of_its_kind_and_other_sizes_stay():
    app = opened("ko-KR", page="worksheet")
    assert "유닛 2개" in texts(app) and len(app.get("download_button")) == 2
    app.button_group(key="worksheet_units").set_value(3).run()
    assert not app.exception and app.query_params["hidden"] == "3"
    assert len(boxes(app)) == 18


def test_too_short_a_sentence_is_said():
    app = opened(page="worksheet", weights="untrained", text="one two")
    assert [warning.value for warning in app.warning] and not boxes(app)


@pytest.mark.parametrize(
    "typed, number",
    [
        ("0.61", 0.61),
        ("−.5", -0.5),
        ("0,07", 0.07),
        ("-1", -1.0),
        ("", None),
        (".", None),
        ("1e9", None),
        ("nan", None),
    ],
)
def test_a_number_is_read_as_people_write_it(typed, number):
    assert read(typed) == number


def test_the_first_page_leads_to_the_sheet_of_its_network():
    app = unfolded(opened(hidden="2", weights="untrained", seed="3"), "bar")
    (link,) = (one.proto for one in app.get("page_link") if one.proto.label == "A sheet to calculate by hand")
    assert link.page == "worksheet" and parse_qs(link.query_string)["seed"] == ["3"]
