"""Every view of the app, carried out from its link alone: no server, no page.

view("gradients", Experiment(cell="gru", text="the cat sat")).to_html("gradients.html")

The pages draw the same records through their caches; a test holds the two against each other.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from explorer.architectures import deep, mappings
from explorer.course.places import HOME, place_of
from explorer.course.showing import CHOOSING, NAMES, stage_of
from explorer.data.corpora import TAUGHT, sentences_of
from explorer.data.exercises import examples, messages
from explorer.data.pairs import pairs_of
from explorer.data.sources import source
from explorer.data.unusable import Unusable
from explorer.dynamics.cube import cube, learn_cube
from explorer.dynamics.evidence import Evidence, evidence
from explorer.dynamics.landscape import Landscape
from explorer.dynamics.network import network, unsearched
from explorer.experiment import MAPPINGS, Experiment
from explorer.figures.deep import NETWORKS
from explorer.i18n import LANGUAGES, Refused, t
from explorer.lab.files import Given, given, kept_fields
from explorer.lab.flow import compared, flow
from explorer.lab.learned import UNSAID, Learned, from_bundle, inputs, learn, needed, opening, settled
from explorer.lab.own import titled
from explorer.lab.walk import walk
from explorer.language.probing import memories
from explorer.language.saying import saying
from explorer.language.scoring import foresee, text_with_end
from explorer.language.units import units_in, with_pattern
from explorer.nn.model import RecurrentModel
from explorer.nn.threads import one_thread
from explorer.stage import export, payload, taking
from explorer.stage.charts import CHARTS, OF_EVERY_CELL, Charts, NoStageError, build_charts
from explorer.stage.deep import build_deep
from explorer.stage.dynamics import build_space
from explorer.stage.generate import build_saying
from explorer.stage.mappings import build_mapped
from explorer.stage.memory import build_memory
from explorer.stage.pairs import build_pairs
from explorer.stage.predict import build_prediction
from explorer.stage.race import build_raced
from explorer.stage.units import build_units
from explorer.training.events import Event
from explorer.training.race import Race, RacerError, race_of
from explorer.training.run import carried_out
from explorer.training.shipped import families, load
from explorer.training.store import is_kept, load_bundle

Pair = tuple[Learned, tuple[str, str]]
"""The network beside that of a file, and what both are called."""


@dataclass(frozen=True)
class Networks:
    """Where the networks of a view come from: learned here and now, shipped, or a file in place of both.

    file: one that this app kept; own: a network out of anybody's.
    """

    file: Path | None = None
    own: Given | None = None
    second: Pair | None = None

    def learned(self, experiment: Experiment) -> Learned:
        """Returns the experiment's network. Raises NoStageError for one that only a server has."""
        if self.own is not None:
            return self.own.learned()
        if self.file is not None:
            return from_bundle(load_bundle(self.file, uploaded=False))
        if experiment.weights != "model":
            return learn(needed(experiment.model_part()))
        if not self.there(experiment):
            raise NoStageError(f"the network {experiment.model!r} of the cell {experiment.cell} is not here")
        return from_bundle(load(experiment.model, experiment.cell))

    @property
    def alone(self) -> bool:
        """Whether a file has the network, and no other cell has one like it."""
        return self.file is not None or self.own is not None

    def beside(self, experiment: Experiment) -> Pair | None:
        """Returns the network beside the experiment's, where that is out of a file."""
        return self.second

    def there(self, experiment: Experiment) -> bool:
        """Returns whether there is such a network."""
        if self.alone or experiment.weights != "model":
            return True
        family = families().get(experiment.model)
        return family is not None and experiment.cell in family.cells

    def trained_on(self, experiment: Experiment) -> Experiment | None:
        """Returns the training that the experiment's stored network comes from; None for one learned here."""
        if self.file is not None:
            return load_bundle(self.file, uploaded=False).experiment
        if experiment.weights != "model" or experiment.own:
            return None
        return families()[experiment.model].experiments[experiment.cell]

    def events(self, race: Race) -> list[Event]:
        """Returns what a race reports: it is carried out here and now."""
        return carried_out(race)

    def at(self, experiment: Experiment) -> RecurrentModel:
        """Returns the experiment's network at its moment of training."""
        return self.learned(experiment).at(experiment.moment)


Build = Callable[[Experiment, str, Networks], bytes]


