"""Writes files/tf_keras*: networks saved by Keras 2 itself, and what it gave for an x.

Of the layers for cuDNN, which run on a GPU alone, Keras 2 turns the weights into those of its plain layers,
and these gave the outputs. In an environment of its own:

pip install tensorflow-cpu==2.21.0 tf_keras==2.21.0 && python tests/formats/make_keras2.py
"""

import os
import zipfile
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
import tf_keras as keras
from tf_keras import layers
from tf_keras.src.layers.rnn.cudnn_gru import CuDNNGRU
from tf_keras.src.layers.rnn.cudnn_lstm import CuDNNLSTM

FOLDER = Path(__file__).parent / "files"
OWN = {"return_sequences": True}


def filled(model, generator: np.random.Generator) -> None:
    for weight in model.weights:
        weight.assign(1.2 * generator.normal(size=weight.shape))


def compressed(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)


def main() -> None:
    generator = np.random.default_rng(5)
    given = generator.normal(size=(2, 6, 3)).astype(np.float32)
    x = layers.Input((6, 3), name="x")
    every = [
        layers.LSTM(4, recurrent_activation="hard_sigmoid", name="hard", **OWN),
        layers.LSTM(4, name="plain", **OWN),
        layers.GRU(4, name="after", **OWN),
        layers.GRU(4, reset_after=False, recurrent_activation="hard_sigmoid", name="before", **OWN),
        layers.SimpleRNN(4, name="simple", **OWN),
        layers.Bidirectional(layers.GRU(4, **OWN), name="both"),
        layers.RNN(layers.LSTMCell(4), name="of_a_cell", **OWN),
    ]
    model = keras.Model(x, [layer(x) for layer in every])
    filled(model, generator)
    outputs = {layer.name: layer(given).numpy() for layer in every}
    model.save(FOLDER / "tf_keras.h5")
    model.save(FOLDER / "tf_keras.keras")
    compressed(FOLDER / "tf_keras.keras")
    model.save_weights(FOLDER / "tf_keras_weights.h5")

    inner = keras.Sequential(
        [layers.LSTM(4, name="first", **OWN), layers.LSTM(4, name="second", **OWN)], name="sub"
    )
    nested = keras.Sequential([x, inner, layers.GRU(4, name="outer", **OWN)])
    filled(nested, generator)
    nested.save(FOLDER / "tf_keras_nested.h5")
    outputs["nested"] = nested(given).numpy()

    for_gpu = keras.Model(x, [CuDNNGRU(4, name="cu_gru", **OWN)(x), CuDNNLSTM(4, name="cu_lstm", **OWN)(x)])
    filled(for_gpu, generator)
    for_gpu.save(FOLDER / "tf_keras_cudnn.h5")
    for_gpu.save_weights("cudnn_weights.h5")
    plain = keras.Model(x, [layers.GRU(4, name="cu_gru", **OWN)(x), layers.LSTM(4, name="cu_lstm", **OWN)(x)])
    plain.load_weights("cudnn_weights.h5")
    os.remove("cudnn_weights.h5")
    outputs["cu_gru"], outputs["cu_lstm"] = (y.numpy() for y in plain(given))
    np.savez(FOLDER / "tf_keras_outputs.npz", x=given, **outputs)


if __name__ == "__main__":
    main()
