"""No file breaks a page: whatever it holds, it is taken, or refused for a reason, fast, in little memory."""

import ast
import io
import json
import os
import pickle
import resource
import time
import tracemalloc
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from explorer import Experiment
from explorer.architectures.listing import execute
from explorer.limits import MAX_HEADER, MAX_UPLOAD_MODEL, MAX_UPLOAD_TEXT
from explorer.text import Refused, clean, decode
from explorer.training.store import load_bundle, save_model, state_bytes
from tests.helpers import word_model
from tests.hostile.strings import HOSTILE

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SECONDS, MEGABYTES = 0.5, 50
WORDS = ("<unk>", "그", "말이", "맞아")
MODEL = word_model("gru", WORDS, H=4)
GOOD = save_model(None, MODEL, Experiment(cell="gru", hidden=4, text="그 말이"), step=8)
START = 8 + int.from_bytes(GOOD[:8], "little")
DATA = GOOD[START:]

Header = dict[str, dict]


def packed(header: object, data: bytes = DATA) -> bytes:
    """Returns a file with a header, given as what JSON holds, as text or as bytes."""
    text = header if isinstance(header, str | bytes) else json.dumps(header, ensure_ascii=False)
    raw = text if isinstance(text, bytes) else text.encode()
    return len(raw).to_bytes(8, "little") + raw + data


def changed(change: Callable[[Header], object], data: bytes = DATA) -> bytes:
    """Returns a good file whose header was changed."""
    header = json.loads(GOOD[8:START])
    change(header)
    return packed(header, data)


def with_metadata(**values: object) -> bytes:
    """Returns a good file with other metadata: text as it is, all else as JSON, None left out."""
    texts = {n: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for n, v in values.items()}

    def change(header: Header) -> None:
        header["__metadata__"] |= texts
        for name in [name for name, value in values.items() if value is None]:
            del header["__metadata__"][name]

    return changed(change)


def with_tensor(**entry: object) -> bytes:
    """Returns a good file whose last tensor in the data has other entries in the header."""
    return changed(lambda header: last(header).update(entry))


def last(header: Header) -> dict:
    return max((e for n, e in header.items() if n != "__metadata__"), key=lambda e: e["data_offsets"][1])


def sizes(**other: object) -> dict[str, object]:
    return {"input": 8, "hidden": 4, "output": 4, "layers": 1, "directions": 1} | other


def vocabulary(*tokens: object) -> bytes:
    """Returns a good file with another vocabulary of four tokens."""
    return with_metadata(vocabulary=[*tokens, *WORDS][:4])


def rename(header: Header, name: str) -> None:
    header[name] = header.pop("readout.bias")


def add_empty(header: Header, name: str) -> None:
    end = len(DATA)
    header[name] = {"dtype": "F32", "shape": [0], "data_offsets": [end, end]}


def empty_tensors(count: int) -> bytes:
    """Returns a file of nothing but empty tensors: 900,000 of them took 15 s and 1.1 GB to read."""
    entry = '":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    return packed("{" + ",".join(f'"{k:06d}{entry}' for k in range(count)) + "}", b"")


CAUGHT = Path(f"/tmp/rnn-explorer-{os.getpid()}-was-caught")
OWN = {*MODEL.state_dict(), "rnn.weight_ih_l1", "sizes", "vocabulary", "symbols", "step", "experiment"}


class Trap:
    """A pickle of this makes a file when it is loaded."""

    def __reduce__(self):
        return Path.touch, (CAUGHT,)


def saved_by_torch(legacy: bool) -> bytes:
    memory = io.BytesIO()
    state = {"weights": MODEL.state_dict(), "trap": Trap()}
    torch.save(state, memory, _use_new_zipfile_serialization=not legacy)
    return memory.getvalue()


def zipped() -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("../../bomb", b"\0" * 10_000_000)
    return memory.getvalue()


def arrays() -> bytes:
    memory = io.BytesIO()
    np.savez(memory, a=np.zeros(3))
    return memory.getvalue()


LSTM = nn.LSTM(3, 4).state_dict()
OFFSETS = [0, len(DATA)]
DEEP = "[" * 30_000

