"""A language model at work: what it says, how it is scored, its units and its memory."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from explorer.cells import CELLS
from explorer.checks.common import gap, largest, leaves_of, torch_states
from explorer.checks.networks import V, model_of
from explorer.data.grammar import Sentence
from explorer.language.correlation import chance, correlations
from explorer.language.probing import PENALTIES, probe, ridge
from explorer.language.sampling import _drawn, generate, probabilities
from explorer.language.scoring import foresee
from explorer.language.units import OPEN, SHUT, Units, units
from explorer.nn.model import RecurrentModel
from explorer.nn.tracing import trace

N = 12
"""Tokens of a text."""


def _text(model: RecurrentModel, generator: np.random.Generator, count: int = N) -> tuple[str, ...]:
    assert model.vocabulary is not None
    return tuple(model.vocabulary[k] for k in generator.integers(0, V, count))


def _logits(model: RecurrentModel, tokens: tuple[str, ...]) -> Tensor:
    """Logits (T, V) after each token, by the network's own module over the whole text."""
    with torch.no_grad():
        return model(torch.tensor(model.encode(tokens))[:, None])[:, 0]


# Sampling


def sampling(generator: np.random.Generator) -> float:
    """Temperature, top-k and top-p by torch's softmax, topk and sort; a text said by reading all of it."""
    found = []
    for _ in range(20):
        logits = torch.tensor(generator.normal(0.0, 2.0, 9))
        temperature, k, p = (
            float(generator.uniform(0.2, 3.0)),
            int(generator.integers(0, 9)),
            float(generator.uniform(0.3, 1.0)),
        )
        ours = probabilities(logits.numpy(), temperature=temperature, top_k=k, top_p=p)
        found.append(gap(ours, _cut(torch.softmax(logits / temperature, -1), k, p)))
        greedy = probabilities(logits.numpy(), temperature=0.0)
        found.append(gap(greedy, F.one_hot(logits.argmax(), 9).double()))
        places = (np.arange(2_000) + 0.5) / 2_000
        drawn = np.bincount([_drawn(ours, draw) for draw in places], minlength=9) / 2_000
        found.append(0.0 if np.abs(drawn - ours).max() <= 1e-3 else np.inf)
    return largest([*found, *_said(generator)])


def _cut(p: Tensor, top_k: int, top_p: float) -> Tensor:
    if top_k:
        least = torch.topk(p, top_k).values[-1]
        p = torch.where(p >= least, p, 0.0)
        p = p / p.sum()
    if top_p < 1.0:
        ordered, order = p.sort(descending=True)
        before = ordered.cumsum(-1) - ordered
        p = torch.zeros_like(p).scatter(0, order, torch.where(before < top_p, ordered, 0.0))
        p = p / p.sum()
    return p


def _said(generator: np.random.Generator) -> Iterator[float]:
    for cell in CELLS:
        model = model_of(cell, generator, words=True, layers=int(generator.integers(1, 3)))
        prompt, temperature = _text(model, generator, 3), float(generator.uniform(0.4, 2.0))
        ours = generate(model, prompt, 4, temperature=temperature, avoid=(), seed=int(generator.integers(99)))
        read = prompt
        for step, token in zip(ours.steps, ours.tokens, strict=True):
            own = torch.distributions.Categorical(logits=_logits(model, read)[-1])
            hot = torch.distributions.Categorical(logits=own.logits / temperature)
            yield gap(step.p, hot.probs)
            yield abs(step.entropy - float(hot.entropy()))
            yield abs(step.model_entropy - float(own.entropy()))
            yield abs(step.model_probability - float(own.probs[step.token]))
            yield abs(step.probability - float(hot.probs[step.token]))
            read = (*read, token)


def scores(generator: np.random.Generator) -> float:
    """Cross-entropy, perplexity, ranks and the run free of the text, by the network's own module."""
    found = []
    for cell in CELLS:
        model = model_of(cell, generator, words=True, layers=int(generator.integers(1, 3)))
        text, start = _text(model, generator), 4
        ours, logits, ids = foresee(model, text, free=start), _logits(model, text), model.encode(text)
        nats = F.cross_entropy(logits[:-1], torch.tensor(ids[1:]), reduction="none")
        found.append(gap(ours.score.nats, nats))
        found.append(abs(ours.score.perplexity - math.exp(nats.mean())))
        found.append(abs(ours.score.running[4] - math.exp(nats[:5].mean())))
        p = torch.softmax(logits, -1)
        found.append(gap(ours.p[:-1], p[range(N - 1), ids[1:]]))
        ranks = [1 + int((p[t] > p[t, ids[t + 1]]).sum()) for t in range(N - 1)]
        found.append(0.0 if ours.rank[:-1].tolist() == ranks else np.inf)
        found.append(gap(ours.top_p, p.sort(-1, descending=True).values[:, : ours.top_p.shape[1]]))
        found += _free(model, text, start, ours.run.free, ours.run.distance)
    return largest(found)


def _free(
    model: RecurrentModel, text: tuple[str, ...], start: int, free: tuple[str, ...], distance: np.ndarray
) -> Iterator[float]:
    assert model.vocabulary is not None and model.embedding is not None
    read = text[:start]
    while len(read) < len(text):
        read = (*read, model.vocabulary[int(_logits(model, read)[-1].argmax())])
    yield 0.0 if read == free else np.inf
    with torch.no_grad():
        h = [
            model.rnn(model.embedding(torch.tensor(model.encode(t)))[:, None])[0][:, 0] for t in (read, text)
        ]
    yield gap(distance, (h[0] - h[1]).norm(dim=-1))


# Units


