"""What every page starts from: learned weights, and the sequence they run over."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from explorer.data.corpora import TAUGHT, sentences_of
from explorer.data.grammar import END
from explorer.data.sources import source
from explorer.data.tasks import adding
from explorer.data.unusable import Unusable
from explorer.experiment import Experiment
from explorer.labels import UNKNOWN, label
from explorer.limits import EMBEDDING, MARKED_LENGTH, WINDOW
from explorer.nn.initialise import initialise
from explorer.nn.model import RecurrentModel
from explorer.text import tokenise
from explorer.training.folder import BUNDLE, events_in, kept_in, race_in, tensors_in
from explorer.training.learner import build
from explorer.training.results import results
from explorer.training.shipped import families
from explorer.training.store import Bundle, load_bundle
from explorer.training.trainer import Fit, Moments, fit_adding, fit_language_model


@dataclass(frozen=True)
class Learned:
    """A model and how it came to be; fit is None where the weights are untrained.

    moments holds the weights at some steps of the training; the model has those of its end.
    """

    model: RecurrentModel
    fit: Fit | None
    moments: Moments = field(default_factory=dict, hash=False, compare=False)
    sample: "Sample | None" = None
    """For a network that reads no text: what it runs over."""

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
    """One step's input: as shown, as typed, whether the model knows it, whether it is marked.

    cue: how much of a later prediction another word in its place moves, 0 for no cue word; see `lab.cues`.
    """

    label: str
    original: str
    known: bool = True
    marked: bool = False
    cue: float = 0.0


def tokens_called(names: Sequence[str] | None, steps: int) -> tuple[Token, ...]:
    """Returns tokens by what a trace calls them; their steps, from 1, where it has no names for them."""
    called = names or [str(k + 1) for k in range(steps)]
    return tuple(Token(label(str(name)), str(name)) for name in called)


def settled(experiment: Experiment, lang: str) -> Experiment:
    """Returns the experiment with all said that a reader's language would else decide of what is computed.

    That is the language of sentences to learn, and the notation in which a gate is held. So a link shows
    the same network and the same curves in every language.
    """
    grammar = experiment.spoken(lang) if experiment.is_spoken else experiment.grammar
    notation = experiment.display(lang).notation if experiment.held_flips() else experiment.notation
    return replace(experiment, grammar=grammar, notation=notation)


UNSAID = "en"
"""Whose an address is that leaves open what a reader's language would decide: the same for every reader."""


def text_of(experiment: Experiment) -> str:
    """Returns the sentence to walk: the typed one, or a shipped network's own, or the lecture's first."""
    family = families().get(experiment.model) if experiment.weights == "model" else None
    return experiment.text or (family.text if family else sentences_of(experiment.weights)[0])


def opening(lang: str) -> Experiment:
    """Returns what an address that names nothing opens on: sentences in the reader's language.

    What is open stands in the address from then on, so that a link shows the same in every language.
    """
    return Experiment() if lang == "ko" else Experiment(weights="english")


def takes_long(experiment: Experiment) -> bool:
    """Returns whether learning takes seconds: marked numbers, letters, jamo; not the words of sentences."""
    return experiment.weights == "marked" or (experiment.weights in TAUGHT and experiment.units != "word")


def new_tokens(experiment: Experiment) -> tuple[str, ...]:
    """Returns the tokens of the typed sentence that the three sentences do not have, each once, in order."""
    if experiment.weights not in TAUGHT or not experiment.text:
        return ()
    level = experiment.token_level
    known = {token for sentence in sentences_of(experiment.weights) for token in tokenise(sentence, level)}
    typed = tokenise(experiment.text, level)[:WINDOW]
    return tuple(dict.fromkeys(token for token in typed if token not in known))


def read_in_training(experiment: Experiment) -> list[tuple[str, ...]]:
    """Returns the sentences that a network learns, as tokens: the three, and the typed one if it is new.

    Of a typed sentence the first WINDOW tokens are learned. Unknown tokens stay so where that is the choice.
    """
    level = experiment.token_level
    sentences = [tokenise(sentence, level) for sentence in sentences_of(experiment.weights)]
    learns = experiment.unknown == "learn" and new_tokens(experiment)
    if learns or experiment.weights == "yours":
        sentences.append(tokenise(text_of(experiment), level)[:WINDOW])
    return sentences


def needed(model_part: Experiment) -> Experiment:
    """Returns a model part without a sentence that teaches nothing new: the key of what is learned."""
    if model_part.weights not in TAUGHT or (model_part.unknown == "learn" and new_tokens(model_part)):
        return model_part
    text = model_part.text if model_part.bias == "chrono" else ""
    return replace(model_part, text=text, unknown="learn" if not text else model_part.unknown)


def learn(experiment: Experiment) -> Learned:
    """Builds a model in float32, initialises it by the seed, trains it if asked; returns it in float64.

    Weights come from the experiment's generator alone, and no notation changes them: a high keep_bias keeps.
    """
    generator = torch.Generator().manual_seed(experiment.seed)
    marked = experiment.weights == "marked"
    sentences = read_in_training(experiment)
    typed = tokenise(text_of(experiment), experiment.token_level)
    if experiment.ending == "on":
        sentences = [(*sentence, END) for sentence in sentences]
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
    initialise(
        model,
        generator,
        scheme=experiment.init,
        gain=experiment.gain,
        bias=experiment.bias,
        keep_bias=experiment.keep_bias,
        longest=longest,
    )
    fit = None
    moments: Moments = {}
    if marked:
        fit = fit_adding(model, MARKED_LENGTH, generator, moments)
    elif experiment.weights != "untrained":
        fit = fit_language_model(model, sentences, moments)
    return Learned(model.double().eval(), fit, moments)