# name: (the file, the reason's key, what the values say of it)
FILES: dict[str, tuple[Callable[[], bytes], str, dict]] = {
    # not such a file at all
    "empty": (lambda: b"", "file_empty", {}),
    "a byte": (lambda: b"{", "not_safetensors", {}),
    "text": (lambda: b"It was a bright cold day in April.", "not_safetensors", {}),
    "text in cp949": (lambda: "그의 말이 맞아".encode("cp949"), "not_safetensors", {}),
    "text in UTF-16": (lambda: "그의 말이 맞아".encode("utf-16"), "not_safetensors", {}),
    "JSON": (lambda: b'{"__metadata__":{"format":"rnn-explorer 1"}}', "not_safetensors", {}),
    "a web page": (lambda: b"<!DOCTYPE html><script>alert(1)</script>", "not_safetensors", {}),
    "noise": (lambda: np.random.default_rng(0).bytes(100_000), "not_safetensors", {}),
    "zeros": (lambda: bytes(100_000), "not_safetensors", {}),
    "a program": (lambda: b"\x7fELF\x02\x01\x01" + bytes(100), "not_safetensors", {}),
    "a .pt file": (lambda: saved_by_torch(False), "pt_file", {}),
    "an old .pt file": (lambda: saved_by_torch(True), "pt_file", {}),
    "a zip file": (zipped, "pt_file", {}),
    "an empty zip file": (lambda: b"PK\x05\x06" + bytes(18), "pt_file", {}),
    "NumPy arrays": (arrays, "pt_file", {}),
    **{
        f"a pickle of protocol {k}": (lambda k=k: pickle.dumps(Trap(), k), "pt_file", {}) for k in range(2, 6)
    },
    "a pickle as text": (lambda: pickle.dumps(Trap(), 0), "not_safetensors", {}),
    "a tiny pickle": (lambda: pickle.dumps(None), "pt_file", {}),
    # too much
    "5 MB": (lambda: GOOD + bytes(5 * 2**20), "file_large", {"limit": 4}),
    "a byte too much": (lambda: bytes(MAX_UPLOAD_MODEL + 1), "file_large", {"size": 4.1, "limit": 4}),
    "900,000 empty tensors": (lambda: empty_tensors(900_000), "file_large", {"limit": 4}),
    "60,000 empty tensors": (lambda: empty_tensors(60_000), "header_large", {"limit": 64}),
    "1,000 empty tensors": (lambda: empty_tensors(1_000), "other_model", {}),
    "a long header": (lambda: packed("{" + " " * MAX_HEADER + "}"), "header_large", {"limit": 64}),
    "a length of 2^63": (lambda: (2**63).to_bytes(8, "little") + b"{}", "header_large", {}),
    # cut off, or lying about lengths
    "only a length": (lambda: GOOD[:8], "file_truncated", {}),
    "half a header": (lambda: GOOD[:100], "file_truncated", {}),
    "no data": (lambda: GOOD[:START], "file_truncated", {}),
    "a byte missing": (lambda: GOOD[:-1], "file_truncated", {}),
    "a byte more": (lambda: GOOD + b"\0", "file_damaged", {}),
    "a program after the data": (lambda: GOOD + zipped(), "file_damaged", {}),
    "a header one shorter": (lambda: (START - 9).to_bytes(8, "little") + GOOD[8:], "file_damaged", {}),
    "a header one longer": (lambda: (START - 7).to_bytes(8, "little") + GOOD[8:], "file_damaged", {}),
    "a header of nothing": (lambda: packed(""), "not_safetensors", {}),
    # a header that is no such JSON
    "a list": (lambda: packed("[]"), "not_safetensors", {}),
    "a space first": (lambda: packed(b" " + GOOD[8:START]), "not_safetensors", {}),
    "a comma too much": (lambda: packed("{,}"), "file_damaged", {}),
    "two headers": (lambda: packed("{}{}"), "file_damaged", {}),
    "deep": (lambda: packed('{"a":' + DEEP), "file_damaged", {}),
    "deep and closed": (
        lambda: packed('{"a":' + "[" * 20_000 + "]" * 20_000 + "}"),
        "file_damaged",
        {},
    ),
    "half a character": (lambda: packed(b'{"\xed\xa0\x80":1}'), "file_damaged", {}),
    "UTF-16 inside": (lambda: packed("{}".encode("utf-16-le")), "file_damaged", {}),
    "a number of 5,000 digits": (lambda: packed('{"a":' + "9" * 5_000 + "}"), "file_damaged", {}),
    "metadata twice": (lambda: packed('{"__metadata__":{},"__metadata__":{}}'), "file_damaged", {}),
    "a tensor twice": (
        lambda: packed(GOOD[8:START].replace(b'"readout.bias"', b'"readout.weight"')),
        "file_damaged",
        {},
    ),
    "a key twice": (
        lambda: packed(GOOD[8:START].replace(b'"dtype":"F32"', b'"dtype":"F32","dtype":"F32"', 1)),
        "file_damaged",
        {},
    ),
    "metadata that are a list": (lambda: changed(lambda h: h.update(__metadata__=[])), "file_damaged", {}),
    "metadata of numbers": (
        lambda: changed(lambda h: h["__metadata__"].update(step=1)),
        "file_damaged",
        {},
    ),
    "a tensor that is a number": (lambda: changed(lambda h: h.update(a=1)), "file_damaged", {}),
    "a tensor without a shape": (lambda: changed(lambda h: last(h).pop("shape")), "file_damaged", {}),
    "a tensor with more": (lambda: with_tensor(file="/etc/passwd"), "file_damaged", {}),
    "a shape of fractions": (lambda: with_tensor(shape=[8.0, 12.0]), "file_damaged", {}),
    "weights of NaN": (lambda: GOOD[:-4] + np.float32("nan").tobytes(), "tensor_nonfinite", {}),
    "weights of Inf": (lambda: GOOD[:-4] + np.float32("-inf").tobytes(), "tensor_nonfinite", {}),
    "a shape of NaN": (lambda: with_tensor(shape=[float("nan")]), "file_damaged", {}),
    "a shape of truths": (lambda: with_tensor(shape=[True, True]), "file_damaged", {}),
    "a negative shape": (lambda: with_tensor(shape=[-12, -8]), "file_damaged", {}),
    "a shape in words": (lambda: with_tensor(shape="12,8"), "file_damaged", {}),
    "a dtype that is none": (lambda: with_tensor(dtype=None), "file_damaged", {}),
    # places in the data
    "negative places": (lambda: with_tensor(data_offsets=[-384, 0]), "file_damaged", {}),
    "places the wrong way": (lambda: with_tensor(data_offsets=OFFSETS[::-1]), "file_damaged", {}),
    "overlapping places": (lambda: with_tensor(data_offsets=OFFSETS), "file_damaged", {}),
    "three places": (lambda: with_tensor(data_offsets=[0, 1, 2]), "file_damaged", {}),
    "a hole": (
        lambda: changed(lambda h: last(h).update(data_offsets=[n + 8 for n in last(h)["data_offsets"]])),
        "file_damaged",
        {},
    ),
    "past the end": (
        lambda: changed(lambda h: last(h)["data_offsets"].__setitem__(1, 2**63)),
        "file_truncated",
        {},
    ),
    "data that are no tensor's": (lambda: changed(lambda h: h.pop(list(h)[-1])), "file_damaged", {}),
    # tensors that are not the model's
    "another dtype": (lambda: with_tensor(dtype="I32"), "tensor_dtype", {"name": "rnn.weight_ih_l0"}),
    "halves": (lambda: with_tensor(dtype="F16"), "tensor_dtype", {"name": "rnn.weight_ih_l0"}),
    "a dtype made up": (lambda: with_tensor(dtype="<b>"), "tensor_dtype", {"name": "rnn.weight_ih_l0"}),
    "doubles with the bytes of floats": (lambda: with_tensor(dtype="F64"), "file_damaged", {}),
    "a turned shape": (lambda: with_tensor(shape=[8, 12]), "tensor_shape", {"expected": "12×8"}),
    "a flat shape": (lambda: with_tensor(shape=[96]), "tensor_shape", {"expected": "12×8"}),
    "a shape whose product overflows": (
        lambda: with_tensor(shape=[2**32, 2**32]),
        "tensor_shape",
        {"expected": "12×8"},
    ),
    "30,000 dimensions": (lambda: with_tensor(shape=[1] * 20_000), "tensor_shape", {"expected": "12×8"}),
    "a tensor too much": (
        lambda: changed(lambda h: add_empty(h, "rnn.weight_hh_l1")),
        "tensor_extra",
        {"count": 1},
    ),
    "a path as a name": (
        lambda: changed(lambda h: add_empty(h, "../../etc/passwd")),
        "tensor_extra",
        {"count": 1},
    ),
    "an attribute as a name": (
        lambda: changed(lambda h: rename(h, "__class__.__init__")),
        "tensor_missing",
        {"name": "readout.bias", "count": 1},
    ),
    "only metadata": (
        lambda: packed({"__metadata__": json.loads(GOOD[8:START])["__metadata__"]}, b""),
        "bad_metadata",
        {"field": "sizes"},
    ),
    # metadata
    "PyTorch's own weights": (lambda: safetensors.torch.save(LSTM), "no_metadata", {}),
    "PyTorch's own weights in a module": (
        lambda: safetensors.torch.save({f"encoder.rnn.{n}": v for n, v in LSTM.items()}, {"format": "pt"}),
        "no_metadata",
        {},
    ),
    "our own snapshot": (lambda: state_bytes(MODEL.state_dict()), "no_metadata", {}),
    "a transformer": (lambda: safetensors.torch.save({"wte.weight": torch.ones(2)}), "other_model", {}),
    "nothing in it": (lambda: packed("{}", b""), "other_model", {}),
    "a later format": (lambda: with_metadata(format="rnn-explorer 2"), "file_version", {}),
    "an unknown cell": (lambda: with_metadata(cell="transformer"), "unknown_cell", {}),
    "no cell": (lambda: with_metadata(cell=None), "unknown_cell", {}),
    "an attribute as a cell": (lambda: with_metadata(cell="__class__"), "unknown_cell", {}),
    "another cell": (lambda: with_metadata(cell="lstm"), "tensor_shape", {"expected": "16×8"}),
    "a smaller cell": (lambda: with_metadata(cell="rnn"), "tensor_shape", {"name": "rnn.weight_ih_l0"}),
    "no sizes": (lambda: with_metadata(sizes=None), "bad_metadata", {"field": "sizes"}),
    "sizes of NaN": (lambda: with_metadata(sizes=sizes(hidden=float("nan"))), "bad_metadata", {}),
    "infinite sizes": (lambda: with_metadata(sizes=sizes(hidden=float("inf"))), "bad_metadata", {}),
    "sizes of fractions": (lambda: with_metadata(sizes=sizes(hidden=4.0)), "bad_metadata", {}),
    "a size of none": (lambda: with_metadata(sizes=sizes(hidden=0)), "bad_metadata", {}),
    "a size below none": (lambda: with_metadata(sizes=sizes(input=-8)), "bad_metadata", {}),
    "a size too many": (lambda: with_metadata(sizes=sizes(dropout=1)), "bad_metadata", {}),
    "sizes that are a list": (lambda: with_metadata(sizes=[8, 4, 4, 1, 1]), "bad_metadata", {}),
    "sizes that are deep": (lambda: with_metadata(sizes=DEEP), "bad_metadata", {"field": "sizes"}),
    "sizes that are code": (lambda: with_metadata(sizes="__import__('os').abort()"), "bad_metadata", {}),
    "a giant layer": (lambda: with_metadata(sizes=sizes(hidden=10**9)), "hidden_large", {"limit": 512}),
    "a giant of 4,000 digits": (lambda: with_metadata(sizes=sizes(hidden=10**4_000)), "hidden_large", {}),
    "a billion layers": (lambda: with_metadata(sizes=sizes(layers=10**9)), "layers_large", {"limit": 4}),
    "a layer that takes 160 MB": (
        lambda: with_metadata(sizes=sizes(hidden=512, input=20_000)),
        "bad_metadata",
        {"field": "sizes"},
    ),
    "20,000 outputs": (lambda: with_metadata(sizes=sizes(output=20_000)), "bad_metadata", {}),
    "three directions": (lambda: with_metadata(sizes=sizes(directions=3)), "bad_metadata", {}),
    "another layer": (lambda: with_metadata(sizes=sizes(layers=2)), "tensor_missing", {"count": 4}),
    "another hidden size": (lambda: with_metadata(sizes=sizes(hidden=5)), "tensor_shape", {}),
    "no vocabulary": (lambda: with_metadata(vocabulary=None), "tensor_extra", {"count": 1}),
    "an empty vocabulary": (
        lambda: with_metadata(vocabulary=[]),
        "bad_metadata",
        {"field": "vocabulary"},
    ),
    "a vocabulary of one text": (lambda: with_metadata(vocabulary='"abcd"'), "bad_metadata", {}),
    "a vocabulary of numbers": (lambda: with_metadata(vocabulary=[1, 2, 3, 4]), "bad_metadata", {}),
    "a vocabulary too short": (
        lambda: with_metadata(vocabulary=["a", "b"]),
        "bad_metadata",
        {"field": "sizes"},
    ),
    "21,000 empty tokens": (
        lambda: with_metadata(vocabulary="[" + ",".join(["0"] * 21_000) + "]"),
        "bad_metadata",
        {"field": "vocabulary"},
    ),
    "a token twice": (lambda: vocabulary("a", "a"), "token_twice", {"position": 2}),
    "an empty token": (lambda: vocabulary("a", "b", ""), "token_unclean", {"position": 3}),
    "a long token": (lambda: vocabulary("a" * 65), "token_long", {"position": 1, "limit": 64}),
    "a decomposed vocabulary": (
        lambda: vocabulary(unicodedata.normalize("NFD", "한국어")),
        "token_unclean",
        {"position": 1},
    ),
    "a token that turns the text": (lambda: vocabulary("a\u202eb"), "token_unclean", {}),
    "a token that nobody sees": (lambda: vocabulary("\u200b"), "token_unclean", {}),
    "a token of two lines": (lambda: vocabulary("a\nb"), "token_unclean", {}),
    "a token of half a character": (
        lambda: with_metadata(vocabulary='["\\ud800","a","b","c"]'),
        "token_unclean",
        {"position": 1},
    ),
    "symbols for other inputs": (lambda: with_metadata(symbols=["a"]), "bad_metadata", {"field": "symbols"}),
    "a symbol with a control": (lambda: with_metadata(symbols=["a\x07"]), "token_unclean", {}),
    "no step": (lambda: with_metadata(step=None), "bad_metadata", {"field": "step"}),
    "a step back": (lambda: with_metadata(step="-1"), "bad_metadata", {"field": "step"}),
    "a step of NaN": (lambda: with_metadata(step="NaN"), "bad_metadata", {"field": "step"}),
    "a step in other digits": (lambda: with_metadata(step="٣"), "bad_metadata", {"field": "step"}),
    "a giant step": (lambda: with_metadata(step="9" * 4_000), "bad_metadata", {"field": "step"}),
    "no experiment": (lambda: with_metadata(experiment=None), "bad_metadata", {"field": "experiment"}),
    "a list for an experiment": (lambda: with_metadata(experiment=[]), "bad_metadata", {}),
    "an experiment of numbers": (lambda: with_metadata(experiment={"seed": 1}), "bad_metadata", {}),
    "an experiment set twice": (
        lambda: with_metadata(experiment='{"seed":"1","seed":"2"}'),
        "bad_metadata",
        {"field": "experiment"},
    ),
}


