"""One to one, a letter: vowel or consonant. One to many, a digit: its name, letter by letter."""

from collections import Counter

import torch
from torch.nn import functional as F

from explorer.architectures.mappings.common import (
    Accuracy,
    Column,
    Fitted,
    Network,
    Reading,
    descend,
    finished,
    outputs,
    padded,
    part_of,
    starting,
)
from explorer.data.exercises import STOP, letters, letters_in, names
from explorer.i18n import t
from explorer.lab.learned import token_of
from explorer.labels import UNKNOWN, label
from explorer.nn.model import RecurrentModel
from explorer.nn.tracing import trace

BLANK = " "
"""Comes in where nothing comes in: its vector is zero."""


def fit_one_one(cell: str, lang: str, seed: int) -> Fitted:
    """Trains a letter's kind; of one step, whatever the cell."""
    alphabet = letters(lang)
    (model,), _ = starting("one_one", cell, seed, [((UNKNOWN, *alphabet), 2)])
    ids = torch.tensor([model.encode(tuple(alphabet))])
    target = torch.tensor([0 if vowel else 1 for vowel in alphabet.values()])
    seconds = descend("one_one", [model], lambda _: F.cross_entropy(model(ids)[0], target))
    models = finished([model])
    right = int((model(ids)[0].argmax(-1) == target).sum())
    guess = max(Counter(alphabet.values()).values()) / len(alphabet)
    scores = (Accuracy("letters", right, len(alphabet), guess),)
    return Fitted(models, kinds(lang, lang), len(alphabet), seconds, scores)


def kinds(lang: str, reader: str) -> tuple[str, ...]:
    """Returns the two kinds of letters as a reader calls them."""
    return t("mappings.vowel", reader), t("mappings.consonant", reader)


def read_one_one(network: Network, text: str) -> Reading:
    """Returns the kind of a text's first letter."""
    (model,), (letter,) = network.models, letters_in(text, network.lang)[:1]
    asked = network.answers[0 if letters(network.lang)[letter] else 1]
    part = part_of(model, [letter], [token_of(letter, model)], network.answers, [asked])
    column = Column(1, part.given.tokens[0], outputs(part)[0], asked=asked)
    return Reading(network, text, (column,), (part,), ())


# One to many.


def fit_one_many(cell: str, lang: str, seed: int) -> Fitted:
    """Trains the names of all digits; the digit comes in at step 1, nothing after it."""
    spelled = names(lang)
    signs = tuple(sorted({sign for name in spelled.values() for sign in name}))
    (model,), _ = starting("one_many", cell, seed, [((BLANK, *spelled), len(signs))])
    _silence(model)
    target = padded([[signs.index(sign) for sign in name] for name in spelled.values()], -1)
    ids = torch.zeros_like(target)
    ids[0] = torch.tensor(model.encode(tuple(spelled)))
    asked = target >= 0
    seconds = descend("one_many", [model], lambda _: F.cross_entropy(model(ids)[asked], target[asked]))
    models = finished([model])
    right = int(((model(ids).argmax(-1) == target) | ~asked).all(0).sum())
    scores = (Accuracy("names", right, len(spelled), 1 / len(spelled)),)
    return Fitted(models, tuple(map(label, signs)), len(spelled), seconds, scores)


def _silence(model: RecurrentModel) -> None:
    """Makes the blank's vector zero for good: after the first step nothing comes in."""
    assert model.embedding is not None
    model.embedding.padding_idx = 0
    with torch.no_grad():
        model.embedding.weight[0] = 0.0


def read_one_many(network: Network, text: str) -> Reading:
    """Returns what a digit is called, up to the first STOP."""
    (model,) = network.models
    name = [label(sign) for sign in names(network.lang)[text]]
    longest = max(map(len, names(network.lang).values()))
    whole = trace(model, model.encode([text, *[BLANK] * (longest - 1)]))
    assert whole.logits is not None
    best = [network.answers[k] for k in whole.logits.argmax(-1)]
    steps = best.index(STOP) + 1 if STOP in best else longest
    tokens = [text, *[BLANK] * (steps - 1)]
    asked = [name[k] if k < len(name) else None for k in range(steps)]
    part = part_of(model, tokens, [token_of(token, model) for token in tokens], network.answers, asked)
    columns = tuple(
        Column(k + 1, part.given.tokens[k] if k == 0 else None, said, asked=asked[k])
        for k, said in enumerate(outputs(part))
    )
    return Reading(network, text, columns, (part,), ())
