"""A series of computations: what is finished is kept, so that the next call goes on from there."""

import json
import math
from pathlib import Path

from explorer.training.series import Part, carry_out, cost, kept, origin, write


def doubled(value: int, log: str) -> dict[str, int]:
    """Runs in another process: what it does it leaves in a file."""
    with Path(log).open("a") as file:
        file.write(f"{value}\n")
    return {"double": 2 * value}


def test_a_series_that_was_ended_goes_on_and_makes_nothing_twice(tmp_path):
    folder, log = tmp_path / "parts", tmp_path / "log"
    tasks = {str(k): (k, str(log)) for k in range(3)}
    folder.mkdir()
    (folder / ".1.part").write_text('{"cost": 1, "ma')  # what a killed process leaves
    (folder / "0.json").write_text('{"cost": 5.0, "made": {"double": 0}}')
    said: list[str] = []
    found = carry_out(doubled, tasks, folder, jobs=1, say=said.append)
    assert [part.made["double"] for part in found.values()] == [0, 2, 4] and list(found) == ["0", "1", "2"]
    assert log.read_text().split() == ["1", "2"]
    assert said[0].startswith("1 are there, 2 to make: 0 CPU minutes") and said[-1] == "3 of 3"
    assert found["0"].cost == 5 and found["1"].cost >= 0
    assert carry_out(doubled, tasks, folder, say=said.append) == found and said[-1] == "all 3 are there"
    assert log.read_text().split() == ["1", "2"]


def test_after_its_minutes_nothing_is_begun(tmp_path):
    log = tmp_path / "log"
    assert carry_out(doubled, {"0": (0, str(log))}, tmp_path, minutes=0, say=lambda line: None) == {}
    assert kept({"0": ()}, tmp_path) == {} and not log.exists()


def test_the_cost_is_told_before_it_is_paid():
    parts = {str(k): Part(cost, {}) for k, cost in enumerate((60.0, 180.0))}
    assert cost(parts, 30, 2) == (
        "2 are there, 30 to make: 60 CPU minutes, 30 on 2 cores that do nothing else"
    )
    assert "after the first" in cost({}, 30, 2) and cost(parts, 0, 2) == "all 2 are there"


def test_a_result_says_when_how_with_what_and_at_which_cost_it_was_made(tmp_path):
    found = origin("python -m it", {"0": Part(1.4, {}), "1": Part(2.0, {})})
    assert found["command"] == "python -m it" and found["cost"] == {"parts": 2, "cpu_seconds": 3}
    assert set(found["versions"]) == {"python", "torch", "numpy"} and len(found["date"]) == 10
    record = found | {"trials": [{"a": 1}, {"a": 2}], "racers": {"rnn": {"step": [1, 2]}}}
    write(tmp_path / "r.json", record)
    text = (tmp_path / "r.json").read_text()
    assert json.loads(text) == record and '{"a": 1},\n{"a": 2}' in text
    assert math.isfinite(found["cost"]["cpu_seconds"])
