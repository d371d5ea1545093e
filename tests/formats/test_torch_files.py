"""PyTorch's files, safetensors and .npz: nothing in them runs, and all of them give the modules' outputs."""

import collections
import io
import json
import os
import pickle
import subprocess
import sys
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn
from torch.nn.utils import prune

from explorer import inspect_file, load_weights, trace
from explorer.formats.layers import Layers
from explorer.i18n import Refused
from tests.helpers import largest

X = torch.randn(6, 2, 3, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.embedding, self.encoder = nn.Embedding(5, 3), nn.ModuleDict({"rnn": layer})
        self.head = nn.Linear(4, 2)


def made(make=nn.LSTM, **options) -> nn.Module:
    torch.manual_seed(1)
    return make(3, 4, **options)


def saved(value, **options) -> bytes:
    memory = io.BytesIO()
    torch.save(value, memory, **options)
    return memory.getvalue()


OLD = {"_use_new_zipfile_serialization": False}


def agrees(layers: Layers, module: nn.Module, bound: float = 1e-6) -> None:
    with torch.no_grad():
        output, _ = module(X.to(next(module.parameters()).dtype))
    assert largest(trace(layers, X).output, output.float()) <= bound


@pytest.mark.parametrize("options", [{}, OLD])
@pytest.mark.parametrize("make", [nn.LSTM, nn.GRU, nn.RNN])
def test_state_dicts_whole_modules_and_checkpoints_are_read_by_any_prefix(make, options):
    module = made(make, num_layers=2, bidirectional=True)
    net = Net(module).eval()
    checkpoint = {
        "epoch": 3,
        "state_dict": {f"model.{k}": v for k, v in net.state_dict().items()},
        "hyper_parameters": collections.defaultdict(list, {"path": Path("/x"), "lr": 0.1}),
        "optimizer_states": [torch.optim.Adam(net.parameters()).state_dict()],
    }
    for value in (module.state_dict(), net.state_dict(), net, checkpoint):
        layers = load_weights(saved(value, **options))
        assert (layers.num_layers, layers.directions, layers.hidden_size) == (2, 2, 4)
        agrees(layers, module)
        for name, array in layers.state_dict().items():
            assert largest(array, module.state_dict()[name]) == 0.0
    found = inspect_file(saved(checkpoint, **options))
    assert [u.name for u in found.layers] == ["encoder.rnn"]
    assert found.other["state_dict.model.head.weight"] == (2, 4)


def test_several_networks_are_asked_for_by_name():
    data = saved(
        {"a.low": 1, **{f"{n}.rnn.{k}": v for n in ("enc", "dec") for k, v in made().state_dict().items()}}
    )
    with pytest.raises(Refused, match=r"holds 2 recurrent networks: enc\.rnn, dec\.rnn\. Say which"):
        load_weights(data)
    assert load_weights(data, "enc.rnn").name == "enc.rnn"
    with pytest.raises(Refused, match=r"no recurrent layer of that name\. It has: enc\.rnn, dec\.rnn"):
        load_weights(data, "rnn")


def normed(module):
    return nn.utils.parametrizations.weight_norm(module, "weight_hh_l0")


def old_normed(module):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.utils.weight_norm(module, "weight_hh_l0")


@pytest.mark.parametrize(
    "change",
    [normed, old_normed, lambda m: prune.l1_unstructured(m, "weight_hh_l0", 0.5), lambda m: m.double(),
     lambda m: m.bfloat16(), lambda m: m.half()],
    ids=["norm", "old norm", "pruned", "double", "bfloat16", "half"],
)  # fmt: skip
def test_weights_are_those_that_the_module_runs_with(change):
    module = change(made(nn.GRU))
    for name, value in module.state_dict().items():
        if name.endswith(("_g", "original0")):
            value.mul_(1.7)  # else it is the norm, and a wrong formula is right
    half = module.weight_ih_l0.dtype in (torch.float16, torch.bfloat16)
    for data in (saved(module.state_dict()), safetensors.torch.save(dict(module.state_dict()))):
        agrees(load_weights(data), module, 0.05 if half else 1e-6)


@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_an_lstm_with_a_projection_and_tensors_that_share_a_storage():
    module = made(proj_size=2)
    big = torch.randn(40, 8)
    shared = dict(made(nn.GRU).state_dict())
    big[::2, 1:4][:12].copy_(shared["weight_ih_l0"])
    shared["weight_ih_l0"] = big[::2, 1:4][:12]
    agrees(load_weights(saved(module.state_dict())), module)
    agrees(load_weights(saved(shared)), made(nn.GRU))
    agrees(
        load_weights(saved(module.state_dict())).module().eval() and load_weights(saved(module.state_dict())),
        module,
    )


@pytest.mark.parametrize(
    "options", [{"num_layers": 2}, {"bidirectional": True}, {"bias": False}, {"proj_size": 2}]
)
def test_layers_become_a_module_again(options):
    module = made(**options)
    again = load_weights(saved(module.state_dict())).module()
    with torch.no_grad():
        assert largest(again(X)[0], module(X)[0]) <= 1e-6


@pytest.mark.filterwarnings("ignore")
def test_a_scripted_module_is_read():
    module, memory = made(), io.BytesIO()
    torch.jit.save(torch.jit.script(Net(module).encoder["rnn"]), memory)
    agrees(load_weights(memory.getvalue()), module)


def test_names_of_cells_and_short_names_are_read(tmp_path):
    module, cell = made(), made(nn.LSTMCell)
    with torch.no_grad():
        for name, value in cell.state_dict().items():
            value.copy_(module.state_dict()[f"{name}_l0"])
    agrees(
        load_weights(safetensors.torch.save({f"lstm_cell.{k}": v for k, v in cell.state_dict().items()})),
        module,
    )
    gru = made(nn.GRU)
    short = {
        f"enc_{k.replace('weight', 'w').replace('bias', 'b')[:-3]}": v.numpy()
        for k, v in gru.state_dict().items()
    }
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "g.npz", emb=np.ones((2, 3)), **short)
        layers = load_weights(tmp_path / "g.npz")
        agrees(layers, gru)
        assert layers.name == "enc" and inspect_file(tmp_path / "g.npz").other == {"emb": (2, 3)}


