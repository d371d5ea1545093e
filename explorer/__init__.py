"""See inside recurrent networks: every gate, state and gradient as it really is.

from explorer import CELLS, RecurrentModel, Experiment, trace
t = trace(torch.nn.LSTM(8, 16), x)      # x (T, 8)
t.gate["f"], t.c, t.h
"""

from explorer.cells import CELLS
from explorer.experiment import Experiment
from explorer.gradients import GradientFlow, bptt
from explorer.model import RecurrentModel
from explorer.tracing import LayerTrace, Trace, trace

__all__ = ["CELLS", "Experiment", "GradientFlow", "LayerTrace", "RecurrentModel", "Trace", "bptt", "trace"]
