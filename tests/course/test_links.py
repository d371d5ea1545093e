"""Every link opens with a card that belongs to it, and shows the same network in both languages."""

import inspect
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from explorer import CELLS, bptt
from explorer.course.lessons import LESSONS, Show, cards, lead, opened
from explorer.course.showing import CHOOSING, stage_of
from explorer.data.sources import source
from explorer.dynamics import cube
from explorer.dynamics.cube import learn_cube
from explorer.experiment import ARCHITECTURES, NOTATIONS, SCENES, VIEWS, Experiment
from explorer.gradients.bptt import readout_gradient
from explorer.i18n import ASSETS, LANGUAGES
from explorer.lab.flow import flow
from explorer.lab.learned import UNSAID, learn, opening, settled
from explorer.lab.walk import Walk, walk
from explorer.nn.initialise import initialise
from explorer.nn.model import RecurrentModel
from explorer.stage import views
from explorer.training.learner import Learner, build
from explorer.training.race import race_of
from explorer.ui.ways import PAGES
from tests.course.links import every, fixed, glossary

learned = cache(learn)


def test_there_are_links_of_every_kind():
    kinds = [name.split()[0] for name in every()]
    assert {"course", "docs", "preset", "glossary", *LESSONS} == set(kinds) and len(kinds) > 200


# The same in both languages


@pytest.mark.parametrize("compute", [learn, build, initialise, Learner, flow, bptt, readout_gradient])
def test_neither_language_nor_notation_enters_what_is_learned_or_differentiated(compute: Callable):
    assert not {"lang", "notation"} & set(inspect.signature(compute).parameters)


def weights(network: RecurrentModel) -> list[np.ndarray]:
    return [parameter.detach().double().numpy() for parameter in network.parameters()]


def begun(experiment: Experiment) -> list[list[np.ndarray]]:
    """The weights with which an experiment's network begins: of a page, of a race, of the cube of memory."""
    raced = replace(experiment, data="adding", length=10)
    return [
        weights(network)
        for network in (learn(experiment).model, build(raced, source(raced)), learn_cube(experiment).model)
    ]


