"""The page of dynamics under Streamlit's test runner."""

import pytest

from explorer.cells import CELLS
from explorer.dynamics.portrait import units_of
from explorer.i18n import t
from explorer.ui.dynamics.evidence import _network, evidence_of
from tests.pages.app import field, opened, texts


@pytest.mark.parametrize("locale, says", [("ko-KR", "비트 세 개"), ("en-US", "three bits")])
def test_the_cube_says_how_it_was_learned(locale, says):
    app = opened(locale, page="dynamics", cell="lstm")
    assert not app.warning
    assert any(says in caption.value for caption in app.caption)


def test_a_moment_of_training_is_in_the_address():
    app = opened(page="dynamics", cell="lstm")
    slider = next(s for s in app.select_slider if s.key == "field_moment")
    slider.set_value(100).run()
    assert not app.exception and app.query_params["moment"] == "100"


@pytest.mark.parametrize("small", ["one", "two", "many"])
@pytest.mark.parametrize("locale", ["ko-KR", "en-US"])
def test_every_portrait_opens(small, locale):
    app = opened(locale, page="dynamics", scene="portrait", cell="rnn", small=small)
    assert not app.warning
    lang, key = locale[:2], "" if small == "one" else f"_{small}"
    assert t(f"dynamics.try_portrait{key}", lang) in [text.value for text in app.markdown]


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_has_a_portrait_or_it_is_said_why_not(cell):
    app = opened(page="dynamics", scene="portrait", cell=cell, small="two")
    said = [info.value for info in app.info if "no plane" in info.value]
    assert bool(said) == (not units_of(cell, "two")) and all(s in said[0] for s in CELLS[cell].states if said)


@pytest.mark.parametrize("locale", ["ko-KR", "en-US"])
def test_a_cell_without_a_portrait_has_many_units_all_the_same(locale):
    app = opened(locale, page="dynamics", scene="portrait", cell="slstm", small="many")
    assert not app.info


def test_the_knob_gives_birth_to_a_memory():
    app = opened(page="dynamics", scene="portrait", cell="rnn", pull="0.9")
    assert "Stable fixed points: 1. Unstable: 0." in texts(app)
    slider = next(s for s in app.slider if s.key == "field_pull")
    slider.set_value(1.2).run()
    assert "Stable fixed points: 2. Unstable: 1." in texts(app)
    assert app.query_params["pull"] == "1.2"


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_the_network_of_the_bar_is_searched(cell):
    app = opened(page="dynamics", scene="network", cell=cell, second="gru")
    assert not app.warning


@pytest.mark.parametrize("locale", ["ko-KR", "en-US"])
def test_evidence_adds_up_in_numbers_of_this_network(locale):
    lang = locale[:2]
    app = opened(locale, page="dynamics", scene="evidence", cell="gru", grammar=lang)
    found = evidence_of(_network("gru", lang, 0), "")  # the page's own
    shown = {"share": f"{100 * found.share:.0f} %", "r": f"{abs(found.r):.3f}", "n": f"{len(found.along):,}"}
    said = t("dynamics.evidence", lang, cell=t("cell.gru", lang), **shown)
    assert said in [text.value for text in app.markdown]
    button = next(b for b in app.button if (b.key or "").startswith("evidence "))
    button.click().run()
    assert not app.exception and app.query_params["text"]


def test_a_token_that_is_not_known_is_said():
    app = opened(page="dynamics", scene="network", cell="rnn", held="unheard")
    assert any("unheard" in warning.value for warning in app.warning)
    assert field(app, "text_input", "held").value == "unheard"


@pytest.mark.parametrize("name, raw", [("scene", "sphere"), ("pull", "11"), ("point", "-1"), ("turn", "400")])
def test_a_tampered_address_is_said(name, raw):
    app = opened(page="dynamics", **{"scene": "portrait", "cell": "rnn", name: raw})
    assert any(raw in text.value for text in app.text)
