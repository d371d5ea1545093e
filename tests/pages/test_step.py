"""The page Step through time, run by Streamlit's own test runner (its script, not its JavaScript)."""

import re

import pytest

from explorer.cells import CELLS
from explorer.experiment import WEIGHTS
from explorer.i18n import LANGUAGES, t
from explorer.lab.walk import Walk
from explorer.stage.payload import build
from explorer.text import TOKEN_LEVELS
from tests.pages.app import field, opened, texts, unfolded


@pytest.mark.parametrize("locale, says", [("ko-KR", "해 보기"), ("en-US", "Try"), ("de-DE", "Try")])
def test_language_is_the_browsers_where_it_is_korean(locale, says):
    assert says in texts(opened(locale))


FIRST = {
    "ko-KR": ("lecture", "경마장에 있는 말이 뛰고 있다", "11"),
    "en-US": ("english", "time flies like an arrow", "13"),
}


@pytest.mark.parametrize("locale", FIRST)
def test_first_screen_is_a_sentence_of_the_readers_in_an_lstm_that_learned_it(locale: str):
    weights, sentence, count = FIRST[locale]
    app = opened(locale)
    assert field(app, "selectbox", "cell").value == "lstm"
    assert field(app, "text_input", "text").value == sentence
    assert texts(app).count(count) > 1
    assert app.query_params["weights"] == weights, "whoever gets the link sees the same"
    other = opened("de-DE" if locale == "ko-KR" else "ko-KR", **app.query_params)
    assert field(other, "text_input", "text").value == sentence


def test_an_address_that_names_anything_opens_on_the_lecture_in_every_language():
    for locale in FIRST:
        assert field(opened(locale, cell="gru"), "text_input", "text").value == FIRST["ko-KR"][1]


def test_a_sentence_with_new_words_is_learned_at_once_and_unk_is_a_choice():
    app = opened()
    field(app, "text_input", "text").set_value("My dog runs faster than your cat").run()
    said = next(text.value for text in app.text if "My, dog, runs" in text.value)
    assert "7 new tokens" in said and "19 of 19" in said
    next(b for b in app.button if "<unk>" in b.label).click().run()
    assert app.query_params["unknown"] == "unk"
    assert any("read as <unk>: My, dog" in text.value for text in app.text)
    next(b for b in app.button if b.label == "Learn the sentence").click().run()
    assert "unknown" not in app.query_params
    field(app, "text_input", "text").set_value("time flies like a banana").run()
    assert not any("new tokens" in text.value for text in app.text)


def test_weights_that_have_no_sentence_of_their_own_keep_the_one_in_sight():
    app = opened()
    chosen = next(box for box in app.selectbox if box.key == "weights_list")
    chosen.select("untrained").run()
    assert field(app, "text_input", "text").value == FIRST["en-US"][1]
    next(box for box in app.selectbox if box.key == "weights_list").select("english").run()
    assert app.query_params["weights"] == "english" and "text" not in app.query_params


def test_badge_states_a_difference_at_rounding():
    app = opened()
    badge = next(c.value for c in app.caption if "torch.nn.LSTMCell" in c.value)
    assert re.search(r" [0-9.]+ × 10⁻¹[³⁴⁵⁶⁷⁸]\.", badge)


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_opens(cell):
    app = opened(cell=cell)
    assert field(app, "selectbox", "cell").value == cell


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("units", TOKEN_LEVELS)
def test_every_kind_of_weights_and_tokens_opens(weights, units):
    opened(weights=weights, units=units)


def test_a_choice_is_in_the_address_and_a_default_is_not():
    app = opened(weights="lecture")
    field(app, "selectbox", "cell").select("gru").run()
    assert app.query_params["cell"] == "gru"
    assert "weights" not in app.query_params
    field(app, "selectbox", "cell").select("lstm").run()
    assert "cell" not in app.query_params


def test_a_link_reproduces_the_view():
    app = opened(cell="gru", text="그의 말이 법이다", hidden="8", clamp="z", clamp_value="1.0", seed="3")
    assert field(app, "text_input", "text").value == "그의 말이 법이다"
    unfolded(app, "bar")
    assert field(app, "number_input", "hidden").value == 8
    assert field(app, "selectbox", "clamp").value == "z"
    assert app.query_params["seed"] == "3"


def test_what_is_held_beside_a_gate_is_in_the_address():
    app = opened(clamp="f", clamp_value="1.0", clamp_from="3", holds="i=0")
    (held,) = (chosen for chosen in app.multiselect if chosen.key == "holds")
    assert held.value == ["i=0"] and "i = 0 · input gate" in held.options
    held.set_value(["i=0", "o=1"]).run()
    assert app.query_params["holds"] == "i=0;o=1"
    assert any("everything that is held" in caption.value for caption in app.caption)


