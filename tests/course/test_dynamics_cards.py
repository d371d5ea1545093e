"""The cards of dynamics: every button leads to a view, every number is the network's own."""

from functools import cache

import numpy as np
import pytest
import torch

from explorer import Experiment, trace
from explorer.data.grammar import END
from explorer.data.sources import source
from explorer.data.tasks import flip_flop
from explorer.dynamics.cube import cube, learn_cube
from explorer.dynamics.landscape import Landscape, signs, space_of
from explorer.dynamics.network import network
from explorer.dynamics.portrait import OPEN, by_hand, many, portrait, units_of
from explorer.dynamics.recurrence import held, states_of
from explorer.experiment import TABLE
from explorer.lab.learned import Learned, from_bundle, inputs
from explorer.text import tokenise
from explorer.training.shipped import families, load
from explorer.training.trainer import FLIP_FLOP_LENGTH
from explorer.ui.dynamics.evidence import evidence_of
from tests.course import lesson_files
from tests.course.lesson_files import pressed, presses
from tests.helpers import learned_once, mapped_once

PRESSES = [pytest.param(query, cell, id=label) for label, query, cell in presses("dynamics")]


def button(key: str, at: int) -> Experiment:
    return pressed(lesson_files.card("dynamics", key).queries[at], "rnn")


@cache
def learned(cell: str) -> Learned:
    return learn_cube(Experiment(cell=cell))


@cache
def _cube(cell: str, moment: int, seed: int) -> Landscape:
    return cube(learned(cell).at(moment), seed)


def landscape(key: str, at: int) -> Landscape:
    experiment = button(key, at)
    return _cube(experiment.cell, experiment.moment, experiment.seed)


def drawn(key: str, at: int):
    of = button(key, at)
    units = units_of(of.cell, of.small)
    return portrait(by_hand(of.cell, units, of.pull, of.turn if units == 2 else 0, of.lean))


@pytest.mark.parametrize("query, cell", PRESSES)
def test_a_button_names_its_scene_and_what_the_scene_depends_on(query, cell):
    named = dict(part.split("=", 1) for part in query.split("&"))
    assert set(named) <= set(TABLE)
    wanted = {
        "cube": {"moment", "point", "second", "seed"},
        "portrait": {"cell", "small"},
        "network": {"held", "point"},
        "evidence": {"cell", "text", "seed"},
    }
    assert wanted[named["scene"]] <= set(named)


def test_27_points_and_an_edge_that_parts_two_corners():
    found = landscape("cube", 0)
    assert found.points.counts == {0: 8, 1: 12, 2: 6, 3: 1}
    for at, unstable in ((0, 1), (1, 3)):
        row = button("saddle", at).point - 1
        assert found.points.unstable[row] == unstable
    ((one, other),) = found.decides[button("saddle", 0).point - 1]
    differ = [a != b for a, b in zip(signs(found.said[one]), signs(found.said[other]), strict=True)]
    assert sum(differ) == 1


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_all_three_cells_hold_three_bits_with_the_same_cube(cell):
    shown = {of.cell for of in (button("cube", 0), button("cube", 1))} | {button("cube", 1).second}
    assert cell in shown and learned(cell).fit.passed
    assert _cube(cell, button("cube", 0).moment, 0).points.counts == {0: 8, 1: 12, 2: 6, 3: 1}


def test_what_holds_a_bit_lets_its_gradient_fade():
    found, at = landscape("two_sides", 0).points, button("two_sides", 0).point - 1
    assert found.unstable[at] == 0 and (abs(found.eigenvalues[at]) < 1).all()
    assert abs(found.eigenvalues[at, 0]) ** 20 == pytest.approx(1e-5, rel=0.5)


