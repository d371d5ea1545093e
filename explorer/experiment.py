"""The experiment: every choice in one frozen record. Its field table drives widgets, URL and cache.

Labels and help texts of the fields are in the locale files under `field.<name>`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

from explorer.cells import CELLS, CellSpec
from explorer.cells.activations import key_of
from explorer.limits import (
    MAX_BATCH,
    MAX_BUDGET,
    MAX_FLOW,
    MAX_HIDDEN,
    MAX_HOLDS,
    MAX_LAYERS,
    MAX_LENGTH,
    MAX_LEVELS,
    MAX_POINTS,
    MAX_PROMPT,
    MAX_SAID,
    MAX_SENTENCES,
    MAX_TEXT,
    MAX_TOKEN,
    MAX_UNITS,
    MAX_URL_TEXT,
    MAX_VOCABULARY,
)
from explorer.nn.holding import entries, symbol_of, turned
from explorer.nn.initialise import BIASES, SCHEMES
from explorer.text import TOKEN_LEVELS, clean

LAST_MOMENT = 99_999
"""The moment of training that stands for its end."""

WEIGHTS = ("lecture", "english", "yours", "untrained", "marked", "model")
DATA = (
    "adding",
    "temporal_order",
    "copy",
    "first_symbol",
    "flip_flop",
    "series",
    "lecture",
    "agreement",
    "brackets",
    "honorific",
    "tales",
    "yours",
)
"""What a network can be trained on: five memory tests, numeric series, then texts."""

SERIES = ("sine", "sum", "walk", "season", "yours")
"""Numeric series to forecast."""

OPTIMISERS = ("adam", "rmsprop", "sgd")
MATCHES = ("units", "parameters")
TESTED = ("apart", "learned")
"""Which sentences the metric is of, where their number is limited: others than those learned, or the same."""

GRAMMARS = ("auto", "ko", "en")
SPOKEN = ("agreement", "brackets", "honorific", "tales")
"""Data in a language: the reader's, unless one is chosen."""

HEADLINE = "rnn;lstm bias=fixed keep_bias=1;gru"
"""The cells of the headline race: each racer a cell and what differs from the race's choices."""

NOTATIONS = ("auto", "lecture", "pytorch")
LOOKS = ("", "arrows", "why", "eigenvalues", "nudge", "weights", "truncation", "clipping")
STATES = tuple(dict.fromkeys(state for spec in CELLS.values() for state in spec.states))
"""The states of all cells, h first."""

BEGINS = ("zero", "random", "learned", "carried", "cleared")
"""What the states are before the first step: zeros, or what a file starts from; zeros there: cleared."""

CLAMPS = tuple(dict.fromkeys(("", *(gate for spec in CELLS.values() for gate in spec.activations))))
"""The gates and candidates of all cells."""

VIEWS = ("pairs", "predict", "generate", "units", "memory")
"""What the page of language models shows."""

ARCHITECTURES = ("feedforward", "mappings", "deep", "shapes", "variants", "cost", "amount", "forecast")
"""What the page of architectures shows."""

SPOKEN_ARCHITECTURES = ("mappings", "deep")
"""Of them, those whose networks learn sentences in a language."""

ATTENDED = ("", "dot", "additive")
"""Attention of the encoder-decoder: none, or a kind of score."""

ASKS = ("", "output", "cell", "stateful", "padding", "packing", "dense")
"""Further questions about shapes and states."""

SCENES = ("cube", "portrait", "network", "evidence")
"""What the page of dynamics shows."""

SMALL = ("one", "two", "many")
"""The units of a phase portrait."""

MAPPINGS = ("one_one", "one_many", "many_one", "many_many", "encoder_decoder")
PARTS = ("", "i", "f", "o", "tanh")

OWN = "own-"
"""Begins the name of a stored network that came out of somebody's file."""

ORDERS = ("variance", "cluster", "number")
"""How units stand in a heatmap that cannot draw them all."""

FEATURES = ("quote", "bracket", "position", "word", "cue", "pattern")
"""What a unit may track in a text."""


def carries(spec: CellSpec) -> tuple[str, ...]:
    """Returns what a transplant may carry over: nothing, one of a cell's states, or all of them."""
    return tuple(dict.fromkeys(("", *spec.states, "".join(spec.states))))


CARRIES = tuple(dict.fromkeys(carry for spec in CELLS.values() for carry in carries(spec)))


