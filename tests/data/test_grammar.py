"""Sentences with something to remember: grammatical, balanced, and of no help to who does not remember."""

import tomllib
import unicodedata
from collections import Counter, defaultdict
from functools import cache
from math import sqrt
from pathlib import Path

import pytest
import torch

from explorer.data.grammar import (
    DEPTH,
    END,
    FARTHEST,
    KINDS,
    NEAREST,
    Sentence,
    respelled,
    sentences,
    versions,
    words,
)
from explorer.text import join, tokenise

CORPORA = Path(__file__).parents[2] / "assets" / "corpora"
LANGUAGES = ("en", "ko")
EVERY = [(kind, lang) for kind in KINDS for lang in LANGUAGES]
PAIRED = [(kind, lang) for kind, lang in EVERY if kind != "brackets"]
FEMALE = {"queen", "girl", "woman", "mother", "aunt", "sister", "princess"}
MALE = {"king", "boy", "man", "father", "uncle", "brother", "prince"}
BRACKETS = {"(": ")", "[": "]", "“": "”", "「": "」"}

every = pytest.mark.parametrize(("kind", "lang"), EVERY)
distances = pytest.mark.parametrize("distance", [NEAREST, 7, 13, FARTHEST])


@cache
def drawn(kind: str, lang: str, distance: int = 9, count: int = 600, seed: int = 0) -> tuple[Sentence, ...]:
    return sentences(kind, lang, count, torch.Generator().manual_seed(seed), distance)


def groups(kind: str, some: tuple[Sentence, ...]) -> list[tuple[Sentence, ...]]:
    size = versions(kind)
    return [some[at : at + size] for at in range(0, len(some), size)]


@cache
def table(kind: str, lang: str) -> dict:
    return tomllib.loads((CORPORA / f"grammar_{lang}.toml").read_text(encoding="utf-8"))[kind]


# What must be remembered, and for how long.


@every
@distances
def test_the_distance_from_cue_to_critical_token_is_exact(kind, lang, distance):
    for sentence in drawn(kind, lang, distance):
        apart = [at - cue for at, cue in zip(sentence.critical, sentence.cues, strict=True)]
        assert max(apart) == distance
        assert sentence.critical == tuple(sorted(sentence.critical))
        if kind != "brackets":
            assert len(apart) == 1


@pytest.mark.parametrize(("kind", "lang"), PAIRED)
@distances
def test_two_versions_differ_in_the_cue_and_what_depends_on_it_alone(kind, lang, distance):
    for one, other in groups(kind, drawn(kind, lang, distance)):
        (cue,), (at,) = one.cues, one.critical
        assert (other.cues, other.critical) == (one.cues, one.critical)
        assert one.tokens[:cue] == other.tokens[:cue]
        assert one.tokens[cue] != other.tokens[cue]
        assert one.tokens[cue + 1 : at] == other.tokens[cue + 1 : at]
        assert one.tokens[at] != other.tokens[at]


@pytest.mark.parametrize("lang", LANGUAGES)
@distances
def test_three_versions_differ_in_every_bracket_and_nothing_else(lang, distance):
    for group in groups("brackets", drawn("brackets", lang, distance)):
        for at, tokens in enumerate(zip(*(version.tokens for version in group), strict=True)):
            special = at in group[0].critical + group[0].cues
            assert len(set(tokens)) == (3 if special else 1)


@every
def test_the_cue_decides_the_critical_token(kind, lang):
    """Given the token before it, what was opened or named leaves one continuation."""
    found = defaultdict(set)
    for sentence in drawn(kind, lang, 9, 3000):
        for at, cue in zip(sentence.critical, sentence.cues, strict=True):
            found[sentence.tokens[cue], sentence.tokens[at - 1]].add(sentence.tokens[at])
    assert all(len(tokens) == 1 for tokens in found.values())


@every
def test_what_precedes_a_critical_token_precedes_nothing_else(kind, lang):
    """When to answer can be told from the word before, what to answer only from memory."""
    critical, elsewhere = set(), set()
    for sentence in drawn(kind, lang, 9, 3000):
        for at in range(1, len(sentence.tokens)):
            (critical if at in sentence.critical else elsewhere).add(sentence.tokens[at - 1])
    shared = critical & elsewhere
    assert shared <= ({table(kind, lang)["stop"]} if kind == "brackets" else set())


# Chance.


@every
@pytest.mark.parametrize("distance", [NEAREST, 13])
@pytest.mark.parametrize("seen", [1, 2, 4])
def test_a_count_of_neighbours_is_right_as_often_as_chance(kind, lang, distance, seen):
    counts = defaultdict(Counter)
    for sentence in drawn(kind, lang, distance, 3000, 1):
        for at in range(1, len(sentence.tokens)):
            counts[sentence.tokens[max(at - seen, 0) : at]][sentence.tokens[at]] += 1
    total = right = 0
    for sentence in drawn(kind, lang, distance, 1200, 2):
        for at, cue in zip(sentence.critical, sentence.cues, strict=True):
            if at - seen > cue:  # the window does not reach the cue
                context = counts[sentence.tokens[at - seen : at]]
                total += 1
                right += bool(context) and context.most_common(1)[0][0] == sentence.tokens[at]
    chance = 1 / versions(kind)
    assert total >= 1200
    assert right / total <= chance + 4 * sqrt(chance * (1 - chance) / total)
    if seen == 1:
        assert right / total == pytest.approx(chance, abs=0.01)


