"""A unit held at 0, against a trace of the network so changed."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from explorer import CELLS, RecurrentModel, trace
from explorer.data.grammar import Sentence
from explorer.labels import UNKNOWN
from explorer.language.ablation import ablated
from explorer.language.reader import Reader
from explorer.language.units import (
    units,
)
from explorer.nn.interventions import Clamp, ZeroUnit
from tests.helpers import largest, word_model

WORDS = (UNKNOWN, *"abcdefgh")


def plain(tokens) -> Sentence:
    return Sentence(tuple(tokens), (), ())


TEXT = [plain("abcadefgh"), plain("hab"), plain("ccdeafb")]


def nats_of(model: RecurrentModel, tokens, changes=()) -> np.ndarray:
    ids = torch.tensor(model.encode(tokens))
    logits = torch.tensor(trace(model, tokens, changes=changes).logits)
    return F.cross_entropy(logits[:-1], ids[1:], reduction="none").numpy()


@pytest.mark.parametrize("cell", CELLS)
def test_a_zeroed_unit_is_that_of_the_trace(cell):
    model = word_model(cell, WORDS, H=5).double()
    found = units(model, TEXT, token_level="char")
    starts = {0, 9, 12}
    assert found.starts == tuple(sorted(starts))
    assert set(np.flatnonzero(np.isnan(found.nats))) == starts
    there = [k for k in range(19) if k not in starts]
    expected = np.concatenate([nats_of(model, s.tokens) for s in TEXT])
    assert largest(found.nats[there], expected) <= 1e-12
    assert found.perplexity == pytest.approx(math.exp(expected.mean()), rel=1e-12)
    for unit in range(5):
        held = np.concatenate([nats_of(model, s.tokens, [ZeroUnit(unit, 1)]) for s in TEXT])
        assert largest(found.zeroed[there, unit], held) <= 1e-10
        assert found.without[unit] == pytest.approx(math.exp(held.mean()), rel=1e-10)
    assert largest(ablated(Reader(model), TEXT).zeroed[there], found.zeroed[there]) == 0.0


@pytest.mark.parametrize("cell", CELLS)
def test_a_unit_held_at_its_mean_is_that_of_the_trace(cell):
    model = word_model(cell, WORDS, H=5).double()
    found = units(model, TEXT, tuple("ab"), token_level="char")
    assert np.isnan(found.averaged[:2]).all()  # one's own text is shown only
    states = ablated(Reader(model), TEXT).states
    assert tuple(states) == CELLS[cell].states and largest(states["h"], found.h[2:]) == 0.0
    for unit in range(5):
        clamps = [Clamp(symbol, array[:, unit].mean(), unit) for symbol, array in states.items()]
        held = np.concatenate([nats_of(model, s.tokens, clamps) for s in TEXT])
        there = ~np.isnan(found.nats[2:])
        assert largest(found.averaged[2:][there, unit], held) <= 1e-10
    assert largest(found.averaged[3:11], found.zeroed[3:11]) > 1e-4


@pytest.mark.parametrize("cell", CELLS)
def test_states_and_gates_are_those_of_the_trace(cell):
    model = word_model(cell, WORDS, H=5).double()
    found = units(model, TEXT, token_level="char")
    layers = [trace(model, s.tokens).only for s in TEXT]
    assert largest(found.h, np.concatenate([layer.h[1:] for layer in layers])) <= 1e-12
    if found.c is not None:
        assert largest(found.c, np.concatenate([layer.c[1:] for layer in layers])) <= 1e-12
    spec = layers[0].spec
    assert set(found.open) == set(found.shut) == set(spec.gates)
    if spec.keep:
        kept = np.concatenate([layer.gate[spec.keep] for layer in layers])
        assert largest(found.half_life, np.log(0.5) / np.log(kept).mean(0)) <= 1e-9
    else:
        assert found.half_life is None


def test_a_stack_is_measured_at_its_last_layer():
    model = word_model("gru", WORDS, H=4, num_layers=2).double()
    found = units(model, TEXT[:1], token_level="char")
    tokens = TEXT[0].tokens
    assert largest(found.h, trace(model, tokens).layers[1].h[1:]) <= 1e-12
    assert largest(found.nats[1:], nats_of(model, tokens)) <= 1e-12
    assert np.isfinite(found.zeroed[1:]).all()
