"""Writes files/keras*: Keras models with every kind of recurrent layer, and what each gave for an x.

keras_functions: other functions than usual, by layers of cell__gates__candidate. keras2: a hard sigmoid as
Keras 2 had it, in the layout of its files, run by today's Keras with that function in it.

KERAS_BACKEND=torch python -m tests.formats.make_keras
"""

import json
import zipfile
from itertools import product
from pathlib import Path

import h5py
import keras
import numpy as np
from keras import layers

FOLDER = Path(__file__).parent / "files"


def main() -> None:
    keras.utils.set_random_seed(3)
    x = layers.Input((6, 3), name="x")
    every = [
        layers.LSTM(4, return_sequences=True, name="plain"),
        layers.LSTM(4, return_sequences=True, recurrent_activation="hard_sigmoid", name="hard"),
        layers.LSTM(4, return_sequences=True, activation="relu", use_bias=False, name="relu"),
        layers.GRU(4, return_sequences=True, name="after"),
        layers.GRU(5, return_sequences=True, reset_after=False, name="before"),
        layers.GRU(5, return_sequences=True, use_bias=False, name="without_bias"),
        layers.SimpleRNN(4, return_sequences=True, name="simple"),
        layers.SimpleRNN(4, return_sequences=True, activation="relu", name="simple_relu"),
        layers.SimpleRNN(4, return_sequences=True, go_backwards=True, name="backwards"),
        layers.Bidirectional(layers.LSTM(4, return_sequences=True), name="both"),
        layers.Bidirectional(layers.GRU(4, return_sequences=True), name="both_gru"),
    ]
    model = keras.Model(x, [layers.Dense(2, name="head")(layer(x)) if layer.name == "plain" else layer(x)
                            for layer in every])  # fmt: skip
    generator = np.random.default_rng(4)
    for weight in model.weights:
        weight.assign(0.7 * generator.normal(size=weight.shape))
    given = generator.normal(size=(2, 6, 3)).astype(np.float32)
    outputs = {layer.name: keras.ops.convert_to_numpy(layer(given)) for layer in every}
    FOLDER.mkdir(exist_ok=True)
    model.save(FOLDER / "keras.keras")
    model.save(FOLDER / "keras.h5")
    model.save_weights(FOLDER / "keras.weights.h5")
    np.savez(FOLDER / "keras_outputs.npz", x=given, **outputs)
    write_functions(given, generator)
    write_keras2(given)


GATES = ("hard_sigmoid", "sigmoid", "relu", "tanh")
CANDIDATES = (
    "relu",
    "linear",
    "sigmoid",
    "hard_sigmoid",
    "softsign",
    "softplus",
    "elu",
    "relu6",
    "hard_tanh",
)


def write_functions(given: np.ndarray, generator: np.random.Generator) -> None:
    """Every function in every place: of gates with two candidates, of candidates with sigmoid gates."""
    pairs = [*product(GATES, ("tanh", "linear")), *product(("sigmoid",), CANDIDATES)]
    every = []
    for gate, candidate in dict.fromkeys(pairs):
        own = {"return_sequences": True, "activation": candidate, "recurrent_activation": gate}
        every += [
            layers.LSTM(3, name=f"lstm__{gate}__{candidate}", **own),
            layers.GRU(3, name=f"gru__{gate}__{candidate}", **own),
            layers.GRU(3, name=f"before__{gate}__{candidate}", reset_after=False, **own),
        ]
    for function in ("tanh", *CANDIDATES):
        every.append(layers.SimpleRNN(3, return_sequences=True, activation=function, name=f"rnn__{function}"))
    x = layers.Input((6, 3), name="x")
    model = keras.Model(x, [layer(x) for layer in every])
    for weight in model.weights:
        weight.assign(0.5 * generator.normal(size=weight.shape))
    model.save(FOLDER / "keras_functions.keras")
    _compress(FOLDER / "keras_functions.keras")
    outputs = {layer.name: keras.ops.convert_to_numpy(layer(given)) for layer in every}
    np.savez(FOLDER / "keras_functions_outputs.npz", **outputs)


def _compress(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)


def hard_sigmoid(a):
    """As in Keras 1 and 2."""
    return keras.ops.clip(0.2 * a + 0.5, 0.0, 1.0)


def write_keras2(given: np.ndarray) -> None:
    """An LSTM and a GRU by their defaults in Keras 2.2.4: hard_sigmoid gates, the reset before the matmul."""
    generator = np.random.default_rng(5)
    own = {"return_sequences": True, "recurrent_activation": hard_sigmoid}
    every = [layers.LSTM(4, name="lstm_1", **own), layers.GRU(4, name="gru_1", reset_after=False, **own)]
    outputs, described = {}, []
    with h5py.File(FOLDER / "keras2.h5", "w", libver="earliest") as file:
        for layer in every:
            layer.build(given.shape)
            name = layer.name
            for weight in layer.weights:
                weight.assign(1.5 * generator.normal(size=weight.shape))
                part = weight.path.rpartition("/")[2]
                file[f"model_weights/{name}/{name}/{part}:0"] = keras.ops.convert_to_numpy(weight)
            outputs[name] = keras.ops.convert_to_numpy(layer(given))
            settings = {
                "name": name,
                "units": 4,
                "activation": "tanh",
                "recurrent_activation": "hard_sigmoid",
            }
            described.append({"class_name": type(layer).__name__, "config": settings})
        file.attrs["keras_version"] = b"2.2.4"
        config = {"class_name": "Sequential", "config": {"name": "sequential_1", "layers": described}}
        file.attrs["model_config"] = json.dumps(config).encode()
    np.savez(FOLDER / "keras2_outputs.npz", **outputs)


if __name__ == "__main__":
    main()
