"""Many to many, in step: a tag per token. Of some words only the next one tells it."""

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from explorer.architectures.mappings.common import (
    ROWS,
    Accuracy,
    Column,
    Fitted,
    Network,
    Reading,
    descend,
    dropped,
    finished,
    outputs,
    padded,
    part_of,
    starting,
    unknown,
    usual,
)
from explorer.data.exercises import Tagged, pieces, tag_words, tagged_split, tags, tags_of, undecided
from explorer.i18n import t
from explorer.lab.learned import token_of
from explorer.labels import UNKNOWN
from explorer.nn.model import RecurrentModel


def fit(cell: str, lang: str, seed: int) -> Fitted:
    """Trains a tag for every token of the training sentences, the loss at every step."""
    train, held = tagged_split(lang)
    vocabulary, kinds = (UNKNOWN, *tag_words(lang)), tags(lang)
    (model,), generator = starting("many_many", cell, seed, [(vocabulary, len(kinds))])
    ids, target = _tag_batch(train, model, kinds)

    def loss(_: int) -> Tensor:
        rows = torch.randint(len(train), (ROWS,), generator=generator)
        logits = model(dropped(ids[:, rows], model, generator))
        return F.cross_entropy(logits.flatten(0, 1), target[:, rows].flatten(), ignore_index=-1)

    seconds = descend("many_many", [model], loss)
    models = finished([model])
    ids, target = _tag_batch(held, model, kinds)
    right = (model(ids).argmax(-1) == target).T
    return Fitted(models, called(lang, lang), len(train), seconds, _tag_scores(train, held, right.tolist()))


def called(lang: str, reader: str) -> tuple[str, ...]:
    """Returns the tags of a language as a reader calls them."""
    return tuple(t(f"mappings.tag_{kind}", reader) for kind in tags(lang))


def _tag_batch(
    among: Sequence[Tagged], model: RecurrentModel, kinds: tuple[str, ...]
) -> tuple[Tensor, Tensor]:
    ids = padded([model.encode(sentence.tokens) for sentence in among], 0)
    return ids, padded([[kinds.index(tag) for tag in sentence.tags] for sentence in among], -1)


def _tag_scores(
    train: Sequence[Tagged], held: Sequence[Tagged], right: Sequence[Sequence[bool]]
) -> tuple[Accuracy, ...]:
    """Right tags of all tokens, of words with two tags that something before tells apart, and of the others.

    The guess is each word's most frequent tag, whatever stands around it.
    """
    seen = ((token, tag) for s in train for token, tag in zip(s.tokens, s.tags, strict=True))
    best, among = usual(seen), defaultdict(set)
    for sentence in train:
        for token, tag in zip(sentence.tokens, sentence.tags, strict=True):
            among[token].add(tag)

    def kind(sentence: Tagged, k: int) -> str:
        if k in sentence.undecided:
            return "undecided"
        return "decided" if len(among[sentence.tokens[k]]) > 1 else "plain"

    rows = [
        (kind(s, k), right[row][k], best.get(s.tokens[k]) == s.tags[k])
        for row, s in enumerate(held)
        for k in range(len(s.tokens))
    ]

    def score(what: str, *kinds: str) -> Accuracy:
        own = [(hit, guessed) for name, hit, guessed in rows if name in kinds]
        return Accuracy(what, sum(hit for hit, _ in own), len(own), sum(g for _, g in own) / len(own))

    return (
        score("tags", "plain", "decided", "undecided"),
        score("decided", "decided"),
        score("undecided", "undecided"),
    )


def read(network: Network, text: str) -> Reading:
    """Returns the tags of a text of at least one word."""
    (model,), tokens = network.models, pieces(text, tag_words(network.lang))
    shown = [token_of(token, model) for token in tokens]
    kinds = dict(zip(tags(network.lang), network.answers, strict=True))
    asked = [kinds[tag] if tag else None for tag in tags_of(tokens, network.lang)]
    unsure = undecided(tokens, network.lang)
    part = part_of(model, tokens, shown, network.answers, asked)
    columns = tuple(
        Column(k + 1, shown[k], said, asked=asked[k], undecided=k in unsure)
        for k, said in enumerate(outputs(part))
    )
    return Reading(network, text, columns, (part,), unknown(shown))
