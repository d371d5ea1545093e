"""Keras's files against what Keras gave: files/ is made by make_keras.py; older layouts are written here."""

import io
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from explorer import inspect_file, load_weights, trace
from explorer.i18n import Refused
from tests.helpers import largest

FILES = Path(__file__).parent / "files"
GIVEN = np.load(FILES / "keras_outputs.npz")
KERAS_2 = np.load(FILES / "tf_keras_outputs.npz")
UNSAID = {"hard", "relu", "simple_relu"}
"""Layers whose functions a file of weights alone does not say."""


def output_of(layers) -> np.ndarray:
    x = GIVEN["x"].swapaxes(0, 1)
    turned = any("x[::-1]" in said for said in layers.conventions)
    return trace(layers, x[::-1] if turned else x).output.swapaxes(0, 1)


@pytest.mark.parametrize("name", ["keras.keras", "keras.h5"])
def test_every_layer_gives_what_keras_gave(name):
    found = inspect_file(FILES / name)
    assert {u.name for u in found.layers} == set(GIVEN.files) - {"x"}
    for layers in found.layers:
        assert largest(output_of(layers), GIVEN[layers.name]) <= 1e-6, layers
    assert [shape for path, shape in found.other.items() if "head" in path or "dense" in path]


def of_keras_2(layers, x=None) -> np.ndarray:
    return trace(layers, (KERAS_2["x"] if x is None else x).swapaxes(0, 1)).output.swapaxes(0, 1)


@pytest.mark.parametrize("name", ["tf_keras.h5", "tf_keras.keras", "tf_keras_cudnn.h5"])
def test_files_of_keras_2_itself_give_what_it_gave(name):
    """tf_keras 2.21 wrote them and ran them: see make_keras2.py."""
    found = {layers.name: layers for layers in inspect_file(FILES / name).layers}
    cudnn = {"cu_gru", "cu_lstm"}
    assert found.keys() == (cudnn if "cudnn" in name else set(KERAS_2.files) - {"x", "nested"} - cudnn)
    for layers in found.values():
        assert largest(of_keras_2(layers), KERAS_2[layers.name]) <= 1e-6, layers


def test_weights_alone_of_a_version_with_two_digits_have_its_defaults():
    found = inspect_file(FILES / "tf_keras_weights.h5")  # 2.21, which begins as 2.2 does
    for layers in found.layers:
        if layers.name not in ("hard", "before"):
            assert largest(of_keras_2(layers), KERAS_2[layers.name]) <= 1e-6, layers


def test_a_model_within_a_model_has_its_layers_apart():
    found = inspect_file(FILES / "tf_keras_nested.h5")
    assert {layers.name for layers in found.layers} == {"first", "second", "outer"}
    x = None
    for name in ("first", "second", "outer"):
        x = of_keras_2(found[name], x)
    assert largest(x, KERAS_2["nested"]) <= 1e-6


def test_cells_of_a_stack_are_no_directions(tmp_path):
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "stack.h5", "w") as file:
        for cell, blocks in (("lstm_cell", 4), ("gru_cell", 3)):
            path = f"model_weights/stack/stack/stacked_rnn_cells/{cell}"
            file[f"{path}/kernel:0"] = rng.normal(size=(3 if blocks == 4 else 4, 4 * blocks))
            file[f"{path}/recurrent_kernel:0"] = rng.normal(size=(4, 4 * blocks))
    found = {layers.name.rpartition("/")[2]: layers for layers in inspect_file(tmp_path / "stack.h5").layers}
    assert {name: layers.cell for name, layers in found.items()} == {"lstm_cell": "lstm", "gru_cell": "gru"}


def test_weights_alone_are_read_with_the_default_functions_and_say_so():
    found = inspect_file(FILES / "keras.weights.h5")
    assert {u.name for u in found.layers} == set(GIVEN.files) - {"x"}
    for layers in found.layers:
        assert any("the file does not say its function" in said for said in layers.conventions)
        if layers.name not in UNSAID | {"backwards"}:
            assert largest(output_of(layers), GIVEN[layers.name]) <= 1e-6, layers


def test_what_a_file_says_is_told():
    found = inspect_file(FILES / "keras.keras")
    assert found["hard"].cell == "lstm:hard_sigmoid_6:tanh:tanh"
    assert "hard_sigmoid, which rises by a sixth in this version" in found["hard"].conventions
    assert (
        found["before"].cell == "gru_reset_before"
        and "reset before the matmul" in found["before"].conventions
    )


def test_every_function_that_keras_layers_may_have_gives_what_keras_gave():
    found, given = (
        inspect_file(FILES / "keras_functions.keras"),
        np.load(FILES / "keras_functions_outputs.npz"),
    )
    assert {u.name for u in found.layers} == set(given.files)
    for layers in found.layers:
        assert largest(output_of(layers), given[layers.name]) <= 1e-5 * np.abs(given[layers.name]).max(), (
            layers
        )
    cells = {layers.cell for layers in found.layers}
    assert {"lstm:hard_sigmoid_6:tanh:tanh", "gru:relu:linear", "rnn:softplus", "rnn_relu", "lstm"} <= cells


def test_the_hard_sigmoid_of_keras_2_gives_what_keras_gave():
    found, given = inspect_file(FILES / "keras2.h5"), np.load(FILES / "keras2_outputs.npz")
    assert {u.cell for u in found.layers} == {
        "lstm:hard_sigmoid:tanh:tanh", "gru_reset_before:hard_sigmoid:tanh"
    }  # fmt: skip
    for layers in found.layers:
        assert largest(output_of(layers), given[layers.name]) <= 1e-6, layers


