"""A network of one's own on every page that shows one: its layers, what it reads, and what it cannot do."""

import hashlib
import io
import json
import sys
from contextlib import redirect_stdout

import numpy as np
import pytest
import torch
from torch import nn

from explorer import Experiment, RecurrentModel, inspect_file, view
from explorer.formats.networks import networks_in
from explorer.formats.packing import pack
from explorer.lab.own import digest
from explorer.limits import DRAWN_UNITS, MAX_UNITS
from explorer.nn.initialise import initialise
from explorer.stage.payload import header_of
from explorer.stage.views import VIEWS, NoStageError, view_key
from explorer.text import Refused
from explorer.training.store import load_bundle, save_model
from explorer.ui import brought
from explorer.ui.away import taken
from explorer.ui.board import jobs
from explorer.ui.embedding import _OfServer
from explorer.ui.own import taking
from explorer.ui.payloads import PREFIX
from tests.formats.test_damaged import FILES
from tests.formats.test_networks import D, Speaker, V, saved
from tests.pages.app import opened, texts

WORDS = ["a", "b", "⏎", *(f"w{k}" for k in range(V - 3))]


def kept(net: nn.Module | bytes, owner: str = "") -> str:
    """Keeps a network as an upload does, read here and not apart; returns its key."""
    raw = net if isinstance(net, bytes) else saved(net)
    found = inspect_file(raw)
    packed = pack(found.format, networks_in(found), list(found.rest), 10**9)
    return brought.store().take_network(raw, packed, owner)


@pytest.fixture(scope="module")
def speaker() -> dict[str, str]:
    torch.manual_seed(0)
    words = brought.store().take_words(b"words", dict(enumerate(WORDS)), "")
    return {"weights": "model", "model": kept(Speaker()), "words": words, "text": "a b a ⏎ w3"}


@pytest.mark.parametrize("page", ["step", "gradients"])
def test_a_layer_is_chosen_from_the_list_and_stands_in_the_address(speaker, page):
    app = opened(page=page, lang="ko", **speaker)
    assert [box.key for box in app.selectbox][:2] == ["weights_list", "own_level"]
    assert "encoder.weight" in texts(app) and not app.warning
    app.selectbox(key="own_level").select(2).run()
    assert not app.exception and app.query_params["level"] == "2"
    experiment = app.session_state["experiment"]
    assert (experiment.cell, experiment.level, experiment.units) == ("lstm", 2, "word")


@pytest.mark.parametrize("view", ["predict", "generate", "units", "memory"])
def test_two_layers_speak_on_the_page_of_language_models(speaker, view):
    app = opened(page="language", view=view, **speaker)
    assert not app.exception
    assert not [warning for warning in app.warning if "readout" in warning.value]


def test_what_a_network_cannot_do_is_said_as_it_is(speaker):
    both = opened(page="language", view="generate", weights="model", model=kept(Speaker(both=True)))
    assert "reads both ways" in both.warning[0].value
    numbers = opened(page="language", view="predict", weights="model", model=kept(nn.GRU(3, 4)))
    assert "reads numbers, not text" in numbers.warning[0].value
    wide = opened(page="dynamics", scene="network", weights="model", model=kept(nn.LSTM(3, 200)))
    assert "has 400 numbers" in wide.warning[0].value
    with pytest.raises(Refused) as refused:
        kept(nn.GRU(1, MAX_UNITS + 1))
    assert (refused.value.sentence, refused.value.values["units"]) == ("units_large", MAX_UNITS + 1)


def test_a_wide_network_of_both_ways_walks_over_numbers_that_were_brought():
    torch.manual_seed(1)
    net = nn.GRU(2, DRAWN_UNITS + 20, bidirectional=True)
    numbers = np.random.default_rng(0).normal(size=(7, 2))
    key = brought.store().take_numbers(b"numbers", numbers, "")
    where = {"weights": "model", "model": kept(net), "numbers": key, "way": "backward", "order": "cluster"}
    app = opened(page="step", unit="80", **where)
    assert not app.exception and "reads from the end" in texts(app)
    experiment = app.session_state["experiment"]
    assert (experiment.cell, experiment.unit, experiment.way) == ("gru", 80, "backward")
    gone = opened(page="gradients", **{**where, "numbers": "0123456789abcdef"})
    assert not gone.exception and "not on this server" in texts(gone) and "reads noise" in texts(gone)


