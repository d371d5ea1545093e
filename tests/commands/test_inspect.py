"""`inspect` says what a file holds, `convert` writes what `load_weights` opens again."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from explorer import load_weights, trace
from explorer.__main__ import main
from tests.helpers import largest

KERAS = Path(__file__).parents[1] / "formats" / "files" / "keras.keras"
X = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)


def test_what_a_file_holds_is_printed_and_told_to_machines(capsys):
    assert main(["inspect", str(KERAS)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Keras, 11 recurrent\n") and "reset before the matmul" in said
    assert main(["inspect", str(KERAS), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {u["name"]: u["cell"] for u in found["layers"]}["hard"] == "lstm:hard_sigmoid_6:tanh:tanh"


@pytest.mark.parametrize("name", ["plain", "hard", "before", "both_gru"])
def test_what_is_converted_loads_and_computes_the_same(name, tmp_path, capsys):
    out = tmp_path / "layers.safetensors"
    assert main(["convert", str(KERAS), "--prefix", name, "--out", str(out)]) == 0
    again, first = load_weights(out), load_weights(KERAS, name)
    assert again.cell == first.cell and largest(trace(again, X).output, trace(first, X).output) <= 1e-6


def test_a_checkpoint_is_converted_too(tmp_path, capsys):
    path, out = tmp_path / "a.ckpt", tmp_path / "a.safetensors"
    module = nn.LSTM(3, 4, num_layers=2, bidirectional=True)
    torch.save({"state_dict": {f"net.{k}": v for k, v in module.state_dict().items()}, "epoch": 3}, path)
    assert main(["convert", str(path), "--out", str(out)]) == 0
    assert largest(trace(load_weights(out), X).output, trace(module, X).output) <= 1e-6


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["inspect", "/nowhere.pt"], "explorer: There is no file /nowhere.pt.\n"),
        (["inspect", __file__], "cannot be used. The file is none of those"),
        (["convert", str(KERAS), "--out", "a.safetensors"], "holds 11 recurrent networks"),
        (["convert", str(KERAS), "--prefix", "plain", "--out", "a.txt"], "--out takes a file that ends in"),
    ],
)
def test_what_cannot_be_had_is_a_sentence(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    assert said in capsys.readouterr().err and not list(tmp_path.iterdir())
