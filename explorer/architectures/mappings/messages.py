"""Many to one: a message, word by word; after the last word, spam or not."""

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from explorer.architectures.mappings.common import (
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
)
from explorer.data.exercises import Message, messages, words_of
from explorer.i18n import t
from explorer.lab.learned import token_of
from explorer.labels import UNKNOWN
from explorer.nn.model import RecurrentModel


def fit(cell: str, lang: str, seed: int) -> Fitted:
    """Trains the answer after the last word, all messages at once."""
    train, held = (messages(lang, part) for part in ("train", "held_out"))
    vocabulary = (UNKNOWN, *sorted({word for message in train for word in message.words}))
    (model,), generator = starting("many_one", cell, seed, [(vocabulary, 2)])
    ids, last, target = _batch_of(train, model)
    rows = torch.arange(len(train))

    def loss(_: int) -> Tensor:
        return F.cross_entropy(model(dropped(ids, model, generator))[last, rows], target)

    seconds = descend("many_one", [model], loss)
    models = finished([model])
    ids, last, target = _batch_of(held, model)
    right = int((model(ids)[last, torch.arange(len(held))].argmax(-1) == target).sum())
    guess = max(Counter(message.spam for message in train).values()) / len(train)
    scores = (Accuracy("messages", right, len(held), guess),)
    return Fitted(models, verdicts(lang, lang), len(train), seconds, scores)


def verdicts(lang: str, reader: str) -> tuple[str, ...]:
    """Returns the two answers as a reader calls them."""
    return t("mappings.spam", reader), t("mappings.ham", reader)


def _batch_of(among: Sequence[Message], model: RecurrentModel) -> tuple[Tensor, Tensor, Tensor]:
    """Ids (T, B), the row of every message's last word (B,), and the answer (B,): 0 for spam."""
    rows = [model.encode(message.words) for message in among]
    last = torch.tensor([len(row) - 1 for row in rows])
    return padded(rows, 0), last, torch.tensor([0 if message.spam else 1 for message in among])


def read(network: Network, text: str) -> Reading:
    """Returns the answer to a message of at least one word, and what it would be after every word before."""
    (model,), words = network.models, words_of(text)
    shown = [token_of(word, model) for word in words]
    everything = (*messages(network.lang, "train"), *messages(network.lang, "held_out"))
    known = {message.words: network.answers[0 if message.spam else 1] for message in everything}
    asked = [*[None] * (len(words) - 1), known.get(words)]
    part = part_of(model, words, shown, network.answers, asked)
    columns = tuple(
        Column(k + 1, shown[k], said, k == len(words) - 1, asked[k]) for k, said in enumerate(outputs(part))
    )
    return Reading(network, text, columns, (part,), unknown(shown))