def test_weights_that_are_not_finite_or_not_floating_are_refused_by_name():
    table = made().state_dict()
    table["weight_hh_l0"][3, 2] = float("nan")
    for data in (saved(table), saved(table, **OLD), safetensors.torch.save(dict(table))):
        with pytest.raises(Refused, match=r"^The weights weight_hh_l0 hold NaN or Inf\.$"):
            load_weights(data)
    with pytest.raises(Refused, match="not floating-point"):
        load_weights(saved({k: v.long() for k, v in made().state_dict().items()}))
    with pytest.raises(Refused, match="should be 16"):
        load_weights(saved(made().state_dict() | {"bias_hh_l0": torch.zeros(15)}))


# Hostile


CAUGHT = Path(f"/tmp/rnn-explorer-{os.getpid()}-pt-was-caught")


class Trap:
    """A pickle of this makes a file when it is loaded."""

    def __reduce__(self):
        return Path.touch, (CAUGHT,)


def rezipped(data: bytes, change, **options) -> bytes:
    """Returns a .pt whose entries were changed: change(name, data) -> data."""
    memory = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(memory, "w", **options) as new:
        for info in old.infolist():
            new.writestr(info.filename, change(info.filename, old.read(info)))
    return memory.getvalue()


GOOD = saved(made(nn.GRU).state_dict())


def with_pickle(made_of: bytes) -> bytes:
    return rezipped(GOOD, lambda name, data: made_of if name.endswith("data.pkl") else data)


def nested(levels: int) -> bytes:
    """A list that holds the one before it ten times, and so on: 10^levels tensors from a few bytes."""
    parts = b"".join(
        b"](" + b"h" + bytes([k]) + b"h" + bytes([k]) + b"eq" + bytes([k + 1]) for k in range(levels)
    )
    return b"\x80\x02]q\x00" + parts + b"."


def edited(old: bytes, new: bytes) -> bytes:
    found = rezipped(GOOD, lambda name, data: data.replace(old, new) if name.endswith("data.pkl") else data)
    assert found != rezipped(GOOD, lambda name, data: data)
    return found


