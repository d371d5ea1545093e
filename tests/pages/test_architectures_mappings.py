"""The view Mappings under Streamlit's test runner: every mapping, its texts, its parts, its sentences."""

import pytest

from explorer.architectures.mappings.common import TRAINING_STEPS
from explorer.data.exercises import examples
from explorer.experiment import MAPPINGS
from explorer.figures.counts import share
from explorer.i18n import t
from explorer.ui.architectures import mappings
from tests.hostile.strings import HOSTILE
from tests.pages.app import field, opened, texts

LANGUAGES = {"ko-KR": "ko", "en-US": "en"}


def view(locale: str = "en-US", **query: str):
    """The view as a reader comes to it within the app: a link there names the reader's language."""
    return opened(locale, page="architectures", **{"arch": "mappings", "grammar": LANGUAGES[locale]} | query)


def shown(app) -> list[str]:
    """Keys of the buttons that are marked as chosen."""
    return [button.key for button in app.button if button.proto.type == "primary"]


def typed(app):
    return next(w for w in (*app.text_input, *app.selectbox) if w.key == mappings.INPUT)


@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize(("locale", "lang"), LANGUAGES.items())
def test_every_mapping_opens_on_its_first_example(locale, lang, mapping):
    app = view(locale, mapping=mapping)
    said = texts(app)
    assert typed(app).value == examples(mapping, lang)[0]
    assert t(f"mappings.good_{mapping}", lang) in said and t(f"mappings.ask_{mapping}", lang) in said
    network = mappings._network(mapping, "lstm", lang, 0, "")
    for score in network.scores:
        right = f"**{100 * score.share:.1f} %**"
        if network.held_out:  # what is no sample has no interval
            right = share(score.right, score.total, lang, "**")
        assert f"{score.right:,} / {score.total:,} = {right} |" in said
        assert f"{100 * score.guess:.1f} %" in said
    assert len(app.get("plotly_chart")) == (2 if mapping == "encoder_decoder" else 1)
    assert not app.warning


def test_a_mapping_is_chosen_and_stands_in_the_link():
    app = view()
    app.segmented_control(key="field_mapping").set_value("one_many").run()
    assert not app.exception
    assert app.session_state["experiment"].to_query()["mapping"] == "one_many"
    assert typed(app).value == "7"
    assert t("mappings.note_one_many", "en", numbers=48) in texts(app)


def test_a_link_shows_the_same_network_to_everybody_in_the_readers_words():
    for grammar, other in (("en", "ko-KR"), ("ko", "en-US")):
        app = view(other, mapping="many_one", grammar=grammar)
        assert typed(app).value == examples("many_one", grammar)[0]
        assert t("mappings.good_many_one", LANGUAGES[other]) in texts(app)
        assert app.query_params["grammar"] == grammar
    app.button(key="read_own").click().run()
    assert typed(app).value == examples("many_one", "en")[0] and app.query_params["grammar"] == "en"
    assert not any(button.key == "read_own" for button in app.button)


def test_a_link_that_leaves_the_language_open_leaves_it_to_nobodys():
    for locale in LANGUAGES:
        app = opened(locale, page="architectures", arch="mappings", mapping="many_one")
        assert typed(app).value == examples("many_one", "en")[0]


def test_an_example_is_read_and_stands_in_the_address():
    app = view(mapping="many_many")
    other = examples("many_many", "en")[2]
    app.button(key=f"read {other}").click().run()
    assert typed(app).value == app.query_params["text"] == other
    assert t("mappings.note_decided", "en") in texts(app)
    app.segmented_control(key="field_mapping").set_value("many_one").run()
    assert typed(app).value == examples("many_one", "en")[0]


def test_what_is_typed_is_read():
    app = view(mapping="many_one", step="5")
    typed(app).set_value("Claim your grzlfx cash").run()
    assert not app.exception
    assert typed(app).value == "Claim your grzlfx cash" == app.query_params["text"]
    assert t("mappings.unknown", "en", count=1, total=4) in texts(app)
    typed(app).set_value("   ").run()
    assert t("notice.empty", "en") in texts(app)
    assert typed(app).value == examples("many_one", "en")[0]


def test_the_word_that_only_the_next_one_tells_leads_to_both_directions():
    app = view(mapping="many_many")
    reading = mappings._reading("many_many", "lstm", "en", 0, "", "", "en")
    said = reading.columns[1].said
    assert f"The network says **{said.best}** with {100 * said.probabilities[0]:.0f}\u00a0%" in texts(app)
    app.button(key="to_deep").click().run()
    assert not app.exception
    assert field(app, "segmented_control", "arch").value == "deep"


def test_the_step_says_whether_encoder_or_decoder_is_on_the_stage():
    app = view(mapping="encoder_decoder")
    assert shown(app) == ["to_encoder"]
    app.button(key="to_decoder").click().run()
    assert not app.exception
    assert shown(app) == ["to_decoder"]
    assert app.session_state["experiment"].step == 8 == app.session_state["standing"][0]
    app.button(key="to_encoder").click().run()
    assert shown(app) == ["to_encoder"]
    assert app.session_state["experiment"].step == 1


def test_attention_is_a_choice_of_the_encoder_decoder_alone(monkeypatch):
    monkeypatch.setitem(TRAINING_STEPS, "encoder_decoder", 5)
    app = view(mapping="encoder_decoder", attend="dot", step="9", seed="77")
    assert field(app, "selectbox", "attend").value == "dot"
    said = texts(app)
    assert t("mappings.note_attention", "en", handed=64, steps=7, numbers=224) in said
    field(app, "selectbox", "attend").set_value("").run()
    assert not app.exception
    assert t("mappings.note_attention", "en", handed=64, steps=7, numbers=224) not in texts(app)
    app.segmented_control(key="field_mapping").set_value("many_one").run()
    assert not any(widget.key == "field_attend" for widget in app.selectbox)


def test_more_seeds_are_trained_when_asked_for():
    app = view(mapping="encoder_decoder", seed="9999")
    assert t("mappings.others", "en", first=0, second=1) not in texts(app)
    app.toggle(key="mapping_seeds").set_value(True).run()
    assert not app.exception
    assert t("mappings.others", "en", first=0, second=1) in texts(app)


@pytest.mark.parametrize("cell", ["rnn_relu", "lstm_peephole", "gru_reset_before"])
def test_other_cells(cell):
    app = view("ko-KR", mapping="many_one", cell=cell)
    network = mappings._network("many_one", cell, "ko", 0, "")
    assert f"{network.scores[0].right} / 40" in texts(app)


def test_a_long_text_is_shown_in_part():
    app = view(mapping="many_one", text="free " * 200)
    assert t("notice.window", "en", total=200, first=1, last=64) in texts(app)
    app = view(mapping="encoder_decoder", text="cat " * 30)
    assert t("mappings.source_cut", "en", limit=20) in texts(app)


@pytest.mark.parametrize("mapping", ["many_one", "many_many"])
def test_hostile_text_is_shown_as_text_only(mapping):
    app = view(mapping=mapping)
    for name in ("script", "markdown_image", "colour", "latex", "format", "rtl", "quotes"):
        typed(app).set_value(HOSTILE[name]).run()
        assert not app.exception
        for line in (*app.markdown, *app.caption):
            assert HOSTILE[name] not in line.value
