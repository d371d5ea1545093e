"""Models as files: what is written comes back bit for bit, and a file is replaced whole or not at all."""

import io
import json
import os
import subprocess
import sys

import pytest
import safetensors.torch
import torch
from safetensors import safe_open
from torch import nn

from explorer import CELLS, Experiment, RecurrentModel
from explorer.limits import MAX_HIDDEN, MAX_LAYERS, MAX_UPLOAD_HIDDEN, MAX_URL_TEXT
from explorer.nn.initialise import initialise
from explorer.text import Refused, clean, tokenise
from explorer.training.store import (
    FORMAT,
    load_bundle,
    load_model,
    read_tensors,
    save_model,
    state_bytes,
    write_bytes,
    write_tensors,
)
from tests.e2e.server import ROOT
from tests.helpers import EVERY, number_model, word_model

WORDS = ("<unk>", "그", "말이", "a b", " ", "👩\u200d👩\u200d👧", "\u1112", "</script>", '"\\')
SHAPES = [{}, {"num_layers": 2}, {"num_layers": 2, "bidirectional": True}]
SYMBOLS = ("X", "한", " ")


def network(cell: str, words: bool, **shape) -> RecurrentModel:
    """Returns an initialised float32 model over words, or over one-hot symbols with four outputs."""
    if words:
        return word_model(cell, WORDS, **shape)
    model = RecurrentModel(cell, len(SYMBOLS), 5, 4, **shape)
    initialise(model, torch.Generator().manual_seed(1))
    return model


def same_bits(a: nn.Module, b: nn.Module) -> bool:
    """Says whether two models have the same weights, by name, dtype, shape and bit."""
    left, right = a.state_dict(), b.state_dict()
    return list(left) == list(right) and all(
        left[n].dtype == right[n].dtype
        and left[n].shape == right[n].shape
        and left[n].numpy().tobytes() == right[n].numpy().tobytes()
        for n in left
    )


@pytest.mark.parametrize("words", [True, False], ids=["words", "numbers"])
@pytest.mark.parametrize("shape", SHAPES, ids=["one", "two", "two both ways"])
@pytest.mark.parametrize("cell", EVERY)
def test_a_model_comes_back_bit_for_bit(cell, shape, words, tmp_path):
    model = network(cell, words, **shape)
    path = tmp_path / "model.safetensors"
    symbols = None if words else SYMBOLS
    data = save_model(path, model, Experiment(cell=cell), step=128, symbols=symbols)
    assert path.read_bytes() == data
    for source in (path, str(path), data):
        found = load_bundle(source)
        assert same_bits(found.model, model)
        assert same_bits(load_model(source), model)
        assert (found.model.cell, found.model.vocabulary) == (cell, WORDS if words else None)
        assert not found.model.training
        assert (found.step, found.symbols, found.ignored) == (128, symbols, ())
    x = torch.tensor([[1], [2], [3]]) if words else torch.rand(3, 2, len(SYMBOLS))
    with torch.no_grad():
        assert torch.equal(found.model(x), model(x))


def test_a_float64_model_is_kept_in_float32():
    model = number_model("gru", 2, 5)
    found = load_model(save_model(None, model))
    assert same_bits(found, model.float())


def test_an_exploded_model_comes_back_too():
    model = network("lstm", False)
    with torch.no_grad():
        model.readout.weight[0, :3] = torch.tensor([float("nan"), float("inf"), -0.0])
    assert same_bits(load_model(save_model(None, model)), model)


