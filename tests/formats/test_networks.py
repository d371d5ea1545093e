"""What stands around recurrent layers in a file; a file read apart; vocabularies and sequences beside it."""

import io
import json
import tempfile

import numpy as np
import pytest
import torch
from torch import nn

from explorer import inspect_file, trace
from explorer.formats import apart
from explorer.formats.apart import opened_apart
from explorer.formats.networks import networks_in
from explorer.formats.numbers import read_numbers
from explorer.formats.packing import pack, unpack
from explorer.formats.vocabulary import level_of, names_of, read_vocabulary
from explorer.i18n import Refused
from tests.formats.test_damaged import FILES

V, D, H = 11, 4, 5


def saved(net: nn.Module | dict) -> bytes:
    memory = io.BytesIO()
    torch.save(net.state_dict() if isinstance(net, nn.Module) else net, memory)
    return memory.getvalue()


class Speaker(nn.Module):
    """What PyTorch's own example of a language model holds: encoder, rnn, decoder."""

    def __init__(self, layers: int = 2, both: bool = False) -> None:
        super().__init__()
        self.encoder = nn.Embedding(V, D)
        self.rnn = nn.LSTM(D, H, layers, bidirectional=both)
        self.norm = nn.Linear(H, H)
        self.decoder = nn.Linear(H * (2 if both else 1), V)


def refused(data: bytes, read=opened_apart) -> tuple[str, dict]:
    with pytest.raises(Refused) as error:
        read(data)
    return error.value.sentence, error.value.values


@pytest.mark.parametrize("both", [False, True])
def test_a_language_models_embedding_and_readout_are_found_beside_its_layers(both):
    torch.manual_seed(0)
    net = Speaker(both=both)
    (found,) = networks_in(inspect_file(saved(net)))
    assert found.names == ("encoder.weight", "decoder.weight", "decoder.bias")
    assert np.array_equal(found.embedding, net.encoder.weight.detach())
    assert np.array_equal(found.readout[0], net.decoder.weight.detach())
    assert found.vocabulary_size == V


def test_a_head_of_other_outputs_than_tokens_is_left_alone_and_numbers_are_read():
    class Classifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.linear = nn.LSTM(D, H), nn.Linear(H, 3)

    (found,) = networks_in(inspect_file(saved(Classifier())))
    assert (found.embedding, found.readout, found.names) == (None, None, ())


def test_each_of_two_networks_has_the_embedding_that_is_called_as_it_is():
    arrays = {}
    for prefix, seed in (("enc", 0), ("dec", 1)):
        rng = np.random.default_rng(seed)
        shapes = {"w_ih": (3 * D, D), "w_hh": (3 * D, D), "b_ih": 3 * D, "b_hh": 3 * D, "emb": (V, D)}
        arrays |= {f"{prefix}_{name}": rng.normal(size=shape) for name, shape in shapes.items()}
    arrays |= {"fc_w": np.ones((V, D)), "fc_b": np.ones(V)}
    memory = io.BytesIO()
    np.savez(memory, **arrays)
    encoder, decoder = networks_in(inspect_file(memory.getvalue()))
    assert (encoder.names[0], decoder.names[0]) == ("enc_emb", "dec_emb")
    assert np.array_equal(decoder.embedding, arrays["dec_emb"])


def test_layers_that_keras_names_one_by_one_come_as_one_where_they_fit_on_each_other():
    h5py = pytest.importorskip("h5py")
    memory = io.BytesIO()
    rng = np.random.default_rng(0)
    with h5py.File(memory, "w") as file:
        for name, inputs in (("rnn_10", 5), ("rnn_2", 3)):
            for part, shape in (("kernel", (inputs, 20)), ("recurrent_kernel", (5, 20)), ("bias", (20,))):
                file[f"{name}/{name}/{part}:0"] = rng.normal(size=shape)
        file["embedding/embedding/embeddings:0"] = rng.normal(size=(V, 3))
        file["out/out/kernel:0"], file["out/out/bias:0"] = rng.normal(size=(5, V)), rng.normal(size=V)
    stack, *alone = networks_in(inspect_file(memory.getvalue()))
    assert stack.below == ("rnn_2", "rnn_10") and [one.layers.name for one in alone] == ["rnn_10", "rnn_2"]
    assert (stack.layers.num_layers, stack.vocabulary_size, stack.readout[0].shape) == (2, V, (V, 5))
    x = rng.normal(size=(4, 3))
    apart_ones = trace(alone[0].layers, trace(alone[1].layers, x).output).output
    assert np.array_equal(trace(stack.layers, x).output, apart_ones)


def test_packed_networks_come_back_as_they_were():
    projected = nn.LSTM(3, 6, 2, proj_size=2, bidirectional=True)
    for data in (saved(Speaker()), saved(projected)):
        found = networks_in(inspect_file(data))
        kind, rest, again = unpack(pack("PyTorch", found, ["norm.weight"], 10**6))
        assert (kind, rest) == ("PyTorch", ("norm.weight",))
        for one, two in zip(found, again, strict=True):
            x = np.random.default_rng(0).normal(size=(4, one.layers.input_size))
            assert np.array_equal(trace(one.layers, x).output, trace(two.layers, x).output)
            assert (one.names, one.below, one.vocabulary_size) == (two.names, two.below, two.vocabulary_size)
    with pytest.raises(Refused, match="have 1\u00a0MB"):
        pack("PyTorch", found, [], 100)