HOSTILE = {
    "a storage that is not there": edited(b"X\x01\x00\x00\x000", b"X\x01\x00\x00\x009"),
    "a size past the storage": edited(b"K\x0cK\x03\x86", b"K\x0dK\x03\x86"),
    "a stride past the storage": edited(b"K\x03K\x01\x86", b"K\xffK\x01\x86"),
    "one number many times": edited(b"K\x0cK\x03\x86", b"K\x0cM\xff\xff\x86"),
    "packed": rezipped(GOOD, lambda name, data: data, compression=zipfile.ZIP_DEFLATED),
    "short storages": rezipped(GOOD, lambda name, data: data[:8] if "/data/" in name else data),
    "half a file": GOOD[: len(GOOD) // 2],
    "no stop": with_pickle(b"\x80\x02}q\x00"),
    "an empty stack": with_pickle(b"\x80\x02."),
    "an extension": with_pickle(b"\x80\x02\x82\x01."),
    "buffers outside": with_pickle(b"\x80\x05\x97."),
    "itself in itself": with_pickle(b"\x80\x02]q\x00h\x00a."),
    "layers of lists": with_pickle(nested(40)),
    "garbage": with_pickle(bytes(range(256)) * 4),
    "a long number": with_pickle(b"L" + b"9" * 100_000 + b"L\n."),
    "old, cut": saved(made().state_dict(), **OLD)[:400],
    "old, a count of storages past the file": saved(made().state_dict(), **OLD)[:-900],
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_in_a_sentence_in_little_memory(name):
    tracemalloc.start()
    try:
        with pytest.raises(Refused) as refused:
            load_weights(HOSTILE[name])
        assert tracemalloc.get_traced_memory()[1] <= 200 * 2**20
    finally:
        tracemalloc.stop()
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize("options", [{}, OLD])
def test_what_a_pickle_would_run_stays_inert_and_the_weights_are_read(options):
    module = made()
    value = {"trap": Trap(), "weights": module.state_dict(), "system": collections.Counter(a=1)}
    agrees(load_weights(saved(value, **options)), module)
    assert not CAUGHT.exists()
    pickle.loads(pickle.dumps(Trap()))  # it would have
    assert CAUGHT.exists()
    CAUGHT.unlink()


def test_names_of_a_file_are_shown_as_harmless_text():
    table = {f"<img src=x>\n{k}": v for k, v in made().state_dict().items()}
    table["<img src=x>\nweight_hh_l0"][0, 0] = float("inf")
    with pytest.raises(Refused) as refused:
        load_weights(saved(table))
    assert not set("<>\n") & set(str(refused.value))


@pytest.mark.parametrize("data", [b"hello, world " * 9, b"\x08\x07", b"PK\x03\x04" + b"\0" * 90, b"{}" * 40])
def test_other_files_are_refused_as_what_they_are(data):
    with pytest.raises(Refused, match=r"\.$"):
        load_weights(data)
    with pytest.raises(Refused, match="empty"):
        load_weights(b"")


def test_a_file_without_recurrent_layers_says_so():
    with pytest.raises(Refused, match="holds no recurrent layer"):
        load_weights(saved(nn.Linear(2, 2).state_dict()))


def test_only_numpy_and_pytorch_are_needed_for_pytorch_s_own_files(tmp_path):
    path = tmp_path / "a.pt"
    path.write_bytes(GOOD)
    code = f"import sys, explorer; explorer.load_weights({str(path)!r}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"regex", "safetensors", "onnx", "h5py", "pickle_", "torch._dynamo"} & set(done.stdout.split())


def _of_kind(change) -> dict[str, torch.Tensor]:
    module = made()
    return {**module.state_dict(), "weight_hh_l0": change(module.weight_hh_l0.detach())}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("change", "en", "ko"),
    [
        (lambda w: w.to("meta"), "have no values", "값이 없습니다"),
        (lambda w: w.to_sparse(), "are sparse. Save them as .to_dense()", "희소"),
        (lambda w: w.to_sparse_csr(), "are sparse", "희소"),
        (lambda w: torch.quantize_per_tensor(w, 0.1, 0, torch.qint8), "are quantised", "양자화"),
        (lambda w: w.to(torch.float8_e4m3fn), "of 8 bits", "8비트"),
        (lambda w: w.to(torch.complex64), "are complex numbers", "복소수"),
        (lambda w: (9 * w).to(torch.int8), "not floating-point", "부동소수점"),
        (lambda w: w[:1].clone().expand(16, 4), "repeat the numbers.*contiguous", "되풀이"),
    ],
)
def test_weights_that_are_no_plain_numbers_are_refused_as_what_they_are(change, en, ko):
    with pytest.raises(Refused, match=rf"^The weights weight_hh_l0 .*{en}") as refused:
        load_weights(saved(_of_kind(change)))
    assert "weight_hh_l0" in refused.value.said("ko") and ko in refused.value.said("ko")
    other = inspect_file(saved({"beside": change(torch.ones(16, 4)), **made().state_dict()})).other
    assert other == {"beside": (16, 4)}  # what is beside the layers keeps nobody from them


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [torch.qint8, torch.float16])
@pytest.mark.parametrize("layer", [nn.LSTM, nn.GRUCell])
@pytest.mark.parametrize("whole", [True, False])
def test_a_quantised_network_in_a_file_is_said_to_be_one(kind, layer, whole):
    net = torch.ao.quantization.quantize_dynamic(nn.Sequential(layer(3, 4)), {layer}, dtype=kind)
    with pytest.raises(Refused, match=r"holds a quantised network.*as it was before"):
        load_weights(saved(net if whole else net.state_dict()))


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("_orig_mod.enc.", "enc"),
        ("module._orig_mod.enc.", "enc"),
        ("_fsdp_wrapped_module.enc._fsdp_wrapped_module.", "enc"),
        ("state_dict.model.enc._orig_mod.", "enc"),
        ("model_ema.module.", "model_ema.module"),
    ],
)
def test_what_wraps_a_network_is_left_out_of_its_names(written, name):
    module = made(nn.GRU)
    found = inspect_file(saved({written + key: value for key, value in module.state_dict().items()}))
    assert [layers.name for layers in found.layers] == [name] and not found.other
    agrees(found.layers[0], module)