def test_loading_draws_no_random_number():
    data = save_model(None, network("lstm_peephole", True))
    before = torch.get_rng_state()
    load_bundle(data)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_experiment_comes_back_with_a_text_too_long_for_a_link():
    text = "그의 말이 " * (MAX_URL_TEXT // 3) + "끝"
    experiment = Experiment(cell="gru", hidden=5, layers=2, data="yours", rate=0.003, seed=7, text=text)
    found = load_bundle(save_model(None, network("gru", False, num_layers=2), experiment))
    assert found.experiment == experiment


@pytest.mark.parametrize("cell", EVERY)
def test_the_experiment_says_what_the_model_is(cell):
    found = load_bundle(save_model(None, network(cell, False, num_layers=2)))
    assert found.experiment == Experiment(cell=cell, hidden=5, layers=2)


def test_a_model_larger_than_an_experiment_can_say_is_kept_all_the_same():
    model = RecurrentModel("rnn", 2, MAX_HIDDEN + 1, 1)
    initialise(model, torch.Generator().manual_seed(0))
    found = load_bundle(save_model(None, model))
    assert same_bits(found.model, model)
    assert found.experiment == Experiment(cell="rnn")


def test_a_text_that_is_not_clean_is_kept_cleaned():
    found = load_bundle(save_model(None, network("lstm", False), Experiment(text="a\ud800\u202eb\n한")))
    assert found.experiment.text == "ab 한"


def test_the_same_model_gives_the_same_bytes():
    model, experiment = network("lstm", True), Experiment(text="a b", seed=3)
    assert len({save_model(None, model, experiment, step=1) for _ in range(8)}) == 1


def test_a_file_can_be_written_into_memory():
    memory = io.BytesIO()
    data = save_model(memory, network("rnn", True))
    assert memory.getvalue() == data


@pytest.mark.parametrize("cell", EVERY)
def test_the_library_alone_reads_the_file(cell, tmp_path):
    model, path = network(cell, True), tmp_path / "model.safetensors"
    save_model(path, model, step=5)
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    assert metadata["format"] == FORMAT
    assert (metadata["cell"], metadata["step"]) == (cell, "5")
    assert json.loads(metadata["vocabulary"]) == list(WORDS)
    assert json.loads(metadata["sizes"])["hidden"] == 16
    loaded = safetensors.torch.load_file(path)
    assert loaded.keys() == model.state_dict().keys()
    assert all(torch.equal(loaded[n], v) for n, v in model.state_dict().items())


@pytest.mark.parametrize("unit", ["word", "char", "jamo"])
def test_any_vocabulary_that_a_text_gives_comes_back(unit):
    text = "그의 말이 맞아 a\u0301 \u0301b 👩\u200d👩\u200d👧 x🏽\u200d👩 🇰🇷 '\"\\ <b> \u1112 ㅎㅎ \ufdfa"
    tokens = tuple(dict.fromkeys(tokenise(clean(text), unit)))
    model = RecurrentModel("rnn", 2, 3, len(tokens), vocabulary=tokens)
    initialise(model, torch.Generator().manual_seed(0))
    assert load_model(save_model(None, model)).vocabulary == tokens


NOT_KEPT = {
    "a long token": (lambda: word_model("rnn", ("a", "b" * 65)), {}, "token_long"),
    "an empty token": (lambda: word_model("rnn", ("a", "")), {}, "token_unclean"),
    "half a character": (lambda: word_model("rnn", ("a", "\ud800")), {}, "token_unclean"),
    "a token twice": (lambda: word_model("rnn", ("a", "b", "a")), {}, "token_twice"),
    "too few outputs": (lambda: RecurrentModel("rnn", 2, 3, 2, vocabulary="abc"), {}, "bad_metadata"),
    "too few symbols": (lambda: network("rnn", False), {"symbols": ("a", "b")}, "bad_metadata"),
    "a symbol twice": (lambda: network("rnn", False), {"symbols": ("a", "b", "b")}, "token_twice"),
    "a step back": (lambda: network("rnn", False), {"step": -1}, "bad_metadata"),
}


@pytest.mark.parametrize("name", NOT_KEPT)
def test_what_could_not_be_opened_again_is_not_written(name, tmp_path):
    build, options, sentence = NOT_KEPT[name]
    path = tmp_path / "model.safetensors"
    with pytest.raises(Refused) as refused:
        save_model(path, build(), **options)
    assert refused.value.sentence == sentence
    assert list(tmp_path.iterdir()) == []


OF_ANY_SIZE = {
    "too long a vocabulary": (lambda: word_model("rnn", tuple(map(str, range(9_000)))), "header_large"),
    "too many weights": (lambda: RecurrentModel("lstm", 2, MAX_UPLOAD_HIDDEN, 1), "file_large"),
    "too many units": (lambda: RecurrentModel("rnn", 2, MAX_UPLOAD_HIDDEN + 1, 1), "hidden_large"),
    "too many layers": (lambda: network("rnn", False, num_layers=MAX_LAYERS + 1), "layers_large"),
}


@pytest.mark.parametrize("name", OF_ANY_SIZE)
def test_a_model_of_any_size_is_kept_and_opened_but_not_uploaded(name, tmp_path):
    build, sentence = OF_ANY_SIZE[name]
    path, model = tmp_path / "model.safetensors", build()
    with torch.no_grad():
        for value in model.parameters():
            value.fill_(0.5)
    save_model(path, model)
    again = load_model(path)
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in model.state_dict().items())
    with pytest.raises(Refused) as refused:
        load_bundle(path)
    assert refused.value.sentence == sentence


