"""The five ways from inputs to outputs, each with a small network that is trained when it is asked for.

    network = fit("many_one", "gru", "en", seed=0)
    network.scores                              # right answers on what was not learned, beside a guess
    read(network, "Claim your free gift now")   # what comes in and out at every step

`one_one` a letter, vowel or consonant; `one_many` a digit, its name; `many_one` a message, spam or not;
`many_many` a sentence, a tag per token; `encoder_decoder` a toy sentence, the same in the other language.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from explorer.architectures.mappings import letters, messages, tags, translation
from explorer.architectures.mappings.common import (
    HELD_OUT,
    HIDDEN_SIZES,
    TRAINING_STEPS,
    Accuracy,
    Column,
    Fitted,
    Network,
    Part,
    Problems,
    Reading,
    Said,
)
from explorer.architectures.mappings.translation import MOST_SAID
from explorer.data.corpora import TAUGHT, sentences_of
from explorer.data.exercises import examples, letters_in, names, tagged, tagged_split, words_of
from explorer.experiment import MAPPINGS, Experiment
from explorer.i18n import LANGUAGES
from explorer.lab.walk import ShownRun, Walk, shown_run
from explorer.limits import WINDOW
from explorer.nn.references import largest_difference, reference_name
from explorer.text import clean

__all__ = [
    "HIDDEN_SIZES",
    "MOST_SAID",
    "Column",
    "Network",
    "Part",
    "Reading",
    "Said",
    "Accuracy",
    "fit",
    "read",
    "tagged",
    "tagged_split",
    "told",
    "walk_of",
]


def fit(mapping: str, cell: str, lang: str, seed: int = 0, attend: str = "") -> Network:
    """Trains a mapping's network on a language and measures it. Raises KeyError for one that there is not.

    Weights, batches and replaced words depend on the seed alone, the data and what is held out do not.
    attend: the kind of attention of the encoder-decoder, `` for none.
    """
    learned = partial(translation.fit, attend=attend) if mapping == "encoder_decoder" else _FIT[mapping]
    fitted = learned(cell, lang, seed)
    return Network(mapping, cell, lang, seed, TRAINING_STEPS[mapping], mapping in HELD_OUT, *fitted)


def told(network: Network, reader: str) -> Network:
    """Returns a network with its answers in a reader's words; words that it says itself stay as they are."""
    answers = (
        _CALLED[network.mapping](network.lang, reader) if network.mapping in _CALLED else network.answers
    )
    return replace(network, answers=answers)


def read(network: Network, text: str) -> Reading:
    """Returns what a network makes of a text; of an empty or unusable one it reads its first example."""
    asked, problems = _wanted(network.mapping, network.lang, text)
    reading = _READ[network.mapping](network, asked)
    return replace(reading, problems=(*problems, *reading.problems))


def walk_of(part: Part, experiment: Experiment) -> Walk:
    """Returns a part of a reading as the stage steps through it."""
    steps, problems = part.run.steps, []
    start = max(1, min(experiment.start, steps - WINDOW + 1))
    if steps > WINDOW:
        problems.append(("window", {"first": start, "last": start + WINDOW - 1, "total": steps}))
    run = shown_run(part.model, part.run, part.given, start)
    if not part.says:
        run = ShownRun(run.trace, run.tokens)
    return Walk(
        experiment=experiment,
        mode="one",
        runs=(run,),
        fits=(),
        total=part.last,
        error=largest_difference(part.run.window(start, WINDOW).layers[0]),
        reference=reference_name(part.model.cell),
        changed=(),
        target=None,
        outcomes=(),
        problems=tuple(problems),
    )


def _wanted(mapping: str, lang: str, text: str) -> tuple[str, Problems]:
    """The text to read and what to say of it: one that cannot be read gives way to the first example."""
    own, text = examples(mapping, lang), clean(text)
    if text in own:
        return text, ()
    others = {e for name in MAPPINGS for other in LANGUAGES for e in examples(name, other)}
    if not text or text in others or text in [sentences_of(weights)[0] for weights in TAUGHT]:
        return own[0], ()
    if mapping == "one_one":
        found = letters_in(text, lang)
        return _first(found, text, own[0], "letter")
    if mapping == "one_many":
        return _first([char for char in text if char in names(lang)], text, own[0], "digit")
    if not words_of(text):
        return own[0], (("no_word", {}),)
    return text, ()


def _first(found: Sequence[str], text: str, example: str, kind: str) -> tuple[str, Problems]:
    if not found:
        return example, ((f"no_{kind}", {"example": example}),)
    return found[0], () if text == found[0] else ((f"first_{kind}", {"found": found[0]}),)


_FIT: dict[str, Callable[[str, str, int], Fitted]] = {
    "one_one": letters.fit_one_one,
    "one_many": letters.fit_one_many,
    "many_one": messages.fit,
    "many_many": tags.fit,
}
_CALLED: dict[str, Callable[[str, str], tuple[str, ...]]] = {
    "one_one": letters.kinds,
    "many_one": messages.verdicts,
    "many_many": tags.called,
}
_READ: dict[str, Callable[[Network, str], Reading]] = {
    "one_one": letters.read_one_one,
    "one_many": letters.read_one_many,
    "many_one": messages.read,
    "many_many": tags.read,
    "encoder_decoder": translation.read,
}
