"""The page Train live under Streamlit's test runner: its choices, presets and refusals."""

from urllib.parse import parse_qs

import pytest

from explorer.experiment import DATA
from explorer.i18n import t
from explorer.text import Refused
from explorer.training.race import presets
from explorer.ui.train.choices import _numbers
from tests.pages.app import field, opened, texts


@pytest.mark.parametrize("locale", ["ko-KR", "en-US"])
def test_it_opens_with_the_headline_race_and_does_not_start_it(locale):
    app = opened(locale, page="train")
    assert app.multiselect(key="racers").value == ["rnn", "lstm bias=fixed keep_bias=1", "gru"]
    assert not next(b for b in app.button if b.key == "start_race").disabled
    assert next(b for b in app.button if b.key == "race_again").disabled


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("locale", ["ko-KR", "en-US"])
def test_all_data_open(data, locale):
    opened(locale, page="train", data=data, length="12")


@pytest.mark.parametrize("grammar, says", [("en", "영어 문장입니다"), ("ko", "'아무도'가 나오면")])
def test_the_rule_that_is_told_is_that_of_the_sentences_that_are_learned(grammar, says):
    assert says in texts(opened("ko-KR", page="train", data="agreement", length="12", grammar=grammar))


@pytest.mark.parametrize("name", presets())
def test_a_preset_is_one_press_and_stands_in_the_address(name):
    app = opened(page="train", data="copy", length="7")
    app.button_group(key="preset").select(name).run()
    assert not app.exception
    assert app.multiselect(key="racers").value == presets()[name]["racers"].split(";")
    assert field(app, "selectbox", "data").value == presets()[name]["data"]


@pytest.mark.parametrize(
    "query, says",
    [
        ({"racers": "transformer"}, "This is not a racer"),
        ({"racers": ";"}, "at least one racer"),
        ({"data": "temporal_order", "length": "3"}, "too short"),
        ({"data": "yours", "text": "one"}, "This text has 1 tokens"),
        ({"length": "1e9"}, "not possible"),
        ({"budget": "-1"}, "not possible"),
    ],
)
def test_what_cannot_be_raced_is_one_sentence(query, says):
    app = opened(page="train", **query)
    said = texts(app) + "\n".join(w.value for w in app.warning)
    assert says in said


def test_a_racer_of_ones_own_is_taken_from_a_link():
    app = opened(page="train", racers="gru bias=chrono rate=0.003")
    assert app.multiselect(key="racers").value == ["gru bias=chrono rate=0.003"]
    assert not app.warning


def test_a_link_to_a_network_that_is_gone_says_so_on_every_page():
    for page in ("step", "gradients", "train"):
        app = opened(page=page, weights="model", model="0123456789abcdef.0")
        assert "does not have the stored network" in texts(app)
        assert app.session_state["experiment"].weights == "untrained"


def test_a_series_leads_to_its_forecast_and_a_column_too_long_for_a_link_is_refused_whole():
    app = opened("ko-KR", page="train", data="series", series="yours", values="1 2 3")
    (link,) = [one.proto for one in app.get("page_link") if one.proto.label == t("train.forecast", "ko")]
    asked = {name: found[0] for name, found in parse_qs(link.query_string).items()}
    assert (asked["arch"], asked["series"], asked["values"]) == ("forecast", "yours", "1 2 3")
    numbers = [str(k) for k in range(9_000)]
    with pytest.raises(Refused) as refused:
        _numbers("\n".join(numbers).encode(), "long.csv")
    assert refused.value.values["count"] == "9,000"
    assert _numbers("\n".join(numbers[:50]).encode(), "short.csv")["values"].split() == numbers[:50]
