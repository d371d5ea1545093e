"""A walk with changes: clamps, silent units, swapped words and transplants, and what cannot be done."""

from dataclasses import replace

import numpy as np
import pytest

from explorer import CELLS, Experiment, trace
from explorer.data.corpora import lecture_sentences
from explorer.lab.learned import learn
from explorer.lab.walk import run_whole, walk
from explorer.limits import MARKED_LENGTH
from explorer.nn import interventions, running
from explorer.nn.interventions import Clamp
from explorer.nn.model import RecurrentModel
from tests.helpers import EVERY, arrays_of, largest, walked

FIRST, SECOND, _ = lecture_sentences()


UNTRAINED = Experiment(weights="untrained", hidden=6, text="a b c a b")


def keys(found) -> list[str]:
    return [key for key, _ in found.problems]


def test_a_changed_walk_shows_the_run_before_and_after():
    found = walked(Experiment(clamp="f", clamp_value=0.0, clamp_from=3))
    before, after = (run.trace for run in found.runs)
    assert found.mode == "changed"
    assert (after.gate["f"][2:] == 0.0).all()
    assert (before.gate["f"] > 0.0).all()
    assert largest(after.h[:3], before.h[:3]) <= 1e-12
    assert found.error <= 1e-12 and found.changed == ("clamp",)


@pytest.mark.parametrize(
    ("change", "rows"),
    [
        ({"clamp": "o"}, slice(0, 5)),
        ({"zero": 2, "zero_from": 4}, slice(3, 5)),
        ({"clamp": "i", "clamp_from": 5}, slice(4, 5)),
    ],
)
def test_a_change_is_seen_from_its_step_on(change, rows):
    found = walked(Experiment(**change))
    moved = np.abs(found.runs[1].trace.h[1:] - found.runs[0].trace.h[1:]).max(axis=1) > 1e-9
    assert moved[rows].all()
    assert moved.sum() == rows.stop - rows.start


def test_a_clamp_and_a_zero_reach_the_unit_that_is_counted_from_1():
    found = walked(Experiment(clamp="f", clamp_value=0.5, clamp_unit=3, zero=16))
    gate, h = found.runs[1].trace.gate["f"], found.runs[1].trace.h
    assert (gate[:, 2] == 0.5).all()
    assert (gate[:, :2] != 0.5).all()
    assert (h[1:, 15] == 0.0).all()


@pytest.mark.parametrize("cell", ["gru", "gru_reset_before"])
@pytest.mark.parametrize(("notation", "holds"), [("pytorch", 1.0), ("lecture", 0.0)])
def test_a_clamp_on_z_is_meant_as_the_notation_writes_z(cell, notation, holds):
    found = walked(Experiment(cell=cell, clamp="z", clamp_value=holds, clamp_from=2), notation)
    run = found.runs[1].trace
    assert (run.gate["z"][1:] == holds).all()
    assert (run.h[1:] == run.h[1]).all()


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        ({"clamp": "z"}, ["no_such_gate"]),
        ({"clamp": "f", "clamp_from": 3, "clamp_to": 2}, ["held_never"]),
        ({"text": "zebra yak"}, []),
        ({"text": "zebra yak", "unknown": "unk"}, ["all_unknown"]),
        ({"text": "zebra 말이"}, []),
        ({"carry": "hc", "donor_step": 9}, ["no_such_step"]),
        ({"carry": "hc", "into": 9}, ["no_such_step"]),
        ({"weights": "marked", "swap": 1, "swap_with": "abc"}, ["not_a_number"]),
        ({"weights": "marked", "swap": 1, "swap_with": "1.5"}, ["not_a_number"]),
        ({"weights": "marked", "swap": 1, "swap_with": "nan"}, ["not_a_number"]),
    ],
)
@pytest.mark.usefixtures("few_steps")
def test_what_cannot_be_done_is_a_listed_problem_and_the_walk_goes_on(change, problems):
    experiment = Experiment(hidden=4, **change)
    found = walk(experiment, learn(experiment)) if "weights" in change else walked(experiment)
    assert keys(found) == problems
    assert found.mode == "one"


