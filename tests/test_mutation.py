"""The list of mutations fits the house as it is, and the command tells who survived."""

import ast

import pytest

from benchmarks.mutation import MUTATIONS, ROOT, WORDS, Mutation, outcome


def test_there_are_eighty_and_each_has_its_name():
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) >= 80
    assert set(WORDS) <= {mutation.name for mutation in MUTATIONS}
    assert sum(mutation.numerical for mutation in MUTATIONS) >= 60


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_what_is_to_be_broken_is_there(mutation):
    assert not mutation.problem()
    assert mutation.old != mutation.new
    assert all((ROOT / path).exists() for path in mutation.tests.split(" -k ")[0].split())
    if mutation.file.endswith(".py"):
        whole = (ROOT / mutation.file).read_text(encoding="utf-8")
        ast.parse(whole.replace(mutation.old, mutation.new))  # broken in what it says, not in its grammar


def test_a_mutation_is_killed_survives_or_is_said_not_to_be_made(tmp_path):
    (tmp_path / "two.py").write_text("TWO = 2\nTHREE = 3\n")
    (tmp_path / "test_two.py").write_text("import two\n\ndef test_two():\n    assert two.TWO == 2\n")

    def after(old: str, tests: str = "test_two.py") -> str:
        return outcome(Mutation("a", "two.py", old, "FOUR = 4", tests), tmp_path)

    assert (after("TWO = 2"), after("THREE = 3")) == ("killed", "SURVIVED")
    assert after("FIVE").startswith("NOT MADE: its text stands 0 times")
    assert after("TWO = 2", "test_gone.py").startswith("NOT RUN")
    assert (tmp_path / "two.py").read_text() == "TWO = 2\nTHREE = 3\n"
