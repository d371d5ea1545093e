"""See inside recurrent networks: every gate, state and gradient as it really is.

from explorer import CELLS, RecurrentModel, Experiment, trace, bptt, train, load_model
t = trace(torch.nn.LSTM(8, 16), x)      # x (T, 8)
t.gate["f"], t.c, t.h
"""

from explorer.cells import CELLS
from explorer.dynamics.exponents import Lyapunov, lyapunov
from explorer.dynamics.points import FixedPoints, fixed_points
from explorer.experiment import Experiment
from explorer.gradients.bptt import GradientFlow, bptt
from explorer.nn.model import RecurrentModel
from explorer.nn.tracing import LayerTrace, Trace, trace
from explorer.training.run import Run, train
from explorer.training.store import load_model

__all__ = [
    "CELLS",
    "Experiment",
    "FixedPoints",
    "GradientFlow",
    "LayerTrace",
    "Lyapunov",
    "RecurrentModel",
    "Run",
    "Trace",
    "bptt",
    "fixed_points",
    "load_model",
    "lyapunov",
    "trace",
    "train",
]
