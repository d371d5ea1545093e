"""Random modules, weights and layers, all from a NumPy generator that the test seeds."""

from dataclasses import replace
from functools import cache

import numpy as np
import torch
from torch import nn

from explorer import CELLS, Experiment, LayerTrace, RecurrentModel
from explorer.architectures import deep, feedforward, mappings
from explorer.cells import LayerWeights
from explorer.experiment import Display
from explorer.lab.learned import learn
from explorer.lab.walk import Walk, walk
from explorer.nn.initialise import initialise
from explorer.nn.tracing import run_layer

EVERY = tuple(CELLS)
TORCH_CELLS = tuple(key for key in EVERY if CELLS[key].torch_module)
VARIANTS = tuple(key for key in EVERY if not CELLS[key].torch_module)


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape)


def random_module(key: str, rng: np.random.Generator, dtype: torch.dtype = torch.float64) -> nn.RNNBase:
    """Returns a PyTorch module of random sizes, layers, directions, biases and weights."""
    spec = CELLS[key]
    module = spec.torch_module(
        int(rng.integers(1, 6)),
        int(rng.integers(1, 7)),
        num_layers=int(rng.integers(1, 4)),
        bidirectional=bool(rng.integers(2)),
        bias=bool(rng.integers(2)),
        batch_first=bool(rng.integers(2)),
        **dict(spec.torch_options),
    ).to(dtype)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.from_numpy(0.7 * normal(rng, *parameter.shape)))
    return module


def random_run(module: nn.RNNBase, rng: np.random.Generator):
    """Returns x and an initial state (None, h_0 or (h_0, c_0)) that suit a module."""
    T, B = int(rng.integers(1, 10)), int(rng.integers(0, 4))
    dtype = next(module.parameters()).dtype
    rest = () if B == 0 else (B,)
    shape = (B, T) if B and module.batch_first else (T, *rest)
    rows = module.num_layers * (2 if module.bidirectional else 1)
    x = torch.from_numpy(normal(rng, *shape, module.input_size)).to(dtype)
    if rng.integers(4) == 0:
        return x, None
    count = 2 if isinstance(module, nn.LSTM) else 1
    states = tuple(
        torch.from_numpy(normal(rng, rows, *rest, module.hidden_size)).to(dtype) for _ in range(count)
    )
    return x, states if count == 2 else states[0]


def random_weights(key: str, D: int, H: int, rng: np.random.Generator, bias: bool = True) -> LayerWeights:
    shapes = CELLS[key].shapes(D, H).items()
    return CELLS[key].weights({s: normal(rng, *shape) for s, shape in shapes if bias or "bias" not in s})


def random_state(key: str, rng: np.random.Generator, *shape: int) -> tuple[np.ndarray, ...]:
    """Returns an initial state of a cell, each part of a shape."""
    return CELLS[key].state(lambda: normal(rng, *shape))


def random_layer(
    key: str, rng: np.random.Generator, *, batched: bool = False, reverse: bool = False
) -> LayerTrace:
    """Returns the trace of one random layer over random inputs from a random state."""
    T, D, H = (int(n) for n in rng.integers((1, 1, 1), (7, 5, 5)))
    rest = (int(rng.integers(1, 4)),) if batched else ()
    weights = random_weights(key, D, H, rng, bias=bool(rng.integers(2)))
    state = random_state(key, rng, *rest, H)
    return run_layer(key, weights, normal(rng, T, *rest, D), state, reverse=reverse)


def rerun(layer: LayerTrace, **options) -> LayerTrace:
    """Runs a layer's weights over its inputs from its initial state again."""
    return run_layer(layer.cell, layer.weights, layer.x, layer.initial, reverse=layer.reverse, **options)


def number_model(key: str, D: int = 2, H: int = 5, seed: int = 0, **options) -> RecurrentModel:
    """Returns an initialised float64 model of numbers; options go to `initialise`."""
    model = RecurrentModel(key, D, H, 1)
    initialise(model, torch.Generator().manual_seed(seed), **options)
    return model.double()


def word_model(key: str, words: tuple[str, ...], seed: int = 0, H: int = 16, **shape) -> RecurrentModel:
    """Returns an initialised float32 language model over words; shape goes to RecurrentModel."""
    model = RecurrentModel(key, 8, H, len(words), vocabulary=words, **shape)
    initialise(model, torch.Generator().manual_seed(seed))
    return model


def largest(a, b) -> float:
    """Returns the largest |a - b|, NaN counted as infinite."""
    gap = np.abs(np.asarray(a) - np.asarray(b))
    return float(np.nan_to_num(gap, nan=np.inf).max(initial=0.0))


def arrays_of(layer: LayerTrace) -> dict[str, np.ndarray]:
    """Returns every array of a layer trace by a name."""
    named = {"x": layer.x, **layer.states}
    named |= {f"pre {s}": a for s, a in layer.pre.items()}
    return named | {f"gate {s}": a for s, a in layer.gate.items()}


learned_once = cache(learn)
mapped_once = cache(mappings.fit)
compared_once = cache(feedforward.compare)
tagged_once = cache(deep.fit)
"""What is learned is a function of its choices, to the bit: no two tests of a process learn the same."""


def walked(experiment: Experiment, notation: str = "pytorch") -> Walk:
    """Carries out an experiment; what it learns is kept for the next test that asks for the same."""
    second = learned_once(Experiment(cell=experiment.second)) if experiment.second else None
    meant = Display("en", notation).meant(experiment)
    return as_shown(walk(meant, learned_once(meant.model_part()), second), notation)


def as_shown(found: Walk, notation: str) -> Walk:
    """Returns a walk as a reader sees it: its runs in a notation."""
    traces = [replace(run.trace, layers=(run.trace.only.in_notation(notation),)) for run in found.runs]
    return replace(found, runs=tuple(map(lambda run, seen: replace(run, trace=seen), found.runs, traces)))
