"""No link breaks a page: every field fuzzed, every value taken or refused, none raised."""

from dataclasses import fields
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import Experiment
from explorer.experiment import TABLE, TYPES, Refusal
from explorer.limits import MAX_TEXT
from explorer.text import clean
from tests.hostile.strings import HOSTILE

NAMES = tuple(TABLE)
NUMBERS = [name for name in NAMES if TYPES[name] is not str]
CHOICES = [name for name in NAMES if TABLE[name].options is not None]
TEXTS = [name for name in NAMES if name not in (*NUMBERS, *CHOICES)]
RAW = st.one_of(
    st.text(max_size=40),
    st.sampled_from(sorted(HOSTILE.values())).map(lambda s: s[:200]),
    st.integers().map(str),
    st.floats().map(str),
    st.text("0123456789.-+eE_ ٣１", max_size=12),
)


def within_its_table(experiment: Experiment) -> bool:
    """Says whether every field holds a value of its type, on its list or in its range."""
    for field in fields(experiment):
        value, entry = getattr(experiment, field.name), TABLE[field.name]
        if type(value) is not TYPES[field.name]:
            return False
        if entry.options is not None:
            ok = value in entry.options
        elif isinstance(value, str):
            ok = len(value) <= entry.high and clean(value) == value
        else:
            ok = entry.low <= value <= entry.high
        if not ok:
            return False
    return True


@settings(max_examples=120)
@given(st.lists(RAW, min_size=5, max_size=5), st.integers(1, len(NAMES)))
def test_any_value_of_any_field_is_taken_in_range_or_refused_as_it_came(values, turn):
    """Every field at once, each with one of a few values; those refused keep their default."""
    names = (*NAMES[turn:], *NAMES[:turn])
    changes = {name: values[k % len(values)] for k, name in enumerate(names)}
    experiment, refused = Experiment().with_changes(changes)
    assert within_its_table(experiment)
    assert refused == tuple(Refusal(r.name, changes[r.name]) for r in refused)
    for name in {r.name for r in refused}:
        assert getattr(experiment, name) == getattr(Experiment(), name)


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=20), RAW, max_size=12))
def test_any_link_gives_an_experiment_whose_own_link_is_taken_whole(changes):
    experiment, refused = Experiment().with_changes(changes)
    assert within_its_table(experiment)
    assert {r.name for r in refused} >= set(changes) - set(NAMES)
    query = dict(parse_qsl(urlencode(experiment.to_query()), keep_blank_values=True))
    again, nothing = Experiment().with_changes(query)
    assert (again, nothing) == (experiment, ())


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_string_is_never_a_number_or_a_choice(hostile):
    raw = HOSTILE[hostile]
    if not raw:
        raw = "<unk>"  # an empty choice is a choice
    changes = dict.fromkeys((*NUMBERS, *CHOICES), raw)
    experiment, refused = Experiment().with_changes(changes)
    assert experiment == Experiment()
    assert refused == tuple(Refusal(name, raw) for name in changes)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_text_is_taken_clean_and_capped_by_every_field(hostile):
    experiment, refused = Experiment().with_changes(dict.fromkeys(TEXTS, HOSTILE[hostile]))
    assert refused == ()
    assert within_its_table(experiment)


@pytest.mark.parametrize("raw", ["1" * 5_000, "-" + "1" * 5_000, "0" * 20_000, "1." + "0" * 20_000])
def test_a_number_of_thousands_of_digits_is_refused_unread_by_every_field(raw):
    changes = dict.fromkeys(NUMBERS, raw)
    assert Experiment().with_changes(changes)[1] == tuple(Refusal(name, raw) for name in NUMBERS)


def test_a_text_of_a_million_characters_is_capped():
    experiment, _ = Experiment().with_changes({"text": "<b>" * 350_000})
    assert len(experiment.text) == MAX_TEXT
    assert experiment.to_query() == {}


@pytest.mark.parametrize(
    "name", ["", "__init__", "to_query", "TEXT", "text ", "cell[]", "cell.key", "\x00", "a" * 5_000]
)
def test_a_name_that_is_no_field_is_refused(name):
    assert Experiment().with_changes({name: "lstm"}) == (Experiment(), (Refusal(name, "lstm"),))