def test_what_is_held_beside_a_gate_is_held_where_it_says():
    holds = "i=0; o=0.5 unit=1,3 from=2 to=3 ;c=0.25 unit=2 from=5 to=0"
    found = walked(Experiment(clamp="f", clamp_value=1.0, clamp_from=3, clamp_to=4, holds=holds))
    before, run = (shown.trace for shown in found.runs)
    assert (run.gate["f"][2:4] == 1.0).all() and (run.gate["i"][2:4] == 0.0).all()
    assert (run.gate["o"][1:3, [0, 2]] == 0.5).all() and (run.gate["o"][1:3, 1] != 0.5).all()
    assert (run.c[5:, 1] == 0.25).all() and (run.c[3:5, 1] == run.c[2, 1]).all()
    assert (run.gate["i"][4] > 0.0).all() and largest(run.h[1], before.h[1]) <= 1e-12
    assert found.error <= 1e-12 and found.changed == ("clamps",)


@pytest.mark.parametrize(
    "holds", ["i", "i=2", "i=nan", "i=0 unit=5", "i=0 from=3 to=2", "i=0 for=2", "=1", "i=0 unit="]
)
def test_what_cannot_be_held_beside_a_gate_is_said_and_the_rest_is_held(holds):
    found = walked(Experiment(hidden=4, clamp="f", clamp_value=1.0, holds=f"{holds};o=0;q=1"))
    run = found.runs[1].trace
    assert keys(found) == ["no_such_gate" if holds == "=1" else "bad_hold", "no_such_gate"]
    assert (run.gate["f"] == 1.0).all() and (run.gate["o"] == 0.0).all() and (run.gate["i"] > 0.0).all()


@pytest.mark.parametrize(("notation", "value"), [("pytorch", 1.0), ("lecture", 0.0)])
def test_an_update_gate_held_beside_another_is_meant_as_the_notation_writes_it(notation, value):
    found = walked(Experiment(cell="gru", clamp="r", holds=f"z={value:g} from=2"), notation)
    assert (found.runs[1].trace.h[1:] == found.runs[1].trace.h[1]).all() and found.error <= 1e-12


def test_a_swapped_word_changes_that_step_and_those_after():
    found = walked(Experiment(swap=2, swap_with="말이 ignored"))
    before, after = found.runs
    assert after.tokens[1].label == "말이"
    assert after.tokens[2:] == before.tokens[2:]
    assert largest(after.trace.h[:2], before.trace.h[:2]) == 0.0
    assert largest(after.trace.h[2], before.trace.h[2]) > 1e-3


@pytest.mark.usefixtures("few_steps")
def test_a_swapped_number_changes_the_value_and_keeps_the_mark():
    experiment = Experiment(weights="marked", hidden=4, swap=3, swap_with="0.25")
    found = walk(experiment, learn(experiment))
    before, after = (run.trace.x for run in found.runs)
    assert after[2, 0] == 0.25
    assert (after[:, 1] == before[:, 1]).all()
    assert (np.delete(after, 2, axis=0) == np.delete(before, 2, axis=0)).all()
    assert found.target == pytest.approx((before[:, 0] * before[:, 1]).sum())
    assert sum(token.marked for token in found.runs[0].tokens) == 2
    assert found.runs[0].value.shape == (MARKED_LENGTH,)


TRANSPLANT = Experiment(text=FIRST, donor=SECOND, donor_step=1, into=2, carry="hc")


@pytest.mark.parametrize(("cell", "seed"), [(cell, k % 4) for k, cell in enumerate(EVERY)])
def test_a_transplanted_memory_goes_on_with_the_donor_s_sentence(cell, seed):
    experiment = Experiment(
        **(vars(TRANSPLANT) | {"cell": cell, "seed": seed, "carry": "".join(CELLS[cell].states)})
    )
    found = walked(experiment)
    best = {outcome.carry: outcome.labels[0] for outcome in found.outcomes}
    states = CELLS[cell].states
    everything = "".join(states)
    assert found.runs[0].tokens[2].label == "말이"
    assert best[""] == "뛰고"
    assert best[everything] == "법이다"
    assert set(best) == {"", *states, everything}