def _step(experiment: Experiment, lang: str, networks: Networks) -> bytes:
    display = experiment.display(lang)
    asked = display.meant(experiment)
    first = networks.learned(asked)
    if pair := networks.beside(asked):
        return payload.build(walk(asked, first, *pair), display)
    second = networks.learned(replace(asked, cell=asked.second)) if asked.second else None
    return payload.build(walk(asked, first, second), display)


def _gradients(experiment: Experiment, lang: str, networks: Networks) -> bytes:
    cells = [replace(experiment, cell=cell) for cell in compared(experiment.cell)]
    if networks.alone:
        cells = cells[:1]
    there = {cell.cell: networks.learned(cell) for cell in cells if networks.there(cell)}
    pair = networks.beside(experiment) or ()
    return payload.build_flow(flow(experiment, there, *pair), experiment.display(lang))


def _pairs(experiment: Experiment, lang: str, networks: Networks) -> bytes:
    found = pairs_of(experiment)
    if not found.prefixes.rows:
        raise NoStageError("the text has no pair of an input and a target")
    return build_pairs(found, experiment, lang)


def _predict(experiment: Experiment, lang: str, networks: Networks) -> bytes:
    model = _reader(experiment, networks)
    tokens = text_with_end(experiment, model)
    if len(tokens) < 2:
        raise NoStageError("the text has one token: there is nothing to foresee")
    return build_prediction(foresee(model, tokens, free=experiment.free, start=experiment.start), lang)


def _generate(experiment: Experiment, lang: str, networks: Networks) -> bytes:
    try:
        return build_saying(saying(experiment, _reader(experiment, networks)), experiment.display(lang))
    except Refused as refused:
        raise NoStageError(str(refused)) from refused


def _units(experiment: Experiment, lang: str, networks: Networks) -> bytes:
    found = units_in(experiment, _reader(experiment, networks), networks.trained_on(experiment))
    return build_units(with_pattern(found, experiment.pattern), experiment, experiment.display(lang))


def _memory(experiment: Experiment, lang: str, networks: Networks) -> bytes:
    model, run, data = _reader(experiment, networks), networks.trained_on(experiment), None
    if run is not None:
        with suppress(Unusable):
            data = source(run, run.grammar)
    level = experiment.token_level if run is None else run.token_level
    bare = experiment.weights == "untrained"
    assert model.vocabulary is not None
    return build_memory(memories(model, data, level), model.vocabulary, lang, experiment.shade, bare)


def _reader(experiment: Experiment, networks: Networks) -> RecurrentModel:
    model = networks.at(experiment)
    if model.vocabulary is None:
        raise NoStageError("this network reads numbers, not text")
    return model


def _deep(experiment: Experiment, lang: str, networks: Networks) -> bytes:
    grammar = experiment.spoken(lang)
    of = (experiment.cell, grammar, experiment.depth)
    taggers = {name: deep.fit(*of, name == "both", experiment.seed) for name in NETWORKS}
    sentence = deep.sentence_shown(tagged_text(experiment, grammar), grammar, taggers["both"].model)
    readings = {name: deep.read(tagger, sentence.words) for name, tagger in taggers.items()}
    return build_deep(sentence, readings, experiment.directions, lang)


def tagged_text(experiment: Experiment, lang: str) -> str:
    """Returns the sentence to tag; an example in place of one from another exercise or language."""
    texts = {example for name in MAPPINGS for code in LANGUAGES for example in examples(name, code)}
    own = deep.offered(lang)
    foreign = {"", *(sentences_of(weights)[0] for weights in TAUGHT), *texts} - set(own)
    return own[0] if experiment.text in foreign else experiment.text


def _mappings(experiment: Experiment, lang: str, networks: Networks) -> bytes:
    attend = experiment.attend if experiment.mapping == "encoder_decoder" else ""
    found = mappings.fit(
        experiment.mapping, experiment.cell, experiment.spoken(lang), experiment.seed, attend
    )
    reading = mappings.read(mappings.told(found, lang), experiment.text)
    second = reading.at(experiment.step) is not reading.parts[0]
    return build_mapped(reading, second, experiment.start, experiment.display(lang))[1]


def _cube(experiment: Experiment, lang: str, networks: Networks) -> bytes:
    def found(cell: str) -> Landscape:
        chosen = experiment.only("seed", "init", "gain", "bias", "keep_bias")
        learned = learn_cube(replace(chosen, cell=cell))
        return cube(learned.at(experiment.moment), experiment.seed)

    return build_space([found(cell) for cell in cells_beside(experiment)], lang, experiment.point)