def from_race(folder: Path, racer: int) -> Learned:
    """Returns what a racer of a stored race has learned so far, with the steps that were kept."""
    if (folder / BUNDLE).exists():
        return from_bundle(load_bundle(folder / BUNDLE))
    run = race_in(folder).runs[racer]
    data = source(run, run.grammar)
    moments = {step: tensors_in(folder, f"{racer}/{step}") or {} for step in kept_in(folder, racer)}
    model = build(run, data)
    last = max(moments, default=0)
    if moments:
        model.load_state_dict(moments[last])
    found = results(events_in(folder))[racer]
    loss = float(found.loss[last - 1]) if 0 < last <= len(found.loss) else float("nan")
    fit = Fit("race", last, found.last_seconds, loss, found.status == "passed")
    sample = None if data.vocabulary else partial(_sample, run)
    return Learned(model.double().eval(), fit, moments, sample)


def from_bundle(bundle: Bundle) -> Learned:
    """Returns the network of a file."""
    sample = None if bundle.model.vocabulary else partial(_sample, bundle.experiment)
    fit = Fit("file", bundle.step, 0.0, float("nan"), True)
    return Learned(bundle.model.double().eval(), fit, {}, sample)


def _sample(run: Experiment, length: int) -> "Input":
    """A sequence of the run's task that no training has seen, of a length; 0 is the run's own."""
    try:
        data = source(replace(run, length=length) if length else run, run.grammar)
    except Unusable:  # too short for the task
        data = source(run, run.grammar)
    batch = data.probe()
    labels = zip(data.labels, data.marked, strict=True)
    tokens = tuple(Token(label, label, marked=marked) for label, marked in labels)
    x = batch.x[:, 0].double().numpy()
    if batch.target.ndim == 3:
        asks = "next" if run.data == "series" else "bit"
        return Input(x, tokens, float(batch.target[-1, 0, 0]), asks=asks)
    if batch.target.is_floating_point():
        return Input(x, tokens, float(batch.target[0]))
    return Input(x, tokens, classes=batch.target[:, 0].numpy(), answers=data.answers or ())


@dataclass(frozen=True, eq=False)
class Input:
    """What a model runs over: its inputs, the tokens to show, and what it is asked.

    target is the number to reach at the end: as asks says, a `sum`, the `next` one of a series, or the first
    `bit` of several; its loss alone is looked at. classes (T,): the answer asked for at each step, -1 where
    none is, and answers the names of all answers. Without either, x is a text and the next token is asked
    for; or numbers about which `nothing` is asked.
    """

    x: Any
    tokens: tuple[Token, ...]
    target: float | None = None
    classes: np.ndarray | None = None
    answers: tuple[str, ...] = ()
    asks: str = "sum"

    @property
    def is_text(self) -> bool:
        return self.target is None and self.classes is None and self.asks != "nothing"

    def turned(self) -> "Input":
        """Returns the same from its end to its beginning, as a layer against time reads it."""
        classes = None if self.classes is None else self.classes[::-1]
        return replace(self, x=self.x[::-1], tokens=self.tokens[::-1], classes=classes)


Sample = Callable[[int], Input]
"""Returns a sequence of a length that the network was not trained on; 0 is the length it knows."""


def inputs(
    experiment: Experiment, model: RecurrentModel, sample: Sample | None = None, length: int = 0
) -> Input:
    """Returns the experiment's sequence: its sentence, repeated to a length, or numbers to remember."""
    if experiment.weights == "marked":
        return _marked_input(experiment, max(length, 2) if length else MARKED_LENGTH)
    if experiment.weights == "model" and sample is not None:
        return sample(length)
    typed = tokenise(text_of(experiment), experiment.token_level)
    tokens = tuple(token_of(t, model) for t in typed)
    turns = -(-length // len(typed)) if length else 1
    return Input((typed * turns)[: length or None], (tokens * turns)[: length or None])


def token_of(token: str, model: RecurrentModel) -> Token:
    """Returns a token as shown: <unk> with the original where the model does not know it."""
    known = token in model.ids
    stands = UNKNOWN if UNKNOWN in model.ids or not model.vocabulary else model.vocabulary[0]
    return Token(label(token) if known else label(stands), label(token), known)


def _marked_input(experiment: Experiment, length: int) -> Input:
    generator = torch.Generator().manual_seed(10_000 + experiment.seed)  # not seen in training
    x, target = adding(length, 1, generator)
    tokens = tuple(marked_token(value, mark) for value, mark in x[:, 0].tolist())
    return Input(x[:, 0].double().numpy(), tokens, float(target))


def marked_token(value: float, mark: float) -> Token:
    """Returns a number of the adding task as shown, marked where mark is 1."""
    shown = f"{value:.2f}"
    return Token(shown, shown, marked=bool(mark > 0))
