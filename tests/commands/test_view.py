"""`python -m explorer view`: any link as a file."""

import json

import numpy as np
import pytest

from explorer import view
from explorer.__main__ import main

LINK = "https://rnn.example.org/gradients?cell=gru&text=a+b+c&weights=untrained&hidden=4"


def test_a_link_becomes_each_kind_of_file(tmp_path, capsys):
    seen = view("/gradients?cell=gru&text=a+b+c&weights=untrained&hidden=4", lang="ko")
    for ending in ("html", "npz", "csv", "json", "py"):
        out = tmp_path / f"v.{ending}"
        assert main(["view", LINK, "--out", str(out), "--lang", "ko", "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == {"out": str(out), "title": seen.title}
    assert (tmp_path / "v.html").read_text("utf-8") == seen.to_html()
    assert (tmp_path / "v.py").read_text("utf-8") == seen.to_script()
    with np.load(tmp_path / "v.npz") as found:
        np.testing.assert_array_equal(found["norm"], seen.arrays["norm"])
    record = json.loads((tmp_path / "v.json").read_text("utf-8"))
    assert np.array(record["norm"], float)[2, 3] == seen.arrays["norm"][2, 3]
    assert (tmp_path / "v.csv").read_text("utf-8").startswith("step,token,norm[1]")


@pytest.mark.parametrize("link", ["/course", "/step?cell=none", "/step?nothing=1"])
def test_what_cannot_be_shown_is_one_sentence(link, tmp_path, capsys):
    assert main(["view", link, "--out", str(tmp_path / "v.html")]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"explorer: {link!r} cannot be shown: ") and said.count("\n") == 1
    assert not (tmp_path / "v.html").exists()