def _network(experiment: Experiment, lang: str, networks: Networks) -> bytes:
    def found(learned: Learned) -> Landscape:
        model = learned.at(experiment.moment)
        held = experiment.held if model.vocabulary is not None and experiment.held in model.ids else ""
        return network(model, inputs(experiment, model, learned.sample), held)

    first = networks.learned(experiment)
    if (pair := networks.beside(experiment)) and unsearched(pair[0].model) is None:
        return build_space([found(first), found(pair[0])], lang, experiment.point, pair[1])
    of = [replace(experiment, cell=cell) for cell in cells_beside(experiment)]
    landscapes = [found(networks.learned(one)) for one in of if networks.there(one)]
    return build_space(landscapes, lang, experiment.point)


def cells_beside(experiment: Experiment) -> list[str]:
    """Returns the cells whose landscapes stand side by side: the chosen one, and a second that is another."""
    other = experiment.second not in ("", experiment.cell)
    return [experiment.cell, experiment.second] if other else [experiment.cell]


def _evidence(experiment: Experiment, lang: str, networks: Networks) -> bytes:
    found = mappings.fit("many_one", experiment.cell, experiment.spoken(lang), experiment.seed)
    return build_space(
        [evidence_of(mappings.told(found, lang), experiment.text).landscape], lang, experiment.point
    )


def evidence_of(network: mappings.Network, text: str) -> Evidence:
    """Returns a spam network's evidence over a text, or over its first example where that cannot be read."""
    part = mappings.read(network, text).parts[0]
    every = [m.words for kind in ("train", "held_out") for m in messages(network.lang, kind)]
    return evidence(part.model, part.given, every, network.answers)


def _train(experiment: Experiment, lang: str, networks: Networks) -> bytes:
    return _raced(experiment, lang, networks, lambda race: race)


def _clinic(experiment: Experiment, lang: str, networks: Networks) -> bytes:
    return _raced(experiment, lang, networks, nameless)


def nameless(race: Race) -> Race:
    """Returns the race with each network named by its cell alone: what it was given would tell the fault."""
    return replace(race, names=tuple(run.cell for run in race.runs))


def _raced(experiment: Experiment, lang: str, networks: Networks, named: Callable[[Race], Race]) -> bytes:
    try:
        race = race_of(experiment, lang)
        if not race.runs:
            raise NoStageError("the race has no networks")
        data = source(race.runs[0], race.runs[0].grammar)
    except (RacerError, Unusable) as error:
        raise NoStageError(f"this race cannot be run: {error}") from error
    title, notation = t(f"option.data.{experiment.data}", lang), experiment.display(lang).notation
    return build_raced(named(race), data, networks.events(race), title, notation, lang)


def _charts(draw: Callable[[Experiment, str], Charts]) -> Build:
    return lambda experiment, lang, networks: build_charts(draw(experiment, lang), lang)


VIEWS: dict[str, Build] = {
    "step": _step,
    "gradients": _gradients,
    "language/pairs": _pairs,
    "language/predict": _predict,
    "language/generate": _generate,
    "language/units": _units,
    "language/memory": _memory,
    "architectures/deep": _deep,
    "architectures/mappings": _mappings,
    "dynamics/cube": _cube,
    "dynamics/network": _network,
    "dynamics/evidence": _evidence,
    "train": _train,
    "clinic": _clinic,
    **{key: _charts(draw) for key, draw in CHARTS.items()},
}
"""Every view, by page and what is chosen on it."""


def view_key(page: str, experiment: Experiment) -> str:
    """Returns the name of a page's view in VIEWS."""
    return f"{page}/{stage_of(page, experiment)}" if page in CHOOSING else page


@dataclass(frozen=True, repr=False)
class View:
    """A view carried out.

    payload is what the stage draws; page and experiment are those of its link; files: what was read in place
    of the experiment's, by the parameters of `view`.
    """

    page: str
    experiment: Experiment
    lang: str
    payload: bytes
    files: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"View({self.page}: {self.title!r}, {len(self.payload)} bytes)"

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """Every number of the view by name, as in the file that the page gives: see `taking.arrays_of`."""
        return taking.arrays_of(self.payload)

    @property
    def title(self) -> str:
        return title_of(self.page, self.experiment, self.lang)

    def to_script(self) -> str:
        """Returns a Python script that carries the view out again."""
        return taking.script(self.page, self.experiment, self.lang, self.title, self.files)

    def to_html(self, path: Path | str | None = None) -> str:
        """Returns the stage as one HTML file, and writes it where a path is given."""
        place = self.experiment.step, self.experiment.unit
        page = export.html(self.payload, self.title, *place)
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page