def peak_memory() -> int:
    """The most memory that this process ever had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def refused(source: Path | bytes) -> Refused:
    """Returns why a file is refused, and checks what that took: its own time, whoever else is busy."""
    before, started = peak_memory(), time.process_time()
    with pytest.raises(Refused) as caught:
        load_bundle(source)
    assert time.process_time() - started <= SECONDS
    assert peak_memory() - before <= MEGABYTES * 2**20
    return caught.value


def test_there_are_a_hundred_files():
    assert len(FILES) >= 100


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_is_refused_with_its_reason_fast_and_in_little_memory(name, tmp_path):
    build, sentence, values = FILES[name]
    raw, path = build(), tmp_path / "upload.safetensors"
    path.write_bytes(raw)
    for source in (raw, path):
        reason = refused(source)
        assert reason.sentence == sentence
        assert reason.values.items() >= values.items()
        for value in reason.values.values():  # nothing of the file but numbers
            assert isinstance(value, int | float) or value in OWN or value.replace("×", "").isdigit()
    assert not CAUGHT.exists()
    tracemalloc.start()
    with pytest.raises(Refused):
        load_bundle(path)
    assert tracemalloc.get_traced_memory()[1] <= MEGABYTES * 2**20
    tracemalloc.stop()


def test_the_good_file_is_good():
    found = load_bundle(GOOD)
    assert found.model.vocabulary == WORDS
    assert found.experiment == Experiment(cell="gru", hidden=4, text="그 말이")


def test_a_file_of_doubles_is_read_in_float32():
    header = json.loads(GOOD[8:START])
    doubles = {n: v.double() for n, v in MODEL.state_dict().items()}
    found = load_bundle(safetensors.torch.save(doubles, header["__metadata__"]))
    for name, value in found.model.state_dict().items():
        assert torch.equal(value, MODEL.state_dict()[name])


def test_tensors_in_another_order_and_other_tools_metadata_are_no_reason():
    header = json.loads(GOOD[8:START])
    header = dict(reversed(header.items()))
    header["__metadata__"]["author"] = "<b>me</b>"
    found = load_bundle(packed(json.dumps(header) + "   "))
    assert found.experiment == load_bundle(GOOD).experiment


def test_what_an_experiment_does_not_know_is_ignored_and_said():
    given = {"seed": "7", "hidden": "9e9", "é\u202e": "\ud800<b>" + "x" * 99, "cell": "rnn"}
    found = load_bundle(with_metadata(experiment=json.dumps(given)))
    assert found.experiment == Experiment(cell="gru", hidden=4, seed=7)
    assert [r.name for r in found.ignored] == ["hidden", "é"]
    assert found.ignored[1].raw.startswith("<b>xx") and len(found.ignored[1].raw) == 24


def test_thousands_of_unknown_choices_are_not_said_one_by_one():
    assert len(load_bundle(with_metadata(experiment={f"{k}": "" for k in range(3_000)})).ignored) == 8


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_in_a_file_is_taken_as_it_is_or_refused(name):
    text = json.loads(json.dumps(HOSTILE[name]))  # which puts a surrogate pair together
    raw = with_metadata(vocabulary=json.dumps([text, "b", "c", "d"]))
    try:
        found = load_bundle(raw).model.vocabulary
        assert found == (text, "b", "c", "d")
        assert clean(f".{found[0]}.") == f".{found[0]}."
    except Refused as error:
        assert error.sentence in ("token_unclean", "token_long", "header_large")
    if len(text) < 9_000:
        found = load_bundle(with_metadata(experiment=json.dumps({"text": text})))
        assert found.experiment.text == clean(text)


def test_the_slowest_text_to_clean_is_read_in_a_second():
    text = "a" + "\u0301" * 10_000 + "\u0316" * 10_000
    started = time.process_time()
    load_bundle(with_metadata(experiment={"text": text}))
    assert time.process_time() - started < 2.0


def taken_or_refused(raw: bytes) -> None:
    """Checks that a file gives a model or a reason, never another exception."""
    try:
        found = load_bundle(raw)
    except Refused as error:
        assert error.sentence
    else:
        assert found.model.vocabulary is None or len(found.model.vocabulary) == 4


@pytest.mark.parametrize("length", range(0, len(GOOD), 23))
def test_a_file_cut_anywhere_is_refused(length):
    with pytest.raises(Refused):
        load_bundle(GOOD[:length])


@settings(max_examples=400)
@given(st.integers(0, START + 40), st.binary(min_size=1, max_size=6))
def test_a_file_with_other_bytes_somewhere_is_taken_or_refused(place, other):
    taken_or_refused(GOOD[:place] + other + GOOD[place + len(other) :])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
PLACES = st.sampled_from(["cell", "sizes", "vocabulary", "symbols", "step", "experiment", "format"])


@settings(max_examples=300)
@given(st.dictionaries(PLACES, JSON, min_size=1, max_size=3))
def test_any_json_in_the_metadata_is_taken_or_refused(values):
    texts = {name: json.dumps(value) for name, value in values.items()}
    taken_or_refused(changed(lambda header: header["__metadata__"].update(texts)))


@settings(max_examples=300)
@given(st.sampled_from(["dtype", "shape", "data_offsets", "more"]), JSON)
def test_any_json_in_a_tensor_s_entry_is_taken_or_refused(key, value):
    raw = json.dumps(json.loads(GOOD[8:START]) | {"readout.bias": {key: value}})
    taken_or_refused(packed(raw))
    taken_or_refused(packed(json.dumps(with_entry(key, value))))


def with_entry(key: str, value: object) -> Header:
    header = json.loads(GOOD[8:START])
    last(header)[key] = value
    return header


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused(raw):
    with pytest.raises(Refused):
        load_bundle(raw)


# uploaded texts


SENTENCE = "그의 말이 맞아. 똠방각하 펲시콜라"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
def test_a_text_is_read_in_the_encodings_that_korean_files_have(encoding):
    assert decode(SENTENCE.encode(encoding)) == SENTENCE


def test_an_empty_text_is_a_text():
    assert decode(b"") == ""


def test_a_text_may_be_as_long_as_the_limit():
    assert len(decode(b"a" * MAX_UPLOAD_TEXT)) == MAX_UPLOAD_TEXT
    with pytest.raises(Refused) as caught:
        decode(b"a" * (MAX_UPLOAD_TEXT + 1))
    assert (caught.value.sentence, caught.value.values) == ("text_large", {"size": 1025, "limit": 1024})


NO_TEXTS = {
    "UTF-16": SENTENCE.encode("utf-16"),
    "UTF-16 without a mark": "abc".encode("utf-16-le"),
    "UTF-32": SENTENCE.encode("utf-32"),
    "half a character": SENTENCE.encode()[:-1],
    "a surrogate": b"\xed\xa0\x80",
    "a picture": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "a model": GOOD,
    "a .pt file": saved_by_torch(False),
    "a text with a NUL": b"a\0b",
    "noise": np.random.default_rng(0).bytes(1_000),
}


@pytest.mark.parametrize("name", NO_TEXTS)
def test_what_is_no_text_is_refused(name):
    with pytest.raises(Refused) as caught:
        decode(NO_TEXTS[name])
    assert (caught.value.sentence, caught.value.values) == ("text_encoding", {})


@settings(max_examples=200)
@given(st.binary(max_size=100) | st.text(max_size=50).map(lambda s: s.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_text_that_can_be_cleaned_or_refused(raw):
    try:
        clean(decode(raw)).encode()
    except Refused as error:
        assert error.sentence == "text_encoding"


# the code


FORBIDDEN_MODULES = {"pickle", "cloudpickle", "dill", "shelve", "marshal", "joblib"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
COMPILING = {
    "explorer/architectures/listing.py": ["exec", "compile", "__import__"],
    "explorer/cells/compile.py": ["exec", "compile"],
}
"""The modules that run source: listings that a page shows, and the cells' own equations."""