def unit_measures(generator: np.random.Generator) -> float:
    """Correlations by NumPy's corrcoef; each unit removed in the cells; gates counted; half-lives."""
    found = [*_chances(generator)]
    for cell in CELLS:
        model = model_of(cell, generator, words=True)
        stretches = [Sentence(_text(model, generator), (), ()) for _ in range(2)]
        ours = units(model, stretches, token_level="char")
        for state in ours.states:
            for track in ours.tracks:
                values = track.values[:, track.meaning[state]] if track.values.ndim > 1 else track.values
                columns = values.T if values.ndim > 1 else [values] * ours.hidden_size
                theirs = map(_r, ours.states[state].T, columns)
                found.append(gap(track.r[state], np.array(list(theirs)), holes=True))
        for held, at in (("zeroed", None), ("averaged", ours.states)):
            table = np.concatenate([_without(model, s.tokens, at) for s in stretches])
            found.append(gap(getattr(ours, held), table, holes=True))
        found += _gates(model, stretches, ours)
    return largest(found)


def _without(model: RecurrentModel, tokens: tuple[str, ...], at: dict[str, np.ndarray] | None) -> np.ndarray:
    """Nats (T, H) of foreseeing each token with all states of each unit set to a value after every step.

    at: the states whose mean that is, 0 without.
    """
    assert model.embedding is not None
    spec, H = CELLS[model.cell], model.hidden_size
    (weights,), *_ = model.layer_weights()
    table = leaves_of(weights)
    x = model.embedding(torch.tensor(model.encode(tokens))).detach()
    nats = np.full((len(tokens), H), np.nan)
    values = {s: np.zeros(H) if at is None else at[s].mean(0) for s in spec.states}
    for unit in range(H):
        mask = torch.arange(H) == unit
        state = [torch.zeros(1, H, dtype=torch.float64) for _ in spec.states]
        for t in range(len(tokens) - 1):
            after = torch_states(spec, [table], x[t : t + 1], state)[1]
            pairs = zip(spec.states, after, strict=True)
            state = [torch.where(mask, float(values[s][unit]), a) for s, a in pairs]
            asked = torch.tensor([model.encode(tokens)[t + 1]])
            with torch.no_grad():
                nats[t + 1, unit] = float(F.cross_entropy(model.readout(state[0]), asked))
    return nats


def _gates(model: RecurrentModel, stretches: list[Sentence], ours: Units) -> Iterator[float]:
    """Open and shut shares counted one by one, and what is left of a unit after its half-life."""
    gates = [trace(model, s.tokens).gate for s in stretches]
    for symbol in ours.open:
        rows = np.concatenate([gate[symbol] for gate in gates])
        for unit in range(rows.shape[1]):
            values = rows[:, unit].tolist()
            yield abs(ours.open[symbol][unit] - sum(v > OPEN for v in values) / len(values))
            yield abs(ours.shut[symbol][unit] - sum(v < SHUT for v in values) / len(values))
        if symbol == CELLS[model.cell].keep and ours.half_life is not None:
            left = rows.prod(0) ** (ours.half_life / len(rows))
            yield gap(left, np.full(rows.shape[1], 0.5))


def _chances(generator: np.random.Generator) -> Iterator[float]:
    """The best |r| by chance: every shift rolled by hand."""
    states, values = generator.standard_normal((30, 4)), generator.integers(0, 2, (30, 2)).astype(float)
    best = []
    for shift in range(1, 30):
        rolled = np.roll(values, shift, axis=0)
        best.append(max(abs(_r(u, v)) for u in states.T for v in rolled.T))
    yield abs(chance(states, values) - float(np.quantile(best, 0.95)))
    yield gap(correlations(states, values[:, 0]), np.array([_r(u, values[:, 0]) for u in states.T]))


def _r(unit: np.ndarray, feature: np.ndarray) -> float:
    """NumPy's own; NaN for a unit that does not vary."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.corrcoef(unit, feature)[0, 1])


# Probes


def probes(generator: np.random.Generator) -> float:
    """Ridge regressions solved one by one by torch, their penalty by the trace of the whole hat matrix."""
    N, H, K, C = 40, 5, 3, 3
    states, asked = generator.standard_normal((N, H)), generator.standard_normal((10, H))
    ids = np.stack(
        [(states[:, k] + 0.7 * generator.standard_normal(N) > 0) + (states[:, k] > 1) for k in range(K)], -1
    )
    ids = ids.astype(np.int64)
    read = probe(states, ids, asked)
    mean, scale = states.mean(0), states.std(0)
    x = torch.tensor((states - mean) / scale)
    found = []
    for k in range(K):
        y = F.one_hot(torch.tensor(ids[:, k]), C).double()
        w = _least(x, y - y.mean(0))
        scores_of = torch.tensor((asked - mean) / scale) @ w + y.mean(0)
        found.append(0.0 if read[:, k].tolist() == scores_of.argmax(-1).tolist() else np.inf)
        ours = ridge(x.numpy(), (y - y.mean(0)).numpy()[:, None])
        found.append(gap(ours[:, 0], w))
    return largest(found)


def _least(x: Tensor, y: Tensor) -> Tensor:
    """The weights (H, C) of least generalised cross-validation error."""
    N, H = x.shape
    best, least = torch.empty(0), math.inf
    for penalty in PENALTIES.tolist():
        square = x.T @ x / N + penalty * torch.eye(H, dtype=torch.float64)
        w = torch.linalg.solve(square, x.T @ y / N)
        hat = x @ torch.linalg.solve(square, x.T / N)
        error = float(((y - x @ w) ** 2).sum() / N) / (1.0 - (1.0 + float(hat.trace())) / N) ** 2
        if error < least:
            best, least = w, error
    return best
