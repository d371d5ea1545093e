"""Little tales: quotations that close, forms that agree, and every token that there can be."""

import re
import unicodedata
from functools import cache

import pytest
import torch

from explorer.data.tales import QUOTE, ends_closed, letters, tale, tales, text, words
from explorer.text import TOKEN_LEVELS, clean, tokenise

LANGS = ("en", "ko")
WHO = {
    **dict.fromkeys(("fox", "bear", "dog", "king", "boy", "goat"), ("he", "him", "was", "am", "my")),
    **dict.fromkeys(("hen", "cat", "cow", "queen", "girl", "owl"), ("she", "her", "was", "am", "my")),
    **dict.fromkeys(("mice", "birds", "ducks", "children"), ("they", "them", "were", "are", "our")),
}
MANY = {"apples", "nuts", "shoes", "eggs", "coins", "letters"}
PARTICLES = ("은는", "이가", "을를", "과와")

both = pytest.mark.parametrize("lang", LANGS)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@cache
def some(lang: str) -> tuple[str, ...]:
    """Returns over a thousand tales."""
    return tales(lang, 200_000, seeded(3))


@both
def test_the_seed_decides(lang):
    assert text(lang, 500, seeded(1)) == text(lang, 500, seeded(1)) != text(lang, 500, seeded(2))
    assert tale(lang, seeded(1)) == tales(lang, 1, seeded(1))[0]
    assert text(lang, 500, seeded(1)).startswith(tale(lang, seeded(1)))


@both
@pytest.mark.parametrize("length", [0, 1, 60, 777])
def test_a_text_is_as_long_as_was_asked_for_and_ends_with_a_tale(lang, length):
    told = tales(lang, length, seeded())
    whole = text(lang, length, seeded())
    assert whole == " ".join(told) == clean(whole)
    assert len(whole) >= length
    assert len(whole) - len(told[-1]) - 1 < max(length, 1)


@both
def test_tales_are_short_and_seldom_told_twice(lang):
    lengths = [len(one.split()) for one in some(lang)]
    assert min(lengths) >= 6 and max(lengths) <= 70
    assert len(set(some(lang))) > 0.9 * len(lengths)


@both
def test_quotations_close_within_a_tale(lang):
    for one in some(lang):
        parts = one.split(QUOTE)
        assert len(parts) % 2 == 1
        for outside, said in zip(parts[:-1:2], parts[1::2], strict=True):
            assert outside == "" or outside.endswith(" ")
            assert said[-1] in ".,?" and said[0].isalpha()
        assert one[-1] in f".{QUOTE}"
    assert sum(QUOTE in one for one in some(lang)) > 0.5 * len(some(lang))


def found(pattern: str) -> list[tuple[str, ...]]:
    """Returns the groups of every match in the English tales; a pattern that never matches tests nothing."""
    hits = re.findall(pattern, " ".join(some("en")))
    assert len(hits) > 20
    return hits


def test_pronouns_and_verbs_agree():
    for who, verb, he in found(r"The (\w+) (was|were) \w+, so (\w+) went"):
        assert WHO[who][0] == he and WHO[who][2] == verb
    for who, he, him in found(r"said the (\w+), and (\w+) gave (\w+) the"):
        assert WHO[who][0] == he and him in ("him", "her", "them")
    for i, am, who in found(r'"(I|We) (am|are) \w+," said the (\w+)'):
        assert am == WHO[who][3] and (i == "We") == (am == "are")
    for verb, my, what, who in found(r'"Where (is|are) (my|our) (\w+)\?" asked the (\w+)'):
        assert (verb == "are") == (what in MANY) and my == WHO[who][4]
    for what, verb in found(r"but the (\w+) (was|were) not there"):
        assert (verb == "were") == (what in MANY)
    for what, verb in found(r"The (\w+) (is|are) "):
        assert (verb == "are") == (what in MANY)


def test_who_acts_is_the_one_that_was_named():
    told = re.findall(r"^(?:The|Once the) (\w+) lost .*Then (\w+) found", "\n".join(some("en")), re.MULTILINE)
    assert len(told) > 10
    assert all(WHO[who][0] == he for who, he in told)


def test_many_say_we():
    told = re.findall(r'"(나|우리)는 [^"]*" (\w+)[이가] ', " ".join(some("ko")))
    assert len(told) > 20 and {self for self, _ in told} == {"나", "우리"}
    assert all((self == "우리") == (who[-1] == "들") for self, who in told)


@pytest.mark.parametrize("pair", PARTICLES)
def test_particles_go_by_the_final_consonant(pair):
    """A final consonant, by Unicode: the decomposed syllable has three letters."""
    seen = set()
    for noun in nouns():
        closed = len(unicodedata.normalize("NFD", noun[-1])) == 3
        right, wrong = (noun + p for p in (pair if closed else pair[::-1]))
        everything = letters("ko", "word")
        assert wrong not in everything
        if right in everything:
            seen.add(closed)
    assert seen == {True, False}


@cache
def nouns() -> frozenset[str]:
    """Returns the nouns of the Korean tales: what stands before one of two particles that mean the same."""
    stems = [{word[:-1] for word in words("ko") if word[-1] in pair} for pair in PARTICLES]
    return frozenset.intersection(*map(frozenset, stems[:2])) | (stems[1] & stems[2])


def test_a_syllable_ends_closed_where_it_has_three_letters():
    for code in [*range(0xAC00, 0xD7A4, 5), 0xD7A3]:
        assert ends_closed("가" + chr(code)) == (len(unicodedata.normalize("NFD", chr(code))) == 3)
    assert not ends_closed("fox") and not ends_closed("ㄱ")


@both
@pytest.mark.parametrize("unit", TOKEN_LEVELS)
def test_letters_are_exactly_what_tales_hold(lang, unit):
    """1,200 tales hold every token that there can be, and no other."""
    known = letters(lang, unit)
    assert list(known) == sorted(known)
    assert set(known) == set(tokenise(" ".join(some(lang)), unit))


@both
def test_words_have_no_marks_on_them(lang):
    assert words(lang) == {re.sub(r'[".,?]', "", token) for token in letters(lang, "word")}


def test_what_there_is_not_is_refused():
    for call in (lambda: tale("xx", seeded()), lambda: text("", 9, seeded()), lambda: letters("xx", "word")):
        with pytest.raises(ValueError, match="there are no tales in"):
            call()
    with pytest.raises(ValueError, match="unknown token level"):
        letters("en", "syllable")
