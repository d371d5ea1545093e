"""Writes files/keras.*: a Keras model with every kind of recurrent layer, and what each gave for an x.

KERAS_BACKEND=torch python -m tests.formats.make_keras
"""

from pathlib import Path

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


if __name__ == "__main__":
    main()
