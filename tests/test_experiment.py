"""The experiment's one table: it goes into a link and comes back, and says what it will not take."""

from dataclasses import FrozenInstanceError, fields, replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import CELLS, Experiment
from explorer.experiment import TABLE, TYPES, NetworkChoices, Refusal, choice, parse
from explorer.limits import MAX_HIDDEN, MAX_TEXT, MAX_URL_TEXT

NAMES = tuple(TABLE)


def values_of(name: str) -> st.SearchStrategy:
    """Returns values that a field may hold, as its widget would give them."""
    entry, kind = TABLE[name], TYPES[name]
    if entry.options is not None:
        return st.sampled_from(entry.options)
    if kind is int:
        return st.integers(int(entry.low), int(entry.high))
    if kind is float:
        return st.floats(entry.low, entry.high).map(lambda v: round(v, 9))
    return st.text(max_size=80).map(partial(parse, name))


EXPERIMENTS = st.fixed_dictionaries({name: values_of(name) for name in NAMES}).map(lambda d: Experiment(**d))


@settings(max_examples=200)
@given(EXPERIMENTS)
def test_an_experiment_comes_back_from_its_link(experiment):
    query = experiment.to_query()
    assert all(isinstance(value, str) for value in query.values())
    assert Experiment().with_changes(query) == (experiment, ())


@pytest.mark.parametrize("name", NAMES)
def test_every_field_alone_comes_back_from_its_link(name):
    entry, kind, default = TABLE[name], TYPES[name], getattr(Experiment(), name)
    tried = entry.options or ([entry.low, entry.high] if kind is not str else ["그의 말이", "a b"])
    for value in map(kind, tried):
        experiment = Experiment(**{name: value})
        assert set(experiment.to_query()) == ({name} if value != default else set())
        assert Experiment().with_changes(experiment.to_query()) == (experiment, ())


@pytest.mark.parametrize("value", [0.1 + 0.2, 1e-5, 1e-9, -0.1, 9.999999999, 1 / 3])
def test_a_number_from_a_slider_comes_back_from_its_link(value):
    again, refused = Experiment().with_changes(Experiment(keep_bias=value).to_query())
    assert refused == ()
    assert again.keep_bias == pytest.approx(value, abs=1e-9)


def test_the_default_experiment_has_an_empty_link():
    assert Experiment().to_query() == {}


@pytest.mark.parametrize("name", ["text", "donor"])
def test_a_long_text_stays_out_of_the_link_and_the_rest_goes_in(name):
    longest, longer = ("a" * n for n in (MAX_URL_TEXT, MAX_URL_TEXT + 1))
    assert Experiment(**{name: longest}).to_query() == {name: longest}
    assert Experiment(**{name: longer}, seed=3).to_query() == {"seed": "3"}


def test_a_text_past_the_cap_is_cut():
    assert len(parse("text", "a" * (MAX_TEXT + 5))) == MAX_TEXT
    assert len(parse("swap_with", "\u0958" * 300)) <= 200  # one character that NFC makes two


BAD_NUMBERS = ["", " ", "٣", "１", "1e9", "nan", "inf", "-inf", "0x10", "1_0", "+1", "1 ", " 1", "1\n"]
BAD_NUMBERS += ["--1", "9" * 400, "-" + "9" * 30, "<script>", "None", "true", "1,5", "½", "²", "1;DROP"]


@pytest.mark.parametrize("raw", BAD_NUMBERS)
@pytest.mark.parametrize("name", ["hidden", "seed", "gain", "keep_bias", "clamp_value", "step"])
def test_what_is_no_plain_number_is_refused_and_the_default_stays(name, raw):
    assert Experiment().with_changes({name: raw}) == (Experiment(), (Refusal(name, raw),))


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("hidden", "0"),
        ("hidden", str(MAX_HIDDEN + 1)),
        ("hidden", "1.0"),
        ("seed", "-1"),
        ("seed", "10000"),
        ("gain", "-0.1"),
        ("gain", "10.1"),
        ("clamp_value", "1.000000001"),
        ("step", "0"),
        ("gain", "1."),
        ("gain", ".5"),
        ("gain", "1.0000000001"),
    ],
)
def test_a_number_out_of_range_or_form_is_refused(name, raw):
    assert Experiment().with_changes({name: raw})[1] == (Refusal(name, raw),)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("cell", "LSTM"),
        ("cell", "transformer"),
        ("cell", ""),
        ("units", "bpe"),
        ("carry", "ch"),
        ("clamp", "c"),
    ],
)
def test_a_choice_that_is_not_on_the_list_is_refused(name, raw):
    assert Experiment().with_changes({name: raw})[1] == (Refusal(name, raw),)


def test_good_values_are_taken_beside_bad_and_unknown_ones():
    changes = {"cell": "gru", "hidden": "many", "model_part": "x", "__class__": "y", "seed": "7"}
    experiment, refused = Experiment().with_changes(changes)
    assert experiment == Experiment(cell="gru", seed=7)
    assert [r.name for r in refused] == ["hidden", "model_part", "__class__"]


def test_every_cell_can_be_chosen_and_stands_in_the_second_place_too():
    assert set(choice("cell").options) == set(CELLS)
    assert set(choice("second").options) == {"", *CELLS}


