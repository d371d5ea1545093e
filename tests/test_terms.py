"""One word for each idea: what docs/terms.md bans is nowhere in what is read, and what it names is used."""

import re
import tomllib
import unicodedata
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


# Korean as it is spoken

PERCENT = {"chance", "far", "share"}
"""Placeholders that end in a percent sign, read 퍼센트: a particle after them is that of a vowel."""
PARTICLES = {"을": True, "를": False, "은": True, "는": False, "과": True, "와": False}
"""Particles that hang on the sound before them: True after a consonant."""


def _closed(word: str) -> bool:
    """True where a word ends in a consonant."""
    return (ord(word[-1]) - ord("가")) % 28 > 0


@cache
def _with_particle() -> re.Pattern[str]:
    """Returns what finds a noun of the tables and a particle after it."""
    nouns = "|".join(map(re.escape, _nouns()))
    return re.compile(rf"({nouns})({'|'.join(PARTICLES)})(?![가-힣])")


def _nouns() -> list[str]:
    """Returns the nouns of the table and of the glossary, each name's last word, the longest first."""
    glossary = tomllib.loads((ASSETS / "glossary.toml").read_text(encoding="utf-8"))["entries"]
    words = {word for row in rows() for word in re.split(r"[,;:] ", re.sub(r" \(.*?\)", "", row[2]))}
    words |= {re.sub(r" \(.*?\)", "", entry["ko"]["name"]) for entry in glossary.values()}
    last = {word.split()[-1] for word in words if word}
    return sorted((w for w in last if re.fullmatch(r"[가-힣]{2,}", w)), key=len, reverse=True)


def wrong_particles(text: str) -> list[str]:
    """Returns nouns with the particle of another sound: 신경망는."""
    found = _with_particle().finditer(text)
    return [m[0] for m in found if PARTICLES[m[2]] != _closed(m[1])]


def test_a_noun_has_the_particle_of_its_sound():
    assert wrong_particles("신경망는 게이트을 여는 시점와") == ["신경망는", "게이트을", "시점와"]
    assert not [(place, wrong) for place, text in read("ko") for wrong in wrong_particles(text)]


def test_no_particle_hangs_on_a_word_that_is_filled_in():
    particle = re.compile(r"\{(\w+)[^{}]*\}[’”'\"`*]*(?:[을를은는이가과와로]|으로)(?![가-힣])")
    both = re.compile(r"[이가을를은는과와]\([가-힣]\)|\(으\)로")
    for place, text in _flat(strings("ko"), "locale ko"):
        assert {m[1] for m in particle.finditer(text)} <= PERCENT, (place, text)
        assert not both.search(text), (place, text)


def test_a_korean_heading_is_no_polite_sentence():
    titles = [card.title for name in ORDERS for card in cards(name, "ko")]
    assert titles and not [title for title in titles if re.search(r"(?<!아)니(다|까)[.?]?$", title)]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_text_is_composed(lang):
    assert not [place for place, text in read(lang) if not unicodedata.is_normalized("NFC", text)]


SENT = {
    "en": r'(?:figure|view|[Uu]nder|in) "([^"]+)"',
    "ko": r"(?:그림|화면) '([^']+)'|'([^']+)'(?: 페이지|의 ReLU 카드)|'(더 보기)'에서",
}
"""How a text sends its reader to a page, a view, a figure or what is folded away."""


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_reader_is_sent_to_what_bears_that_name(lang):
    names = {text for _, text in _flat(strings(lang), "")}
    texts = [card.said for name in ORDERS for card in cards(name, lang)] + sorted(names)
    sent = [found for text in texts for match in re.findall(SENT[lang], text) for found in _parts(match)]
    assert len(sent) >= 5 and set(sent) <= names


def _parts(match: str | tuple[str, ...]) -> list[str]:
    return [match] if isinstance(match, str) else [part for part in match if part]
