"""What is printed of a record is one short line, however much it holds."""

import numpy as np
import pytest
import torch
from torch import nn

from explorer import Experiment, bptt, fixed_points, inspect_file, lyapunov, trace, train, view, watch
from tests.formats.test_torch_files import saved

X = torch.randn(40, 2, 8, generator=torch.Generator().manual_seed(0))


torch.manual_seed(0)
LAYER = nn.GRU(8, 6)


def run():
    return trace(LAYER, X[:, 0])


def flow():
    return bptt(run(), np.ones((40, 6)))


def many():
    return saved({f"{k}.{name}": p for k in range(30) for name, p in LAYER.state_dict().items()})


RECORDS = {
    "Trace(": run,
    "Traces of 1 layer:": lambda: trace(nn.Sequential(LAYER), X),
    "LayerTrace(": lambda: run().layers[0],
    "GradientFlow(": flow,
    "LayerFlow(": lambda: flow().layers[0],
    "GradientFlows of 1 layer:": lambda: bptt(nn.Sequential(LAYER), X, loss=lambda y: y[0].sum()),
    "FixedPoints(": lambda: fixed_points(LAYER, starts=run()),
    "Lyapunov(": lambda: lyapunov(run()),
    "Watch(": lambda: watch(LAYER, X),
    "Look(": lambda: watch(LAYER, X).look(),
    "Layers(": lambda: inspect_file(many()).one("3"),
    "FileContents(": lambda: inspect_file(many()),
    "View(": lambda: view("/step?cell=rnn&hidden=2&text=a+b"),
    "Run(": lambda: train(Experiment(cell="rnn", data="adding", length=5, hidden=2, budget=20)),
}


@pytest.mark.parametrize(("begins", "make"), RECORDS.items(), ids=RECORDS)
def test_a_record_prints_as_a_short_line(begins, make):
    said = repr(make())
    assert said.startswith(begins) and len(said) < 260 and said.count("\n") <= 1
