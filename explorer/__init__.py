"""See inside recurrent networks: every gate, state and gradient as it really is.

from explorer import CELLS, RecurrentModel, Experiment, trace, bptt, train, load_model
t = trace(torch.nn.LSTM(8, 16), x)      # x (T, 8)
t.gate["f"], t.c, t.h

A name is imported when it is asked for: cells, traces and gradients need NumPy and PyTorch alone, and
what needs more says which extra brings it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from explorer import shown
from explorer.extras import needed

if TYPE_CHECKING:
    from explorer.cells import CELLS
    from explorer.dynamics.exponents import Lyapunov, lyapunov
    from explorer.dynamics.points import FixedPoints, fixed_points
    from explorer.experiment import Experiment
    from explorer.formats.layers import Layers
    from explorer.formats.opening import FileContents, inspect_file, load_weights
    from explorer.gradients.bptt import GradientFlow, bptt
    from explorer.gradients.watching import Look, Watch, watch
    from explorer.nn.model import RecurrentModel
    from explorer.nn.tracing import LayerTrace, Trace, Traces, trace
    from explorer.stage.views import View, view
    from explorer.training.run import Run, train
    from explorer.training.store import load_model

_HOMES = {
    "CELLS": "explorer.cells",
    "Experiment": "explorer.experiment",
    "FileContents": "explorer.formats.opening",
    "FixedPoints": "explorer.dynamics.points",
    "GradientFlow": "explorer.gradients.bptt",
    "Layers": "explorer.formats.layers",
    "LayerTrace": "explorer.nn.tracing",
    "Look": "explorer.gradients.watching",
    "Lyapunov": "explorer.dynamics.exponents",
    "RecurrentModel": "explorer.nn.model",
    "Run": "explorer.training.run",
    "Trace": "explorer.nn.tracing",
    "Traces": "explorer.nn.tracing",
    "View": "explorer.stage.views",
    "Watch": "explorer.gradients.watching",
    "bptt": "explorer.gradients.bptt",
    "fixed_points": "explorer.dynamics.points",
    "inspect_file": "explorer.formats.opening",
    "load_model": "explorer.training.store",
    "load_weights": "explorer.formats.opening",
    "lyapunov": "explorer.dynamics.exponents",
    "trace": "explorer.nn.tracing",
    "train": "explorer.training.run",
    "view": "explorer.stage.views",
    "watch": "explorer.gradients.watching",
}
"""Public name, and the module that holds it."""

__all__ = [
    "CELLS",
    "Experiment",
    "FileContents",
    "FixedPoints",
    "GradientFlow",
    "LayerTrace",
    "Layers",
    "Look",
    "Lyapunov",
    "RecurrentModel",
    "Run",
    "Trace",
    "Traces",
    "View",
    "Watch",
    "bptt",
    "fixed_points",
    "inspect_file",
    "load_model",
    "load_weights",
    "lyapunov",
    "trace",
    "train",
    "view",
    "watch",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with needed():
        found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _draw(name: str) -> Any:
    """What draws records, imported when one is shown; without the packages that draw, nothing does."""
    return getattr(import_module("explorer.stage.notebook"), name)


def _bundle(record: Any) -> Any:
    try:
        return _draw("bundle")(record)
    except ImportError:
        return None


def _page(record: Any, lang: str) -> str:
    with needed():
        page: str = _draw("page")(record, lang)
    return page


def _frame(record: Any) -> Any:
    try:
        return _draw("alone")(record)
    except ImportError:
        return None


shown.register(_bundle, _page, _frame)