TENSORS = {
    "number": torch.tensor(2.5),
    "whole": torch.tensor(7),
    "empty": torch.zeros(0, 3),
    "double": torch.rand(2, 3, dtype=torch.float64),
    "bytes": torch.arange(9, dtype=torch.uint8),
    "yes": torch.tensor([True, False]),
    "turned": torch.arange(6.0).reshape(2, 3).t(),
    "trained": nn.Parameter(torch.ones(3)),
}


def test_tensors_of_any_kind_come_back(tmp_path):
    path = tmp_path / "state.safetensors"
    write_tensors(path, TENSORS)
    for source in (path, str(path), path.read_bytes()):
        found = read_tensors(source)
        assert found.keys() == TENSORS.keys()
        for name, value in TENSORS.items():
            assert torch.equal(found[name], value) and found[name].dtype == value.dtype
            found[name].fill_(1)  # writable, and not the file's memory
    assert state_bytes(TENSORS) == path.read_bytes()


def test_tensors_that_share_memory_come_back_apart():
    whole = torch.arange(6.0)
    found = read_tensors(state_bytes({"a": whole, "b": whole[2:4], "c": whole}))
    assert torch.equal(found["a"], whole) and torch.equal(found["b"], whole[2:4])
    found["a"].zero_()
    assert torch.equal(found["c"], whole)


def test_no_tensors_at_all_are_a_file_too():
    assert read_tensors(state_bytes({})) == {}


@pytest.mark.parametrize("length", [0, 7, 8, 60, -1])
def test_half_a_snapshot_is_refused(length):
    with pytest.raises(Refused) as refused:
        read_tensors(state_bytes(TENSORS)[:length])
    assert refused.value.sentence == "file_damaged"


def test_a_snapshot_that_is_not_there_is_an_error_of_the_file_system(tmp_path):
    for read in (read_tensors, load_bundle, load_model):
        with pytest.raises(FileNotFoundError):
            read(tmp_path / "none.safetensors")


FULL = """
import resource, sys
from pathlib import Path
from explorer.training.store import write_bytes
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    write_bytes(Path(sys.argv[1]), b"new" * 100)
except OSError:
    sys.exit(7)
"""
KILLED = """
import os, sys
from pathlib import Path
from explorer.training.store import write_bytes
os.replace = lambda *_: os._exit(7)
write_bytes(Path(sys.argv[1]), b"new")
"""


@pytest.mark.parametrize("program", [FULL, KILLED], ids=["full disk", "killed"])
def test_a_write_that_is_cut_short_leaves_the_old_file(program, tmp_path):
    """In a process of its own: no file grows past 100 bytes, or it dies before the file is replaced."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"old")
    child = subprocess.run([sys.executable, "-c", program, str(path)], cwd=ROOT, check=False)
    assert child.returncode == 7
    assert path.read_bytes() == b"old"
    assert list(tmp_path.glob("*.safetensors")) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_interrupted_write_leaves_the_old_file(error, tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"old")

    def interrupt(*_):
        raise error

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(error):
        save_model(path, network("gru", True))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_written_file_has_the_rights_of_any_other(tmp_path):
    write_bytes(tmp_path / "a", b"1")
    (tmp_path / "b").write_bytes(b"1")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_every_field_of_an_experiment_that_a_link_carries_is_kept():
    experiment = Experiment(cell="rnn", hidden=5, second="gru", donor="a", clamp_value=-0.25, racers="gru")
    assert load_bundle(save_model(None, network("rnn", False), experiment)).experiment == experiment


def test_there_are_eight_cells():
    assert set(EVERY) == set(CELLS)
