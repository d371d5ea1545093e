"""The verb `generate`: a network goes on after a prompt, shipped, out of a file, or one that learns first."""

import argparse
import json
import re
import sys
from dataclasses import dataclass
from typing import Any

from explorer.commands.options import (
    JSON,
    SPOKEN,
    Option,
    UsageError,
    Verb,
    experiment_from,
    field_option,
    flag_of,
    whole_number,
)
from explorer.commands.own import PREFIX, VOCABULARY, bundle_of, opened, origin_of
from explorer.lab.learned import learn
from explorer.labels import label
from explorer.language.sampling import Generation, generate
from explorer.language.scoring import score
from explorer.limits import MAX_TEXT
from explorer.nn.model import RecurrentModel
from explorer.text import clean, join, plain, tokenise
from explorer.training.shipped import families

FIELDS = ("cell", "units", "hidden")
"""Fields of a network that learns here; a file has its own, and of a shipped one the cell is chosen."""

TOKENS, MAX_TOKENS = 60, 1_000
MAX_TEMPERATURE = 100
MAX_TOP_K = 20_000
_NAMED = 8  # unknown words that are said one by one

_DECIMAL = re.compile(r"[0-9]{1,3}(\.[0-9]{1,9})?", re.ASCII)


@dataclass(frozen=True)
class Settings:
    """How the next token is chosen: see `language.probabilities`. Temperature 0 is greedy."""

    temperature: float
    top_k: int
    top_p: float
    seed: int


def run_generate(chosen: argparse.Namespace) -> int:
    """Prints a prompt and what a network says after it, or all there is to know of it as JSON."""
    count = whole_number("--tokens", chosen.tokens, 1, MAX_TOKENS)
    settings = _settings(chosen)
    if len(chosen.prompt) > MAX_TEXT:
        raise UsageError(f"--prompt takes text of up to {MAX_TEXT} characters, not {len(chosen.prompt)}.")
    if not clean(chosen.prompt):
        raise UsageError(
            "--prompt holds no text that can be read: a network goes on from at least one token."
        )
    model, units = _network(chosen)
    typed = tokenise(clean(chosen.prompt), units)
    try:
        said = generate(
            model,
            typed,
            count,
            temperature=settings.temperature,
            top_k=settings.top_k,
            top_p=settings.top_p,
            seed=settings.seed,
            stop=chosen.stop,
        )
    except ValueError as error:
        raise UsageError(f"nothing can be generated: {error}.") from error
    _note_unknown(typed, said)
    text = join(typed + said.tokens, units)
    if chosen.json:
        record = _record(model, typed, said) | {"units": units, "text": text} | vars(settings)
        print(json.dumps(plain(record), allow_nan=False))
    else:
        print(text)
    return 0


def _settings(chosen: argparse.Namespace) -> Settings:
    if chosen.greedy:
        for name in ("temperature", "top_k", "top_p"):
            if getattr(chosen, name) is not None:
                raise UsageError(f"{flag_of(name)} has no place beside --greedy: nothing is drawn.")
    temperature = "0" if chosen.greedy else _given(chosen.temperature, "1")
    top_p = _decimal("--top-p", _given(chosen.top_p, "1"), 1)
    if not top_p:
        raise UsageError(f"--top-p takes a decimal number above 0 and up to 1, not {chosen.top_p!r}.")
    return Settings(
        _decimal("--temperature", temperature, MAX_TEMPERATURE),
        whole_number("--top-k", _given(chosen.top_k, "0"), 0, MAX_TOP_K),
        top_p,
        experiment_from(argparse.Namespace(seed=chosen.seed)).seed,
    )


def _given(raw: str | None, default: str) -> str:
    return default if raw is None else raw


def _decimal(flag: str, raw: str, high: float) -> float:
    if not _DECIMAL.fullmatch(raw) or not float(raw) <= high:
        raise UsageError(f"{flag} takes a decimal number from 0 to {high:g}, not {raw!r}.")
    return float(raw)


