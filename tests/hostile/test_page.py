"""Hostile text and addresses on the page: no exception, no text lost, a sentence where one is due."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from explorer.experiment import TABLE, VIEWS, Experiment
from explorer.limits import MAX_TEXT
from tests.hostile.strings import HOSTILE
from tests.pages.app import field, opened, short_training


@pytest.fixture(autouse=True, scope="module")
def short() -> Iterator[None]:
    with short_training():
        yield


TYPED = (
    "script", "template", "markdown_image", "latex", "exponent", "bidi_override", "only_invisible",
    "controls", "noncharacters", "zalgo", "emoji", "one_long_cluster", "many_markup", "past_the_cap",
)  # fmt: skip
"""One of every kind. All of them go through what stands behind the pages in test_text.py and test_url.py."""


@pytest.mark.parametrize(
    "boxes, changes",
    [(("text", "swap_with"), {"swap": "1"}), (("donor",), {"carry": "h"})],
    ids=["swap", "carry"],
)
def test_no_typed_text_breaks_the_page(boxes: tuple[str, ...], changes: dict[str, str]):
    app = opened(weights="untrained", hidden="4", **changes)
    for name in TYPED:
        for box in boxes:
            field(app, "text_input", box).set_value(HOSTILE[name])
        app.run()
        assert not app.exception, name


@pytest.mark.parametrize(
    "where",
    [
        {"page": "gradients", "weights": "untrained"},
        {"page": "train", "data": "yours", "length": "10"},
        {"page": "language", "view": "predict", "weights": "untrained"},
    ],
    ids=lambda where: where["page"],
)
def test_no_typed_text_breaks_another_page(where: dict[str, str]):
    app = opened(**where, hidden="4")
    for name in TYPED:
        field(app, "text_input", "text").set_value(HOSTILE[name]).run()
        assert not app.exception, name


def test_no_racers_in_the_address_break_the_training_page():
    for text in [*HOSTILE.values()][::16]:
        opened(page="train", racers=text[:300])
        opened(page="train", racers=f"lstm {text[:200]}", weights="model", model=text[:40])


@pytest.mark.parametrize("unit", ["word", "char", "jamo"])
def test_no_text_in_the_address_breaks_the_page(unit: str):
    for text in list(HOSTILE.values())[::16]:
        opened(text=text[:300], units=unit, weights="untrained", hidden="4", swap="1", swap_with=text[:300])


BAD = ("", "-1", "1e9", "99999999999999999999", "<script>", "nan", "٣", "\x00", "[]")
SCRIPTS = (Path(__file__).parents[2] / "pages").glob("*.py")
PAGES = tuple(sorted({path.stem for path in SCRIPTS} - {"step"}))


@pytest.mark.parametrize("raw", BAD)
def test_no_field_of_the_address_crashes_the_first_page(raw: str):
    app = opened(**dict.fromkeys(TABLE, raw))
    refused = [name for name in TABLE if Experiment().with_changes({name: raw})[1]]
    said = [text.value for text in app.text if "not possible" in text.value]
    assert len(said) == len(refused)


@pytest.mark.parametrize("where", PAGES)
def test_no_field_of_the_address_crashes_another_page(where: str):
    for raw in BAD[4:6]:
        opened(page=where, **dict.fromkeys(TABLE, raw))


@pytest.mark.parametrize("view", VIEWS)
def test_no_text_in_the_address_breaks_a_view_of_a_language_model(view: str):
    for name in TYPED[::3]:
        text = HOSTILE[name][:300]
        opened(page="language", view=view, text=text, prompt=text, pattern=text[:100], weights="untrained")


def test_a_text_over_the_cap_is_cut_with_a_sentence():
    app = opened(weights="untrained")
    field(app, "text_input", "text").set_value("가나다 " * MAX_TEXT).run()
    assert not app.exception
    assert any(f"{MAX_TEXT:,}" in said.value for said in app.text)


def test_ten_thousand_characters_are_kept_whole():
    app = opened(weights="untrained", units="char")
    text = "가나다라마바사아자차" * 1000
    field(app, "text_input", "text").set_value(text).run()
    assert not app.exception
    assert field(app, "text_input", "text").value == text
    assert any("10000" in said.value for said in app.text)
    assert any("too long for a link" in said.value for said in app.text)
    assert "text" not in app.query_params
