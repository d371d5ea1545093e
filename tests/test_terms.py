"""One word for each idea: what docs/terms.md bans is nowhere in what is read, and what it names is used."""

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from explorer.i18n import ASSETS, LANGUAGES, strings
from tests.course.lesson_files import cards
from tests.course.test_lessons import ORDERS

DOCS = Path(__file__).parents[1] / "docs"
QUOTED = re.compile(r"`((?:[^`\\]|\\.)+)`")


@cache
def rows() -> tuple[tuple[str, ...], ...]:
    """Returns (idea, English, Korean, not in Korean, not in English) of every term."""
    lines = (DOCS / "terms.md").read_text(encoding="utf-8").splitlines()
    table = [line for line in lines if line.startswith("|")][2:]
    return tuple(
        tuple(cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1])
        for line in table
    )


def banned(lang: str) -> list[tuple[str, str]]:
    """Returns (idea, pattern) of every word not to use in a language."""
    column = {"ko": 3, "en": 4}[lang]
    return [(row[0], pattern) for row in rows() for pattern in QUOTED.findall(row[column])]


def _flat(table: dict, stem: str):
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{stem}.{name}")
        else:
            yield f"{stem}.{name}", value


@cache
def read(lang: str) -> tuple[tuple[str, str], ...]:
    """Returns (place, text) of all that is read in a language, without what quotes the notes."""
    found = list(_flat(strings(lang), f"locale {lang}"))
    for name in ORDERS:
        for card in cards(name, lang):
            asked = [part for kind, *parts in card.directives if kind in ("ask", "choices") for part in parts]
            labels = [left for kind, left, _ in card.directives if kind == "show"]
            for text in (card.title, card.text, *asked, *labels):
                found.append((f"{lang}/{name}.md {card.id}", text))
    glossary = tomllib.loads((ASSETS / "glossary.toml").read_text(encoding="utf-8"))
    for part in ("entries", "facts"):
        for key, entry in glossary[part].items():
            own = entry[lang]
            found += [(f"glossary {key}", own[name]) for name in ("name", "meaning", "title") if name in own]
    for line in (DOCS / "seeds.md").read_text(encoding="utf-8").splitlines():
        if not line.startswith(("##", "# ")):  # headings are the notes' own words
            found.append(("seeds.md", line.split("|", 2)[-1] if line.startswith("|") else line))
    found.append(("course.toml", (ASSETS / "course.toml").read_text(encoding="utf-8")))
    return tuple((place, _words(text)) for place, text in found)


def _words(text: str) -> str:
    """Returns a text without names of placeholders, code and addresses."""
    return re.sub(r"`[^`]*`|\"[^\" ]*\"", "", re.sub(r"\{[^{}]*\}", "{}", text))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_text_uses_another_word_for_an_idea(lang):
    found = [
        f"{place}: {pattern} ({idea}): {text}"
        for idea, pattern in banned(lang)
        for place, text in read(lang)
        if re.search(pattern, text)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("lang, column", [("en", 1), ("ko", 2)])
def test_every_word_of_the_table_is_used(lang, column):
    everything = " ".join(text for _, text in read(lang)).lower()
    for row in rows():
        for word in re.split(r"[,;:] ", row[column]):
            bare = re.sub(r" \(.*\)", "", word).lower()
            assert bare and bare in everything, (row[0], word)


def test_the_notes_have_one_name_even_where_they_are_quoted():
    raw = [(ASSETS / "glossary.toml"), *(ASSETS / "lessons" / "ko").glob("*.md")]
    assert not [path.name for path in raw if "노트" in path.read_text(encoding="utf-8")]


def test_a_banned_word_would_be_seen():
    for idea, pattern in banned("ko") + banned("en"):
        assert re.compile(pattern), idea
    assert len(banned("ko")) > 60 and re.search(dict(banned("ko"))["f"], "망각이 아니라 포겟 게이트")