def test_a_sum_is_held_along_one_line():
    experiment = button("line", 0)
    known = learned_once(experiment.model_part())
    found = network(known.model, inputs(experiment, known.model, known.sample), experiment.held)
    along, across = found.points.half_lives[0, :2]
    assert 10 < along < 100 and 1 <= across <= 2
    line = found.space.axes[0]
    assert found.space.share[0] > 0.9  # most of the states
    alone, last = held(known.model), found.states[-1:]
    pushed = last + np.std((found.states - found.space.mean) @ line) * np.array([[-1.0], [0.0], [1.0]]) * line
    for _ in range(5):
        pushed = alone.step(pushed)
    less, same, more = known.model.readout(torch.as_tensor(pushed[:, : experiment.hidden])).flatten().tolist()
    assert min(abs(less - same), abs(more - same)) > 0.3 and (less - same) * (more - same) < 0


def test_half_lives_of_a_corner_and_an_edge():
    found = landscape("halflife", 0).points
    assert abs(found.eigenvalues[0, 0]) == pytest.approx(0.57, abs=0.005)
    assert found.half_lives[0, 0] == pytest.approx(1.2, abs=0.05)
    assert abs(found.eigenvalues[8, 0]) == pytest.approx(1.29, abs=0.005)
    assert found.half_lives[8, 0] == pytest.approx(2.7, abs=0.05)
    assert 0.5e-5 < abs(found.eigenvalues[0, 0]) ** 20 < 2e-5


def test_memories_come_in_pairs_while_it_learns():
    assert landscape("moments", 0).points.counts == {0: 1}
    assert [button("moments", at).moment for at in (1, 3)] == [64, 125]
    first, half, whole = (landscape("moments", at).points.counts for at in (1, 2, 3))
    assert first == {0: 2, 1: 1} and 2 <= half[0] < 8 and whole == {0: 8, 1: 12, 2: 6, 3: 1}


def test_one_crossing_three_and_a_bias_that_ends_one():
    assert [drawn("fixed", at).points.counts for at in (0, 1)] == [{0: 1}, {0: 2, 1: 1}]
    assert [drawn("born", at).points.counts for at in (0, 1)] == [{0: 1}, {0: 2, 1: 1}]
    ghost = drawn("slow", 0).points
    assert ghost.counts == {0: 1} and (~ghost.exact).sum() == 1
    assert np.sqrt(ghost.speed[~ghost.exact][0]) < 0.01


def test_a_linear_recurrence_has_one_point_and_learns_no_three_bits():
    assert landscape("linear", 0).points.counts == {0: 1}
    fit = learned("linear").fit
    assert fit is not None and not fit.passed and fit.loss == pytest.approx(0.43, abs=0.02)
    assert learned("linear").model.hidden_size == 24
    _, target = flip_flop(FLIP_FLOP_LENGTH, 32, torch.Generator().manual_seed(0))
    assert (target**2).mean() == 1  # the error of who always answers 0


def test_four_memories_at_rest_and_none_that_turns():
    rest, turning = (drawn("turning", at).points for at in (0, 1))
    assert rest.counts == {0: 4, 1: 4, 2: 1} and turning.counts == {2: 1}
    assert abs(turning.eigenvalues[0, 0].imag) > 0.5


def test_a_unit_with_a_cell_state_holds_a_bit_under_a_smaller_weight():
    below, above = (drawn("plane", at) for at in (0, 1))
    assert below.size == 2 and max(button("plane", at).pull for at in (0, 1)) < 1
    assert [below.points.counts, above.points.counts] == [{0: 1}, {0: 2, 1: 1}]
    assert by_hand("rnn", 1, button("plane", 1).pull).jacobian(np.zeros((1, 1)))[0, 0, 0] < 1
    f, i, o = 0.5, *(1 / (1 + np.exp(-OPEN)),) * 2
    assert (f, i) == pytest.approx((0.5, 0.88), abs=0.005)
    assert (1 - f) / (i * o) == pytest.approx(0.64, abs=0.005)
    for pull in (0.6, 0.8):
        at_rest = by_hand("lstm", 1, pull).jacobian(np.zeros((1, 2)))[0]
        assert abs(np.linalg.eigvals(at_rest)).max() == pytest.approx(f + i * o * pull)


