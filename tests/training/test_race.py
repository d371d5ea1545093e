"""Races: how racers are read, what a race's key depends on, what presets set."""

import json
from dataclasses import fields, replace

import pytest

from explorer.cells import CELLS
from explorer.experiment import Experiment
from explorer.limits import MAX_RACERS
from explorer.training.race import (
    RACER_FIELDS,
    RacerError,
    from_record,
    preset_changes,
    preset_of,
    presets,
    race_from_json,
    race_of,
    racer,
    record,
    split,
)


def test_a_racer_is_a_cell_and_what_is_its_own():
    run = racer("rnn init=orthogonal rate=0.001", Experiment(rate=0.01))
    assert (run.cell, run.init, run.rate) == ("rnn", "orthogonal", 0.001)


@pytest.mark.parametrize(
    "text",
    ["transformer", "lstm rate=fast", "lstm rate=99999", "lstm seed=3", "lstm rate", "=", "lstm text=a"],
)
def test_what_is_no_racer_is_refused_with_its_text(text):
    with pytest.raises(RacerError, match=text.split()[0]):
        racer(text, Experiment())


def test_racers_are_tidied_and_counted_once():
    assert split(" rnn ;; lstm   bias=chrono;rnn") == ["rnn", "lstm bias=chrono"]
    assert len(split(";".join(f"rnn rate=0.00{k}" for k in range(1, 10)))) == MAX_RACERS


def test_all_racers_share_data_seed_and_batch():
    race = race_of(Experiment(length=17, race_seed=5, batch=7, racers="rnn;gru rate=0.5"))
    assert {(r.data, r.length, r.seed, r.batch) for r in race.runs} == {("adding", 17, 5, 7)}
    assert [r.rate for r in race.runs] == [0.01, 0.5]


@pytest.mark.parametrize("other", [{"cell": "gru"}, {"text": "a b"}, {"init": "orthogonal"}, {"step": 3}])
def test_choices_of_other_pages_do_not_change_a_race(other):
    assert race_of(replace(Experiment(), **other)).key == race_of(Experiment()).key


@pytest.mark.parametrize(
    "other", [{"length": 99}, {"race_seed": 1}, {"racers": "gru"}, {"size": 8}, {"match": "parameters"}]
)
def test_choices_of_a_race_do(other):
    assert race_of(replace(Experiment(), **other)).key != race_of(Experiment()).key


def test_own_text_counts_only_where_it_is_learned():
    keys = {race_of(Experiment(data="yours", text=text)).key for text in ("a b", "b a")}
    assert len(keys) == 2


def test_equal_weights_are_nearly_equal():
    race = race_of(Experiment(size=32, match="parameters", racers="rnn;lstm;gru"))
    counts = [CELLS[run.cell].parameters(2, run.hidden) for run in race.runs]
    assert max(counts) / min(counts) < 1.05


def test_only_a_race_over_sentences_depends_on_the_readers_language():
    assert race_of(Experiment(), "ko") == race_of(Experiment(), "en")
    assert race_of(Experiment(data="agreement"), "ko") != race_of(Experiment(data="agreement"), "en")


def test_the_text_of_a_race_reads_back_the_same():
    race = race_of(Experiment(data="yours", text='가는 말이; 고와야 = "오는"', racers="rnn;lstm bias=chrono"))
    assert race_from_json(race.to_json()) == race
    json.loads(race.to_json())


def test_a_record_holds_only_what_differs_and_refuses_what_no_field_takes():
    assert record(Experiment(cell="gru", rate=0.003)) == {"cell": "gru", "rate": 0.003}
    assert from_record({"cell": "gru", "rate": 0.003}) == Experiment(cell="gru", rate=0.003)
    with pytest.raises(ValueError):
        from_record({"rate": 1e9})
    with pytest.raises(KeyError):
        from_record({"no": 1})


@pytest.mark.parametrize("name", presets())
def test_a_preset_is_recognised_whatever_was_chosen_before(name):
    before = Experiment(data="copy", length=7, rate=0.5, racers="gru", cell="gru", text="x")
    after, refused = before.with_changes(preset_changes(name))
    assert not refused and preset_of(after) == name
    assert (after.cell, after.text) == ("gru", "x")
    assert race_of(after).runs


def test_an_experiment_of_ones_own_is_no_preset():
    assert preset_of(Experiment()) == "adding_100"
    assert preset_of(Experiment(length=99)) is None


def test_own_fields_are_fields():
    assert set(RACER_FIELDS) <= {f.name for f in fields(Experiment)}
