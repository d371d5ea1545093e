"""The mappings' data: clean, balanced, and nothing that is held out is learned."""

import unicodedata
from collections import Counter
from pathlib import Path

import pytest
import torch

from explorer.data.exercises import (
    STOP,
    examples,
    letters,
    letters_in,
    messages,
    names,
    pair_of,
    pieces,
    tag_words,
    tagged,
    tagged_split,
    tags,
    tags_of,
    translation_split,
    translation_words,
    undecided,
    words_of,
)
from explorer.experiment import MAPPINGS
from explorer.text import join

CORPORA = Path(__file__).parents[2] / "assets" / "corpora"
FILES = [f"{name}_{lang}" for name in ("letters", "spam", "tags") for lang in ("ko", "en")] + ["translation"]
both = pytest.mark.parametrize("lang", ["ko", "en"])


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_nfc(name):
    text = (CORPORA / f"{name}.toml").read_text(encoding="utf-8")
    assert unicodedata.is_normalized("NFC", text)


def test_the_letters_are_all_there_are():
    assert "".join(sorted(letters("en"))) == "abcdefghijklmnopqrstuvwxyz"
    assert sum(letters("en").values()) == 5
    assert {c for c, vowel in letters("ko").items() if vowel} == {chr(code) for code in range(0x314F, 0x3164)}
    assert sum(not vowel for vowel in letters("ko").values()) == 19


def test_letters_are_found_in_any_text():
    assert letters_in("7, Yes!", "en") == ("y", "e", "s")
    assert letters_in("Yes 칠각", "ko") == ("ㅊ", "ㅣ", "ㄹ", "ㄱ", "ㅏ", "ㄱ")
    assert letters_in("ㅋ", "ko") == ("ㅋ",)
    assert letters_in("漢字 7", "ko") == ()


def test_a_digit_is_spelled_and_ends_with_a_stop():
    assert names("en")["7"] == ("s", "e", "v", "e", "n", STOP)
    assert join(names("ko")["7"][:-1], "jamo") == "칠"
    for lang in ("ko", "en"):
        assert len(set(names(lang).values())) == 10
        assert all(name[-1] == STOP and STOP not in name[:-1] for name in names(lang).values())


@both
def test_half_of_the_messages_are_spam_and_none_is_there_twice(lang):
    train, held = messages(lang, "train"), messages(lang, "held_out")
    assert (len(train), len(held)) == (80, 40)
    for part in (train, held):
        assert sum(message.spam for message in part) * 2 == len(part)
    assert len({message.words for message in (*train, *held)}) == 120
    assert max(len(message.words) for message in (*train, *held)) <= 12


def test_a_message_is_read_in_lower_case_without_punctuation():
    assert words_of("(광고) Now, NOW!") == ("광고", "now", "now")


@both
def test_each_word_has_one_tag_but_for_those_that_have_two(lang):
    sentences = tagged(lang, 3_000, torch.Generator().manual_seed(3))
    found: dict[str, set[str]] = {}
    for sentence in sentences:
        for token, tag in zip(sentence.tokens, sentence.tags, strict=True):
            found.setdefault(token, set()).add(tag)
    assert set(found) == set(tag_words(lang))
    assert {tag for kinds in found.values() for tag in kinds} == set(tags(lang))
    two = {token for token, kinds in found.items() if len(kinds) == 2}
    assert all(found[token] == {"noun", "verb"} for token in two)
    assert max(map(len, found.values())) == 2
    assert len(two) == (8 if lang == "ko" else 6)


@both
def test_only_the_next_token_tells_at_an_undecided_position(lang):
    """After the same beginning both tags occur; where the beginning decides, one does."""
    sentences = tagged(lang, 3_000, torch.Generator().manual_seed(3))
    after: dict[tuple[str, ...], Counter[str]] = {}
    unsure, settled = set(), set()
    for sentence in sentences:
        for k, tag in enumerate(sentence.tags):
            beginning = sentence.tokens[: k + 1]
            after.setdefault(beginning, Counter())[tag] += 1
            (unsure if k in sentence.undecided else settled).add(beginning)
    assert not unsure & settled
    assert all(len(after[beginning]) == 1 for beginning in settled)
    counts = sum((after[beginning] for beginning in unsure), Counter())
    assert counts["noun"] == pytest.approx(counts["verb"], abs=1)


def test_the_tags_of_what_is_typed():
    assert tags_of(("now", "water", "is", "cold"), "en") == ("adverb", "noun", "verb", "adjective")
    assert tags_of(("water", "the", "cow"), "en") == ("verb", "determiner", "noun")
    assert tags_of(("water", "blah", "water"), "en") == (None, None, None)
    assert undecided(("water", "the", "cow"), "en") == (0,)
    assert undecided(("they", "water", "the", "cow"), "en") == ()
    assert pieces("동생이 물을 마시고 있다", tag_words("ko"))[:4] == ("동생", "이", "물", "을")
    assert pieces("물고기 the", tag_words("ko")) == ("물고기", "the")


@both
def test_no_tagged_sentence_is_learned_and_held_out(lang):
    train, held = tagged_split(lang)
    assert (len(train), len(held)) == (600, 120)
    assert len(set(held)) == len(held) and not set(train) & set(held)
    for part in (train, held):
        kinds = Counter(s.tags[k] for s in part for k in s.undecided)
        assert kinds["noun"] == kinds["verb"] > 25


def test_a_translation_has_its_particles_and_its_order():
    tokens = pieces("the small dog sees the quiet bear", translation_words("en"))
    pair = pair_of(tokens, "en")
    assert pair.ko == ("작은", "개", "가", "조용한", "곰", "을", "본다")
    assert pair_of(pair.ko, "ko") == pair
    for broken in ("the dog sees", "dog sees the cat", "the sees dog the cat", "the dog the cat", "sees"):
        assert pair_of(tuple(broken.split()), "en") is None
    assert pair_of(("개", "이", "곰", "을", "본다"), "ko") is None


def test_no_triple_is_learned_and_held_out():
    train, held = translation_split()
    assert len(set(train)) == len(train) == 1_500 and len(set(held)) == len(held) == 200

    def triples(pairs):
        small = {"the", "small", "big", "kind", "quiet"}
        return {tuple(word for word in pair.en if word not in small) for pair in pairs}

    assert not triples(train) & triples(held)
    assert all(len(triple) == 3 for triple in triples(train))
    for pair in (*train, *held):
        assert pair_of(pair.en, "en") == pair_of(pair.ko, "ko") == pair
    for lang in ("ko", "en"):
        assert {word for pair in train for word in pair.source(lang)} == set(translation_words(lang))


@both
def test_what_is_on_offer_is_held_out(lang):
    assert all(examples(mapping, lang) for mapping in MAPPINGS)
    held = {message.text for message in messages(lang, "held_out")}
    assert set(examples("many_one", lang)) <= held
    tokens = {sentence.tokens for sentence in tagged_split(lang)[1]}
    assert {pieces(text, tag_words(lang)) for text in examples("many_many", lang)} <= tokens
    learned = {pair.source(lang) for pair in translation_split()[0]}
    for text in examples("encoder_decoder", lang):
        own = pieces(text, translation_words(lang))
        assert pair_of(own, lang) is not None and own not in learned


def test_a_long_run_of_known_pieces_is_cut():
    assert pieces("물" * 5000, ("물",)) == ("물",) * 5000
    assert pieces("물" * 4000 + "꿈", ("물",)) == ("물" * 4000 + "꿈",)