def test_a_network_that_is_gone_is_said_to_be():
    app = opened(page="step", weights="model", model="own-0123456789abcdef")
    assert "out of somebody's file, which this server does not have" in texts(app)


def test_what_comes_along_has_to_fit_the_network(speaker):
    found = brought.store().file(speaker["model"]).networks[0]
    for take, data, sentence in (
        (taking.take_words, b'["a", "b"]', None),
        (taking.take_words, str([f"{k}" for k in range(V + 1)]).replace("'", '"').encode(), "words_many"),
        (taking.take_numbers, b"1,2\n3,4", "numbers_width"),
    ):
        if sentence is None:
            assert take(data, found)["text"] == "a b #2 #3 #4 #5 #6 #7 #8 #9 #10"
            continue
        with pytest.raises(Refused) as refused:
            take(data, found)
        assert refused.value.sentence == sentence
    assert found.inputs == D


def test_a_visitor_who_brings_more_and_more_pushes_out_their_own(monkeypatch, tmp_path):
    monkeypatch.setattr(brought, "MAX_OWN_BYTES_EACH", 3000)
    store = brought.Store(tmp_path)
    for k, owner in enumerate(("", "one", *("two",) * 9)):
        store.take_numbers(str(k).encode(), np.zeros((100, 1)) + k, owner)
    assert [digest(str(k).encode()) in store.kept for k in range(11)] == [True] * 2 + [False] * 6 + [True] * 3
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_a_network_with_other_functions_walks_goes_back_and_rests_as_any_other(locale):
    raw = (FILES / "keras2.h5").read_bytes()
    packed = pack("Keras HDF5", networks_in(inspect_file(raw)), [], 10**9)
    where = {"weights": "model", "model": brought.store().take_network(raw, packed, ""), "stack": "lstm_1"}
    said = "hard sigmoid 0.2" if locale == "en-US" else "하드 시그모이드 0.2"
    for page in ("step", "gradients", "dynamics"):
        app = opened(locale, page=page, scene="network", clamp="f", clamp_value="0.5", **where)
        assert said in texts(app) and not app.exception, page
        assert app.session_state["experiment"].cell == "lstm:hard_sigmoid:tanh:tanh"
    app = opened(locale, page="architectures", arch="deep", cell="gru", **where)
    assert app.session_state["experiment"].cell == "gru"
    app = opened(locale, page="dynamics", scene="cube", cell="lstm:hard_sigmoid:tanh:tanh", **where)
    assert app.selectbox(key="field_cell").value == "lstm"


@pytest.mark.parametrize("page", ["step", "gradients"])
def test_a_stacked_network_of_a_race_shows_each_of_its_layers(page):
    run = Experiment(cell="gru", data="lecture", layers=2, hidden=6)
    model = RecurrentModel("gru", 4, 6, 3, vocabulary=("<unk>", "a", "b"), num_layers=2)
    initialise(model, torch.Generator().manual_seed(0))
    raw = save_model(None, model, run)
    key = jobs().adopt(load_bundle(raw), raw)
    app = opened(page=page, weights="model", model=f"{key}.0", cell="gru", text="a b a")
    assert not app.exception and len(jobs().jobs[key].uses) >= 1, "what a page shows counts as used"
    app.selectbox(key="own_level").select(2).run()
    assert not app.exception and app.query_params["level"] == "2"