def test_what_is_closed_is_not_drawn_and_keeps_its_value():
    app = opened(hidden="8", second="gru")
    drawn = {widget.key for kind in ("selectbox", "number_input") for widget in getattr(app, kind)}
    assert {"field_cell", "field_second"} <= drawn
    assert not drawn & {"field_hidden", "field_seed", "field_clamp", "field_carry"}
    held = {name for name, _ in app.session_state.items() if name.startswith("field_")}  # each reads all
    assert held == {name for name in (*drawn, "field_text") if name and name.startswith("field_")}
    unfolded(app, "bar")
    field(app, "number_input", "hidden").set_value(12).run()
    app.session_state["fold_bar"] = False
    app.run()
    assert (app.query_params["hidden"], app.query_params["second"]) == ("12", "gru")


WAYS = {"what_if": "clamp", "second": "second", "transplant": "donor"}


def ways_drawn(app) -> set[str]:
    kinds = ("selectbox", "text_input", "number_input")
    drawn = {widget.key for kind in kinds for widget in getattr(app, kind)}
    return {way for way, name in WAYS.items() if f"field_{name}" in drawn}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_way_that_a_link_changes_a_run_is_open_and_none_where_it_changes_nothing(lang):
    assert ways_drawn(opened(lang=lang)) == set()
    for changes, way in (
        ({"zero": "2"}, "what_if"),
        ({"carry": "h"}, "transplant"),
        ({"second": "gru"}, "second"),
    ):
        assert ways_drawn(opened(lang=lang, **changes)) == {way}


def test_a_way_to_change_a_run_is_drawn_once_it_is_chosen_and_stays_where_its_change_is_undone():
    app = opened(lang="en")
    (ways,) = (widget for widget in app.segmented_control if widget.key == "changes")
    ways.set_value("what_if").run()
    field(app, "selectbox", "clamp").select("f").run()
    assert app.query_params["clamp"] == "f" and ways_drawn(app) == {"what_if"}
    next(button for button in app.button if button.label == t("ui.undo", "en")).click().run()
    assert "clamp" not in app.query_params and ways_drawn(app) == {"what_if"}


@pytest.mark.parametrize(
    "name, raw", [("hidden", "1e9"), ("cell", "<script>"), ("seed", "٣"), ("gain", "nan"), ("nonsense", "1")]
)
def test_a_tampered_address_is_said_and_does_no_harm(name, raw):
    app = opened(**{name: raw})
    assert any(raw in text.value or name in text.value for text in app.text)
    assert name not in app.query_params


def test_switching_language_keeps_every_choice():
    app = opened(cell="gru", text="가는 말이", hidden="8")
    app.segmented_control[0].set_value("ko").run()
    assert "해 보기" in texts(app)
    assert field(app, "text_input", "text").value == "가는 말이"
    assert app.query_params["lang"] == "ko"
    assert app.query_params["hidden"] == "8"


def test_an_empty_sentence_shows_the_example_and_says_so():
    app = opened()
    field(app, "text_input", "text").set_value("   ").run()
    assert not app.exception
    assert field(app, "text_input", "text").value == FIRST["en-US"][1]
    assert any("empty" in text.value for text in app.text)


def test_a_sentence_of_unknown_words_is_explained():
    app = opened(text="colourless green ideas", unknown="unk")
    assert any("<unk>" in text.value for text in app.text)


def test_a_long_text_is_kept_whole_and_walked_in_a_window():
    app = opened(weights="untrained")
    text = " ".join(f"w{k}" for k in range(300))
    field(app, "text_input", "text").set_value(text).run()
    assert field(app, "text_input", "text").value == text
    assert any("300" in said.value and "64" in said.value for said in app.text)


def test_a_gate_held_on_a_cell_without_it_is_said_on_the_page():
    app = opened(cell="gru", clamp="f")
    assert any("no gate f" in text.value for text in app.text)


def test_the_gate_button_opens_the_marked_numbers_at_a_mark():
    app = opened()
    next(b for b in app.button if "gate that visibly works" in b.label).click().run()
    assert not app.exception
    assert app.query_params["weights"] == "marked"
    assert int(app.query_params["step"]) > 1


def test_transplant_shows_the_next_word_for_each_state_carried():
    app = opened(carry="hc", into="2", donor_step="1")
    assert len(app.get("plotly_chart")) == 1


def test_second_cell_shares_sentence_and_page():
    app = opened(second="gru")
    assert "11 of 11" in texts(app)
    assert sum("11 of 11" in c.value for c in app.caption) == 2


def test_undo_takes_back_a_change():
    app = opened(clamp="f", swap="2", swap_with="말이")
    app.button(key="undo_change").click().run()
    assert "clamp" not in app.query_params and "swap" not in app.query_params


def test_the_same_experiment_is_computed_once(monkeypatch):
    import explorer.ui.compute as compute

    built: list[Walk] = []
    monkeypatch.setattr(compute.payload, "build", lambda walk, *how: built.append(walk) or build(walk, *how))
    opened(seed="4321")
    opened(seed="4321", step="3")
    assert len(built) == 1


@pytest.mark.parametrize(
    "locale, label", [("ko-KR", "강의 자료를 읽은 분께"), ("en-US", "For readers of the notes")]
)
def test_what_a_card_says_of_the_notes_is_folded_away(locale, label):
    app = opened(locale, card="unrolling")
    (folded,) = [one for one in app.expander if one.label == label]
    assert not folded.proto.expanded and "재귀" in folded.markdown[0].value
