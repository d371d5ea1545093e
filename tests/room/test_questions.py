"""Questions to a room: what can be asked, what counts as a guess, how guesses are counted."""

import pytest

from explorer.course.lessons import LESSONS, cards
from explorer.course.showing import ask_of
from explorer.i18n import LANGUAGES
from explorer.limits import MAX_ANSWER, MAX_QUESTION
from explorer.room.questions import (
    BINS,
    LEAST_ANSWERS,
    MOST_ANSWERS,
    UnaskableError,
    number,
    of_card,
    typed,
)
from tests.hostile.strings import HOSTILE

CHOICE = typed("which one?", ["a", "b", "c"], 1)
RANGE = number("how many?", 0, 100, 40.5)


@pytest.mark.parametrize("guess", [-1, 3, 1.0, True, "1", None, [1]])
def test_a_guess_is_the_index_of_an_answer(guess):
    assert not CHOICE.takes(guess)
    assert CHOICE.takes(2)


@pytest.mark.parametrize("guess", [-0.1, 100.1, float("nan"), float("inf"), False, "5"])
def test_a_guessed_number_lies_within_the_range(guess):
    assert not RANGE.takes(guess)
    assert RANGE.takes(0) and RANGE.takes(100) and RANGE.takes(0.5)


def test_guesses_are_counted_by_answer_and_by_equal_parts_of_the_range():
    assert CHOICE.tally([0, 2, 2]) == [1, 0, 2]
    counts = RANGE.tally([0, 4.9, 5, 100])
    assert len(counts) == BINS and sum(counts) == 4
    assert counts[:2] == [2, 1] and counts[-1] == 1


@pytest.mark.parametrize(
    ("text", "answers", "right"),
    [
        ("", ["a", "b"], None),
        ("\u200b\u2060 \n", ["a", "b"], None),
        ("q" * (MAX_QUESTION + 1), ["a", "b"], None),
        ("q", ["a"], None),
        ("q", list("abcdef"), None),
        ("q", ["a", "b" * (MAX_ANSWER + 1)], None),
        ("q", ["a", 2], None),
        ("q", "ab", None),
        (7, ["a", "b"], None),
        ("q", ["a", "b"], 2),
        ("q", ["a", "b"], -1),
    ],
)
def test_what_is_no_question_cannot_be_asked(text, answers, right):
    with pytest.raises(UnaskableError):
        typed(text, answers, right)


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 1), ("0", 1), (0, float("inf")), (None, 1), (0, True)])
def test_a_range_has_two_ends(low, high):
    with pytest.raises(UnaskableError):
        number("q", low, high)


def test_hostile_text_stays_one_bounded_line():
    for text in HOSTILE.values():
        try:
            question = typed(text, [text, "b"])
        except UnaskableError:
            continue
        assert len(question.words["en"]) <= MAX_QUESTION and "\n" not in question.words["en"]


def test_the_models_answer_is_no_part_of_what_is_asked():
    assert "right" not in CHOICE.record() and "right" not in RANGE.record()


def test_every_question_of_the_course_can_be_put_to_a_class_in_every_language():
    put = 0
    for lesson in LESSONS:
        for card in cards(lesson, "en"):
            ask = ask_of(card)
            if ask is None:
                continue
            question = of_card(lesson, card.key)
            put += 1
            assert LEAST_ANSWERS <= len(question.answers) <= MOST_ANSWERS, card.key
            assert question.right == ask.right
            said = [question.words, *question.answers]
            assert all(words[lang].strip() for words in said for lang in LANGUAGES), card.key
            assert not [w for words in said for w in words.values() if set(w) & set("$`\\") or "**" in w], (
                card.key
            )
    assert put > 50