def test_two_networks_of_ones_own_or_one_that_is_shipped_stand_beside_each_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    raws = []
    for seed, name in enumerate(("network", "beside")):
        torch.manual_seed(seed)
        raws.append(saved(Speaker()))
        (tmp_path / name).write_bytes(raws[-1])
    letters = dict(enumerate([*"abc ", *(chr(100 + k) for k in range(V - 4))]))
    words = json.dumps(list(letters.values())).encode()
    (tmp_path / "vocabulary").write_bytes(words)
    key, second = brought.store().take_words(words, letters, ""), kept(raws[1])
    where = {"weights": "model", "model": kept(raws[0]), "words": key, "text": "abca"}
    for beside, named in ((f"{second}/rnn", "rnn (2) · LSTM"), ("brackets/gru", "brackets · GRU")):
        app = opened(page="step", level="2", clamp="f", beside=beside, **where)
        assert app.session_state["experiment"].beside == beside
        assert app.selectbox(key="own_beside").value == beside
        found = {}
        with redirect_stdout(io.StringIO()):
            exec(compile(script_of(app), "script", "exec"), found)
        shown = found["seen"].payload
        assert app.session_state["on_stage"][-1].payload == PREFIX + hashlib.sha256(shown).hexdigest()[:40]
        header, one = header_of(shown), app.session_state["on_stage"][-1].experiment
        assert VIEWS["step"](one, "en", _OfServer()) == shown  # as it is embedded
        assert header["mode"] == "two" and header["runs"][-1]["cell"].startswith(named)
        assert {len(run["tokens"]) for run in header["runs"]} == {4}
    for page in ("gradients", "dynamics"):
        app = opened(page=page, scene="network", level="2", beside=f"{second}/rnn", **where)
        assert app.selectbox(key="own_beside").value == f"{second}/rnn" and not app.warning
        found = {}
        with redirect_stdout(io.StringIO()):
            exec(compile(script_of(app), "script", "exec"), found)
        shown = found["seen"].payload
        assert app.session_state["on_stage"][-1].payload == PREFIX + hashlib.sha256(shown).hexdigest()[:40]
        one = app.session_state["on_stage"][-1].experiment
        assert VIEWS[view_key(page, one)](one, "en", _OfServer()) == shown  # as it is embedded
        header = json.dumps(header_of(shown), ensure_ascii=False)
        assert "rnn (1) · LSTM" in header and "rnn (2) · LSTM" in header
    app = opened(page="step", beside=f"{kept(nn.GRU(3, 4))}/", **where)
    assert not app.session_state["experiment"].beside and "reads something else" in texts(app)


def script_of(app) -> str:
    (on_stage,) = app.session_state["on_stage"]
    data = taken(on_stage.page, [on_stage], on_stage.experiment, "en")
    assert "on this server only" in data["note"]
    return data["views"][0]["script"]


