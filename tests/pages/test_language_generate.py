"""The view `generate` of the page of language models under Streamlit's test runner."""

import re

import pytest

from explorer.data.corpora import lecture_sentences
from explorer.limits import MAX_PROMPT
from explorer.stage.payload import header_of
from tests.pages.app import field, opened

PAGE = {"page": "language", "view": "generate"}


@pytest.fixture
def shown(monkeypatch):
    """The payloads that the view gave to the stage, in order."""
    payloads = []
    monkeypatch.setattr("explorer.ui.language.generate.stage", payloads.append)
    return payloads


def said(shown) -> str:
    header = header_of(shown[-1])
    return " ".join(token["label"] for token in header["text"])


def button(app, label: str):
    return next(b for b in app.button if b.label == label)


@pytest.mark.parametrize("k", range(3))
def test_a_button_says_a_sentence_of_the_lecture(shown, k):
    app = opened(**PAGE)
    first, *rest = lecture_sentences()[k].split()
    button(app, f"{first} + {len(rest)}").click().run()
    assert not app.exception
    assert said(shown) == lecture_sentences()[k]
    assert app.query_params["temperature"] == "0"


def test_more_than_the_sentence_and_the_cure(shown):
    app = opened(**PAGE)
    first = lecture_sentences()[2].split()[0]
    button(app, f"{first} + 10").click().run()
    assert len(said(shown).split()) == 11
    field(app, "selectbox", "ending").select("on").run()
    assert said(shown) == f"{lecture_sentences()[2]} <eos>"
    assert header_of(shown[-1])["ended"]


def test_another_draw_raises_the_seed_and_drops_the_forks(shown):
    app = opened(**PAGE, forced="1:3", temperature="2", draw="7")
    before = said(shown)
    button(app, "Another draw").click().run()
    assert app.query_params["draw"] == "8" and "forced" not in app.query_params
    assert said(shown) != before and header_of(shown[-1])["forced"] == {}


def test_greedy_has_no_other_draw():
    assert button(opened(**PAGE, temperature="0"), "Another draw").disabled


def test_a_link_holds_the_forks(shown):
    opened(**PAGE, forced="2:3;4:1", tokens="6")
    assert header_of(shown[-1])["forced"] == {"2": 3, "4": 1}


@pytest.mark.parametrize(
    "locale, forced, says",
    [
        ("en-US", "nonsense", "not known: nonsense"),
        ("en-US", "99:2", "left out: 99:2"),
        ("ko-KR", "2:999", "뺐습니다: 2:999"),
    ],
)
def test_a_choice_that_is_not_possible_is_said(shown, locale, forced, says):
    app = opened(locale, **PAGE, forced=forced, tokens="6")
    assert sum(says in text.value for text in app.text) == 1
    assert len(shown) == 1


@pytest.mark.parametrize(
    "prompt",
    ["<img src=x onerror=alert(1)>", "**a** $x$ [l](javascript:1)", "مرحبا \u202eabc", "👨‍👩‍👧", "W" * 3000],
)
@pytest.mark.parametrize("units", ["word", "char", "jamo"])
def test_hostile_prompts_are_read_and_said_literally(shown, prompt, units):
    app = opened(**PAGE, prompt=prompt, units=units, tokens="5")
    assert len(shown) == 1
    assert any("knows no token" in text.value or "does not know" in text.value for text in app.text)
    assert not any(prompt[:10] in m.value for m in app.markdown)


def test_a_prompt_that_is_too_long_is_said():
    app = opened(**PAGE)
    field(app, "text_input", "prompt").set_value("말이 " * MAX_PROMPT).run()
    assert any("2,000 characters" in text.value for text in app.text)
    assert any("No sentence that this network learned" in text.value for text in app.text)


def test_a_network_of_numbers_says_so(shown):
    app = opened(**PAGE, weights="marked")
    assert any("numbers" in warning.value for warning in app.warning) and not shown


def test_the_badge_is_that_of_the_run_on_the_stage():
    badge = next(c.value for c in opened(**PAGE, cell="gru").caption if "torch.nn.GRUCell" in c.value)
    assert re.search(r" [0-9.]+ × 10⁻¹[³⁴⁵⁶⁷⁸]\.", badge)