@every
def test_any_guess_that_ignores_the_cue_is_right_once_in_a_group(kind, lang):
    for group in groups(kind, drawn(kind, lang)):
        for at in zip(*(version.critical for version in group), strict=True):
            assert len({v.tokens[k] for v, k in zip(group, at, strict=True)}) == versions(kind)


@every
def test_which_version_comes_first_is_left_to_chance(kind, lang):
    cues = [[v.tokens[v.cues[0]] for v in group] for group in groups(kind, drawn(kind, lang, 9, 3000))]
    places = Counter(sorted(versions_of).index(versions_of[0]) for versions_of in cues)
    even = len(cues) / versions(kind)
    assert len(places) == versions(kind)
    assert all(abs(count - even) < 4 * sqrt(even) for count in places.values())


@pytest.mark.parametrize(("kind", "lang"), PAIRED)
def test_an_attractor_agrees_as_often_as_not(kind, lang):
    lists = table(kind, lang)["words"]
    form = {word: k for pair in lists["cue"] for k, word in enumerate(pair)}
    attractors = form if len(lists["cue"]) > 1 else {"있는": 0, "않는": 1}
    agreeing, of_each = Counter(), Counter()
    for sentence in drawn(kind, lang, 13, 3000):
        (cue,), (at,) = sentence.cues, sentence.critical
        for token in sentence.tokens[cue + 1 : at]:
            if token in attractors:
                agreeing[attractors[token] == form[sentence.tokens[cue]]] += 1
                of_each[attractors[token]] += 1
    assert agreeing[True] == agreeing[False] > 3000  # in a pair, each attractor agrees once
    assert of_each[0] == pytest.approx(of_each[1], rel=0.06)


# Grammar, checked by other means than it was made.


@distances
def test_english_verbs_agree_with_their_subjects(distance):
    for sentence in drawn("agreement", "en", distance):
        (cue,), (at,) = sentence.cues, sentence.critical
        assert sentence.tokens[cue - 1] == "the"
        assert sentence.tokens[at] == ("are" if sentence.tokens[cue].endswith("s") else "is")


@distances
def test_english_reflexives_agree_with_their_subjects(distance):
    for sentence in drawn("honorific", "en", distance):
        (cue,), (at,) = sentence.cues, sentence.critical
        assert sentence.tokens[cue] in MALE | FEMALE
        assert sentence.tokens[at] == ("herself" if sentence.tokens[cue] in FEMALE else "himself")


@distances
def test_korean_negation_follows_a_word_that_demands_it(distance):
    for sentence in drawn("agreement", "ko", distance):
        (cue,), (at,) = sentence.cues, sentence.critical
        rest = sentence.tokens[at:]
        if sentence.tokens[cue] == "아무도":
            assert (rest[0][-1], rest[1:]) == ("지", ("않는다", END))
        else:
            assert sentence.tokens[cue] == "누구나"
            assert (rest[0][-1], rest[1:]) == ("다", (END,))


@distances
def test_korean_verbs_honour_whom_their_subjects_honour(distance):
    for sentence in drawn("honorific", "ko", distance):
        (cue,), (at,) = sentence.cues, sentence.critical
        honoured = sentence.tokens[cue].endswith("께서")
        assert sentence.tokens[at].endswith("신다") == honoured
        subject = None
        for token in sentence.tokens[cue + 1 : at]:  # each clause has its own subject and verb
            if token.endswith(("께서", "이", "가")):
                assert subject is None
                subject = token
            elif subject and token in {"찾은", "기다린", "칭찬한", "아낀"}:
                assert not subject.endswith("께서")
                subject = None
            elif subject and token.endswith("신"):
                assert subject.endswith("께서")
                subject = None
        assert subject is None


@pytest.mark.parametrize(("kind", "lang"), PAIRED)
def test_nobody_comes_twice_in_a_sentence_that_is_not_long(kind, lang):
    lists = table(kind, lang)["words"]
    nouns = {*lists.get("noun", []), *(form for pair in lists["cue"] for form in pair)}
    for sentence in drawn(kind, lang, 9):
        assert max(Counter(token for token in sentence.tokens if token in nouns).values()) == 1


@pytest.mark.parametrize(("kind", "lang"), PAIRED)
def test_the_cue_never_comes_again(kind, lang):
    pairs = [set(pair) for pair in table(kind, lang)["words"]["cue"]]
    for sentence in drawn(kind, lang, FARTHEST):
        pair = next(pair for pair in pairs if sentence.tokens[sentence.cues[0]] in pair)
        assert sum(token in pair for token in sentence.tokens) == 1