def test_a_transplant_puts_the_donor_s_own_state_into_the_run():
    learned = learn(TRANSPLANT)
    found = walk(TRANSPLANT, learned)
    donor, after = trace(learned.model, SECOND.split()), found.runs[1].trace
    assert (after.h[2] == donor.h[1]).all()
    assert (after.c[2] == donor.c[1]).all()
    assert largest(after.h[3], donor.h[2]) <= 1e-12  # both then read the same word
    for outcome in found.outcomes:
        assert (np.diff(outcome.probabilities) <= 0).all()
        assert sum(outcome.probabilities) <= 1.0 + 1e-12


def test_after_the_last_step_nothing_follows_a_transplant():
    assert walked(Experiment(**(vars(TRANSPLANT) | {"into": 5}))).outcomes == ()


def test_the_whole_run_is_the_window_s_run_without_the_window():
    experiment = Experiment(**(vars(UNTRAINED) | {"cell": "gru", "clamp": "z", "clamp_value": 0.25}))
    learned = learn(experiment)
    whole, found = run_whole(experiment, learned), walk(experiment, learned)
    ours, theirs = arrays_of(whole.trace.only), arrays_of(found.runs[1].trace.only)
    assert all((ours[name] == theirs[name]).all() for name in theirs)
    assert whole.originals == ("a", "b", "c", "a", "b")


CHANGES = {
    "clamp": {"clamp": "f", "clamp_value": 0.3, "clamp_unit": 2, "clamp_from": 2},
    "clamps": {
        "clamp": "f",
        "clamp_value": 1.0,
        "clamp_from": 2,
        "clamp_to": 4,
        "holds": "i=0;o=0.5 unit=1,3 to=0",
    },
    "zero": {"zero": 2, "zero_from": 3, "zero_to": 4},
    "transplant": {"carry": "hc", "donor_step": 2, "into": 2},
    "swap": {"swap": 2, "swap_with": "말이"},
}


def _undone(monkeypatch, what: str) -> None:
    """Breaks a change on purpose, as a mistake in the code would."""
    if what in ("clamp", "clamps", "zero"):
        monkeypatch.setattr(running, "touch_at", lambda *asked: interventions.untouched)
    elif what == "transplant":
        monkeypatch.setattr(running, "transplanted", lambda step, states, changes: states)
    else:
        embed = RecurrentModel.embed
        monkeypatch.setattr(RecurrentModel, "embed", lambda model, x: embed(model, [x[0], *x[:1], *x[2:]]))


@pytest.mark.parametrize("second", ["", "lstm_peephole"])
@pytest.mark.parametrize("what", CHANGES)
def test_the_badge_speaks_for_every_change_and_notices_a_broken_one(what, second, monkeypatch):
    experiment = Experiment(second=second, text=FIRST, weights="untrained", **CHANGES[what])
    right = walked(experiment)
    assert right.error <= 1e-12 and right.changed == (what,)
    _undone(monkeypatch, what)
    assert walked(experiment).error > 1e-3


@pytest.mark.parametrize("notation", ["pytorch", "lecture"])
def test_a_gate_that_is_held_at_another_number_than_asked_is_noticed(notation, monkeypatch):
    experiment = Experiment(cell="gru", clamp="z", clamp_value=0.25, clamp_from=2)
    assert walked(experiment, notation).error <= 1e-12
    monkeypatch.setattr("explorer.lab.walk._clamps", lambda *asked: [Clamp("z", 0.5, None, 2)])
    assert walked(experiment, notation).error == pytest.approx(0.25)


def test_the_badge_speaks_for_the_second_cell(monkeypatch):
    experiment = Experiment(second="lstm_coupled", weights="untrained")
    assert walked(experiment).error <= 1e-12
    spec = CELLS["lstm_coupled"]

    def wrong(ops, a, states, weights, touch):
        pre, gate, (h, c) = spec.step(ops, a, states, weights, touch)
        return pre, gate, (1.01 * h, c)

    monkeypatch.setitem(CELLS, "lstm_coupled", replace(spec, step=wrong, fast=None))
    assert walked(experiment).error > 1e-3
