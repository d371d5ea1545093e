"""Locale files: the same keys in both languages, a label for everything that a page names."""

import re

import pytest

from explorer.cells import CELLS
from explorer.course.lessons import LESSONS
from explorer.experiment import TABLE
from explorer.i18n import ASSETS, LANGUAGES, bound, choose, lesson, strings, t


def keys(table: dict, stem: str = "") -> set[str]:
    found = set()
    for name, value in table.items():
        found |= keys(value, f"{stem}{name}.") if isinstance(value, dict) else {stem + name}
    return found


def placeholders(table: dict, key: str) -> set[str]:
    import string

    value = table
    for part in key.split("."):
        value = value[part]
    return {name for _, name, _, _ in string.Formatter().parse(value) if name}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_has_the_same_keys(lang):
    assert keys(strings(lang)) == keys(strings("en"))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_fills_the_same_placeholders(lang):
    for key in keys(strings("en")):
        assert placeholders(strings(lang), key) == placeholders(strings("en"), key), key


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_is_named_in_every_language(lang):
    assert set(strings(lang)["language"]) == set(LANGUAGES)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_field_option_cell_and_signal_has_a_name(lang):
    table = strings(lang)
    assert set(TABLE) <= set(table["field"])
    assert set(CELLS) <= set(table["cell"])
    assert {s.named for spec in CELLS.values() for s in spec.signals} <= set(table["signal"])
    for name, entry in TABLE.items():
        if entry.options and name not in ("cell", "second", "clamp", "carry", "shade"):
            assert {option or "none" for option in entry.options} <= set(table["option"][name]), name


GATES = {
    "en": {"f": "forget gate", "i": "input gate", "o": "output gate", "r": "reset gate", "z": "update gate"},
    "ko": {
        "f": "망각 게이트",
        "i": "입력 게이트",
        "o": "출력 게이트",
        "r": "리셋 게이트",
        "z": "업데이트 게이트",
    },
}
"""The lecture's names. A name under another letter would be wrong in every figure."""


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_gate_bears_its_own_name(lang):
    assert {symbol: t(f"signal.{symbol}", lang) for symbol in GATES[lang]} == GATES[lang]
    for part in "fio":
        assert t(f"option.without.{part}", lang) == GATES[lang][part]


def test_no_hangul_stands_in_the_code():
    from pathlib import Path

    root = Path(__file__).parents[1]
    for folder in ("explorer", "pages"):
        for path in (root / folder).rglob("*"):
            if path.suffix in (".py", ".js") and path.name != "text.py":
                assert not any("가" <= c <= "힣" for c in path.read_text(encoding="utf-8")), path


def test_missing_string_is_an_error():
    with pytest.raises(KeyError):
        t("ui.nothing", "en")


@pytest.mark.parametrize(
    "locale, lang",
    [
        ("ko-KR", "ko"),
        ("ko", "ko"),
        ("KO_kr", "ko"),
        ("en-GB", "en"),
        (None, "en"),
        ("fr", "en"),
        ("kok", "en"),
    ],
)
def test_language_follows_the_browser(locale, lang):
    assert choose(locale) == lang


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_sentence_says_dark_of_a_colour_that_is_bright_in_the_dark_theme(lang):
    words = {"en": ("dark where", "darker"), "ko": ("진할수록", "어두울수록")}[lang]
    texts = [path.read_text(encoding="utf-8") for path in (ASSETS / "lessons" / lang).glob("*.md")]
    texts.append((ASSETS / "locale" / f"{lang}.toml").read_text(encoding="utf-8"))
    assert not [word for text in texts for word in words if word in text]


def test_no_line_ends_between_a_number_and_its_sign_or_unit():
    kept = "72\u00a0% of 5\u00a0MB in {n}\u00a0ms, 3 steps, 2 sites, %{x} %s"
    assert bound("72 % of 5 MB in {n} ms, 3 steps, 2 sites, %{x} %s") == kept
    for lang in LANGUAGES:
        texts = [str(strings(lang)), *(lesson(name, lang) for name in LESSONS)]
        assert not [text for text in texts if re.search("[0-9}] %(?![a-z{])", text)]
    assert t("count.share", "en", share="14 %", low=9, high=20) == "14\u00a0% (9 to 20\u00a0%)"