def _network(chosen: argparse.Namespace) -> tuple[RecurrentModel, str]:
    """Returns the network and its units of text: shipped, of a file, or of the lecture's sentences, now."""
    origin = origin_of(chosen, FIELDS)
    if origin == "here":
        experiment = experiment_from(chosen)
        return learn(experiment).model, experiment.token_level
    if origin == "file":
        return _own(chosen)
    bundle = bundle_of(chosen)
    if bundle.model.vocabulary is None:
        raise UsageError(f"--model {chosen.file!r} holds a network that reads numbers: it has no vocabulary.")
    return bundle.model, bundle.experiment.token_level


def _own(chosen: argparse.Namespace) -> tuple[RecurrentModel, str]:
    """A network out of anybody's file: one with an embedding and a readout, that reads forward alone."""
    found = opened(chosen)
    network = found.network
    if network.readout is None or network.layers.directions > 1:
        reason = "no readout for tokens was found in it" if network.readout is None else "it reads both ways"
        raise UsageError(f"--model {chosen.file!r} cannot go on from a prompt: {reason}.")
    return found.learned().model, found.level


def _note_unknown(typed: tuple[str, ...], said: Generation) -> None:
    pairs = zip(typed, said.prompt, said.known, strict=True)
    read = {token: stood for token, stood, known in pairs if not known}
    if read:
        names = ", ".join(repr(label(token)) for token in list(read)[:_NAMED])
        more = f" and {len(read) - _NAMED} more" if len(read) > _NAMED else ""
        stood = next(iter(read.values()))
        print(f"explorer: the model does not know {names}{more}; it read {stood} there.", file=sys.stderr)


def _record(model: RecurrentModel, typed: tuple[str, ...], said: Generation) -> dict[str, Any]:
    """Returns a generation by name; entropies in nats; the prompt's perplexity, None of a single token."""
    return {
        "cell": model.cell,
        "prompt": typed,
        "read": said.prompt,
        "known": said.known,
        "prompt_perplexity": score(model, typed).perplexity if len(typed) > 1 else None,
        "tokens": said.tokens,
        "probabilities": said.probability,
        "entropies": said.entropy,
        "model_probabilities": [step.model_probability for step in said.steps],
        "model_entropies": [step.model_entropy for step in said.steps],
        "stopped_by_end": said.stopped_by_end,
    }


def generate_options() -> tuple[Option, ...]:
    """Returns the options of `generate`."""
    seed = field_option("seed")
    return (
        Option("--prompt", {"required": True, "metavar": "TEXT", "help": "what the network reads first"}),
        Option(
            "--model",
            {
                "dest": "file",  # `model` is a field of the experiment
                "metavar": "NAME|FILE",
                "help": f"a network that comes with the app, {', '.join(families())}, or a FILE: one that it"
                " kept, or anybody's; without it, the lecture's sentences are learned",
            },
        ),
        PREFIX,
        VOCABULARY,
        *(field_option(name) for name in FIELDS),
        _option("--tokens", "N", f"tokens to say, 1 to {MAX_TOKENS} (default {TOKENS})", str(TOKENS)),
        _option(
            "--temperature",
            "X",
            f"what logits are divided by, 0 to {MAX_TEMPERATURE}; 0 is --greedy (default 1)",
        ),
        _option("--top-k", "N", "draw from the N most probable tokens alone; 0: from all (default 0)"),
        _option("--top-p", "X", "draw from the fewest tokens whose probabilities reach X (default 1)"),
        Option("--greedy", {"action": "store_true", "help": "always the most probable token"}),
        Option(
            seed.flag,
            {
                **seed.settings,
                "help": f"{seed.settings['help']}; of the draws, and of what is learned without --model",
            },
        ),
        _option("--stop", "TOKEN", "end after this token"),
    )


def _option(flag: str, metavar: str, about: str, default: str | None = None) -> Option:
    return Option(flag, {"metavar": metavar, "help": about, "default": default})


VERB = Verb(run_generate, "a network goes on after a prompt", (*generate_options(), SPOKEN, JSON))
