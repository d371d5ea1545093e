"""What a state still knows of the tokens before it, beside what a loss still tells that state.

    found = memory(model, random_words(model.vocabulary, 12))
    found.readings["h"].accuracy[t - 1, k - 1]   # how often the token at k is read from h_t
    found.readings["h"].norm[t - 1, k - 1]       # ||dL_t/dh_k||

Forgetting runs forward: the token is no longer in the state. Vanishing runs backward: the loss no longer
tells the state what to change. Both are measured on the same network, k across and t down.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from explorer.cells import CELLS
from explorer.data.grammar import END
from explorer.data.sources import Batch, Source
from explorer.exact import bounds
from explorer.gradients.bptt import bptt
from explorer.lab.learned import Token, token_of
from explorer.labels import UNKNOWN
from explorer.limits import FLOAT32_MAX, MAX_BUDGET
from explorer.nn.model import RecurrentModel
from explorer.nn.reading import frozen
from explorer.nn.tracing import run_layer, trace

FIT, TEST = 1_500, 500
"""Sequences that a probe is fitted on, and others that it is tested on: 500 give a share to 2 points."""

ENOUGH_FIT, ENOUGH_TEST = 400, 100
"""With fewer sequences of a network's own data than this, nothing is read from them."""

ENOUGH_BEGINNINGS = 150
"""With fewer sentences or windows than this, their later parts serve as sequences too."""

STEPS_BY_LEVEL = {"word": 12, "char": 20, "jamo": 20}
"""T by token level: a dozen words, or a few words of letters, still fit a strip."""

FEWEST_STEPS = 4
ENOUGH_TOKENS = 2
MOST_WORDS = 50
"""Random words are drawn from so many of the vocabulary at most: a probe needs some examples of each."""

MOST_CLASSES = 256
"""Tokens that a probe chooses among: the most frequent ones of those it was fitted on."""

GRADIENTS = 15
"""Sequences whose gradients are compared: an odd number has a middle one."""

PENALTIES = 10.0 ** np.arange(-10, 2)
"""What a ridge is chosen from, in units of the states' mean square."""

_ROWS = 500  # sequences whose gates are in memory at once
_BATCHES = 400  # of a source, at most: small batches give fewer sequences


@dataclass(frozen=True, eq=False)
class Sequences:
    """Token ids (N, T+1) to fit probes on, and others to test them on; the last one only ends the text.

    kind: `words`, each drawn by chance and as likely as any other, so that none hints at another; or
    `text`, what the network was trained to read, of which test holds what it was not trained on.
    choices: how many tokens there are to choose from.
    """

    kind: str
    fit: np.ndarray
    test: np.ndarray
    choices: int

    @property
    def steps(self) -> int:
        return self.fit.shape[1] - 1


@dataclass(frozen=True, eq=False)
class Probed:
    """What one state holds and what it is told. Arrays (T, T): row t-1, column k-1; NaN where k > t.

    accuracy: the share of test sequences whose token at k is read from the state after t; NaN also
    where the state left float32. guess: the id that is read in the first test sequence, -1 where none.
    norm: ||dL_t/ds_k||, the middle one of GRADIENTS test sequences, s the state.
    """

    accuracy: np.ndarray
    guess: np.ndarray
    norm: np.ndarray

    @property
    def accuracy_by_distance(self) -> np.ndarray:
        """The mean accuracy (T,) at each distance t - k = 0..T-1, of the states that are finite."""
        there = (diagonal[np.isfinite(diagonal)] for diagonal in _diagonals(self.accuracy))
        return np.array([some.mean() if some.size else np.nan for some in there])

    @property
    def norm_by_distance(self) -> np.ndarray:
        """The geometric mean of the norms (T,) at each distance t - k = 0..T-1."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return np.array([np.exp(np.log(diagonal).mean()) for diagonal in _diagonals(self.norm)])

    def shrunk(self, distance: int) -> float:
        """Returns ||dL_t/ds_{t-d}|| / ||dL_t/ds_t||, the geometric mean over all t that reach so far back."""
        far, near = np.diagonal(self.norm, -distance), np.diagonal(self.norm)[distance:]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return float(np.exp((np.log(far) - np.log(near)).mean()))


@dataclass(frozen=True, eq=False)
class Memory:
    """What the states of a network know of T tokens, by state: `h`, and `c` where there is one.

    tokens and ids (T,): the first test sequence. baseline (T,): how often a guess is right; in a text the
    share of test sequences with the token at k that is the most frequent there among those fitted.
    bad: the first step at which a state
    left float32, or None. fitted, tested: sequences.
    """

    kind: str
    tokens: tuple[Token, ...]
    ids: np.ndarray
    baseline: np.ndarray
    readings: dict[str, Probed]
    bad: int | None
    fitted: int
    tested: int
    choices: int

    @property
    def steps(self) -> int:
        return len(self.tokens)

    def between_by_distance(self, symbol: str) -> np.ndarray:
        """Returns the bounds (2, T) of the mean accuracies by distance, of as many trials as sequences.

        The steps of one sequence are not independent trials: to count them too would promise too much.
        """
        return bounds(self.readings[symbol].accuracy_by_distance, self.tested)

    @property
    def baseline_by_distance(self) -> np.ndarray:
        """The mean baseline (T,) at each distance t - k = 0..T-1."""
        T = self.steps
        return np.array([self.baseline[: T - d].mean() for d in range(T)])


@dataclass(frozen=True)
class Finding:
    """What differs between forgetting and vanishing over a distance of half the steps.

    accuracy, baseline: means at that distance. shrunk: the gradient there over that of the same losses at
    distance 0, the geometric mean.
    verdict: of the token `known`, `partly`, `hardly` or `lost`, of the gradient `arrives` or `vanished`,
    joined by `_`; `certain` where a guess is nearly always right; `nonfinite`.
    """

    distance: int
    accuracy: float
    baseline: float
    shrunk: float
    verdict: str


KNOWN, LITTLE = 0.25, 0.1
"""Of what a guess gets wrong, the share a probe gets right: over the first a token counts as known, over the
second as known in part."""

BY_CHANCE = 3.0
"""Standard deviations of a guess's share, over the tested sequences, up to which a token counts as lost."""