@dataclass(frozen=True)
class Choice:
    """What a field may hold: one of options, or a number from low to high, or text up to high long.

    group is where its widget stands: `bar`, `more`, `place`, `change`, `flow`, `look`,
    `second`, `transplant`, `own` (a network of a file, its layers),
    `lesson` (the card that is open, the panels), `train` (all cells of a race alike),
    `race` (the race as a whole), `series` (the numbers to forecast), `language` (the page of language
    models), `architecture` (the page of architectures), `dynamics`.
    models says whether the trained weights depend on it. step is how far a click moves a number. also: what
    is held besides the options, where it is said.
    """

    group: str
    options: tuple[str, ...] | None = None
    low: float = 0
    high: float = 0
    models: bool = False
    step: float = 1
    also: Callable[[str], bool] | None = None


def _pick(
    default: str,
    group: str,
    options: tuple[str, ...],
    models: bool = False,
    also: Callable[[str], bool] | None = None,
) -> Any:
    return field(default=default, metadata={"choice": Choice(group, options, models=models, also=also)})


def _number(
    default: float, group: str, low: float, high: float, models: bool = False, step: float | None = None
) -> Any:
    by = step or (0.1 if isinstance(default, float) else 1)
    choice = Choice(group, None, low, high, models, by)
    return field(default=default, metadata={"choice": choice})


def _text(group: str, longest: int = MAX_TEXT) -> Any:
    return field(default="", metadata={"choice": Choice(group, None, 0, longest)})


def is_other(cell: str) -> bool:
    """Returns whether a key is that of a cell with other functions than the registry has, of a file."""
    base, *functions = cell.split(":")
    if cell in CELLS or not functions:
        return False
    try:
        return CELLS[cell].key == key_of(base, *functions)
    except KeyError:
        return False


@dataclass(frozen=True)
class NetworkChoices:
    """Which network: learned here from what, or stored; moment is the step of its training that is shown.

    Of a file of somebody's own: stack, which of its recurrent networks; words and numbers, the uploaded
    vocabulary and sequence. level and way: the layer and direction of a network of several that is shown.
    """

    cell: str = _pick("lstm", "bar", tuple(CELLS), models=True, also=is_other)
    text: str = _text("bar")
    units: str = _pick("word", "bar", TOKEN_LEVELS, models=True)
    weights: str = _pick("lecture", "bar", WEIGHTS, models=True)
    unknown: str = _pick("learn", "more", ("learn", "unk"), models=True)
    hidden: int = _number(16, "more", 1, MAX_HIDDEN, models=True)
    seed: int = _number(0, "more", 0, 9999, models=True)
    init: str = _pick("default", "more", SCHEMES, models=True)
    gain: float = _number(1.0, "more", 0.0, 10.0, models=True)
    bias: str = _pick("default", "more", BIASES, models=True)
    keep_bias: float = _number(1.0, "more", -10.0, 10.0, models=True)
    ending: str = _pick("off", "language", ("off", "on"), models=True)
    model: str = field(default="", metadata={"choice": Choice("race", None, 0, 40)})
    stack: str = field(default="", metadata={"choice": Choice("own", None, 0, 200, models=True)})
    words: str = field(default="", metadata={"choice": Choice("own", None, 0, 40, models=True)})
    numbers: str = field(default="", metadata={"choice": Choice("own", None, 0, 40, models=True)})
    level: int = _number(1, "own", 1, MAX_LEVELS)
    way: str = _pick("forward", "own", ("forward", "backward"))
    moment: int = _number(LAST_MOMENT, "flow", 0, LAST_MOMENT)

    @property
    def token_level(self) -> str:
        """What a token is: a word, a character or a jamo. `units` is its name in addresses and files."""
        return self.units


@dataclass(frozen=True)
class WalkChoices:
    """What is run over the text and what is changed in it; start is the first step of the window.

    holds: what is held beside the first gate, where there is one: see `explorer.nn.holding`.
    order: which units a heatmap draws, and in which order, where there are more than it has rows. beside: the
    network beside one out of a file, `MODEL/` and its name in its file, or its cell where it is shipped.
    """

    start: int = _number(1, "more", 1, MAX_TEXT)
    order: str = _pick("variance", "own", ORDERS)
    second: str = _pick("", "second", ("", *CELLS))
    beside: str = _text("second", 240)
    clamp: str = _pick("", "change", CLAMPS)
    clamp_value: float = _number(0.0, "change", -1.0, 1.0)
    clamp_unit: int = _number(0, "change", 0, MAX_UNITS)
    clamp_from: int = _number(1, "change", 1, MAX_TEXT)
    clamp_to: int = _number(0, "change", 0, MAX_TEXT)
    holds: str = _text("change", MAX_HOLDS)
    zero: int = _number(0, "change", 0, MAX_UNITS)
    zero_from: int = _number(1, "change", 1, MAX_TEXT)
    zero_to: int = _number(0, "change", 0, MAX_TEXT)
    begin: str = _pick("zero", "change", BEGINS)
    by_hand: str = _pick("off", "change", ("off", "on"))
    swap: int = _number(0, "change", 0, MAX_TEXT)
    swap_with: str = _text("change", 200)
    carry: str = _pick("", "transplant", CARRIES)
    donor: str = _text("transplant")
    donor_step: int = _number(1, "transplant", 1, MAX_TEXT)
    into: int = _number(1, "transplant", 1, MAX_TEXT)


