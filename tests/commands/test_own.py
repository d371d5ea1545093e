"""`--model FILE` of trace, gradients and app: a network of one's own, its layers, its words, its numbers."""

import json
import re

import numpy as np
import pytest
import torch
from torch import nn

from explorer.__main__ import main
from explorer.commands import app
from explorer.commands.verbs import VERBS
from explorer.figures.signals import cell_name
from explorer.i18n import LANGUAGES
from tests.commands.test_main import printed
from tests.formats.test_keras import FILES
from tests.formats.test_networks import H, Speaker, V


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    torch.manual_seed(0)
    net = Speaker()
    torch.save(net.state_dict(), folder / "speaker.pt")
    (folder / "words.json").write_text(json.dumps(["<pad>", "the", "cat", *(f"w{k}" for k in range(V - 3))]))
    torch.save(nn.GRU(3, 4, bidirectional=True).state_dict(), folder / "both.pt")
    (folder / "x.csv").write_text("1,2,3\n4,5,6\n")
    return folder, net


def test_a_layer_of_ones_own_network_is_traced_over_its_own_words(files, capsys):
    folder, net = files
    ask = ("--model", str(folder / "speaker.pt"), "--vocabulary", str(folder / "words.json"))
    found = json.loads(printed(capsys, "trace", *ask, "--text", "the cat dog", "--level", "2", "--json"))
    output, _ = net.rnn(net.encoder(torch.tensor([1, 2, 0])))
    assert np.allclose(np.array(found["h"])[1:], output.detach(), atol=1e-6)
    assert (found["tokens"], found["known"]) == (["the", "cat", "dog"], [True, True, False])
    assert np.array(found["all.h_l0"]).shape == (4, H)
    said = printed(capsys, "gradients", *ask, "--text", "the cat the", "--level", "1")
    assert said.startswith("layer 1 of 2, lstm, 5 units; weights of the file; loss ")


def test_a_network_of_numbers_reads_a_sequence_both_ways(files, capsys):
    folder, _ = files
    ask = ("--model", str(folder / "both.pt"), "--sequence", str(folder / "x.csv"))
    one, two = (
        json.loads(printed(capsys, "trace", *ask, "--way", way, "--json")) for way in ("forward", "backward")
    )
    assert one["x"] == [[1, 2, 3], [4, 5, 6]] and two["x"] == one["x"][::-1]
    weights = torch.load(folder / "both.pt", weights_only=True)
    assert np.allclose(two["weight_hh_l0"], weights["weight_hh_l0_reverse"])
    found = json.loads(printed(capsys, "gradients", *ask, "--json"))
    assert found["loss"] == [None, pytest.approx(0.5 * np.sum(np.square([one["h"][2], two["h"][1]])))]


def test_the_page_of_a_network_of_numbers_names_its_cell_and_no_sentence(tmp_path, capsys):
    pytest.importorskip("h5py")
    (tmp_path / "x.csv").write_text("1,2,3\n4,5,6\n")
    ask = ("--model", str(FILES / "keras2.h5"), "--prefix", "gru_1", "--sequence", str(tmp_path / "x.csv"))
    printed(capsys, "trace", *ask, "--lang", "ko", "--out", str(tmp_path / "t.html"))
    text = (tmp_path / "t.html").read_text("utf-8")
    assert re.findall("<title>(.*)</title>", text)[0] == cell_name("gru_reset_before:hard_sigmoid:tanh", "ko")


def test_a_language_model_of_ones_own_goes_on_from_a_prompt_in_its_own_words(files, capsys):
    folder, net = files
    ask = ("--model", str(folder / "speaker.pt"), "--vocabulary", str(folder / "words.json"))
    said = printed(capsys, "generate", *ask, "--prompt", "the cat", "--tokens", "1", "--greedy").split()
    output, _ = net.rnn(net.encoder(torch.tensor([1, 2])))
    best = int(net.decoder(output[-1]).argmax())
    words = json.loads((folder / "words.json").read_text())
    assert said == ["the", "cat", words[best]]
    assert main(("generate", "--model", str(folder / "both.pt"), "--prompt", "1")) == 2
    assert "no readout for tokens" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--cell", "gru"), "--cell has no place beside --model"),
        (("--level", "3"), "--level 3 is no layer: the network has 2"),
        (("--way", "backward"), "it reads forward alone"),
        (("--zero", "6"), "--zero 6 is no unit: the layer has 5"),
        (("--prefix", "x"), "It has: rnn"),
        (("--sequence", "x.csv"), "reads tokens"),
    ],
)
def test_what_does_not_fit_a_network_of_ones_own_is_said(files, more, sentence, capsys):
    folder, _ = files
    more = tuple(str(folder / part) if part.endswith(".csv") else part for part in more)
    assert main(("trace", "--model", str(folder / "speaker.pt"), *more)) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--zero", "x"), "--zero takes a whole number"),
        (("--zero", "65"), "--zero 65 is no unit: the layer has 64"),
        (("--cell", "elman"), "--cell takes one of rnn, lstm, gru beside --model tales_en"),
        (("--prefix", "x"), "--prefix has no place beside a network of this app"),
    ],
)
def test_what_does_not_fit_a_network_of_the_app_is_said(more, sentence, capsys):
    assert main(("trace", "--model", "tales_en", "--text", "the fox", *more)) == 2
    assert sentence in capsys.readouterr().err


def test_the_app_is_started_on_a_network_that_can_be_read(files, monkeypatch, capsys):
    folder, _ = files
    started = []
    monkeypatch.setattr(app, "run_module", lambda *_, **__: started.append(app.sys.argv))
    monkeypatch.setattr(app.sys, "argv", ["explorer"])
    file = str(folder / "speaker.pt")
    assert main(("app", "--server.port", "8600", "--model", file)) == 0
    assert started[0][3:] == ["--server.port", "8600", "--", "--model", file]
    assert main(("app", "--model", str(folder / "x.csv"))) == 2 and len(started) == 1
    assert "cannot be used" in capsys.readouterr().err


READS = {
    verb: [option.flag for option in VERBS[verb].options if "FILE" in str(option.settings.get("metavar"))]
    for verb in VERBS
}
MORE = {
    "generate": ("--prompt", "a"),
    "convert": ("--out", "a.safetensors"),
    "view": ("--out", "a.html", "/step?weights=model&model=own-1&beside=own-2/"),
}
"""What else a verb cannot do without."""


@pytest.mark.parametrize(
    ("verb", "flag"), [(v, f) for v, flags in READS.items() for f in flags if f not in ("--out", "--keep")]
)
def test_whatever_is_wrong_with_a_file_is_said_in_the_language_that_is_asked_for(
    verb, flag, files, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken").write_bytes(b"nothing\xff")
    beside = () if flag in ("--model", "--network", "file") else (
        "--network" if verb == "view" else "--model", str(files[0] / "both.pt"))  # fmt: skip
    if flag == "--vocabulary":
        beside = (*beside[:1], str(files[0] / "speaker.pt"))
    named = ("broken",) if flag == "file" else (flag, "broken")
    said = {}
    for lang in LANGUAGES:
        assert main((verb, *beside, *named, *MORE.get(verb, ()), "--lang", lang)) == 2
        said[lang] = capsys.readouterr().err
    assert re.search("[가-힣]", said["ko"]) and not re.search("[가-힣]", said["en"])
    assert main((verb, *beside, *named, *MORE.get(verb, ()), "--lang", "fr")) == 2
    assert "--lang takes one of ko, en, not 'fr'" in capsys.readouterr().err