def test_a_file_is_read_apart(monkeypatch):
    pytest.importorskip("h5py")
    _, _, found = unpack(opened_apart((FILES / "keras.keras").read_bytes()))
    assert {one.layers.cell for one in found} >= {"lstm", "gru"}
    memory = io.BytesIO()  # a bomb: more than apart.MOST in 66 kB
    zeros = {"weight_ih_l0": np.zeros((4, apart.MOST // 8), "f2"), "weight_hh_l0": np.zeros((4, 1), "f2")}
    np.savez_compressed(memory, **zeros)
    assert len(memory.getvalue()) < 2**20 and refused(memory.getvalue())[0] == "file_unpacked_limit"
    monkeypatch.setattr(apart, "WAIT_SECONDS", 0.01)
    assert refused(saved(nn.GRU(3, 4))) == ("file_slow", {"limit": 0.01})


@pytest.mark.parametrize(
    ("data", "sentence", "values"),
    [
        (saved({**nn.GRU(3, 4).state_dict(), "weight_hh_l0": torch.full((12, 4), torch.nan)}),
         "tensor_nonfinite", {"name": "weight_hh_l0"}),
        (saved(nn.Linear(3, 4)), "no_layers", {}),
        (b'{"a": 1}', "unknown_format", {}),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said_by_the_process_that_reads_it(
    data, sentence, values, monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr(apart, "_limit", lambda: None)
    (tmp_path / "file").write_bytes(data)
    assert apart.main(str(tmp_path / "file"), str(tmp_path / "out")) == apart._REFUSED
    assert json.loads(capsys.readouterr().out) == {"sentence": sentence, "values": values}


# Vocabularies


@pytest.mark.parametrize(
    "text",
    [
        '["a", "\\n", "", "b"]',
        '{"a": 0, "\\n": 1, "": 2, "b": 3}',
        '{"0": "a", "1": "\\n", "2": "", "3": "b"}',
        '{"model": {"type": "BPE", "vocab": {"a": 0, "\\n": 1, "": 2, "b": 3}}}',
        json.dumps(
            {"class_name": "Tokenizer", "config": {"word_index": '{"a": 0, "\\n": 1, "": 2, "b": 3}'}}
        ),
    ],
)
def test_a_vocabulary_is_read_in_every_common_form_and_newlines_and_padding_are_tokens(text):
    tokens = read_vocabulary(text.encode())
    assert tokens == {0: "a", 1: "\n", 2: "", 3: "b"}
    assert names_of(tokens, 5) == ("a", "⏎", "∅", "b", "#4")


def test_lines_are_a_vocabulary_and_a_text_of_prose_or_numbers_is_none():
    assert read_vocabulary(b"the\ncat\n") == {0: "the", 1: "cat"}
    for data in (b"", b"{}", b"[1, 2]", b"[]", b"just a line", b'{"a": "b"}', b"[" * 10**5):
        assert refused(data, read_vocabulary)[0] == "words_none"
    assert refused(b"\xff\xfe", read_vocabulary)[0] == "text_encoding"
    assert refused(b'{"a": 200000}', read_vocabulary)[0] == "vocabulary_large"


def test_every_token_has_a_name_of_its_own_that_can_be_seen():
    tokens = dict(enumerate(["\u200f", "e\u0301", "é", "<UNK>", "\x80", " ", "x" * 100]))
    names = names_of(tokens, 8)
    assert names[:6] == ("U+200F", "é#1", "é#2", "<unk>", "U+0080", " ")
    assert (len(names[6]), names[7], len(set(names))) == (64, "#7", 8)
    assert (level_of(["a", "b", "<unk>", "c", "d", "e"]), level_of(["the", "cat", "a"])) == ("char", "word")
    assert refused(b"", lambda _: names_of(tokens, 3)) == ("words_many", {"count": 7, "limit": 3})


# Sequences


def test_numbers_are_read_from_lines_and_from_numpy():
    wanted = np.array([[1.0, 2.5], [-3.0, 4e-2]])
    for text in ("1,2.5\n-3,0.04\n", "a;b\n1;2.5\n-3;.04", "1,0;2,5\n-3,0;0,04\n", "1\t2.5\n\n-3 0.04"):
        assert np.array_equal(read_numbers(text.encode()), wanted)
    for array in (wanted, np.asfortranarray(wanted), wanted[:, None], wanted[None]):
        memory = io.BytesIO()
        np.save(memory, array)
        assert np.array_equal(read_numbers(memory.getvalue()), wanted)


def test_what_is_no_sequence_of_numbers_is_refused_by_its_place():
    for text, sentence, values in (
        ("1,2\n3\n", "numbers_ragged", {"line": 2, "found": 1, "expected": 2}),
        ("1,2\n3,nan\n", "numbers_nonfinite", {"step": 2, "column": 2}),
        ("1,2\nx,2\n", "numbers_line", {"line": 2}),
        ("", "numbers_none", {}),
    ):
        assert refused(text.encode(), read_numbers) == (sentence, values)
    memory = io.BytesIO()
    np.save(memory, np.array([{}], dtype=object), allow_pickle=True)
    assert refused(memory.getvalue(), read_numbers)[0] == "numbers_none"
    memory = io.BytesIO()
    np.save(memory, np.zeros((2, 3, 4)))
    assert refused(memory.getvalue(), read_numbers)[0] == "numbers_batch"
    assert refused(memory.getvalue()[:-9], read_numbers)[0] == "file_truncated"


def test_where_there_is_no_place_for_a_file_that_is_said_by_either_process(tmp_path, monkeypatch):
    data = (FILES / "keras.keras").read_bytes()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert refused(data) == ("disk", {})
    monkeypatch.setattr(apart, "_limit", lambda: None)  # of its own process
    assert apart.main(str(FILES / "keras.keras"), str(tmp_path / "gone" / "out")) == apart._NO_PLACE
