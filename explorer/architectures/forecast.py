"""A forecast of a numeric series: a small network that is trained on it, beside forecasts without learning.

Everything is measured on held-out time, which comes after all that was learned from.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from explorer.data.series import Series, series
from explorer.data.sources import source
from explorer.experiment import Experiment
from explorer.nn.model import RecurrentModel
from explorer.training.learner import Learner

STEPS, AHEAD = 48, 36
"""Steps of a window, and of a forecast that runs freely after it."""

FIRST = 24
"""The step of a window from which on a forecast counts: before it, hardly anything has been read."""

LAGS = 6
"""Steps back to which a forecast is compared with the truth."""

HIDDEN, BATCH, RATE, UPDATES = 16, 16, 0.01, 400
SEEDS = 5


@dataclass(frozen=True, eq=False)
class Scores:
    """Mean squared errors on held-out time in units of persistence's: one step ahead, and in a free run."""

    one: float
    free: float

    @property
    def skill(self) -> float:
        return 1.0 - self.one

    @property
    def free_skill(self) -> float:
        return 1.0 - self.free


@dataclass(frozen=True, eq=False)
class Forecast:
    """A trained network before the held-out time of a series.

    Of the last window, in the series' own units: time (n,) places in the series from 0, its true values, and
    their forecasts by the network, by the last value, by the value a season ago (None without a season); the
    first `known` of one step, the rest a free run. lag (LAGS,): how far the forecasts of one step are,
    squared, from the truth so many steps before, from 0, in units of persistence's error. pairs (n, 3): last
    value, next value, forecast, each counted from its window's first value. best: the skill of the best
    forecast, NaN where nobody knows it.
    """

    kind: str
    period: int
    cut: int
    values: np.ndarray
    time: np.ndarray
    truth: np.ndarray
    network: np.ndarray
    last: np.ndarray
    season: np.ndarray | None
    known: int
    scores: Scores
    seasonal: Scores | None
    persistence: float
    lag: np.ndarray
    pairs: np.ndarray
    best: float
    updates: int
    model: RecurrentModel

    @property
    def lags(self) -> bool:
        """Whether the forecast is nearest to the value before the one that it is of."""
        return int(self.lag.argmin()) == 1


def chosen(experiment: Experiment) -> Experiment:
    """Returns the training that the view carries out: the cell, the series and the seed are choices."""
    values = experiment.values if experiment.series == "yours" else ""
    run = Experiment(
        data="series", series=experiment.series, values=values, cell=experiment.cell, seed=experiment.seed,
        hidden=HIDDEN, batch=BATCH, rate=RATE, budget=UPDATES, length=STEPS,
    )  # fmt: skip
    return replace(run, bias="fixed", keep_bias=1.0) if run.cell == "lstm" else run


def forecast(run: Experiment) -> Forecast:
    """Trains a network and forecasts. Raises unusable.Unusable for a series that is too short or none."""
    whole = series(run.series, run.seed, run.values)
    run = _fitting(run, whole)
    learner = Learner(run, source(run))
    for _ in range(run.budget):
        learner.advance()
    return measured(whole, learner.model.double().eval(), run)


def _fitting(run: Experiment, whole: Series) -> Experiment:
    """The run with windows that fit, a free run after them, into the held-out part of a short series."""
    held = len(whole.values) - whole.cut
    return replace(run, length=max(8, min(STEPS, held // 2)))


def measured(whole: Series, model: RecurrentModel, run: Experiment) -> Forecast:
    """Measures a trained network on the held-out time of its series.

    Of each window the first T values are known. Forecasts of one step are of values FIRST to T - 1, from 0;
    the free run, and both others beside it, are of the A values after them.
    """
    T, P = run.length, whole.period
    A = min(AHEAD, len(whole.values) - whole.cut - T)
    scale, starts = whole.scale(T), whole.starts(T + A - 1, held_out=True)
    y = whole.windows(starts, T + A - 1)  # (T + A, B)
    one, free = (said * scale + y[0] for said in _run(model, (y[:T] - y[0]) / scale, A))
    first = min(FIRST, T // 2)
    asked, after = slice(first, T), slice(T, T + A)

    def back(lag: int, rows: slice = asked) -> np.ndarray:
        return whole.values[np.arange(T + A)[rows, None] + starts - lag]

    naive = whole.values[(T - P + np.arange(A) % P)[:, None] + starts]
    persistence, flat = _error(back(1), y[asked]), _error(y[T - 1], y[after])
    said = one[first - 1 : T - 1]
    seasonal = Scores(_error(back(P), y[asked]) / persistence, _error(naive, y[after]) / flat)
    shown, last = slice(1, T), np.full(A, y[T - 1, -1])
    return Forecast(
        kind=run.series,
        period=P,
        cut=whole.cut,
        values=whole.values,
        time=starts[-1] + np.arange(1, T + A),
        truth=y[1:, -1],
        network=np.concatenate([one[: T - 1, -1], free[:, -1]]),
        last=np.concatenate([back(1, shown)[:, -1], last]),
        season=np.concatenate([back(P, shown)[:, -1], naive[:, -1]]) if P > 1 else None,
        known=T - 1,
        scores=Scores(_error(said, y[asked]) / persistence, _error(free, y[after]) / flat),
        seasonal=seasonal if P > 1 else None,
        persistence=persistence,
        lag=np.array([_error(said, back(lag)) for lag in range(LAGS)]) / persistence,
        pairs=np.stack([(values - y[0]).ravel() for values in (back(1), y[asked], said)], 1),
        best=_best(whole, persistence),
        updates=run.budget,
        model=model,
    )


@torch.no_grad()
def _run(model: RecurrentModel, x: np.ndarray, ahead: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the forecast after each of the values x (T, B), and of so many values (A, B) after them.

    Of those the first is the last of the others; from it on the network reads what it said itself.
    """
    hidden, state = model.rnn(torch.tensor(x)[..., None])
    one = model.readout(hidden)
    said = [one[-1:]]
    for _ in range(ahead - 1):
        hidden, state = model.rnn(said[-1], state)
        said.append(model.readout(hidden))
    return one[..., 0].numpy(), torch.cat(said)[..., 0].numpy()


def _best(whole: Series, persistence: float) -> float:
    """The skill of who knows all but the noise: of a walk, whose next step nobody knows, 0."""
    return 0.0 if whole.walk else 1.0 - whole.noise**2 / persistence


def _error(forecast: Any, truth: np.ndarray) -> float:
    return float(np.mean((forecast - truth) ** 2))