def _old_norm(module, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.utils.spectral_norm(module, name)


@pytest.mark.parametrize("change", [nn.utils.parametrizations.spectral_norm, _old_norm])
def test_weights_under_spectral_norm_are_those_that_the_module_runs_with(change):
    net = nn.ModuleDict({"rnn": change(made(), "weight_hh_l0")})
    net.train()["rnn"](X)  # its vectors move, in training
    found = inspect_file(saved(net.state_dict()))
    agrees(found.one("rnn"), net.eval()["rnn"])
    assert not found.other


def test_weights_that_code_makes_are_refused_by_name():
    module = nn.utils.parametrizations.orthogonal(made(), "weight_hh_l0")
    with pytest.raises(Refused, match=r"weights weight_hh_l0 are made by code.*remove_parametrizations"):
        load_weights(saved(module.state_dict()))
    with pytest.raises(Refused, match="holds no recurrent layer"):
        load_weights(saved(nn.utils.parametrizations.orthogonal(nn.Linear(3, 3)).state_dict()))


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_a_network_in_several_files_is_opened_by_their_list(kind, tmp_path):
    module, parts = made(nn.GRU), [{}, {}]
    for k, (name, value) in enumerate(module.state_dict().items()):
        parts[k % 2][f"enc.{name}"] = value.clone()
    write = safetensors.torch.save_file if kind == "safetensors" else torch.save
    names = [f"model-{k}-of-2.{kind}" for k in (1, 2)]
    for name, part in zip(names, parts, strict=True):
        write(part, tmp_path / name)
    index = tmp_path / f"model.{kind}.index.json"
    listed = {key: names[k] for k in range(2) for key in parts[k]}
    index.write_text(json.dumps({"metadata": {}, "weight_map": listed}))
    agrees(load_weights(index, "enc"), module)
    with pytest.raises(Refused, match="list of a network in several files"):
        load_weights(index.read_bytes())
    (tmp_path / names[1]).unlink()
    with pytest.raises(FileNotFoundError, match=r"There is no file .*of-2"):
        load_weights(index)
    for bad in ('{"weight_map": {"a": "../else.bin"}}', '{"weight_map": 1}', "[", '{"weight_map": {"a": 1}}'):
        index.write_text(bad)
        with pytest.raises(Refused, match="damaged"):
            load_weights(index)


def _npy() -> bytes:
    memory = io.BytesIO()
    np.save(memory, np.ones(3))
    return memory.getvalue()


def _zip(name: str) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr(name, "{}")
    return memory.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pickle.dumps({"weight_hh_l0": [1.0]}), "a pickle that torch.save did not write"),
        (_npy(), "one NumPy array"),
        (_zip("net/models/model.json"), r"exported program \(torch.export\)"),
        (_zip("readme.txt"), "none of those that can be read"),
    ],
)
def test_files_of_other_kinds_are_told_what_to_become(data, message):
    with pytest.raises(Refused, match=message):
        load_weights(data)


@pytest.mark.parametrize(
    ("holds", "message"),
    [(".metadata", "dcp_to_torch"), ("saved_model.pb", "SavedModel"), ("a", "is a folder")],
)
def test_folders_that_networks_are_kept_in_are_told_what_to_become(holds, message, tmp_path):
    (tmp_path / holds).write_bytes(b"x")
    with pytest.raises(OSError, match=message):
        inspect_file(tmp_path)


def test_a_file_of_a_machine_of_the_other_byte_order_is_read_as_pytorch_reads_it():
    module, memory = made(), io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(saved(module.state_dict()))) as little,
        zipfile.ZipFile(memory, "w") as big,
    ):
        for name in little.namelist():
            data = little.read(name)
            if "/data/" in name:
                data = np.frombuffer(data, "<f4").astype(">f4").tobytes()
            big.writestr(name, b"big" if name.endswith("byteorder") else data)
    loaded = torch.load(io.BytesIO(memory.getvalue()), weights_only=True)
    assert torch.equal(loaded["weight_hh_l0"], module.weight_hh_l0)
    agrees(load_weights(memory.getvalue()), module)
