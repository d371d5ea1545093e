"""`dynamics` on the command line: the arrays of the public function, the table, what it refuses."""

import json

import numpy as np

from explorer import Experiment, fixed_points
from explorer.lab.learned import learn
from tests.commands.test_main import printed, refusal

QUICK = ("dynamics", "--scene", "network", "--cell", "gru")


def test_the_table_has_a_row_for_each_point(capsys):
    head, *table = printed(capsys, *QUICK).splitlines()
    assert head.startswith("gru, 16 units; trained") and "fixed points: 1 with 0 unstable" in head
    assert table[0].split()[:4] == ["n", "answer", "unstable", "speed"] and len(table) == 2


def test_states_that_go_on_for_ever_are_said(capsys):
    wild = ("dynamics", "--scene", "network", "--cell", "rnn", "--weights", "untrained", "--gain", "5")
    assert "8 of 8 led 1,000 steps still move" in printed(capsys, *wild)
    assert "still move" not in printed(capsys, *QUICK)


def test_json_and_npz_hold_the_points(capsys, tmp_path):
    found = json.loads(printed(capsys, *QUICK, "--json"))
    model = learn(Experiment(cell="gru")).model
    by_function = fixed_points(model, starts=np.array(found["points"]))
    assert np.allclose(by_function.states[:1], found["points"], atol=1e-8)
    out = tmp_path / "d.npz"
    assert printed(capsys, *QUICK, "--out", str(out)).startswith(f"Wrote {out}: gru")
    with np.load(out) as arrays:
        assert np.allclose(arrays["points"], found["points"])


def test_what_cannot_be_had_is_said(capsys):
    assert "no token" in refusal(capsys, *QUICK, "--held", "unheard")
    assert "page alone" in refusal(capsys, "dynamics", "--scene", "portrait")