def test_every_default_is_a_value_its_own_field_takes():
    for field in fields(Experiment):
        entry = choice(field.name)
        if entry.options is not None:
            assert field.default in entry.options, field.name
        elif not isinstance(field.default, str):
            assert entry.low <= field.default <= entry.high, field.name


def test_an_experiment_is_a_key_and_cannot_be_changed():
    assert len({Experiment(), Experiment(), Experiment(seed=1)}) == 2
    with pytest.raises(FrozenInstanceError):
        Experiment().seed = 2


NOT_OF_THE_MODEL = {name: entry for name, entry in TABLE.items() if not entry.models and name != "text"}


@pytest.mark.parametrize("name", NOT_OF_THE_MODEL)
def test_model_part_ignores_what_the_weights_do_not_depend_on(name):
    entry, kind = TABLE[name], TYPES[name]
    some = (entry.options or ("말",)) if kind is str else (kind(entry.low), kind(entry.high))
    other = next(value for value in reversed(some) if value != getattr(Experiment(), name))
    experiment = replace(Experiment(), **{name: other})
    assert experiment.model_part() == Experiment()


@pytest.mark.parametrize("name", [name for name, entry in TABLE.items() if entry.models])
def test_model_part_keeps_what_the_weights_depend_on(name):
    entry = TABLE[name]
    other = entry.options[-1] if entry.options else TYPES[name](entry.high)
    assert getattr(replace(Experiment(), **{name: other}).model_part(), name) == other


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"weights": "lecture"}, True),  # with new words it is learned too: see `lab.learned.needed`
        ({"weights": "untrained"}, True),
        ({"weights": "yours"}, True),
        ({"weights": "marked"}, False),
        ({"weights": "model"}, False),
        ({"weights": "marked", "bias": "chrono"}, True),  # the longest memory is the text's length
    ],
)
def test_the_text_belongs_to_the_model_only_where_it_makes_it(changes, kept):
    assert Experiment(text="a b", **changes).model_part().text == ("a b" if kept else "")


def test_units_do_not_matter_to_marked_numbers():
    assert Experiment(weights="marked", units="jamo").model_part() == Experiment(weights="marked")


ADDRESS = {
    "cell": "gru", "text": "a b", "units": "jamo", "weights": "yours", "hidden": "8", "seed": "3",
    "init": "orthogonal", "gain": "0.5", "bias": "fixed", "keep_bias": "-1.5", "notation": "lecture",
    "start": "2", "card": "gates", "step": "4", "unit": "5",
    "clamp": "z", "clamp_value": "0.25", "clamp_unit": "1", "clamp_from": "2",
    "zero": "1", "zero_from": "2", "swap": "1", "swap_with": "c", "loss": "each_step", "loss_at": "3",
    "stretch": "40", "input_scale": "0.5", "moment": "8", "look": "why", "nudge_unit": "2", "window": "8",
    "clip": "0.001", "data": "copy", "grammar": "ko", "length": "50", "layers": "2", "batch": "16",
    "optimiser": "sgd", "rate": "0.0000125", "max_norm": "0.5", "truncate": "10", "budget": "100",
    "sentences": "20", "racers": "rnn;gru", "size": "64", "match": "parameters", "race_seed": "1",
    "model": "tales_en", "second": "rnn", "carry": "hc", "donor": "d e", "donor_step": "2", "into": "3",
    "view": "predict", "ending": "on", "case": "lower", "punctuation": "strip", "free": "2", "prompt": "a",
    "tokens": "10", "temperature": "0.1", "top_k": "5", "top_p": "0.9", "draw": "7", "forced": "1:2",
    "feature": "word", "pattern": "ab", "shade": "c", "arch": "deep", "mapping": "one_one", "depth": "3",
    "directions": "one", "without": "f", "rows": "8", "steps": "4", "inputs": "5", "outputs": "3",
    "returns": "sequence", "state": "yes", "first": "time", "ask": "cell",
}  # fmt: skip
"""Every name that an address had on 2026-11-26, with a value that is not the default."""


def test_addresses_keep_working():
    experiment, refused = Experiment().with_changes(ADDRESS)
    assert refused == () and experiment.to_query() == ADDRESS
    assert set(ADDRESS) <= set(TABLE)


def test_every_field_is_of_one_concern():
    parts = [part for part in Experiment.__mro__[1:-1] if "__annotations__" in vars(part)]
    own = [name for part in parts for name in vars(part)["__annotations__"]]
    assert sorted(own) == sorted(TABLE) and len(parts) == 12


def test_parts_are_views():
    experiment = Experiment(cell="gru", size=64, temperature=0.1, outputs=3, clip=2.0, start=4)
    assert (experiment.network.cell, experiment.network.token_level) == ("gru", "word")
    assert (experiment.race.size, experiment.language.temperature) == (64, 0.1)
    assert (experiment.architecture.outputs, experiment.gradient.clip, experiment.walk.start) == (3, 2.0, 4)
    assert not hasattr(experiment.network, "size") and hash(experiment.race)
    assert replace(experiment, size=8).race == replace(Experiment().race, size=8)


def test_only_what_is_named_is_kept():
    experiment = Experiment(cell="gru", seed=3, start=4, notation="lecture", step=9)
    assert experiment.only(NetworkChoices, "start") == Experiment(cell="gru", seed=3, start=4)
    assert experiment.only("step") == Experiment(step=9)
