"""Held-out text of a network's training, as stretches that know where memory decides."""

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise

from explorer.data.grammar import KINDS, Sentence, versions
from explorer.data.sources import Batch, Source
from explorer.experiment import Experiment


def held_out(experiment: Experiment, data: Source) -> tuple[Sentence, ...]:
    """Returns the held-out text of a network's data as stretches; none where the data is no text.

    Stretches of which each begins where the one before ends are one text. Sentences that differ only in
    what must be remembered know their cues: that is where they first differ.
    """
    if data.vocabulary is None:
        return ()
    rows = list(_rows(data.held_out(), data.vocabulary))
    if len(rows) > 1 and all(a.tokens[-1] == b.tokens[0] for a, b in pairwise(rows)):
        return (Sentence((rows[0].tokens[0], *chain(*(row.tokens[1:] for row in rows))), (), ()),)
    if experiment.data not in KINDS:
        return tuple(rows)
    size = versions(experiment.data)
    groups = [rows[at : at + size] for at in range(0, len(rows), size)]
    return tuple(sentence for group in groups if len(group) == size for sentence in _with_cues(group))


def _rows(batch: Batch, vocabulary: Sequence[str]) -> Iterator[Sentence]:
    for column, (x, target) in enumerate(zip(batch.x.T.tolist(), batch.target.T.tolist(), strict=True)):
        ids = [x[0], *(k for k in target if k >= 0)]
        judged = [] if batch.judged is None else batch.judged[:, column].nonzero().flatten().tolist()
        yield Sentence(tuple(vocabulary[k] for k in ids), tuple(at + 1 for at in judged), ())


def _with_cues(group: Sequence[Sentence]) -> Iterator[Sentence]:
    """Yields the versions of a sentence with their cues: the last one opened is the first one closed."""
    places = range(min(len(s.tokens) for s in group))
    differ = [at for at in places if len({s.tokens[at] for s in group}) > 1]
    for sentence in group:
        if len(sentence.critical) == 1:
            yield Sentence(sentence.tokens, sentence.critical, (differ[0],))
            continue
        opened: list[int] = []
        cues = []
        for at in differ:
            if at in sentence.critical:
                cues.append(opened.pop())
            else:
                opened.append(at)
        yield Sentence(sentence.tokens, sentence.critical, tuple(cues))