def test_dying_out_and_chaos():
    dying, chaotic = (many(button("chaos", at).pull) for at in (0, 1))
    assert dying.found.largest < 0 < chaotic.found.largest
    for side in (dying, chaotic):
        assert side.backward == pytest.approx(side.found.largest, abs=0.02)


def test_brackets_under_one_held_bracket_come_to_rest():
    experiment = button("network", 1)
    known = from_bundle(load(experiment.model, experiment.cell))
    found = network(known.model, inputs(experiment, known.model, known.sample), experiment.held)
    assert found.points.counts == {0: 1} and found.points.index == 1


def read_brackets(cell: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns tokens (T, B), none after a sentence's end, states (T+1, B, S), and how far each token moved
    them (T, B): of every sentence of brackets that was not learned from."""
    found = source(families()["brackets"].experiments[cell], "en")
    ids = found.held_out().x.numpy()
    tokens = np.array(found.vocabulary)[ids]
    tokens[(tokens == END).cumsum(0) > 0] = ""
    model = from_bundle(load("brackets", cell)).model
    states = states_of(trace(model.rnn, model.embedding.weight.detach().numpy()[ids]).layers)
    return tokens, states, np.linalg.norm(np.diff(states, axis=0), axis=-1)


def test_what_closes_throws_the_state_of_an_lstm_back():
    asked = [button("bracket", at) for at in (0, 1)]
    assert {(of.scene, of.model, of.cell, of.text) for of in asked} == {("network", "brackets", "lstm", "")}
    family = families()["brackets"]
    shown = tokenise(family.text, family.token_level)
    path = states_of(trace(from_bundle(load("brackets", "lstm")).model, shown).layers)
    space = space_of(path[1:])  # the page's own axes: see test_the_axes_are_those_of_a_text
    assert space.share[0] == pytest.approx(0.72, abs=0.005)
    at = asked[0].step - 1
    assert shown[at] == "]" and np.linalg.norm(np.diff(path, axis=0), axis=-1).argmax() == at

    means = {}
    for cell in ("lstm", "rnn", "gru"):
        tokens, states, moved = read_brackets(cell)
        closes, opens = np.isin(tokens, list(")]”")), np.isin(tokens, list("([“"))
        letters = np.char.isalpha(tokens) | (tokens == " ")
        means[cell] = [moved[kind].mean() for kind in (closes, letters, opens)]
        if cell != "lstm":
            continue
        assert tokens.shape[1] == 198 and moved[closes].std() == pytest.approx(5.2, abs=0.05)
        way = np.sign(np.diff(space.place(states)[..., 0], axis=0))
        assert np.unique(way[closes]).size == 1 and closes.sum() == 351  # every one of them, the same way
        assert (way[tokens == "."] == way[closes][0]).all()
        assert (way[letters] == -way[closes][0]).mean() > 0.9
        further = (moved * closes).sum(0) / closes.sum(0) - (moved * letters).sum(0) / letters.sum(0)
        groups = further.reshape(-1, 3).mean(1)  # three versions of a sentence are no three sentences
        assert len(groups) == 66 and groups.min() > 0
        assert groups.mean() - 2 * groups.std() / np.sqrt(len(groups)) > 6
    assert means["lstm"] == pytest.approx([16.4, 9.5, 9.1], abs=0.05)
    assert means["rnn"][:2] == pytest.approx([10.1, 8.8], abs=0.05)
    assert means["gru"][:2] == pytest.approx([7.5, 7.5], abs=0.05)


def test_the_evidence_of_a_gru_lies_between_two_memories():
    asked = button("evidence", 0)
    assert (asked.scene, asked.cell, asked.text) == ("evidence", "gru", "")
    for lang in ("en", "ko"):
        found = evidence_of(mapped_once("many_one", asked.cell, lang), asked.text)
        points = found.landscape.points
        assert points.counts == {0: 2, 1: 1} and 0.75 < found.share < 0.9
        said = found.landscape.said
        assert sorted(said[points.unstable == 0].argmax(-1).tolist()) == [0, 1]
