"""`python -m explorer view`: any link as a file."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from explorer import Experiment, view
from explorer.__main__ import main
from explorer.formats.source import NoFile
from explorer.stage.views import NoStageError
from explorer.training.store import save_model
from tests.helpers import number_model, word_model

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


def test_a_file_that_there_is_not_is_said_in_the_readers_language(tmp_path, capsys):
    for lang, said in (("en", "There is no file /no.pt."), ("ko", "/no.pt 파일이 없습니다.")):
        ask = ("/step", "--network", "/no.pt", "--out", str(tmp_path / "v.html"), "--lang", lang)
        assert main(["view", *ask]) == 2
        assert capsys.readouterr().err == f"explorer: {said}\n"
    with pytest.raises(NoFile, match=r"There is no file /no\.pt"):
        view("step", network="/no.pt")


@pytest.mark.parametrize("page", ["step", "/gradients", "/dynamics?scene=network"])
def test_a_network_that_this_app_kept_says_its_own_cell_and_what_it_reads(page, tmp_path):
    file, lecture = tmp_path / "kept.safetensors", Experiment(cell="rnn", data="lecture")
    adding = Experiment(cell="gru", data="adding", length=10, hidden=4)
    save_model(file, number_model("gru", H=4), adding)
    seen = view(page, network=file)
    assert (seen.experiment.weights, seen.experiment.cell) == ("model", "gru") and "GRU" in seen.title
    save_model(file, word_model("rnn", ("<unk>", "a", "b"), H=4), lecture)
    assert view(page, network=file).experiment.text == "a b"
    with pytest.raises(NoStageError, match="vocabulary has no place: a network of this app"):
        view(page, network=file, vocabulary="words.json")


def test_a_second_network_out_of_another_file_stands_beside_the_first(tmp_path):
    for seed, name in enumerate(("one", "two")):
        torch.manual_seed(seed)
        torch.save(nn.GRU(2, 3).state_dict(), tmp_path / f"{name}.pt")
    files = ["--network", str(tmp_path / "one.pt"), "--beside", str(tmp_path / "two.pt")]
    out = tmp_path / "v.npz"
    assert main(["view", "/step?weights=model&model=own-1&beside=own-2/", *files, "--out", str(out)]) == 0
    weights = torch.load(tmp_path / "two.pt", weights_only=True)["weight_hh_l0"]
    with np.load(out) as found:
        np.testing.assert_array_equal(found["run2_weight_hh"], weights)