@dataclass(frozen=True)
class LossChoices:
    """Which losses a gradient is that of, and over how long a text."""

    loss: str = _pick("last_step", "flow", ("last_step", "each_step"))
    loss_at: int = _number(0, "flow", 0, MAX_TEXT)
    stretch: int = _number(0, "flow", 0, MAX_FLOW)
    input_scale: float = _number(1.0, "flow", 0.0, 10.0)


@dataclass(frozen=True)
class GradientChoices(LossChoices):
    """What is looked at on the page of gradients."""

    look: str = _pick("", "look", LOOKS)
    nudge_unit: int = _number(0, "look", 0, MAX_UNITS)
    window: int = _number(4, "look", 1, MAX_FLOW)
    clip: float = _number(1.0, "look", 0.001, 1000.0)


@dataclass(frozen=True)
class TrainingChoices:
    """How all networks of a race are trained."""

    data: str = _pick("adding", "train", DATA)
    grammar: str = _pick("auto", "train", GRAMMARS)
    length: int = _number(100, "train", 2, MAX_LENGTH)
    layers: int = _number(1, "train", 1, MAX_LAYERS)
    batch: int = _number(32, "train", 1, MAX_BATCH)
    optimiser: str = _pick("adam", "train", OPTIMISERS)
    rate: float = _number(0.01, "train", 0.00001, 10.0, step=0.001)
    max_norm: float = _number(1.0, "train", 0.0, 1000.0)
    truncate: int = _number(0, "train", 0, MAX_LENGTH)
    budget: int = _number(2500, "train", 1, MAX_BUDGET)
    sentences: int = _number(0, "train", 0, MAX_SENTENCES)
    series: str = _pick("sine", "series", SERIES)
    values: str = _text("series", MAX_TEXT)
    tested: str = _pick("apart", "train", TESTED)


@dataclass(frozen=True)
class RaceChoices(TrainingChoices):
    """Who races; size is the hidden size."""

    racers: str = field(default=HEADLINE, metadata={"choice": Choice("race", None, 0, 600)})
    size: int = _number(32, "race", 1, MAX_HIDDEN)
    match: str = _pick("units", "race", MATCHES)
    race_seed: int = _number(0, "race", 0, 9999)


@dataclass(frozen=True)
class SamplingChoices:
    """How a language model goes on after a prompt."""

    prompt: str = _text("language", MAX_PROMPT)
    tokens: int = _number(40, "language", 1, MAX_SAID)
    temperature: float = _number(0.8, "language", 0.0, 100.0)
    top_k: int = _number(0, "language", 0, MAX_VOCABULARY)
    top_p: float = _number(1.0, "language", 0.01, 1.0, step=0.05)
    draw: int = _number(0, "language", 0, 9999)
    forced: str = _text("language", 400)


@dataclass(frozen=True)
class LanguageChoices(SamplingChoices):
    """What is looked at on the page of language models."""

    view: str = _pick("pairs", "language", VIEWS)
    case: str = _pick("keep", "language", ("keep", "lower"))
    punctuation: str = _pick("keep", "language", ("keep", "strip"))
    free: int = _number(1, "language", 1, MAX_TEXT)
    feature: str = _pick("quote", "language", FEATURES)
    pattern: str = _text("language", 100)
    shade: str = _pick("h", "language", STATES)


