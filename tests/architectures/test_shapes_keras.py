"""The code of Keras is run by Keras 3, on PyTorch, and gives the shapes and numbers that the page says."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import cache
from itertools import product

from explorer.architectures.shapes import Sizes, dense_code, dense_parameters, keras_code

SMALL = Sizes("lstm", batch=2, steps=5, inputs=3, hidden_size=4)
GRID = [
    replace(SMALL, cell=cell, layers=layers, both=both, sequence=sequence, state=state)
    for cell, layers, both, (sequence, state) in product(
        ("rnn", "rnn_relu", "lstm", "gru", "gru_reset_before"),
        (1, 3),
        (False, True),
        ((False, False), (True, True), (False, True)),
    )
] + [
    Sizes("rnn", 8, 2, 10, 3),
    Sizes("rnn", 8, 2, 10, 3, sequence=True),
    Sizes("rnn", 1, 4, 5, 3, sequence=True, state=True),
]

SCRIPT = """
import json, sys
results = []
for code, returned in json.load(sys.stdin):
    names = {}
    exec(code, names)
    weights = [[w.path.split("/")[-1], list(w.shape)] for w in names["model"].weights]
    shapes = [list(names[name].shape) for name in returned]
    results.append({"shapes": shapes, "weights": weights, "count": names["model"].count_params()})

import numpy, torch
import keras
from keras import layers
rnn = torch.nn.RNN(3, 4, bidirectional=True, batch_first=True)
x = torch.randn(2, 5, 3)
output, h_n = rnn(x)
layer = layers.Bidirectional(layers.SimpleRNN(4, return_state=True))
layer.build((2, 5, 3))
weights = dict(rnn.named_parameters())
for end, one in (("", layer.forward_layer), ("_reverse", layer.backward_layer)):
    w_ih, w_hh, b_ih, b_hh = (
        weights[f"{name}_l0{end}"].detach().numpy()
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    one.set_weights([w_ih.T, w_hh.T, b_ih + b_hh])
found = [keras.ops.convert_to_numpy(a) for a in layer(x)]
told = [torch.cat([h_n[-2], h_n[-1]], -1), h_n[-2], h_n[-1]]
gaps = [float(numpy.abs(a - b.detach().numpy()).max()) for a, b in zip(found, told)]
print(json.dumps({"results": results, "gaps": gaps}))
"""


@cache
def said() -> dict:
    """What Keras says of every code, in a process of its own: it takes its backend from the environment."""
    codes = [(keras_code(sizes), [tensor.name for tensor in sizes.returned]) for sizes in GRID]
    codes.append((dense_code(Sizes("rnn", 32, 10, 16, 8))[1], ["x", "y"]))
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(codes),
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1"},
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_code_gives_the_shapes_and_weights_of_the_table():
    for sizes, found in zip(GRID, said()["results"], strict=False):
        assert [tuple(shape) for shape in found["shapes"]] == [a.shape for a in sizes.returned], sizes
        assert found["count"] == sizes.keras_parameters, sizes
        told = [(w.keras, w.keras_shape) for w in sizes.weights if w.keras]
        assert [(name, tuple(shape)) for name, shape in found["weights"]] == told, sizes


def test_dense_at_every_step_gives_the_shapes_of_the_lecture():
    found = said()["results"][-1]
    assert found["shapes"] == [[32, 10, 16], [32, 10, 8]]
    assert found["count"] == dense_parameters(Sizes("rnn", 32, 10, 16, 8)) == 136


def test_keras_returns_the_backward_state_of_step_1_as_pytorch_has_it_in_h_n():
    assert max(said()["gaps"]) < 1e-5
