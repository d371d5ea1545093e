"""Many to many, encoder and decoder: a toy sentence read whole, then said in the other language.

With attention or without: see `attention`.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from explorer.architectures.mappings.attention import Attention, attended
from explorer.architectures.mappings.common import (
    ROWS,
    Accuracy,
    Column,
    Fitted,
    Network,
    Part,
    Problems,
    Reading,
    descend,
    finished,
    outputs,
    starting,
    unknown,
    usual,
)
from explorer.data.exercises import pair_of, pieces, translation_split, translation_words
from explorer.lab.learned import Input, Token, token_of
from explorer.labels import UNKNOWN, label
from explorer.nn.model import RecurrentModel
from explorer.nn.tracing import Trace, trace

START, END = "<bos>", "<eos>"
MOST_SOURCE, MOST_SAID = 20, 24
"""Words that the encoder reads, and those that the decoder says if it comes to no end."""


def fit(cell: str, lang: str, seed: int, attend: str = "") -> Fitted:
    """Trains encoder and decoder together; the decoder reads the right words (teacher forcing)."""
    train, held = ([(p.source(lang), p.target(lang)) for p in part] for part in translation_split())
    own, other = translation_words(lang), translation_words("en" if lang == "ko" else "ko")
    vocabulary = (UNKNOWN, START, END, *other)
    asked = [((UNKNOWN, *own), 1), (vocabulary, len(vocabulary))]
    (encoder, decoder), generator = starting("encoder_decoder", cell, seed, asked)
    attention = Attention(attend, decoder.hidden_size, len(vocabulary)) if attend else None
    if attention is not None:
        attention.start(generator)
    groups = [_pair_batch(group, encoder, decoder) for group in _by_length(train)]
    weights = torch.tensor([float(group[0].shape[1]) for group in groups])

    def loss(_: int) -> Tensor:
        source, inputs, target = groups[int(torch.multinomial(weights, 1, generator=generator))]
        rows = torch.randint(source.shape[1], (ROWS,), generator=generator)
        e, state = encoder.rnn(encoder.vectors(source[:, rows]))
        states, _ = decoder.rnn(decoder.vectors(inputs[:, rows]), state)
        logits = attended(decoder.readout, states, attention, e)
        return F.cross_entropy(logits.flatten(0, 1), target[:, rows].flatten())

    learned = [encoder, decoder, *([attention] if attention else [])]
    seconds = descend("encoder_decoder", learned, loss)
    models = finished([encoder, decoder])
    if attention is not None:
        attention.double().eval()
    scores = _translation_scores(models, attention, train, held)
    return Fitted(models, tuple(map(label, vocabulary)), len(train), seconds, scores, attention)


_Sides = tuple[tuple[str, ...], tuple[str, ...]]


def _by_length(pairs: Iterable[_Sides]) -> list[list[_Sides]]:
    """Pairs of the same lengths together: then none needs a pad."""
    groups: dict[tuple[int, int], list[_Sides]] = defaultdict(list)
    for source, target in pairs:
        groups[len(source), len(target)].append((source, target))
    return list(groups.values())


def _pair_batch(
    group: Sequence[_Sides], encoder: RecurrentModel, decoder: RecurrentModel
) -> tuple[Tensor, Tensor, Tensor]:
    """Ids of the source, of what the decoder reads (START, target) and of what it says (target, END)."""
    source = torch.tensor([encoder.encode(source) for source, _ in group]).T
    target = torch.tensor([decoder.encode((START, *target, END)) for _, target in group]).T
    return source, target[:-1], target[1:]


@torch.no_grad()
def translated(
    models: Sequence[RecurrentModel], source: Tensor, attention: Attention | None = None
) -> Tensor:
    """Returns what a decoder says (at most MOST_SAID, B) of ids (T, B), each word the best and then read."""
    encoder, decoder = models
    e, state = encoder.rnn(encoder.vectors(source))
    word = torch.full(source.shape[1:], decoder.ids[START])
    said: list[Tensor] = []
    ended = torch.zeros_like(word, dtype=torch.bool)
    while len(said) < MOST_SAID and not ended.all():
        output, state = decoder.rnn(decoder.vectors(word[None]), state)
        word = attended(decoder.readout, output, attention, e)[0].argmax(-1)
        said.append(word)
        ended |= word == decoder.ids[END]
    return torch.stack(said)


def _translation_scores(
    models: Sequence[RecurrentModel],
    attention: Attention | None,
    train: Sequence[_Sides],
    held: Sequence[_Sides],
) -> tuple[Accuracy, ...]:
    """Sentences without a wrong word, and right words. The guess knows the place in the sentence alone."""
    encoder, decoder = models
    best = usual(((len(target), k), word) for _, target in train for k, word in enumerate(target))
    words = sentences = total = guessed = whole = 0
    for group in _by_length(held):
        source, _, target = _pair_batch(group, encoder, decoder)
        said = translated(models, source, attention)
        missing = target.new_full((max(0, len(target) - len(said)), target.shape[1]), -1)
        right = torch.cat([said, missing])[: len(target)] == target
        words += int(right[:-1].sum())
        sentences += int(right.all(0).sum())
        total += right[:-1].numel()
        hits = [[best[len(target), k] == w for k, w in enumerate(target)] for _, target in group]
        guessed += sum(map(sum, hits))
        whole += sum(map(all, hits))
    return (
        Accuracy("sentences", sentences, len(held), whole / len(held)),
        Accuracy("words", words, total, guessed / total),
    )


def read(network: Network, text: str) -> Reading:
    """Returns encoder and decoder at work on a text of at least one word; the decoder reads its own words."""
    encoder, decoder = network.models
    tokens = pieces(text, translation_words(network.lang))
    problems: Problems = ()
    if len(tokens) > MOST_SOURCE:
        problems = (("source_cut", {"limit": MOST_SOURCE}),)
        tokens = tokens[:MOST_SOURCE]
    shown = [token_of(token, encoder) for token in tokens]
    nothing_asked = np.full(len(tokens), -1)
    given = Input(list(tokens), tuple(shown), classes=nothing_asked)
    first = Part(trace(encoder, encoder.encode(tokens)), given, encoder, says=False)
    source = torch.tensor(encoder.encode(tokens))[:, None]
    ids = translated(network.models, source, network.attention)[:, 0].tolist()
    heard = [decoder.ids[START], *ids[:-1]]
    assert decoder.vocabulary is not None
    words = [decoder.vocabulary[k] for k in heard]
    aim = _aim(tokens, network.lang, len(heard))
    second = _decoded(network, words, first, aim)
    columns = [Column(k + 1, token, None) for k, token in enumerate(shown)]
    columns += [
        Column(second.first + k, second.given.tokens[k], said, asked=aim[k])
        for k, said in enumerate(outputs(second))
    ]
    return Reading(network, text, tuple(columns), (first, second), problems + _untranslated(shown))


def _untranslated(shown: Sequence[Token]) -> Problems:
    """What to say of words that no training has shown the encoder."""
    return tuple(("untranslated", values) for _, values in unknown(shown))


def _aim(tokens: Sequence[str], lang: str, steps: int) -> list[str | None]:
    """The right word at every step of the decoder, END last; None past it, and where nobody knows."""
    pair = pair_of(tokens, lang)
    right = [] if pair is None else [*pair.target(lang), END]
    return [right[k] if k < len(right) else None for k in range(steps)]


def _decoded(network: Network, words: Sequence[str], encoder: Part, asked: Sequence[str | None]) -> Part:
    """The decoder's run over its own words, from the encoder's last state on."""
    decoder, answers = network.models[1], network.answers
    layer = encoder.run.only
    assert layer is not None
    last = tuple(array[-1:] for array in layer.states.values())
    state = last if last[1:] else last[0]
    run = replace(trace(decoder, decoder.encode(words), state), first_step=encoder.last + 1)
    classes = np.array([answers.index(a) if a in answers else -1 for a in asked])
    shown = tuple(token_of(word, decoder) for word in words)
    run, weights = _attending(run, encoder.run.output, network.attention)
    given = Input(list(words), shown, classes=classes, answers=answers)
    return Part(run, given, decoder, attention=weights)


@torch.no_grad()
def _attending(run: Trace, e: np.ndarray, attention: Attention | None) -> tuple[Trace, np.ndarray | None]:
    """A decoder's run with what attention to e (S, H) adds to its logits, and its weights (T, S).

    Its words are then no longer its state's alone, so no readout stands in the run.
    """
    if attention is None:
        return run, None
    h, states = (torch.tensor(np.array(array))[:, None] for array in (run.output, e))
    a, _, more = attention(h, states)
    assert run.logits is not None
    return replace(run, logits=run.logits + more[:, 0].numpy(), readout=None), a[0].numpy()