def view(
    page: str = HOME,
    experiment: Experiment | None = None,
    lang: str = "en",
    network: Path | str | None = None,
    vocabulary: Path | str | None = None,
    sequence: Path | str | None = None,
    beside: Path | str | None = None,
) -> View:
    """Carries out a view: a page's name and its experiment, or a link of the app such as `/step?cell=gru`.

    network is a file in place of the experiment's: one of page Train live, or anybody's, with a vocabulary or
    a sequence (T, D); beside is the file of the network that the experiment has beside it. Raises
    NoStageError for a page without a view, ValueError for a link that sets what there is
    not and, as Refused, for a file that cannot be used or, as Unreadable, is not there.
    """
    if experiment is None:
        place = place_of(page)
        page = place.page
        asked = tuple((name, raw) for name, raw in place.changes if name not in BESIDE)
        experiment = settled(replace(place, changes=asked).experiment, UNSAID) if asked else opening(lang)
    build = VIEWS.get(view_key(page, experiment))
    if build is None:
        raise NoStageError(
            f"{view_key(page, experiment)!r} has no figure to take away; {', '.join(VIEWS)} have"
        )
    along = {"network": network, "vocabulary": vocabulary, "sequence": sequence, "beside": beside}
    files = {name: str(file) for name, file in along.items() if file}
    networks, experiment = _networks(files, experiment)
    with one_thread():  # as on a server: the same sums in the same order
        return View(page, experiment, lang, build(experiment, lang, networks), files)


def _networks(files: Mapping[str, str], experiment: Experiment) -> tuple[Networks, Experiment]:
    """Returns where the networks come from, and the experiment with what a network out of a file says."""
    if "network" not in files:
        if files or experiment.own:
            raise NoStageError("the network is out of a file: give it as network=FILE")
        return Networks(), experiment
    file = Path(files["network"])
    if not experiment.own and is_kept(file):
        if along := [name for name in files if name != "network"]:
            raise NoStageError(
                f"{along[0]} has no place: a network of this app has its own vocabulary and task"
            )
        fields = kept_fields(load_bundle(file, uploaded=False), experiment)
        model = "" if experiment.model in families() else experiment.model
        return Networks(file), experiment.with_changes(fields | {"model": model})[0]
    found = given(file, experiment.stack or None, files.get("vocabulary"), files.get("sequence"))
    own, _ = experiment.with_changes(found.experiment(experiment))
    return Networks(own=found, second=_beside(files, own, found)), own


def _beside(files: Mapping[str, str], experiment: Experiment, first: Given) -> Pair | None:
    """Returns the network beside one of a file, over the same sequence, and what both are called."""
    model, _, name = experiment.beside.partition("/")
    if not model:
        return None
    if model in families():
        return from_bundle(load(model, name)), titled(first.network.layers.name, model)
    file = files["network"] if model == experiment.model else files.get("beside")
    if file is None:
        raise NoStageError("the network beside it is out of another file: give it as beside=FILE")
    try:
        other = given(file, name or None, files.get("vocabulary"), files.get("sequence"))
    except Refused as refused:
        if refused.sentence != "words_many":
            raise
        other = given(file, name or None)
    return other.learned(), titled(first.network.layers.name, other.network.layers.name)


BESIDE = ("lang", "room", *NAMES, "embed")
"""Parameters of a link that say how the app is shown, not what."""


def title_of(page: str, experiment: Experiment, lang: str) -> str:
    """Returns a title for a view: its name, its cells, and its sentence where it is about one."""
    table = f"option.{CHOOSING[page]}" if page in CHOOSING else "page"
    own = t(f"{table}.{stage_of(page, experiment)}", lang)
    if page in ("train", "clinic"):
        racers = "" if page == "clinic" else f", {experiment.racers.replace(';', ' / ')}"
        return f"{own}: {t(f'option.data.{experiment.data}', lang)}{racers}"
    if view_key(page, experiment) in OF_EVERY_CELL:
        return own
    said = [export.said_of(experiment, lang)] if page in ("step", "gradients") else []
    return f"{own}: {', '.join([export.cells_of(experiment, lang), *filter(None, said)])}"