@pytest.mark.parametrize("page", ["step", "gradients", "language"])
def test_the_script_of_a_view_makes_its_numbers_again_with_the_files_beside_it(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    raw, words = saved(Speaker()), json.dumps(WORDS).encode()
    (tmp_path / "network").write_bytes(raw)
    (tmp_path / "vocabulary").write_bytes(words)
    key = brought.store().take_words(words, dict(enumerate(WORDS)), "")
    where = {"weights": "model", "model": kept(raw), "words": key, "text": "a b ⏎ w3"}
    app = opened(page=page, view="generate", level="2", clamp="f", clamp_value="0.25", **where)
    found = {}
    with redirect_stdout(io.StringIO()):
        exec(compile(script_of(app), "script", "exec"), found)
    shown = hashlib.sha256(found["seen"].payload).hexdigest()[:40]
    assert app.session_state["on_stage"][-1].payload == PREFIX + shown


def test_the_script_of_a_network_of_numbers_reads_the_sequence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save(tmp_path / "sequence.npy", np.arange(6.0).reshape(3, 2))
    raw, numbers = saved(nn.GRU(2, 5, bidirectional=True)), (tmp_path / "sequence.npy").read_bytes()
    (tmp_path / "mine.pt").write_bytes(raw)
    where = {
        "model": kept(raw),
        "numbers": brought.store().take_numbers(numbers, np.load("sequence.npy"), ""),
    }
    app = opened(page="step", weights="model", way="backward", **where)
    text = script_of(app).replace("'network'", "'mine.pt'").replace("'sequence'", "'sequence.npy'")
    found = {}
    with redirect_stdout(io.StringIO()):
        exec(compile(text, "script", "exec"), found)
    assert found["seen"].title == "Step through time: GRU (reset after product)"
    x = torch.tensor([[4.0, 5.0], [2.0, 3.0], [0.0, 1.0]])
    np.testing.assert_array_equal(found["seen"].arrays["x"], x)
    assert hashlib.sha256(found["seen"].payload).hexdigest()[:40] in app.session_state["on_stage"][-1].payload
    with pytest.raises(NoStageError, match="give it as network=FILE"):
        view("step", found["seen"].experiment)


def test_whoever_leaves_a_file_is_told_so_and_comes_back_to_it_as_it_stood(speaker):
    app = opened(page="step", level="2", **speaker)
    next(button for button in app.button if button.label == "See a gate that visibly works").click().run()
    assert app.session_state["experiment"].weights == "marked"
    assert "a network out of a file was left" in texts(app)
    assert "a network out of a file" in app.selectbox(key="weights_list").options
    next(button for button in app.button if button.label == "Back to the sentence").click().run()
    experiment = app.session_state["experiment"]
    assert (experiment.model, experiment.level, experiment.text) == (speaker["model"], 2, speaker["text"])
    assert "was left" not in texts(app)


def test_the_name_of_a_file_is_told_to_whoever_brought_it_alone(tmp_path):
    store = brought.Store(tmp_path)
    key = store.take_numbers(b"1", np.zeros((2, 1)), "one")
    store.call(key, "mine.npy", "one")
    assert (store.called(key, "one"), store.called(key, "two"), store.called("other", "one")) == (
        "mine.npy",
        "",
        "",
    )
    for k in range(100):
        store.call(key, f"{k}.npy", str(k))
    assert len(store.names[key]) == 64 and store.called(key, "99") == "99.npy"


def test_a_view_that_learns_its_own_networks_says_where_a_file_is_shown(speaker):
    assert "learns networks of its own" in texts(opened(page="dynamics", scene="portrait", **speaker))
    assert "learns networks of its own" not in texts(opened(page="dynamics", scene="network", **speaker))


def test_tokens_that_a_vocabulary_lacks_are_not_said_to_be_untaught(speaker):
    said = texts(opened(page="step", **speaker | {"text": "zebra yak"}))
    assert "in the vocabulary of this network" in said and "let it learn your sentence" not in said


def test_the_app_opens_on_the_kept_network_that_it_was_started_with_in_its_own_words(tmp_path, monkeypatch):
    file, words = tmp_path / "kept.safetensors", ["green", "ideas", "sleep", "soundly"]
    model = RecurrentModel("gru", 4, 5, 4, vocabulary=words)
    initialise(model, torch.Generator().manual_seed(2))
    save_model(file, model, Experiment(cell="gru"), step=7)
    monkeypatch.setattr(sys, "argv", ["main.py", "--model", str(file)])
    brought.started_with.cache_clear()
    try:
        app = opened(page="step")
        asked = app.session_state["experiment"]
        assert (asked.weights, asked.cell, asked.hidden) == ("model", "gru", Experiment().hidden)
        assert asked.model == brought.started_with().changes["model"] and set(asked.text.split()) <= set(
            words
        )
        assert brought.store().words(asked.words) == dict(enumerate(words))
        assert app.selectbox(key="weights_list").value == f"stored {asked.model}"
        assert "kept.safetensors" in app.selectbox(key="weights_list").options and not app.warning
        file.write_bytes(b"no network at all")
        brought.started_with.cache_clear()
        with pytest.raises(SystemExit, match=r"cannot be opened. The file is none of those that can be read"):
            brought.started_with()
    finally:
        brought.started_with.cache_clear()
