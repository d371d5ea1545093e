"""Text in and out: nothing a person typed is lost, and nothing invisible stays."""

import string
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.labels import label, plot_label
from explorer.limits import MAX_LABEL
from explorer.text import (
    TOKEN_LEVELS,
    Refused,
    clean,
    join,
    lower_case,
    split_sentences,
    tokenise,
    without_punctuation,
)

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
INVISIBLE = ["\u202a", "\u202e", "\u2066", "\u2069", "\u200e", "\u200f", "\u061c", "\u200b", "\u200c"]
INVISIBLE += ["\u2060", "\ufeff", "\u00ad", "\x00", "\x07", "\x1b", "\x7f", "\x9f", "\ud800", "\udfff"]


def test_decomposed_hangul_becomes_whole_syllables():
    assert clean(unicodedata.normalize("NFD", "한국어")) == "한국어"


def test_compatibility_letters_stay_what_they_are():
    assert clean("ㅎㅎ ﬁ ①") == "ㅎㅎ ﬁ ①"


@pytest.mark.parametrize("hidden", INVISIBLE)
def test_an_invisible_character_is_dropped_and_its_neighbours_stay(hidden):
    assert clean(f"a{hidden}b") == "ab"


@pytest.mark.parametrize("hidden", ["\u200b", "\u202e", "\x00"])
def test_letters_that_an_invisible_character_kept_apart_are_composed(hidden):
    assert clean(f"e{hidden}\u0301") == "é"
    assert clean(f"\u1112{hidden}\u1161{hidden}\u11ab") == "한"


@pytest.mark.parametrize("space", ["\n", "\r\n", "\t", "\u00a0", "\u3000", "\u2028", "\u2029", "\x0b"])
def test_every_kind_of_white_space_parts_words_on_one_line(space):
    assert tokenise(clean(f" a{space}b "), "word") == ("a", "b")
    assert "\n" not in clean(f"a{space}b")


@pytest.mark.parametrize(
    "emoji",
    [
        FAMILY,
        "\U0001f3f3\ufe0f\u200d\U0001f308",  # a flag with a variation selector before the joiner
        "\U0001f9d1\U0001f3fd\u200d\U0001f680",  # a skin tone before it
        "\U0001f642\u200d\u2194\ufe0f",  # an arrow, which is a mathematical sign, after it
        "\u2764\ufe0f\u200d\U0001f525",
    ],
)
def test_a_joined_emoji_stays_one_character(emoji):
    assert clean(emoji) == emoji
    assert tokenise(clean(f"a{emoji}b"), "char") == ("a", emoji, "b")


@pytest.mark.parametrize(
    "text", ["a\u200db", "\u200d", "\u2603a\u200d\u2603", "^\u200d^", "\U0001f468\u200d"]
)
def test_a_joiner_that_joins_no_emoji_is_dropped(text):
    assert "\u200d" not in clean(text)


def test_characters_are_what_a_reader_counts():
    text = clean("한e\u0301\u0323\U0001f1f0\U0001f1f7👍🏽각")
    assert len(tokenise(text, "char")) == 5


def test_jamo_tell_first_consonants_from_last_ones():
    parts = tokenise("각", "jamo")
    assert parts == ("\u1100", "\u1161", "\u11a8")
    assert [label(part) for part in parts] == ["ㄱ", "ㅏ", "ㄱ"]
    assert parts[0] != parts[2]


def test_jamo_go_back_to_the_text():
    text = "경마장에 있는 말이 뛰고 있다, ok?"
    assert join(tokenise(text, "jamo"), "jamo") == text
    assert len(tokenise("말이", "jamo")) == 5


def test_repeated_words_are_tokens_of_their_own():
    assert tokenise("the cat the", "word") == ("the", "cat", "the")


def test_an_unknown_unit_is_refused_by_name():
    with pytest.raises(ValueError, match="unknown token level 'bpe'; choose one of"):
        tokenise("a", "bpe")


TEXTS = st.text(max_size=60) | st.text(
    st.sampled_from(
        [*INVISIBLE, "\u200d", "\ufe0f", "👩", "한", "\u1100", "\u1161", "\u11a8", "\u0301", "e", " "]
    ),
    max_size=30,
)


