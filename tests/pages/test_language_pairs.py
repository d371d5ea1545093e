"""The view Text to tensors under Streamlit's test runner: its choices, counts, refusals, the way on."""

import pytest

from explorer.experiment import HEADLINE, Experiment
from explorer.i18n import t
from explorer.stage.payload import header_of
from explorer.ui.language.pairs import packed_pairs
from tests.hostile.strings import HOSTILE
from tests.pages.app import field, opened, texts

LANGUAGES = {"ko-KR": "ko", "en-US": "en"}


def view(locale: str = "en-US", **query: str):
    return opened(locale, page="language", view="pairs", **query)


def _counted(sentences: int, tokens: int, vocabulary: int, pairs: int, longest: int, lang: str = "en") -> str:
    values = {"sentences": sentences, "tokens": tokens, "vocabulary": vocabulary}
    return t("pairs.counts", lang, **values, pairs=pairs, longest=longest)


def warned(app) -> str:
    return "\n".join(warning.value for warning in app.warning)


@pytest.mark.parametrize(("locale", "lang"), LANGUAGES.items())
def test_it_opens_on_the_lecture_and_counts_it(locale, lang):
    app = view(locale)
    assert _counted(3, 14, 11, 11, 6, lang) in texts(app)
    assert not app.warning
    assert t("pairs.note", lang) in texts(app)


def test_the_choices_count():
    app = view(text="The cat. the cat! A dog")
    assert _counted(3, 6, 6, 3, 2) in texts(app)
    field(app, "selectbox", "case").select("lower").run()
    field(app, "selectbox", "punctuation").select("strip").run()
    assert _counted(3, 6, 4, 3, 2) in texts(app)
    field(app, "selectbox", "ending").select("on").run()
    assert _counted(3, 9, 5, 6, 3) in texts(app)
    assert not app.exception
    assert (app.query_params["case"], app.query_params["ending"]) == ("lower", "on")


@pytest.mark.parametrize("units, pairs", [("word", 11), ("char", 40), ("jamo", 85)])
def test_every_unit_has_its_rows(units, pairs):
    assert f"Pairs: **{pairs}**" in texts(view(units=units))


@pytest.mark.parametrize(("locale", "lang"), LANGUAGES.items())
def test_one_token_gives_no_pair_and_the_page_says_so(locale, lang):
    app = view(locale, text="<b>말</b>")
    assert t("pairs.no_pair", lang, tokens=1) in warned(app)
    (table,) = app.dataframe
    assert table.value.values.tolist() == [[1, "<b>말</b>", 1]]
    assert app.button(key="train_pairs").disabled


def test_a_text_of_which_nothing_is_left_is_said():
    app = view(text="?!", punctuation="strip")
    assert t("pairs.no_pair", "en", tokens=0) in warned(app)
    assert not app.dataframe


def test_a_vocabulary_of_one_is_said_and_drawn():
    app = view(text="말 말 말")
    assert t("pairs.one_kind", "en", tokens=3) in warned(app)
    assert "Pairs: **2**" in texts(app)
    assert app.button(key="train_pairs").disabled


def test_of_a_long_text_the_page_says_which_rows_are_shown():
    app = view(text="one two three. " * 150, start="20")
    assert "Pairs: **300**" in texts(app)
    assert t("pairs.window", "en", total="300", first=20, last=219) in texts(app)


@pytest.mark.parametrize(
    "name", ["script", "markdown_image", "colour", "latex", "rtl", "zalgo", "emoji", "repeated"]
)
def test_hostile_text_is_never_markup(name):
    app = view(text=HOSTILE[name])
    assert not app.exception
    assert HOSTILE[name] not in "".join(m.value for m in (*app.markdown, *app.caption, *app.warning))


@pytest.mark.parametrize(
    "query, expected",
    [
        ({"units": "jamo", "racers": "rnn"}, {"data": "lecture", "units": "jamo", "racers": HEADLINE}),
        ({"text": "The cat. The DOG!", "case": "lower"}, {"data": "yours", "text": "the cat. the dog!"}),
        ({"text": "The cat. The DOG!"}, {"data": "yours", "text": "The cat. The DOG!"}),
    ],
)
def test_the_text_goes_on_to_training_as_it_stands_here(query, expected, monkeypatch):
    gone = []
    monkeypatch.setattr("streamlit.switch_page", lambda page, query_params: gone.append((page, query_params)))
    app = view(**query)
    app.button(key="train_pairs").click().run()
    assert not app.exception
    ((page, address),) = gone
    assert page == "pages/train.py"
    experiment, refused = Experiment().with_changes(address)
    assert not refused
    assert {name: getattr(experiment, name) for name in expected} == expected


def test_where_the_reader_stands_computes_nothing_anew():
    stage = packed_pairs(Experiment(), "en")
    assert packed_pairs(Experiment(step=5, unit=3, prompt="a", temperature=2.0), "en") is stage
    assert header_of(packed_pairs(Experiment(cell="gru"), "en"))["cell"] == t("cell.gru", "en")
