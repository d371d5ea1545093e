"""What every page starts from: learned weights, and the sequence they run over."""

import copy
from dataclasses import dataclass, field
from typing import Any

import torch

from explorer.cells import CELLS
from explorer.corpora import lecture_sentences
from explorer.experiment import Experiment
from explorer.initialise import initialise
from explorer.limits import EMBEDDING, MARKED_LENGTH, WINDOW
from explorer.model import RecurrentModel
from explorer.tasks import adding
from explorer.text import UNKNOWN, label, tokenise
from explorer.training.trainer import Fit, Moments, fit_adding, fit_language_model


@dataclass(frozen=True)
class Learned:
    """A model and how it came to be; fit is None where the weights are untrained.

    moments holds the weights at some steps of the training; the model has those of its end.
    """

    model: RecurrentModel
    fit: Fit | None
    moments: Moments = field(default_factory=dict, hash=False, compare=False)

    def at(self, moment: int) -> RecurrentModel:
        """Returns the model at the last kept step of training up to a moment; at its end past all."""
        earlier = [step for step in self.moments if step <= moment]
        if not earlier or self.fit is None or moment >= self.fit.steps:
            return self.model
        model = copy.deepcopy(self.model)
        model.load_state_dict(self.moments[max(earlier)])
        return model


@dataclass(frozen=True)
class Token:
    """One step's input: as shown, as typed, whether the model knows it, whether it is marked."""

    label: str
    original: str
    known: bool = True
    marked: bool = False


def notation_for(experiment: Experiment, lang: str) -> str:
    """Returns `lecture` or `pytorch`: the reader's choice, else the lecture's in Korean."""
    if experiment.notation != "auto":
        return experiment.notation
    return "lecture" if lang == "ko" else "pytorch"


def text_of(experiment: Experiment) -> str:
    """Returns the sentence to walk: the typed one, or the lecture's first."""
    return experiment.text or lecture_sentences()[0]


def learn(experiment: Experiment, notation: str = "pytorch") -> Learned:
    """Builds a model in float32, initialises it by the seed, trains it if asked; returns it in float64.

    Weights come from the experiment's generator alone. notation says how a GRU's update bias is meant.
    """
    generator = torch.Generator().manual_seed(experiment.seed)
    marked = experiment.weights == "marked"
    sentences = [tokenise(s, experiment.units) for s in lecture_sentences()]
    typed = tokenise(text_of(experiment), experiment.units)
    if experiment.weights == "yours":
        sentences.append(typed[:WINDOW])
    if marked:
        model = RecurrentModel(experiment.cell, 2, experiment.hidden, 1)
        longest = MARKED_LENGTH
    else:
        known = sentences + ([typed] if experiment.weights == "untrained" else [])
        vocabulary = (UNKNOWN, *sorted({token for s in known for token in s}))
        model = RecurrentModel(
            experiment.cell, EMBEDDING, experiment.hidden, len(vocabulary), vocabulary=vocabulary
        )
        longest = max(map(len, [*sentences, typed]))
    flipped = notation == "lecture" and bool(CELLS[experiment.cell].flips)
    initialise(
        model,
        generator,
        scheme=experiment.init,
        gain=experiment.gain,
        bias=experiment.bias,
        keep_bias=-experiment.keep_bias if flipped else experiment.keep_bias,
        longest=longest,
    )
    fit = None
    moments: Moments = {}
    if marked:
        fit = fit_adding(model, MARKED_LENGTH, generator, moments)
    elif experiment.weights != "untrained":
        fit = fit_language_model(model, sentences, moments)
    return Learned(model.double().eval(), fit, moments)


@dataclass(frozen=True, eq=False)
class Input:
    """What the model runs over: its inputs, the tokens to show, the sum to reach."""

    x: Any
    tokens: tuple[Token, ...]
    target: float | None = None


def inputs(experiment: Experiment, model: RecurrentModel) -> Input:
    """Returns the experiment's sequence: its sentence, or twenty numbers of which two are marked."""
    if experiment.weights == "marked":
        return _marked_input(experiment)
    typed = tokenise(text_of(experiment), experiment.units)
    return Input(typed, tuple(token_of(t, model) for t in typed))


def token_of(token: str, model: RecurrentModel) -> Token:
    """Returns a token as shown: <unk> with the original where the model does not know it."""
    known = token in model.ids
    return Token(label(token) if known else UNKNOWN, label(token), known)


def _marked_input(experiment: Experiment) -> Input:
    generator = torch.Generator().manual_seed(10_000 + experiment.seed)  # not seen in training
    x, target = adding(MARKED_LENGTH, 1, generator)
    tokens = tuple(marked_token(value, mark) for value, mark in x[:, 0].tolist())
    return Input(x[:, 0].double().numpy(), tokens, float(target))


def marked_token(value: float, mark: float) -> Token:
    """Returns a number of the adding task as shown, marked where mark is 1."""
    shown = f"{value:.2f}"
    return Token(shown, shown, marked=bool(mark > 0))
