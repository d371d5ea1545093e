"""Every card names what shows its claims: tests that compute them, or a stored result that must say so."""

import ast
from pathlib import Path

import pytest

from explorer.i18n import ASSETS, LANGUAGES
from explorer.training.bands import SHIPPED
from tests.course.claims import broken, record_of
from tests.course.lesson_files import cards

LESSONS = sorted(path.stem for path in (ASSETS / "lessons" / "en").glob("*.md"))
FILES = {"step": "test_lessons.py"}
CARDS = [
    pytest.param(name, at, id=f"{name}-{c.id}") for name in LESSONS for at, c in enumerate(cards(name, "en"))
]
RESULTS = [
    pytest.param(file, says, id=f"{name}-{c.id}-{file}")
    for name in LESSONS
    for c in cards(name, "en")
    for kind, file, says in c.proofs
    if kind == "result"
]
MADE = {
    "seeds": [1, 2, 3],
    "racers": {
        "rnn": {
            "passed": [0, 3], "steps": [100, 100, 100], "seconds": [1.0, 1.0, 1.0], "most": [100, 1.0],
            "ended": [["spent", 100, 1.0]] * 3,
            "band": {"step": [], "low": [], "median": [], "high": []},
        },
        "gru rate=0.1": {
            "passed": [2, 3], "steps": [50, 25, 75], "seconds": [0.5, 0.5, 0.5], "most": [100, 1.0],
            "ended": [["passed", 25, 0.5], ["passed", 75, 0.5], ["spent", 100, 1.0]],
            "band": {"step": [25, 50], "low": [0.1, 0.1], "median": [0.2, 0.15], "high": [0.3, 0.3]},
        },
    },
}  # fmt: skip


def words_of_tests(name: str) -> dict[str, set[str]]:
    """Returns the words of each test of a lesson's cards, by its name: the strings in it."""
    path = Path(__file__).parent / FILES.get(name, f"test_{name}_cards.py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {
        test.name: {part.value for part in ast.walk(test) if isinstance(part, ast.Constant) if part.value}
        for test in found
    }


@pytest.mark.parametrize("name, at", CARDS)
def test_a_card_names_the_tests_and_results_that_show_it_in_both_languages(name, at):
    found = [cards(name, lang)[at] for lang in LANGUAGES]
    assert found[0].proofs == found[1].proofs != ()
    known = words_of_tests(name)
    for kind, left, _ in found[0].proofs:
        if kind == "shown":
            for test in left.split():
                assert found[0].id in known[test], f"{test} does not speak of this card"


@pytest.mark.parametrize("file, says", RESULTS)
def test_what_a_card_says_of_a_stored_result_still_holds(file, says):
    assert broken(says, record_of(file)) == []


def test_a_statement_that_a_result_does_not_bear_out_is_found():
    holds = (
        "passed(rnn) = 0; passed(gru rate=0.1) = 2; seeds(rnn) = 3; steps(gru rate=0.1) = 50;"
        " most(gru rate=0.1) > high(gru rate=0.1); metric(gru rate=0.1 @ 50) < 0.2; cost(rnn) = 10"
    )
    assert broken(holds, MADE) == []
    for part in holds.split("; "):
        ((sign, other),) = [(s, o) for s, o in ((" = ", " < "), (" < ", " > "), (" > ", " < ")) if s in part]
        turned = part.replace(sign, other)
        assert broken(turned, MADE) == [turned]


@pytest.mark.parametrize("text", ["passed(rnn)", "won(rnn) = 1", "passed(rnn) = many", ""])
def test_what_is_no_statement_is_refused(text):
    with pytest.raises(ValueError):
        broken(text, MADE)


def test_every_stored_result_of_a_lesson_is_named_by_a_card():
    named = {file for file, _ in (result.values for result in RESULTS)}
    assert named == {path.stem for path in SHIPPED.glob("*.json")}
