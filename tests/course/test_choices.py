"""Guesses on offer: every question has them in both languages, and the one that holds is what is computed."""

import numpy as np
import pytest

from explorer.architectures import amount
from explorer.cells import CELLS
from explorer.course.lessons import LESSONS, Ask
from explorer.course.lessons import cards as read
from explorer.i18n import LANGUAGES, strings
from tests.course import test_gradients_cards, test_train_cards
from tests.course.test_lessons import button, gate, largest, likeliest, marks


def asks(lang: str) -> dict[str, Ask]:
    """Returns every card's first question by `lesson card`."""
    return {
        f"{name} {card.key}": next(part for part in card.parts if isinstance(part, Ask))
        for name in LESSONS
        for card in read(name, lang)
    }


ENGLISH, KOREAN = asks("en"), asks("ko")


def test_every_card_asks_one_question():
    for lang in LANGUAGES:
        for name in LESSONS:
            for card in read(name, lang):
                assert sum(isinstance(part, Ask) for part in card.parts) == 1, (lang, name, card.key)


@pytest.mark.parametrize("key", ENGLISH)
def test_a_question_offers_two_to_five_guesses_and_the_same_one_holds_in_both_languages(key):
    english, korean = ENGLISH[key], KOREAN[key]
    assert 2 <= len(english.choices) == len(korean.choices) <= 5
    assert english.right == korean.right in range(len(english.choices))
    for ask in (english, korean):
        assert len(set(ask.choices)) == len(ask.choices) and all(ask.choices)
        assert all(len(choice) <= 72 for choice in ask.choices), "too long for the back row"
        assert not any(set("$`*|{}[]") & set(choice) for choice in ask.choices), "drawn as plain text"


# The one that holds, computed anew: each returns how its choice begins in English.


def _recurrence() -> str:
    before, after = (run.trace.h for run in button("recurrence", 0).runs)
    moved = np.flatnonzero(largest(before, after)).tolist()
    return f"Columns {moved[0]}, {moved[1]} and {moved[2]}" if len(moved) == 3 else "?"


def _unrolling() -> str:
    run = button("unrolling", 0).runs[0]
    return "The same" if likeliest(run, 2) == likeliest(run, 5) else "Not the same"


def _forget() -> str:
    trace = button("forget", 0).runs[0].trace
    kept = np.abs(trace.gate["f"][2] * trace.c[2])[[2, 13]]
    return {(True, False): "Unit 3", (False, True): "Unit 14", (True, True): "Both"}[tuple(kept > 0.01)]


def _input() -> str:
    column = button("input", 0).runs[0].trace.gate["i"][2]
    return "One for each unit" if column.shape == (16,) else "One for the step"


def _candidate() -> str:
    trace = button("candidate", 0).runs[0].trace
    return f"{trace.gate['i'][3, 5] * trace.gate['g'][3, 5]:.2f}".replace("-", "−")


def _update() -> str:
    c = button("update", 0).runs[1].trace.c
    return "It stays" if (c[3:] == c[2]).all() else "It grows"


def _output() -> str:
    trace = button("output", 0).runs[1].trace
    silent, holds = (trace.h[3:] == 0).all(), (np.linalg.norm(trace.c[3:], axis=1) > 3).all()
    return "It still holds a memory" if silent and holds else "It forgets all"


def _valve() -> str:
    run = button("valve", 0).runs[0]
    open_at = np.flatnonzero(gate(run, "i", 3) > 0.5) + 1
    return "At the two marks" if open_at.tolist() == marks(run) else "At every step"


def _map() -> str:
    lstm = button("map", 0).runs[0].trace
    return "Yes" if np.allclose(lstm.gate["f"] + lstm.gate["i"], 1) else "No, both"


def _parameters() -> str:
    one, *others = (CELLS[cell].parameters(16, 16) for cell in ("rnn", "gru", "lstm"))
    return "RNN 1, GRU {}, LSTM {}".format(*(other // one for other in others))


def _variants() -> str:
    norms = np.linalg.norm(button("variants", 2).runs[0].trace.c, axis=1)
    return "It grows at every step" if (np.diff(norms) > 0).all() else "It rises and falls"


def _transplant() -> str:
    return likeliest(button("transplant", 0).runs[1], 3)


def _rnn() -> str:
    tanh, relu = (np.linalg.norm(run.trace.h, axis=1).max() > 4 for run in button("rnn", 0, "rnn").runs)
    return {(False, True): "That of ReLU", (True, True): "Both", (True, False): "That of tanh"}[tanh, relu]


def _vanishing() -> str:
    short, long = (test_gradients_cards.dL_dh(test_gradients_cards.button("vanishing", at)) for at in (0, 1))
    halves, squares = long[1] / (0.5 * short[1]), long[1] / short[1] ** 2
    return "It halves" if abs(np.log(halves)) < abs(np.log(squares)) else "It squares"


def _hiding() -> str:
    totals = [test_gradients_cards.dL_dh(test_gradients_cards.button("hiding", at))[1] for at in range(3)]
    return "Not at all" if np.ptp(totals) < 1e-6 else "It halves"


def _lstm() -> str:
    kept = test_gradients_cards.dL_dh(test_gradients_cards.button("lstm", 2), "lstm")[1]
    return f"{kept:.3f}"


def _first() -> str:
    found = test_train_cards.known("first", 0)
    gru, lstm = (np.median(found.steps[name]) for name in ("gru", "lstm bias=fixed keep_bias=1"))
    return "The GRU in training steps" if gru < lstm else "The LSTM in both"


def _bias() -> str:
    found = test_train_cards.known("bias", 0)
    passed = [found.passed[name][0] > 5 for name in found.passed]
    return ("Neither", "One of them", "Both")[sum(passed)]


def _amount() -> str:
    words = {"": "nobody", "lstm": "the LSTM", "gru": "the GRU"}
    found = [c for c in amount.comparisons(amount.shipped()) if (c.what, c.match) == ("cell", "units")]
    plain, biased = (
        words[next(c.better.split(" ")[0] for c in found if ("bias" in c.first) == with_bias)]
        for with_bias in (False, True)
    )
    return f"{plain[0].upper()}{plain[1:]}, then {biased}"


COMPUTED = {
    "step recurrence": _recurrence,
    "step unrolling": _unrolling,
    "step forget": _forget,
    "step input": _input,
    "step candidate": _candidate,
    "step update": _update,
    "step output": _output,
    "step valve": _valve,
    "step map": _map,
    "step parameters": _parameters,
    "step variants": _variants,
    "step transplant": _transplant,
    "step rnn": _rnn,
    "gradients vanishing": _vanishing,
    "gradients hiding": _hiding,
    "gradients lstm": _lstm,
    "train first": _first,
    "train bias": _bias,
    "architectures amount": _amount,
}


@pytest.mark.parametrize("key", COMPUTED)
def test_the_guess_that_holds_is_what_is_computed(key):
    computed, ask = COMPUTED[key](), ENGLISH[key]
    assert [k for k, choice in enumerate(ask.choices) if choice.startswith(computed)] == [ask.right]


# Amounts


def test_questions_about_amounts_of_data_name_amounts_that_were_measured():
    measured = {f"{count:,}" for count in amount.shipped().counts}
    for lang in LANGUAGES:
        locale = strings(lang)
        asked = (locale["architecture"]["try_amount"], locale["course"]["ask_architectures"])
        for said in asked:
            named = {word.strip(".,:?") for word in said.replace("개", " ").split() if word[0].isdigit()}
            assert named and named <= measured, (said, named - measured)