def written(
    weights: dict[str, np.ndarray], layer: str = "rnn", config: dict | None = None, **attributes
) -> bytes:
    """Returns an HDF5 file as Keras 2 wrote it."""
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        for name, value in attributes.items():
            file.attrs[name] = value
        if config is not None:
            file.attrs["model_config"] = json.dumps(config)
        for name, value in weights.items():
            file[f"{layer}/{layer}/{name}:0"] = value
    return memory.getvalue()


def of_cudnn(module: nn.RNNBase) -> dict[str, np.ndarray]:
    """Returns weights as CuDNNLSTM and CuDNNGRU kept them: a gate's (H, D) row by row, two biases in one."""
    gates = 4 if isinstance(module, nn.LSTM) else 3
    order = range(4) if gates == 4 else (1, 0, 2)  # z r h

    def parts(name: str) -> list[np.ndarray]:
        blocks = np.split(getattr(module, name).detach().numpy(), gates)
        return [blocks[k] for k in order]

    def kernel(name: str) -> np.ndarray:
        return np.concatenate([block.ravel().reshape(block.shape[::-1]) for block in parts(name)], 1)

    bias = np.concatenate([*parts("bias_ih_l0"), *parts("bias_hh_l0")])
    return {"kernel": kernel("weight_ih_l0"), "recurrent_kernel": kernel("weight_hh_l0"), "bias": bias}


@pytest.mark.parametrize("make", [nn.LSTM, nn.GRU])
def test_the_layout_of_the_layers_for_cudnn_is_told_apart_by_its_biases(make):
    torch.manual_seed(1)
    module, x = make(3, 5), torch.randn(7, 3)
    layers = load_weights(written(of_cudnn(module), keras_version=b"2.1.6"))
    assert largest(trace(layers, x).output, module(x)[0].detach()) <= 1e-6
    assert any("cuDNN" in said for said in layers.conventions) and ":" not in layers.cell


def plain_lstm(units: int = 4) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(1)
    shapes = {"kernel": (3, 4 * units), "recurrent_kernel": (units, 4 * units), "bias": (4 * units,)}
    return {name: generator.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def test_hard_sigmoids_rise_by_a_fifth_before_version_3():
    config = {"class_name": "LSTM", "config": {"name": "rnn", "recurrent_activation": "hard_sigmoid"}}
    said = load_weights(written(plain_lstm(), config=config, keras_version="2.3.1"))
    assert said.cell == "lstm:hard_sigmoid:tanh:tanh"
    assert load_weights(written(plain_lstm(), keras_version="2.1.6")).cell == said.cell
    assert load_weights(written(plain_lstm(), keras_version="2.2.4-tf")).cell == "lstm"
    assert (
        load_weights(written(plain_lstm(), config=config, keras_version="3.1")).cell.split(":")[1][-1] == "6"
    )


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"kernel": np.full((3, 16), np.nan, np.float32)}, "tensor_nonfinite"),
        ({"kernel": np.zeros((3, 16), np.int32)}, "tensor_kind"),
        ({"bias": np.zeros(5, np.float32)}, "file_damaged"),
        ({"recurrent_kernel": np.zeros((5, 16), np.float32)}, "no_layers"),
    ],
)
def test_weights_that_do_not_fit_are_refused(change, key):
    with pytest.raises(Refused) as refused:
        load_weights(written(plain_lstm() | change))
    assert refused.value.sentence == key


def test_a_function_that_is_not_known_is_refused_by_its_name():
    config = {"class_name": "LSTM", "config": {"name": "rnn", "activation": "swish"}}
    with pytest.raises(Refused, match=r"The layer rnn does something that is not known here: swish\."):
        load_weights(written(plain_lstm(), config=config))


def test_hostile_files_are_refused():
    good = (FILES / "keras.h5").read_bytes()
    outside = io.BytesIO()
    with h5py.File(outside, "w") as file:
        file["rnn/rnn/kernel:0"] = h5py.ExternalLink("/etc/passwd", "/")
        file["rnn/rnn/recurrent_kernel:0"] = h5py.SoftLink("/nowhere")
        file.create_dataset("rnn/rnn/bias:0", (2**40,), "f4", chunks=(1024,))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("config.json", b"[" * 100_000)
        archive.writestr("model.weights.h5", good)
    for data in (good[:3000], good[:8] + b"\0" * 3000, outside.getvalue(), packed.getvalue()):
        with pytest.raises(Refused):
            load_weights(data)


def test_weights_in_another_file_are_said_to_be_there(tmp_path):
    with h5py.File(tmp_path / "apart.h5", "w") as file:
        file["rnn/rnn/kernel:0"] = np.ones((3, 16))
        own = [(str(tmp_path / "weights.raw"), 0, 512)]
        file.create_dataset("rnn/rnn/recurrent_kernel:0", (4, 16), "f8", external=own)
    with pytest.raises(Refused, match="lie in another file"):
        load_weights(tmp_path / "apart.h5")


@pytest.mark.parametrize(("deep", "said"), [(40, "no recurrent layer"), (200, "damaged")])
def test_groups_within_groups_are_gone_through_only_so_far(deep, said):
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        inner = file
        for _ in range(deep):
            inner = inner.create_group("a")
    with pytest.raises(Refused, match=said):
        load_weights(memory.getvalue())