ARRIVES = 0.01
"""A gradient counts as arriving where at least this share of it is left."""

CERTAIN = 0.95


def memory(model: RecurrentModel, sequences: Sequences) -> Memory:
    """Reads every token so far out of every state of a network, by a linear probe for each pair.

    Raises ValueError for a network that reads in both directions.
    """
    T = sequences.steps
    known, asked = (states(model, ids[:, :T]) for ids in (sequences.fit, sequences.test))
    norms = _norms(model, sequences.test[:GRADIENTS])
    targets = sequences.test[:, :T]
    classes, one_hot = _one_hot(sequences.fit[:, :T])
    readings, bad = {}, []
    for symbol in known:
        accuracy, guess = np.full((T, T), np.nan), np.full((T, T), -1)
        for t in range(T):
            at = known[symbol][:, t], asked[symbol][:, t]
            if not all((np.abs(s) <= FLOAT32_MAX).all() for s in at):
                bad.append(t + 1)
                break
            read = classes[_read(at[0], one_hot[:, : t + 1], at[1])]  # (M, t+1)
            accuracy[t, : t + 1] = (read == targets[:, : t + 1]).mean(0)
            guess[t, : t + 1] = read[0]
        readings[symbol] = Probed(*map(frozen, (accuracy, guess, norms[symbol])))
    assert model.vocabulary is not None
    return Memory(
        kind=sequences.kind,
        tokens=tuple(token_of(model.vocabulary[k], model) for k in targets[0]),
        ids=targets[0],
        baseline=frozen(_guessed(sequences, T)),
        readings=readings,
        bad=min(bad, default=None),
        fitted=len(sequences.fit),
        tested=len(targets),
        choices=sequences.choices,
    )


def memories(model: RecurrentModel, data: Source | None, token_level: str) -> tuple[Memory, ...]:
    """Returns what a network keeps of its own text, where there is enough of it, and of random words.

    data is what it was trained on, None where that is not known; token_level decides T. Raises ValueError
    for a vocabulary of fewer than two tokens.
    """
    assert model.vocabulary is not None
    text = None
    if data is not None and data.vocabulary == model.vocabulary:
        text = own_text(data, STEPS_BY_LEVEL[token_level])
    words = random_words(model.vocabulary, STEPS_BY_LEVEL[token_level] if text is None else text.steps)
    return tuple(memory(model, one) for one in (text, words) if one is not None)


def finding(found: Memory, symbol: str) -> Finding:
    """Returns what is to be said of one state's forgetting and vanishing."""
    reading, d = found.readings[symbol], found.steps // 2
    right, guessed = float(reading.accuracy_by_distance[d]), float(found.baseline_by_distance[d])
    shrunk = reading.shrunk(d)
    return Finding(d, right, guessed, shrunk, _verdict(right, guessed, shrunk, found.tested))