@dataclass(frozen=True)
class ArchitectureChoices:
    """What is looked at on the page of architectures; outputs is the hidden size."""

    arch: str = _pick("feedforward", "architecture", ARCHITECTURES)
    mapping: str = _pick("many_one", "architecture", MAPPINGS)
    attend: str = _pick("", "architecture", ATTENDED)
    depth: int = _number(2, "architecture", 1, MAX_LAYERS)
    directions: str = _pick("both", "architecture", ("one", "both"))
    without: str = _pick("", "architecture", PARTS)
    rows: int = _number(32, "architecture", 1, 4096)
    steps: int = _number(10, "architecture", 1, 4096)
    inputs: int = _number(16, "architecture", 1, 4096)
    outputs: int = _number(8, "architecture", 1, 4096)
    returns: str = _pick("last", "architecture", ("last", "sequence"))
    state: str = _pick("no", "architecture", ("no", "yes"))
    first: str = _pick("batch", "architecture", ("batch", "time"))
    ask: str = _pick("", "architecture", ASKS)


@dataclass(frozen=True)
class DynamicsChoices:
    """What the page of dynamics shows: a scene, a point in it, and how a small network is set by hand."""

    scene: str = _pick("cube", "dynamics", SCENES)
    point: int = _number(0, "dynamics", 0, MAX_POINTS)
    held: str = _text("dynamics", MAX_TOKEN)
    small: str = _pick("one", "dynamics", SMALL)
    pull: float = _number(1.5, "dynamics", 0.0, 10.0)
    turn: int = _number(0, "dynamics", 0, 180)
    lean: float = _number(0.0, "dynamics", -5.0, 5.0)


@dataclass(frozen=True)
class PlaceChoices:
    """Where the reader stands, at which card of the lesson, before which panels. Nothing is computed from it.

    panels: their names by commas, the one that leads first; empty for all of the page.
    """

    card: str = _text("lesson", 40)
    panels: str = _text("lesson", 60)
    step: int = _number(1, "place", 1, MAX_TEXT)
    unit: int = _number(1, "place", 1, MAX_UNITS)


@dataclass(frozen=True)
class DisplayChoices:
    """How the reader wants things written; `Experiment.display` says what follows."""

    notation: str = _pick("auto", "more", NOTATIONS)


Part = TypeVar("Part")


@dataclass(frozen=True)
class Experiment(
    DisplayChoices,
    PlaceChoices,
    DynamicsChoices,
    ArchitectureChoices,
    LanguageChoices,
    RaceChoices,
    GradientChoices,
    WalkChoices,
    NetworkChoices,
):
    """One set of choices, flat as in the address and in files; its parts by concern are views.

    Steps count from 1; unit 0 means all units, step 0 means not at all. (A dataclass takes the fields of
    its last base first.)
    """

    @property
    def network(self) -> NetworkChoices:
        return self.part(NetworkChoices)

    @property
    def walk(self) -> WalkChoices:
        return self.part(WalkChoices)

    @property
    def gradient(self) -> GradientChoices:
        return self.part(GradientChoices)

    @property
    def race(self) -> RaceChoices:
        return self.part(RaceChoices)

    @property
    def language(self) -> LanguageChoices:
        return self.part(LanguageChoices)

    @property
    def architecture(self) -> ArchitectureChoices:
        return self.part(ArchitectureChoices)

    @property
    def dynamics(self) -> DynamicsChoices:
        return self.part(DynamicsChoices)

    @property
    def own(self) -> bool:
        """Whether the network came out of somebody's file."""
        return self.weights == "model" and self.model.startswith(OWN)

    def part(self, kind: type[Part]) -> Part:
        """Returns the choices of one concern."""
        return kind(**{name: getattr(self, name) for name in names_of(kind)})

    def only(self, *needed: type | str) -> "Experiment":
        """Returns the experiment with all at its default but some concerns and fields: what a result needs.

        As the key of a cache it makes no two entries of what is the same; how a result is displayed is
        never part of it.
        """
        names = [name for one in needed for name in ([one] if isinstance(one, str) else names_of(one))]
        return Experiment(**{name: getattr(self, name) for name in names})

    def model_part(self) -> "Experiment":
        """Returns the experiment with all set to default that the weights do not depend on."""
        kept = {f.name: getattr(self, f.name) for f in fields(self) if choice(f.name).models}
        if self.weights not in ("marked", "model") or self.bias == "chrono":
            kept["text"] = self.text
        if self.weights == "marked":
            kept["units"] = "word"
        if self.weights == "model":
            names = ("weights", "model", "cell", "stack", "words", "numbers")
            kept = {name: getattr(self, name) for name in names}
        return Experiment(**kept)

    def display(self, lang: str, theme: str = "light") -> "Display":
        """Returns how the experiment is to be shown: in the notation chosen, else the lecture's in Korean."""
        notation = self.notation
        if notation == "auto":
            notation = "lecture" if lang == "ko" else "pytorch"
        return Display(lang, notation, theme)

    @property
    def is_spoken(self) -> bool:
        """Whether a network learns sentences that there are in every language."""
        return self.data in SPOKEN or self.arch in SPOKEN_ARCHITECTURES or self.scene == "evidence"

    def spoken(self, lang: str) -> str:
        """Returns the language of the sentences to learn: the one chosen, else the reader's."""
        return lang if self.grammar == "auto" else self.grammar

    def held_flips(self) -> set[str]:
        """Returns the symbols that are held and that another notation writes as one minus."""
        held = {self.clamp, *map(symbol_of, entries(self.holds))} if self.clamp else set()
        return held & {symbol for cell in (self.cell, self.second) if cell for symbol in CELLS[cell].flips}

    def to_query(self) -> dict[str, str]:
        """Returns what differs from the default as URL parameters; a long text stays out."""
        default = Experiment()
        return {
            f.name: written(value)
            for f in fields(self)
            if (value := getattr(self, f.name)) != getattr(default, f.name)
            and not (isinstance(value, str) and len(value) > MAX_URL_TEXT)
        }

    def with_changes(self, changes: Mapping[str, str]) -> "tuple[Experiment, tuple[Refusal, ...]]":
        """Returns the experiment with fields set from strings, and what could not be set.

        Only a network out of a file has a cell with other functions.
        """
        good: dict[str, Any] = {}
        refused = []
        for name, raw in changes.items():
            try:
                good[name] = parse(name, raw)
            except (KeyError, ValueError):
                refused.append(Refusal(name, raw))
        return replace(self, **good).with_usual_cell(), tuple(refused)

    @property
    def usual_cell(self) -> str:
        """The registry's cell, whatever functions the network of a file has in it."""
        return self.cell.partition(":")[0]

    def with_usual_cell(self) -> "Experiment":
        """Returns the experiment with a cell of the registry, unless its network is out of a file."""
        return self if self.own else replace(self, cell=self.usual_cell)