SOURCES = [*(REPOSITORY / "explorer").rglob("*.py"), *(REPOSITORY / "pages").rglob("*.py")]
SOURCES += [REPOSITORY / "app.py", REPOSITORY / "main.py"]


def what_runs_files(tree: ast.AST) -> list[str]:
    """Returns what in a module could run what a file holds."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.split(".")[0] in FORBIDDEN_MODULES]
        elif isinstance(node, ast.ImportFrom):
            found += [node.module] if (node.module or "").split(".")[0] in FORBIDDEN_MODULES else []
            found += [a.name for a in node.names if node.module == "torch" and a.name == "load"]
        elif isinstance(node, ast.Name) and node.id in FORBIDDEN_CALLS:
            found.append(node.id)
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in ("torch.load", "torch.jit.load"):
            found.append(ast.unparse(node))
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            found.append("allow_pickle")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_no_module_of_the_app_runs_what_a_file_holds(path):
    found = what_runs_files(ast.parse(path.read_text(encoding="utf-8")))
    own = COMPILING.get(path.relative_to(REPOSITORY).as_posix(), [])
    assert sorted(found) == sorted(own), path


def test_only_three_modules_run_listings_and_what_reaches_further_is_refused():
    using = [
        p.name for p in SOURCES if "explorer.architectures.listing import" in p.read_text(encoding="utf-8")
    ]
    assert sorted(using) == ["packing.py", "shapes.py", "states.py"]
    for code in (
        "import os",
        "from pathlib import Path",
        "import torch\ntorch.load('x')",
        "().__class__",
        "open('x')",
        "import torch\ntorch.__builtins__",
    ):
        with pytest.raises(ValueError):
            execute(code)


def test_what_would_run_files_is_seen():
    code = "import pickle\nfrom torch import load\ntorch.load(f)\neval('1')\nnp.load(f, allow_pickle=True)"
    assert len(what_runs_files(ast.parse(code))) == 5


def test_the_cells_compile_what_their_own_equations_say_and_nothing_that_was_given():
    using = {p.name for p in SOURCES if "explorer.cells.compile import" in p.read_text(encoding="utf-8")}
    assert using == {"build.py"}
    building = {
        p.parent.name for p in SOURCES if "explorer.cells.build import" in p.read_text(encoding="utf-8")
    }
    assert building == {"cells"}