@pytest.mark.parametrize("lang", LANGUAGES)
@distances
def test_brackets_are_closed_in_the_right_order(lang, distance):
    deepest = 0
    for sentence in drawn("brackets", lang, distance):
        stack, closed = [], []
        for at, token in enumerate(sentence.tokens):
            if token in BRACKETS:
                stack.append((at, token))
            elif token in BRACKETS.values():
                opened, opening = stack.pop()
                assert BRACKETS[opening] == token
                assert sentence.tokens[at - 1] == "."
                closed.append((at, opened))
            elif token == ".":
                assert sentence.tokens[at + 1] in BRACKETS.values()
            deepest = max(deepest, len(stack))
        assert not stack
        assert tuple(zip(sentence.critical, sentence.cues, strict=True)) == tuple(closed)
    assert deepest == (DEPTH if distance > NEAREST + 3 else min(DEPTH, distance // 3))


def test_brackets_stand_in_and_beside_one_another():
    spans = [tuple(zip(s.cues, s.critical, strict=True)) for s in drawn("brackets", "en", FARTHEST)]
    assert any(b < c for pairs in spans for _, b in pairs for c, _ in pairs)
    assert any(a < c < d < b for pairs in spans for a, b in pairs[:-1] for c, d in pairs)


# Tokens.


@every
def test_every_token_is_in_the_vocabulary_and_every_word_is_used(kind, lang):
    used = {token for d in (8, 14) for sentence in drawn(kind, lang, d, 1500) for token in sentence.tokens}
    assert used == set(words(kind, lang))
    assert 20 <= len(used) <= 45


@every
def test_text_is_in_nfc_and_ends_once(kind, lang):
    for sentence in drawn(kind, lang):
        assert all(unicodedata.is_normalized("NFC", token) for token in sentence.tokens)
        assert sentence.tokens.index(END) == len(sentence.tokens) - 1
        assert not any(" " in token for token in sentence.tokens)


@every
@pytest.mark.parametrize("unit", ["char", "jamo"])
def test_other_tokens_spell_the_same_text(kind, lang, unit):
    for group in groups(kind, drawn(kind, lang)):
        for sentence, spelled in zip(group, respelled(group, unit), strict=True):
            text = " ".join(sentence.tokens[:-1])
            assert spelled.tokens == (*tokenise(text, unit), END)
            assert join(spelled.tokens[:-1], unit) == text
            assert set(spelled.tokens) <= set(words(kind, lang, unit))


@every
@pytest.mark.parametrize("unit", ["word", "char", "jamo"])
def test_a_critical_token_is_the_first_that_differs(kind, lang, unit):
    for group in groups(kind, drawn(kind, lang)):
        spelled = respelled(group, unit)
        for k, at in enumerate(group[0].critical):
            before = tokenise(group[0].tokens[at - 1], unit)  # the same word in every version
            tails = [v.tokens[v.critical[k] - len(before) : v.critical[k]] for v in spelled]
            assert len(set(tails)) == 1
            assert len({v.tokens[v.critical[k]] for v in spelled}) == versions(kind)
            assert len({v.tokens[v.cues[k]] for v in spelled}) == versions(kind)
            starts = [len(join(v.tokens[: v.critical[k]], unit).split(" ")) - 1 for v in spelled]
            assert unit != "char" or starts == [at] * len(spelled)  # within the critical word


def test_a_word_that_begins_alike_is_decided_later():
    group = next(
        g
        for g in groups("agreement", drawn("agreement", "ko"))
        if g[0].tokens[g[0].critical[0] - 1] == "책을"
    )
    for sentence in respelled(group, "jamo"):
        at = sentence.critical[0]
        assert join(sentence.tokens[at - 3 : at], "jamo") == "읽"


# Asking for them.


@every
def test_the_generator_alone_decides_the_sentences(kind, lang):
    assert drawn(kind, lang, 9, 60, 5) == sentences(kind, lang, 60, torch.Generator().manual_seed(5), 9)
    assert drawn(kind, lang, 9, 60, 5) != drawn(kind, lang, 9, 60, 6)


@every
@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
def test_there_are_as_many_as_were_asked_for(kind, lang, count):
    assert len(drawn(kind, lang, 9, count)) == count


@pytest.mark.parametrize("distance", [-1, 0, NEAREST - 1, FARTHEST + 1])
def test_a_distance_out_of_reach_is_refused(distance):
    with pytest.raises(ValueError, match=rf"distance of {distance} tokens; it must be 6 to 20"):
        sentences("agreement", "en", 1, torch.Generator(), distance)


def test_an_unknown_kind_is_refused_by_name():
    with pytest.raises(ValueError, match="unknown kind 'poem'; choose one of"):
        sentences("poem", "en", 1, torch.Generator(), 9)


@every
@distances
def test_there_are_many_sentences_at_every_distance(kind, lang, distance):
    assert len(set(drawn(kind, lang, distance))) > 450
