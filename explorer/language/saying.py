"""A saying: a network goes on after a prompt, and the text is run again for the stage.

said = saying(experiment, model)
said.text, said.probability, said.ahead[0].ids
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.data.corpora import TAUGHT
from explorer.data.grammar import END
from explorer.experiment import Experiment
from explorer.lab.layers import alone
from explorer.lab.learned import Input, Token, read_in_training, text_of, token_of
from explorer.lab.walk import ShownRun, shown_run
from explorer.labels import UNKNOWN, label
from explorer.language.sampling import Generation, entropy_of, generate, probabilities
from explorer.language.scoring import MOST_PROBABLE
from explorer.limits import WINDOW
from explorer.nn.model import RecurrentModel
from explorer.nn.references import largest_difference, reference_name
from explorer.nn.softmax import softmax
from explorer.nn.tracing import trace
from explorer.text import Refused, join, tokenise

OPENING = {"word": 1, "char": 10, "jamo": 10}
"""Tokens of the text that open a saying where no prompt is typed."""

_FORKS = re.compile(r"[0-9]{1,4}:[0-9]{1,5}(;[0-9]{1,4}:[0-9]{1,5})*", re.ASCII)
_NAMED = 5  # unknown tokens that are said one by one

Problems = list[tuple[str, dict[str, Any]]]


@dataclass(frozen=True, eq=False)
class Ahead:
    """What may come after a step: up to 10 candidates by the model's own probability, best first.

    ids (K,); own (K,): softmax of the logits; p (K,): what the next token was drawn from, None where it
    was given. A drawn or given token beyond the 10 comes last. cut: why each cannot be drawn, "top_k",
    "top_p" or "never", else "". entropy of p, None where p is, and own_entropy, in nats, of all tokens.
    """

    ids: np.ndarray
    own: np.ndarray
    p: np.ndarray | None
    cut: tuple[str, ...]
    next: int | None
    entropy: float | None
    own_entropy: float


@dataclass(frozen=True, eq=False)
class Saying:
    """A prompt of P tokens, the N tokens said after it, and the stage's window over both.

    typed and said: tokens as the model has them; tokens (P+N) as shown. probability and own (N,): of each
    said token, in what it was drawn from and by the model itself. start: first step of the window, run:
    the window on the stage, ahead: what may come after each of its steps, None where the network has
    exploded. forced: step, from 1 at the first said token -> id chosen there. problems are keys of
    sentences in the locale, with their values.
    """

    experiment: Experiment
    typed: tuple[str, ...]
    said: tuple[str, ...]
    tokens: tuple[Token, ...]
    probability: np.ndarray
    own: np.ndarray
    names: tuple[str, ...]
    start: int
    run: ShownRun
    ahead: tuple[Ahead | None, ...]
    forced: dict[int, int]
    stopped_by_end: bool
    error: float
    reference: str
    problems: tuple[tuple[str, dict[str, Any]], ...]

    @property
    def total(self) -> int:
        """P + N."""
        return len(self.tokens)

    @property
    def text(self) -> str:
        """Prompt and what was said, put together."""
        return join(self.typed + self.said, self.experiment.token_level)


def opening(experiment: Experiment) -> tuple[str, ...]:
    """Returns the prompt's tokens: of what was typed, else the first ones of the experiment's text."""
    typed = tokenise(experiment.prompt, experiment.token_level)
    return typed or tokenise(text_of(experiment), experiment.token_level)[: OPENING[experiment.token_level]]


def forks(raw: str) -> dict[int, int]:
    """Returns step -> token id of the field `forced`, e.g. "12:45;20:3".

    Raises ValueError for another form and for a step that is there twice.
    """
    if not raw:
        return {}
    if not _FORKS.fullmatch(raw):
        raise ValueError(raw)
    pairs = [pair.split(":") for pair in raw.split(";")]
    found = {int(step): int(token) for step, token in pairs}
    if len(found) < len(pairs):
        raise ValueError(raw)
    return found


def saying(experiment: Experiment, model: RecurrentModel) -> Saying:
    """Lets a language model go on after the experiment's prompt, to its end token where it has one.

    Raises Refused for a model of two directions, and for one that explodes before it says anything.
    """
    if len(model.layer_weights()[0]) > 1:
        raise Refused("both_directions")
    typed = opening(experiment)
    problems: Problems = []
    forced = _possible(experiment, model, problems)
    said = _said(experiment, model, typed, forced, problems)
    prompt = tuple(token_of(token, model) for token in typed)
    _judge_prompt(experiment, prompt, problems)
    tokens = (*prompt, *(Token(label(token), label(token)) for token in said.tokens))
    start = max(1, min(experiment.start, len(tokens) - WINDOW + 1))
    given = Input((*typed, *said.tokens), tokens)
    whole = trace(model, given.x)
    window = whole.window(start, WINDOW)
    assert window.logits is not None
    top = alone(whole, len(whole.layers) - 1)
    return Saying(
        experiment=experiment,
        typed=typed,
        said=said.tokens,
        tokens=tokens,
        probability=said.probability,
        own=np.array([step.model_probability for step in said.steps]),
        names=tuple(map(label, model.vocabulary or ())),
        start=start,
        run=shown_run(model, top, given, start),
        ahead=tuple(
            _ahead(experiment, model, given, said, start + k, row) for k, row in enumerate(window.logits)
        ),
        forced={step: token for step, token in forced.items() if step <= len(said.steps)},
        stopped_by_end=said.stopped_by_end,
        error=max(map(largest_difference, window.layers)),
        reference=reference_name(model.cell),
        problems=tuple(problems),
    )


def _possible(experiment: Experiment, model: RecurrentModel, problems: Problems) -> dict[int, int]:
    """The choices at forks that this model can follow; what it cannot is said."""
    try:
        asked = forks(experiment.forced)
    except ValueError:
        problems.append(("forced_form", {"raw": label(experiment.forced)}))
        return {}
    known = len(model.vocabulary or ())
    kept = {step: k for step, k in asked.items() if 1 <= step <= experiment.tokens and k < known}
    if left := [f"{step}:{k}" for step, k in asked.items() if step not in kept]:
        values = {"which": "; ".join(left[:_NAMED]), "steps": experiment.tokens, "known": known}
        problems.append(("forced_left", values))
    return kept


def _said(
    experiment: Experiment,
    model: RecurrentModel,
    typed: tuple[str, ...],
    forced: dict[int, int],
    problems: Problems,
) -> Generation:
    """What the model says; of one that explodes, what it says before. Raises Refused where it is nothing."""
    names = model.vocabulary or ()

    def say(count: int) -> Generation:
        return generate(
            model,
            typed,
            count,
            temperature=experiment.temperature,
            top_k=experiment.top_k,
            top_p=experiment.top_p,
            seed=experiment.draw,
            stop=END if END in model.ids else None,
            forced={step: names[k] for step, k in forced.items() if step <= count},
        )

    try:
        return say(experiment.tokens)
    except ValueError:  # the network explodes: nothing else is left that could be wrong
        said, unsaid = 0, experiment.tokens
    while unsaid - said > 1:
        middle = (said + unsaid) // 2
        try:
            say(middle)
            said = middle
        except ValueError:
            unsaid = middle
    if not said:
        raise Refused("exploded")
    problems.append(("exploded_at", {"step": unsaid}))
    return say(said)


def _judge_prompt(experiment: Experiment, prompt: tuple[Token, ...], problems: Problems) -> None:
    unknown = list(dict.fromkeys(token.original for token in prompt if not token.known))
    if unknown and len(unknown) == len({token.original for token in prompt}):
        problems.append(("unknown_all", {}))
    elif unknown:
        more = ", …" if len(unknown) > _NAMED else ""
        problems.append(("unknown_some", {"tokens": ", ".join(unknown[:_NAMED]) + more}))
    if experiment.weights in (*TAUGHT, "yours"):
        longest = max(map(len, read_in_training(experiment)))
        if len(prompt) > longest:
            problems.append(("long_prompt", {"tokens": len(prompt), "longest": longest}))


def _ahead(
    experiment: Experiment, model: RecurrentModel, given: Input, said: Generation, at: int, logits: np.ndarray
) -> Ahead | None:
    """What may come after step `at`: as it was drawn from, else by the same settings once more."""
    if not np.isfinite(logits).all():
        return None
    number = at - len(said.prompt)  # said tokens before this step's next one
    left_out = [model.ids[token] for token in (UNKNOWN,) if token in model.ids]
    drawable = logits.copy()
    drawable[left_out] = -np.inf
    p: np.ndarray | None = None
    if 0 <= number < len(said.steps):
        p = said.steps[number].p
    elif number == len(said.steps) and not said.stopped_by_end and np.isfinite(drawable.max()):
        p = probabilities(
            drawable,
            temperature=experiment.temperature,
            top_k=experiment.top_k,
            top_p=experiment.top_p,
        )
    following = model.encode([given.x[at]])[0] if at < len(given.x) else None
    own = softmax(logits)
    ids = np.argsort(-logits, kind="stable")[:MOST_PROBABLE]
    if following is not None and following not in ids:
        ids = np.append(ids, following)
    rank = np.argsort(np.argsort(-drawable, kind="stable"))
    cut = tuple("" if p is None else _cut(experiment, p[k], int(rank[k]), k in left_out) for k in ids)
    return Ahead(
        ids=ids,
        own=own[ids],
        p=None if p is None else p[ids],
        cut=cut,
        next=following,
        entropy=None if p is None else entropy_of(p),
        own_entropy=entropy_of(own),
    )


def _cut(experiment: Experiment, p: float, rank: int, never: bool) -> str:
    if never:
        return "never"
    if p or not experiment.temperature:
        return ""
    if 0 < experiment.top_k <= rank:
        return "top_k"
    return "top_p" if experiment.top_p < 1 else ""