@settings(max_examples=300)
@given(TEXTS)
def test_cleaning_is_done_in_one_go(text):
    once = clean(text)
    assert clean(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert once == once.strip()
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in once)


@settings(max_examples=300)
@given(TEXTS, st.sampled_from(TOKEN_LEVELS))
def test_tokens_put_together_are_the_cleaned_text(text, unit):
    cleaned = clean(text)
    expected = " ".join(cleaned.split()) if unit == "word" else cleaned
    assert join(tokenise(cleaned, unit), unit) == expected


def test_a_space_is_shown():
    assert label(" ") == "␣"


@pytest.mark.parametrize("length", [MAX_LABEL - 1, MAX_LABEL, MAX_LABEL + 1, 200_000])
def test_a_long_token_is_cut_with_an_ellipsis(length):
    shown = label("a" * length)
    assert len(shown) == min(length, MAX_LABEL)
    assert shown.endswith("…") == (length > MAX_LABEL)


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("<a href='x'>", "&lt;a href='x'&gt;"),
        ("a&b", "a&amp;b"),
        ("&lt;", "&amp;lt;"),
        ("<" * 100, "&lt;" * (MAX_LABEL - 1) + "…"),  # cut first: no entity is cut in two
        ("it's", "it's"),
    ],
)
def test_a_plot_label_is_escaped_after_it_is_cut(token, expected):
    assert plot_label(token) == expected


def test_a_letter_without_a_compatibility_form_is_shown_as_it_is():
    assert label("\u113c") == "\u113c"  # an old first consonant
    assert label("\u115f") == "\u115f"  # a filler


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? Four", ("One.", "Two!", "Three?", "Four")),
        ("One…  “Two.” Three", ("One…", "“Two.”", "Three")),
        ("line\n\n next \n", ("line", "next")),
        ("3.14 is pi", ("3.14 is pi",)),
        (" . \n ", (".",)),
        ("", ()),
    ],
)
def test_sentences_end_where_a_line_or_a_sentence_does(text, sentences):
    assert split_sentences(text) == sentences


@settings(max_examples=200)
@given(st.text(st.sampled_from('ab.?!…"” \n\t'), max_size=40))
def test_sentences_hold_the_whole_text(text):
    sentences = split_sentences(text)
    assert "".join(sentences).replace(" ", "") == "".join(clean(text).split())
    assert all(clean(sentence) == sentence != "" for sentence in sentences)


@pytest.mark.parametrize(
    ("text", "lower"), [("The ÉTÉ", "the été"), ("말이 İıẞ", "말이 i̇ıß"), ("ΣΑΣ", "σας"), ("①Ａ", "①ａ")]
)
def test_lower_case(text, lower):
    assert lower_case(text) == lower


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("I can't, can I?", "I cant can I"),
        ("it - is", "it is"),
        ("“말이”… 「곱다」。", "말이 곱다"),
        ("a+b=c <b> $1 ^_^ `x` |~", "abc b 1 x"),
        ("?!", ""),
        ("1\ufe0f\u20e3 #\ufe0f\u20e3", "1\ufe0f\u20e3 #\ufe0f\u20e3"),  # keycaps: signs of their own
        ("\u1112.\u1161.\u11ab", "한"),
    ],
)
def test_punctuation_is_taken_out(text, left):
    assert without_punctuation(text) == left


def test_no_punctuation_of_ascii_is_left():
    assert without_punctuation(f"a{string.punctuation}b") == "ab"


@settings(max_examples=300)
@given(TEXTS)
def test_normalised_text_is_clean(text):
    for normalised in (lower_case(clean(text)), without_punctuation(clean(text))):
        assert clean(normalised) == normalised


@pytest.mark.parametrize("key", ["file_damaged", "both_directions"])
def test_a_refusal_as_text_is_its_sentence(key):
    assert str(Refused(key)).endswith(".") and "_" not in str(Refused(key)) and "(" not in str(Refused(key))


def test_a_refusal_as_text_holds_its_values():
    said = "The file has 7.5\u00a0MB. Up to 4\u00a0MB are taken."
    assert str(Refused("file_large", size=7.5, limit=4)) == said
    assert str(Refused("of_no_locale")) == "of no locale"
