"""Features of a text, by hand."""

import numpy as np
import pytest

from explorer.data.grammar import END, Sentence
from explorer.language.features import cue, features
from explorer.text import tokenise


def plain(tokens) -> Sentence:
    return Sentence(tuple(tokens), (), ())


def marks(text: str, kind: str, unit: str = "char", pattern: str = "") -> tuple[str, str]:
    """Returns a feature as digits, and the tokens that it decides as carets."""
    values, decides = features(tokenise(text, unit), unit, kind, pattern)
    return "".join(f"{v:.0f}" for v in values), "".join("^" if d else "." for d in decides)


@pytest.mark.parametrize(
    ("text", "inside", "closes"),
    [
        ('a "b c" d', "001111000", "......^.."),
        ('"a" "b', "110011", "..^..."),
        ("“a “b” c” d", "11111111000", ".....^..^.."),
        ("a” b", "0000", "...."),
        ("「가」 『나』", "1100110", "..^...^"),
    ],
)
def test_a_quotation_lasts_from_its_mark_to_the_closing_one(text, inside, closes):
    assert marks(text, "quote") == (inside, closes)


@pytest.mark.parametrize(
    ("text", "depth", "closes"),
    [
        ("a(b[c]{d}e)f", "011221221100", ".....^..^.^."),
        (")a(", "001", "..."),
        ("(“a”)", "12210", "...^^"),
        ('("', "11", ".."),
    ],
)
def test_brackets_nest(text, depth, closes):
    assert marks(text, "bracket") == (depth, closes)


def test_words_carry_the_marks_that_stand_at_them():
    assert marks('he said "yes it is" (so)', "quote", "word") == ("001100", "....^.")
    assert marks("a (b [c d]) e", "bracket", "word") == ("01200", "...^.")


@pytest.mark.parametrize(
    ("text", "place", "ends"),
    [
        ("ab. cd! e", "123012301", "..^...^.."),
        ('"a." b', "123401", "..^..."),
        ("곰은 곰. 새다", "12345012", "....^..."),
    ],
)
def test_a_position_counts_from_the_last_end_of_a_sentence(text, place, ends):
    assert marks(text, "position") == (place, ends)


def test_the_end_token_ends_a_sentence():
    values, decides = features(("a", "b", END, "a"), "word", "position")
    assert (values == [1, 2, 3, 1]).all() and decides.tolist() == [False, False, True, False]


def test_a_letter_counts_within_its_word_and_jamo_within_theirs():
    assert marks("the fat, cat", "word") == ("123012300123", "...^...^....")
    assert marks("곰은 새", "word", "jamo") == ("123456012", "......^..")
    assert marks("the cat", "word", "word")[0] == "00"


@pytest.mark.parametrize(
    ("text", "unit", "pattern", "within", "decides"),
    [
        ("abcabab", "char", "ab", "1101111", ".^..^.^"),
        ("aaa", "char", "aa", "111", ".^^"),
        ("곰은 곰", "jamo", "곰", "1110000111", ".^^.....^^"),
        ("말이 그의 말이", "word", "말", "101", "^.^"),
        ("가는 말이 곱다", "word", "말이 곱", "011", "..^"),
        ("abc", "char", "", "000", "..."),
        ("abc", "char", "x", "000", "..."),
    ],
)
def test_a_pattern_is_found_across_tokens(text, unit, pattern, within, decides):
    assert marks(text, "pattern", unit, pattern) == (within, decides)


def test_every_feature_takes_hostile_text():
    for text in ("<b>&\u202e", "👩‍👩‍👧 é", "」" * 9, '"' * 5, "." * 7, "\u1100\u1100"):
        for unit in ("word", "char", "jamo"):
            tokens = tokenise(text, unit)
            for kind in ("quote", "bracket", "position", "word", "pattern"):
                values, decides = features(tokens, unit, kind, text[:3])
                assert len(values) == len(decides) == len(tokens) and (values >= 0).all()


def test_an_unknown_feature_is_an_error():
    with pytest.raises(KeyError):
        features(("a",), "char", "colour")


def test_the_inner_cue_holds_until_it_is_closed():
    text = Sentence(tuple("x([a.]b.)"), (5, 8), (2, 1))
    other = Sentence(tuple("x[(a.)b.]"), (5, 8), (2, 1))
    third = Sentence(tuple("x{{a.}b.}"), (5, 8), (2, 1))
    values, decides, names = cue([text, other, third], "word")
    assert names == (")", "]", "}")
    assert [row.tolist().index(1) if row.any() else None for row in values[:9]] == [
        None, 0, 1, 1, 1, 0, 0, 0, None,
    ]  # fmt: skip
    assert np.flatnonzero(decides).tolist() == [5, 8, 14, 17, 23, 26]


def test_two_meanings_are_one_signed_column():
    said = [Sentence(("the", one, "x", verb), (3,), (1,)) for one, verb in (("dog", "is"), ("dogs", "are"))]
    values, _, names = cue(said, "word")
    assert names == ("are", "is")
    assert values[:, 0].tolist() == [0, -1, -1, 0, 0, 1, 1, 0]