def _verdict(right: float, guessed: float, shrunk: float, tested: int) -> str:
    if not np.isfinite([right, shrunk]).all():
        return "nonfinite"
    if guessed > CERTAIN:
        return "certain"
    share = (right - guessed) / (1.0 - guessed)
    more = right - guessed > BY_CHANCE * np.sqrt(guessed * (1.0 - guessed) / tested)
    forward = "known" if share > KNOWN else "partly" if share > LITTLE else "hardly" if more else "lost"
    return f"{forward}_{'arrives' if shrunk > ARRIVES else 'vanished'}"


# The sequences.


def random_words(vocabulary: Sequence[str], steps: int, seed: int = 0) -> Sequences:
    """Returns sequences of tokens drawn by chance, each as likely as any other; no <unk>, no end token.

    Of a large vocabulary MOST_WORDS are drawn first. Raises ValueError for fewer than two tokens.
    """
    rng = np.random.default_rng(seed)
    choices = choices_of(vocabulary)
    if len(choices) < ENOUGH_TOKENS:
        raise ValueError(f"{len(choices)} tokens to choose from; it takes {ENOUGH_TOKENS} to tell apart")
    if len(choices) > MOST_WORDS:
        choices = rng.choice(choices, MOST_WORDS, replace=False)
    drawn = rng.choice(choices, (FIT + TEST, steps + 1))
    return Sequences("words", drawn[:FIT], drawn[FIT:], len(choices))


def choices_of(vocabulary: Sequence[str]) -> np.ndarray:
    """Returns the ids of the tokens that a text may hold: all but <unk> and the end token."""
    return np.array([k for k, token in enumerate(vocabulary) if token not in (UNKNOWN, END)])


def own_text(data: Source, steps: int) -> Sequences | None:
    """Returns stretches of what a network was trained to read, tested on what was held out; at most `steps`.

    They begin where its sentences or windows do. Where those are too few, further ones begin in the
    midst of them. None where nothing was held out, or too little.
    """
    if data.vocabulary is None or data.held_out_is_training:
        return None
    held = rows(data.held_out())
    T = min(steps, int(np.quantile([len(row) for row in held], 0.1)) - 1)
    if T < FEWEST_STEPS:
        return None
    fit = _stretches(_drawn(data, T), T + 1, FIT)
    seen = set(map(bytes, fit))
    test = np.array([one for one in _stretches(held, T + 1, TEST) if bytes(one) not in seen])
    if len(fit) < ENOUGH_FIT or len(test) < ENOUGH_TEST:
        return None
    return Sequences("text", fit, test, len(np.unique(fit)))


def _drawn(data: Source, steps: int) -> list[np.ndarray]:
    """Rows of the source from the far end of its stream, which no training reaches."""
    found: list[np.ndarray] = []
    for n in range(_BATCHES):
        found += [row for row in rows(data.batch(MAX_BUDGET - n)) if len(row) > steps]
        if len(found) >= FIT:
            break
    return found


def rows(batch: Batch) -> list[np.ndarray]:
    """Returns the token ids of each sequence of a batch, the token after the last input included."""
    ids = np.concatenate([batch.x[:1].numpy(), batch.target.numpy()])  # (T+1, B), -1 past the end
    return [column[column >= 0] for column in ids.T]


def _stretches(found: Iterable[np.ndarray], length: int, most: int) -> np.ndarray:
    """Returns (N, length) ids: the beginnings of rows; where these are too few, what follows them too."""
    pieces = [[row[at : at + length] for at in range(0, len(row) - length + 1, length)] for row in found]
    firsts = [row[:1] for row in pieces]
    enough = sum(map(len, firsts)) >= ENOUGH_BEGINNINGS
    chosen = [piece for row in (firsts if enough else pieces) for piece in row]
    return np.array(chosen[:most]).reshape(-1, length)


# The probe.