@pytest.mark.parametrize("bias", ["fixed", "chrono"])
def test_no_notation_enters_the_weights(monkeypatch, bias):
    """Whatever the choices say of how it is written: a high keep bias keeps."""
    monkeypatch.setattr(cube, "fit_flip_flop", lambda *_: None)
    asked = Experiment(cell="gru", weights="untrained", hidden=3, bias=bias, keep_bias=3.0)
    auto, *others = (begun(replace(asked, notation=notation)) for notation in NOTATIONS)
    for other in others:
        for ours, theirs in zip(auto, other, strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def walked(experiment: Experiment, lang: str) -> Walk:
    second = learned(replace(experiment, cell=experiment.second).model_part()) if experiment.second else None
    meant = experiment.display(lang).meant(experiment)
    return walk(meant, learned(experiment.model_part()), second)


def seen() -> list[Experiment]:
    """What the links to the first page show, once for each notation that is not fixed and each change."""
    found = {}
    for place in every().values():
        experiment = place.experiment
        flips = any(CELLS[cell].flips for cell in (experiment.cell, experiment.second) if cell)
        if place.page == "step" and flips and experiment.weights != "model":
            found[repr(replace(experiment, step=1, unit=1, card=""))] = experiment
    return list(found.values())


def test_the_first_page_shows_the_same_run_in_both_languages():
    assert len(seen()) > 10
    for experiment in seen():
        korean, english = (walked(settled(experiment, "en"), lang) for lang in ("ko", "en"))
        for ko, en in zip(korean.runs, english.runs, strict=True):
            for a, b in ((ko.trace.h, en.trace.h), (ko.value, en.value), (ko.following, en.following)):
                np.testing.assert_array_equal(a, b, err_msg=str(experiment.to_query()))
            a, b = (run.trace.layers[0].in_notation("lecture").gate for run in (ko, en))
            assert all(np.allclose(a[s], b[s], rtol=0, atol=1e-15) for s in a)


def test_no_link_of_ours_leaves_to_the_language_what_is_computed():
    for name, place in every().items():
        if not name.startswith("preset"):  # a preset takes the reader's language, its address then says which
            ko, en = (settled(place.experiment, lang) for lang in ("ko", "en"))
            assert ko == en == place.experiment or place.page != "train", name
            assert ko == replace(en, grammar=ko.grammar), name


def test_every_link_learns_the_same_in_both_languages(monkeypatch):
    """As the app draws it for either reader, and as an address is typed: what is asked of the trainings."""
    kinds = set()
    for name, place in every().items():
        for written in (*LANGUAGES, UNSAID):
            shown = settled(place.experiment, written)
            ko, en = (asked(monkeypatch, place.page, shown, lang) for lang in ("ko", "en"))
            assert ko == en, name
            kinds |= {what for what, *_ in ko}
    assert {"mapping", "tagger", "network", "race", "cube"} <= kinds


class _EnoughError(Exception):
    """All is known of a view before anything is learned."""


def asked(monkeypatch, page: str, shown: Experiment, lang: str) -> list[tuple]:
    """Returns what a view learns for a reader, up to the first training that it needs."""
    calls: list[tuple] = []

    def recorder(what: str):
        def record(*given, **named):
            calls.append((what, given, tuple(named.items())))
            raise _EnoughError

        return record

    for module, name, what in (
        (views.mappings, "fit", "mapping"),
        (views.deep, "fit", "tagger"),
        (views, "learn", "network"),
        (views, "load", "stored"),
        (views, "learn_cube", "cube"),
    ):
        monkeypatch.setattr(module, name, recorder(what))
    if page in ("train", "clinic"):
        return [("race", race_of(shown, lang).key)]
    key = views.view_key(page, shown)
    if (build := views.VIEWS.get(key)) is not None and key not in views.CHARTS:
        with suppress(_EnoughError, views.NoStageError):
            build(shown, lang, views.Networks())
    return calls


def test_a_mapping_is_the_same_network_in_both_languages():
    for grammar in LANGUAGES:
        shown = Experiment(arch="mappings", mapping="many_one", grammar=grammar)
        ko, en = (views.view("architectures", shown, lang).arrays for lang in ("ko", "en"))
        assert ko.keys() == en.keys()
        for name, array in ko.items():
            if name != "lang" and not name.startswith("line_"):
                np.testing.assert_array_equal(array, en[name], err_msg=name)


def test_what_an_address_that_names_nothing_opens_on_is_named_in_the_next():
    korean, english = (opening(lang) for lang in LANGUAGES)
    assert (korean.weights, english.weights) == ("lecture", "english") and korean == Experiment()
    for name, place in every().items():
        assert place.changes or place.page in ("course", "glossary"), name


def test_an_address_that_was_written_in_one_language_is_the_same_race_in_the_other():
    for name, place in fixed().items():
        if place.page == "train":
            for lang in LANGUAGES:
                written = settled(place.experiment, lang)
                assert race_of(written, "ko").key == race_of(written, "en").key, name


def test_a_gate_that_is_held_is_held_alike_in_both_languages():
    held = Experiment(cell="gru", clamp="z", clamp_value=1.0, clamp_from=2, weights="untrained")
    for lang, keeps in (("en", True), ("ko", False)):
        runs = [walked(settled(held, lang), other).runs[1].trace.h for other in LANGUAGES]
        np.testing.assert_array_equal(*runs)
        assert np.array_equal(runs[0][2], runs[0][1]) == keeps


# Each with its card


@pytest.mark.parametrize("name", fixed())
def test_a_link_of_course_docs_and_presets_names_its_card(name):
    place = fixed()[name]
    keys = {card.key for card in cards(place.page, "en") if card.concerns(CELLS[place.experiment.cell])}
    assert dict(place.changes)["card"] in keys


def views_of(page: str, key: str) -> set[str]:
    """The views that the buttons of a card set, of a page that has views."""
    (card,) = (card for card in cards(page, "en") if card.key == key)
    field = CHOOSING[page]
    return {dict(part.changes)[field] for part in card.parts if isinstance(part, Show)}


@pytest.mark.parametrize("name", fixed() | glossary())
def test_a_link_to_a_view_opens_a_card_of_that_view(name):
    place = (fixed() | glossary())[name]
    if place.page not in LESSONS:
        return
    shown = place.experiment
    key = opened(place.page, shown)
    if place.page in CHOOSING:
        assert stage_of(place.page, shown) in views_of(place.page, key)
    elif place.page == "step" and shown.cell in ("lstm", "gru") and shown.clamp:
        gates = {"f": "forget", "i": "input", "o": "output", "r": "gru_reset", "z": "gru_update"}
        assert key in ("update" if shown.holds else gates[shown.clamp], "variants")


@pytest.mark.parametrize(
    ("page", "changes", "card"),
    [
        *[("language", {"view": view}, None) for view in VIEWS],
        *[("architectures", {"arch": arch}, None) for arch in ARCHITECTURES],
        *[("dynamics", {"scene": scene}, None) for scene in SCENES],
        ("dynamics", {"scene": "portrait", "cell": "lstm", "small": "two"}, "plane"),
        ("dynamics", {"scene": "portrait", "cell": "rnn", "small": "two"}, "turning"),
        ("step", {}, "recurrence"),
        ("step", {"weights": "marked"}, "valve"),
        ("step", {"weights": "marked", "cell": "gru"}, "gru_update"),
        ("step", {"second": "gru"}, "map"),
        ("step", {"carry": "h"}, "transplant"),
        ("step", {"begin": "random"}, "first_state"),
        ("step", {"by_hand": "on"}, "hand"),
        ("gradients", {"look": "clipping"}, "exploding"),
        ("train", {"data": "copy"}, "start"),
        ("step", {"cell": "gru", "clamp": "f"}, "recurrence"),
    ],
)
def test_a_view_that_names_no_card_has_one_that_leads(page, changes, card):
    key = lead(page, Experiment(**changes))
    assert key == card if card else next(iter(changes.values())) in views_of(page, key)


def test_every_page_with_cards_opens_them_by_their_names():
    drawn = {path.stem for path in PAGES.glob("*.py") if "lesson(" in path.read_text(encoding="utf-8")}
    assert drawn == set(LESSONS)
    for lang in LANGUAGES:
        assert {path.stem for path in (ASSETS / "lessons" / lang).glob("*.md")} == drawn
    for name in LESSONS:
        for card in cards(name, "en"):
            cell = next(key for key, spec in CELLS.items() if card.concerns(spec))
            assert opened(name, Experiment(cell=cell, card=card.key)) == card.key


def test_a_card_of_another_cell_or_lesson_gives_way():
    assert opened("step", Experiment(cell="lstm", card="forget")) == "forget"
    assert opened("step", Experiment(cell="gru", card="forget")) == "recurrence"
    assert opened("train", Experiment(card="forget")) == "race"


def test_no_card_says_this_network_of_one_that_is_not_on_the_page():
    for lang, words in (("en", "This network"), ("ko", "이 신경망은")):
        for name in LESSONS:
            for card in cards(name, lang):
                assert not any(words in part for part in card.parts if isinstance(part, str)), card.key