def names_of(kind: type) -> tuple[str, ...]:
    """Returns the names of a concern's fields, those of what it builds on first."""
    return tuple(f.name for f in fields(kind))


@dataclass(frozen=True)
class Display:
    """How a record is shown, never what is computed: language, notation (`pytorch` or `lecture`), theme."""

    lang: str
    notation: str = "pytorch"
    theme: str = "light"

    def meant(self, experiment: Experiment) -> Experiment:
        """Returns the experiment with what this notation turns round, a clamped z, as PyTorch's has it."""
        if self.notation != "lecture" or not (flips := experiment.held_flips()):
            return experiment
        value, holds = experiment.clamp_value, turned(experiment.holds, flips)
        return replace(
            experiment, clamp_value=1.0 - value if experiment.clamp in flips else value, holds=holds
        )

    def flips(self, spec: CellSpec) -> tuple[str, ...]:
        """Returns the gates of a cell that this notation shows as one minus PyTorch's."""
        return spec.flips if self.notation == "lecture" else ()


@dataclass(frozen=True)
class Refusal:
    """A value that was not taken: the field's name as given and the raw text."""

    name: str
    raw: str


def choice(name: str) -> Choice:
    """Returns a field's entry in the table. Raises KeyError for a name that is no field."""
    return TABLE[name]


TABLE: dict[str, Choice] = {f.name: f.metadata["choice"] for f in fields(Experiment)}
TYPES: dict[str, type] = {f.name: type(f.default) for f in fields(Experiment)}

_INTEGER = re.compile(r"-?[0-9]{1,9}", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)


def written(value: Any) -> str:
    """Returns a value as `parse` reads it: numbers without an exponent, to nine places."""
    return f"{value:.9f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def parse(name: str, raw: str) -> Any:
    """Returns the value of a field from a string.

    Raises KeyError for an unknown field, ValueError for a value of the wrong form or out of range.
    """
    entry, kind = choice(name), TYPES[name]
    if entry.options is not None:
        if raw not in entry.options and not (entry.also and entry.also(raw)):
            raise ValueError(raw)
        return raw
    if kind is str:
        longest = int(entry.high)
        return clean(clean(raw[:longest])[:longest])  # a letter may be two after NFC
    if not (_INTEGER if kind is int else _DECIMAL).fullmatch(raw):
        raise ValueError(raw)
    value = kind(raw)
    if not entry.low <= value <= entry.high:
        raise ValueError(raw)
    return value