def states(model: RecurrentModel, ids: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the last layer's states after each token of ids (N, T), by symbol: (N, T, H) each, from zero.

    Raises ValueError for a network that reads in both directions.
    """
    assert model.embedding is not None
    vectors = model.embedding.weight.detach().numpy()
    symbols = CELLS[model.cell].states
    parts: dict[str, list[np.ndarray]] = {symbol: [] for symbol in symbols}
    for at in range(0, len(ids), _ROWS):
        x = vectors[ids[at : at + _ROWS].T]  # (T, B, D)
        for directions in model.layer_weights():
            if len(directions) > 1:
                raise ValueError("a state that has read both ways does not forget by distance")
            (weights,) = directions
            zero = np.zeros((x.shape[1], weights.hidden_size), x.dtype)
            layer = run_layer(model.cell, weights, x, (zero,) * len(symbols))
            x = layer.output
        for symbol in symbols:
            parts[symbol].append(layer.signal(symbol).swapaxes(0, 1))
    return {symbol: np.concatenate(some) for symbol, some in parts.items()}


def probe(known: np.ndarray, ids: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Returns the ids (M, K) that a linear probe reads from the states asked (M, H).

    It is fitted on known (N, H), whose tokens are ids (N, K): ridge regression of one-hot tokens on the
    states, each unit at mean 0 and variance 1, the intercept free; the largest of its outputs is read.
    The ridge of each of the K is the one of PENALTIES with the least generalised cross-validation error
    (Golub, Heath and Wahba 1979): the fitted sequences choose it, not the tested ones.
    """
    classes, one_hot = _one_hot(ids)
    return classes[_read(known, one_hot, asked)]


def _read(known: np.ndarray, one_hot: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Returns the largest of C outputs (M, K) for one-hot tokens (N, K, C)."""
    share = one_hot.mean(0)  # (K, C)
    mean, scale = known.mean(0), known.std(0)
    scale[scale == 0.0] = 1.0
    x = (known - mean) / scale
    weights = ridge(x, one_hot - share)  # (H, K, C)
    scores = np.tensordot((asked - mean) / scale, weights, 1) + share  # (M, K, C)
    return scores.argmax(-1)


def _one_hot(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the classes (C,) among ids (N, K), and which one each is (N, K, C); none past MOST_CLASSES."""
    seen = Counter(ids.ravel().tolist())
    classes = np.array(sorted(token for token, _ in seen.most_common(MOST_CLASSES)))
    return classes, (ids[..., None] == classes).astype(np.float64)


def ridge(x: np.ndarray, y: np.ndarray, penalties: np.ndarray = PENALTIES) -> np.ndarray:
    """Returns the weights (H, K, C) of ridge regressions of y (N, K, C) on x (N, H), both of mean 0.

    Each of the K minimises |y - xw|^2 / N + penalty |w|^2, with the penalty of least generalised
    cross-validation error.
    """
    N, H = x.shape
    spectrum, axes = np.linalg.eigh(x.T @ x / N)  # (H,), (H, H)
    spectrum = np.maximum(spectrum, 0.0)[:, None]  # (H, 1)
    along = ((x @ axes).T @ y.reshape(N, -1) / N).reshape(H, *y.shape[1:])  # (H, K, C)
    energy, whole = (along**2).sum(-1), (y**2).sum((0, 2)) / N  # (H, K), (K,)
    errors = []
    for penalty in penalties:
        lent = energy / (spectrum + penalty)
        left = whole - 2.0 * lent.sum(0) + (lent * spectrum / (spectrum + penalty)).sum(0)  # (K,)
        freedom = 1.0 + (spectrum / (spectrum + penalty)).sum()
        errors.append(left / (1.0 - freedom / N) ** 2)
    best = penalties[np.argmin(errors, 0)]  # (K,)
    return np.tensordot(axes, along / (spectrum + best)[..., None], 1)


def _guessed(sequences: Sequences, steps: int) -> np.ndarray:
    """Returns how often (T,) a guess is right: of random words at every step alike, of a text as counted."""
    if sequences.kind == "words":
        return np.full(steps, 1.0 / sequences.choices)
    return baseline(sequences.fit[:, :steps], sequences.test[:, :steps])


def baseline(fit: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Returns how often (T,) the token of test (M, T) is the most frequent one of fit (N, T) at its step."""
    usual = [Counter(column.tolist()).most_common(1)[0][0] for column in fit.T]
    return (test == usual).mean(0)


# The gradient.


def _norms(model: RecurrentModel, ids: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the middle ||dL_t/ds_k|| (T, T) of sequences (n, T+1), by state; NaN counts as the largest."""
    found: dict[str, list[np.ndarray]] = {symbol: [] for symbol in CELLS[model.cell].states}
    for sequence in ids:
        run = trace(model, sequence.tolist()).window(1, len(sequence) - 1)
        top = bptt(run, loss="each_step").layers[-1]
        for symbol, norm in top.norms.items():
            found[symbol].append(norm[:, 1:])
    return {symbol: np.sort(norms, 0)[len(norms) // 2] for symbol, norms in found.items()}


def _diagonals(triangle: np.ndarray) -> list[np.ndarray]:
    return [np.diagonal(triangle, -d) for d in range(len(triangle))]
